//! Key delivery.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as text;
use serde::{Deserialize, Serialize};

/// The `[delivery]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// How far the clock of a token's maker may differ from ours.
    #[serde(with = "text")]
    pub clock_skew: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self { clock_skew: Duration::from_secs(60) }
    }
}
