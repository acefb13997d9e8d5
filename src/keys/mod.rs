//! Content keys as they are kept: records, the key that encrypts them at rest, the vault.
//!
//! Follows ams.md section 14.1 for labels and key types. Nothing here reads a clock, a file or a
//! random source; nonces and key bytes come in as arguments.

pub mod kek;
pub mod model;
pub mod schedule;
pub mod storage_encryption;
pub mod vault;

pub use kek::{KekFingerprint, KeyEncryptionKey, ParseKekError};
pub use model::{KeyRecord, WrappedKey};
pub use schedule::{Hierarchy, Rotation, Schedule, ScheduleError};
pub use storage_encryption::{StorageEncryption, StorageEncryptionError};
pub use vault::{NONCE_LEN, Vault, VaultError};
