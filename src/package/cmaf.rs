//! CMAF header and fragments (ISO/IEC 23000-19 section 7), and their kin: the Common Streaming
//! Format has another brand in front of the same fragments, Smooth Streaming the same samples under
//! another clock.
//!
//! Timing: video has no edit list; composition offsets are signed, so that a fragment's decoding
//! time equals the presentation time of its key frame. Audio with priming keeps it and has one
//! edit that hides it; Smooth has no edits, so there the first fragment starts behind it.

mod lengths;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

pub use self::lengths::length;
pub(super) use self::lengths::{head_length, in_band_length, lead_head_length, padded};
use super::announced::Announced;
use super::format::Container;
use super::plan::{Cipher, Extent, Plan, Samples};
use super::ts::TransportError;
use crate::bytes::{ReadAt, Writer};
use crate::cenc::{IvContext, MapError, SampleMap, Scheme, TrackKey};
use crate::codec::{Codec, MediaType, aac};
use crate::ids::KeyId;
use crate::isobmff::cenc::{Form, Pssh, SampleAuxiliary, Tenc};
use crate::isobmff::moof::{self, FragmentHeader, FragmentTiming, TrunSample};
use crate::isobmff::moov::mdhd::Mdhd;
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::moov::{dinf, elst, hdlr, mvex, mvhd};
use crate::isobmff::{FourCc, boxed, ftyp, full_box, stbl};
use crate::media::index::Sample;
use crate::media::sealed::SealedError;
use crate::media::{Rendition, Sealed, Track};
use crate::time::WIRE_TIMESCALE;

/// Payloads are addressed with 32 bits; a fragment that comes near is refused.
const MAX_PAYLOAD: u64 = 0xf000_0000;

/// How a fragment is protected.
#[derive(Debug, Clone)]
pub enum Protect {
    /// Not at all: its samples are clear, or encrypted already.
    Clear,
    /// Its samples, by Common Encryption.
    Samples(Scheme, TrackKey, InBand),
    /// As a whole, by AES-128-CBC. The init segment stays clear.
    Segment(TrackKey),
    /// Not at all, in a track whose other fragments have protected samples: these have a sample
    /// description of their own (packaging.md section 1.6).
    Lead,
}

impl Protect {
    /// What a fragment of the clear lead of a track has.
    #[must_use]
    pub fn lead(self) -> Self {
        match self {
            Self::Samples(..) | Self::Lead => Self::Lead,
            Self::Clear | Self::Segment(_) => Self::Clear,
        }
    }
}

/// What the fragments of keys that rotate announce to protection systems: they name their key
/// themselves. `None` of keys that do not.
pub type InBand = Option<Arc<[Pssh]>>;

/// Why a fragment cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FragmentError {
    /// Its samples cannot be protected.
    #[error(transparent)]
    Map(#[from] MapError),
    /// It cannot be put into a transport stream.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// What opens its samples, which are encrypted already, cannot be read.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// Its samples are encrypted already, which the form has no place for or would do once more.
    #[error("already-encrypted: the samples are passed through as they are")]
    AlreadyEncrypted,
    /// It is too large.
    #[error("the fragment is larger than 3.75 GiB")]
    TooLarge,
}

/// The init segment of a rendition, with a box for each system that it is announced to. `lead` says
/// that protected tracks have clear fragments too.
pub fn init_segment(
    rendition: &Rendition,
    container: Container,
    protect: &Protect,
    lead: bool,
    systems: &[Announced],
) -> Vec<u8> {
    let track = &rendition.track;
    let timing = Timing::of(rendition, Shape::Cmaf);
    let mut w = Writer::with_capacity(1024);
    match container {
        Container::Csf => ftyp::write(&mut w, b"ftyp", 1, &[b"ccff", b"iso6"]),
        _ => ftyp::write(&mut w, b"ftyp", 0, &brands(track)),
    }
    boxed(&mut w, b"moov", |w| {
        mvhd::write(w, WIRE_TIMESCALE);
        boxed(w, b"trak", |w| {
            header(track).write(w);
            if timing.hidden > 0 {
                // At most four audio frames, far below 2^32 ticks.
                elst::write(w, u32::try_from(timing.hidden).unwrap_or(u32::MAX));
            }
            boxed(w, b"mdia", |w| media(w, rendition, protect, lead));
        });
        mvex::write(w);
        systems.iter().filter_map(|system| system.pssh.as_ref()).for_each(|pssh| pssh.write(w));
    });
    w.into_vec()
}

