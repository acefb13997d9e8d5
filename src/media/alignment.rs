//! Where the key frames of video levels differ: fragments start at those that all levels have, so
//! whoever publishes the levels should know what is passed over.

use super::Track;
use super::timeline::SAME_TIME;
use crate::time::WIRE_TIMESCALE;

const SAME: u64 = SAME_TIME.unsigned_abs();

/// Encoders keep no picture back for longer, in wire ticks.
const REORDERED: u64 = WIRE_TIMESCALE as u64 / 2;

/// The first key frame that one of two levels lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Difference {
    /// Presentation time in wire ticks.
    time: i64,
    /// Whether the level has it and the reference lacks it.
    extra: bool,
}

/// For every level whose key frames are not those of the first in the same codec: the file and the
/// first time at which they differ, as sentences.
pub(super) fn describe(levels: &[(&str, &Track)]) -> Vec<String> {
    let same = |a: &(&str, &Track), b: &(&str, &Track)| a.1.codec.family() == b.1.codec.family();
    levels.chunk_by(same).flat_map(describe_set).collect()
}

fn describe_set(levels: &[(&str, &Track)]) -> Vec<String> {
    let Some(((reference, first), others)) = levels.split_first() else {
        return Vec::new();
    };
    let sentence = |(file, track): &(&str, &Track)| {
        if let Some(shift) = shift(first, track) {
            return Some(late(file, reference, shift));
        }
        let difference = first_difference(first, track)?;
        let (has, lacks) = if difference.extra { (file, reference) } else { (reference, file) };
        let milliseconds = difference.time / (i64::from(WIRE_TIMESCALE) / 1000);
        let seconds = milliseconds as f64 / 1000.0;
        Some(format!("{lacks} has no key frame at {seconds} s, where {has} has one"))
    };
    others.iter().filter_map(sentence).collect()
}

/// By how much all key frames of a level are later than those of another, in wire ticks; `None`
/// where they are not all later or earlier by the same, or by more than pictures are kept back.
fn shift(reference: &Track, level: &Track) -> Option<i64> {
    let ours = reference.index.sync_samples().map(|n| reference.presentation_time(n));
    let theirs = level.index.sync_samples().map(|n| level.presentation_time(n));
    let mut shifts = ours.zip(theirs).map(|(ours, theirs)| theirs - ours);
    let shift = shifts.next()?;
    let mut others = shifts.peekable();
    let all = others.peek().is_some() && others.all(|other| other.abs_diff(shift) <= SAME);
    (all && (SAME + 1..=REORDERED).contains(&shift.unsigned_abs())).then_some(shift)
}

/// A delay of pictures that are shown in another order is taken out by an edit list.
fn late(file: &str, reference: &str, shift: i64) -> String {
    let (late, early) = if shift > 0 { (file, reference) } else { (reference, file) };
    let seconds = (shift.abs() / (i64::from(WIRE_TIMESCALE) / 1000)) as f64 / 1000.0;
    format!(
        "all key frames of {late} are {seconds} s later than those of {early}: one of them may lack \
         an edit list, which ffmpeg -i IN -c copy OUT writes"
    )
}

/// Walks over the key frames of both. What one has behind the end of the other is no difference:
/// that the levels end together is looked at elsewhere.
fn first_difference(reference: &Track, level: &Track) -> Option<Difference> {
    let mut ours = reference.index.sync_samples().map(|n| reference.presentation_time(n));
    let mut theirs = level.index.sync_samples().map(|n| level.presentation_time(n));
    loop {
        let (expected, found) = (ours.next()?, theirs.next()?);
        if expected.abs_diff(found) > SAME {
            return Some(Difference { time: expected.min(found), extra: found < expected });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::media::fixture::{TrackSpec, movie};
    use crate::media::timeline::Cutting;
    use crate::media::{Asset, FileIndex, SourceFile};

    fn level(key_frames: &[u32]) -> Arc<Track> {
        let mut spec = TrackSpec::video(25, 1, vec![1; 250]);
        spec.sync = Some(key_frames.to_vec());
        FileIndex::read(movie(&[spec], 1000).as_slice()).unwrap().tracks.remove(0)
    }

    fn said(levels: &[&[u32]]) -> Vec<String> {
        let tracks: Vec<Arc<Track>> = levels.iter().map(|frames| level(frames)).collect();
        let names = ["a.mp4", "b.mp4", "c.mp4"];
        let named: Vec<(&str, &Track)> =
            names.into_iter().zip(tracks.iter().map(|track| &**track)).collect();
        describe(&named)
    }

    #[test]
    fn levels_that_share_none_are_refused_with_both() {
        let files = [("a.mp4", &[1_u32, 51][..]), ("b.mp4", &[26, 76])].map(|(name, frames)| {
            let mut spec = TrackSpec::video(25, 1, vec![1; 250]);
            spec.sync = Some(frames.to_vec());
            let index = FileIndex::read(movie(&[spec], 1000).as_slice()).unwrap();
            SourceFile { name: name.to_owned(), language: None, index: Arc::new(index) }
        });
        let cutting = Cutting { fragment_ms: 6000, packed: 1 };
        let refused = Asset::assemble("film", files.to_vec(), &[], None, cutting).unwrap_err();
        let text = refused.to_string();
        assert!(text.starts_with("film: levels-not-aligned: "), "{text}");
        assert!(text.ends_with("b.mp4 has no key frame at 0 s, where a.mp4 has one"), "{text}");
    }

    #[test]
    fn a_level_that_is_late_as_a_whole_is_named() {
        let [sentence] = &said(&[&[1, 51, 101], &[3, 53, 103]])[..] else { panic!("one sentence") };
        assert!(
            sentence.starts_with("all key frames of b.mp4 are 0.08 s later than those of a.mp4")
        );
    }

    #[test]
    fn the_first_key_frame_that_one_lacks_is_named_with_its_file() {
        assert!(said(&[&[1, 51, 101]]).is_empty());
        assert!(said(&[&[1, 51, 101], &[1, 51, 101, 151]]).is_empty(), "the end");
        assert_eq!(
            said(&[&[1, 51, 101], &[1, 101, 151], &[1, 26, 51]]),
            [
                "b.mp4 has no key frame at 2 s, where a.mp4 has one",
                "a.mp4 has no key frame at 1 s, where c.mp4 has one",
            ]
        );
    }
}
