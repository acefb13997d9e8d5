//! What an asset is: tracks with their sample index, quality levels, and the common timeline.
//!
//! `file` reads one MP4, `segments` finds those that lie in many files, `server_manifest` reads the
//! optional `.ism`, `asset` puts them together, `timeline` cuts fragments. Text (`text`) follows the
//! cuts of the pictures, thumbnails (`images`) have their own times.

mod alignment;
pub mod asset;
mod captions;
pub mod client_manifest;
pub mod descriptions;
mod edit;
mod error;
pub mod file;
#[cfg(test)]
mod fixture;
mod fragments;
mod grid;
mod identity;
pub mod image_track;
pub mod images;
pub mod index;
pub mod language;
mod opened;
pub mod picture;
mod protected;
mod role;
pub mod sealed;
pub mod segments;
pub mod server_manifest;
pub mod text;
mod text_name;
mod text_rate;
mod text_track;
pub mod thinned;
pub mod timeline;
pub mod track;
pub mod track_class;
mod unique;

pub use asset::{Asset, Rendition, SourceFile};
pub use client_manifest::ClientManifest;
pub use error::{MediaError, MediaRule, open_groups};
pub use file::FileIndex;
pub use grid::Grid;
pub use images::ImageRendition;
pub use index::SampleIndex;
pub use picture::Picture;
pub use sealed::{Encrypted, Sealed};
pub use server_manifest::ServerManifest;
pub use text::{Sidecar, TextRendition};
pub use track::Track;
