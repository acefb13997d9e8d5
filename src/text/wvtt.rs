//! WebVTT in samples (ISO/IEC 14496-30 section 5): each sample holds the cues that are shown while
//! it lasts, or says that there are none.

use crate::bytes::Writer;
use crate::isobmff::{BoxError, BoxRef, FourCc, boxed, children};

use super::webvtt::settings;
use super::{MAX_SIZE, Shown, Slice, TextError};

/// The samples of a segment; their durations add up to that of the segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Duration in wire ticks and size in bytes of each.
    pub samples: Vec<(u32, u32)>,
    /// The samples one behind the other.
    pub data: Vec<u8>,
}

/// The samples of a segment: a new one wherever a cue appears or goes.
///
/// # Errors
/// [`TextError::SegmentTooLarge`]: cues that are shown with many others are repeated often.
pub fn samples(slice: &Slice<'_>) -> Result<Samples, TextError> {
    let shown: Vec<Shown<'_>> = slice.cues().collect();
    let mut edges: Vec<i64> = shown.iter().flat_map(|cue| [cue.start, cue.end]).collect();
    edges.retain(|edge| slice.start < *edge && *edge < slice.end);
    edges.extend([slice.start, slice.end]);
    edges.sort_unstable();
    edges.dedup();
    let mut w = Writer::with_capacity(1024);
    let mut samples = Vec::with_capacity(edges.len());
    let mut waiting = shown.iter().peekable();
    let mut active: Vec<&Shown<'_>> = Vec::new();
    for edge in edges.windows(2) {
        let [from, to] = *edge else { continue };
        active.retain(|cue| cue.end > from);
        active.extend(std::iter::from_fn(|| waiting.next_if(|cue| cue.start <= from)));
        let before = w.position();
        match active.is_empty() {
            true => boxed(&mut w, b"vtte", |_| {}),
            false => active.iter().for_each(|cue| write_cue(&mut w, cue, from, to)),
        }
        if w.position() > MAX_SIZE {
            return Err(TextError::SegmentTooLarge);
        }
        // Both are far below 2^32: segments last seconds, and the size is bounded.
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let size = (w.position() - before) as u64;
        samples.push((narrow(to.abs_diff(from)), narrow(size)));
    }
    Ok(Samples { samples, data: w.into_vec() })
}

fn write_cue(w: &mut Writer, shown: &Shown<'_>, from: i64, to: i64) {
    let cue = shown.cue;
    boxed(w, b"vttc", |w| {
        if shown.start < from || shown.end > to {
            // Tells that samples show parts of one cue.
            boxed(w, b"vsid", |w| w.u32(u32::try_from(shown.number).unwrap_or(u32::MAX)));
        }
        for (kind, text) in [(b"iden", &cue.id), (b"sttg", &cue.settings)] {
            if !text.is_empty() {
                boxed(w, kind, |w| w.bytes(text.as_bytes()));
            }
        }
        boxed(w, b"payl", |w| w.bytes(cue.text.as_bytes()));
    });
}

/// A cue as one sample has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleCue {
    /// Cues of several samples with the same source are one.
    pub source: Option<[u8; 4]>,
    /// Identifier.
    pub id: String,
    /// Cue settings.
    pub settings: String,
    /// Cue text.
    pub text: String,
}

/// Reads the cues of a sample one by one: there may be millions. What is not UTF-8 is replaced; a
/// broken box is an error.
pub fn read(sample: &[u8]) -> impl Iterator<Item = Result<SampleCue, BoxError>> {
    let cue = |child: Result<BoxRef<'_>, BoxError>| match child {
        Ok(child) => (&child.kind.0 == b"vttc").then(|| SampleCue::read(&child)),
        Err(error) => Some(Err(error)),
    };
    children(FourCc(*b"wvtt"), sample).filter_map(cue)
}

impl SampleCue {
    fn read(vttc: &BoxRef<'_>) -> Result<Self, BoxError> {
        let text =
            |kind| Ok(vttc.find(kind)?.map(|found| one_block(found.body)).unwrap_or_default());
        Ok(Self {
            source: vttc.find(b"vsid")?.and_then(|vsid| vsid.body.try_into().ok()),
            id: text(b"iden")?.replace('\n', " "),
            settings: settings::clean(&text(b"sttg")?),
            text: text(b"payl")?,
        })
    }
}

/// Text that can stand in a WebVTT block: no empty line and no arrow.
fn one_block(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("-->", "--&gt;").replace(['\r', '\0'], " ");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 10_000_000;

    fn texts(samples: &Samples) -> Vec<(u32, Vec<String>)> {
        let mut rest = samples.data.as_slice();
        let read = |(duration, size): &(u32, u32)| {
            let (sample, behind) = rest.split_at(*size as usize);
            rest = behind;
            (duration / 1_000_000, super::read(sample).map(|cue| cue.unwrap().text).collect())
        };
        samples.samples.iter().map(read).collect()
    }

    #[test]
    fn samples_tile_the_segment() {
        let text = "WEBVTT\n\na\n00:00.500 --> 00:03.500 line:0\nx\n\n00:03.000 --> 00:05.000\ny\n";
        let document = crate::text::webvtt::parse(text).unwrap();
        let of =
            |from: i64, to: i64| samples(&document.slice(from * SECOND, to * SECOND, 0)).unwrap();
        let x = || vec!["x".to_owned()];
        let y = || vec!["y".to_owned()];
        let both = || vec!["x".to_owned(), "y".to_owned()];
        assert_eq!(texts(&of(0, 2)), [(5, vec![]), (15, x())]);
        assert_eq!(texts(&of(2, 4)), [(10, x()), (5, both()), (5, y())]);
        assert_eq!(texts(&of(4, 6)), [(10, y()), (10, vec![])]);
        assert_eq!(texts(&of(6, 8)), [(20, vec![])]);
        let first = of(0, 2);
        let first = super::read(&first.data[8..]).next().unwrap().unwrap();
        assert_eq!((first.id.as_str(), first.settings.as_str()), ("a", "line:0"));
        assert_eq!(first.source, Some([0; 4]));
    }

    #[test]
    fn a_segment_that_grows_without_bound_is_refused() {
        let line = "long ".repeat(3000);
        let long = |n: usize| format!("00:{:02}.000 --> 01:00.000\n{line}\n\n", n % 2);
        let short = |n: usize| format!("00:10.{n:03} --> 00:20.{n:03}\n.\n\n");
        let text: String = (0..60).map(long).chain((0..4).map(short)).collect();
        let many: String = (0..40_000)
            .map(|n| format!("00:{:02}.{:03} --> 00:59.999\nx\n\n", 20 + n / 1000, n % 1000))
            .collect();
        let document = crate::text::webvtt::parse(&format!("WEBVTT\n\n{text}{many}")).unwrap();
        let refused = samples(&document.slice(0, 60 * SECOND, 0));
        assert!(refused.is_ok() || refused == Err(TextError::SegmentTooLarge));
    }

    #[test]
    fn settings_of_samples_are_those_of_the_standard() {
        let mut w = Writer::default();
        boxed(&mut w, b"vttc", |w| {
            boxed(w, b"sttg", |w| w.bytes(b"align:\"/><x size:500% position:1000%,end line:0"));
            boxed(w, b"payl", |w| w.bytes(b"x"));
        });
        let cue = super::read(&w.into_vec()).next().unwrap().unwrap();
        assert_eq!(cue.settings, "line:0");
    }

    proptest! {
        #[test]
        fn arbitrary_samples_never_panic(data: Vec<u8>) {
            super::read(&data).for_each(drop);
        }
    }
}
