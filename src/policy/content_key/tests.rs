use serde_json::{Value, json};

use super::*;

fn token_policy() -> Value {
    json!({"options": [{
        "name": "viewers",
        "configuration": {
            "@odata.type": "#Microsoft.Media.ContentKeyPolicyClearKeyConfiguration"},
        "restriction": {
            "@odata.type": "#Microsoft.Media.ContentKeyPolicyTokenRestriction",
            "issuer": "i", "audience": "a", "restrictionTokenType": "Jwt",
            "primaryVerificationKey": {
                "@odata.type": "#Microsoft.Media.ContentKeyPolicySymmetricTokenKey",
                "keyValue": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
            "requiredClaims": [{"claimType": KEY_IDENTIFIER_CLAIM, "claimValue": null}]}}]})
}

fn parse(json: &Value) -> Result<ContentKeyPolicy, PolicyError> {
    ContentKeyPolicy::from_properties("p", json.to_string().as_bytes())
}

#[test]
fn the_ams_shape_is_read_and_written() {
    let policy = parse(&token_policy()).unwrap();
    let Restriction::Token(restriction) = &policy.options[0].restriction else {
        panic!("token restriction expected");
    };
    assert_eq!((restriction.issuer.as_str(), restriction.keys().count()), ("i", 1));
    let written = policy.to_properties_with_secrets();
    assert_eq!(ContentKeyPolicy::from_properties("p", written.as_bytes()), Ok(policy));
}

#[test]
fn secrets_are_not_in_debug_or_errors() {
    let shown = format!("{:?}", parse(&token_policy()).unwrap());
    assert!(shown.contains("redacted") && !shown.contains("c2Vj") && !shown.contains("115"));
    let mut misplaced = token_policy();
    misplaced["options"][0]["restriction"]["requiredClaims"] = json!("hunter2");
    assert!(!parse(&misplaced).unwrap_err().to_string().contains("hunter2"));
}

#[test]
fn refusals_name_the_rule() {
    let set = |pointer: &str, value: Value| {
        let mut policy = token_policy();
        *policy.pointer_mut(pointer).unwrap() = value;
        policy
    };
    let restriction = "/options/0/restriction";
    let key = "/options/0/restriction/primaryVerificationKey";
    let rsa = json!({"@odata.type": "#Microsoft.Media.ContentKeyPolicyRsaTokenKey",
        "exponent": "AQAB", "modulus": "AQAB"});
    let table = [
        (set("/options", json!([])), "at least one option"),
        (set(&format!("{restriction}/issuer"), json!("")), "issuer and audience"),
        (set(&format!("{restriction}/restrictionTokenType"), json!("Swt")), "Swt"),
        (set(&format!("{key}/keyValue"), json!("c2hvcnQ=")), "at least 32 bytes"),
        (set(&format!("{key}/keyValue"), json!("?!")), "not base64"),
        (set(key, rsa), "2048 to 8192"),
        (
            set("/options/0/configuration/@odata.type", json!("#X")),
            "configuration.@odata.type: unknown type",
        ),
        (set("/options/0/name", json!(7)), "invalid type"),
    ];
    for (json, rule) in table {
        let refusal = parse(&json).unwrap_err();
        assert!(refusal.rule.contains(rule), "{rule}: {refusal}");
    }
}

#[test]
fn unknown_members_are_refused_at_every_level() {
    let levels = ["", "/options/0", "/options/0/configuration", "/options/0/restriction"];
    for level in levels {
        let mut policy = token_policy();
        policy.pointer_mut(level).unwrap()["surprise"] = json!(1);
        let refusal = parse(&policy).unwrap_err();
        assert!(refusal.rule.contains("surprise"), "{level}: {refusal}");
    }
}

const PREFIX: &str = "#Microsoft.Media.ContentKeyPolicy";

/// A configuration of the type with these members.
fn configured(kind: &str, members: Value) -> Value {
    let mut configuration = members;
    configuration["@odata.type"] = json!(format!("{PREFIX}{kind}Configuration"));
    configuration
}

/// What is wrong with an open policy of these configurations.
fn refusal(configurations: &[Value]) -> String {
    let open = json!({"@odata.type": format!("{PREFIX}OpenRestriction")});
    let options: Vec<Value> = configurations
        .iter()
        .map(|configuration| json!({"configuration": configuration, "restriction": open}))
        .collect();
    match parse(&json!({"options": options})) {
        Err(error) => error.rule,
        Ok(policy) => {
            let written = policy.to_properties_with_secrets();
            let read = ContentKeyPolicy::from_properties("p", written.as_bytes());
            assert_eq!(read, Ok(policy), "{written:?}");
            String::new()
        }
    }
}

fn changed(mut base: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        base.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    base
}

/// Every member of the template of ams.md section 11 that may stand beside each other.
fn play_ready() -> Value {
    let from = "PlayReadyContentEncryptionKeyFromHeader";
    configured(
        "PlayReady",
        json!({"responseCustomData": "x", "licenses": [{
        "allowTestDevices": false, "securityLevel": "SL2000",
        "beginDate": "2030-01-01T00:00:00Z", "expirationDate": "2031-01-01T00:00:00Z",
        "gracePeriod": "P1D", "licenseType": "Persistent", "contentType": "Unspecified",
        "contentKeyLocation": {"@odata.type": format!("{PREFIX}{from}")},
        "playRight": {
            "firstPlayExpiration": "PT2H", "scmsRestriction": 2, "agcAndColorStripeRestriction": 1,
            "explicitAnalogTelevisionOutputRestriction":
                {"bestEffort": true, "configurationData": 3},
            "digitalVideoOnlyContentRestriction": false,
            "imageConstraintForAnalogComponentVideoRestriction": true,
            "imageConstraintForAnalogComputerMonitorRestriction": true,
            "allowPassingVideoContentToUnknownOutput": "Allowed",
            "uncompressedDigitalVideoOpl": 270, "compressedDigitalVideoOpl": 400,
            "analogVideoOpl": 150, "compressedDigitalAudioOpl": 250,
            "uncompressedDigitalAudioOpl": 100}}]}),
    )
}

#[test]
fn play_ready_templates_are_held_against_every_rule() {
    let license = "/licenses/0";
    let right = "/licenses/0/playRight";
    let at = |parent: &str, name: &str| format!("{parent}/{name}");
    let table: &[(&[(String, Value)], &str)] = &[
        (&[], ""),
        (&[("/licenses".into(), json!([]))], "options[0].configuration.licenses: 1 to"),
        (&[("/surprise".into(), json!(1))], "options[0].configuration.surprise: unknown field"),
        (&[(at(license, "surprise"), json!(1))], "configuration.licenses[0].surprise: unknown"),
        (&[(at(right, "surprise"), json!(1))], "licenses[0].playRight.surprise: unknown"),
        (&[(at(license, "playRight"), json!(null))], "licenses[0]: missing field `playRight`"),
        (&[(at(license, "allowTestDevices"), json!(null))], "missing field `allowTestDevices`"),
        (&[(at(license, "licenseType"), json!("Forever"))], "licenses[0].licenseType: unknown"),
        (&[(at(license, "securityLevel"), json!("SL1"))], "licenses[0].securityLevel: unknown"),
        (&[(at(license, "relativeBeginDate"), json!("PT1H"))], "beginDate: excludes"),
        (&[(at(license, "relativeExpirationDate"), json!("PT1H"))], "expirationDate: excludes"),
        (&[(at(license, "expirationDate"), json!("2030-01-01T00:00:00Z"))], "must be after"),
        (&[(at(license, "gracePeriod"), json!("P1M"))], "licenses[0].gracePeriod: an ISO 8601"),
        (&[(at(license, "licenseType"), json!("NonPersistent"))], "beginDate: of persistent"),
        (
            &[
                (at(license, "licenseType"), json!("NonPersistent")),
                (at(license, "beginDate"), json!(null)),
            ],
            "expirationDate: of persistent",
        ),
        (
            &[
                (at(license, "licenseType"), json!("NonPersistent")),
                (at(license, "beginDate"), json!(null)),
                (at(license, "expirationDate"), json!(null)),
            ],
            "gracePeriod: of persistent",
        ),
        (
            &[
                (at(license, "licenseType"), json!("NonPersistent")),
                (at(license, "beginDate"), json!(null)),
                (at(license, "expirationDate"), json!(null)),
                (at(license, "gracePeriod"), json!(null)),
            ],
            "playRight.firstPlayExpiration: of persistent",
        ),
        (
            &[
                (at(license, "licenseType"), json!("NonPersistent")),
                (at(license, "beginDate"), json!(null)),
                (at(license, "expirationDate"), json!(null)),
                (at(license, "gracePeriod"), json!(null)),
                (at(right, "firstPlayExpiration"), json!(null)),
                (at(license, "relativeBeginDate"), json!("PT1H")),
                (at(license, "relativeExpirationDate"), json!("P1D")),
            ],
            "",
        ),
        (&[(at(right, "scmsRestriction"), json!(4))], "playRight.scmsRestriction: 0 to 3"),
        (&[(at(right, "agcAndColorStripeRestriction"), json!(4))], "agcAndColorStripeRestriction"),
        (
            &[(
                at(right, "explicitAnalogTelevisionOutputRestriction"),
                json!({"bestEffort": true, "configurationData": 4}),
            )],
            "configurationData: 0 to 3",
        ),
        (&[(at(right, "uncompressedDigitalVideoOpl"), json!(400))], "uncompressedDigitalVideoOpl"),
        (&[(at(right, "compressedDigitalVideoOpl"), json!(300))], "compressedDigitalVideoOpl"),
        (&[(at(right, "analogVideoOpl"), json!(250))], "analogVideoOpl"),
        (&[(at(right, "compressedDigitalAudioOpl"), json!(400))], "compressedDigitalAudioOpl"),
        (&[(at(right, "uncompressedDigitalAudioOpl"), json!(1))], "uncompressedDigitalAudioOpl"),
        (
            &[(at(right, "digitalVideoOnlyContentRestriction"), json!(true))],
            "allowPassingVideoContentToUnknownOutput: must be NotAllowed",
        ),
        (
            &[(at(license, "contentKeyLocation"), json!({"@odata.type": "#X"}))],
            "licenses[0].contentKeyLocation.@odata.type: unknown type",
        ),
        (
            &[(
                at(license, "contentKeyLocation"),
                json!({"keyId": "x", "@odata.type":
                    format!("{PREFIX}PlayReadyContentEncryptionKeyFromKeyIdentifier")}),
            )],
            "licenses[0].contentKeyLocation.keyId: not a GUID",
        ),
    ];
    for (changes, rule) in table {
        let changes: Vec<_> = changes.iter().map(|(at, value)| (&**at, value.clone())).collect();
        let found = refusal(&[changed(play_ready(), &changes)]);
        assert!(found.contains(rule) && found.is_empty() == rule.is_empty(), "{rule}: {found}");
    }
}

fn widevine(template: Value) -> Value {
    configured("Widevine", json!({"widevineTemplate": template.to_string()}))
}

#[test]
fn widevine_templates_are_held_against_every_rule() {
    let at = "options[0].configuration.widevineTemplate";
    let all = json!({
        "allowed_track_types": "SD_HD",
        "content_key_specs": [{"track_type": "SD", "security_level": 1,
            "required_output_protection": {"hdcp": "HDCP_V2", "cgms_flags": "COPY_NEVER"},
            "key_id": "AAECAwQFBgcICQoLDA0ODw=="}],
        "policy_overrides": {"can_play": true, "can_persist": true, "can_renew": false,
            "license_duration_seconds": 10, "rental_duration_seconds": 0,
            "playback_duration_seconds": 5, "renewal_server_url": "https://r.example",
            "renewal_delay_seconds": 1, "renewal_retry_interval_seconds": 2,
            "renewal_recovery_duration_seconds": 3, "renew_with_usage": true},
        "session_init": {"provider_session_token": "AAAA", "provider_client_token": "AAAA",
            "override_provider_client_token": false},
        "payload": "x", "content_id": "eA==", "provider": "p", "policy_name": "n",
        "parse_only": false, "use_policy_overrides_exclusively": true});
    let spec = |member: &str, value: Value| json!({"content_key_specs": [{member: value}]});
    for (template, rule) in [
        (json!({}), String::new()),
        (all, String::new()),
        (json!([]), format!("{at}: ")),
        (json!({"surprise": 1}), format!("{at}.surprise: unknown field")),
        (json!({"policy_overrides": {"x": 1}}), format!("{at}.policy_overrides.x: unknown field")),
        (spec("security_level", json!(6)), format!("{at}.content_key_specs[0].security_level")),
        (spec("key_id", json!("AAAA")), format!("{at}.content_key_specs[0].key_id: the base64")),
        (spec("key", json!("AAECAwQFBgcICQoLDA0ODw==")), format!("{at}.content_key_specs[0].key")),
        (
            spec("required_output_protection", json!({"hdcp": "HDCP_V9"})),
            format!("{at}.content_key_specs[0].required_output_protection.hdcp: unknown"),
        ),
        (json!({"parse_only": true}), format!("{at}.parse_only")),
        (json!({"allowed_track_types": "HD"}), format!("{at}.allowed_track_types: unknown")),
        (
            json!({"allowed_track_types": "SD_ONLY", "content_key_specs": [{"track_type": "HD"}]}),
            format!("{at}.content_key_specs[0].track_type: not among"),
        ),
        (
            json!({"policy_overrides": {"license_duration_seconds": u64::MAX}}),
            format!("{at}.policy_overrides.license_duration_seconds: more than"),
        ),
        (
            json!({"policy_overrides": {"license_duration_seconds": -1}}),
            format!("{at}.policy_overrides.license_duration_seconds: "),
        ),
    ] {
        let found = refusal(&[widevine(template)]);
        assert!(found.starts_with(&rule) && found.is_empty() == rule.is_empty(), "{rule}: {found}");
    }
    let text = configured("Widevine", json!({"widevineTemplate": "no JSON"}));
    assert!(refusal(&[text]).starts_with(&format!("{at}: ")));
}

fn fair_play() -> Value {
    configured(
        "FairPlay",
        json!({"ask": "AAECAwQFBgcICQoLDA0ODw==", "fairPlayPfx": "AAAA",
        "fairPlayPfxPassword": "p", "rentalAndLeaseKeyType": "DualExpiry", "rentalDuration": 0,
        "offlineRentalConfiguration":
            {"playbackDurationSeconds": 60, "storageDurationSeconds": 600}}),
    )
}

#[test]
fn fair_play_configurations_are_held_against_every_rule() {
    let at = "options[0].configuration";
    let table: &[(&[(&str, Value)], &str)] = &[
        (&[], ""),
        (&[("/ask", json!("AAAA"))], "ask: FairPlay configuration must have ASK"),
        (&[("/ask", json!(null))], "ask: FairPlay configuration must have ASK"),
        (&[("/ask", json!("?"))], "ask: "),
        (&[("/fairPlayPfx", json!(null))], "fairPlayPfx: missing"),
        (&[("/fairPlayPfx", json!(""))], "fairPlayPfx: empty"),
        (&[("/ask", json!(null)), ("/fairPlayPfx", json!(null))], "fairPlayPfxPassword: "),
        (
            &[
                ("/ask", json!(null)),
                ("/fairPlayPfx", json!(null)),
                ("/fairPlayPfxPassword", json!(null)),
            ],
            "",
        ),
        (&[("/rentalAndLeaseKeyType", json!("Rent"))], "rentalAndLeaseKeyType: unknown"),
        (&[("/rentalAndLeaseKeyType", json!("Undefined"))], "offlineRentalConfiguration: for"),
        (&[("/offlineRentalConfiguration", json!(null))], "offlineRentalConfiguration: needed"),
        (&[("/rentalDuration", json!(-1))], "rentalDuration: "),
        (&[("/leaseDuration", json!(60))], "leaseDuration: for"),
        (&[("/hdcpLevel", json!("2.2"))], "hdcpLevel: unknown"),
        (&[("/offlineRentalConfiguration/x", json!(1))], "offlineRentalConfiguration.x: unknown"),
    ];
    for (changes, rule) in table {
        let found = refusal(&[changed(fair_play(), changes)]);
        let expected = if rule.is_empty() { String::new() } else { format!("{at}.{rule}") };
        assert!(
            found.starts_with(&expected) && found.is_empty() == rule.is_empty(),
            "{rule}: {found}"
        );
    }
    assert!(
        !format!("{:?}", serde_json::from_value::<Configuration>(fair_play())).contains("\"p\"")
    );
}

#[test]
fn configurations_of_no_known_type_are_refused() {
    let at = "options[0].configuration";
    let unknown = refusal(&[configured("Unknown", json!({}))]);
    assert!(unknown.starts_with(&format!("{at}: an unknown configuration")), "{unknown}");
    let other = refusal(&[configured("Marlin", json!({}))]);
    assert!(other.starts_with(&format!("{at}.@odata.type: unknown type")), "{other}");
    assert!(refusal(&[json!({})]).starts_with(&format!("{at}: @odata.type is missing")));
}

#[test]
fn keys_for_hardware_are_given_to_nothing_less() {
    let hardware = changed(play_ready(), &[("/licenses/0/securityLevel", json!("SL3000"))]);
    let robust = |level: u8| widevine(json!({"content_key_specs": [{"security_level": level}]}));
    let clear = configured("ClearKey", json!({}));
    for (other, allowed) in [
        (hardware.clone(), true),
        (robust(5), true),
        (robust(4), true),
        (robust(3), false),
        (widevine(json!({})), false),
        (play_ready(), false),
        (clear, false),
        (fair_play(), false),
    ] {
        let found = refusal(&[hardware.clone(), other.clone()]);
        assert_eq!(found.is_empty(), allowed, "{other}: {found}");
        assert!(allowed || found.starts_with("options[1].configuration: SL3000"), "{found}");
    }
}
