//! What an option delivers (ams.md section 8).

use serde::{Deserialize, Deserializer, Serialize};

use super::fairplay::FairPlayConfiguration;
use super::playready::PlayReadyConfiguration;
use super::widevine::WidevineConfiguration;
use crate::policy::json;

const CLEAR_KEY: &str = "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration";
const PLAY_READY: &str = "#Microsoft.Media.ContentKeyPolicyPlayReadyConfiguration";
const WIDEVINE: &str = "#Microsoft.Media.ContentKeyPolicyWidevineConfiguration";
const FAIR_PLAY: &str = "#Microsoft.Media.ContentKeyPolicyFairPlayConfiguration";
const UNKNOWN: &str = "#Microsoft.Media.ContentKeyPolicyUnknownConfiguration";

/// The rule for members that say what licences allow, each with whether it is there, where another
/// server makes the licences.
pub(super) fn leave_to_upstream(members: &[(&str, bool)]) -> Result<(), String> {
    match members.iter().find(|(_, is_there)| *is_there) {
        None => Ok(()),
        Some((name, _)) => {
            Err(format!("{name}: not with upstream: its server says what its licences allow"))
        }
    }
}

/// What an option delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "@odata.type")]
pub enum Configuration {
    /// Raw keys and ClearKey licences.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration")]
    ClearKey {
        /// Whether clients may keep licences; beyond Azure Media Services.
        #[serde(
            default,
            rename = "allowPersistentLicense",
            skip_serializing_if = "std::ops::Not::not"
        )]
        allow_persistent_license: bool,
    },
    /// PlayReady licences.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyPlayReadyConfiguration")]
    PlayReady(Box<PlayReadyConfiguration>),
    /// Widevine licences.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyWidevineConfiguration")]
    Widevine(Box<WidevineConfiguration>),
    /// FairPlay content keys.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyFairPlayConfiguration")]
    FairPlay(Box<FairPlayConfiguration>),
}

/// The type of a configuration; the path of a request selects one (ams.md section 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConfigurationKind {
    /// Raw keys and ClearKey licences.
    ClearKey,
    /// PlayReady licences.
    PlayReady,
    /// Widevine licences.
    Widevine,
    /// FairPlay content keys.
    FairPlay,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClearKey {
    #[serde(default)]
    allow_persistent_license: bool,
}

impl<'de> Deserialize<'de> for Configuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::tagged(deserializer, |name, members| match name {
            CLEAR_KEY => members.read().map(|ClearKey { allow_persistent_license }| {
                Self::ClearKey { allow_persistent_license }
            }),
            PLAY_READY => members.read().map(Self::PlayReady),
            WIDEVINE => members.read().map(Self::Widevine),
            FAIR_PLAY => members.read().map(Self::FairPlay),
            UNKNOWN => Err("an unknown configuration stands for one of a newer version of the \
                            interface: nothing could be delivered by it"
                .to_owned()),
            _ => Err(json::unknown_type(name, &[CLEAR_KEY, PLAY_READY, WIDEVINE, FAIR_PLAY])),
        })
    }
}

impl Configuration {
    /// ClearKey, with nothing to keep.
    pub const CLEAR_KEY: Self = Self::ClearKey { allow_persistent_license: false };

    /// The type of the configuration.
    pub fn kind(&self) -> ConfigurationKind {
        match self {
            Self::ClearKey { .. } => ConfigurationKind::ClearKey,
            Self::PlayReady(_) => ConfigurationKind::PlayReady,
            Self::Widevine(_) => ConfigurationKind::Widevine,
            Self::FairPlay(_) => ConfigurationKind::FairPlay,
        }
    }

    /// The rules of the one configuration; what breaks them begins with the path of its member.
    /// Of what another server's licences allow, only a Widevine template is told to it: any other is
    /// refused, because nobody would keep to it.
    pub(super) fn check(&self, is_forwarded: bool) -> Result<(), String> {
        match self {
            Self::ClearKey { allow_persistent_license } if is_forwarded => {
                leave_to_upstream(&[("allowPersistentLicense", *allow_persistent_license)])
            }
            Self::ClearKey { .. } => Ok(()),
            Self::PlayReady(configuration) if is_forwarded => configuration.check_forwarded(),
            Self::PlayReady(configuration) => configuration.check(),
            Self::Widevine(configuration) => configuration.check(),
            Self::FairPlay(configuration) if is_forwarded => configuration.check_forwarded(),
            Self::FairPlay(configuration) => configuration.check(),
        }
    }

    /// Whether keys come for hardware only; then other options must not give them to less (ams.md
    /// section 11).
    pub(super) fn needs_hardware(&self) -> bool {
        matches!(self, Self::PlayReady(configuration) if configuration.needs_hardware())
    }

    /// Whether the configuration may stand beside one that needs hardware.
    pub(super) fn keeps_to_hardware(&self) -> bool {
        match self {
            Self::PlayReady(configuration) => configuration.keeps_to_hardware(),
            Self::Widevine(configuration) => configuration.template.keeps_to_hardware(),
            Self::ClearKey { .. } | Self::FairPlay(_) => false,
        }
    }
}
