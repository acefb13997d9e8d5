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
    /// Handler type: `vide`, `soun`, ...
    pub handler: FourCc,
    /// The edit list; empty when there is none.
    pub edits: Vec<elst::Edit>,
    /// The sample table.
    pub stbl: BoxRef<'a>,
}

impl<'a> Trak<'a> {
    /// Reads the headers and finds the sample table.
    pub fn parse(trak: &BoxRef<'a>) -> Result<Self, BoxError> {
        let mdia = trak.require(b"mdia")?;
        let edits = match trak.find(b"edts")? {
            Some(edts) => edts
                .find(b"elst")?
                .map(|elst| elst::parse(&elst))
                .transpose()?,
            None => None,
        };
        Ok(Self {
            tkhd: Tkhd::parse(&trak.require(b"tkhd")?)?,
            mdhd: Mdhd::parse(&mdia.require(b"mdhd")?)?,
            handler: hdlr::handler_type(&mdia.require(b"hdlr")?)?,
            edits: edits.unwrap_or_default(),
            stbl: mdia.require(b"minf")?.require(b"stbl")?,
        })
    }
}
