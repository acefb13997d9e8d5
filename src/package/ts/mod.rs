//! Segments of HLS in MPEG-2 transport streams (packaging.md section 11; ams.md section 2.3).

mod audio;
pub mod packed;
mod protect;
mod sizes;
mod video;

pub use audio::samples_beside;
pub use sizes::{Held, Size, key_frame_at_most, sizes, sizes_with};

use std::iter::Peekable;

use super::cmaf::{FragmentError, Protect};
use super::plan::{Cipher, Plan};
use crate::bytes::ReadAt;
use crate::cenc::{Scheme, TrackKey};
use crate::codec::MediaType;
use crate::codec::nal::NalUnits;
use crate::media::Rendition;
use crate::media::index::Sample;
use crate::mpegts::packet::Access;
use crate::mpegts::{Mux, Segment, pes, psi};
use crate::time::{WIRE_TIMESCALE, rescale};

/// Added to all times, so that what lies before time 0 (priming, pictures that are decoded before
/// they are shown) has a time stamp too. In seconds.
const OFFSET: i64 = 10;

/// The time stamp that time 0 has (90 kHz).
pub const TIME_0: u64 = OFFSET.unsigned_abs() * pes::CLOCK as u64;

/// Ticks per second of clock references.
const REFERENCE_CLOCK: u32 = 27_000_000;

/// The clock runs half a second behind decoding times: what a decoder may hold.
const CLOCK_DELAY: i64 = REFERENCE_CLOCK as i64 / 2;

/// Pictures that are read and encrypted together for their layout.
const TOGETHER: usize = 32;

/// Bytes of a start code.
const START_CODE: u64 = 4;

/// Packets at the end of a segment for even counters, at most.
const SPARE: u64 = 15;

/// Why a segment cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A NAL unit does not fit into its sample.
    #[error("sample {sample}: a NAL unit of {length} bytes does not fit into the sample")]
    NalTooLong {
        /// Sample number.
        sample: u32,
        /// The length that is claimed.
        length: u32,
    },
    /// A sample has more NAL units than any picture.
    #[error("sample {sample}: too many NAL units")]
    TooManyNals {
        /// Sample number.
        sample: u32,
    },
    /// NAL units would need more emulation prevention than any pictures.
    #[error("the pictures behind sample {sample} need too much emulation prevention")]
    TooManyEscapes {
        /// Number of the first sample of a few that are looked at together.
        sample: u32,
    },
    /// The segment would have more headers and parameter sets than are held in memory.
    #[error("the segment has more than 64 MiB of headers and parameter sets")]
    TooManySets,
    /// Transport streams have no form for the track.
    #[error("transport streams cannot carry the codec {0}")]
    NotCarried(String),
    /// A frame of sound is longer than ADTS can say.
    #[error("sample {sample}: the frame is too long for ADTS")]
    FrameTooLong {
        /// Sample number.
        sample: u32,
    },
    /// The codec has no form in which its samples are protected.
    #[error("SAMPLE-AES in transport streams has no form for the codec {0}")]
    NotProtected(String),
    /// A sample that is to be protected is not made of frames of its codec.
    #[error("sample {sample}: no whole frames of AC-3 or E-AC-3")]
    NoFrames {
        /// Sample number.
        sample: u32,
    },
    /// Reading the file failed.
    #[error("reading failed: {0}")]
    Io(#[from] std::io::Error),
}

/// What one segment holds.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Whose fragment gives the segment its times; its file is source 0.
    pub main: &'a Rendition,
    /// Sound that is muxed in; its file is source 1.
    pub muxed: Option<&'a Rendition>,
    /// Which fragment.
    pub n: usize,
    /// Only the tables and the key frame at the start.
    pub key_frame: bool,
}

/// Plans a segment. Of `source`, the file of the main rendition, only NAL unit headers are read; all
/// of it when samples are protected, as that decides how long they become.
///
/// # Errors
/// A codec that is not carried, samples that break their codec's rules, or a failed read.
pub fn segment<S: ReadAt + ?Sized>(
    wanted: &Wanted<'_>,
    protect: Protect,
    source: &S,
) -> Result<Plan, FragmentError> {
    let start = wanted.main.cuts.starts.get(wanted.n);
    let start = start.map_or(0, |cut| cut.start);
    let (cipher, samples) = match protect {
        Protect::Clear | Protect::Lead => (Cipher::Clear, None),
        Protect::Segment(key) => {
            let ivs = &key.ivs;
            let iv = if wanted.key_frame { ivs.key_frame(start) } else { ivs.transport(start) };
            (Cipher::Segment { iv, key: key.key }, None)
        }
        Protect::Samples(scheme, key, _) => (Cipher::Clear, Some((scheme, key))),
    };
    Ok(Plan::transport(layout(wanted, samples, source)?, cipher))
}

/// Bytes of the packets that a clear segment starts with: tables and the key frame.
///
/// # Errors
/// As [`segment`].
pub fn key_frame_length<S: ReadAt + ?Sized>(
    main: &Rendition,
    n: usize,
    source: &S,
) -> Result<u64, FragmentError> {
    let wanted = Wanted { main, muxed: None, n, key_frame: true };
    Ok(layout(&wanted, None, source)?.length())
}

