//! The frames of VP9 samples: each is protected behind its uncompressed header, in whole blocks; the
//! index of a superframe is clear (VP Codec ISO Media File Format Binding, "Sample Encryption"; packaging.md
//! section 1.3).

use super::{MapError, Pictures, SubsampleBuilder, in_sample};
use crate::bytes::{ReadAt, Window};
use crate::codec::vp9::{MAX_INDEX, Stream, frames};
use crate::crypto;
use crate::media::index::Sample;

/// Bytes of a cipher block.
const BLOCK: u32 = crypto::BLOCK as u32;

/// Uncompressed headers are shorter.
const HEADER_WINDOW: usize = 512;

/// Walks over the frames of samples.
pub(super) struct FrameWalk<'a, S: ?Sized> {
    window: Window<'a, S>,
    stream: Stream,
}

impl<'a, S: ReadAt + ?Sized> FrameWalk<'a, S> {
    pub(super) fn new(source: &'a S) -> Self {
        Self { window: Window::new(source), stream: Stream::default() }
    }

    /// The sizes of the frames of a sample.
    fn frames(&mut self, sample: &Sample) -> Result<[u32; 8], MapError> {
        let length = (sample.size as usize).min(MAX_INDEX);
        let start = sample.offset + u64::from(sample.size) - length as u64;
        frames(self.window.get(start, length)?, sample.size).map_err(in_sample(sample))
    }
}

impl<S: ReadAt + ?Sized> Pictures for FrameWalk<'_, S> {
    fn sample(
        &mut self,
        sample: &Sample,
        builder: &mut SubsampleBuilder<'_>,
    ) -> Result<(), MapError> {
        let mut left = sample.size;
        for size in self.frames(sample)?.into_iter().filter(|size| *size > 0) {
            let offset = sample.offset + u64::from(sample.size - left);
            let front = self.window.get(offset, (size as usize).min(HEADER_WINDOW))?;
            let header = self.stream.header_len(front).map_err(in_sample(sample))?;
            let clear = header.and_then(|length| u32::try_from(length).ok()).unwrap_or(size);
            // Whole blocks by every scheme.
            let rest = (size - clear) % BLOCK;
            builder.push(clear + rest, size - clear - rest)?;
            // They fit into the sample.
            left -= size;
        }
        builder.push(left, 0)
    }
}
