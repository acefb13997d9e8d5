//! Common Encryption (ISO/IEC 23001-7): which bytes of a sample are protected, with which IV.
//!
//! `scheme` is the table of schemes, `iv` derives IVs, `map` finds the protected ranges of samples.

pub mod check;
pub mod decrypt;
pub mod iv;
pub mod map;
pub mod read;
pub mod scheme;

pub use iv::IvContext;
pub use map::{MapError, SampleMap};
pub use scheme::{Scheme, TrackKey};
