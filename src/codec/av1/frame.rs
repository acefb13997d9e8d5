//! Frame headers (AV1 specification, section 5.9): all of them is read, because the tiles of a frame
//! start where its header ends.

use super::references::{Reference, References, SEGMENTS};
use super::sequence::{SELECT, Sequence};
use super::tiles::TileInfo;
use crate::bytes::{PlainBits, Truncated};

mod tail;

/// Values of frame_type.
pub(super) const KEY: u32 = 0;
const INTER: u32 = 1;
const INTRA_ONLY: u32 = 2;
const SWITCH: u32 = 3;

/// References that a frame has.
const REFS: usize = 7;

/// What a frame header says, as far as what follows depends on it.
#[derive(Debug)]
pub(super) struct FrameHeader<'a> {
    sequence: &'a Sequence,
    references: &'a References,
    bits: PlainBits<'a>,
    kind: u32,
    shown: bool,
    showable: bool,
    error_resilient: bool,
    /// Whether motion vectors are whole samples.
    integer_mv: bool,
    high_precision_mv: bool,
    intra_block_copy: bool,
    order_hint: u32,
    /// The reference whose state is the start; `None` starts afresh.
    primary: Option<usize>,
    /// Slots of the references.
    refs: [usize; REFS],
    upscaled_width: u32,
    size: [u32; 2],
    base_q: u32,
    /// Whether quantizers differ from the base: then nothing is lossless.
    has_q_deltas: bool,
    /// What segments add to the base quantizer.
    segment_q: [i32; SEGMENTS],
}

/// What a header leaves behind.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A frame that is already there is shown; a key frame is a start for all.
    Shown(usize),
    /// Tiles follow.
    Coded {
        tiles: TileInfo,
        /// Bytes of the header.
        length: usize,
        /// Which slots the frame goes to.
        refresh: u32,
        frame: Reference,
    },
}

impl<'a> FrameHeader<'a> {
    /// Reads `uncompressed_header`; `layer` are temporal_id and spatial_id of its unit.
    pub(super) fn parse(
        payload: &'a [u8],
        layer: [u8; 2],
        sequence: &'a Sequence,
        references: &'a References,
    ) -> Result<Outcome, Truncated> {
        let mut header = Self {
            sequence,
            references,
            bits: PlainBits::new(payload),
            kind: KEY,
            shown: true,
            showable: false,
            error_resilient: true,
            integer_mv: false,
            high_precision_mv: false,
            intra_block_copy: false,
            order_hint: 0,
            primary: None,
            refs: [0; REFS],
            upscaled_width: 0,
            size: [0; 2],
            base_q: 0,
            has_q_deltas: false,
            segment_q: [0; SEGMENTS],
        };
        if !sequence.reduced {
            if let Some(slot) = header.existing()? {
                return Ok(Outcome::Shown(slot));
            }
            header.identity()?;
        }
        header.coded(layer)
    }

    fn is_intra(&self) -> bool {
        matches!(self.kind, KEY | INTRA_ONLY)
    }

    /// show_existing_frame.
    fn existing(&mut self) -> Result<Option<usize>, Truncated> {
        if !self.bits.flag()? {
            return Ok(None);
        }
        Ok(Some(self.bits.take(3)? as usize))
    }

    fn identity(&mut self) -> Result<(), Truncated> {
        self.kind = self.bits.take(2)?;
        self.shown = self.bits.flag()?;
        if self.shown {
            let model = self.sequence.model.as_ref();
            self.bits.skip(model.map_or(0, |model| model.presentation_bits))?;
            self.showable = self.kind != KEY;
        } else {
            self.showable = self.bits.flag()?;
        }
        let starts_anew = self.kind == SWITCH || self.kind == KEY && self.shown;
        self.error_resilient = starts_anew || self.bits.flag()?;
        Ok(())
    }

    fn coded(mut self, layer: [u8; 2]) -> Result<Outcome, Truncated> {
        let sequence = self.sequence;
        let keeps_probabilities = self.bits.flag()?; // disable_cdf_update
        let screen_content = self.screen_content()?;
        self.bits.skip(sequence.frame_ids.map_or(0, |ids| ids.bits))?;
        let own_size = self.kind == SWITCH || !sequence.reduced && self.bits.flag()?;
        self.order_hint = self.bits.take(sequence.order_hint_bits)?;
        let primary =
            if self.is_intra() || self.error_resilient { 7 } else { self.bits.take(3)? };
        self.removal_times(layer)?;
        let refresh = self.refresh()?;
        if self.is_intra() {
            self.frame_size(own_size)?;
            self.render_size()?;
            let scaled = self.upscaled_width != self.size[0];
            self.intra_block_copy = screen_content && !scaled && self.bits.flag()?;
        } else {
            self.inter(own_size)?;
        }
        self.primary = self.refs.get(primary as usize).copied();
        if !sequence.reduced && !keeps_probabilities {
            self.bits.skip(1)?; // disable_frame_end_update_cdf
        }
        let tiles = TileInfo::parse(&mut self.bits, self.size, sequence.large_superblocks)?;
        self.tail()?;
        let frame = Reference {
            kind: self.kind,
            upscaled_width: self.upscaled_width,
            height: self.size[1],
            order_hint: self.order_hint,
            segment_q: self.segment_q,
        };
        Ok(Outcome::Coded { tiles, length: self.bits.bytes_touched(), refresh, frame })
    }

