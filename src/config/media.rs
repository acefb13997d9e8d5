//! How assets are cut.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as text;
use serde::{Deserialize, Serialize};

/// The `[media]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Target duration of fragments of assets that are added from now on; a fragment begins at the
    /// first key frame common to all levels at or after it.
    #[serde(with = "text")]
    pub segment: Duration,
    /// Memory for the sample indexes of assets, in bytes; about 5 bytes a sample.
    pub index_cache_bytes: u64,
    /// Memory for manifests, playlists and init segments, in bytes. Answers as they were just sent take
    /// up to half as much beside it.
    pub document_cache_bytes: u64,
    /// Memory for the headers and protected ranges of fragments, in bytes.
    pub plan_cache_bytes: u64,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            segment: Duration::from_secs(6),
            index_cache_bytes: 256 << 20,
            document_cache_bytes: 64 << 20,
            plan_cache_bytes: 64 << 20,
        }
    }
}

impl Media {
    pub(super) fn segment_in_range(&self) -> bool {
        (Duration::from_secs(1)..=Duration::from_secs(30)).contains(&self.segment)
    }
}
