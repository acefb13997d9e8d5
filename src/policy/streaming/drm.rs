//! What a block says to players of each protection system (ams.md section 7.2). A member that is
//! absent means that the system is not announced; an empty object announces it with the addresses of
//! this server.

use serde::{Deserialize, Serialize};

use crate::drm::playready::CustomAttributes;
use crate::policy::UrlTemplate;

/// The systems that a block of Common Encryption announces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drm {
    /// PlayReady.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play_ready: Option<PlayReady>,
    /// Widevine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widevine: Option<Widevine>,
    /// FairPlay; in the `cbcs` block only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair_play: Option<FairPlay>,
}

/// What is said to PlayReady clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlayReady {
    /// Where licences are; this server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_license_acquisition_url_template: Option<UrlTemplate>,
    /// Content of CUSTOMATTRIBUTES in the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play_ready_custom_attributes: Option<CustomAttributes>,
}

/// What is said to Widevine clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Widevine {
    /// Where licences are; this server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_license_acquisition_url_template: Option<UrlTemplate>,
}

/// What is said to FairPlay clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FairPlay {
    /// The whole URI of key lines, often `skd://`; this server's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_license_acquisition_url_template: Option<UrlTemplate>,
    /// Whether apps may keep keys.
    #[serde(default)]
    pub allow_persistent_license: bool,
}

/// What is said to ClearKey clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearKey {
    /// Where licences are; this server when absent. One address for all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_keys_acquisition_url_template: Option<UrlTemplate>,
}
