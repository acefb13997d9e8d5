//! The slots of reference frames, as far as later frame headers depend on them (AV1 specification,
//! sections 7.8 and 7.20).

use super::frame::KEY;
use super::sequence::Sequence;

/// Segments of a frame.
pub(super) const SEGMENTS: usize = 8;

/// Slots for references.
const SLOTS: usize = 8;

/// Places of references in the list of a frame (section 6.10.24), LAST being the first.
const LAST: usize = 0;
const GOLDEN: usize = 3;
const BACKWARD: usize = 4;
const ALTERNATE_2: usize = 5;
const ALTERNATE: usize = 6;

/// What is kept of a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reference {
    /// frame_type.
    pub(super) kind: u32,
    pub(super) upscaled_width: u32,
    pub(super) height: u32,
    pub(super) order_hint: u32,
    /// What each segment adds to the quantizer.
    pub(super) segment_q: [i32; SEGMENTS],
}

/// All slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct References([Reference; SLOTS]);

impl References {
    /// The frame in a slot; slots have 3 bits.
    pub(super) fn get(&self, slot: usize) -> &Reference {
        &self.0[slot % SLOTS]
    }

    /// Puts a frame into the slots that have a bit in `refresh`.
    pub(super) fn refresh(&mut self, refresh: u32, frame: Reference) {
        for (slot, reference) in self.0.iter_mut().enumerate() {
            if refresh >> slot & 1 == 1 {
                *reference = frame;
            }
        }
    }

    /// A key frame that is shown from its slot goes to all of them.
    pub(super) fn show(&mut self, slot: usize) {
        let frame = *self.get(slot);
        if frame.kind == KEY {
            self.0 = [frame; SLOTS];
        }
    }

    /// The slots that a frame refers to which tells only two of them (section 7.8).
    pub(super) fn derived(
        &self,
        sequence: &Sequence,
        order_hint: u32,
        last: usize,
        golden: usize,
    ) -> [usize; 7] {
        let distances = self.0.map(|frame| sequence.distance(frame.order_hint, order_hint));
        let mut list = [None; 7];
        let mut used = [false; SLOTS];
        let mut place = |at: usize, slot: Option<usize>| {
            if let Some(slot) = slot {
                list[at] = Some(slot);
                used[slot % SLOTS] = true;
            }
            used
        };
        place(LAST, Some(last));
        let used = place(GOLDEN, Some(golden));
        let behind = |used: [bool; SLOTS]| {
            (0..SLOTS).filter(move |slot| !used[*slot] && distances[*slot] >= 0)
        };
        // Of equal ones the last counts as the latest, the first as the earliest.
        let used = place(ALTERNATE, behind(used).max_by_key(|slot| distances[*slot]));
        let used = place(BACKWARD, behind(used).min_by_key(|slot| distances[*slot]));
        let mut used = place(ALTERNATE_2, behind(used).min_by_key(|slot| distances[*slot]));
        for at in [1, 2, BACKWARD, ALTERNATE_2, ALTERNATE] {
            if list[at].is_none() {
                let before = (0..SLOTS).filter(|slot| !used[*slot] && distances[*slot] < 0);
                list[at] = before.max_by_key(|slot| distances[*slot]);
                if let Some(slot) = list[at] {
                    used[slot] = true;
                }
            }
        }
        let earliest = (0..SLOTS).min_by_key(|slot| distances[*slot]).unwrap_or(0);
        list.map(|slot| slot.unwrap_or(earliest))
    }
}

impl Sequence {
    /// get_relative_dist (section 5.9.3).
    pub(super) fn distance(&self, a: u32, b: u32) -> i32 {
        let Some(top) = self.order_hint_bits.checked_sub(1) else { return 0 };
        // Order hints have at most 8 bits.
        let difference = a.cast_signed() - b.cast_signed();
        let sign = 1 << top;
        (difference & (sign - 1)) - (difference & sign)
    }
}
