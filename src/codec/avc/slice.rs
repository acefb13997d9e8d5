//! The length of slice headers (ISO/IEC 14496-10 section 7.3.3), which Common Encryption leaves in
//! the clear (ISO/IEC 23001-7 section 10; packaging.md section 1.3).

use super::nal_type::IDR_SLICE;
use super::sps::PicOrder;
use super::{ParameterSets, Pps, Sps};
use crate::bytes::{BitReader, Truncated};
use crate::codec::CodecError;

/// More list operations than a stream may have: 32 reference fields and an end mark.
const MAX_LIST_OPERATIONS: usize = 66;

/// Slice types modulo 5 (table 7-6).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SliceType {
    P,
    B,
    I,
    Sp,
    Si,
}

/// Bytes of a slice NAL unit that its header takes, NAL unit header included, counted on the
/// escaped bytes; a byte that header and data share belongs to the header.
///
/// `nal` is the NAL unit from its header byte on, or as much of its front as holds the header.
///
/// # Errors
/// A header that ends too early or names a parameter set that is not there.
pub(super) fn header_len(nal: &[u8], sets: &ParameterSets) -> Result<usize, CodecError> {
    let truncated = CodecError::truncated("a slice header");
    let (first, payload) = nal.split_first().ok_or(Truncated).map_err(&truncated)?;
    let mut reader = BitReader::new(payload);
    let mut front = || {
        reader.ue()?; // first_mb_in_slice
        Ok((reader.ue()?, reader.ue()?))
    };
    let (slice_type, pps_id) = front().map_err(&truncated)?;
    let (sps, pps) = sets.lookup(pps_id)?;
    let mut header = SliceHeader {
        slice_type: slice_type_of(slice_type)?,
        idr: first & 0x1f == IDR_SLICE,
        reference: first >> 5 & 3 != 0,
        field: false,
        sps,
        pps,
        reader,
    };
    header.skip().map_err(&truncated)?;
    Ok(1 + header.reader.bytes_touched())
}

fn slice_type_of(code: u32) -> Result<SliceType, CodecError> {
    match code {
        0 | 5 => Ok(SliceType::P),
        1 | 6 => Ok(SliceType::B),
        2 | 7 => Ok(SliceType::I),
        3 | 8 => Ok(SliceType::Sp),
        4 | 9 => Ok(SliceType::Si),
        _ => Err(CodecError::BadValue("a slice type is out of range")),
    }
}

struct SliceHeader<'a> {
    slice_type: SliceType,
    idr: bool,
    reference: bool,
    field: bool,
    sps: &'a Sps,
    pps: &'a Pps,
    reader: BitReader<'a>,
}