/// CMAF structural brands, and the media profile brand of the track where it is sure to meet one
/// (ISO/IEC 23000-19 annexes A and F; AV1 binding section 2.1).
fn brands(track: &Track) -> Vec<&'static [u8; 4]> {
    let mut brands: Vec<&[u8; 4]> = vec![b"cmfc", b"iso6"];
    if track.media_type == MediaType::Video {
        brands.push(b"cmf2");
    }
    brands.extend(profile_brand(track));
    brands
}

fn profile_brand(track: &Track) -> Option<&'static [u8; 4]> {
    let (width, height) = track.size;
    match &track.codec {
        Codec::Avc(config) => match config.profile_level[2] {
            ..=31 if width <= 864 && height <= 576 => Some(b"cfsd"),
            ..=40 if width <= 1920 && height <= 1080 => Some(b"cfhd"),
            _ => None,
        },
        Codec::Av1(_) => Some(b"av01"),
        Codec::Aac(config) if config.object_type != aac::AOT_USAC => Some(b"caac"),
        _ => None,
    }
}

/// The track header with the values that do not depend on the source file.
fn header(track: &Track) -> Tkhd {
    let volume = if track.media_type == MediaType::Audio { 0x0100 } else { 0 };
    Tkhd { track_id: 1, volume, ..track.header.clone() }
}

fn media(w: &mut Writer, rendition: &Rendition, protect: &Protect, lead: bool) {
    let track = &rendition.track;
    Mdhd { timescale: WIRE_TIMESCALE, language: rendition.language }.write(w);
    let (handler, protected_entry) = match track.media_type {
        MediaType::Video => (FourCc(*b"vide"), b"encv"),
        MediaType::Audio => (FourCc(*b"soun"), b"enca"),
    };
    hdlr::write(w, handler);
    boxed(w, b"minf", |w| {
        match track.media_type {
            MediaType::Video => full_box(w, b"vmhd", 0, 1, |w| w.zeros(8)),
            MediaType::Audio => full_box(w, b"smhd", 0, 0, |w| w.zeros(4)),
        }
        dinf::write(w);
        boxed(w, b"stbl", |w| {
            full_box(w, b"stsd", 0, 0, |w| {
                let sealed = track.sealed.as_ref();
                let sinf = match (sealed, protect) {
                    (Some(sealed), _) => Some(sealed.sinf(track.entry.kind)),
                    (None, Protect::Samples(scheme, key, _)) => {
                        Some(key.sinf(*scheme, track.entry.kind, track.media_type))
                    }
                    (None, Protect::Clear | Protect::Segment(_) | Protect::Lead) => None,
                };
                // A track that is encrypted already may have clear descriptions too.
                let hidden = |own: bool| sinf.as_ref().filter(|_| own || sealed.is_none());
                let placed = track.placed_entries().into_iter();
                let mut entries: Vec<_> = placed.map(|(entry, own)| (entry, hidden(own))).collect();
                if lead && sinf.is_some() {
                    entries.extend(track.entries().into_iter().map(|entry| (entry, None)));
                }
                // At most 1,000.
                w.u32(u32::try_from(entries.len()).unwrap_or(u32::MAX));
                for (entry, sinf) in entries {
                    entry.write(w, sinf.map(|sinf| (protected_entry, sinf)));
                }
            });
            stbl::write_empty(w);
        });
    });
}

/// How a Smooth fragment tells of its protection: there is no init segment that would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Told {
    /// In the box of PIFF, not in those of ISO/IEC 23001-7.
    pub piff: bool,
    /// Its key too: the manifest has several.
    pub key: bool,
}

/// Which kind of fragment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// With a decoding time; of CMAF and the Common Streaming Format.
    Cmaf,
    /// With a presentation time, and nothing that an edit list would have to hide.
    Smooth(Told),
    /// The first sample of a CMAF fragment, which lasts as long as the fragment does.
    KeyFrame,
}

impl Shape {
    /// What the segments of a container are.
    pub fn of(container: Container) -> Self {
        match container {
            Container::Smooth => Self::Smooth(Told::default()),
            Container::Cmaf | Container::Csf | Container::Transport { .. } => Self::Cmaf,
        }
    }

