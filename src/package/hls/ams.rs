//! Playlists as Azure Media Services wrote them (ams.md sections 3.1 to 3.3): for clients and tests
//! that compare them.

use std::fmt::{Result, Write};

use data_encoding::HEXUPPER;
use jiff::Timestamp;

use super::audio::{Group, Named, Sound, are_grouped, characteristics, groups};
use super::media::{map, segments};
use super::multivariant::codecs;
use super::segments::Segments;
use super::{keys, output, quoted, text, version};
use crate::isobmff::moov::mdhd::Language;
use crate::package::files::Place;
use crate::package::keyed::{KeyRun, KeyRuns};
use crate::package::presentation::{Ivs, Listed, ListedText, Presentation};
use crate::protection::Protection;

/// What AMS reckoned for the container: 2.2 percent and a constant for each track.
const OVERHEAD_PER_MILLE: u64 = 1022;
const OVERHEAD_BITS: u64 = 8160;

/// The last version that knows EXT-X-ALLOW-CACHE.
const ALLOW_CACHE_UNTIL: u8 = 6;

pub(super) fn write_multivariant(out: &mut String, presentation: &Presentation<'_>) -> Result {
    writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{}", version(presentation))?;
    let groups = groups(presentation);
    let video = presentation.video_upwards();
    let grouped = are_grouped(presentation, &groups);
    for group in groups.iter().filter(|_| grouped) {
        let mut members = group.members.iter();
        members.try_for_each(|named| media(out, presentation, group, named))?;
    }
    text::media_lines(presentation).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let text = text::group(presentation);
    let mut sounds = Sound::each_of(&groups, grouped);
    if !video.is_empty() {
        sounds.iter_mut().for_each(|sound| sound.attribute += &text);
    }
    for (n, sound) in sounds.iter().enumerate() {
        for level in &video {
            write_level(out, presentation, level, sound, n == 0)?;
        }
    }
    if video.is_empty() || presentation.selectors.audio_only {
        for sound in sounds.iter().take(if video.is_empty() { usize::MAX } else { 1 }) {
            let Sound { listed, attribute: group } = sound;
            let Some(first) = listed.first() else { continue };
            let (bandwidth, codecs) = (bandwidth(None, listed), codecs(None, listed));
            let uri = presentation.media_playlist_url(first.rendition);
            writeln!(
                out,
                "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"{codecs}\"{group}\n{uri}"
            )?;
        }
    }
    Ok(())
}

fn media(
    out: &mut String,
    presentation: &Presentation<'_>,
    group: &Group<'_>,
    named: &Named<'_>,
) -> Result {
    let rendition = named.listed.rendition;
    let (group, name) = (quoted(&group.id), quoted(&named.name));
    write!(out, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID={group},NAME={name}")?;
    if rendition.language != Language::UND {
        write!(out, ",LANGUAGE=\"{}\"", rendition.language.as_str())?;
    }
    let default = if named.default { "YES" } else { "NO" };
    let uri = presentation.media_playlist_url(rendition);
    let characteristics = characteristics(rendition);
    writeln!(out, ",DEFAULT={default},AUTOSELECT=YES{characteristics},URI=\"{uri}\"")
}

fn write_level(
    out: &mut String,
    presentation: &Presentation<'_>,
    level: &Listed<'_>,
    sound: &Sound<'_>,
    key_frames: bool,
) -> Result {
    let Sound { listed: audio, attribute: group } = sound;
    let (bandwidth, all) = (bandwidth(Some(level), audio), codecs(Some(level), audio));
    let (width, height) = level.rendition.track.size;
    let format = presentation.selectors.format;
    let output = output::attributes(format, Some(level));
    let front = format!("BANDWIDTH={bandwidth},RESOLUTION={width}x{height}");
    let uri = presentation.media_playlist_url(level.rendition);
    writeln!(out, "#EXT-X-STREAM-INF:{front},CODECS=\"{all}\"{output}{group}\n{uri}")?;
    if !key_frames || !format.is_transport() || format.muxes_audio() {
        return Ok(());
    }
    let own = codecs(Some(level), &[]);
    let uri = presentation.key_frame_playlist_url(level.rendition);
    writeln!(out, "#EXT-X-I-FRAME-STREAM-INF:{front},CODECS=\"{own}\"{output},URI=\"{uri}\"")
}

/// Over the bitrates that stand in URLs, whatever the segments hold.
fn bandwidth(video: Option<&Listed<'_>>, audio: &[&Listed<'_>]) -> u64 {
    let of = |listed: &Listed<'_>| {
        let bitrate = u128::from(listed.rendition.bitrate) * u128::from(OVERHEAD_PER_MILLE) / 1000;
        u64::try_from(bitrate).unwrap_or(u64::MAX).saturating_add(OVERHEAD_BITS)
    };
    let audio = audio.iter().map(|listed| of(listed)).max().unwrap_or(0);
    video.map_or(0, of).saturating_add(audio)
}

