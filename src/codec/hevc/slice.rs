//! The length of slice segment headers (ISO/IEC 23008-2 section 7.3.6), which Common Encryption
//! leaves in the clear (ISO/IEC 23001-7 section 10; packaging.md section 1.3).

use super::nal_type::{FIRST_IDR, FIRST_RANDOM_ACCESS, LAST_IDR, LAST_RANDOM_ACCESS};
use super::pps::Pps;
use super::short_term::ShortTermSet;
use super::sps::Sps;
use super::{ParameterSets, index_bits, nal_type_of, skip_values};
use crate::bytes::{BitReader, Truncated};
use crate::codec::CodecError;

/// More long-term pictures than a slice may have are refused.
const MAX_LONG_TERM: u32 = 33;

/// Values of slice_type (table 7-7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SliceType {
    B,
    P,
    I,
}

/// Bytes of a slice segment NAL unit that its header takes, NAL unit header and alignment included,
/// counted on the escaped bytes.
///
/// `nal` is the NAL unit from its header on, or as much of its front as holds the slice header.
///
/// # Errors
/// A header that ends too early, names a parameter set that is not there, or is one of screen
/// content coding.
pub(super) fn header_len(nal: &[u8], sets: &ParameterSets) -> Result<usize, CodecError> {
    let truncated = CodecError::truncated("a slice segment header");
    let (kind, payload) = match nal {
        [first, _, payload @ ..] => (nal_type_of(*first), payload),
        _ => return Err(truncated(Truncated)),
    };
    let mut reader = BitReader::new(payload);
    let mut front = || {
        let first_in_picture = reader.bit()?;
        if (FIRST_RANDOM_ACCESS..=LAST_RANDOM_ACCESS).contains(&kind) {
            reader.bit()?; // no_output_of_prior_pics_flag
        }
        Ok((first_in_picture, reader.ue()?))
    };
    let (first_in_picture, pps_id) = front().map_err(&truncated)?;
    let (sps, pps) = sets.lookup(pps_id)?;
    if sps.screen_content {
        return Err(CodecError::BadValue("screen content coding cannot be protected"));
    }
    let idr = (FIRST_IDR..=LAST_IDR).contains(&kind);
    let mut header = SliceHeader { idr, sps, pps, temporal_mvp: false, current_refs: 0, reader };
    header.skip(first_in_picture).map_err(&truncated)?;
    Ok(2 + header.reader.bytes_touched())
}

struct SliceHeader<'a> {
    idr: bool,
    sps: &'a Sps,
    pps: &'a Pps,
    /// slice_temporal_mvp_enabled_flag.
    temporal_mvp: bool,
    /// NumPicTotalCurr.
    current_refs: u32,
    reader: BitReader<'a>,
}

