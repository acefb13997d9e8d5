//! EXT-X-KEY lines (packaging.md sections 4 and 6; players.md section 3.3).
//!
//! Clear-key players disagree: Shaka takes KEYFORMAT `identity` and fetches 16 raw bytes, hls.js
//! takes `org.w3.clearkey` and asks a licence server. For `cenc` both lines stand side by side;
//! for `cbcs` hls.js would choose the wrong one, so only `identity` is written.

use std::collections::BTreeSet;

use data_encoding::{BASE64, HEXLOWER};

use crate::package::announced::Announced;
use crate::package::presentation::{Presentation, RenditionKey};
use crate::protection::Protection;

/// The lines that stand before all segments of a rendition.
pub(super) fn for_all_segments(protection: Protection, key: &RenditionKey) -> Vec<String> {
    let Some(method) = method(protection) else {
        return Vec::new();
    };
    let lines = |system: &Announced| match attributes(key, system) {
        Some(attributes) => vec![attributes],
        None => clear_key(protection, key),
    };
    let lines = key.systems.iter().flat_map(lines);
    lines.map(|attributes| format!("#EXT-X-KEY:METHOD={method},{attributes}")).collect()
}

/// The lines by which players fetch licences while they choose what to play. Not of ClearKey: its
/// players would fetch keys that they may never need.
pub(super) fn for_sessions(presentation: &Presentation<'_>) -> BTreeSet<String> {
    let Some(method) = method(presentation.protection) else {
        return BTreeSet::new();
    };
    let keys = presentation.listed.iter().filter_map(|listed| listed.key.as_ref());
    let attributes =
        keys.flat_map(|key| key.systems.iter().filter_map(|system| attributes(key, system)));
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

/// What the line of a system says; `None` for ClearKey.
fn attributes(key: &RenditionKey, system: &Announced) -> Option<String> {
    let line = system.row().line?;
    let (uri, format) = ((line.uri)(system), line.format);
    let kid = match line.names_key {
        true => format!(",KEYID=0x{}", HEXLOWER.encode(key.kid.as_bytes())),
        false => String::new(),
    };
    Some(format!("URI=\"{uri}\"{kid},KEYFORMAT=\"{format}\",KEYFORMATVERSIONS=\"1\""))
}

fn clear_key(protection: Protection, key: &RenditionKey) -> Vec<String> {
    let uri = &key.uri;
    let identity =
        |iv: &str| format!("URI=\"{uri}\"{iv},KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\"");
    if protection == Protection::Cbcs {
        return vec![identity(&format!(",IV=0x{}", HEXLOWER.encode(&key.ivs.constant())))];
    }
    let kid = BASE64.encode(key.kid.as_bytes());
    let licence = format!(
        "URI=\"data:text/plain;base64,{kid}\",KEYFORMAT=\"org.w3.clearkey\",KEYFORMATVERSIONS=\"1\""
    );
    vec![identity(""), licence]
}

/// The line before each segment under AES-128. Each has its own IV: under one line all segments
/// would share one, and without IV all renditions of a key would use the same numbers.
pub(super) struct SegmentLine {
    front: String,
}

impl SegmentLine {
    pub(super) fn new(key: &RenditionKey) -> Self {
        let uri = &key.uri;
        Self { front: format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\",IV=0x") }
    }

    pub(super) fn push(&self, out: &mut String, iv: [u8; 16]) {
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
    use crate::package::announced::System;

    #[test]
    fn every_system_has_its_line() {
        let kid = KeyId::from_bytes([0x11; 16]);
        let announced = |system, id| Announced {
            system,
            url: "skd://fp/".to_owned(),
            pssh: Some(Pssh { system: id, key_ids: Vec::new(), data: vec![1, 2, 3] }),
        };
        let systems = [
            announced(System::PlayReady, SystemId::PLAY_READY),
            announced(System::Widevine, SystemId::WIDEVINE),
            announced(System::FairPlay, SystemId::FAIR_PLAY),
        ];
        let pssh = BASE64.encode(&systems[1].boxed());
        let (ivs, uri) = (IvContext::new(kid, b"track"), String::new());
        let key = RenditionKey { kid, ivs, uri, systems: systems.into() };
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
        ];
        for (protection, method) in
            [(Protection::Cenc, "SAMPLE-AES-CTR"), (Protection::Cbcs, "SAMPLE-AES")]
        {
            let front = format!("#EXT-X-KEY:METHOD={method},");
            let lines: Vec<String> = expected.iter().map(|line| front.clone() + line).collect();
            assert_eq!(for_all_segments(protection, &key), lines);
        }
    }
}
