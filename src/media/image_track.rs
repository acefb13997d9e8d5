//! Image tracks of MP4 files: every sample is a whole image, one thumbnail or a sheet of them.

use super::edit::Shift;
use super::fragments::Fragments;
use super::index::{Room, Sample};
use super::opened::Opened;
use super::track::check_times;
use super::{MediaRule, SampleIndex};
use crate::bytes::ReadAt;
use crate::codec::esds::DecoderConfig;
use crate::codec::image::{ImageCodec, SIGNATURE};
use crate::isobmff::entry::{self, VisualEntry};
use crate::isobmff::moov::trak::Trak;
use crate::isobmff::{BoxRef, ScanError, find};
use crate::time::to_wire;

/// Handlers of image tracks: pictures, and image sequences of ISO/IEC 23008-12.
pub(super) const HANDLERS: &[&[u8; 4]] = &[b"vide", b"pict"];

/// More images are refused: each is a segment of its own.
const MAX_IMAGES: u32 = 100_000;

/// More images a second are a film.
const MAX_RATE: u64 = 4;

/// A track whose samples are images.
#[derive(Debug)]
pub struct ImageTrack {
    /// Track id in the file.
    pub track_id: u32,
    /// What the images are coded in.
    pub codec: ImageCodec,
    /// Width and height of each image in pixels.
    pub size: (u16, u16),
    /// Where the clock of the track stood at its start, in wire ticks: taken out of all times.
    pub clock: i64,
    /// The images.
    pub index: SampleIndex,
    timescale: u32,
    shift: Shift,
}

/// Reads an image track; `None` for other pictures.
///
/// # Errors
/// Broken boxes, samples outside the file, no images or too many of them, a first sample that is
/// no image.
pub(super) fn read<S: ReadAt + ?Sized>(
    trak: &BoxRef<'_>,
    movie_timescale: u32,
    fragments: &mut Fragments,
    room: &mut Room,
    source: &S,
) -> Result<Option<ImageTrack>, MediaRule> {
    let trak = Trak::parse(trak)?;
    let entries = entry::entries(&trak.stbl.require(b"stsd")?)?;
    let Some(codec) = entries.first().and_then(codec) else { return Ok(None) };
    let [entry] = entries.as_slice() else {
        return Err(MediaRule::SeveralDescriptions("a track of images"));
    };
    let entry = VisualEntry::parse(entry)?;
    let Opened { index, timescale, shift, clock } =
        Opened::of(&trak, movie_timescale, fragments, room)?;
    check_times(&index, shift, timescale)?;
    let track = ImageTrack {
        track_id: trak.tkhd.track_id,
        codec,
        size: (entry.width, entry.height),
        clock,
        index,
        timescale,
        shift,
    };
    track.check(source)?;
    Ok(Some(track))
}

/// The codec that a sample entry names, itself or in its `esds`.
fn codec(entry: &BoxRef<'_>) -> Option<ImageCodec> {
    if &entry.kind.0 != b"mp4v" {
        return ImageCodec::of_entry(entry.kind.0);
    }
    let esds = find(VisualEntry::parse(entry).ok()?.children, b"esds").ok()??;
    ImageCodec::of_object_type(DecoderConfig::parse(esds.body).ok()?.object_type)
}

impl ImageTrack {
    /// When image `n` is shown first, in wire ticks, edits applied; `n` may be the number of images.
    pub fn time(&self, n: u32) -> i64 {
        to_wire(self.index.dts(n).saturating_add(self.shift.offset), self.timescale)
    }

    /// Image `n`.
    pub fn image(&self, n: u32) -> Option<Sample> {
        // A sample has a number below the number of all.
        (n < self.index.len()).then(|| self.index.samples(n..n + 1).next())?
    }

    /// Whether both hold the same images, as files of a set do.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let bytes = |track: &Self| track.index.bytes(0..track.index.len());
        (self.codec, self.size, self.index.len(), bytes(self))
            == (other.codec, other.size, other.index.len(), bytes(other))
    }

    fn check<S: ReadAt + ?Sized>(&self, source: &S) -> Result<(), MediaRule> {
        let count = self.index.len();
        let ticks = u64::try_from(self.index.dts(count)).unwrap_or(0);
        let Some(first) = self.image(0) else { return Err(MediaRule::Image("there are none")) };
        if count > MAX_IMAGES {
            return Err(MediaRule::Limit("a track has at most 100,000 images"));
        }
        if u64::from(count - 1) * u64::from(self.timescale) > ticks.saturating_mul(MAX_RATE) {
            return Err(MediaRule::Image("more than four a second are a film, not thumbnails"));
        }
        if self.size.0 == 0 || self.size.1 == 0 {
            return Err(MediaRule::Image("the sample entry does not tell their size"));
        }
        let front = self.front(&first, source).map_err(ScanError::Io)?;
        match self.codec.begins(&front) {
            true => Ok(()),
            false => Err(MediaRule::Image("the first sample is none")),
        }
    }

    /// The first bytes of an image, those that tell whether it is one.
    ///
    /// # Errors
    /// What reading gives.
    pub fn front<S: ReadAt + ?Sized>(
        &self,
        image: &Sample,
        source: &S,
    ) -> std::io::Result<Vec<u8>> {
        let mut front = vec![0; SIGNATURE.min(image.size as usize)];
        source.read_exact_at(image.offset, &mut front)?;
        Ok(front)
    }

    /// Memory of the track and its index in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        size_of::<Self>() + self.index.heap_size()
    }
}
