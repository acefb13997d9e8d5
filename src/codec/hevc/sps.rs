//! The way through a sequence parameter set to the colour at its end (ISO/IEC 23008-2 sections
//! 7.3.2.2 and E.2.1).

use crate::bytes::{BitReader, Truncated};
use crate::codec::Colour;

/// The colour that a sequence parameter set gives; `None` when it is silent or broken: it is no
/// reason to refuse a track.
pub(super) fn colour(nal: &[u8]) -> Option<Colour> {
    let payload = nal.get(2..)?;
    parse(&mut BitReader::new(payload)).ok().flatten()
}

fn parse(r: &mut BitReader<'_>) -> Result<Option<Colour>, Truncated> {
    r.bits(4)?; // sps_video_parameter_set_id
    let sub_layers = r.bits(3)?;
    r.bit()?; // sps_temporal_id_nesting_flag
    profile_tier_level(r, sub_layers)?;
    r.ue()?; // sps_seq_parameter_set_id
    if r.ue()? == 3 {
        r.bit()?; // separate_colour_plane_flag
    }
    ues(r, 2)?; // width, height
    if r.bit()? {
        ues(r, 4)?; // conformance window
    }
    ues(r, 2)?; // bit depths
    let order_bits = r.ue()?.saturating_add(4).min(16);
    let all_layers = r.bit()?;
    ues(r, 3 * if all_layers { sub_layers + 1 } else { 1 })?;
    ues(r, 6)?; // block sizes, transform depths
    if r.bit()? && r.bit()? {
        scaling_lists(r)?;
    }
    r.bits(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if r.bit()? {
        r.bits(8)?; // pcm bit depths
        ues(r, 2)?;
        r.bit()?;
    }
    short_term_sets(r)?;
    if r.bit()? {
        for _ in 0..r.ue()?.min(32) {
            r.bits(order_bits + 1)?; // lt_ref_pic_poc_lsb_sps, used_by_curr_pic_lt_sps_flag
        }
    }
    r.bits(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if r.bit()? { usability(r) } else { Ok(None) }
}

fn ues(r: &mut BitReader<'_>, count: u32) -> Result<(), Truncated> {
    (0..count).try_for_each(|_| r.ue().map(|_| ()))
}

/// Section 7.3.3: 88 bits for the stream, and what each sub-layer says of itself.
fn profile_tier_level(r: &mut BitReader<'_>, sub_layers: u32) -> Result<(), Truncated> {
    skip(r, 88 + 8)?;
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
    Ok(())
}

fn skip(r: &mut BitReader<'_>, bits: u32) -> Result<(), Truncated> {
    (0..bits).try_for_each(|_| r.bit().map(|_| ()))
}

/// Section 7.3.4: the values are not needed, their length is.
fn scaling_lists(r: &mut BitReader<'_>) -> Result<(), Truncated> {
    for size in 0..4_u32 {
        let step = if size == 3 { 3 } else { 1 };
        for _ in (0..6).step_by(step) {
            if !r.bit()? {
                r.ue()?;
                continue;
            }
            let coefficients = 64.min(1_u32 << (4 + (size << 1)));
            ues(r, coefficients + if size > 1 { 1 } else { 0 })?;
        }
    }
    Ok(())
}

/// Section 7.3.7. A set may be told as a difference to the one before it, so the number of pictures
/// of each is kept.
fn short_term_sets(r: &mut BitReader<'_>) -> Result<(), Truncated> {
    let mut pictures = 0_u32;
    for set in 0..r.ue()?.min(64) {
        if set > 0 && r.bit()? {
            r.bit()?; // delta_rps_sign
            r.ue()?; // abs_delta_rps_minus1
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = r.bit()?;
                kept += u32::from(used || r.bit()?);
            }
            pictures = kept;
        } else {
            let (negative, positive) = (r.ue()?, r.ue()?);
            pictures = negative.saturating_add(positive);
            if pictures > 32 {
                return Err(Truncated);
            }
            for _ in 0..pictures {
                r.ue()?;
                r.bit()?;
            }
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_parameter_sets_never_panic(data: Vec<u8>) {
            let _ = colour(&data);
        }
    }
}
