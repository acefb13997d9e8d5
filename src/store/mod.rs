//! What outlives the process: the database, the key-encryption key's file, media in files and in object
//! stores, and read caches.

mod cache;
pub mod cloud;
pub mod db;
mod durable;
pub mod error;
pub mod files;
pub mod folder;
pub mod kek;
pub mod location;
pub mod model;
pub mod private;
pub mod random;
mod real;
pub mod source;

pub use cloud::Cloud;
pub use db::Store;
pub use error::{Kind, StoreError};
pub use location::Location;
pub use model::{Asset, FilterKey, Locator, NewLocator, RotatedKeys, StoredFilter};
pub use real::real;

/// Name of the database file in a data directory.
pub const DATABASE_FILE: &str = "portcullis.db";
/// Name of the key-encryption key's file in a data directory.
pub const KEK_FILE: &str = "kek";
