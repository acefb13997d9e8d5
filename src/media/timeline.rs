//! Where fragments start: on key frames that all video levels share, near a target duration; audio
//! is cut at the matching times. Levels of different codecs that share no key frames are cut codec
//! by codec. All times in wire ticks.

use std::iter::Peekable;

use ring::digest::{Context, SHA256};

use super::{MediaRule, Track};
use crate::time::{SAME_MOMENT, WIRE_TIMESCALE};

/// Key frames of two levels that lie closer than this (1 ms) are the same cut: levels with other
/// timescales round differently.
pub(super) const SAME_TIME: i64 = WIRE_TIMESCALE as i64 / 1000;

/// How far apart common key frames may lie (ams.md section 5: about 20 s).
const KEY_FRAME_LIMIT: i64 = 20 * WIRE_TIMESCALE as i64;

/// More fragments in one track are refused; a day of one-second fragments has fewer.
const MAX_FRAGMENTS: usize = 100_000;

const TOO_MANY_FRAGMENTS: MediaRule = MediaRule::Limit("a track has at most 100,000 fragments");

/// More samples in one fragment are refused; half a minute of sound or video has far fewer.
const MAX_FRAGMENT_SAMPLES: usize = 50_000;

/// Samples before time 0 that an audio decoder may want to warm up.
const AUDIO_PREROLL: u32 = 4;

/// The start of a fragment of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// First sample of the fragment.
    pub sample: u32,
    /// Presentation time on the asset's timeline: the identity of the fragment in URLs.
    pub start: u64,
}

/// The cuts of one track and what lies behind the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts {
    /// Fragment starts in order; at least one.
    pub starts: Vec<Cut>,
    /// One past the last sample of the last fragment.
    pub end_sample: u32,
    /// Presentation time at which the last sample ends.
    pub end: u64,
}

/// The common cuts of an asset.
#[derive(Debug)]
pub struct Timeline {
    /// Cuts of every video level, in the order given: levels of one codec together.
    pub video: Vec<Cuts>,
    /// Cuts of every audio track, in the order given; `None` when nothing of it is left.
    pub audio: Vec<Option<Cuts>>,
    /// What is added to presentation times of the tracks: a trim inside a group of pictures is
    /// honoured down to the key frame before it, so the presentation starts earlier.
    pub origin: i64,
}

/// How an asset is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cutting {
    /// Wanted duration of a fragment in milliseconds.
    pub fragment_ms: u32,
    /// So many fragments make one segment: more than one in transport streams only.
    pub packed: usize,
}

impl Cutting {
    /// Wanted duration of a fragment in wire ticks.
    fn fragment(self) -> i64 {
        i64::from(self.fragment_ms) * i64::from(WIRE_TIMESCALE) / 1000
    }

    /// Wanted duration of a segment in wire ticks.
    fn segment(self) -> i64 {
        let packed = i64::try_from(self.packed.max(1)).unwrap_or(i64::MAX);
        self.fragment().saturating_mul(packed)
    }
}

impl Timeline {
    /// Cuts all tracks.
    ///
    /// # Errors
    /// Levels without common key frames, key frames too far apart, or more fragments or samples in
    /// one fragment than any real file has.
    pub fn build(video: &[&Track], audio: &[&Track], cutting: Cutting) -> Result<Self, MediaRule> {
        let target = cutting.segment();
        let Pictures { cuts: levels, boundaries, origin } = cut_pictures(video, cutting)?;
        check_ends(&levels)?;
        let video_end = levels.iter().map(|cuts| cuts.end.cast_signed()).max();
        let sound = audio
            .iter()
            .map(|track| audio_cuts(track, &boundaries, video_end, target, origin))
            .collect::<Result<Vec<_>, _>>()?;
        let timeline = Self { video: levels, audio: sound, origin };
        let cut = video.iter().zip(&timeline.video);
        let heard = audio.iter().zip(&timeline.audio);
        let heard = heard.filter_map(|(track, cuts)| Some((track, cuts.as_ref()?)));
        for (track, cuts) in cut.chain(heard) {
            check_changes(track, cuts)?;
        }
        timeline.check_sizes()?;
        Ok(timeline)
    }

    fn check_sizes(&self) -> Result<(), MediaRule> {
        for cuts in self.video.iter().chain(self.audio.iter().flatten()) {
            if cuts.len() > MAX_FRAGMENTS {
                return Err(TOO_MANY_FRAGMENTS);
            }
            if (0..cuts.len()).any(|n| cuts.samples(n).len() > MAX_FRAGMENT_SAMPLES) {
                return Err(MediaRule::Limit("a fragment has at most 50,000 samples"));
            }
        }
        Ok(())
    }
}

