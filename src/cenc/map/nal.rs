//! The NAL units of AVC and HEVC samples: slices are protected behind their headers, everything else
//! is clear as a whole (ISO/IEC 23001-7 section 9.5; packaging.md section 1.3).

use super::{MapError, Pictures, SubsampleBuilder, in_sample, too_long};
use crate::bytes::{ReadAt, Window};
use crate::codec::CodecError;
use crate::codec::nal::{LengthSize, Role, Slices};
use crate::media::index::Sample;

/// Slice headers are far shorter, but for those with many entry points.
const HEADER_WINDOWS: [usize; 2] = [512, 16 * 1024];

/// A larger parameter set in the samples is refused.
const MAX_PARAMETER_SET: u32 = 1 << 16;

/// Walks over the NAL units of samples.
pub(super) struct NalWalk<'a, S: ?Sized, P> {
    window: Window<'a, S>,
    length_size: LengthSize,
    /// In-band parameter sets replace those of the configuration from then on.
    sets: P,
}

impl<'a, S: ReadAt + ?Sized, P: Slices> NalWalk<'a, S, P> {
    pub(super) fn new(source: &'a S, length_size: LengthSize, sets: P) -> Self {
        Self { window: Window::new(source), length_size, sets }
    }

    fn nal_length(&mut self, sample: &Sample, at: u32) -> Result<u32, MapError> {
        let size = self.length_size;
        if ((sample.size - at) as usize) < size.bytes() {
            return Err(too_long(sample, 0));
        }
        let field = self.window.get(sample.offset + u64::from(at), size.bytes())?;
        size.read(field).ok_or(too_long(sample, 0))
    }

    /// How many bytes of a NAL unit stay clear.
    fn clear_bytes(&mut self, sample: &Sample, at: u32, nal: u32) -> Result<u32, MapError> {
        let offset = sample.offset + u64::from(at);
        let header = self.window.get(offset, nal.min(2) as usize)?;
        match P::role(header).map_err(in_sample(sample))? {
            Role::Other => Ok(nal),
            Role::Slice => self.slice(sample, offset, nal),
            Role::ParameterSet if nal > MAX_PARAMETER_SET => Err(too_long(sample, nal)),
            Role::ParameterSet => {
                let unit = self.window.get(offset, nal as usize)?;
                self.sets.add(unit).map_err(in_sample(sample))?;
                Ok(nal)
            }
        }
    }

    fn slice(&mut self, sample: &Sample, offset: u64, nal: u32) -> Result<u32, MapError> {
        let mut length = Err(CodecError::Truncated("a slice"));
        for window in HEADER_WINDOWS {
            let front = self.window.get(offset, (nal as usize).min(window))?;
            length = self.sets.header_len(front);
            let whole = nal as usize <= window;
            if whole || !matches!(length, Err(CodecError::Truncated(_))) {
                break;
            }
        }
        let length = length.map_err(in_sample(sample))?;
        Ok(u32::try_from(length).unwrap_or(nal).min(nal))
    }
}

impl<S: ReadAt + ?Sized, P: Slices> Pictures for NalWalk<'_, S, P> {
    fn sample(
        &mut self,
        sample: &Sample,
        builder: &mut SubsampleBuilder<'_>,
    ) -> Result<(), MapError> {
        // 1, 2 or 4.
        let length_size = u32::try_from(self.length_size.bytes()).unwrap_or(4);
        let mut at = 0;
        while at < sample.size {
            let left = sample.size - at;
            let nal = self.nal_length(sample, at)?;
            let total = nal.checked_add(length_size).filter(|total| *total <= left);
            let total = total.ok_or(too_long(sample, nal))?;
            let clear = self.clear_bytes(sample, at + length_size, nal)?;
            builder.push(length_size + clear, nal - clear)?;
            at += total;
        }
        Ok(())
    }
}