    /// allow_screen_content_tools.
    fn screen_content(&mut self) -> Result<bool, Truncated> {
        let choose = |bits: &mut PlainBits<'_>, value| match value {
            SELECT => bits.flag(),
            value => Ok(value == 1),
        };
        let allowed = choose(&mut self.bits, self.sequence.screen_content)?;
        self.integer_mv = allowed && choose(&mut self.bits, self.sequence.integer_mv)?;
        Ok(allowed)
    }

    fn removal_times(&mut self, [temporal, spatial]: [u8; 2]) -> Result<(), Truncated> {
        let Some(model) = &self.sequence.model else { return Ok(()) };
        if !self.bits.flag()? {
            return Ok(());
        }
        let holds = |idc: &&u32| {
            **idc == 0 || **idc >> temporal & 1 == 1 && **idc >> (spatial + 8) & 1 == 1
        };
        let points = model.points.iter().filter(holds).count();
        self.bits.skip(points * model.removal_bits)
    }

    /// refresh_frame_flags.
    fn refresh(&mut self) -> Result<u32, Truncated> {
        const ALL: u32 = 0xff;
        let starts_anew = self.kind == SWITCH || self.kind == KEY && self.shown;
        let refresh = if starts_anew { ALL } else { self.bits.take(8)? };
        let hints = self.error_resilient && (!self.is_intra() || refresh != ALL);
        if hints {
            self.bits.skip(8 * self.sequence.order_hint_bits)?; // ref_order_hint
        }
        Ok(refresh)
    }

    fn inter(&mut self, own_size: bool) -> Result<(), Truncated> {
        let sequence = self.sequence;
        let derived = sequence.order_hint_bits > 0 && self.bits.flag()?;
        if derived {
            let (last, golden) = (self.bits.take(3)? as usize, self.bits.take(3)? as usize);
            self.refs = self.references.derived(sequence, self.order_hint, last, golden);
        }
        for slot in &mut self.refs {
            if !derived {
                *slot = self.bits.take(3)? as usize;
            }
            self.bits.skip(sequence.frame_ids.map_or(0, |ids| ids.delta_bits))?;
        }
        if own_size && !self.error_resilient {
            self.size_of_reference()?;
        } else {
            self.frame_size(own_size)?;
            self.render_size()?;
        }
        self.high_precision_mv = !self.integer_mv && self.bits.flag()?;
        if !self.bits.flag()? {
            self.bits.skip(2)?; // interpolation_filter
        }
        self.bits.skip(1)?; // is_motion_mode_switchable
        if !self.error_resilient && sequence.ref_frame_mvs {
            self.bits.skip(1)?; // use_ref_frame_mvs
        }
        Ok(())
    }

    fn frame_size(&mut self, own: bool) -> Result<(), Truncated> {
        self.size = self.sequence.size;
        if own {
            let [width, height] = self.sequence.size_bits;
            self.size = [self.bits.take(width)? + 1, self.bits.take(height)? + 1];
        }
        self.super_resolution()
    }

    fn super_resolution(&mut self) -> Result<(), Truncated> {
        const NUMERATOR: u32 = 8;
        self.upscaled_width = self.size[0];
        if self.sequence.superres && self.bits.flag()? {
            let denominator = self.bits.take(3)? + 9;
            self.size[0] = (self.upscaled_width * NUMERATOR + denominator / 2) / denominator;
        }
        Ok(())
    }

    fn render_size(&mut self) -> Result<(), Truncated> {
        if self.bits.flag()? { self.bits.skip(32) } else { Ok(()) }
    }

    fn size_of_reference(&mut self) -> Result<(), Truncated> {
        for slot in self.refs {
            if self.bits.flag()? {
                let reference = self.references.get(slot);
                self.size = [reference.upscaled_width, reference.height];
                return self.super_resolution();
            }
        }
        self.frame_size(true)?;
        self.render_size()
    }
}