/// Cuts all levels alike where they share key frames often enough, else codec by codec.
fn cut_pictures(levels: &[&Track], cutting: Cutting) -> Result<Pictures, MediaRule> {
    let together = Pictures::cut(&[levels], cutting);
    let enough = cutting.segment().saturating_mul(2).cast_unsigned();
    let often = |pictures: &Pictures| pictures.longest() <= enough;
    let codecs: Vec<&[&Track]> = levels.chunk_by(same_codec).collect();
    if codecs.len() < 2 || together.as_ref().is_ok_and(often) {
        return together;
    }
    Pictures::cut(&codecs, cutting).or(together)
}

/// Whether two levels are of one codec: players do not switch between others.
fn same_codec(a: &&Track, b: &&Track) -> bool {
    a.codec.family() == b.codec.family()
}

/// The cuts of all video levels.
struct Pictures {
    cuts: Vec<Cuts>,
    /// Where the levels of the first set are cut.
    boundaries: Vec<i64>,
    origin: i64,
}

impl Pictures {
    /// Cuts each set of levels at the key frames that it shares.
    fn cut(sets: &[&[&Track]], cutting: Cutting) -> Result<Self, MediaRule> {
        let chosen = sets.iter().map(|levels| {
            let keys = choose_key_frames(levels, cutting.fragment())?;
            Ok::<Vec<Key>, MediaRule>(pack(levels, keys, cutting.packed))
        });
        let chosen = chosen.collect::<Result<Vec<_>, _>>()?;
        let first = chosen.iter().filter_map(|keys| keys.first());
        let origin = first.map(|key| -key.time).max().unwrap_or(0).max(0);
        let mut cuts = Vec::new();
        for (levels, keys) in sets.iter().zip(&chosen) {
            let levels = levels.iter().enumerate();
            cuts.extend(levels.map(|(level, track)| video_cuts(track, level, keys, origin)));
        }
        let open = sets.iter().copied().flatten().map(|level| level.index.open_key_frames()).max();
        check_key_frame_interval(&cuts, cutting, open.unwrap_or(0))?;
        let main = chosen.first().into_iter().flatten();
        let boundaries = main.map(|key| key.time + origin).collect();
        Ok(Self { cuts, boundaries, origin })
    }

    fn longest(&self) -> u64 {
        self.cuts.iter().flat_map(Cuts::durations).max().unwrap_or(0)
    }
}

/// A key frame at the same time in all levels of a set.
struct Key {
    /// Presentation time in the first level, edits applied.
    time: i64,
    /// The sample in each level.
    samples: Vec<u32>,
}

/// The last common key frame that is not behind the start of the edit, then from each the first that
/// is at least about the target away.
fn choose_key_frames(levels: &[&Track], target: i64) -> Result<Vec<Key>, MediaRule> {
    let enough = target - target / 20;
    let start = levels.first().map_or(0, |level| level.edit_start());
    let mut chosen: Vec<Key> = Vec::new();
    for key in CommonKeys::of(levels) {
        match chosen.as_slice() {
            [] => chosen.push(key),
            [_] if key.time <= start => chosen[0] = key,
            [.., last] if key.time - last.time >= enough || changes(levels, last, &key) => {
                chosen.push(key);
            }
            _ => {}
        }
        if chosen.len() > MAX_FRAGMENTS {
            return Err(TOO_MANY_FRAGMENTS);
        }
    }
    if chosen.is_empty() && !levels.is_empty() {
        return Err(not_aligned(levels));
    }
    Ok(chosen)
}

/// Leaves out all but every so many, and those at which a sample description changes.
fn pack(levels: &[&Track], keys: Vec<Key>, packed: usize) -> Vec<Key> {
    let mut kept: Vec<Key> = Vec::with_capacity(keys.len() / packed.max(1) + 1);
    let mut passed = 0;
    for key in keys {
        passed += 1;
        if passed >= packed || kept.last().is_none_or(|last| changes(levels, last, &key)) {
            kept.push(key);
            passed = 0;
        }
    }
    kept
}

/// Whether a level uses another sample description at one key frame than at the other: a fragment
/// has one only.
fn changes(levels: &[&Track], from: &Key, to: &Key) -> bool {
    levels
        .iter()
        .zip(from.samples.iter().zip(&to.samples))
        .any(|(track, (from, to))| track.description_of(*from) != track.description_of(*to))
}

