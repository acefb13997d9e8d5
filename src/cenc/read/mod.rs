//! Protected fragmented MP4 of anybody, read: which samples are protected, under which key and IV,
//! and which of their bytes (ISO/IEC 23001-7; PIFF 1.1).

mod error;
mod fragment;
mod movie;
mod plain;

pub use error::ReadError;
pub use fragment::{Lock, Locked, LockedSample, has_groups};
pub(super) use movie::inner_boxes;
pub use movie::{Entry, Movie, Track};