    /// The boxes that data of samples under a key are in.
    fn form(self, kid: KeyId) -> Form {
        match self {
            Self::Smooth(Told { piff: true, key }) => Form::Piff { key: key.then_some(kid) },
            Self::Smooth(_) | Self::Cmaf | Self::KeyFrame => Form::Cenc,
        }
    }

    /// Whether a sample group names the key, though it does not rotate.
    fn names_key(self) -> bool {
        matches!(self, Self::Smooth(Told { piff: false, key: true }))
    }

    /// The samples of fragment `n`.
    pub(super) fn samples(self, rendition: &Rendition, n: usize) -> Range<u32> {
        let samples = rendition.cuts.samples(n);
        let track = &rendition.track;
        if self == Self::KeyFrame {
            return samples.start..samples.end.min(samples.start + 1);
        }
        if self == Self::Cmaf || n > 0 || track.media_type == MediaType::Video {
            return samples;
        }
        let half = (track.decode_time(1, 0) - track.decode_time(0, 0)) / 2;
        let first = track.first_at_or_after(-rendition.origin - half);
        first.clamp(samples.start, samples.end.saturating_sub(1).max(samples.start))..samples.end
    }
}

/// Media time in wire ticks that the edit list of a rendition hides: priming of audio. It is a part
/// of the first fragment.
pub(super) fn priming(rendition: &Rendition) -> u64 {
    Timing::of(rendition, Shape::Cmaf).hidden.unsigned_abs()
}

/// How the times of a rendition are written.
struct Timing<'a> {
    rendition: &'a Rendition,
    /// First sample of the first fragment.
    first: u32,
    /// Media time in wire ticks that the edit list hides: priming of audio.
    hidden: i64,
}

impl<'a> Timing<'a> {
    fn of(rendition: &'a Rendition, shape: Shape) -> Self {
        let first = shape.samples(rendition, 0).start;
        let start = rendition.track.presentation_time(first) + rendition.origin;
        let hidden = if matches!(shape, Shape::Smooth(_)) { 0 } else { (-start).max(0) };
        Self { rendition, first, hidden }
    }

    /// Decoding time of sample `n` on the wire.
    fn decode(&self, n: u32) -> i64 {
        self.rendition.track.decode_time(n, self.first) + self.rendition.origin + self.hidden
    }

    fn trun_sample(&self, sample: &Sample) -> TrunSample {
        let track = &self.rendition.track;
        let dts = self.decode(sample.number);
        let shown = track.presentation_time(sample.number) + self.rendition.origin + self.hidden;
        TrunSample {
            duration: u32::try_from(self.decode(sample.number + 1) - dts).unwrap_or(u32::MAX),
            size: sample.size,
            composition_offset: i32::try_from(shown - dts).unwrap_or(i32::MAX),
            sync: sample.sync,
        }
    }
}

/// Plans fragment `n` of a rendition. Of the source only the headers inside the samples are read,
/// and only where samples are protected.
///
/// # Errors
/// Samples that cannot be protected, or a fragment that is too large.
pub fn fragment<S: ReadAt + ?Sized>(
    rendition: &Rendition,
    n: usize,
    shape: Shape,
    protect: Protect,
    source: &S,
) -> Result<Plan, FragmentError> {
    if rendition.fragment_bytes.get(n).is_none_or(|bytes| *bytes > MAX_PAYLOAD) {
        return Err(FragmentError::TooLarge);
    }
    let range = shape.samples(rendition, n);
    let track = &rendition.track;
    let samples = || track.index.samples(range.clone());
    if let Some(sealed) = &track.sealed {
        return match (&protect, shape) {
            (Protect::Clear, Shape::Cmaf | Shape::KeyFrame) => {
                passed(rendition, n, shape, sealed, source)
            }
            _ => Err(FragmentError::AlreadyEncrypted),
        };
    }
    let lead = matches!(protect, Protect::Lead);
    let cipher = match protect {
        Protect::Clear | Protect::Lead => Cipher::Clear,
        Protect::Segment(key) => {
            let start = rendition.cuts.starts.get(n).map_or(0, |cut| cut.start);
            let iv_of = match shape {
                Shape::KeyFrame => IvContext::key_fragment,
                Shape::Cmaf | Shape::Smooth(_) => IvContext::segment,
            };
            Cipher::Segment { iv: iv_of(&key.ivs, start), key: key.key }
        }
        Protect::Samples(scheme, key, in_band) => {
            let mut map =
                SampleMap::build(source, track.codec_of(range.start), scheme, &key, samples())?;
            map.auxiliary.form = shape.form(key.kid);
            let group = key.tenc(scheme, track.media_type);
            let hidden = Hidden {
                auxiliary: &map.auxiliary,
                own: match (&in_band, shape.names_key()) {
                    (Some(announced), _) => Some((&group, &**announced)),
                    (None, true) => Some((&group, &[])),
                    (None, false) => None,
                },
            };
            let head = head(rendition, n, shape, samples(), Some(&hidden), false);
            let protected = Samples::new(scheme, track.media_type, key, map.ranges);
            return Ok(Plan::new(head, extents(samples()), Cipher::Samples(protected)));
        }
    };
    Ok(Plan::new(head(rendition, n, shape, samples(), None, lead), extents(samples()), cipher))
}

