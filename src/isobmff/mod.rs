//! ISO base media file format (ISO/IEC 14496-12): one file per box, readers as views over the
//! bytes, writers that patch their sizes.

pub mod cenc;
pub mod describe;
pub mod dump;
pub mod edit;
pub mod entry;
mod error;
pub mod ftyp;
mod header;
pub mod moof;
pub mod moov;
mod scan;
pub mod sidx;
pub mod stbl;
mod write;

pub use error::{BoxError, Rule};
pub use header::{BoxHeader, BoxRef, Children, FourCc, children, find};
pub use scan::{Moof, Scan, ScanError, is_mp4, scan};
pub use write::{boxed, full_box};
