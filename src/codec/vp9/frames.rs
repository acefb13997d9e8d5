//! The frames of a sample and their uncompressed headers (VP9 Bitstream & Decoding Process
//! Specification, section 6.2 and annex B), which Common Encryption leaves in the clear (VP Codec
//! ISO Media File Format Binding, "Sample Encryption").

use crate::bytes::{PlainBits, Truncated};
use crate::codec::CodecError;

/// Frames of a superframe, at most.
const MAX_FRAMES: usize = 8;

/// Bytes at the end of a sample that hold the longest superframe index.
pub const MAX_INDEX: usize = 2 + MAX_FRAMES * 4;

/// Bits of the values that a segment changes, sign included.
const FEATURE_BITS: [usize; 4] = [9, 7, 2, 0];

const SYNC_CODE: u32 = 0x49_83_42;

/// CS_RGB: such pictures have no subsampling to tell.
const RGB: u32 = 7;

/// The sizes of the frames of a sample: one, or up to eight with an index behind them; the rest is 0.
///
/// # Errors
/// An index whose frames do not fit into the sample. `tail` is the end of the sample, `size` its
/// length in bytes.
pub fn frames(tail: &[u8], size: u32) -> Result<[u32; MAX_FRAMES], CodecError> {
    let Some(sizes) = index(tail) else { return Ok([size, 0, 0, 0, 0, 0, 0, 0]) };
    let used: u64 = sizes.iter().map(|size| u64::from(*size)).sum();
    if used > u64::from(size) {
        return Err(CodecError::BadValue("the frames of a superframe do not fit into it"));
    }
    Ok(sizes)
}

/// The sizes of a superframe index at the end; `None` where there is none.
fn index(tail: &[u8]) -> Option<[u32; MAX_FRAMES]> {
    let marker = *tail.last()?;
    if marker >> 5 != 0b110 {
        return None;
    }
    let (count, bytes) = (usize::from(marker & 7) + 1, usize::from(marker >> 3 & 3) + 1);
    let index = &tail[tail.len().checked_sub(2 + count * bytes)?..];
    if index[0] != marker {
        return None;
    }
    let mut sizes = [0; MAX_FRAMES];
    for (size, field) in sizes.iter_mut().zip(index[1..=count * bytes].chunks_exact(bytes)) {
        *size = field.iter().rev().fold(0, |size, byte| size << 8 | u32::from(*byte));
    }
    Some(sizes)
}

/// What later frames depend on: the width of each reference.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    widths: [u32; 8],
}

impl Stream {
    /// Bytes of the uncompressed header of a frame; `None` for one that only shows another one and
    /// has nothing else. `front` is the frame, or as much of it as holds the header.
    ///
    /// # Errors
    /// A header that ends too early or breaks a rule.
    pub fn header_len(&mut self, front: &[u8]) -> Result<Option<usize>, CodecError> {
        let mut header = Header { bits: PlainBits::new(front), profile: 0, width: 0 };
        let refresh = header.parse(&self.widths);
        let refresh = refresh.map_err(CodecError::truncated("an uncompressed header"))?;
        let Some(refresh) = refresh else { return Ok(None) };
        for (slot, width) in self.widths.iter_mut().enumerate() {
            if refresh >> slot & 1 == 1 {
                *width = header.width;
            }
        }
        Ok(Some(header.bits.bytes_touched()))
    }
}

struct Header<'a> {
    bits: PlainBits<'a>,
    profile: u32,
    width: u32,
}

