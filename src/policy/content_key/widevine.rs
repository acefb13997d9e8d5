//! The Widevine licence template, JSON in a string (ams.md section 12).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::KeyId;
use crate::policy::duration::Seconds;
use crate::policy::json;
use crate::policy::secret::Secret;

/// Bytes of a template at most.
const MAX_TEMPLATE: usize = 64 * 1024;
/// Entries of `content_key_specs` at most.
const MAX_SPECS: usize = 64;

/// What a Widevine option delivers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WidevineConfiguration {
    /// The template.
    #[serde(rename = "widevineTemplate")]
    pub template: Template,
}

impl WidevineConfiguration {
    pub(super) fn check(&self) -> Result<(), String> {
        self.template.check().map_err(|rule| format!("widevineTemplate.{rule}"))
    }
}

/// A template with the text that it was read from, which is given back as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    read: WidevineTemplate,
}

/// The empty template.
impl Default for Template {
    fn default() -> Self {
        Self { text: "{}".to_owned(), read: WidevineTemplate::default() }
    }
}

impl Template {
    fn parse(text: String) -> Result<Self, String> {
        if text.len() > MAX_TEMPLATE {
            return Err(format!("more than {MAX_TEMPLATE} bytes"));
        }
        // A list would be read as the members in order.
        if !text.trim_start().starts_with('{') {
            return Err("a JSON object is expected".to_owned());
        }
        let read = json::read_inner(text.as_bytes())?;
        Ok(Self { text, read })
    }
}

impl std::ops::Deref for Template {
    type Target = WidevineTemplate;

    fn deref(&self) -> &WidevineTemplate {
        &self.read
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A licence template; `{}` lets play and gives nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WidevineTemplate {
    /// The kinds of tracks whose keys are given, where labels of keys name kinds.
    pub allowed_track_types: Option<AllowedTrackTypes>,
    /// What is demanded of devices, by kind of track.
    pub content_key_specs: Vec<KeySpec>,
    /// What the licence allows.
    pub policy_overrides: Option<PolicyOverrides>,
    /// Whether a policy of that name counts beside the overrides; there is none here, so that they
    /// always are exclusive.
    pub use_policy_overrides_exclusively: bool,
    /// What is given back to the player.
    pub session_init: SessionInit,
    /// The request; the service takes the one that came in.
    pub payload: Option<String>,
    /// The content; the service goes by the KIDs that are asked for.
    pub content_id: Option<String>,
    /// The account; not used.
    pub provider: Option<String>,
    /// A policy registered with the vendor's cloud; used when forwarding only.
    pub policy_name: Option<String>,
    /// Whether only to parse requests.
    pub parse_only: bool,
}

/// The kinds of tracks whose keys are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum AllowedTrackTypes {
    /// Standard definition and sound.
    #[serde(rename = "SD_ONLY")]
    SdOnly,
    /// Standard and high definition and sound.
    #[serde(rename = "SD_HD")]
    SdHd,
    /// And up to 4096 x 2160.
    #[serde(rename = "SD_UHD1")]
    SdUhd1,
    /// All.
    #[serde(rename = "SD_UHD2")]
    SdUhd2,
}

/// Kinds of tracks, each with the first [`AllowedTrackTypes`] that has it.
const TRACK_TYPES: &[(&str, AllowedTrackTypes)] = &[
    ("AUDIO", AllowedTrackTypes::SdOnly),
    ("SD", AllowedTrackTypes::SdOnly),
    ("HD", AllowedTrackTypes::SdHd),
    ("UHD1", AllowedTrackTypes::SdUhd1),
    ("UHD2", AllowedTrackTypes::SdUhd2),
];

impl AllowedTrackTypes {
    /// Whether keys of this kind of track are given; kinds of other names always are.
    pub fn has(self, track_type: &str) -> bool {
        let known = TRACK_TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(track_type));
        known.is_none_or(|(_, first)| *first as u8 <= self as u8)
    }
}

/// What is demanded of devices for the tracks of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySpec {
    /// The kind of track: the label of its key, in any case.
    pub track_type: Option<String>,
    /// Robustness, 1 (software) to 5 (all in hardware).
    pub security_level: Option<u8>,
    /// What outputs must do.
    pub required_output_protection: RequiredOutputProtection,
    /// A key of its own; refused.
    pub key: Option<Secret>,
    /// The KID of the one key that this is for, in base64.
    #[serde(deserialize_with = "kid")]
    pub key_id: Option<KeyId>,
}

