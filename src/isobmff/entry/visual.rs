//! Visual sample entries (ISO/IEC 14496-12 section 12.1.3), with what their child boxes say of the
//! pictures. Those boxes pass through unchanged; one that cannot be read says nothing.

use super::split;
use crate::bytes::Reader;
use crate::codec::Colour;
use crate::codec::dolby_vision::DolbyVision;
use crate::isobmff::{BoxError, BoxRef, Children, find};

/// Boxes that hold a Dolby Vision configuration record, by profile.
const DOLBY_VISION: [&[u8; 4]; 3] = [b"dvcC", b"dvvC", b"dvwC"];

/// A visual sample entry.
#[derive(Debug, Clone)]
pub struct VisualEntry<'a> {
    /// Coded width in pixels.
    pub width: u16,
    /// Coded height in pixels.
    pub height: u16,
    /// Child boxes: configuration, `pasp`, `colr`, ...
    pub children: Children<'a>,
}

impl<'a> VisualEntry<'a> {
    /// Bytes in front of the child boxes.
    pub const FIELDS: usize = 78;

    /// Reads an entry.
    pub fn parse(entry: &BoxRef<'a>) -> Result<Self, BoxError> {
        let (fields, children) = split(entry, Self::FIELDS)?;
        let at = |n: usize| u16::from_be_bytes([fields[n], fields[n + 1]]);
        Ok(Self { width: at(24), height: at(26), children })
    }

    /// Width to height of a pixel (`pasp`, section 12.1.4); `None` when pixels are square.
    pub fn pixel_aspect(&self) -> Option<(u32, u32)> {
        let mut reader = Reader::new(self.child(b"pasp")?.body);
        let (horizontal, vertical) = (reader.u32().ok()?, reader.u32().ok()?);
        let told = horizontal > 0 && vertical > 0 && horizontal != vertical;
        told.then_some((horizontal, vertical))
    }

    /// The colour of the first `colr` box with code points (section 12.1.5); QuickTime leaves the
    /// range out.
    pub fn colour(&self) -> Option<Colour> {
        let boxes = self.children.clone().map_while(Result::ok);
        boxes.filter(|child| &child.kind.0 == b"colr").find_map(|child| code_points(child.body))
    }

    /// The Dolby Vision configuration record.
    pub fn dolby_vision(&self) -> Option<DolbyVision> {
        let record = DOLBY_VISION.iter().find_map(|kind| self.child(kind))?;
        DolbyVision::parse(record.body).ok()
    }

    fn child(&self, kind: &[u8; 4]) -> Option<BoxRef<'a>> {
        find(self.children.clone(), kind).ok().flatten()
    }
}

fn code_points(colr: &[u8]) -> Option<Colour> {
    let mut reader = Reader::new(colr);
    let kind = reader.array::<4>().ok()?;
    if !matches!(&kind, b"nclx" | b"nclc") {
        return None;
    }
    let mut code = || reader.u16().ok().and_then(|value| u8::try_from(value).ok());
    let (primaries, transfer, matrix) = (code()?, code()?, code()?);
    let full_range = reader.u8().is_ok_and(|flags| flags & 0x80 != 0);
    Some(Colour { primaries, transfer, matrix, full_range })
}