/// Plans a fragment of samples that are encrypted already: they are copied, with what opens them.
fn passed<S: ReadAt + ?Sized>(
    rendition: &Rendition,
    n: usize,
    shape: Shape,
    sealed: &Sealed,
    source: &S,
) -> Result<Plan, FragmentError> {
    let (range, index) = (shape.samples(rendition, n), &rendition.track.index);
    let auxiliary = sealed.auxiliary(index, range.clone(), source)?;
    let hidden = auxiliary.as_ref().map(|auxiliary| Hidden { auxiliary, own: None });
    let samples = || index.samples(range.clone());
    let head = head(rendition, n, shape, samples(), hidden.as_ref(), false);
    Ok(Plan::new(head, extents(samples()), Cipher::Clear))
}

/// What a fragment says of the protection of its samples.
struct Hidden<'a> {
    auxiliary: &'a SampleAuxiliary,
    /// Their key, and to whom it is announced, where fragments name it.
    own: Option<(&'a Tenc, &'a [Pssh])>,
}

/// `moof` and the header of `mdat`.
fn head(
    rendition: &Rendition,
    n: usize,
    shape: Shape,
    samples: impl ExactSizeIterator<Item = Sample>,
    hidden: Option<&Hidden<'_>>,
    lead: bool,
) -> Bytes {
    let timing = Timing::of(rendition, shape);
    let range = shape.samples(rendition, n);
    let own = hidden.and_then(|hidden| hidden.own);
    let header = FragmentHeader {
        sequence_number: u32::try_from(n + 1).unwrap_or(u32::MAX),
        description: match lead {
            true => Some(rendition.track.lead_description_of(range.start)),
            false => rendition.track.numbered_description_of(range.start),
        },
        timing: match (shape, rendition.cuts.span(n)) {
            (Shape::Smooth(_), Some((start, end))) => {
                FragmentTiming::Smooth { start, duration: end.saturating_sub(start) }
            }
            _ => FragmentTiming::Decode(timing.decode(range.start).max(0).cast_unsigned()),
        },
        has_composition_offsets: rendition.track.index.has_composition_offsets(),
        all_sync: rendition.track.index.all_sync(),
        auxiliary: hidden.map(|hidden| hidden.auxiliary),
        group: own.map(|(group, _)| group),
        announced: own.map_or(&[], |(_, announced)| announced),
    };
    let payload = rendition.track.index.bytes(range);
    let lasting = rendition.cuts.span(n).filter(|_| shape == Shape::KeyFrame);
    let lasting = lasting.and_then(|(start, end)| u32::try_from(end - start).ok());
    let listed = samples.map(|sample| {
        let sample = timing.trun_sample(&sample);
        TrunSample { duration: lasting.unwrap_or(sample.duration), ..sample }
    });
    let mut w = Writer::with_capacity(256 + listed.len() * 32);
    moof::write(&mut w, &header, listed);
    // Below `MAX_PAYLOAD`.
    w.u32(u32::try_from(payload + 8).unwrap_or(u32::MAX));
    w.bytes(b"mdat");
    Bytes::from(w.into_vec())
}

/// The samples as source extents; neighbours merge.
fn extents(samples: impl Iterator<Item = Sample>) -> Vec<Extent> {
    let mut extents: Vec<Extent> = Vec::new();
    for sample in samples {
        let length = u64::from(sample.size);
        match extents.last_mut() {
            Some(last) if last.offset + last.length == sample.offset => last.length += length,
            _ => extents.push(Extent { offset: sample.offset, length }),
        }
    }
    extents
}