impl Header<'_> {
    /// Gives refresh_frame_flags; `None` with show_existing_frame.
    fn parse(&mut self, widths: &[u32; 8]) -> Result<Option<u32>, Truncated> {
        demand(self.bits.take(2)? == 2)?; // frame_marker
        self.profile = self.bits.take(1)? | self.bits.take(1)? << 1;
        if self.profile == 3 {
            self.bits.skip(1)?;
        }
        if self.bits.flag()? {
            return Ok(None);
        }
        let is_key = !self.bits.flag()?;
        let (shown, error_resilient) = (self.bits.flag()?, self.bits.flag()?);
        let refresh = if is_key {
            self.sync_code()?;
            self.colour()?;
            self.frame_size()?;
            0xff
        } else {
            self.other(shown, error_resilient, widths)?
        };
        if !error_resilient {
            self.bits.skip(2)?; // refresh_frame_context, frame_parallel_decoding_mode
        }
        self.bits.skip(2)?; // frame_context_idx
        self.loop_filter()?;
        self.quantization()?;
        self.segmentation()?;
        self.tiles()?;
        self.bits.skip(16)?; // header_size_in_bytes
        Ok(Some(refresh))
    }

    /// A frame that is no key frame.
    fn other(
        &mut self,
        shown: bool,
        error_resilient: bool,
        widths: &[u32; 8],
    ) -> Result<u32, Truncated> {
        let intra_only = !shown && self.bits.flag()?;
        if !error_resilient {
            self.bits.skip(2)?; // reset_frame_context
        }
        if intra_only {
            self.sync_code()?;
            if self.profile > 0 {
                self.colour()?;
            }
            let refresh = self.bits.take(8)?;
            self.frame_size()?;
            return Ok(refresh);
        }
        let refresh = self.bits.take(8)?;
        let mut slots = [0; 3];
        for slot in &mut slots {
            *slot = self.bits.take(3)? as usize;
            self.bits.skip(1)?; // ref_frame_sign_bias
        }
        self.size_of_reference(slots.map(|slot| widths[slot]))?;
        self.bits.skip(1)?; // allow_high_precision_mv
        if !self.bits.flag()? {
            self.bits.skip(2)?; // raw_interpolation_filter
        }
        Ok(refresh)
    }

    fn sync_code(&mut self) -> Result<(), Truncated> {
        demand(self.bits.take(24)? == SYNC_CODE)
    }

    fn colour(&mut self) -> Result<(), Truncated> {
        if self.profile >= 2 {
            self.bits.skip(1)?; // ten_or_twelve_bit
        }
        let rgb = self.bits.take(3)? == RGB;
        if !rgb {
            self.bits.skip(1)?; // color_range
        }
        match (self.profile & 1, rgb) {
            (0, _) => Ok(()),
            (_, true) => self.bits.skip(1),
            (_, false) => self.bits.skip(3),
        }
    }

    fn frame_size(&mut self) -> Result<(), Truncated> {
        self.width = self.bits.take(16)? + 1;
        self.bits.skip(16)?;
        self.render_size()
    }

    fn render_size(&mut self) -> Result<(), Truncated> {
        if self.bits.flag()? { self.bits.skip(32) } else { Ok(()) }
    }

    fn size_of_reference(&mut self, widths: [u32; 3]) -> Result<(), Truncated> {
        for width in widths {
            if self.bits.flag()? {
                self.width = width;
                return self.render_size();
            }
        }
        self.frame_size()
    }

    fn loop_filter(&mut self) -> Result<(), Truncated> {
        self.bits.skip(6 + 3)?;
        if self.bits.flag()? && self.bits.flag()? {
            self.optional(4 + 2, 7)?;
        }
        Ok(())
    }

    fn quantization(&mut self) -> Result<(), Truncated> {
        self.bits.skip(8)?;
        self.optional(3, 5)
    }

    fn segmentation(&mut self) -> Result<(), Truncated> {
        if !self.bits.flag()? {
            return Ok(());
        }
        if self.bits.flag()? {
            self.optional(7, 8)?;
            if self.bits.flag()? {
                self.optional(3, 8)?;
            }
        }
        if self.bits.flag()? {
            self.bits.skip(1)?; // segmentation_abs_or_delta_update
            for width in [FEATURE_BITS; 8].as_flattened() {
                self.optional(1, *width)?;
            }
        }
        Ok(())
    }

    fn tiles(&mut self) -> Result<(), Truncated> {
        let blocks = self.width.div_ceil(64);
        let least = (0..6).find(|log2| 64 << log2 >= blocks).unwrap_or(6);
        let most = (1..16).find(|log2| blocks >> log2 < 4).unwrap_or(16) - 1;
        for _ in least..most {
            if !self.bits.flag()? {
                break;
            }
        }
        self.optional(1, 1) // tile_rows_log2
    }

    /// `count` values of `width` bits, each with a bit in front that says whether it is there.
    fn optional(&mut self, count: usize, width: usize) -> Result<(), Truncated> {
        for _ in 0..count {
            if self.bits.flag()? {
                self.bits.skip(width)?;
            }
        }
        Ok(())
    }
}

fn demand(held: bool) -> Result<(), Truncated> {
    if held { Ok(()) } else { Err(Truncated) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_superframe_lists_its_frames() {
        let index = [0xc9, 0x10, 0x01, 0x05, 0x00, 0xc9];
        assert_eq!(frames(&index, 300), Ok([0x110, 5, 0, 0, 0, 0, 0, 0]));
        assert!(frames(&index, 200).is_err());
        for tail in [&[0xc9; 3][..], &[]] {
            assert_eq!(frames(tail, 200), Ok([200, 0, 0, 0, 0, 0, 0, 0]));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_frames_never_panic_and_stay_inside(
            list in prop::collection::vec(any::<Vec<u8>>(), 1..4), tail: Vec<u8>,
        ) {
            let mut stream = Stream::default();
            for mut frame in list {
                if let Some(first) = frame.first_mut() {
                    *first = *first & 0x3f | 0x80;
                }
                if let Ok(Some(length)) = stream.header_len(&frame) {
                    prop_assert!(length <= frame.len());
                }
            }
            let _ = frames(&tail, 1000);
        }
    }
}
