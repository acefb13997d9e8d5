//! Rights of a PlayReady option (ams.md section 11).

use jiff::Timestamp;

use super::Wanted;
use crate::license::rights::{
    Cgms, Hdcp, OutputLevels, OutputProtection, Rights, SecurityLevel, UnknownOutput, after,
};
use crate::policy::content_key::playready::{
    PlayReadyConfiguration, PlayReadyLicense, PlayReadyLicenseType, PlayReadySecurityLevel,
    PlayReadyUnknownOutput, PlayRight,
};
use crate::policy::duration::IsoDuration;

pub(super) fn rights(
    configuration: &PlayReadyConfiguration,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Option<Rights> {
    // None where another server makes the licences: it says what they allow.
    if configuration.licenses.is_empty() {
        return Some(Rights::PLAY);
    }
    let license = configuration.license_for(wanted.kid)?;
    let relative = |duration: &Option<IsoDuration>| duration.map(|duration| after(now, duration.0));
    Some(Rights {
        begin: license.begin_date.or_else(|| relative(&license.relative_begin_date)),
        expiration: license.expiration_date.or_else(|| relative(&license.relative_expiration_date)),
        playback_duration: license.play_right.first_play_expiration.map(|duration| duration.0),
        grace_period: license.grace_period.map(|duration| duration.0),
        persistent: license.license_type == PlayReadyLicenseType::Persistent,
        security_level: Some(level(license)),
        output: output(&license.play_right),
        custom_data: configuration.response_custom_data.clone(),
        ..Rights::PLAY
    })
}

fn level(license: &PlayReadyLicense) -> SecurityLevel {
    match (license.security_level, license.allow_test_devices) {
        (Some(PlayReadySecurityLevel::SL3000), _) => SecurityLevel::HardwareCrypto,
        (Some(PlayReadySecurityLevel::SL2000), _) | (None, false) => SecurityLevel::SoftwareCrypto,
        (Some(PlayReadySecurityLevel::SL150), _) | (None, true) => SecurityLevel::Test,
    }
}

fn output(play: &PlayRight) -> OutputProtection {
    let cgms = play.explicit_analog_television_output_restriction;
    OutputProtection {
        hdcp: Hdcp::None,
        cgms: cgms.map(|cgms| Cgms {
            configuration: cgms.configuration_data,
            best_effort: cgms.best_effort,
        }),
        levels: OutputLevels {
            compressed_digital_video: play.compressed_digital_video_opl,
            uncompressed_digital_video: play.uncompressed_digital_video_opl,
            analog_video: play.analog_video_opl,
            compressed_digital_audio: play.compressed_digital_audio_opl,
            uncompressed_digital_audio: play.uncompressed_digital_audio_opl,
        },
        digital_only: play.digital_video_only_content_restriction,
        scms: play.scms_restriction,
        agc_color_stripe: play.agc_and_color_stripe_restriction,
        constrain_component: play.image_constraint_for_analog_component_video_restriction,
        constrain_monitor: play.image_constraint_for_analog_computer_monitor_restriction,
        unknown_output: match play.allow_passing_video_content_to_unknown_output {
            PlayReadyUnknownOutput::Allowed => UnknownOutput::Allowed,
            PlayReadyUnknownOutput::AllowedWithVideoConstriction => UnknownOutput::Constrained,
            PlayReadyUnknownOutput::NotAllowed => UnknownOutput::NotAllowed,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::ids::KeyId;

    const KID: KeyId = KeyId::from_bytes([7; 16]);

    fn license(changes: Value) -> Value {
        let mut license = json!({
            "allowTestDevices": false, "licenseType": "Persistent", "contentType": "Unspecified",
            "contentKeyLocation": {"@odata.type":
                "#Microsoft.Media.ContentKeyPolicyPlayReadyContentEncryptionKeyFromHeader"},
            "playRight": {
                "digitalVideoOnlyContentRestriction": true,
                "imageConstraintForAnalogComponentVideoRestriction": true,
                "imageConstraintForAnalogComputerMonitorRestriction": false,
                "allowPassingVideoContentToUnknownOutput": "NotAllowed"}});
        for (name, value) in changes.as_object().unwrap() {
            license[name] = value.clone();
        }
        license
    }

    fn of(licenses: Value) -> Option<Rights> {
        let json = json!({"licenses": licenses, "responseCustomData": "hello"});
        let now = Timestamp::from_second(1000).unwrap();
        let wanted = Wanted { kid: KID, label: "x" };
        rights(&serde_json::from_value(json).unwrap(), &wanted, now)
    }

    #[test]
    fn the_template_becomes_rights() {
        let changes = json!({"relativeBeginDate": "PT1M", "relativeExpirationDate": "PT1H",
            "gracePeriod": "P1D", "playRight": {
                "firstPlayExpiration": "PT2H", "scmsRestriction": 2,
                "agcAndColorStripeRestriction": 1,
                "explicitAnalogTelevisionOutputRestriction":
                    {"bestEffort": true, "configurationData": 3},
                "digitalVideoOnlyContentRestriction": false,
                "imageConstraintForAnalogComponentVideoRestriction": false,
                "imageConstraintForAnalogComputerMonitorRestriction": true,
                "allowPassingVideoContentToUnknownOutput": "AllowedWithVideoConstriction",
                "uncompressedDigitalVideoOpl": 270, "compressedDigitalVideoOpl": 500,
                "analogVideoOpl": 150, "compressedDigitalAudioOpl": 250,
                "uncompressedDigitalAudioOpl": 300}});
        let at = |seconds| Some(Timestamp::from_second(seconds).unwrap());
        let rights = of(json!([license(changes)])).unwrap();
        let expected = Rights {
            begin: at(1060),
            expiration: at(4600),
            playback_duration: Some(Duration::from_secs(7200)),
            grace_period: Some(Duration::from_secs(86_400)),
            persistent: true,
            security_level: Some(SecurityLevel::SoftwareCrypto),
            output: OutputProtection {
                cgms: Some(Cgms { configuration: 3, best_effort: true }),
                levels: OutputLevels {
                    compressed_digital_video: Some(500),
                    uncompressed_digital_video: Some(270),
                    analog_video: Some(150),
                    compressed_digital_audio: Some(250),
                    uncompressed_digital_audio: Some(300),
                },
                scms: Some(2),
                agc_color_stripe: Some(1),
                constrain_monitor: true,
                unknown_output: UnknownOutput::Constrained,
                ..OutputProtection::default()
            },
            custom_data: Some("hello".to_owned()),
            ..Rights::PLAY
        };
        assert_eq!(rights, expected);
    }

    #[test]
    fn the_level_overrides_what_is_said_of_test_devices() {
        for (changes, level) in [
            (json!({}), 2000),
            (json!({"allowTestDevices": true}), 150),
            (json!({"allowTestDevices": true, "securityLevel": "SL2000"}), 2000),
            (json!({"securityLevel": "SL150"}), 150),
            (json!({"securityLevel": "SL3000"}), 3000),
        ] {
            let rights = of(json!([license(changes.clone())])).unwrap();
            assert_eq!(rights.security_level.unwrap().playready(), level, "{changes}");
        }
    }

    #[test]
    fn the_first_license_for_the_key_applies() {
        let of_key = |kid: KeyId| {
            license(json!({"licenseType": "NonPersistent", "contentKeyLocation": {
                "@odata.type": "#Microsoft.Media.\
                    ContentKeyPolicyPlayReadyContentEncryptionKeyFromKeyIdentifier",
                "keyId": kid.to_string()}}))
        };
        let (own, other) = (of_key(KID), of_key(KeyId::from_bytes([8; 16])));
        let persistent = |licenses| of(licenses).map(|rights| rights.persistent);
        assert_eq!(persistent(json!([other, own, license(json!({}))])), Some(false));
        assert_eq!(persistent(json!([other, license(json!({})), own])), Some(true));
        assert_eq!(persistent(json!([other])), None);
    }
}
