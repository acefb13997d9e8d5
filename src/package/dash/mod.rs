//! DASH manifests (ISO/IEC 23009-1): live profile with SegmentTimeline over CMAF fragments, on-demand
//! profile with an index in each file.

mod ams;
mod descriptors;
mod images;
mod on_demand;
mod protection;
pub mod read;
mod text;
mod trick;

mod mpd;

pub use mpd::mpd;
