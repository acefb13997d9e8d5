//! How long segments are, as far as that is known without looking into samples: what is sent of
//! pictures follows from their sizes, of sound nearly from the size of all frames.

use std::ops::Range;

use super::audio::samples_beside;
use super::{SPARE, START_CODE, video};
use crate::codec::nal::NalUnits;
use crate::media::Rendition;
use crate::mpegts::packet::{CLOCK_FIELD, PACKET, ROOM};
use crate::mpegts::pes;

/// Bytes that a frame of sound costs beside its sample, nearly: ADTS header and its share of a PES
/// packet.
const FRAME_OVERHEAD: u64 = 24;

/// How far the stuffing of a packet is from half of it: four standard deviations, in bytes.
const SPREAD: u64 = 4 * 53;

/// Packets of tables in front of a segment.
const TABLES: u64 = 2;

/// About how many bytes a segment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// In the mean.
    pub mean: u64,
    /// More it hardly ever has: of sound with all spare packets, and stuffing that is long by chance.
    pub most: u64,
}

/// The sizes of the segments of a rendition.
pub fn sizes(rendition: &Rendition) -> impl Iterator<Item = Size> {
    let count = || (0..rendition.cuts.len()).map(|n| packets(rendition, n)).collect();
    let pictures = rendition.picture_packets.get_or_init(count);
    pictures.iter().enumerate().map(|(n, packets)| match packets {
        0 => of_sound(rendition, n),
        _ => {
            // Counters are even where a segment ends.
            let bytes = (packets.next_multiple_of(SPARE + 1) + TABLES) * PACKET as u64;
            Size { mean: bytes, most: bytes }
        }
    })
}

/// The sizes of the segments of pictures with sound among them, all of which is in one or the other.
pub fn sizes_with(pictures: &Rendition, sound: &Rendition) -> impl Iterator<Item = Size> {
    sizes(pictures).enumerate().map(|(n, size)| {
        let beside = of_samples(sound, samples_beside(sound, pictures, n), 0);
        Size { mean: size.mean + beside.mean, most: size.most + beside.most }
    })
}

/// What segments of pictures hold with sound among them: the first of all has what is heard before the
/// pictures, the last what is heard behind them.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Start and end of the sound in wire ticks.
    heard: Option<(u64, u64)>,
    /// The number of segments, whether or not they are listed.
    all: usize,
}

impl Held {
    /// By the segments of pictures with that sound; without, they hold what they show.
    pub fn with(pictures: &Rendition, sound: Option<&Rendition>) -> Self {
        let heard = |sound: &Rendition| Some((sound.cuts.starts.first()?.start, sound.cuts.end));
        Self { heard: sound.and_then(heard), all: pictures.cuts.len() }
    }

    /// Start and end of what segment `n` holds, of what it shows, in wire ticks.
    pub fn span(&self, n: usize, (start, end): (u64, u64)) -> (u64, u64) {
        let (from, to) = self.heard.unwrap_or((start, end));
        let first = if n == 0 { start.min(from) } else { start };
        (first, if n + 1 == self.all { end.max(to) } else { end })
    }
}

fn of_sound(rendition: &Rendition, n: usize) -> Size {
    of_samples(rendition, rendition.cuts.samples(n), TABLES)
}

fn of_samples(rendition: &Rendition, range: Range<u32>, tables: u64) -> Size {
    let samples = range.len() as u64;
    let bytes = rendition.track.index.bytes(range) + samples * FRAME_OVERHEAD;
    let with = |spare: u64| (bytes + tables * ROOM as u64 + spare) * PACKET as u64 / ROOM as u64;
    let spare = SPARE * ROOM as u64;
    Size { mean: with(spare / 2), most: with(spare + SPREAD * samples.isqrt()) }
}

/// How many bytes the key frame of fragment `n`, of `sample` bytes, takes at most.
pub fn key_frame_at_most(rendition: &Rendition, n: usize, sample: u64) -> u64 {
    let Some(costs) = Costs::of(rendition, n) else { return 0 };
    // Each of its NAL units may have a shorter length in front than a start code is.
    let nals = sample.min(video::MAX_NALS as u64);
    let packets = costs.packets(sample + nals * costs.longer, true);
    // Where it is the whole segment, counters are even behind it.
    let spare = if rendition.cuts.samples(n).len() == 1 { SPARE } else { 0 };
    (packets + TABLES + spare) * PACKET as u64
}

/// What pictures cost beside their samples, in bytes.
struct Costs {
    /// PES header, clock reference and delimiter.
    picture: u64,
    /// Parameter sets and messages in front of a key frame, unless the sample has them.
    sets: u64,
    /// By which start codes are longer than the lengths that they replace.
    longer: u64,
}

impl Costs {
    /// Of fragment `n`; `None` of sound.
    fn of(rendition: &Rendition, n: usize) -> Option<Self> {
        let units = NalUnits::of(rendition.track.codec_of(rendition.cuts.samples(n).start))?;
        let written = |unit: &[u8]| START_CODE + unit.len() as u64;
        Some(Self {
            picture: (pes::MAX_HEADER + CLOCK_FIELD) as u64 + written(units.syntax.delimiter),
            sets: units.sets.iter().map(|set| written(set)).sum(),
            longer: START_CODE.saturating_sub(units.length_size.bytes() as u64),
        })
    }

    /// Packets of a picture: it starts a new one.
    fn packets(&self, bytes: u64, key_frame: bool) -> u64 {
        let sets = if key_frame { self.sets } else { 0 };
        (bytes + self.picture + sets).div_ceil(ROOM as u64)
    }
}

/// Packets of the pictures of fragment `n`, each of one NAL unit; 0 of sound.
fn packets(rendition: &Rendition, n: usize) -> u64 {
    let Some(costs) = Costs::of(rendition, n) else { return 0 };
    let samples = rendition.track.index.samples(rendition.cuts.samples(n));
    let each = samples.map(|it| costs.packets(u64::from(it.size) + costs.longer, it.sync));
    each.sum()
}
