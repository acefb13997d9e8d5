//! EXT-X-KEY lines (packaging.md sections 4 and 6; players.md section 3.3).
//!
//! Clear-key players disagree: Shaka takes KEYFORMAT `identity` and fetches 16 raw bytes, hls.js
//! takes `org.w3.clearkey` and asks a licence server. For `cenc` both lines stand side by side;
//! for `cbcs` hls.js would choose the wrong one, so the streaming policy says which is written.

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER};

use crate::cenc::IvContext;
use crate::package::announced::{Announced, ClearKeyLine, System};
use crate::package::files::Place;
use crate::package::format::Format;
use crate::package::keyed::{KeyRun, KeyRuns, RenditionKey};
use crate::package::presentation::Presentation;
use crate::protection::Protection;

/// The lines in front of the first segment of a run: where its init segment is, if that of the run
/// `before` is another one, and its keys. `map` is where init segments are, in formats that have them.
/// They stand in front of the keys, by which they are never encrypted.
///
/// Behind a clear lead the init segment has another name, though not other bytes: hls.js passes over
/// the systems in an init segment when the segments that it came for are clear, and looks into that
/// of another name.
pub(super) fn for_run(
    presentation: &Presentation<'_>,
    map: Option<&Place<'_>>,
    keys: &KeyRuns,
    run: &KeyRun,
    before: Option<&KeyRun>,
) -> Vec<String> {
    let uri = |number| map.map(|place| place.map(&presentation.init_time(number)));
    let old = before.and_then(|before| uri(before.period));
    let new = uri(run.period.or(before.map(|_| 0))).filter(|new| old.as_ref() != Some(new));
    let mut lines: Vec<String> = new.iter().map(|uri| format!("#EXT-X-MAP:URI={uri}")).collect();
    let (protection, format) = (presentation.protection, presentation.selectors.format);
    match &run.key {
        Some(key) => lines.extend(for_all_segments(protection, format, key)),
        None if keys.first().is_some() => lines.push("#EXT-X-KEY:METHOD=NONE".to_owned()),
        None => {}
    }
    lines
}

/// The lines that stand before all segments that have the key; under AES-128 each has its own.
fn for_all_segments(protection: Protection, format: Format, key: &RenditionKey) -> Vec<String> {
    let Some(method) = method(protection) else {
        return Vec::new();
    };
    let lines = |system: &Announced| match system.system {
        System::ClearKey => clear_key(protection, format, key, system),
        _ => attributes(format, key, system).into_iter().collect(),
    };
    let lines = key.systems.iter().flat_map(lines);
    lines.map(|attributes| format!("#EXT-X-KEY:METHOD={method},{attributes}")).collect()
}

/// The lines by which players fetch licences while they choose what to play. Not of ClearKey: its
/// players would fetch keys that they may never need.
pub(super) fn for_sessions(presentation: &Presentation<'_>) -> BTreeSet<String> {
    let (Some(method), format) = (method(presentation.protection), presentation.selectors.format)
    else {
        return BTreeSet::new();
    };
    // Of keys that rotate, the first: others may not be given out yet.
    let keys = presentation.listed.iter().filter_map(|listed| listed.keys.first());
    let attributes = keys
        .flat_map(|key| key.systems.iter().filter_map(|system| attributes(format, key, system)));
    let line = |attributes| format!("#EXT-X-SESSION-KEY:METHOD={method},{attributes}");
    attributes.map(line).collect()
}

/// How samples are protected; `None` where they are not, and where the formats of HLS have no word
/// for it.
fn method(protection: Protection) -> Option<&'static str> {
    match protection {
        Protection::Cenc => Some("SAMPLE-AES-CTR"),
        Protection::Cbcs => Some("SAMPLE-AES"),
        Protection::Clear | Protection::Cbc | Protection::Cens | Protection::Cbc1 => None,
    }
}

/// What the line of a system says; `None` for ClearKey, and where the format has no line of it.
fn attributes(format: Format, key: &RenditionKey, system: &Announced) -> Option<String> {
    let (key_format, line) = system.line(format)?;
    let uri = (line.uri)(system);
    let kid = match line.names_key {
        true => format!(",KEYID=0x{}", HEXLOWER.encode(key.kid.as_bytes())),
        false => String::new(),
    };
    Some(format!("URI=\"{uri}\"{kid},KEYFORMAT=\"{key_format}\",KEYFORMATVERSIONS=\"1\""))
}

/// The lines that ClearKey players read. Of transport streams they know `identity` alone.
fn clear_key(
    protection: Protection,
    format: Format,
    key: &RenditionKey,
    system: &Announced,
) -> Vec<String> {
    let lines = match format.is_transport() {
        true => &[ClearKeyLine::Identity],
        false => &system.clear_key_lines[..],
    };
    let line = |line: &ClearKeyLine| match line {
        ClearKeyLine::Identity => {
            let iv = match protection {
                Protection::Cbcs => format!(",IV=0x{}", HEXLOWER.encode(&key.ivs.constant())),
                _ => String::new(),
            };
            let uri = &system.key_uri;
            format!("URI=\"{uri}\"{iv},KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\"")
        }
        ClearKeyLine::ClearKey => {
            let kid = BASE64.encode(key.kid.as_bytes());
            format!(
                "URI=\"data:text/plain;base64,{kid}\",KEYFORMAT=\"org.w3.clearkey\",\
                 KEYFORMATVERSIONS=\"1\""
            )
        }
    };
    lines.iter().map(line).collect()
}

