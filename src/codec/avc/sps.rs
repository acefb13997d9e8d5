//! Sequence parameter sets, as far as slice headers need them (ISO/IEC 14496-10 section 7.3.2.1.1).

use crate::bytes::{BitReader, Truncated};
use crate::codec::CodecError;

/// Profiles whose parameter sets carry chroma and scaling fields.
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Values of a sequence parameter set that decide how slice headers are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sps {
    /// seq_parameter_set_id.
    pub id: u32,
    /// ChromaArrayType: 0 when there is no chroma or the planes are coded apart.
    pub chroma_array_type: u32,
    /// separate_colour_plane_flag.
    pub separate_colour_planes: bool,
    /// Width of frame_num in bits.
    pub frame_num_bits: u32,
    /// pic_order_cnt_type with its fields.
    pub pic_order: PicOrder,
    /// frame_mbs_only_flag.
    pub frame_mbs_only: bool,
    /// Size of a picture in slice group map units.
    pub map_units: u64,
}

/// How picture order counts are coded in slice headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PicOrder {
    /// Type 0: pic_order_cnt_lsb of that many bits.
    Lsb(u32),
    /// Type 1: deltas, unless always zero.
    Deltas {
        /// delta_pic_order_always_zero_flag.
        always_zero: bool,
    },
    /// Type 2: output order is decoding order, nothing is coded.
    Implied,
}

impl Sps {
    /// Reads a whole NAL unit, header included.
    pub fn parse(nal: &[u8]) -> Result<Self, CodecError> {
        let payload = nal.get(1..).unwrap_or_default();
        let sps = parse(&mut BitReader::new(payload))
            .map_err(CodecError::truncated("a sequence parameter set"))?;
        if sps.id > 31 || sps.frame_num_bits > 16 {
            return Err(CodecError::BadValue("a sequence parameter set value is out of range"));
        }
        Ok(sps)
    }
}

fn parse(r: &mut BitReader<'_>) -> Result<Sps, Truncated> {
    let profile = r.bits(8)?;
    r.bits(16)?;
    let id = r.ue()?;
    let (chroma_format, separate_colour_planes) =
        if HIGH_PROFILES.contains(&profile) { chroma(r)? } else { (1, false) };
    let frame_num_bits = r.ue()?.saturating_add(4);
    let pic_order = pic_order(r)?;
    r.ue()?; // max_num_ref_frames
    r.bit()?; // gaps_in_frame_num_value_allowed_flag
    let width = u64::from(r.ue()?) + 1;
    let height = u64::from(r.ue()?) + 1;
    let frame_mbs_only = r.bit()?;
    Ok(Sps {
        id,
        chroma_array_type: if separate_colour_planes { 0 } else { chroma_format },
        separate_colour_planes,
        frame_num_bits,
        pic_order,
        frame_mbs_only,
        map_units: width * height,
    })
}

fn chroma(r: &mut BitReader<'_>) -> Result<(u32, bool), Truncated> {
    let format = r.ue()?;
    let separate = format == 3 && r.bit()?;
    r.ue()?; // bit_depth_luma_minus8
    r.ue()?; // bit_depth_chroma_minus8
    r.bit()?; // qpprime_y_zero_transform_bypass_flag
    if r.bit()? {
        let lists = if format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if r.bit()? {
                skip_scaling_list(r, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok((format, separate))
}

/// Section 7.3.2.1.1.1: the values are not needed, their length is.
fn skip_scaling_list(r: &mut BitReader<'_>, size: usize) -> Result<(), Truncated> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + r.se()?).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Ok(())
}

fn pic_order(r: &mut BitReader<'_>) -> Result<PicOrder, Truncated> {
    match r.ue()? {
        0 => Ok(PicOrder::Lsb(r.ue()?.saturating_add(4).min(32))),
        1 => {
            let always_zero = r.bit()?;
            r.se()?; // offset_for_non_ref_pic
            r.se()?; // offset_for_top_to_bottom_field
            for _ in 0..r.ue()?.min(255) {
                r.se()?;
            }
            Ok(PicOrder::Deltas { always_zero })
        }
        _ => Ok(PicOrder::Implied),
    }
}
