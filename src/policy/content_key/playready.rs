//! The PlayReady licence template (ams.md section 11).

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::configuration::leave_to_upstream;
use crate::ids::KeyId;
use crate::policy::duration::IsoDuration;
use crate::policy::json;

const FROM_HEADER: &str =
    "#Microsoft.Media.ContentKeyPolicyPlayReadyContentEncryptionKeyFromHeader";
const FROM_KEY_IDENTIFIER: &str =
    "#Microsoft.Media.ContentKeyPolicyPlayReadyContentEncryptionKeyFromKeyIdentifier";

/// Licences of a policy at most.
const MAX_LICENSES: usize = 64;
/// Bytes of `responseCustomData` at most.
const MAX_CUSTOM_DATA: usize = 4096;

/// What a PlayReady option delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlayReadyConfiguration {
    /// The templates; for each key the first that is for it applies. None where another server makes
    /// the licences.
    pub licenses: Vec<PlayReadyLicense>,
    /// Text that goes back to the client with the licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_custom_data: Option<String>,
}

/// A licence template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlayReadyLicense {
    /// Whether devices of security level 150 get the licence; `security_level` goes before.
    pub allow_test_devices: bool,
    /// The least security level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_level: Option<PlayReadySecurityLevel>,
    /// Not to be used before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_date: Option<Timestamp>,
    /// Not to be used before this time after the issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_begin_date: Option<IsoDuration>,
    /// Not to be used afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// Not to be used after this time after the issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_expiration_date: Option<IsoDuration>,
    /// How long a licence outlives the end while the clock is not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period: Option<IsoDuration>,
    /// Whether the client keeps the licence.
    pub license_type: PlayReadyLicenseType,
    /// What kind of content it is.
    pub content_type: PlayReadyContentType,
    /// Which key the licence is for.
    pub content_key_location: ContentKeyLocation,
    /// Rights and restrictions of playback.
    pub play_right: PlayRight,
}

/// The least security level of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayReadySecurityLevel {
    /// Devices under development.
    SL150,
    /// Software.
    SL2000,
    /// Hardware.
    SL3000,
}

/// Whether the client keeps the licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayReadyLicenseType {
    /// In memory only.
    NonPersistent,
    /// On its disk.
    Persistent,
}

/// What kind of content a licence is for; the name says nothing that clients enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayReadyContentType {
    /// Nothing special.
    Unspecified,
    /// UltraViolet, kept.
    UltraVioletDownload,
    /// UltraViolet, streamed.
    UltraVioletStreaming,
}

/// Which key a licence is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "@odata.type")]
pub enum ContentKeyLocation {
    /// Each that the header of the content names.
    #[serde(rename = "#Microsoft.Media.ContentKeyPolicyPlayReadyContentEncryptionKeyFromHeader")]
    Header {},
    /// One.
    #[serde(
        rename = "#Microsoft.Media.ContentKeyPolicyPlayReadyContentEncryptionKeyFromKeyIdentifier"
    )]
    KeyIdentifier {
        /// Its KID.
        #[serde(rename = "keyId", serialize_with = "kid_text")]
        key_id: KeyId,
    },
}

fn kid_text<S: serde::Serializer>(kid: &KeyId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kid)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyIdentifier {
    key_id: String,
}

impl<'de> Deserialize<'de> for ContentKeyLocation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::tagged(deserializer, |name, members| match name {
            FROM_HEADER => members.read().map(|json::Nothing {}| Self::Header {}),
            FROM_KEY_IDENTIFIER => {
                let KeyIdentifier { key_id } = members.read()?;
                let key_id = key_id.parse().map_err(|_| json::rule("keyId", "not a GUID"))?;
                Ok(Self::KeyIdentifier { key_id })
            }
            _ => Err(json::unknown_type(name, &[FROM_HEADER, FROM_KEY_IDENTIFIER])),
        })
    }
}

