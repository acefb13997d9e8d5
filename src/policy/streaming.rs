//! Streaming policies: which protocol may be had in which protection, and which key covers it
//! (ams.md section 7.2; unknown members are refused rather than silently not honoured).

use serde::{Deserialize, Serialize};

use super::{PolicyError, check_name, predefined};
use crate::package::format::Protocol;
use crate::protection::{self, Protection};

/// A named streaming policy in the AMS v3 shape; the name stands outside the `properties`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamingPolicy {
    /// Unique name; names of [`predefined`] policies are reserved.
    #[serde(skip)]
    pub name: String,
    /// Content key policy of keys for which neither the locator nor the label names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_content_key_policy_name: Option<String>,
    /// Protocols served in the clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_encryption: Option<NoEncryption>,
    /// Protocols served under AES-128-CBC over whole segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope_encryption: Option<EncryptedBlock>,
    /// Protocols served under Common Encryption `cenc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_encryption_cenc: Option<EncryptedBlock>,
    /// Protocols served under Common Encryption `cbcs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_encryption_cbcs: Option<EncryptedBlock>,
    /// Protocols served under Common Encryption `cens`; beyond Azure Media Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_encryption_cens: Option<EncryptedBlock>,
    /// Protocols served under Common Encryption `cbc1`; beyond Azure Media Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_encryption_cbc1: Option<EncryptedBlock>,
}

/// The block of what is served in the clear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoEncryption {
    /// Switches per protocol.
    pub enabled_protocols: EnabledProtocols,
}

/// The block of one way of encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptedBlock {
    /// Switches per protocol; `download` is not one of them here.
    pub enabled_protocols: EnabledProtocols,
    /// Which key covers which track.
    #[serde(default)]
    pub content_keys: ContentKeys,
}

/// One switch per protocol; an absent one is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnabledProtocols {
    /// Files as they lie in the asset.
    #[serde(default)]
    pub download: bool,
    /// MPEG-DASH.
    #[serde(default)]
    pub dash: bool,
    /// HTTP Live Streaming.
    #[serde(default)]
    pub hls: bool,
    /// Smooth Streaming.
    #[serde(default)]
    pub smooth_streaming: bool,
}

/// The keys of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentKeys {
    /// Covers every track; the protection's default label when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_key: Option<DefaultKey>,
}

/// The key that covers every track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefaultKey {
    /// The handle by which a locator supplies its own key.
    pub label: String,
    /// Content key policy of this key, before all defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
}

/// A key that a locator of the policy needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLabel<'a> {
    /// The protection that the key serves.
    pub protection: Protection,
    /// The handle of the key.
    pub label: &'a str,
    /// Content key policy of this key, where the policy names one for its label.
    pub policy: Option<&'a str>,
}

impl StreamingPolicy {
    /// Reads the `properties` object of a custom policy.
    ///
    /// # Errors
    /// [`PolicyError`] for reserved names, unknown members and rules of ams.md section 7.2.
    pub fn from_properties(name: &str, json: &str) -> Result<Self, PolicyError> {
        check_name(name)?;
        if predefined::is_reserved(name) {
            return Err(PolicyError::new(name, "the name is reserved for predefined policies"));
        }
        let mut policy: Self =
            serde_json::from_str(json).map_err(|error| PolicyError::json(name, &error))?;
        name.clone_into(&mut policy.name);
        policy.check()?;
        Ok(policy)
    }

    /// The `properties` object.
    pub fn to_properties(&self) -> String {
        serde_json::to_string(self).expect("strings and booleans always have a JSON form")
    }

    /// Whether the protocol may be had in this protection.
    pub fn allows(&self, protocol: Protocol, protection: Protection) -> bool {
        self.enabled(protection).is_some_and(|enabled| enabled.has(protocol))
    }

    /// The protections in which the protocol may be had, clear first, then in table order.
    pub fn protections(&self, protocol: Protocol) -> Vec<Protection> {
        std::iter::once(Protection::Clear)
            .chain(protection::TABLE.iter().map(|row| row.protection))
            .filter(|&protection| self.allows(protocol, protection))
            .collect()
    }

    /// The keys that a locator needs, in table order; none for protections that are switched off.
    pub fn key_labels(&self) -> Vec<KeyLabel<'_>> {
        protection::TABLE
            .iter()
            .filter_map(|row| {
                let block = self.block(row.protection)?;
                block.enabled_protocols.any().then(|| block.key_label(row))
            })
            .collect()
    }

    fn enabled(&self, protection: Protection) -> Option<EnabledProtocols> {
        match protection {
            Protection::Clear => self.no_encryption.map(|block| block.enabled_protocols),
            encrypted => self.block(encrypted).map(|block| block.enabled_protocols),
        }
    }

    fn block(&self, protection: Protection) -> Option<&EncryptedBlock> {
        match protection {
            Protection::Clear => None,
            Protection::Cbc => self.envelope_encryption.as_ref(),
            Protection::Cenc => self.common_encryption_cenc.as_ref(),
            Protection::Cbcs => self.common_encryption_cbcs.as_ref(),
            Protection::Cens => self.common_encryption_cens.as_ref(),
            Protection::Cbc1 => self.common_encryption_cbc1.as_ref(),
        }
    }

    fn check(&self) -> Result<(), PolicyError> {
        let refuse = |rule: &str| Err(PolicyError::new(&self.name, rule));
        if self.key_labels().is_empty() && !self.enabled(Protection::Clear).is_some_and(|e| e.any())
        {
            return refuse("no block enables a protocol");
        }
        if protection::TABLE.iter().any(|row| self.allows(Protocol::Download, row.protection)) {
            return refuse("download is served without encryption only");
        }
        if self.key_labels().iter().any(|key| key.label.is_empty() || key.label.len() > 128) {
            return refuse("a key label has 1 to 128 characters");
        }
        Ok(())
    }
}

