//! DASH manifests (ISO/IEC 23009-1): live profile with SegmentTimeline over CMAF fragments.

mod ams;
mod descriptors;
mod protection;
mod text;
mod trick;

mod mpd;

pub use mpd::mpd;
