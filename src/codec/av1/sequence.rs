//! Sequence headers (AV1 Bitstream & Decoding Process Specification, section 5.5): what the headers
//! of frames depend on, and the colour.

use super::obu::{self, Obu};
use crate::bytes::{PlainBits, Truncated};
use crate::codec::Colour;

/// Value of the choices that frames make for themselves.
pub(super) const SELECT: u32 = 2;

/// What a sequence header says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sequence {
    /// reduced_still_picture_header.
    pub(super) reduced: bool,
    pub(super) model: Option<DecoderModel>,
    /// Bits of a frame's width and height where it has its own.
    pub(super) size_bits: [usize; 2],
    /// Width and height of frames that do not have their own.
    pub(super) size: [u32; 2],
    pub(super) frame_ids: Option<FrameIds>,
    /// use_128x128_superblock.
    pub(super) large_superblocks: bool,
    /// enable_warped_motion.
    pub(super) warped_motion: bool,
    /// enable_ref_frame_mvs.
    pub(super) ref_frame_mvs: bool,
    /// seq_force_screen_content_tools.
    pub(super) screen_content: u32,
    /// seq_force_integer_mv.
    pub(super) integer_mv: u32,
    /// OrderHintBits; 0 when there are none.
    pub(super) order_hint_bits: usize,
    /// enable_superres.
    pub(super) superres: bool,
    /// enable_cdef.
    pub(super) cdef: bool,
    /// enable_restoration.
    pub(super) restoration: bool,
    pub(super) planes: Planes,
    /// film_grain_params_present.
    pub(super) film_grain: bool,
    /// The colour that it tells.
    pub(super) colour: Option<Colour>,
}

/// Times of decoding that frames carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DecoderModel {
    /// Bits of the presentation time of a shown frame; 0 when frames come at equal intervals.
    pub(super) presentation_bits: usize,
    /// Bits of a removal time.
    pub(super) removal_bits: usize,
    /// operating_point_idc of the operating points with a model.
    pub(super) points: Vec<u32>,
}

/// Lengths of frame ids in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameIds {
    pub(super) delta_bits: usize,
    pub(super) bits: usize,
}

/// What is known of the planes of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Planes {
    pub(super) monochrome: bool,
    /// Chroma has half the size in both directions.
    pub(super) halved: bool,
    /// separate_uv_delta_q.
    pub(super) separate_uv_delta_q: bool,
}

impl Sequence {
    /// The first sequence header among the units of a configuration record; `None` when there is
    /// none, or it is broken: it is no reason to refuse a track.
    pub(super) fn find(mut units: &[u8]) -> Option<Self> {
        while let Some(Obu { kind, header, payload, .. }) = Obu::read(units, units.len()) {
            let (unit, rest) = units.get(header..)?.split_at_checked(payload)?;
            if kind == obu::SEQUENCE_HEADER {
                return Self::parse(unit).ok();
            }
            units = rest;
        }
        None
    }

