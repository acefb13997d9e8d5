//! Rights of a Widevine option (ams.md section 12).

use super::Wanted;
use crate::license::rights::{Cgms, Hdcp, OutputProtection, Renewal, Rights, SecurityLevel};
use crate::policy::content_key::widevine::{
    KeySpec, PolicyOverrides, WidevineCgms, WidevineHdcp, WidevineTemplate,
};

pub(super) fn rights(template: &WidevineTemplate, wanted: &Wanted<'_>) -> Option<Rights> {
    if template.allowed_track_types.is_some_and(|allowed| !allowed.has(wanted.label)) {
        return None;
    }
    let (security_level, output) = demands(template, wanted);
    let overrides = template.policy_overrides.clone().unwrap_or_default();
    Some(Rights {
        play: template.can_play(),
        license_duration: overrides.license_duration_seconds.limit(),
        rental_duration: overrides.rental_duration_seconds.limit(),
        playback_duration: overrides.playback_duration_seconds.limit(),
        persistent: overrides.can_persist,
        renewal: overrides.can_renew.then(|| renewal(&overrides)),
        security_level,
        output,
        ..Rights::PLAY
    })
}

fn renewal(overrides: &PolicyOverrides) -> Renewal {
    Renewal {
        server_url: overrides.renewal_server_url.clone(),
        delay: overrides.renewal_delay_seconds.get(),
        retry_interval: overrides.renewal_retry_interval_seconds.get(),
        recovery_duration: overrides.renewal_recovery_duration_seconds.get(),
        with_usage: overrides.renew_with_usage,
    }
}

/// What the template demands for a key: the entry of its KID, else that of its label. A key of
/// which the template does not say what it is for may be any of its kinds, so it gets the most that
/// any of them demands.
fn demands(
    template: &WidevineTemplate,
    wanted: &Wanted<'_>,
) -> (Option<SecurityLevel>, OutputProtection) {
    let specs = &template.content_key_specs;
    let of_kid = specs.iter().find(|spec| spec.key_id == Some(wanted.kid));
    let of_label = || {
        let names = |name: &String| name.eq_ignore_ascii_case(wanted.label);
        specs.iter().find(|spec| spec.key_id.is_none() && spec.track_type.iter().any(names))
    };
    let of_all = || specs.iter().filter(|spec| spec.key_id.is_none());
    match of_kid.or_else(of_label) {
        Some(spec) => most(std::iter::once(spec)),
        None => most(of_all()),
    }
}

fn most<'a>(specs: impl Iterator<Item = &'a KeySpec>) -> (Option<SecurityLevel>, OutputProtection) {
    let mut level = None;
    let mut output = OutputProtection::default();
    for spec in specs {
        level = level.max(spec.security_level.and_then(SecurityLevel::of_widevine));
        let required = spec.required_output_protection;
        output.hdcp = output.hdcp.max(required.hdcp.map_or(Hdcp::None, hdcp));
        let cgms = required.cgms_flags.and_then(cgms);
        output.cgms = [output.cgms, cgms].into_iter().flatten().max_by_key(|c| c.configuration);
    }
    (level, output)
}

fn hdcp(required: WidevineHdcp) -> Hdcp {
    match required {
        WidevineHdcp::None => Hdcp::None,
        WidevineHdcp::V1 => Hdcp::V1,
        WidevineHdcp::V2 => Hdcp::V2,
        WidevineHdcp::V2_1 => Hdcp::V2_1,
        WidevineHdcp::V2_2 => Hdcp::V2_2,
        WidevineHdcp::V2_3 => Hdcp::V2_3,
        WidevineHdcp::NoDigitalOutput => Hdcp::NoDigitalOutput,
    }
}

