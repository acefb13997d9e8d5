//! Filters: which tracks, which part and which first quality a manifest shows (ams.md section 15).
//!
//! `json` reads and writes the shape of the Azure Media Services v3 API, `track` tells which
//! renditions a filter keeps, `compose` makes one [`Selection`](super::selection::Selection) of
//! several filters.

mod choice;
mod compose;
mod error;
mod json;
mod time;
mod track;

#[cfg(test)]
mod tests;

pub use compose::{MAX_DEFAULT, MAX_IN_URL, select};
pub use error::{FilterError, FilterRule};
pub use time::PresentationTimeRange;
pub use track::{Condition, Facts, Property, TrackSelection};

/// A longer `properties` object is refused, in bytes.
pub const MAX_PROPERTIES: usize = 64 * 1024;

/// A filter; whether it belongs to the account or to an asset is told by who keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its name, as it was written.
    pub name: String,
    /// The part of the presentation that is shown.
    pub range: Option<PresentationTimeRange>,
    /// Bits per second of the level that manifests list first.
    pub first_quality: Option<u64>,
    /// A track stays when any of these keeps it; when there are none, every track stays.
    pub tracks: Vec<TrackSelection>,
}