fn layout<S: ReadAt + ?Sized>(
    wanted: &Wanted<'_>,
    protect: Option<(Scheme, TrackKey)>,
    source: &S,
) -> Result<Segment, TransportError> {
    let mut mux = match protect {
        None => Mux::new(&clear_streams(wanted)?, None, wanted.n),
        Some((scheme, key)) => {
            let stream = protect::stream(wanted, source)?;
            Mux::new(&[stream], Some(protect::sample_aes(wanted.main, scheme, key)?), wanted.n)
        }
    };
    let mut sound = Sound::of(wanted, source)?;
    let range = wanted.main.cuts.samples(wanted.n);
    let units = NalUnits::of(wanted.main.track.codec_of(range.start));
    let whole = !wanted.key_frame || range.len() == 1;
    if let Some(units) = units {
        let row = row_of(wanted.main)?;
        let mut pictures = video::Pictures::new(wanted.main, units, row.stream_id, source);
        let count = if wanted.key_frame { 1 } else { range.len() };
        let mut samples = wanted.main.track.index.samples(range).take(count).peekable();
        while samples.peek().is_some() {
            let group: Vec<Sample> = samples.by_ref().take(TOGETHER).collect();
            for picture in pictures.read(group, mux.sample_aes())? {
                sound.write_until(Some(pictures.dts(&picture)), &mut mux)?;
                pictures.write(&picture, &mut mux);
                if mux.is_full() {
                    return Err(TransportError::TooManySets);
                }
            }
        }
    }
    sound.write_until(None, &mut mux)?;
    // A key frame is the front of its segment, whose end alone has spare packets.
    if whole {
        mux.even_counters();
    }
    Ok(mux.finish())
}

fn clear_streams(wanted: &Wanted<'_>) -> Result<Vec<psi::Stream>, TransportError> {
    let tracks = [Some(wanted.main), wanted.muxed].into_iter().flatten();
    tracks.map(|rendition| row_of(rendition).map(psi::Row::clear)).collect()
}

/// How the codec of a rendition is carried.
fn row_of(rendition: &Rendition) -> Result<&'static psi::Row, TransportError> {
    let track = &rendition.track;
    psi::row(track.codec.family()).ok_or_else(|| TransportError::NotCarried(track.codec_string()))
}

/// The sound of a segment: its main rendition, or one that is muxed in, or none.
struct Sound<'a, S: ?Sized> {
    frames: Option<audio::Frames<'a, S>>,
    packets: Peekable<std::vec::IntoIter<Vec<Sample>>>,
}

impl<'a, S: ReadAt + ?Sized> Sound<'a, S> {
    fn of(wanted: &Wanted<'a>, source: &'a S) -> Result<Self, TransportError> {
        let main = wanted.main;
        let (rendition, stream, samples) = match (main.track.media_type, wanted.muxed) {
            (MediaType::Audio, _) => (Some(main), 0, main.cuts.samples(wanted.n)),
            (MediaType::Video, Some(muxed)) => {
                (Some(muxed), 1, audio::samples_beside(muxed, main, wanted.n))
            }
            (MediaType::Video, None) => (None, 0, 0..0),
        };
        let frames =
            rendition.map(|rendition| audio::Frames::new(rendition, stream, source)).transpose()?;
        let packets = frames.as_ref().map_or_else(Vec::new, |frames| frames.packets(samples));
        Ok(Self { frames, packets: packets.into_iter().peekable() })
    }

    /// Writes the PES packets whose first frame is due by `dts`, or all.
    fn write_until(&mut self, dts: Option<u64>, mux: &mut Mux) -> Result<(), TransportError> {
        let Some(frames) = &mut self.frames else {
            return Ok(());
        };
        let due = |frames: &audio::Frames<'_, S>, samples: &Vec<Sample>| {
            dts.is_none_or(|dts| frames.start(samples) <= dts)
        };
        while let Some(samples) = self.packets.next_if(|samples| due(frames, samples)) {
            frames.write(&samples, mux)?;
            if mux.is_full() {
                return Err(TransportError::TooManySets);
            }
        }
        Ok(())
    }
}

/// Turns the times of a rendition's samples into time stamps.
struct Stamps<'a> {
    rendition: &'a Rendition,
}

impl Stamps<'_> {
    fn of(&self, sample: &Sample) -> pes::Times {
        let (pts, dts) = self.rendition.track.times(sample, pes::CLOCK);
        let to_stamp = |ticks: i64| self.moved(ticks, pes::CLOCK);
        pes::Times { pts: to_stamp(pts), dts: to_stamp(dts) }
    }

    /// A clock reference at the decoding time of a sample.
    fn access(&self, sample: &Sample) -> Access {
        let (_, dts) = self.rendition.track.times(sample, REFERENCE_CLOCK);
        Access {
            random: sample.sync,
            pcr: Some(self.moved(dts - CLOCK_DELAY, REFERENCE_CLOCK)),
            repeat: None,
        }
    }

    fn moved(&self, ticks: i64, timescale: u32) -> u64 {
        let origin = rescale(self.rendition.origin, WIRE_TIMESCALE, timescale);
        let moved = ticks + origin + OFFSET * i64::from(timescale);
        // Sources that start more than ten seconds early wrap, as time stamps do.
        moved.rem_euclid(i64::from(timescale) << 33).cast_unsigned()
    }
}
