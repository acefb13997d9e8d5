//! Picture parameter sets, as far as slice headers need them (ISO/IEC 14496-10 section 7.3.2.2).

use crate::bytes::{BitReader, Truncated};
use crate::codec::CodecError;

/// Values of a picture parameter set that decide how slice headers are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pps {
    /// pic_parameter_set_id.
    pub id: u32,
    /// seq_parameter_set_id.
    pub sps_id: u32,
    /// entropy_coding_mode_flag: CABAC.
    pub cabac: bool,
    /// bottom_field_pic_order_in_frame_present_flag.
    pub bottom_field_pic_order: bool,
    /// slice_group_change_rate, for the map types 3 to 5 that change from slice to slice.
    pub slice_group_change_rate: Option<u64>,
    /// Default numbers of reference pictures in lists 0 and 1.
    pub default_refs: [u32; 2],
    /// weighted_pred_flag.
    pub weighted_pred: bool,
    /// weighted_bipred_idc is 1: explicit weights.
    pub explicit_bipred: bool,
    /// deblocking_filter_control_present_flag.
    pub deblocking_control: bool,
    /// redundant_pic_cnt_present_flag.
    pub redundant_pic_cnt: bool,
}

impl Pps {
    /// Reads a whole NAL unit, header included.
    pub fn parse(nal: &[u8]) -> Result<Self, CodecError> {
        let payload = nal.get(1..).unwrap_or_default();
        let pps = parse(&mut BitReader::new(payload))
            .map_err(CodecError::truncated("a picture parameter set"))?;
        if pps.id > 255 || pps.default_refs.iter().any(|refs| *refs > 32) {
            return Err(CodecError::BadValue("a picture parameter set value is out of range"));
        }
        Ok(pps)
    }
}

fn parse(r: &mut BitReader<'_>) -> Result<Pps, Truncated> {
    let (id, sps_id) = (r.ue()?, r.ue()?);
    let (cabac, bottom_field_pic_order) = (r.bit()?, r.bit()?);
    let slice_group_change_rate = match r.ue()? {
        0 => None,
        groups_minus1 => slice_groups(r, groups_minus1)?,
    };
    let default_refs = [r.ue()?.saturating_add(1), r.ue()?.saturating_add(1)];
    let weighted_pred = r.bit()?;
    let explicit_bipred = r.bits(2)? == 1;
    for _ in 0..3 {
        r.se()?; // pic_init_qp, pic_init_qs, chroma_qp_index_offset
    }
    let deblocking_control = r.bit()?;
    r.bit()?; // constrained_intra_pred_flag
    let redundant_pic_cnt = r.bit()?;
    Ok(Pps {
        id,
        sps_id,
        cabac,
        bottom_field_pic_order,
        slice_group_change_rate,
        default_refs,
        weighted_pred,
        explicit_bipred,
        deblocking_control,
        redundant_pic_cnt,
    })
}

/// Slice group maps (baseline and extended profile); gives the change rate of types 3 to 5.
fn slice_groups(r: &mut BitReader<'_>, groups_minus1: u32) -> Result<Option<u64>, Truncated> {
    let groups_minus1 = groups_minus1.min(7);
    match r.ue()? {
        0 => (0..=groups_minus1).try_for_each(|_| r.ue().map(|_| ()))?,
        2 => (0..2 * groups_minus1).try_for_each(|_| r.ue().map(|_| ()))?,
        3..=5 => {
            r.bit()?; // slice_group_change_direction_flag
            return Ok(Some(u64::from(r.ue()?) + 1));
        }
        6 => {
            let width = u32::BITS - groups_minus1.leading_zeros();
            for _ in 0..=r.ue()? {
                r.bits(width)?;
            }
        }
        _ => {}
    }
    Ok(None)
}
