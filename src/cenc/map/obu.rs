//! The open bitstream units of AV1 samples: each tile is protected, everything else is clear (AV1
//! Codec ISO Media File Format Binding, section 4.1; packaging.md section 1.3).

use super::{MapError, Pictures, SubsampleBuilder, in_sample, too_long};
use crate::bytes::{ReadAt, Window};
use crate::codec::av1::{Av1Config, MAX_HEADER, Obu, Stream, Tiles};
use crate::media::index::Sample;

/// Headers of frames and sequences are shorter.
const HEADER_WINDOW: usize = 2048;

/// Walks over the units of samples.
pub(super) struct ObuWalk<'a, S: ?Sized> {
    window: Window<'a, S>,
    stream: Stream,
}

/// A range inside a sample.
#[derive(Clone, Copy)]
struct Place {
    at: u32,
    length: u32,
}

impl<'a, S: ReadAt + ?Sized> ObuWalk<'a, S> {
    pub(super) fn new(source: &'a S, config: &Av1Config) -> Self {
        Self { window: Window::new(source), stream: Stream::new(config) }
    }

    /// At most `most` bytes of a place.
    fn front(&mut self, sample: &Sample, place: Place, most: usize) -> Result<&[u8], MapError> {
        let length = (place.length as usize).min(most);
        Ok(self.window.get(sample.offset + u64::from(place.at), length)?)
    }

    /// The header of the unit at the start of a place, and where its payload is.
    fn unit(&mut self, sample: &Sample, place: Place) -> Result<(Obu, Place), MapError> {
        let front = self.front(sample, place, MAX_HEADER)?;
        let unit = Obu::read(front, place.length as usize);
        let unit = unit.ok_or(too_long(sample, place.length))?;
        // Both lie inside the sample, which has 32 bits.
        let number = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let payload = Place { at: place.at + number(unit.header), length: number(unit.payload) };
        Ok((unit, payload))
    }

    fn tiles(
        &mut self,
        sample: &Sample,
        payload: Place,
        tiles: Tiles,
        builder: &mut SubsampleBuilder<'_>,
    ) -> Result<(), MapError> {
        // A header window at most.
        let start = u32::try_from(tiles.start).unwrap_or(u32::MAX);
        let size_bytes = u32::try_from(tiles.group.size_bytes).unwrap_or(0);
        let end = payload.at + payload.length;
        let mut at = payload.at + start;
        builder.push(start, 0)?;
        for last in (0..tiles.group.count).rev() {
            let left = end.checked_sub(at).ok_or(too_long(sample, 0))?;
            if last == 0 {
                return builder.push(0, left);
            }
            let room = left.checked_sub(size_bytes).ok_or(too_long(sample, size_bytes))?;
            let field = self.front(sample, Place { at, length: size_bytes }, 4)?;
            let size = field.iter().rev().fold(0, |size, byte| size << 8 | u32::from(*byte));
            let size = size.checked_add(1).filter(|size| *size <= room);
            let size = size.ok_or(too_long(sample, room))?;
            builder.push(size_bytes, size)?;
            at += size_bytes + size;
        }
        Ok(())
    }
}

impl<S: ReadAt + ?Sized> Pictures for ObuWalk<'_, S> {
    fn sample(
        &mut self,
        sample: &Sample,
        builder: &mut SubsampleBuilder<'_>,
    ) -> Result<(), MapError> {
        self.stream.start_sample();
        let mut at = 0;
        while at < sample.size {
            let (unit, payload) = self.unit(sample, Place { at, length: sample.size - at })?;
            builder.push(payload.at - at, 0)?;
            at = payload.at + payload.length;
            if !Stream::is_read(&unit) {
                builder.push(payload.length, 0)?;
                continue;
            }
            let length = (payload.length as usize).min(HEADER_WINDOW);
            let front = self.window.get(sample.offset + u64::from(payload.at), length)?;
            match self.stream.unit(&unit, front).map_err(in_sample(sample))? {
                Some(tiles) => self.tiles(sample, payload, tiles, builder)?,
                None => builder.push(payload.length, 0)?,
            }
        }
        Ok(())
    }
}
