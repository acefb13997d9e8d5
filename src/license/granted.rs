//! Keys with the rights to them: what the writers of licences are given.

use super::{DecidedBy, Rights};
use crate::crypto::KeyMaterial;
use crate::ids::KeyId;
use crate::protection::Protection;

/// A key that was granted and opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedKey {
    /// Names the key.
    pub kid: KeyId,
    /// The handle by which the streaming policy assigns the key to tracks.
    pub label: String,
    /// The protection that the key serves; it says with which cipher.
    pub protection: Protection,
    /// The key; wiped when dropped. Root keys are granted in Widevine alone.
    pub key: KeyMaterial,
    /// What may be done with it.
    pub rights: Rights,
    /// The option that decided.
    pub by: DecidedBy,
}