/// The lines in front of one segment after the other.
pub(super) struct Lines<'a> {
    presentation: &'a Presentation<'a>,
    map: Option<Place<'a>>,
    keys: &'a KeyRuns,
    iv_of: fn(&IvContext, u64) -> [u8; 16],
    run: Option<&'a KeyRun>,
    segment: Option<SegmentLine>,
}

impl<'a> Lines<'a> {
    /// Of a track with these keys. `iv_of` gives the IV of a segment under AES-128 by its start.
    pub(super) fn new(
        presentation: &'a Presentation<'a>,
        map: Option<Place<'a>>,
        keys: &'a KeyRuns,
        iv_of: fn(&IvContext, u64) -> [u8; 16],
    ) -> Self {
        Self { presentation, map, keys, iv_of, run: None, segment: None }
    }

    /// Writes those in front of fragment `n`, at which a segment starts.
    pub(super) fn push(&mut self, out: &mut String, n: usize, start: u64) {
        if let Some(run) = self.keys.beginning_at(n) {
            for line in for_run(self.presentation, self.map.as_ref(), self.keys, run, self.run) {
                out.push_str(&line);
                out.push('\n');
            }
            let each = self.presentation.protection == Protection::Cbc;
            self.segment = run.key.as_ref().filter(|_| each).map(SegmentLine::new);
            self.run = Some(run);
        }
        let key = self.run.and_then(|run| run.key.as_ref());
        if let (Some(line), Some(key)) = (&self.segment, key) {
            line.push(out, (self.iv_of)(&key.ivs, start));
        }
    }
}

/// The line before each segment under AES-128. Each has its own IV: under one line all segments
/// would share one, and without IV all renditions of a key would use the same numbers.
struct SegmentLine {
    front: String,
}

impl SegmentLine {
    fn new(key: &RenditionKey) -> Self {
        let uri = &key.uri;
        Self { front: format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\",IV=0x") }
    }

    fn push(&self, out: &mut String, iv: [u8; 16]) {
        out.push_str(&self.front);
        HEXLOWER.encode_append(&iv, out);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::IvContext;
    use crate::ids::{KeyId, SystemId};
    use crate::isobmff::cenc::Pssh;
    use crate::package::announced::Custom;

    fn key(kid: KeyId) -> RenditionKey {
        let announced = |system| Announced {
            key_uri: "skd://fp/".to_owned(),
            pssh: Some(Pssh {
                system: SystemId::WIDEVINE,
                key_ids: Vec::new(),
                data: vec![1, 2, 3],
            }),
            ..Announced::new(system)
        };
        let custom = Custom {
            id: SystemId::from_bytes([1; 16]),
            value: None,
            key_format: Some("com.example".to_owned()),
        };
        let clear_key_lines = vec![ClearKeyLine::ClearKey];
        let systems = [
            announced(System::PlayReady),
            announced(System::Widevine),
            announced(System::FairPlay),
            announced(System::Marlin),
            Announced { custom: Some(custom), ..announced(System::Custom) },
            Announced { clear_key_lines, ..announced(System::ClearKey) },
        ];
        let ivs = IvContext::new(kid, b"track");
        RenditionKey { systems: systems.into(), ..RenditionKey::new(kid, ivs) }
    }

    #[test]
    fn every_system_has_its_line() {
        let key = key(KeyId::from_bytes([0x11; 16]));
        let pssh = BASE64.encode(&key.systems[1].boxed());
        let kid = "11".repeat(16);
        let version = "KEYFORMATVERSIONS=\"1\"";
        let expected = [
            format!(
                "URI=\"data:text/plain;charset=UTF-16;base64,AQID\",\
                 KEYFORMAT=\"com.microsoft.playready\",{version}"
            ),
            format!(
                "URI=\"data:text/plain;base64,{pssh}\",KEYID=0x{kid},\
                 KEYFORMAT=\"urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\",{version}"
            ),
            format!("URI=\"skd://fp/\",KEYFORMAT=\"com.apple.streamingkeydelivery\",{version}"),
            format!("URI=\"data:text/plain;base64,{pssh}\",KEYFORMAT=\"com.example\",{version}"),
            format!(
                "URI=\"data:text/plain;base64,EREREREREREREREREREREQ==\",\
                 KEYFORMAT=\"org.w3.clearkey\",{version}"
            ),
        ];
        for (protection, method) in
            [(Protection::Cenc, "SAMPLE-AES-CTR"), (Protection::Cbcs, "SAMPLE-AES")]
        {
            let front = format!("#EXT-X-KEY:METHOD={method},");
            let lines: Vec<String> = expected.iter().map(|line| front.clone() + line).collect();
            assert_eq!(for_all_segments(protection, Format::HlsCmaf, &key), lines);
        }
    }

    #[test]
    fn transport_streams_have_lines_for_fairplay_and_identity_alone() {
        let key = key(KeyId::from_bytes([0x11; 16]));
        let iv = HEXLOWER.encode(&key.ivs.constant());
        let front = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://fp/\"";
        let back = ",KEYFORMATVERSIONS=\"1\"";
        let expected = [
            format!("{front},KEYFORMAT=\"com.apple.streamingkeydelivery\"{back}"),
            format!("{front},IV=0x{iv},KEYFORMAT=\"identity\"{back}"),
        ];
        assert_eq!(for_all_segments(Protection::Cbcs, Format::HlsTs4, &key), expected);
    }
}
