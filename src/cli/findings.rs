//! What the owner of a folder should know of its media before others see them.

use crate::media::{Asset, Rendition, open_groups};
use crate::time::WIRE_TIMESCALE;

/// What was found in a folder that can be served.
#[derive(Debug)]
pub(super) struct Findings {
    /// Tracks of images, which become thumbnails.
    pub(super) images: Vec<String>,
    /// What is left out, and what players will not take as it was meant.
    pub(super) warnings: Vec<String>,
}

/// What is looked for, in the order in which it is told.
const RULES: &[fn(&Asset) -> Vec<String>] =
    &[skipped, misaligned, not_for_apple, open_key_frames, turned, late_sound, end_of_sound];

const NOT_FOR_APPLE: &str = "hevc-parameter-sets-in-samples: its pictures are called hev1, which \
    players of Apple do not take in HLS; ffmpeg -i IN -c copy -tag:v hvc1 OUT calls them hvc1";

const TURNED: &str = "turned-pictures: a field of the file turns its pictures by a quarter, which \
    DASH and CMAF have too; in transport streams and Smooth they lie on their side. Encoding anew \
    turns them for all: ffmpeg does so by itself";

/// From here on it is noticed that sound is early (ITU-R BT.1359-1), in wire ticks.
const NOTICED: u64 = WIRE_TIMESCALE as u64 * 45 / 1000;

/// What sound may lack at the end, in wire ticks: encoders round to frames.
const SHORT: u64 = WIRE_TIMESCALE as u64;

impl Findings {
    /// Looks through the tracks of an asset.
    pub(super) fn of(asset: &Asset) -> Self {
        let images = asset.images.iter();
        let images = images.map(|images| of_file(asset, images.file, &images.describe()));
        let warnings = RULES.iter().flat_map(|rule| rule(asset)).collect();
        Self { images: images.collect(), warnings }
    }
}

fn of_file(asset: &Asset, file: usize, what: &str) -> String {
    format!("{}: {what}", asset.files[file].name)
}

fn skipped(asset: &Asset) -> Vec<String> {
    asset.skipped.clone()
}

fn misaligned(asset: &Asset) -> Vec<String> {
    asset.misaligned.iter().map(|what| format!("levels-not-aligned: {what}")).collect()
}

/// Parameter sets may lie in the samples (HLS Authoring Specification for Apple Devices, 1.10).
fn not_for_apple(asset: &Asset) -> Vec<String> {
    let is_named = |level: &&Rendition| {
        let codec = level.track.codec_string();
        ["hev1", "dvhe"].iter().any(|name| codec.starts_with(name))
    };
    let levels = asset.video.iter().filter(is_named);
    levels.map(|level| of_file(asset, level.file, NOT_FOR_APPLE)).collect()
}

fn open_key_frames(asset: &Asset) -> Vec<String> {
    let levels = asset.video.iter().map(|level| (level.file, level.track.index.open_key_frames()));
    let told = |(file, count)| {
        let count = open_groups(count);
        of_file(asset, file, &format!("open-groups: segments start at the other key frames{count}"))
    };
    levels.filter(|(_, count)| *count > 0).map(told).collect()
}

/// What carries no track header cannot say it.
fn turned(asset: &Asset) -> Vec<String> {
    let turned = asset.video.iter().filter(|level| level.track.header.is_turned());
    turned.map(|level| of_file(asset, level.file, TURNED)).collect()
}

/// Players of HLS that know of no clock but the sum of durations start all tracks together.
fn late_sound(asset: &Asset) -> Vec<String> {
    apart(asset, start, NOTICED, |seconds| {
        let side = if seconds > 0.0 { "behind" } else { "before" };
        let seconds = seconds.abs();
        format!(
            "tracks-start-apart: its sound starts {seconds:.3} s {side} the pictures, and Shaka \
             Player starts both together in HLS; DASH and Smooth are as they should be"
        )
    })
}

/// Nothing says to players that the rest is silence, and muxed segments end with the pictures.
fn end_of_sound(asset: &Asset) -> Vec<String> {
    apart(asset, end, SHORT, |seconds| {
        let (side, result) = match seconds > 0.0 {
            true => ("behind", "the last segment of m3u8-aapl-v3 has all the rest"),
            false => ("before", "some players end or wait there"),
        };
        let seconds = seconds.abs();
        format!("tracks-end-apart: its sound ends {seconds:.3} s {side} the pictures: {result}")
    })
}

/// What is told of each track of sound that is further than `allowed` from the pictures, by how many
/// seconds it is behind them.
fn apart(
    asset: &Asset,
    at: fn(&Rendition) -> u64,
    allowed: u64,
    told: impl Fn(f64) -> String,
) -> Vec<String> {
    let Some(pictures) = asset.video.first().map(at) else { return Vec::new() };
    let sound = asset.audio.iter().map(|sound| (sound.file, at(sound)));
    let apart = sound.filter(|(_, sound)| sound.abs_diff(pictures) > allowed);
    let told = |(file, sound): (usize, u64)| {
        let seconds = (sound as f64 - pictures as f64) / f64::from(WIRE_TIMESCALE);
        of_file(asset, file, &told(seconds))
    };
    apart.map(told).collect()
}

fn start(rendition: &Rendition) -> u64 {
    rendition.cuts.spans().next().map_or(0, |(start, _)| start)
}

fn end(rendition: &Rendition) -> u64 {
    rendition.cuts.spans().last().map_or(0, |(_, end)| end)
}
