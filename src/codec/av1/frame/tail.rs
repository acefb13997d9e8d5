//! The part of a frame header behind the tile info (AV1 specification, sections 5.9.11 to 5.9.31).

use super::{FrameHeader, INTER, REFS};
use crate::bytes::{PlainBits, Truncated};
use crate::codec::av1::references::SEGMENTS;
use crate::codec::av1::tiles::below;

/// Bits of the values that a segment changes, sign included; the first is the quantizer.
const FEATURE_BITS: [usize; 8] = [9, 7, 7, 7, 7, 3, 0, 0];

impl FrameHeader<'_> {
    /// Reads everything from the quantizers on.
    pub(super) fn tail(&mut self) -> Result<(), Truncated> {
        self.quantization()?;
        self.segmentation()?;
        if self.base_q > 0 && self.bits.flag()? {
            self.bits.skip(2)?; // delta_q_res
            if !self.intra_block_copy && self.bits.flag()? {
                self.bits.skip(3)?; // delta_lf_res, delta_lf_multi
            }
        }
        let lossless = self.is_lossless();
        if !self.intra_block_copy {
            self.filters(lossless)?;
        }
        if !lossless {
            self.bits.skip(1)?; // tx_mode_select
        }
        let compound = !self.is_intra() && self.bits.flag()?;
        if compound && self.allows_skip_mode() {
            self.bits.skip(1)?; // skip_mode_present
        }
        if !self.is_intra() && !self.error_resilient && self.sequence.warped_motion {
            self.bits.skip(1)?; // allow_warped_motion
        }
        self.bits.skip(1)?; // reduced_tx_set
        if !self.is_intra() {
            (0..REFS).try_for_each(|_| self.global_motion())?;
        }
        if self.sequence.film_grain && (self.shown || self.showable) && self.bits.flag()? {
            self.film_grain()?;
        }
        Ok(())
    }

    /// Section 5.9.12.
    fn quantization(&mut self) -> Result<(), Truncated> {
        let planes = self.sequence.planes;
        self.base_q = self.bits.take(8)?;
        let mut deltas = self.delta_q()?;
        if !planes.monochrome {
            let apart = planes.separate_uv_delta_q && self.bits.flag()?;
            for _ in 0..if apart { 4 } else { 2 } {
                deltas |= self.delta_q()?;
            }
        }
        self.has_q_deltas = deltas;
        if self.bits.flag()? {
            self.bits.skip(if planes.separate_uv_delta_q { 12 } else { 8 })?; // qm_y, qm_u, qm_v
        }
        Ok(())
    }

    /// Whether a delta is coded that is not 0 (section 5.9.13).
    fn delta_q(&mut self) -> Result<bool, Truncated> {
        Ok(self.bits.flag()? && self.bits.take(7)? != 0)
    }

    /// Section 5.9.14.
    fn segmentation(&mut self) -> Result<(), Truncated> {
        if !self.bits.flag()? {
            return Ok(());
        }
        if let Some(primary) = self.primary {
            if self.bits.flag()? {
                self.bits.skip(1)?; // segmentation_temporal_update
            }
            if !self.bits.flag()? {
                self.segment_q = self.references.get(primary).segment_q;
                return Ok(());
            }
        }
        for segment in 0..SEGMENTS {
            for (feature, width) in FEATURE_BITS.into_iter().enumerate() {
                if !self.bits.flag()? {
                    continue;
                }
                let value = self.bits.take(width)?;
                if feature == 0 {
                    self.segment_q[segment] = signed(value, width);
                }
            }
        }
        Ok(())
    }

    /// CodedLossless.
    fn is_lossless(&self) -> bool {
        // A byte.
        let base = i32::try_from(self.base_q).unwrap_or(i32::MAX);
        !self.has_q_deltas && self.segment_q.iter().all(|delta| base.saturating_add(*delta) <= 0)
    }

    fn filters(&mut self, lossless: bool) -> Result<(), Truncated> {
        if !lossless {
            self.loop_filter()?;
            if self.sequence.cdef {
                self.directional_enhancement()?;
            }
        }
        let all_lossless = lossless && self.upscaled_width == self.size[0];
        if !all_lossless && self.sequence.restoration { self.restoration() } else { Ok(()) }
    }

    /// Section 5.9.11.
    fn loop_filter(&mut self) -> Result<(), Truncated> {
        let levels = self.bits.take(12)?;
        if levels != 0 && !self.sequence.planes.monochrome {
            self.bits.skip(12)?;
        }
        self.bits.skip(3)?; // loop_filter_sharpness
        if self.bits.flag()? && self.bits.flag()? {
            for _ in 0..8 + 2 {
                if self.bits.flag()? {
                    self.bits.skip(7)?;
                }
            }
        }
        Ok(())
    }

    /// Section 5.9.19.
    fn directional_enhancement(&mut self) -> Result<(), Truncated> {
        self.bits.skip(2)?; // cdef_damping_minus_3
        let strengths = 1 << self.bits.take(2)?;
        self.bits.skip(strengths * if self.sequence.planes.monochrome { 6 } else { 12 })
    }

    /// Section 5.9.20.
    fn restoration(&mut self) -> Result<(), Truncated> {
        let planes = self.sequence.planes;
        let luma = self.bits.take(2)? != 0;
        let chroma = !planes.monochrome && self.bits.take(4)? != 0;
        if !luma && !chroma {
            return Ok(());
        }
        // lr_unit_shift, and lr_unit_extra_shift where superblocks are small.
        if self.bits.flag()? && !self.sequence.large_superblocks {
            self.bits.skip(1)?;
        }
        if chroma && planes.halved {
            self.bits.skip(1)?; // lr_uv_shift
        }
        Ok(())
    }

    /// Section 5.9.22.
    fn allows_skip_mode(&self) -> bool {
        let distance = |a, b| self.sequence.distance(a, b);
        let hints = || self.refs.iter().map(|slot| self.references.get(*slot).order_hint);
        let nearest_before = |limit: u32| {
            let before = hints().filter(|hint| distance(*hint, limit) < 0);
            before.max_by_key(|hint| distance(*hint, self.order_hint))
        };
        let Some(before) = nearest_before(self.order_hint) else { return false };
        hints().any(|hint| distance(hint, self.order_hint) > 0) || nearest_before(before).is_some()
    }

    /// Section 5.9.24, of one reference.
    fn global_motion(&mut self) -> Result<(), Truncated> {
        const ALPHA_BITS: u32 = 12;
        if !self.bits.flag()? {
            return Ok(());
        }
        let rotates = self.bits.flag()?;
        let moves_only = !rotates && self.bits.flag()?;
        let affine = !rotates && !moves_only;
        let alphas = if affine { 4 } else { 2 * usize::from(rotates) };
        for _ in 0..alphas {
            self.parameter(ALPHA_BITS)?;
        }
        let bits = match (moves_only, self.high_precision_mv) {
            (false, _) => 12,
            (true, true) => 9,
            (true, false) => 8,
        };
        self.parameter(bits)?;
        self.parameter(bits)
    }

    /// A value between -2^`bits` and 2^`bits`; how long it is does not depend on what it is told
    /// against (sections 5.9.25 to 5.9.28).
    fn parameter(&mut self, bits: u32) -> Result<(), Truncated> {
        let values = (2_u32 << bits) + 1;
        let (mut passed, mut width) = (0, 3);
        loop {
            if values <= passed + (3 << width) {
                return below(&mut self.bits, values - passed).map(|_| ());
            }
            if !self.bits.flag()? {
                return self.bits.skip(width);
            }
            passed += 1 << width;
            width += usize::from(passed > 8);
        }
    }

    /// Section 5.9.30, behind apply_grain.
    fn film_grain(&mut self) -> Result<(), Truncated> {
        let planes = self.sequence.planes;
        self.bits.skip(16)?; // grain_seed
        if self.kind == INTER && !self.bits.flag()? {
            return self.bits.skip(3); // film_grain_params_ref_idx
        }
        let luma = points(&mut self.bits)?;
        let from_luma = !planes.monochrome && self.bits.flag()?;
        let none = planes.monochrome || from_luma || planes.halved && luma == 0;
        let mut chroma = [0; 2];
        if !none {
            chroma = [points(&mut self.bits)?, points(&mut self.bits)?];
        }
        self.bits.skip(2)?; // grain_scaling_minus_8
        let lag = self.bits.take(2)? as usize;
        let positions = 2 * lag * (lag + 1);
        if luma > 0 {
            self.bits.skip(8 * positions)?;
        }
        let positions = positions + usize::from(luma > 0);
        for count in chroma {
            if from_luma || count > 0 {
                self.bits.skip(8 * positions)?;
            }
        }
        self.bits.skip(2 + 2)?; // ar_coeff_shift_minus_6, grain_scale_shift
        for _ in chroma.iter().filter(|count| **count > 0) {
            self.bits.skip(8 + 8 + 9)?;
        }
        self.bits.skip(2) // overlap_flag, clip_to_restricted_range
    }
}

/// Passes over a list of points of two bytes each and gives how many there are.
fn points(bits: &mut PlainBits<'_>) -> Result<usize, Truncated> {
    let count = bits.take(4)? as usize;
    bits.skip(16 * count)?;
    Ok(count)
}

/// A value in two's complement of `width` bits, at most 31.
fn signed(value: u32, width: usize) -> i32 {
    let value = value.cast_signed();
    if value >> (width - 1) & 1 == 1 { value - (1 << width) } else { value }
}