/// Rights and restrictions of playback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlayRight {
    /// How long the content may be watched from its first playback on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_play_expiration: Option<IsoDuration>,
    /// Copies of digital sound, 0 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scms_restriction: Option<u8>,
    /// Automatic gain control and colour stripe, 0 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agc_and_color_stripe_restriction: Option<u8>,
    /// CGMS-A on analogue outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explicit_analog_television_output_restriction: Option<ExplicitAnalogTelevision>,
    /// No analogue outputs at all.
    pub digital_video_only_content_restriction: bool,
    /// Less resolution on component outputs.
    pub image_constraint_for_analog_component_video_restriction: bool,
    /// Less resolution on computer monitors.
    pub image_constraint_for_analog_computer_monitor_restriction: bool,
    /// Outputs that the client cannot tell.
    pub allow_passing_video_content_to_unknown_output: PlayReadyUnknownOutput,
    /// Least protection of uncompressed digital pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncompressed_digital_video_opl: Option<u16>,
    /// Least protection of compressed digital pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed_digital_video_opl: Option<u16>,
    /// Least protection of analogue pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analog_video_opl: Option<u16>,
    /// Least protection of compressed digital sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compressed_digital_audio_opl: Option<u16>,
    /// Least protection of uncompressed digital sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncompressed_digital_audio_opl: Option<u16>,
}

/// CGMS-A on analogue outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplicitAnalogTelevision {
    /// Whether outputs that cannot do it may be used.
    pub best_effort: bool,
    /// 0 to 3.
    pub configuration_data: u8,
}

/// What happens to outputs that the client cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayReadyUnknownOutput {
    /// They stay dark.
    NotAllowed,
    /// They may be used.
    Allowed,
    /// They may be used with less resolution.
    AllowedWithVideoConstriction,
}

impl PlayReadyConfiguration {
    /// Licences to play, of any device and with nothing to keep.
    pub fn streaming() -> Self {
        let play_right = PlayRight {
            first_play_expiration: None,
            scms_restriction: None,
            agc_and_color_stripe_restriction: None,
            explicit_analog_television_output_restriction: None,
            digital_video_only_content_restriction: false,
            image_constraint_for_analog_component_video_restriction: false,
            image_constraint_for_analog_computer_monitor_restriction: false,
            allow_passing_video_content_to_unknown_output: PlayReadyUnknownOutput::Allowed,
            uncompressed_digital_video_opl: None,
            compressed_digital_video_opl: None,
            analog_video_opl: None,
            compressed_digital_audio_opl: None,
            uncompressed_digital_audio_opl: None,
        };
        let license = PlayReadyLicense {
            allow_test_devices: true,
            security_level: None,
            begin_date: None,
            relative_begin_date: None,
            expiration_date: None,
            relative_expiration_date: None,
            grace_period: None,
            license_type: PlayReadyLicenseType::NonPersistent,
            content_type: PlayReadyContentType::Unspecified,
            content_key_location: ContentKeyLocation::Header {},
            play_right,
        };
        Self { licenses: vec![license], response_custom_data: None }
    }

    /// The template for a key.
    pub fn license_for(&self, kid: KeyId) -> Option<&PlayReadyLicense> {
        self.licenses.iter().find(|license| match license.content_key_location {
            ContentKeyLocation::Header {} => true,
            ContentKeyLocation::KeyIdentifier { key_id } => key_id == kid,
        })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !(1..=MAX_LICENSES).contains(&self.licenses.len()) {
            return Err(format!("licenses: 1 to {MAX_LICENSES} licences are needed"));
        }
        if self.response_custom_data.as_ref().is_some_and(|data| data.len() > MAX_CUSTOM_DATA) {
            return Err(format!("responseCustomData: at most {MAX_CUSTOM_DATA} bytes"));
        }
        let check = |(n, license): (usize, &PlayReadyLicense)| {
            license.check().map_err(|rule| format!("licenses[{n}].{rule}"))
        };
        self.licenses.iter().enumerate().try_for_each(check)
    }

    pub(super) fn check_forwarded(&self) -> Result<(), String> {
        let left = [
            ("licenses", !self.licenses.is_empty()),
            ("responseCustomData", self.response_custom_data.is_some()),
        ];
        leave_to_upstream(&left)
    }