fn kid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = data_encoding::BASE64.decode(text.as_bytes()).ok();
    let kid = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(KeyId::from_bytes);
    kid.map(Some).ok_or_else(|| de::Error::custom("the base64 of 16 bytes is expected"))
}

/// What outputs must do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequiredOutputProtection {
    /// The least HDCP version.
    pub hdcp: Option<WidevineHdcp>,
    /// CGMS-A.
    pub cgms_flags: Option<WidevineCgms>,
}

/// The least HDCP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum WidevineHdcp {
    #[serde(rename = "HDCP_NONE")]
    None,
    #[serde(rename = "HDCP_V1")]
    V1,
    #[serde(rename = "HDCP_V2")]
    V2,
    #[serde(rename = "HDCP_V2_1")]
    V2_1,
    #[serde(rename = "HDCP_V2_2")]
    V2_2,
    #[serde(rename = "HDCP_V2_3")]
    V2_3,
    #[serde(rename = "HDCP_NO_DIGITAL_OUTPUT")]
    NoDigitalOutput,
}

/// CGMS-A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum WidevineCgms {
    /// Not demanded.
    #[serde(rename = "CGMS_NONE")]
    None,
    /// Copies are free.
    #[serde(rename = "COPY_FREE")]
    CopyFree,
    /// One copy.
    #[serde(rename = "COPY_ONCE")]
    CopyOnce,
    /// No copy.
    #[serde(rename = "COPY_NEVER")]
    CopyNever,
}

/// What the licence allows; 0 seconds means without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyOverrides {
    /// Whether the content may be played.
    pub can_play: bool,
    /// Whether the client may keep the licence.
    pub can_persist: bool,
    /// Whether the licence may be renewed.
    pub can_renew: bool,
    /// From the issue to the end of the licence.
    pub license_duration_seconds: Seconds,
    /// From the issue to the last moment of a first playback.
    pub rental_duration_seconds: Seconds,
    /// From the first playback on.
    pub playback_duration_seconds: Seconds,
    /// Where to renew, when not where the licence came from.
    pub renewal_server_url: Option<String>,
    /// From the start of the licence to the first renewal.
    pub renewal_delay_seconds: Seconds,
    /// Between renewals that failed.
    pub renewal_retry_interval_seconds: Seconds,
    /// How long playback goes on while renewals fail.
    pub renewal_recovery_duration_seconds: Seconds,
    /// Whether to renew when playback begins.
    pub renew_with_usage: bool,
}

/// What is given back to the player.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionInit {
    /// Comes back in renewals; base64.
    pub provider_session_token: Option<Secret>,
    /// Kept by the client; base64.
    pub provider_client_token: Option<Secret>,
    /// Whether the client token of a request is replaced.
    pub override_provider_client_token: bool,
}

impl WidevineTemplate {
    /// Whether the content may be played: always without overrides; with them, as they say, and
    /// what they leave out is false.
    pub fn can_play(&self) -> bool {
        self.policy_overrides.as_ref().is_none_or(|overrides| overrides.can_play)
    }

    /// Whether every key is for hardware that decodes too.
    pub(super) fn keeps_to_hardware(&self) -> bool {
        let specs = &self.content_key_specs;
        !specs.is_empty() && specs.iter().all(|spec| spec.security_level.is_some_and(|l| l >= 4))
    }

    fn check(&self) -> Result<(), String> {
        if self.parse_only {
            return Err("parse_only: no licence would ever be given".to_owned());
        }
        if self.content_key_specs.len() > MAX_SPECS {
            return Err(format!("content_key_specs: more than {MAX_SPECS}"));
        }
        for (n, spec) in self.content_key_specs.iter().enumerate() {
            spec.check(self.allowed_track_types)
                .map_err(|rule| format!("content_key_specs[{n}].{rule}"))?;
        }
        Ok(())
    }
}

impl KeySpec {
    fn check(&self, allowed: Option<AllowedTrackTypes>) -> Result<(), &'static str> {
        if self.key.is_some() {
            return Err("key: content is encrypted with the keys of its locator; give them there");
        }
        if self.security_level.is_some_and(|level| !(1..=5).contains(&level)) {
            return Err("security_level: 1 to 5");
        }
        match (&self.track_type, allowed) {
            (Some(track_type), Some(allowed)) if !allowed.has(track_type) => {
                Err("track_type: not among allowed_track_types")
            }
            _ => Ok(()),
        }
    }
}