/// A change of the sample description must be where a fragment starts.
fn check_changes(track: &Track, cuts: &Cuts) -> Result<(), MediaRule> {
    let first = cuts.starts.first().map_or(0, |cut| cut.sample);
    let inside = |sample: u32| {
        (first + 1..cuts.end_sample).contains(&sample)
            && cuts.starts.binary_search_by_key(&sample, |cut| cut.sample).is_err()
    };
    if track.changes.iter().any(|change| inside(change.sample)) {
        let rule = "the track changes its sample description where no fragment can start";
        return Err(MediaRule::SeveralDescriptions(rule));
    }
    Ok(())
}

/// Walks over the key frames of the first level that all other levels have too.
struct CommonKeys<'a> {
    first: Option<(&'a Track, KeyFrames<'a>)>,
    others: Vec<(&'a Track, Peekable<KeyFrames<'a>>)>,
}

type KeyFrames<'a> = Box<dyn Iterator<Item = u32> + 'a>;

impl<'a> CommonKeys<'a> {
    fn of(levels: &[&'a Track]) -> Self {
        let mut walks = levels.iter().map(|track| (*track, key_frames(track)));
        let first = walks.next();
        Self { first, others: walks.map(|(track, keys)| (track, keys.peekable())).collect() }
    }
}

/// The key frames in front of the end of the edit.
fn key_frames(track: &Track) -> KeyFrames<'_> {
    let end = track.edited_len();
    Box::new(track.index.sync_samples().take_while(move |n| *n < end))
}

impl Iterator for CommonKeys<'_> {
    type Item = Key;

    fn next(&mut self) -> Option<Key> {
        let (track, keys) = self.first.as_mut()?;
        loop {
            let first = keys.next()?;
            let time = track.presentation_time(first);
            let others = self.others.iter_mut().map(|(track, keys)| {
                let early = |n: &u32| track.presentation_time(*n) < time - SAME_TIME;
                while keys.next_if(early).is_some() {}
                keys.next_if(|n| track.presentation_time(*n) <= time + SAME_TIME)
            });
            // Every level moves on, also when one has no such key frame.
            let found: Vec<Option<u32>> = others.collect();
            if let Some(others) = found.into_iter().collect::<Option<Vec<u32>>>() {
                return Some(Key { time, samples: [vec![first], others].concat() });
            }
        }
    }
}

fn not_aligned(levels: &[&Track]) -> MediaRule {
    let missing = levels.iter().any(|level| level.index.sync_samples().next().is_none());
    MediaRule::NotAligned(if missing {
        "a video level has no key frame at which decoding can start".to_owned()
    } else {
        "the video levels share no key frame time".to_owned()
    })
}

fn video_cuts(track: &Track, level: usize, chosen: &[Key], origin: i64) -> Cuts {
    let cut = |key: &Key| Cut {
        sample: key.samples[level],
        start: (key.time + origin).max(0).cast_unsigned(),
    };
    let starts: Vec<Cut> = chosen.iter().map(cut).collect();
    let last = starts.last().map_or(0, |cut| cut.sample);
    let end_sample = track.edited_len().max(last + 1);
    Cuts { starts, end_sample, end: end_time(track, last, end_sample, origin) }
}

/// Presentation time at which the last of the samples `from..to` ends.
fn end_time(track: &Track, from: u32, to: u32, origin: i64) -> u64 {
    let latest = (from..to).map(|n| track.index.composition_time(n)).max();
    let last = (from..to).rev().find(|n| Some(track.index.composition_time(*n)) == latest);
    let Some(last) = last else { return 0 };
    let duration = track.decode_time(last + 1, last) - track.decode_time(last, last);
    (track.presentation_time(last) + duration + origin).max(0).cast_unsigned()
}

/// Levels of one presentation end together, but for rounding and a missing picture or two.
fn check_ends(video: &[Cuts]) -> Result<(), MediaRule> {
    let ends = || video.iter().map(|cuts| cuts.end);
    let apart = ends().max().unwrap_or(0) - ends().min().unwrap_or(0);
    if apart <= u64::from(WIRE_TIMESCALE) {
        return Ok(());
    }
    let tenths = apart / u64::from(WIRE_TIMESCALE / 10);
    let (seconds, tenths) = (tenths / 10, tenths % 10);
    Err(MediaRule::NotAligned(format!("the video levels end {seconds}.{tenths} s apart")))
}

fn check_key_frame_interval(video: &[Cuts], cutting: Cutting, open: u32) -> Result<(), MediaRule> {
    let packed = i64::try_from(cutting.packed).unwrap_or(i64::MAX);
    let limit = (2 * cutting.segment()).max(KEY_FRAME_LIMIT.saturating_mul(packed)).cast_unsigned();
    let longest = video.iter().flat_map(Cuts::durations).max().unwrap_or(0);
    if longest <= limit {
        return Ok(());
    }
    let second = u64::from(WIRE_TIMESCALE);
    let (seconds, limit) = (longest.div_ceil(second), limit / second);
    Err(MediaRule::KeyFrameInterval { seconds, limit, open })
}