impl SliceHeader<'_> {
    /// Reads everything behind pic_parameter_set_id.
    fn skip(&mut self) -> Result<(), Truncated> {
        self.picture_identity()?;
        self.picture_order()?;
        if self.pps.redundant_pic_cnt {
            self.reader.ue()?;
        }
        if self.slice_type == SliceType::B {
            self.reader.bit()?; // direct_spatial_mv_pred_flag
        }
        let refs = self.reference_counts()?;
        self.list_modifications()?;
        if self.has_weights() {
            self.weights(refs)?;
        }
        if self.reference {
            self.reference_marking()?;
        }
        self.quantization()?;
        self.deblocking()?;
        self.slice_group_cycle()
    }

    fn picture_identity(&mut self) -> Result<(), Truncated> {
        if self.sps.separate_colour_planes {
            self.reader.bits(2)?;
        }
        self.reader.bits(self.sps.frame_num_bits)?;
        if !self.sps.frame_mbs_only {
            self.field = self.reader.bit()?;
            if self.field {
                self.reader.bit()?; // bottom_field_flag
            }
        }
        if self.idr {
            self.reader.ue()?; // idr_pic_id
        }
        Ok(())
    }

    fn picture_order(&mut self) -> Result<(), Truncated> {
        let second_delta = self.pps.bottom_field_pic_order && !self.field;
        match self.sps.pic_order {
            PicOrder::Lsb(bits) => {
                self.reader.bits(bits)?;
            }
            PicOrder::Deltas { always_zero: false } => {
                self.reader.se()?;
            }
            PicOrder::Deltas { always_zero: true } | PicOrder::Implied => return Ok(()),
        }
        if second_delta {
            self.reader.se()?;
        }
        Ok(())
    }

    fn is_inter(&self) -> bool {
        matches!(self.slice_type, SliceType::P | SliceType::Sp | SliceType::B)
    }

    /// Numbers of reference pictures in lists 0 and 1.
    fn reference_counts(&mut self) -> Result<[u32; 2], Truncated> {
        let mut refs = self.pps.default_refs;
        if self.is_inter() && self.reader.bit()? {
            refs[0] = self.reader.ue()?.saturating_add(1).min(32);
            if self.slice_type == SliceType::B {
                refs[1] = self.reader.ue()?.saturating_add(1).min(32);
            }
        }
        Ok(refs)
    }

    /// Section 7.3.3.1.
    fn list_modifications(&mut self) -> Result<(), Truncated> {
        let lists = match self.slice_type {
            SliceType::I | SliceType::Si => 0,
            SliceType::P | SliceType::Sp => 1,
            SliceType::B => 2,
        };
        for _ in 0..lists {
            if self.reader.bit()? {
                self.operations(|operation| operation == 3, |_| 1)?;
            }
        }
        Ok(())
    }

    /// Reads operations until `is_end`, each with as many ue(v) operands as `operands` says.
    fn operations(
        &mut self,
        is_end: impl Fn(u32) -> bool,
        operands: impl Fn(u32) -> u32,
    ) -> Result<(), Truncated> {
        for _ in 0..MAX_LIST_OPERATIONS {
            let operation = self.reader.ue()?;
            if is_end(operation) {
                return Ok(());
            }
            for _ in 0..operands(operation) {
                self.reader.ue()?;
            }
        }
        Err(Truncated)
    }

    fn has_weights(&self) -> bool {
        match self.slice_type {
            SliceType::P | SliceType::Sp => self.pps.weighted_pred,
            SliceType::B => self.pps.explicit_bipred,
            SliceType::I | SliceType::Si => false,
        }
    }

    /// Section 7.3.3.2.
    fn weights(&mut self, refs: [u32; 2]) -> Result<(), Truncated> {
        let has_chroma = self.sps.chroma_array_type != 0;
        self.reader.ue()?;
        if has_chroma {
            self.reader.ue()?;
        }
        let lists = if self.slice_type == SliceType::B { 2 } else { 1 };
        for count in refs.into_iter().take(lists) {
            for _ in 0..count {
                self.weight(2)?;
                if has_chroma {
                    self.weight(4)?;
                }
            }
        }
        Ok(())
    }

    fn weight(&mut self, values: u32) -> Result<(), Truncated> {
        if self.reader.bit()? {
            for _ in 0..values {
                self.reader.se()?;
            }
        }
        Ok(())
    }

    /// Section 7.3.3.3.
    fn reference_marking(&mut self) -> Result<(), Truncated> {
        if self.idr {
            self.reader.bits(2)?;
            return Ok(());
        }
        if self.reader.bit()? {
            self.operations(
                |op| op == 0,
                |op| match op {
                    3 => 2,
                    1 | 2 | 4 | 6 => 1,
                    _ => 0,
                },
            )?;
        }
        Ok(())
    }

    fn quantization(&mut self) -> Result<(), Truncated> {
        if self.pps.cabac && self.is_inter() {
            self.reader.ue()?; // cabac_init_idc
        }
        self.reader.se()?; // slice_qp_delta
        if self.slice_type == SliceType::Sp {
            self.reader.bit()?; // sp_for_switch_flag
        }
        if matches!(self.slice_type, SliceType::Sp | SliceType::Si) {
            self.reader.se()?; // slice_qs_delta
        }
        Ok(())
    }

    fn deblocking(&mut self) -> Result<(), Truncated> {
        if self.pps.deblocking_control && self.reader.ue()? != 1 {
            self.reader.se()?;
            self.reader.se()?;
        }
        Ok(())
    }

    /// slice_group_change_cycle: Ceil(Log2(map units / change rate + 1)) bits (section 7.4.3).
    fn slice_group_cycle(&mut self) -> Result<(), Truncated> {
        if let Some(rate) = self.pps.slice_group_change_rate {
            let steps = self.sps.map_units.div_ceil(rate) + 1;
            let bits = u64::BITS - (steps - 1).leading_zeros();
            self.reader.bits(bits.min(32))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::nal::Slices;
    use proptest::prelude::*;

    /// Baseline 320x180, CAVLC, picture order type 2.
    const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x0d, 0xdb, 0x05, 0x06, 0x7c, 0x80];
    const PPS: &[u8] = &[0x68, 0xca, 0x83, 0xcb, 0x20];

    proptest! {
        #[test]
        fn arbitrary_slices_never_panic_and_stay_inside(
            mut sps: Vec<u8>, mut pps: Vec<u8>, nal: Vec<u8>,
        ) {
            let mut sets = ParameterSets::default();
            for (unit, known) in [(&mut sps, SPS), (&mut pps, PPS)] {
                unit.splice(..unit.len().min(1), [known[0]]);
                sets.add(unit).or_else(|_| sets.add(known)).unwrap();
            }
            if let Ok(length) = header_len(&nal, &sets) {
                prop_assert!(length <= nal.len());
            }
        }
    }
}
