//! Audio sample entries (ISO/IEC 14496-12 section 12.2.3) and the QuickTime versions 1 and 2
//! that lie in many MP4 files.

use super::{SampleEntry, split};
use crate::isobmff::{BoxError, BoxRef, Children, FourCc, find};

/// Bytes in front of the child boxes, by version.
const FIXED: [usize; 3] = [AudioEntry::FIELDS, 28 + 16, 28 + 36];

/// An audio sample entry.
#[derive(Debug, Clone)]
pub struct AudioEntry<'a> {
    kind: FourCc,
    version: usize,
    fields: &'a [u8],
    /// Child boxes: configuration, `btrt`, ...
    pub children: Children<'a>,
}

impl<'a> AudioEntry<'a> {
    /// Bytes in front of the child boxes of version 0.
    pub const FIELDS: usize = 28;

    /// Reads an entry. Channel count and rate are not looked at: the codec configuration rules.
    pub fn parse(entry: &BoxRef<'a>) -> Result<Self, BoxError> {
        let (fields, _) = split(entry, FIXED[0])?;
        let version = usize::from(u16::from_be_bytes([fields[8], fields[9]])).min(2);
        let (_, children) = split(entry, FIXED[version])?;
        Ok(Self { kind: entry.kind, version, fields, children })
    }

    /// The configuration box, which QuickTime nests in `wave`.
    pub fn config(&self, kind: &[u8; 4]) -> Result<Option<BoxRef<'a>>, BoxError> {
        if let Some(config) = find(self.children.clone(), kind)? {
            return Ok(Some(config));
        }
        match find(self.children.clone(), b"wave")? {
            Some(wave) => wave.find(kind),
            None => Ok(None),
        }
    }

    /// The entry in the version 0 form that ISO files have. QuickTime versions are rewritten with
    /// `config` as only child; what they say of channels and rate is not kept, the configuration
    /// tells.
    pub fn to_version_0(&self, entry: &BoxRef<'_>, config: &BoxRef<'_>) -> SampleEntry {
        if self.version == 0 {
            return SampleEntry::of(entry, &self.children);
        }
        let mut body = self.fields.to_vec();
        body[8..16].fill(0);
        body[16..20].copy_from_slice(&[0, 2, 0, 16]);
        body[20..28].fill(0);
        body.extend_from_slice(config.raw);
        SampleEntry { kind: self.kind, body }
    }
}
