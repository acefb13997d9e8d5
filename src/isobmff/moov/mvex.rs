//! `mvex` with `trex`: defaults of movie fragments (ISO/IEC 14496-12 sections 8.8.1, 8.8.3).

use crate::bytes::{Reader, Writer};
use crate::isobmff::{BoxError, BoxRef, boxed, full_box};

/// What a sample has unless something nearer to it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleDefaults {
    /// Number of the sample description, counted from 1.
    pub description: u32,
    /// Duration in media ticks.
    pub duration: u32,
    /// Size in bytes.
    pub size: u32,
    /// Sample flags (section 8.8.3.1).
    pub flags: u32,
}

impl Default for SampleDefaults {
    /// What holds for a track without `trex`.
    fn default() -> Self {
        Self { description: 1, duration: 0, size: 0, flags: 0 }
    }
}

/// Reads a `trex`: the track id and its defaults.
pub fn parse_trex(trex: &BoxRef<'_>) -> Result<(u32, SampleDefaults), BoxError> {
    let mut reader = Reader::new(trex.full()?.2);
    let mut parse = || {
        let track_id = reader.u32()?;
        let (description, duration) = (reader.u32()?, reader.u32()?);
        let (size, flags) = (reader.u32()?, reader.u32()?);
        Ok((track_id, SampleDefaults { description, duration, size, flags }))
    };
    parse().map_err(BoxError::truncated(b"trex"))
}

/// Writes the box for track 1: sample description 1, every other default in the fragments.
pub fn write(w: &mut Writer) {
    boxed(w, b"mvex", |w| {
        full_box(w, b"trex", 0, 0, |w| {
            w.u32(1);
            w.u32(1);
            w.zeros(12);
        });
    });
}