impl EncryptedBlock {
    fn key_label(&self, row: &'static protection::Row) -> KeyLabel<'_> {
        let named = self.content_keys.default_key.as_ref();
        KeyLabel {
            protection: row.protection,
            label: named.map_or(row.default_label, |key| &key.label),
            policy: named.and_then(|key| key.policy_name.as_deref()),
        }
    }
}

impl EnabledProtocols {
    /// Whether the protocol is switched on.
    pub fn has(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Download => self.download,
            Protocol::Dash => self.dash,
            Protocol::Hls => self.hls,
            Protocol::Smooth => self.smooth_streaming,
        }
    }

    /// Whether any protocol is switched on.
    pub fn any(self) -> bool {
        self.download || self.dash || self.hls || self.smooth_streaming
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<StreamingPolicy, PolicyError> {
        StreamingPolicy::from_properties("mine", json)
    }

    const MIXED: &str = r#"{
        "envelopeEncryption": {"enabledProtocols": {"hls": true},
            "contentKeys": {"defaultKey": {"label": "aes", "policyName": "p"}}},
        "commonEncryptionCenc": {"enabledProtocols": {"download": false, "dash": true}},
        "commonEncryptionCbcs": {"enabledProtocols": {}},
        "commonEncryptionCens": {"enabledProtocols": {"dash": true}},
        "commonEncryptionCbc1": {"enabledProtocols": {"dash": true}},
        "noEncryption": {"enabledProtocols": {"download": true, "hls": true}}}"#;

    #[test]
    fn blocks_switch_protocols_per_protection() {
        let policy = parse(MIXED).unwrap();
        assert_eq!(policy.protections(Protocol::Hls), [Protection::Clear, Protection::Cbc]);
        let dash = [Protection::Cenc, Protection::Cens, Protection::Cbc1];
        assert_eq!(policy.protections(Protocol::Dash), dash);
        assert_eq!(policy.protections(Protocol::Download), [Protection::Clear]);
        assert_eq!(policy.protections(Protocol::Smooth), []);
        assert!(!policy.allows(Protocol::Dash, Protection::Cbcs));
    }

    #[test]
    fn a_locator_needs_one_key_for_each_protection_that_is_on() {
        let policy = parse(MIXED).unwrap();
        let keys: Vec<_> =
            policy.key_labels().iter().map(|key| (key.protection, key.label, key.policy)).collect();
        let expected = [
            (Protection::Cbc, "aes", Some("p")),
            (Protection::Cenc, "cencDefaultKey", None),
            (Protection::Cens, "censDefaultKey", None),
            (Protection::Cbc1, "cbc1DefaultKey", None),
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let policy = parse(MIXED).unwrap();
        assert_eq!(parse(&policy.to_properties()), Ok(policy));
    }

    #[test]
    fn refusals_name_the_rule() {
        let on = r#"{"enabledProtocols":{"hls":true}"#;
        let table = [
            ("{}".to_owned(), "no block"),
            (r#"{"noEncryption":{"enabledProtocols":{}}}"#.into(), "no block"),
            (format!(r#"{{"commonEncryptionCenc":{on},"drm":{{}}}}}}"#), "unknown field `drm`"),
            (r#"{"surprise":1}"#.into(), "unknown field `surprise`"),
            (
                r#"{"envelopeEncryption":{"enabledProtocols":{"download":true}}}"#.into(),
                "download is served without encryption",
            ),
            (
                format!(
                    r#"{{"envelopeEncryption":{on},
                        "contentKeys":{{"defaultKey":{{"label":""}}}}}}}}"#
                ),
                "a key label has",
            ),
            ("[".into(), "EOF"),
        ];
        for (json, rule) in table {
            let refusal = parse(&json).unwrap_err();
            assert!(refusal.rule.contains(rule), "{json}: {refusal}");
        }
    }

    #[test]
    fn reserved_and_odd_names_are_refused() {
        for name in ["Predefined_ClearKey", "predefined_x", "Portcullis_Mine", "", "a b", "ü"] {
            assert!(StreamingPolicy::from_properties(name, MIXED).is_err(), "{name}");
        }
    }
}