impl SliceHeader<'_> {
    /// Reads everything behind slice_pic_parameter_set_id.
    fn skip(&mut self, first_in_picture: bool) -> Result<(), Truncated> {
        let mut dependent = false;
        if !first_in_picture {
            dependent = self.pps.dependent_slices && self.reader.bit()?;
            self.reader.bits(index_bits(self.sps.coding_tree_blocks))?; // slice_segment_address
        }
        if !dependent {
            self.independent()?;
        }
        self.entry_points()?;
        if self.pps.header_extension {
            let bytes = self.reader.ue()?;
            (0..bytes).try_for_each(|_| self.reader.bits(8).map(|_| ()))?;
        }
        self.alignment()
    }

    fn independent(&mut self) -> Result<(), Truncated> {
        self.reader.bits(self.pps.extra_bits)?;
        let slice_type = match self.reader.ue()? {
            0 => SliceType::B,
            1 => SliceType::P,
            2 => SliceType::I,
            _ => return Err(Truncated),
        };
        if self.pps.output_flag {
            self.reader.bit()?;
        }
        if self.sps.separate_colour_planes {
            self.reader.bits(2)?;
        }
        if !self.idr {
            self.references()?;
        }
        let adaptive_offset = self.adaptive_offset()?;
        if slice_type != SliceType::I {
            self.prediction(slice_type)?;
        }
        self.quantization()?;
        let deblocking_disabled = self.deblocking()?;
        if self.pps.filter_across_slices && (adaptive_offset || !deblocking_disabled) {
            self.reader.bit()?;
        }
        Ok(())
    }

    /// Which pictures are kept and referred to.
    fn references(&mut self) -> Result<(), Truncated> {
        let sps = self.sps;
        self.reader.bits(sps.order_bits)?;
        self.current_refs = if self.reader.bit()? {
            // At most 64 sets.
            let count = u32::try_from(sps.short_term.len()).unwrap_or(0);
            let set = self.reader.bits(index_bits(count))?;
            sps.short_term.get(set as usize).ok_or(Truncated)?.used()
        } else {
            ShortTermSet::parse(&mut self.reader, &sps.short_term, true)?.used()
        };
        if let Some(known) = &sps.long_term {
            self.long_term(known)?;
        }
        self.temporal_mvp = sps.temporal_mvp && self.reader.bit()?;
        Ok(())
    }

    fn long_term(&mut self, known: &[bool]) -> Result<(), Truncated> {
        let named = if known.is_empty() { 0 } else { self.reader.ue()? };
        let told = self.reader.ue()?;
        if named.saturating_add(told) > MAX_LONG_TERM {
            return Err(Truncated);
        }
        // At most 32 are known.
        let bits = index_bits(u32::try_from(known.len()).unwrap_or(0));
        for n in 0..named + told {
            let used = if n < named {
                *known.get(self.reader.bits(bits)? as usize).ok_or(Truncated)?
            } else {
                self.reader.bits(self.sps.order_bits)?;
                self.reader.bit()?
            };
            self.current_refs += u32::from(used);
            if self.reader.bit()? {
                self.reader.ue()?; // delta_poc_msb_cycle_lt
            }
        }
        Ok(())
    }

    /// Whether luma or chroma have sample adaptive offset.
    fn adaptive_offset(&mut self) -> Result<bool, Truncated> {
        if !self.sps.adaptive_offset {
            return Ok(false);
        }
        let luma = self.reader.bit()?;
        let chroma = self.sps.chroma && self.reader.bit()?;
        Ok(luma || chroma)
    }

    /// What only slices with references have.
    fn prediction(&mut self, slice_type: SliceType) -> Result<(), Truncated> {
        let lists = if slice_type == SliceType::B { 2 } else { 1 };
        let refs = self.reference_counts(lists)?;
        if self.pps.lists_modification && self.current_refs > 1 {
            self.list_modifications(&refs[..lists])?;
        }
        if slice_type == SliceType::B {
            self.reader.bit()?; // mvd_l1_zero_flag
        }
        if self.pps.cabac_init {
            self.reader.bit()?;
        }
        if self.temporal_mvp {
            let second = slice_type == SliceType::B && !self.reader.bit()?;
            if refs[usize::from(second)] > 1 {
                self.reader.ue()?; // collocated_ref_idx
            }
        }
        if self.pps.weighted[lists - 1] {
            self.weights(&refs[..lists])?;
        }
        self.reader.ue()?; // five_minus_max_num_merge_cand
        Ok(())
    }

    /// Numbers of reference pictures in lists 0 and 1.
    fn reference_counts(&mut self, lists: usize) -> Result<[u32; 2], Truncated> {
        let mut refs = self.pps.default_refs;
        if self.reader.bit()? {
            for count in &mut refs[..lists] {
                *count = self.reader.ue()?.saturating_add(1).min(16);
            }
        }
        Ok(refs)
    }

    /// Section 7.3.6.2.
    fn list_modifications(&mut self, refs: &[u32]) -> Result<(), Truncated> {
        let bits = index_bits(self.current_refs);
        for count in refs {
            if self.reader.bit()? {
                (0..*count).try_for_each(|_| self.reader.bits(bits).map(|_| ()))?;
            }
        }
        Ok(())
    }

    /// Section 7.3.6.3.
    fn weights(&mut self, refs: &[u32]) -> Result<(), Truncated> {
        self.reader.ue()?; // luma_log2_weight_denom
        if self.sps.chroma {
            self.reader.se()?;
        }
        for count in refs {
            let luma = self.reader.bits(*count)?.count_ones();
            let chroma = if self.sps.chroma { self.reader.bits(*count)?.count_ones() } else { 0 };
            skip_values(&mut self.reader, 2 * luma + 4 * chroma)?;
        }
        Ok(())
    }

    fn quantization(&mut self) -> Result<(), Truncated> {
        self.reader.se()?; // slice_qp_delta
        if self.pps.chroma_qp_offsets {
            skip_values(&mut self.reader, 2)?;
        }
        if self.pps.chroma_qp_offset_list {
            self.reader.bit()?;
        }
        Ok(())
    }

    /// slice_deblocking_filter_disabled_flag.
    fn deblocking(&mut self) -> Result<bool, Truncated> {
        if !(self.pps.deblocking_override && self.reader.bit()?) {
            return Ok(self.pps.deblocking_disabled);
        }
        let disabled = self.reader.bit()?;
        if !disabled {
            skip_values(&mut self.reader, 2)?;
        }
        Ok(disabled)
    }

    fn entry_points(&mut self) -> Result<(), Truncated> {
        let count = if self.pps.entry_points { self.reader.ue()? } else { 0 };
        if count == 0 {
            return Ok(());
        }
        let bits = self.reader.ue()?.saturating_add(1);
        if bits > 32 {
            return Err(Truncated);
        }
        (0..count).try_for_each(|_| self.reader.bits(bits).map(|_| ()))
    }

    /// byte_alignment(): a bit that is set, then none up to the end of the byte.
    fn alignment(&mut self) -> Result<(), Truncated> {
        if self.reader.bit()? { Ok(()) } else { Err(Truncated) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::nal::Slices;
    use proptest::prelude::*;

    /// Parameter sets of a phone's recording.
    const SPS: &str = "420101022000000300b0000003000003005da00280802d136205\
        7b9165535091209008";
    const PPS: &str = "4401c02864b86414c9";

    fn with(units: [&[u8]; 2]) -> ParameterSets {
        let mut sets = ParameterSets::default();
        for (unit, known) in units.into_iter().zip([SPS, PPS]) {
            let known = data_encoding::HEXLOWER.decode(known.as_bytes()).unwrap();
            let unit = [&known[..2], unit].concat();
            sets.add(&unit).or_else(|_| sets.add(&known)).unwrap();
        }
        sets
    }

    proptest! {
        #[test]
        fn arbitrary_slices_never_panic_and_stay_inside(
            sps: Vec<u8>, pps: Vec<u8>, mut nal: Vec<u8>,
        ) {
            for sets in [with([&sps, &pps]), with([&[], &[]]), with([&[], &pps])] {
                if let Ok(length) = header_len(&nal, &sets) {
                    prop_assert!(length <= nal.len());
                }
            }
            // The most likely header: of the first slice of a picture with the known sets.
            nal.splice(..nal.len().min(3), [2, 1, 0xd0]);
            if let Ok(length) = header_len(&nal, &with([&[], &[]])) {
                prop_assert!(length <= nal.len());
            }
        }
    }
}
