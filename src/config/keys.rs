//! Where the key-encryption key comes from. The file holds only a path: a configuration is shown,
//! copied and committed, a key must not be.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::keys::kek::KeyEncryptionKey;

/// The variable that holds the key itself.
pub(super) const KEK_VARIABLE: &str = "PORTCULLIS_KEK";

/// The `[keys]` section.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// File of the key-encryption key.
    pub kek_file: Option<PathBuf>,
    #[serde(skip)]
    from_environment: Option<KeyEncryptionKey>,
}

/// Where the key-encryption key is taken from.
#[derive(Debug)]
pub enum KekSource<'a> {
    /// The variable `PORTCULLIS_KEK`.
    Environment(&'a KeyEncryptionKey),
    /// A file.
    File(&'a Path),
    /// Nobody named one: the file of this name in the data folder.
    Default,
}

impl Keys {
    /// The environment stands above the file, as for every setting.
    pub fn source(&self) -> KekSource<'_> {
        match (&self.from_environment, &self.kek_file) {
            (Some(key), _) => KekSource::Environment(key),
            (None, Some(path)) => KekSource::File(path),
            (None, None) => KekSource::Default,
        }
    }

    pub(super) fn set_from_environment(&mut self, key: Option<KeyEncryptionKey>) {
        self.from_environment = key;
    }
}

/// Two configurations are alike when they name the same source; keys are told apart by fingerprint.
impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        let fingerprint = |keys: &Self| keys.from_environment.as_ref().map(|key| key.fingerprint());
        self.kek_file == other.kek_file && fingerprint(self) == fingerprint(other)
    }
}

impl Eq for Keys {}

pub(super) fn parse_variable(text: &str) -> Result<KeyEncryptionKey, ConfigError> {
    KeyEncryptionKey::from_text(text).map_err(|error| ConfigError::Variable {
        name: KEK_VARIABLE.to_owned(),
        rule: error.to_string(),
    })
}