fn cgms(required: WidevineCgms) -> Option<Cgms> {
    let configuration = match required {
        WidevineCgms::None => return None,
        WidevineCgms::CopyFree => 0,
        WidevineCgms::CopyOnce => 2,
        WidevineCgms::CopyNever => 3,
    };
    Some(Cgms { configuration, best_effort: false })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::ids::KeyId;

    const KID: KeyId = KeyId::from_bytes([7; 16]);

    fn of(template: Value, label: &str) -> Option<Rights> {
        rights(&serde_json::from_value(template).unwrap(), &Wanted { kid: KID, label })
    }

    #[test]
    fn the_empty_template_lets_play_and_no_more() {
        assert_eq!(of(json!({}), "x"), Some(Rights::PLAY));
    }

    #[test]
    fn overrides_become_rights() {
        let template = json!({"policy_overrides": {
            "can_play": true, "can_persist": true, "can_renew": true,
            "license_duration_seconds": 3600, "rental_duration_seconds": 0,
            "playback_duration_seconds": 60, "renewal_server_url": "https://r.example",
            "renewal_delay_seconds": 30, "renewal_retry_interval_seconds": 5,
            "renewal_recovery_duration_seconds": 9, "renew_with_usage": true}});
        let s = Duration::from_secs;
        let expected = Rights {
            license_duration: Some(s(3600)),
            playback_duration: Some(s(60)),
            persistent: true,
            renewal: Some(Renewal {
                server_url: Some("https://r.example".into()),
                delay: s(30),
                retry_interval: s(5),
                recovery_duration: s(9),
                with_usage: true,
            }),
            ..Rights::PLAY
        };
        assert_eq!(of(template, "x"), Some(expected));
    }

    #[test]
    fn what_overrides_leave_out_is_off() {
        let persist = json!({"can_persist": true});
        for (overrides, play, persistent) in [
            (json!({}), false, false),
            (persist, false, true),
            (json!({"can_play": false}), false, false),
            (json!({"can_play": true}), true, false),
        ] {
            for exclusive in [false, true] {
                let template = json!({"use_policy_overrides_exclusively": exclusive,
                    "policy_overrides": overrides});
                let rights = of(template, "x").unwrap();
                assert_eq!((rights.play, rights.persistent), (play, persistent), "{overrides}");
            }
        }
    }

    #[test]
    fn allowed_track_types_keep_other_keys_back() {
        for (allowed, label, given) in [
            ("SD_ONLY", "SD", true),
            ("SD_ONLY", "audio", true),
            ("SD_ONLY", "hd", false),
            ("SD_ONLY", "cencDefaultKey", true),
            ("SD_HD", "HD", true),
            ("SD_HD", "UHD1", false),
            ("SD_UHD1", "UHD1", true),
            ("SD_UHD1", "UHD2", false),
            ("SD_UHD2", "UHD2", true),
        ] {
            let rights = of(json!({"allowed_track_types": allowed}), label);
            assert_eq!(rights.is_some(), given, "{allowed} {label}");
        }
    }

    #[test]
    fn demands_go_by_kid_then_by_label_then_by_the_most() {
        let spec = |track_type: &str, level: u8, hdcp: &str| {
            json!({"track_type": track_type, "security_level": level,
                "required_output_protection": {"hdcp": hdcp, "cgms_flags": "COPY_ONCE"}})
        };
        let mut own = spec("SD", 2, "HDCP_V2_2");
        own["key_id"] = json!(data_encoding::BASE64.encode(KID.as_bytes()));
        let specs =
            [spec("SD", 1, "HDCP_NONE"), spec("HD", 3, "HDCP_V1"), spec("UHD1", 2, "HDCP_V2")];
        let demanded = |specs: &[Value], label: &str| {
            let rights = of(json!({"content_key_specs": specs}), label).unwrap();
            assert_eq!(rights.output.cgms.unwrap().configuration, 2);
            (rights.security_level.unwrap().widevine(), rights.output.hdcp)
        };
        assert_eq!(demanded(&specs, "hd"), (3, Hdcp::V1));
        assert_eq!(demanded(&specs, "SD"), (1, Hdcp::None));
        assert_eq!(demanded(&specs, "cencDefaultKey"), (3, Hdcp::V2));
        let with_own = [&specs[..], &[own]].concat();
        assert_eq!(demanded(&with_own, "HD"), (2, Hdcp::V2_2));
    }
}
