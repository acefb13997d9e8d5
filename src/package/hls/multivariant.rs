//! The multivariant playlist (RFC 8216 section 4.3.4).

use std::fmt::Write;

use super::audio::{Sound, are_grouped, groups};
use super::media::{common_target, in_ticks, key_frame_target};
use super::{ams, captions, images, keys, output, text, version};
use crate::codec::{Family, VideoRange};
use crate::media::{Picture, Rendition, Track};
use crate::package::compat::Compat;
use crate::package::presentation::{Listed, Presentation};
use crate::package::rate::{AllRates, Rates};

/// The multivariant playlist: audio and text renditions, then video levels codec by codec with
/// ascending bitrate, that which a filter wants first in front, once for each audio group, then tracks of
/// less pictures, then images.
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
    keys::for_sessions(presentation).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let groups = groups(presentation);
    let video = levels(presentation);
    let grouped = are_grouped(presentation, &groups);
    for line in groups.iter().filter(|_| grouped).flat_map(|group| group.lines(presentation)) {
        writeln!(out, "{line}")?;
    }
    let lines = [text::media_lines(presentation), captions::media_lines(presentation)].concat();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let sounds = Sound::each_of(&groups, grouped);
    let rates = AllRates::of(presentation, in_ticks(common_target(presentation)));
    for (n, sound) in sounds.iter().enumerate() {
        for level in &video {
            writeln!(out, "{}", variant_line(presentation, Some(level), sound, &rates))?;
            writeln!(out, "{}", presentation.media_playlist_url(level.rendition))?;
            if n == 0 && presentation.lists_key_frames(level.rendition) {
                write_key_frames(out, presentation, level)?;
            }
        }
    }
    if video.is_empty() || presentation.selectors.audio_only {
        for sound in sounds.iter().take(if video.is_empty() { usize::MAX } else { 1 }) {
            let Some(first) = sound.listed.first() else { continue };
            writeln!(out, "{}", variant_line(presentation, None, sound, &rates))?;
            writeln!(out, "{}", presentation.media_playlist_url(first.rendition))?;
        }
    }
    presentation
        .thinned
        .iter()
        .try_for_each(|thinned| write_key_frames(out, presentation, thinned))?;
    images::write_lines(out, presentation)
}

/// The levels of variants. Beside AVC a playlist of transport streams lists no HEVC, which Apple's players
/// want in fragments alone (HLS authoring specification section 1.5): they would switch into what they
/// may not play. Without AVC there is nothing else to play.
fn levels<'a>(presentation: &'a Presentation<'a>) -> Vec<&'a Listed<'a>> {
    let family = |level: &Listed<'_>| level.rendition.track.codec.family();
    let mut levels = presentation.video_upwards();
    if presentation.selectors.format.is_transport()
        && levels.iter().any(|level| family(level) == Family::Avc)
    {
        levels.retain(|level| family(level) != Family::Hevc);
    }
    levels
}

fn write_key_frames(
    out: &mut String,
    presentation: &Presentation<'_>,
    level: &Listed<'_>,
) -> std::fmt::Result {
    let Listed { rendition, .. } = level;
    let target = key_frame_target(presentation, level);
    let peak = Rates::of_key_frames(presentation, level, target).peak;
    let codec = rendition.track.codec_string();
    let (width, height) = shown_size(presentation, rendition);
    let range = video_range(presentation, level);
    let output = output::attributes(presentation.selectors.format, Some(level));
    let uri = presentation.key_frame_playlist_url(rendition);
    writeln!(
        out,
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={peak},RESOLUTION={width}x{height},\
         CODECS=\"{codec}\"{range}{output},URI=\"{uri}\"{}",
        pathway(presentation),
    )
}

/// The size at which players show the pictures. Transport streams have no place for a turn, so there
/// none is made.
fn shown_size(presentation: &Presentation<'_>, rendition: &Rendition) -> (u64, u64) {
    let Track { picture, size, .. } = &*rendition.track;
    let turned = picture.turned && !presentation.selectors.format.is_transport();
    Picture { turned, ..*picture }.display_size(*size)
}

/// BANDWIDTH is the peak of video and of the largest audio rendition together, where it is not muxed in.
fn variant_line(
    presentation: &Presentation<'_>,
    video: Option<&Listed<'_>>,
    sound: &Sound<'_>,
    rates: &AllRates<'_>,
) -> String {
    let sum = |rate: fn(&Rates) -> u64| {
        let own = rates.highest(video.map(|level| level.rendition), rate);
        let muxed = video.is_some() && presentation.muxed_audio.is_some();
        let beside = sound.listed.iter().filter(|_| !muxed).map(|listed| listed.rendition);
        own + rates.highest(beside, rate)
    };
    let peak = sum(|rates| rates.peak);
    let mean = sum(|rates| rates.mean);
    let mut line = format!("#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={mean}");
    if let Some(level) = video {
        let Listed { rendition, .. } = level;
        let (width, height) = shown_size(presentation, rendition);
        let rate = rendition.peak_frame_rate();
        let _ = write!(line, ",RESOLUTION={width}x{height},FRAME-RATE={rate:.3}");
        line += &video_range(presentation, level);
    }
    let _ = write!(line, ",CODECS=\"{}\"", codecs(video, &sound.listed));
    let supplemental = video.and_then(|level| level.rendition.track.supplemental_codec());
    if let Some((codec, brand)) = supplemental {
        let _ = write!(line, ",SUPPLEMENTAL-CODECS=\"{codec}/{brand}\"");
    }
    let judged = video.or(sound.listed.first().copied());
    line += &output::attributes(presentation.selectors.format, judged);
    let captions = captions::group(presentation, video.is_some());
    line + &sound.attribute + &text::group(presentation) + &captions + &pathway(presentation)
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

/// VIDEO-RANGE, where not all is SDR: that is what players assume without a word.
fn video_range(presentation: &Presentation<'_>, level: &Listed<'_>) -> String {
    let range = |level: &Listed<'_>| level.rendition.track.picture.range();
    match presentation.video().all(|level| range(level) == VideoRange::Sdr) {
        true => String::new(),
        false => format!(",VIDEO-RANGE={}", range(level).as_str()),
    }
}

/// The attribute of the pathway that everything here is of (RFC 8216bis section 4.4.6.2).
fn pathway(presentation: &Presentation<'_>) -> String {
    let pathway = presentation.steering.hls_pathway.as_ref();
    pathway.map_or_else(String::new, |id| format!(",PATHWAY-ID=\"{id}\""))
}