    pub(super) fn needs_hardware(&self) -> bool {
        self.licenses.iter().any(PlayReadyLicense::is_for_hardware)
    }

    pub(super) fn keeps_to_hardware(&self) -> bool {
        self.licenses.iter().all(PlayReadyLicense::is_for_hardware)
    }
}

impl PlayReadyLicense {
    fn is_for_hardware(&self) -> bool {
        self.security_level == Some(PlayReadySecurityLevel::SL3000)
    }

    fn check(&self) -> Result<(), &'static str> {
        let kept = self.license_type == PlayReadyLicenseType::Persistent;
        let begins_after_end = matches!((self.begin_date, self.expiration_date), (Some(begin), Some(end)) if begin >= end);
        let rules = [
            (
                self.begin_date.is_some() && self.relative_begin_date.is_some(),
                "beginDate: excludes relativeBeginDate",
            ),
            (
                self.expiration_date.is_some() && self.relative_expiration_date.is_some(),
                "expirationDate: excludes relativeExpirationDate",
            ),
            (begins_after_end, "expirationDate: must be after beginDate"),
            (!kept && self.begin_date.is_some(), "beginDate: of persistent licences only"),
            (
                !kept && self.expiration_date.is_some(),
                "expirationDate: of persistent licences only",
            ),
            (!kept && self.grace_period.is_some(), "gracePeriod: of persistent licences only"),
            (
                !kept && self.play_right.first_play_expiration.is_some(),
                "playRight.firstPlayExpiration: of persistent licences only",
            ),
        ];
        match rules.into_iter().find(|(broken, _)| *broken) {
            Some((_, rule)) => Err(rule),
            None => self.play_right.check(),
        }
    }
}

const UP_TO_3: &[u16] = &[0, 1, 2, 3];
const AUDIO_LEVELS: &[u16] = &[100, 150, 200, 250, 300];

impl PlayRight {
    fn check(&self) -> Result<(), &'static str> {
        let cgms = self.explicit_analog_television_output_restriction;
        let numbers = [
            (self.scms_restriction.map(u16::from), UP_TO_3, "playRight.scmsRestriction: 0 to 3"),
            (
                self.agc_and_color_stripe_restriction.map(u16::from),
                UP_TO_3,
                "playRight.agcAndColorStripeRestriction: 0 to 3",
            ),
            (
                cgms.map(|cgms| cgms.configuration_data.into()),
                UP_TO_3,
                "playRight.explicitAnalogTelevisionOutputRestriction.configurationData: 0 to 3",
            ),
            (
                self.uncompressed_digital_video_opl,
                &[100, 250, 270, 300],
                "playRight.uncompressedDigitalVideoOpl: 100, 250, 270 or 300",
            ),
            (
                self.compressed_digital_video_opl,
                &[400, 500],
                "playRight.compressedDigitalVideoOpl: 400 or 500",
            ),
            (self.analog_video_opl, &[100, 150, 200], "playRight.analogVideoOpl: 100, 150 or 200"),
            (
                self.compressed_digital_audio_opl,
                AUDIO_LEVELS,
                "playRight.compressedDigitalAudioOpl: 100, 150, 200, 250 or 300",
            ),
            (
                self.uncompressed_digital_audio_opl,
                AUDIO_LEVELS,
                "playRight.uncompressedDigitalAudioOpl: 100, 150, 200, 250 or 300",
            ),
        ];
        let out = |(value, allowed): (Option<u16>, &[u16])| {
            value.is_some_and(|value| !allowed.contains(&value))
        };
        if let Some((.., rule)) =
            numbers.into_iter().find(|(value, allowed, _)| out((*value, allowed)))
        {
            return Err(rule);
        }
        let unknown_allowed = self.allow_passing_video_content_to_unknown_output
            != PlayReadyUnknownOutput::NotAllowed;
        if self.digital_video_only_content_restriction && unknown_allowed {
            return Err("playRight.allowPassingVideoContentToUnknownOutput: must be NotAllowed \
                        under digitalVideoOnlyContentRestriction");
        }
        Ok(())
    }
}
