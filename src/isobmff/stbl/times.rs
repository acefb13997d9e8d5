//! `stts`, `ctts`, `stss`: decoding times, composition offsets, sync samples
//! (ISO/IEC 14496-12 sections 8.6.1 and 8.6.2).

use super::entries;
use crate::isobmff::{BoxError, BoxRef, Rule};

/// `stts`: runs of samples with equal duration.
#[derive(Debug, Clone, Copy)]
pub struct TimeRuns<'a>(&'a [[u8; 8]]);

impl<'a> TimeRuns<'a> {
    /// Checks the box; nothing is copied.
    pub fn parse(stts: &BoxRef<'a>) -> Result<Self, BoxError> {
        entries(stts).map(|(_, entries)| Self(entries))
    }

    /// Pairs of (sample count, duration in media ticks).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + use<'a> {
        self.0.iter().map(pair)
    }
}

/// `ctts`: runs of samples with equal composition offset.
#[derive(Debug, Clone, Copy)]
pub struct CompositionOffsets<'a>(&'a [[u8; 8]]);

impl<'a> CompositionOffsets<'a> {
    /// Checks the box. Version 0 offsets are read as signed too: some muxers write them so, and no
    /// real offset needs the 32nd bit.
    pub fn parse(ctts: &BoxRef<'a>) -> Result<Self, BoxError> {
        match entries(ctts)? {
            (0 | 1, entries) => Ok(Self(entries)),
            _ => Err(ctts.error(Rule::UnknownVersion)),
        }
    }

    /// Pairs of (sample count, offset in media ticks).
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, i32)> + Clone + use<'a> {
        self.0.iter().map(pair).map(|(count, offset)| (count, offset.cast_signed()))
    }
}

/// `stss`: the numbers of the sync samples.
#[derive(Debug, Clone, Copy)]
pub struct SyncSamples<'a>(&'a [[u8; 4]]);

impl<'a> SyncSamples<'a> {
    /// Checks the box.
    pub fn parse(stss: &BoxRef<'a>) -> Result<Self, BoxError> {
        entries(stss).map(|(_, entries)| Self(entries))
    }

    /// Sample numbers as the file has them: counted from 1.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.0.iter().map(|entry| u32::from_be_bytes(*entry))
    }
}

fn pair(entry: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *entry;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}
