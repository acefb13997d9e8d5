//! The way through a sequence header to its colour (AV1 Bitstream & Decoding Process
//! Specification, section 5.5).

use crate::bytes::{PlainBits, Truncated};
use crate::codec::Colour;

/// obu_type of a sequence header.
const SEQUENCE_HEADER: u8 = 1;

/// Value of the choices that frames make for themselves.
const SELECT: u32 = 2;

/// The colour that the first sequence header among the units gives; `None` when it is silent or
/// broken: it is no reason to refuse a track.
pub(super) fn colour(mut units: &[u8]) -> Option<Colour> {
    while let Some((kind, unit, rest)) = split(units) {
        if kind == SEQUENCE_HEADER {
            return sequence_header(&mut PlainBits::new(unit)).ok().flatten();
        }
        units = rest;
    }
    None
}

/// The type and payload of the first unit, and what lies behind it (section 5.3.2).
fn split(units: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let header = *units.first()?;
    let (kind, extension, sized) = (header >> 3 & 15, header & 4 != 0, header & 2 != 0);
    let rest = units.get(if extension { 2 } else { 1 }..)?;
    if !sized {
        return Some((kind, rest, &[]));
    }
    let (size, bytes) = leb128(rest)?;
    let (unit, rest) = rest.get(bytes..)?.split_at_checked(size)?;
    Some((kind, unit, rest))
}

/// Section 4.10.5: value and how many bytes it takes.
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (n, byte) in data.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((value, n + 1));
        }
    }
    None
}

fn sequence_header(bits: &mut PlainBits<'_>) -> Result<Option<Colour>, Truncated> {
    let profile = bits.take(3)?;
    bits.skip(1)?; // still_picture
    let reduced = bits.flag()?;
    if reduced {
        bits.skip(5)?; // seq_level_idx
    } else {
        operating_points(bits)?;
    }
    let (width_bits, height_bits) = (bits.take(4)?, bits.take(4)?);
    bits.skip((width_bits + height_bits + 2) as usize)?;
    if !reduced && bits.flag()? {
        bits.skip(7)?; // lengths of frame ids
    }
    bits.skip(3)?; // superblocks, intra filters
    if !reduced {
        tools(bits)?;
    }
    bits.skip(3)?; // superres, cdef, restoration
    colour_config(bits, profile)
}

fn operating_points(bits: &mut PlainBits<'_>) -> Result<(), Truncated> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64)?; // timing_info
        if bits.flag()? {
            uvlc(bits)?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let display_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        bits.skip(12)?; // operating_point_idc
        if bits.take(5)? > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits as usize + 1)?;
        }
        if display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Ok(())
}

/// Section 4.10.3.
fn uvlc(bits: &mut PlainBits<'_>) -> Result<(), Truncated> {
    let mut zeros = 0;
    while !bits.flag()? {
        zeros += 1;
    }
    if zeros < 32 { bits.skip(zeros) } else { Ok(()) }
}

fn tools(bits: &mut PlainBits<'_>) -> Result<(), Truncated> {
    bits.skip(4)?; // compound modes, warped motion, dual filter
    let order_hint = bits.flag()?;
    if order_hint {
        bits.skip(2)?;
    }
    let screen_content = if bits.flag()? { SELECT } else { bits.take(1)? };
    if screen_content > 0 && !bits.flag()? {
        bits.skip(1)?; // seq_force_integer_mv
    }
    if order_hint {
        bits.skip(3)?;
    }
    Ok(())
}

/// Section 5.5.2.
fn colour_config(bits: &mut PlainBits<'_>, profile: u32) -> Result<Option<Colour>, Truncated> {
    /// BT.709 primaries, sRGB transfer, identity matrix: always in full range.
    const SRGB: [u8; 3] = [1, 13, 0];
    let high_depth = bits.flag()?;
    if profile == 2 && high_depth {
        bits.skip(1)?; // twelve_bit
    }
    let monochrome = profile != 1 && bits.flag()?;
    if !bits.flag()? {
        return Ok(None);
    }
    let codes = [bits.small(8)?, bits.small(8)?, bits.small(8)?];
    let full_range = if !monochrome && codes == SRGB { true } else { bits.flag()? };
    let [primaries, transfer, matrix] = codes;
    Ok(Some(Colour { primaries, transfer, matrix, full_range }))
}
