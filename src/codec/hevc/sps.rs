//! Sequence parameter sets, as far as slice headers need them, and the colour at their end
//! (ISO/IEC 23008-2 sections 7.3.2.2 and E.2.1).

use super::short_term::ShortTermSet;
use super::{parsed, skip_scaling_lists, skip_values};
use crate::bytes::{BitReader, Truncated};
use crate::codec::{CodecError, Colour};

/// general_profile_idc of screen content coding, whose slice headers have fields of their own.
const SCREEN_CONTENT: [u32; 2] = [9, 11];

/// Values of a sequence parameter set that decide how slice headers are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// sps_seq_parameter_set_id.
    pub(super) id: u32,
    /// Whether a profile of screen content coding is in use.
    pub(super) screen_content: bool,
    /// ChromaArrayType is not 0.
    pub(super) chroma: bool,
    /// separate_colour_plane_flag.
    pub(super) separate_colour_planes: bool,
    /// PicSizeInCtbsY.
    pub(super) coding_tree_blocks: u32,
    /// Width of slice_pic_order_cnt_lsb in bits.
    pub(super) order_bits: u32,
    /// sample_adaptive_offset_enabled_flag.
    pub(super) adaptive_offset: bool,
    /// The short-term reference picture sets.
    pub(super) short_term: Vec<ShortTermSet>,
    /// used_by_curr_pic_lt_sps_flag of each long-term picture; `None` when there are none at all.
    pub(super) long_term: Option<Vec<bool>>,
    /// sps_temporal_mvp_enabled_flag.
    pub(super) temporal_mvp: bool,
    /// Colour, if the set tells and the way to it is not broken.
    pub(super) colour: Option<Colour>,
}

impl Sps {
    /// Reads a whole NAL unit, header included.
    pub(super) fn parse(nal: &[u8]) -> Result<Self, CodecError> {
        let sps = parsed(nal, "a sequence parameter set", parse)?;
        if sps.id > 15 || sps.order_bits > 16 {
            return Err(CodecError::BadValue("a sequence parameter set value is out of range"));
        }
        Ok(sps)
    }

    /// Memory beside the structure in bytes.
    pub(super) fn heap_size(&self) -> usize {
        size_of_val(&*self.short_term) + self.long_term.as_ref().map_or(0, Vec::len)
    }
}

fn parse(r: &mut BitReader<'_>) -> Result<Sps, Truncated> {
    r.bits(4)?; // sps_video_parameter_set_id
    let sub_layers = r.bits(3)?;
    r.bit()?; // sps_temporal_id_nesting_flag
    let profile = profile_tier_level(r, sub_layers)?;
    let id = r.ue()?;
    let chroma_format = r.ue()?;
    let separate_colour_planes = chroma_format == 3 && r.bit()?;
    let size = (r.ue()?, r.ue()?);
    if r.bit()? {
        skip_values(r, 4)?; // conformance window
    }
    skip_values(r, 2)?; // bit depths
    let order_bits = r.ue()?.saturating_add(4);
    let all_layers = r.bit()?;
    skip_values(r, 3 * if all_layers { sub_layers + 1 } else { 1 })?;
    let block_bits = r.ue()?.saturating_add(3).saturating_add(r.ue()?);
    skip_values(r, 4)?; // transform sizes and depths
    if r.bit()? && r.bit()? {
        skip_scaling_lists(r)?;
    }
    r.bit()?; // amp_enabled_flag
    let adaptive_offset = r.bit()?;
    if r.bit()? {
        r.bits(8)?; // pcm bit depths
        skip_values(r, 2)?;
        r.bit()?;
    }
    let short_term = short_term_sets(r)?;
    let long_term = if r.bit()? { Some(long_term_pictures(r, order_bits)?) } else { None };
    let temporal_mvp = r.bit()?;
    r.bit()?; // strong_intra_smoothing_enabled_flag
    let colour = if r.bit()? { usability(r).ok().flatten() } else { None };
    Ok(Sps {
        id,
        screen_content: SCREEN_CONTENT.contains(&profile),
        chroma: chroma_format != 0 && !separate_colour_planes,
        separate_colour_planes,
        coding_tree_blocks: blocks(size, block_bits),
        order_bits,
        adaptive_offset,
        short_term,
        long_term,
        temporal_mvp,
        colour,
    })
}

/// How many blocks of 2^`bits` samples a side a picture has.
fn blocks((width, height): (u32, u32), bits: u32) -> u32 {
    let side = 1_u32 << bits.min(16);
    width.div_ceil(side).saturating_mul(height.div_ceil(side))
}

/// Section 7.3.3: 88 bits for the stream, and what each sub-layer says of itself; gives
/// general_profile_idc.
fn profile_tier_level(r: &mut BitReader<'_>, sub_layers: u32) -> Result<u32, Truncated> {
    r.bits(3)?; // general_profile_space, general_tier_flag
    let profile = r.bits(5)?;
    skip(r, 80 + 8)?;
    let mut present = Vec::with_capacity(8);
    for _ in 0..sub_layers {
        present.push((r.bit()?, r.bit()?));
    }
    if sub_layers > 0 {
        r.bits(2 * (8 - sub_layers))?;
    }
    for (profile, level) in present {
        skip(r, if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Ok(profile)
}

fn skip(r: &mut BitReader<'_>, bits: u32) -> Result<(), Truncated> {
    (0..bits).try_for_each(|_| r.bit().map(|_| ()))
}

fn short_term_sets(r: &mut BitReader<'_>) -> Result<Vec<ShortTermSet>, Truncated> {
    let mut sets = Vec::new();
    for _ in 0..r.ue()?.min(64) {
        let set = ShortTermSet::parse(r, &sets, false)?;
        sets.push(set);
    }
    Ok(sets)
}

fn long_term_pictures(r: &mut BitReader<'_>, order_bits: u32) -> Result<Vec<bool>, Truncated> {
    let mut used = Vec::new();
    for _ in 0..r.ue()?.min(32) {
        r.bits(order_bits.min(16))?; // lt_ref_pic_poc_lsb_sps
        used.push(r.bit()?);
    }
    Ok(used)
}

/// Section E.2.1 down to the colour description.
fn usability(r: &mut BitReader<'_>) -> Result<Option<Colour>, Truncated> {
    const EXTENDED_SAR: u32 = 255;
    if r.bit()? && r.bits(8)? == EXTENDED_SAR {
        r.bits(32)?;
    }
    if r.bit()? {
        r.bit()?; // overscan_appropriate_flag
    }
    if !r.bit()? {
        return Ok(None);
    }
    r.bits(3)?; // video_format
    let full_range = r.bit()?;
    if !r.bit()? {
        return Ok(None);
    }
    let mut code = || r.bits(8).map(|value| value.to_le_bytes()[0]);
    let (primaries, transfer, matrix) = (code()?, code()?, code()?);
    Ok(Some(Colour { primaries, transfer, matrix, full_range }))
}