fn audio_cuts(
    track: &Track,
    video: &[i64],
    video_end: Option<i64>,
    target: i64,
    origin: i64,
) -> Result<Option<Cuts>, MediaRule> {
    let end_sample = track.edited_len();
    let Some(last) = end_sample.checked_sub(1) else {
        return Ok(None);
    };
    let start_of = |n: u32| track.presentation_time(n) + origin;
    let end = end_time(track, last, end_sample, origin);
    let half = (start_of(last) - start_of(last.saturating_sub(1))) / 2;
    let first = track.sound_start(first_audio_sample(track, origin, half).min(last));
    let mut starts = vec![Cut { sample: first, start: start_of(first).max(0).cast_unsigned() }];
    for boundary in audio_boundaries(video, video_end, end.cast_signed(), target) {
        let sample = track.sound_start(track.first_at_or_after(boundary - half - origin));
        let previous = starts.last().map_or(0, |cut| cut.sample);
        if sample > previous && sample < end_sample && start_of(sample) > start_of(previous).max(0)
        {
            starts.push(Cut { sample, start: start_of(sample).cast_unsigned() });
        }
        if starts.len() > MAX_FRAGMENTS {
            return Err(TOO_MANY_FRAGMENTS);
        }
    }
    Ok(Some(Cuts { starts, end_sample, end }))
}

/// What the decoder needs to warm up is kept where an edit list can hide it: before time 0. Behind
/// a delay it would be heard. Pictures that are shown before a trim are shown with their sound.
fn first_audio_sample(track: &Track, origin: i64, half: i64) -> u32 {
    match track.edit_start() {
        delay if delay > 0 => track.first_at_or_after(delay - half),
        _ => track.first_at_or_after(-origin).saturating_sub(AUDIO_PREROLL),
    }
}

/// Where audio is cut: with the video, and behind its end (or without it) at every target.
fn audio_boundaries(
    video: &[i64],
    video_end: Option<i64>,
    audio_end: i64,
    target: i64,
) -> impl Iterator<Item = i64> {
    let tail = std::iter::successors(Some(video_end.unwrap_or(target)), move |t| Some(t + target))
        .take_while(move |t| t + target / 2 < audio_end);
    video.iter().copied().skip(1).chain(tail)
}

impl Cuts {
    /// Number of fragments.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no fragments; never true for a built timeline.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Start and end of every fragment. They tile the time from the first start to the end.
    pub fn spans(&self) -> impl Iterator<Item = (u64, u64)> {
        let starts = self.starts.iter().map(|cut| cut.start);
        starts.clone().zip(starts.skip(1).chain([self.end]))
    }

    /// Start and end of fragment `n`.
    pub fn span(&self, n: usize) -> Option<(u64, u64)> {
        let start = self.starts.get(n)?.start;
        Some((start, self.starts.get(n + 1).map_or(self.end, |next| next.start)))
    }

    /// The start that is meant by one of another track's: the nearest before it or just behind it, if
    /// that is the same moment.
    pub fn same_moment(&self, start: u64) -> Option<u64> {
        let latest = start.saturating_add(SAME_MOMENT);
        let before = self.starts.partition_point(|cut| cut.start <= latest);
        let nearest = self.starts.get(before.checked_sub(1)?)?.start;
        (nearest.abs_diff(start) <= SAME_MOMENT).then_some(nearest)
    }

    /// Presentation duration of every fragment.
    pub fn durations(&self) -> impl Iterator<Item = u64> {
        self.spans().map(|(start, end)| end.saturating_sub(start))
    }

    /// Presentation time at which fragment `n` ends.
    pub fn end_of(&self, n: usize) -> u64 {
        self.starts.get(n + 1).map_or(self.end, |next| next.start)
    }

    /// The samples of fragment `n`.
    pub fn samples(&self, n: usize) -> std::ops::Range<u32> {
        let end = self.starts.get(n + 1).map_or(self.end_sample, |next| next.sample);
        self.starts.get(n).map_or(end, |cut| cut.sample)..end
    }

    /// SHA-256 of all of it.
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for Cut { sample, start } in &self.starts {
            context.update(&sample.to_be_bytes());
            context.update(&start.to_be_bytes());
        }
        context.update(&self.end_sample.to_be_bytes());
        context.update(&self.end.to_be_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// The fragment that starts exactly at `start`.
    pub fn find(&self, start: u64) -> Option<usize> {
        self.starts.binary_search_by_key(&start, |cut| cut.start).ok()
    }
}

#[cfg(test)]
mod tests;
