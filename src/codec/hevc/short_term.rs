//! Short-term reference picture sets (ISO/IEC 23008-2 section 7.3.7 and 7.4.8).

use crate::bytes::{BitReader, Truncated};

/// More pictures than a decoder has room for are refused.
const MAX_PICTURES: usize = 16;

/// A picture of a set: its distance in output order, and whether the current picture refers to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry {
    delta: i16,
    used: bool,
}

/// The pictures of a set: those before the current one from the nearest on, then those behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ShortTermSet {
    entries: [Entry; MAX_PICTURES],
    count: u8,
}

impl ShortTermSet {
    /// Reads set number `known.len()`. In a slice header it may be told as a difference to any of
    /// those in the parameter set, there only to the one before it.
    pub(super) fn parse(
        r: &mut BitReader<'_>,
        known: &[Self],
        in_slice: bool,
    ) -> Result<Self, Truncated> {
        if !known.is_empty() && r.bit()? {
            let back = if in_slice { r.ue()?.saturating_add(1) } else { 1 };
            let reference = known.len().checked_sub(back as usize).ok_or(Truncated)?;
            return known[reference].changed(r);
        }
        let mut set = Self::default();
        for (count, sign) in [(r.ue()?, -1), (r.ue()?, 1)] {
            let mut delta = 0;
            for _ in 0..count {
                delta += sign * (i64::from(r.ue()?) + 1);
                set.push(delta, r.bit()?)?;
            }
        }
        Ok(set)
    }

    /// Distances have 16 bits (section 7.4.8).
    fn push(&mut self, delta: i64, used: bool) -> Result<(), Truncated> {
        let delta = i16::try_from(delta).map_err(|_| Truncated)?;
        let place = self.entries.get_mut(usize::from(self.count)).ok_or(Truncated)?;
        *place = Entry { delta, used };
        self.count += 1;
        Ok(())
    }

    fn entries(&self) -> &[Entry] {
        &self.entries[..usize::from(self.count)]
    }

    /// The set that is told as a difference to this one (equations 7-61 and 7-62).
    fn changed(&self, r: &mut BitReader<'_>) -> Result<Self, Truncated> {
        let sign = if r.bit()? { -1 } else { 1 };
        let shift = sign * (i64::from(r.ue()?) + 1);
        let mut set = Self::default();
        // The current picture of that set is a picture of this one.
        for delta in self.entries().iter().map(|entry| i64::from(entry.delta)).chain([0]) {
            let used = r.bit()?;
            let kept = used || r.bit()?;
            if kept && delta + shift != 0 {
                set.push(delta + shift, used)?;
            }
        }
        let entries = &mut set.entries[..usize::from(set.count)];
        entries.sort_unstable_by_key(|entry| (entry.delta > 0, entry.delta.unsigned_abs()));
        Ok(set)
    }

    /// How many pictures the current one refers to.
    pub(super) fn used(&self) -> u32 {
        // At most 16.
        self.entries().iter().map(|entry| u32::from(entry.used)).sum()
    }
}
