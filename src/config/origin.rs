//! What the streaming host says beside media.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use jiff::fmt::serde::unsigned_duration::friendly::compact::optional as text;
use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::http::policies::Policies;

/// The `[origin]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Origin {
    /// How long caches may keep manifests and fragments, in the place of the built-in times.
    #[serde(with = "text")]
    pub max_cache_age: Option<Duration>,
    /// File that is served as `/crossdomain.xml`.
    pub cross_domain_policy: Option<PathBuf>,
    /// File that is served as `/clientaccesspolicy.xml`.
    pub client_access_policy: Option<PathBuf>,
    /// Whether the start page, the player and the list of streams are served.
    pub pages: bool,
}

impl Default for Origin {
    fn default() -> Self {
        Self {
            max_cache_age: None,
            cross_domain_policy: None,
            client_access_policy: None,
            pages: true,
        }
    }
}

impl Origin {
    /// Reads the two policy files.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn policies(&self) -> Result<Policies, ConfigError> {
        let mut policies = Policies::default();
        if let Some(path) = &self.cross_domain_policy {
            policies.cross_domain = read(path)?;
        }
        if let Some(path) = &self.client_access_policy {
            policies.client_access = read(path)?;
        }
        Ok(policies)
    }
}

fn read(path: &Path) -> Result<Bytes, ConfigError> {
    let read = fs::read(path);
    read.map(Bytes::from).map_err(|source| ConfigError::Read { path: path.into(), source })
}
