//! Picture parameter sets, as far as slice headers need them (ISO/IEC 23008-2 section 7.3.2.3).

use super::{parsed, skip_scaling_lists, skip_values};
use crate::bytes::{BitReader, Truncated};
use crate::codec::CodecError;

/// Values of a picture parameter set that decide how slice headers are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pps {
    /// pps_pic_parameter_set_id.
    pub(super) id: u32,
    /// pps_seq_parameter_set_id.
    pub(super) sps_id: u32,
    /// dependent_slice_segments_enabled_flag.
    pub(super) dependent_slices: bool,
    /// output_flag_present_flag.
    pub(super) output_flag: bool,
    /// num_extra_slice_header_bits.
    pub(super) extra_bits: u32,
    /// cabac_init_present_flag.
    pub(super) cabac_init: bool,
    /// Default numbers of reference pictures in lists 0 and 1.
    pub(super) default_refs: [u32; 2],
    /// pps_slice_chroma_qp_offsets_present_flag.
    pub(super) chroma_qp_offsets: bool,
    /// weighted_pred_flag and weighted_bipred_flag.
    pub(super) weighted: [bool; 2],
    /// tiles_enabled_flag or entropy_coding_sync_enabled_flag: slices have entry points.
    pub(super) entry_points: bool,
    /// pps_loop_filter_across_slices_enabled_flag.
    pub(super) filter_across_slices: bool,
    /// deblocking_filter_override_enabled_flag.
    pub(super) deblocking_override: bool,
    /// pps_deblocking_filter_disabled_flag.
    pub(super) deblocking_disabled: bool,
    /// lists_modification_present_flag.
    pub(super) lists_modification: bool,
    /// slice_segment_header_extension_present_flag.
    pub(super) header_extension: bool,
    /// chroma_qp_offset_list_enabled_flag of the range extensions.
    pub(super) chroma_qp_offset_list: bool,
}

impl Pps {
    /// Reads a whole NAL unit, header included.
    pub(super) fn parse(nal: &[u8]) -> Result<Self, CodecError> {
        let pps = parsed(nal, "a picture parameter set", parse)?;
        if pps.id > 63 || pps.default_refs.iter().any(|refs| *refs > 15) {
            return Err(CodecError::BadValue("a picture parameter set value is out of range"));
        }
        Ok(pps)
    }
}

fn parse(r: &mut BitReader<'_>) -> Result<Pps, Truncated> {
    let (id, sps_id) = (r.ue()?, r.ue()?);
    let (dependent_slices, output_flag) = (r.bit()?, r.bit()?);
    let extra_bits = r.bits(3)?;
    r.bit()?; // sign_data_hiding_enabled_flag
    let cabac_init = r.bit()?;
    let default_refs = [r.ue()?.saturating_add(1), r.ue()?.saturating_add(1)];
    r.se()?; // init_qp_minus26
    r.bit()?; // constrained_intra_pred_flag
    let transform_skip = r.bit()?;
    if r.bit()? {
        r.ue()?; // diff_cu_qp_delta_depth
    }
    skip_values(r, 2)?; // pps_cb_qp_offset, pps_cr_qp_offset
    let chroma_qp_offsets = r.bit()?;
    let weighted = [r.bit()?, r.bit()?];
    r.bit()?; // transquant_bypass_enabled_flag
    let (tiles, wavefronts) = (r.bit()?, r.bit()?);
    if tiles {
        skip_tiles(r)?;
    }
    let filter_across_slices = r.bit()?;
    let (deblocking_override, deblocking_disabled) =
        if r.bit()? { deblocking(r)? } else { (false, false) };
    if r.bit()? {
        skip_scaling_lists(r)?;
    }
    let lists_modification = r.bit()?;
    r.ue()?; // log2_parallel_merge_level_minus2
    let header_extension = r.bit()?;
    Ok(Pps {
        id,
        sps_id,
        dependent_slices,
        output_flag,
        extra_bits,
        cabac_init,
        default_refs,
        chroma_qp_offsets,
        weighted,
        entry_points: tiles || wavefronts,
        filter_across_slices,
        deblocking_override,
        deblocking_disabled,
        lists_modification,
        header_extension,
        chroma_qp_offset_list: range_extension(r, transform_skip)?,
    })
}

fn skip_tiles(r: &mut BitReader<'_>) -> Result<(), Truncated> {
    let (columns_minus1, rows_minus1) = (r.ue()?, r.ue()?);
    if !r.bit()? {
        skip_values(r, columns_minus1.saturating_add(rows_minus1))?;
    }
    r.bit()?; // loop_filter_across_tiles_enabled_flag
    Ok(())
}

/// deblocking_filter_override_enabled_flag and pps_deblocking_filter_disabled_flag.
fn deblocking(r: &mut BitReader<'_>) -> Result<(bool, bool), Truncated> {
    let (may_override, disabled) = (r.bit()?, r.bit()?);
    if !disabled {
        skip_values(r, 2)?;
    }
    Ok((may_override, disabled))
}

/// chroma_qp_offset_list_enabled_flag (section 7.3.2.3.2), the only one that slices depend on.
fn range_extension(r: &mut BitReader<'_>, transform_skip: bool) -> Result<bool, Truncated> {
    if !r.bit()? {
        return Ok(false);
    }
    let present = r.bit()?;
    r.bits(7)?; // other extensions
    if !present {
        return Ok(false);
    }
    if transform_skip {
        r.ue()?; // log2_max_transform_skip_block_size_minus2
    }
    r.bit()?; // cross_component_prediction_enabled_flag
    r.bit()
}