pub(super) fn write_media(
    out: &mut String,
    presentation: &Presentation<'_>,
    listed: &Listed<'_>,
) -> Result {
    write_head(out, version(presentation), listed.spans())?;
    let place = presentation.place_of(listed.rendition);
    let map = map(presentation, listed);
    let keyed = Keyed { map, runs: &listed.keys, ivs: presentation.ivs_of(listed.rendition) };
    write_segments(out, presentation, &keyed, &place, || listed.spans())
}

pub(super) fn write_text(
    out: &mut String,
    presentation: &Presentation<'_>,
    listed: &ListedText<'_>,
) -> Result {
    write_head(out, version(presentation), listed.spans())?;
    let place = presentation.place_of_text(listed.text);
    let keyed = Keyed { map: None, runs: &listed.keys, ivs: presentation.ivs_of_text() };
    write_segments(out, presentation, &keyed, &place, || listed.spans())
}

pub(super) fn write_head(
    out: &mut String,
    version: u8,
    spans: impl Iterator<Item = (u64, u64)>,
) -> Result {
    writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}")?;
    if version <= ALLOW_CACHE_UNTIL {
        writeln!(out, "#EXT-X-ALLOW-CACHE:NO")?;
    }
    let longest = segments(spans).map(|(_, micros)| micros).max().unwrap_or(0);
    let target = longest.div_ceil(1_000_000).max(1);
    writeln!(out, "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0")?;
    writeln!(out, "#EXT-X-TARGETDURATION:{target}")
}

/// What stands between the segments of a track.
struct Keyed<'a> {
    /// Where its init segments are, in formats that have them.
    map: Option<Place<'a>>,
    runs: &'a KeyRuns,
    ivs: Ivs,
}

/// Everything behind the head.
fn write_segments<S: Iterator<Item = (u64, u64)>>(
    out: &mut String,
    presentation: &Presentation<'_>,
    keyed: &Keyed<'_>,
    place: &Place<'_>,
    spans: impl Fn() -> S,
) -> Result {
    let first = keyed.runs.runs().first().map_or(0, |run| run.fragments.start);
    let mut before = None;
    let mut lines = Segments::new(presentation.compat, place);
    for (n, (start, micros)) in (first..).zip(segments(spans())) {
        if let Some(run) = keyed.runs.beginning_at(n) {
            write_keys(out, presentation, keyed, run, before)?;
            before = Some(run);
        }
        if n == first {
            write_date(out, spans())?;
        }
        lines.push(out, n, start, micros);
    }
    writeln!(out, "#EXT-X-ENDLIST")
}

/// Under AES-128 one line for all segments that have the key, which share their IV.
fn write_keys(
    out: &mut String,
    presentation: &Presentation<'_>,
    keyed: &Keyed<'_>,
    run: &KeyRun,
    before: Option<&KeyRun>,
) -> Result {
    let lines = keys::for_run(presentation, keyed.map.as_ref(), keyed.runs, run, before);
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let key = run.key.as_ref().filter(|_| presentation.protection == Protection::Cbc);
    let Some(key) = key else { return Ok(()) };
    let (uri, iv) = (&key.uri, HEXUPPER.encode(&(keyed.ivs)(&key.ivs, 0)));
    writeln!(out, "#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\",IV=0X{iv}")
}

/// The date of the first segment.
pub(super) fn write_date(out: &mut String, mut spans: impl Iterator<Item = (u64, u64)>) -> Result {
    let first = spans.next().map_or(0, |(start, _)| start);
    writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(first))
}

/// The first time stamp, counted from 1970.
fn date_time(ticks: u64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ticks) * 100).unwrap_or(Timestamp::UNIX_EPOCH)
}
