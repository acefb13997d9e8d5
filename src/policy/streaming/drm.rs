//! What a block says to players of each protection system (ams.md section 7.2). A member that is
//! absent means that the system is not announced; an empty object announces it with the addresses of
//! this server.

use serde::{Deserialize, Serialize};

use crate::cenc::Scheme;
use crate::drm::playready::{CustomAttributes, Header, HeaderKey, Object};
use crate::ids::{KeyId, SystemId};
use crate::package::announced::{ClearKeyLine, System};
use crate::package::format::Format;
use crate::policy::UrlTemplate;
use crate::policy::text::{Opaque, Text, Word};

/// Our own address is no longer, in bytes.
const OWN_ADDRESS: usize = 512;

/// Bytes of the data of a box that a policy may give: they stand in a manifest for each key.
const MAX_DATA: usize = 4096;

/// More custom systems are refused.
const MAX_CUSTOM: usize = 4;

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
    /// Marlin; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marlin: Option<Marlin>,
    /// Systems that only the policy knows; ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_systems: Vec<CustomSystem>,
}

impl Drm {
    /// Whether a playlist of the format has a line of any of the systems.
    pub(super) fn has_line(&self, format: Format) -> bool {
        let named = [
            (System::PlayReady, self.play_ready.is_some()),
            (System::Widevine, self.widevine.is_some()),
            (System::FairPlay, self.fair_play.is_some()),
            (System::Custom, self.custom_systems.iter().any(|s| s.hls_key_format.is_some())),
        ];
        named.into_iter().any(|(system, named)| named && system.has_line(format))
    }

    /// The templates of addresses, by the paths of their members.
    pub(super) fn templates(&self) -> Vec<(String, &UrlTemplate)> {
        const LICENCES: &str = "customLicenseAcquisitionUrlTemplate";
        const CERTIFICATE: &str = "certificateUrlTemplate";
        type Template = Option<UrlTemplate>;
        fn named<'a>(
            system: &str,
            members: &[(&str, &'a Template)],
        ) -> Vec<(String, &'a UrlTemplate)> {
            let named = members.iter().filter_map(|(name, template)| {
                Some((format!("drm.{system}.{name}"), template.as_ref()?))
            });
            named.collect()
        }
        let mut all = Vec::new();
        if let Some(s) = &self.play_ready {
            let licences = &s.custom_license_acquisition_url_template;
            let certificate = &s.certificate_url_template;
            all.extend(named("playReady", &[(LICENCES, licences), (CERTIFICATE, certificate)]));
        }
        if let Some(s) = &self.widevine {
            let licences = &s.custom_license_acquisition_url_template;
            let certificate = &s.certificate_url_template;
            all.extend(named("widevine", &[(LICENCES, licences), (CERTIFICATE, certificate)]));
        }
        if let Some(s) = &self.fair_play {
            let licences = &s.custom_license_acquisition_url_template;
            let certificate = &s.certificate_url_template;
            all.extend(named("fairPlay", &[(LICENCES, licences), (CERTIFICATE, certificate)]));
        }
        if let Some(s) = &self.marlin {
            let licences = &s.custom_license_acquisition_url_template;
            all.extend(named("marlin", &[(LICENCES, licences)]));
        }
        for (n, s) in self.custom_systems.iter().enumerate() {
            let licences = &s.custom_license_acquisition_url_template;
            all.extend(named(&format!("customSystems[{n}]"), &[(LICENCES, licences)]));
        }
        all
    }

    /// What the shape alone does not say; names the member.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.custom_systems.len() > MAX_CUSTOM {
            return Err(format!("drm.customSystems: at most {MAX_CUSTOM} systems"));
        }
        for (n, system) in self.custom_systems.iter().enumerate() {
            let refuse = |rule: &str| Err(format!("drm.customSystems[{n}].systemId: {rule}"));
            if OWN.contains(&system.system_id.0) {
                return refuse("the system has a member of its own");
            }
            if self.custom_systems[..n].iter().any(|s| s.system_id == system.system_id) {
                return refuse("another entry has this id");
            }
        }
        Ok(())
    }

    /// Refuses formats of key lines that other systems have; names the member.
    pub(super) fn check_key_formats(&self) -> Result<(), String> {
        for (n, system) in self.custom_systems.iter().enumerate() {
            let Some(format) = &system.hls_key_format else { continue };
            let before = &self.custom_systems[..n];
            let rule = match format.0.to_string() {
                own if is_own_format(&own) => "the system of this format has a member of its own",
                _ if before.iter().any(|s| s.hls_key_format.as_ref() == Some(format)) => {
                    "another entry has this format"
                }
                _ => continue,
            };
            return Err(format!("drm.customSystems[{n}].hlsKeyFormat: {rule}"));
        }
        Ok(())
    }
}

