//! The multivariant playlist (RFC 8216 section 4.3.4).

use std::fmt::Write;

use super::{VERSION, quoted};
use crate::codec::Codec;
use crate::media::Rendition;
use crate::package::language;
use crate::package::presentation::Presentation;

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
    for level in presentation.asset.video.iter().rev() {
        writeln!(out, "{}", variant_line(Some(level), &audio))?;
        writeln!(out, "{}", presentation.media_playlist_url(level))?;
    }
    if !has_video || presentation.selectors.audio_only {
        for rendition in audio.iter().take(if has_video { 1 } else { audio.len() }) {
            let group: &[&Rendition] = if has_video { &audio } else { &[rendition] };
            writeln!(out, "{}", variant_line(None, group))?;
            writeln!(out, "{}", presentation.media_playlist_url(rendition))?;
        }
    }
    Ok(())
}

/// NAME is unique in a group, so of tracks with one name the first is listed.
fn audio_renditions<'a>(presentation: &Presentation<'a>) -> Vec<&'a Rendition> {
    let mut audio: Vec<&Rendition> = Vec::new();
    for rendition in &presentation.asset.audio {
        if audio.iter().all(|known| known.name != rendition.name) {
            audio.push(rendition);
        }
    }
    audio
}

fn audio_line(presentation: &Presentation<'_>, rendition: &Rendition, default: bool) -> String {
    let name = rendition.title.as_deref().unwrap_or(&rendition.name);
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
fn variant_line(video: Option<&Rendition>, audio: &[&Rendition]) -> String {
    let sum = |rate: fn(&Rendition) -> u64| {
        let audio = audio
            .iter()
            .map(|rendition| rate(rendition))
            .max()
            .unwrap_or(0);
        video.map_or(0, rate) + audio
    };
    let peak = sum(Rendition::peak_bitrate);
    let mean = sum(Rendition::mean_bitrate);
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
