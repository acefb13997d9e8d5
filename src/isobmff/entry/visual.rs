//! Visual sample entries (ISO/IEC 14496-12 section 12.1.3).

use super::split;
use crate::isobmff::{BoxError, BoxRef, Children};

/// Bytes in front of the child boxes.
const FIXED: usize = 78;

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
    /// Reads an entry.
    pub fn parse(entry: &BoxRef<'a>) -> Result<Self, BoxError> {
        let (fields, children) = split(entry, FIXED)?;
        let at = |n: usize| u16::from_be_bytes([fields[n], fields[n + 1]]);
        Ok(Self { width: at(24), height: at(26), children })
    }
}