/// Systems that have members of their own.
const OWN: [SystemId; 6] = [
    SystemId::PLAY_READY,
    SystemId::WIDEVINE,
    SystemId::FAIR_PLAY,
    SystemId::MARLIN,
    SystemId::CLEAR_KEY,
    // The box of ClearKey.
    SystemId::COMMON,
];

/// Formats of HLS keys that are not named after a system.
const OWN_FORMATS: [&str; 4] =
    ["identity", "com.apple.streamingkeydelivery", "com.microsoft.playready", "org.w3.clearkey"];

/// Whether key lines of systems with members of their own may have the format: two lines of one are
/// two keys of one segment for the same players (RFC 8216 section 4.3.2.4).
fn is_own_format(format: &str) -> bool {
    let system = format.strip_prefix("urn:uuid:").and_then(|id| id.parse::<SystemId>().ok());
    OWN_FORMATS.contains(&format) || system.is_some_and(|system| OWN.contains(&system))
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
    /// Where the certificate of the licence service is; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_url_template: Option<UrlTemplate>,
}

impl PlayReady {
    /// Whether clients take a header with so many keys, for a locator with this alternative media id.
    pub(super) fn fits(&self, keys: usize, alternative_media_id: &str) -> bool {
        let key = |n: usize| {
            let kid = KeyId::from_bytes((n as u128).to_be_bytes());
            HeaderKey::new(kid, Scheme::Cenc, Default::default())
        };
        let template = self.custom_license_acquisition_url_template.as_ref();
        let url = template.map_or_else(
            || "x".repeat(OWN_ADDRESS),
            |template| template.expand(KeyId::from_bytes([0; 16]), alternative_media_id),
        );
        let header = Header {
            la_url: Some(url),
            custom_attributes: self.play_ready_custom_attributes.clone(),
            ..Header::new((0..keys).map(key).collect())
        };
        Object::new(&header).to_vec().is_ok()
    }
}

/// What is said to Widevine clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Widevine {
    /// Where licences are; this server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_license_acquisition_url_template: Option<UrlTemplate>,
    /// Where the certificate of the licence service is; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_url_template: Option<UrlTemplate>,
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
    /// Where the certificate of the licence service is; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_url_template: Option<UrlTemplate>,
}

/// What is said to Marlin clients: which key it is, and where licences are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marlin {
    /// Where licences are; nothing is said when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_license_acquisition_url_template: Option<UrlTemplate>,
}

/// A system that is announced with data that mean nothing to this server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomSystem {
    /// Its id.
    pub system_id: Text<SystemId>,
    /// Data of its box.
    #[serde(default)]
    pub data: Opaque<MAX_DATA>,
    /// Whether the box lists the key, as boxes of version 1 do.
    #[serde(default)]
    pub lists_key_ids: bool,
    /// `value` of its descriptor in MPDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Text<Word>>,
    /// Where licences are; nothing is said when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_license_acquisition_url_template: Option<UrlTemplate>,
    /// KEYFORMAT of its line in playlists, whose URI holds the box; no line when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hls_key_format: Option<Text<Word>>,
}

/// What is said to ClearKey clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearKey {
    /// Where licences are; this server when absent. One address for all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_keys_acquisition_url_template: Option<UrlTemplate>,
    /// Which lines playlists have for ClearKey, in order; ours. What most players take when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hls_key_formats: Option<Vec<ClearKeyLine>>,
}
