//! The multivariant playlist (RFC 8216 section 4.3.4).

use std::fmt::Write;

use super::{ams, quoted, text, version};
use crate::codec::Codec;
use crate::media::language;
use crate::package::compat::Compat;
use crate::package::presentation::{Listed, Presentation};
use crate::package::rate::Rates;

pub(super) const AUDIO_GROUP: &str = "audio";

/// The multivariant playlist: audio and text renditions, then video levels by ascending
/// bitrate, that which a filter wants first in front.
pub fn multivariant(presentation: &Presentation<'_>) -> String {
    let mut out = String::with_capacity(2048);
    // Writing to a string cannot fail.
    let _ = match presentation.compat {
        Compat::Ams => ams::write_multivariant(&mut out, presentation),
        Compat::Modern => write_multivariant(&mut out, presentation),
    };
    out
}

fn write_multivariant(out: &mut String, presentation: &Presentation<'_>) -> std::fmt::Result {
    let version = version(presentation);
    writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS")?;
    if let Some(server) = &presentation.steering.hls_server {
        let pathway = pathway(presentation);
        writeln!(out, "#EXT-X-CONTENT-STEERING:SERVER-URI=\"{server}\"{pathway}")?;
    }
    let audio = audio_renditions(presentation);
    let mut video = presentation.video_upwards();
    video.retain(|level| presentation.carries(level.rendition));
    let has_group = !video.is_empty() && !presentation.selectors.format.muxes_audio();
    if has_group {
        for (n, named) in audio.iter().enumerate() {
            writeln!(out, "{}", audio_line(presentation, named, n == 0))?;
        }
    }
    text::media_lines(presentation).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let audio: Vec<&Listed<'_>> = audio.iter().map(|named| named.listed).collect();
    for level in &video {
        write_level(out, presentation, level, &audio)?;
    }
    if video.is_empty() || presentation.selectors.audio_only {
        let listed = if video.is_empty() { audio.len() } else { 1 };
        for track in audio.iter().take(listed) {
            writeln!(out, "{}", variant_line(presentation, None, &[track]))?;
            writeln!(out, "{}", presentation.media_playlist_url(track.rendition))?;
        }
    }
    Ok(())
}

fn write_level(
    out: &mut String,
    presentation: &Presentation<'_>,
    level: &Listed<'_>,
    audio: &[&Listed<'_>],
) -> std::fmt::Result {
    writeln!(out, "{}", variant_line(presentation, Some(level), audio))?;
    writeln!(out, "{}", presentation.media_playlist_url(level.rendition))?;
    if !presentation.selectors.format.has_key_frames() {
        return Ok(());
    }
    let Listed { rendition, .. } = level;
    let (peak, codec) =
        (Rates::of_key_frames(presentation, level).peak, rendition.track.codec_string());
    let (width, height) = rendition.track.size;
    let uri = presentation.key_frame_playlist_url(rendition);
    writeln!(
        out,
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},RESOLUTION={width}x{height},\
         CODECS=\"{codec}\",URI=\"{uri}\"{}",
        pathway(presentation),
    )
}

/// An audio rendition under the name that players show.
pub(super) struct Named<'a> {
    pub(super) listed: &'a Listed<'a>,
    pub(super) name: String,
}

/// Of a set that players switch in the first is listed: an HLS group has no levels. Of formats
/// that mux it is the muxed track alone, unless there are no pictures to mux it into. NAME is
/// unique in the group (RFC 8216 section 4.3.4.1.1).
pub(super) fn audio_renditions<'a>(presentation: &'a Presentation<'a>) -> Vec<Named<'a>> {
    let muxes = presentation.selectors.format.muxes_audio();
    let into_video = muxes && presentation.video().next().is_some();
    let muxed = presentation.muxed_audio();
    let candidates = presentation.audio().filter(|audio| match into_video {
        true => muxed.is_some_and(|muxed| std::ptr::eq(audio.rendition, muxed)),
        false => presentation.carries(audio.rendition),
    });
    let mut audio: Vec<Named<'_>> = Vec::new();
    for listed in candidates {
        let rendition = listed.rendition;
        if audio.iter().any(|known| known.listed.rendition.name == rendition.name) {
            continue;
        }
        let title = rendition.title.as_deref().unwrap_or(&rendition.name).to_owned();
        let others = (2..).map(|n| format!("{title} {n}"));
        let free = |name: &String| audio.iter().all(|known| known.name != *name);
        let name = std::iter::once(title.clone()).chain(others).find(free).unwrap_or_default();
        audio.push(Named { listed, name });
    }
    audio
}

fn audio_line(presentation: &Presentation<'_>, named: &Named<'_>, default: bool) -> String {
    let Named { listed: Listed { rendition, .. }, name } = named;
    let mut line =
        format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME={}", quoted(name));
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
    video: Option<&Listed<'_>>,
    audio: &[&Listed<'_>],
) -> String {
    let rates = |listed: &&Listed<'_>| Rates::of(presentation, listed);
    let own = video.as_ref().map(rates);
    let beside: Vec<Rates> = audio.iter().map(rates).collect();
    let sum = |rate: fn(&Rates) -> u64| {
        own.as_ref().map_or(0, rate) + beside.iter().map(rate).max().unwrap_or(0)
    };
    let peak = sum(|rates| rates.peak);
    let mean = sum(|rates| rates.mean);
    let mut line = format!("#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean}");
    if let Some(level) = video.map(|level| level.rendition) {
        let (width, height) = level.track.size;
        let _ = write!(line, ",RESOLUTION={width}x{height},FRAME-RATE={:.3}", level.frame_rate());
    }
    let _ = write!(line, ",CODECS=\"{}\"", codecs(video, audio));
    let grouped = !presentation.selectors.format.muxes_audio();
    if grouped && video.is_some() && !audio.is_empty() {
        let _ = write!(line, ",AUDIO=\"{AUDIO_GROUP}\"");
    }
    line + &text::group(presentation) + &pathway(presentation)
}

/// The codec strings of a variant, each once.
pub(super) fn codecs(video: Option<&Listed<'_>>, audio: &[&Listed<'_>]) -> String {
    let mut codecs: Vec<String> = Vec::new();
    for listed in video.iter().chain(audio) {
        let codec = listed.rendition.track.codec_string();
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    codecs.join(",")
}

/// The attribute of the pathway that everything here is of (RFC 8216bis section 4.4.6.2).
fn pathway(presentation: &Presentation<'_>) -> String {
    let pathway = presentation.steering.hls_pathway.as_ref();
    pathway.map_or_else(String::new, |id| format!(",PATHWAY-ID=\"{id}\""))
}
