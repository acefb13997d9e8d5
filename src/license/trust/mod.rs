//! Roots, credentials and lists of devices that licence services need: `trust.json` and the files
//! that it names, in the format that test clients share.
//!
//! Pure: whoever reads the folder hands in the document and a way to the files. Members that are not
//! known here are for clients or for other versions and stay unread. Each section is one system's,
//! and a section that is absent means that the system is not served.

mod fairplay;
pub mod make;
mod playready;
pub mod widevine;

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::policy::Secret;

/// The document in the folder.
pub const TRUST_FILE: &str = "trust.json";

/// What a licence service trusts and proves itself by.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Widevine.
    pub widevine: Option<super::widevine::Trust>,
    /// PlayReady.
    pub playready: Option<Arc<super::playready::Service>>,
    /// FairPlay.
    pub fairplay: Option<Arc<super::fairplay::Service>>,
}

/// The document or a file of it is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}")]
pub struct TrustError {
    /// The member, or the file, that breaks the rule.
    pub place: String,
    /// The rule; holds no secret.
    pub rule: String,
}

impl TrustError {
    /// A member or file breaks a rule.
    pub fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { place: place.into(), rule: rule.into() }
    }
}

/// The way to the files that the document names, by their name there.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// [`TrustError`] with the name as the place.
    fn read(&self, name: &str) -> Result<Secret, TrustError>;
}

/// The sections, each still to be read.
#[derive(Deserialize)]
struct Document<'a> {
    widevine: Option<Value>,
    playready: Option<Value>,
    /// Holds a secret: read where it stands, for a tree would leave copies behind.
    #[serde(borrow)]
    fairplay: Option<&'a RawValue>,
}

impl Trust {
    /// Reads the document.
    ///
    /// # Errors
    /// [`TrustError`] for members that are missing or of the wrong form, and what `files` says.
    pub fn read(document: &[u8], files: &dyn Files) -> Result<Self, TrustError> {
        let document: Document<'_> = serde_json::from_slice(document)
            .map_err(|error| TrustError::new(TRUST_FILE, without_value(&error)))?;
        Ok(Self {
            widevine: document.widevine.map(|it| widevine::read(it, files)).transpose()?,
            playready: document
                .playready
                .map(|it| playready::read(it, files))
                .transpose()?
                .map(Arc::new),
            fairplay: document
                .fairplay
                .map(|it| fairplay::read(it, files))
                .transpose()?
                .map(Arc::new),
        })
    }

    /// The same, but any Widevine device is served: for development only.
    #[must_use]
    pub fn for_any_device(self) -> Self {
        use super::widevine::Trust as Widevine;
        let widevine = self.widevine.map_or_else(Widevine::any_device, Widevine::for_any_device);
        Self { widevine: Some(widevine), ..self }
    }
}

/// Reads a section into the members that it has.
fn section<'de, T: Deserialize<'de>>(
    name: &str,
    value: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, TrustError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        TrustError::new(format!("{name}.{}", error.path()), without_value(error.inner()))
    })
}

/// What serde says, without what it quotes: it may be a secret.
fn without_value(error: &serde_json::Error) -> String {
    let kept: Vec<_> = error.to_string().split('"').step_by(2).map(str::to_owned).collect();
    kept.join("...")
}

/// Bytes in hexadecimal digits.
fn hex<const N: usize>(place: &str, text: &str) -> Result<[u8; N], TrustError> {
    let mut bytes = [0; N];
    // In place: some are secret.
    let read =
        text.len() == 2 * N && HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes).is_ok();
    read.then_some(bytes)
        .ok_or_else(|| TrustError::new(place, format!("{} hexadecimal digits are expected", 2 * N)))
}

fn base64(place: &str, text: &str) -> Result<Vec<u8>, TrustError> {
    let bytes = BASE64.decode(text.as_bytes());
    bytes.map_err(|_| TrustError::new(place, "base64 is expected"))
}

/// A secret of fixed length from a file.
fn exactly(files: &dyn Files, name: &str, length: usize) -> Result<Secret, TrustError> {
    let secret = files.read(name)?;
    if secret.expose().len() == length {
        Ok(secret)
    } else {
        Err(TrustError::new(name, format!("the file must have {length} bytes")))
    }
}

#[cfg(test)]
mod tests;
