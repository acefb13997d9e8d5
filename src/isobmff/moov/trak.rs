//! `trak`: the boxes of one track, found but not yet interpreted (ISO/IEC 14496-12 section 8.3.1).

use super::{elst, hdlr, mdhd::Mdhd, tkhd::Tkhd};
use crate::isobmff::{BoxError, BoxRef, FourCc};

/// A track of the movie header.
#[derive(Debug)]
pub struct Trak<'a> {
    /// Track header.
    pub tkhd: Tkhd,
    /// Media header.
    pub mdhd: Mdhd,
    /// The edit list; empty when there is none.
    pub edits: Vec<elst::Edit>,
    /// The sample table.
    pub stbl: BoxRef<'a>,
}

impl<'a> Trak<'a> {
    /// The handler type, which says whether the rest is worth reading.
    pub fn handler(trak: &BoxRef<'a>) -> Result<FourCc, BoxError> {
        hdlr::handler_type(&trak.require(b"mdia")?.require(b"hdlr")?)
    }

    /// The track id.
    pub fn id(trak: &BoxRef<'a>) -> Result<u32, BoxError> {
        Ok(Tkhd::parse(&trak.require(b"tkhd")?)?.track_id)
    }

    /// Reads the headers and finds the sample table.
    pub fn parse(trak: &BoxRef<'a>) -> Result<Self, BoxError> {
        let mdia = trak.require(b"mdia")?;
        let edits = match trak.find(b"edts")? {
            Some(edts) => edts.find(b"elst")?.map(|elst| elst::parse(&elst)).transpose()?,
            None => None,
        };
        Ok(Self {
            tkhd: Tkhd::parse(&trak.require(b"tkhd")?)?,
            mdhd: Mdhd::parse(&mdia.require(b"mdhd")?)?,
            edits: edits.unwrap_or_default(),
            stbl: mdia.require(b"minf")?.require(b"stbl")?,
        })
    }
}
