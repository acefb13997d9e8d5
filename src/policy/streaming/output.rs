//! What a key demands of clients and their outputs (RFC 8216bis section 4.4.6.2). Azure Media Services
//! had no member for it.

use serde::{Deserialize, Serialize};

use crate::package::announced::{HdcpLevel, System};
use crate::policy::text::{Text, Word};

/// More labels of a system are refused.
const MAX_LABELS: usize = 8;

/// What a key demands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutputProtection {
    /// The copy protection of outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdcp_level: Option<HdcpLevel>,
    /// The levels of robustness that are allowed.
    #[serde(default)]
    pub robustness: Robustness,
}

/// Allowed levels of robustness in the words of each system; none = all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Robustness {
    /// Of PlayReady.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    play_ready: Vec<Text<Word>>,
    /// Of Widevine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    widevine: Vec<Text<Word>>,
    /// Of FairPlay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fair_play: Vec<Text<Word>>,
}

impl Robustness {
    /// The levels of a system.
    pub fn of(&self, system: System) -> Vec<String> {
        self.labels(system).iter().map(|label| label.0.to_string()).collect()
    }

    fn labels(&self, system: System) -> &[Text<Word>] {
        match system {
            System::PlayReady => &self.play_ready,
            System::Widevine => &self.widevine,
            System::FairPlay => &self.fair_play,
            System::Marlin | System::Custom | System::ClearKey => &[],
        }
    }

    /// What the shape alone does not say.
    pub(super) fn check(&self) -> Result<(), String> {
        let all = [&self.play_ready, &self.widevine, &self.fair_play];
        match all.into_iter().all(|labels| labels.len() <= MAX_LABELS) {
            true => Ok(()),
            false => Err(format!("robustness: at most {MAX_LABELS} labels of a system")),
        }
    }
}
