//! The multivariant playlist (RFC 8216 section 4.3.4).

use std::fmt::Write;

use super::{VERSION, quoted};
use crate::codec::Codec;
use crate::media::{Rendition, language};
use crate::package::presentation::Presentation;
use crate::package::rate;
use crate::protection::Protection;

const AUDIO_GROUP: &str = "audio";

/// The multivariant playlist: audio renditions, then video levels by ascending bitrate.
pub fn multivariant(presentation: &Presentation<'_>) -> String {
    let mut out = String::with_capacity(2048);
    // Writing to a string cannot fail.
    let _ = write_multivariant(&mut out, presentation);
    out
}

fn write_multivariant(out: &mut String, presentation: &Presentation<'_>) -> std::fmt::Result {
    writeln!(
        out,
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS"
    )?;
    let audio = audio_renditions(presentation);
    let has_video = !presentation.asset.video.is_empty();
    if has_video {
        for (n, rendition) in audio.iter().enumerate() {
            writeln!(out, "{}", audio_line(presentation, rendition, n == 0))?;
        }
    }
    let group: Vec<&Rendition> = audio.iter().map(|named| named.rendition).collect();
    for level in presentation.asset.video.iter().rev() {
        writeln!(out, "{}", variant_line(presentation, Some(level), &group))?;
        writeln!(out, "{}", presentation.media_playlist_url(level))?;
    }
    let alone: &[&Rendition] = match (has_video, presentation.selectors.audio_only) {
        (true, true) => group.get(..1).unwrap_or_default(),
        (true, false) => &[],
        (false, _) => &group,
    };
    for rendition in alone {
        writeln!(out, "{}", variant_line(presentation, None, &[rendition]))?;
        writeln!(out, "{}", presentation.media_playlist_url(rendition))?;
    }
    Ok(())
}

/// An audio rendition under the name that players show.
struct Named<'a> {
    rendition: &'a Rendition,
    name: String,
}

/// Of a set that players switch in the first is listed: an HLS group has no levels. NAME is unique
/// in the group (RFC 8216 section 4.3.4.1.1).
fn audio_renditions<'a>(presentation: &Presentation<'a>) -> Vec<Named<'a>> {
    let mut audio: Vec<Named<'_>> = Vec::new();
    for rendition in &presentation.asset.audio {
        if audio
            .iter()
            .any(|known| known.rendition.name == rendition.name)
        {
            continue;
        }
        let title = rendition
            .title
            .as_deref()
            .unwrap_or(&rendition.name)
            .to_owned();
        let others = (2..).map(|n| format!("{title} {n}"));
        let free = |name: &String| audio.iter().all(|known| known.name != *name);
        let name = std::iter::once(title.clone())
            .chain(others)
            .find(free)
            .unwrap_or_default();
        audio.push(Named { rendition, name });
    }
    audio
}

fn audio_line(presentation: &Presentation<'_>, named: &Named<'_>, default: bool) -> String {
    let Named { rendition, name } = named;
    let mut line = format!(
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME={}",
        quoted(name)
    );
    if let Some(tag) = language::tag(rendition.language) {
        let _ = write!(line, ",LANGUAGE={}", quoted(&tag));
    }
    let default = if default { "YES" } else { "NO" };
    let _ = write!(line, ",DEFAULT={default},AUTOSELECT=YES");
    if let Codec::Aac(aac) = &rendition.track.codec
        && aac.channels > 0
    {
        let _ = write!(line, ",CHANNELS=\"{}\"", aac.channels);
    }
    let uri = presentation.media_playlist_url(rendition);
    let _ = write!(line, ",URI=\"{uri}\"");
    line
}

/// BANDWIDTH is the peak of video and of the largest audio rendition together.
fn variant_line(
    presentation: &Presentation<'_>,
    video: Option<&Rendition>,
    audio: &[&Rendition],
) -> String {
    let sum = |rate: fn(&Rendition, Protection) -> u64| {
        let rate = |rendition: &Rendition| rate(rendition, presentation.protection);
        let audio = audio
            .iter()
            .map(|rendition| rate(rendition))
            .max()
            .unwrap_or(0);
        video.map_or(0, rate) + audio
    };
    let (peak, mean) = (sum(rate::peak), sum(rate::mean));
    let mut codecs: Vec<String> = Vec::new();
    for rendition in video.iter().chain(audio) {
        let codec = rendition.track.codec_string();
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    let mut line = format!("#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean}");
    if let Some(level) = video {
        let (width, height) = level.track.size;
        let _ = write!(
            line,
            ",RESOLUTION={width}x{height},FRAME-RATE={:.3}",
            level.frame_rate()
        );
    }
    let _ = write!(line, ",CODECS=\"{}\"", codecs.join(","));
    if video.is_some() && !audio.is_empty() {
        let _ = write!(line, ",AUDIO=\"{AUDIO_GROUP}\"");
    }
    line
}
