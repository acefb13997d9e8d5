//! What is stored besides keys and policies (ams.md section 14.1).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::ids::LocatorId;
use crate::keys::{KeyRecord, Schedule, StorageEncryption};
use crate::media::Encrypted;
use crate::package::compat::Compat;
use crate::package::filter::Filter;

/// A folder of media files under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Unique name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// Target length of fragments in milliseconds.
    pub segment_ms: u32,
    /// When the asset was first added.
    pub created: Timestamp,
    /// How its files are encrypted where they lie; plain when absent.
    pub storage_encryption: Option<Arc<StorageEncryption>>,
    /// What becomes of files whose samples somebody has encrypted already.
    pub encrypted: Encrypted,
}

/// Publishes an asset under a streaming policy and a content key policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    /// First path component of every streaming URL.
    pub id: LocatorId,
    /// Unique name.
    pub name: String,
    /// Name of the asset.
    pub asset: String,
    /// Name of the streaming policy.
    pub streaming_policy: String,
    /// Content key policy of keys whose label names none.
    pub content_key_policy: Option<String>,
    /// Names of the filters that are always applied.
    pub filters: Vec<String>,
    /// Nothing is served before; no limit when absent.
    pub start: Option<Timestamp>,
    /// Nothing is served from then on; no limit when absent.
    pub end: Option<Timestamp>,
    /// Whose manifests its streams have.
    pub compat: Compat,
    /// What stands for `{AlternativeMediaId}` in addresses of licences.
    pub alternative_media_id: Option<String>,
    /// How its keys rotate; they do not when absent.
    pub schedule: Option<Schedule>,
    /// When the locator was made.
    pub created: Timestamp,
}

impl Locator {
    /// Whether media and keys are served at that time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now < end)
    }

    /// How many crypto periods its keys are for: the number behind that of the last.
    pub fn periods(&self) -> u32 {
        self.schedule.as_ref().map_or(1, Schedule::end)
    }
}

/// New keys for a locator, and the schedule that they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatedKeys {
    /// The locator.
    pub locator: LocatorId,
    /// The schedule that must still be in force.
    pub before: Option<Schedule>,
    /// The schedule from now on.
    pub after: Schedule,
    /// The keys that are new in it.
    pub keys: Vec<KeyRecord>,
}

/// Who keeps a filter, and its name; an asset filter hides an account filter of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilterKey {
    /// Name of the asset; `None` for a filter of the account.
    pub asset: Option<String>,
    /// Name of the filter without case.
    folded: String,
}

impl FilterKey {
    /// The key of a filter of an asset, or of the account.
    pub fn new(asset: Option<&str>, name: &str) -> Self {
        Self { asset: asset.map(str::to_owned), folded: name.to_ascii_lowercase() }
    }

    /// The name without case.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl fmt::Display for FilterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asset {
            Some(asset) => write!(f, "{asset}/{}", self.folded),
            None => f.write_str(&self.folded),
        }
    }
}

/// A filter as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFilter {
    /// Name of the asset; `None` for a filter of the account.
    pub asset: Option<String>,
    /// The filter.
    pub filter: Filter,
}

impl StoredFilter {
    /// Who keeps it, and its name.
    pub fn key(&self) -> FilterKey {
        FilterKey::new(self.asset.as_deref(), &self.filter.name)
    }
}

/// A locator and the keys that come into being with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLocator {
    /// The locator.
    pub locator: Locator,
    /// Its keys; each names the locator.
    pub keys: Vec<KeyRecord>,
}