    /// Reads the payload of a sequence header.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Truncated> {
        let bits = &mut PlainBits::new(payload);
        let mut sequence = Self::default();
        let profile = bits.take(3)?;
        bits.skip(1)?; // still_picture
        sequence.reduced = bits.flag()?;
        if sequence.reduced {
            bits.skip(5)?; // seq_level_idx
        } else {
            sequence.model = operating_points(bits)?;
        }
        sequence.sizes(bits)?;
        sequence.large_superblocks = bits.flag()?;
        bits.skip(2)?; // enable_filter_intra, enable_intra_edge_filter
        sequence.tools(bits)?;
        sequence.superres = bits.flag()?;
        sequence.cdef = bits.flag()?;
        sequence.restoration = bits.flag()?;
        sequence.colour_config(bits, profile)?;
        sequence.film_grain = bits.flag()?;
        Ok(sequence)
    }

    fn sizes(&mut self, bits: &mut PlainBits<'_>) -> Result<(), Truncated> {
        self.size_bits = [bits.take(4)? as usize + 1, bits.take(4)? as usize + 1];
        self.size = [bits.take(self.size_bits[0])? + 1, bits.take(self.size_bits[1])? + 1];
        if !self.reduced && bits.flag()? {
            let delta_bits = bits.take(4)? as usize + 2;
            let bits = delta_bits + bits.take(3)? as usize + 1;
            self.frame_ids = Some(FrameIds { delta_bits, bits });
        }
        Ok(())
    }

    fn tools(&mut self, bits: &mut PlainBits<'_>) -> Result<(), Truncated> {
        (self.screen_content, self.integer_mv) = (SELECT, SELECT);
        if self.reduced {
            return Ok(());
        }
        bits.skip(2)?; // compound modes
        self.warped_motion = bits.flag()?;
        bits.skip(1)?; // enable_dual_filter
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(1)?; // enable_jnt_comp
            self.ref_frame_mvs = bits.flag()?;
        }
        self.screen_content = if bits.flag()? { SELECT } else { bits.take(1)? };
        if self.screen_content > 0 && !bits.flag()? {
            self.integer_mv = bits.take(1)?;
        }
        if order_hint {
            self.order_hint_bits = bits.take(3)? as usize + 1;
        }
        Ok(())
    }

    /// Section 5.5.2.
    fn colour_config(&mut self, bits: &mut PlainBits<'_>, profile: u32) -> Result<(), Truncated> {
        /// BT.709 primaries, sRGB transfer, identity matrix: always in full range.
        const SRGB: [u8; 3] = [1, 13, 0];
        let high_depth = bits.flag()?;
        let twelve_bit = profile == 2 && high_depth && bits.flag()?;
        self.planes.monochrome = profile != 1 && bits.flag()?;
        let codes = if bits.flag()? {
            Some([bits.small(8)?, bits.small(8)?, bits.small(8)?])
        } else {
            None
        };
        let srgb = !self.planes.monochrome && codes == Some(SRGB);
        let full_range = srgb || bits.flag()?;
        self.colour = codes.map(|[primaries, transfer, matrix]| Colour {
            primaries,
            transfer,
            matrix,
            full_range,
        });
        if self.planes.monochrome {
            self.planes.halved = true;
            return Ok(());
        }
        self.planes.halved = !srgb
            && match profile {
                0 => true,
                2 if twelve_bit => bits.flag()? && bits.flag()?,
                _ => false,
            };
        if self.planes.halved {
            bits.skip(2)?; // chroma_sample_position
        }
        self.planes.separate_uv_delta_q = bits.flag()?;
        Ok(())
    }
}

/// timing_info, decoder_model_info and what each operating point says.
fn operating_points(bits: &mut PlainBits<'_>) -> Result<Option<DecoderModel>, Truncated> {
    let mut model = None;
    let mut delay_bits = 0;
    if bits.flag()? {
        bits.skip(64)?; // timing_info
        let equal_interval = bits.flag()?;
        if equal_interval {
            uvlc(bits)?;
        }
        if bits.flag()? {
            delay_bits = bits.take(5)? as usize + 1;
            bits.skip(32)?;
            let (removal_bits, presentation_bits) =
                (bits.take(5)? as usize + 1, bits.take(5)? as usize + 1);
            let presentation_bits = if equal_interval { 0 } else { presentation_bits };
            model = Some(DecoderModel { presentation_bits, removal_bits, points: Vec::new() });
        }
    }
    let display_delay = bits.flag()?;
    for _ in 0..=bits.take(5)? {
        let idc = bits.take(12)?;
        if bits.take(5)? > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(model) = &mut model
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
            model.points.push(idc);
        }
        if display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Ok(model)
}

/// Section 4.10.3.
fn uvlc(bits: &mut PlainBits<'_>) -> Result<(), Truncated> {
    let mut zeros = 0;
    while !bits.flag()? {
        zeros += 1;
    }
    if zeros < 32 { bits.skip(zeros) } else { Ok(()) }
}
