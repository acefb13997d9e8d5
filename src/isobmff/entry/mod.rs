//! Sample entries (ISO/IEC 14496-12 section 8.5.2 and 12; ISO/IEC 14496-15 section 5.4.2).
//!
//! An entry is kept as its bytes: what is not understood passes through unchanged.

mod audio;
mod visual;

pub use audio::AudioEntry;
pub use visual::VisualEntry;

use super::cenc::Sinf;
use super::{BoxError, BoxRef, Children, FourCc, Rule, boxed, children};
use crate::bytes::{Reader, Writer};

/// A sample entry that goes into an init segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEntry {
    /// Type of the entry in the source: `avc1`, `mp4a`, ...
    pub kind: FourCc,
    /// Everything behind the box header, child boxes included.
    pub body: Vec<u8>,
}

impl SampleEntry {
    /// An entry of a source with these child boxes, up to the end of the last of them: QuickTime sets
    /// a 32-bit zero behind them, and no reader would find a box that is written behind that.
    pub fn of(entry: &BoxRef<'_>, children: &Children<'_>) -> Self {
        let mut children = children.clone();
        children.by_ref().for_each(drop);
        let left = children.length();
        let length = if left < 8 { entry.body.len() - left } else { entry.body.len() };
        Self { kind: entry.kind, body: entry.body[..length].to_vec() }
    }

    /// The same entry without its child boxes of a type; those stand behind so many bytes of fields.
    ///
    /// # Errors
    /// A broken child box.
    pub fn without(self, kind: &[u8; 4], fields: usize) -> Result<Self, BoxError> {
        let truncated = BoxError::new(self.kind, Rule::Truncated);
        let (front, rest) = self.body.split_at_checked(fields).ok_or(truncated)?;
        let mut body = front.to_vec();
        for child in children(self.kind, rest) {
            let child = child?;
            if child.kind.0 != *kind {
                body.extend_from_slice(child.raw);
            }
        }
        Ok(Self { body, ..self })
    }

    /// Writes the entry as it is or, with `sinf`, as an entry of type `protected` (`encv`, `enca`).
    pub fn write(&self, w: &mut Writer, protected: Option<(&[u8; 4], &Sinf)>) {
        match protected {
            None => boxed(w, &self.kind.0, |w| w.bytes(&self.body)),
            Some((kind, sinf)) => boxed(w, kind, |w| {
                w.bytes(&self.body);
                sinf.write(w);
            }),
        }
    }
}

/// The entries of an `stsd` box; at least one.
pub fn entries<'a>(stsd: &BoxRef<'a>) -> Result<Vec<BoxRef<'a>>, BoxError> {
    let mut reader = Reader::new(stsd.full()?.2);
    let count = reader.u32().map_err(|_| stsd.error(Rule::Truncated))? as usize;
    let found = children(stsd.kind, reader.rest()).take(count).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return Err(stsd.error(Rule::BadValue("there is no sample entry")));
    }
    Ok(found)
}

/// Splits the body of an entry into its fixed fields and its child boxes.
fn split<'a>(entry: &BoxRef<'a>, fixed: usize) -> Result<(&'a [u8], Children<'a>), BoxError> {
    let (fields, rest) = entry.body.split_at_checked(fixed).ok_or(entry.error(Rule::Truncated))?;
    Ok((fields, children(entry.kind, rest)))
}
