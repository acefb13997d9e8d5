//! Streaming policies: which protocol may be had in which protection, and which key covers it
//! (ams.md section 7.2; unknown members are refused rather than silently not honoured).

use serde::{Deserialize, Serialize};

use super::{PolicyError, UrlTemplate, check_name, json, predefined};
use crate::package::filter::Facts;
use crate::package::format::Protocol;
use crate::protection::{self, Protection};

mod block;
mod drm;
mod output;
#[cfg(test)]
mod tests;

pub use block::{ContentKeys, DefaultKey, EncryptedBlock, KeyToTracks};
pub use drm::{ClearKey, CustomSystem, Drm, FairPlay, Marlin, PlayReady, Widevine};
pub use output::{OutputProtection, Robustness};

/// Longer addresses are refused, in bytes.
const MAX_ADDRESS: usize = 4096;

/// A named streaming policy in the AMS v3 shape; the name stands outside the `properties`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoEncryption {
    /// Switches per protocol.
    pub enabled_protocols: EnabledProtocols,
}

/// One switch per protocol; an absent one is off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        let policy = Self::stored(name, json)?;
        policy.check_blocks(|block, _| block.check_key_formats())?;
        Ok(policy)
    }

    /// The same of what the store keeps, which may be older than some of the rules.
    ///
    /// # Errors
    /// As of [`Self::from_properties`].
    pub fn stored(name: &str, json: &str) -> Result<Self, PolicyError> {
        check_name(name)?;
        if predefined::is_reserved(name) {
            return Err(PolicyError::new(name, "the name is reserved for predefined policies"));
        }
        let mut policy: Self =
            json::read(json.as_bytes()).map_err(|rule| PolicyError::new(name, rule))?;
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
            .filter_map(|row| Some((row, self.block(row.protection)?)))
            .filter(|(_, block)| block.enabled_protocols.any())
            .flat_map(|(row, block)| block.key_labels(row))
            .collect()
    }

    /// The label of the key that covers a track in a protection; `None` when the track is served
    /// in the clear there.
    pub fn label_of<'a>(&'a self, protection: Protection, track: &Facts<'_>) -> Option<&'a str> {
        self.block(protection)?.label_of(protection.row()?, track)
    }

    fn enabled(&self, protection: Protection) -> Option<EnabledProtocols> {
        match protection {
            Protection::Clear => self.no_encryption.map(|block| block.enabled_protocols),
            encrypted => self.block(encrypted).map(|block| block.enabled_protocols),
        }
    }

    /// The block of a protection; `None` when the policy has none, and in the clear.
    pub fn block(&self, protection: Protection) -> Option<&EncryptedBlock> {
        match protection {
            Protection::Clear => None,
            Protection::Cbc => self.envelope_encryption.as_ref(),
            Protection::Cenc => self.common_encryption_cenc.as_ref(),
            Protection::Cbcs => self.common_encryption_cbcs.as_ref(),
            Protection::Cens => self.common_encryption_cens.as_ref(),
            Protection::Cbc1 => self.common_encryption_cbc1.as_ref(),
        }
    }

    /// The content key policies that are named, by the paths of their members.
    pub fn content_key_policies(&self) -> Vec<(String, &str)> {
        let default = self.default_content_key_policy_name.as_deref();
        let default = default.map(|name| ("defaultContentKeyPolicyName".to_owned(), name));
        let of_keys = protection::TABLE.iter().flat_map(|row| {
            let keys = self.block(row.protection).map(|block| &block.content_keys);
            let named = keys.into_iter().flat_map(ContentKeys::policies);
            named.map(move |(member, name)| (format!("{}.contentKeys.{member}", row.block), name))
        });
        default.into_iter().chain(of_keys).collect()
    }

    /// The first member whose address would be longer than players take for a locator with this
    /// alternative media id.
    pub fn too_long_address(&self, alternative_media_id: &str) -> Option<String> {
        protection::TABLE.iter().find_map(|row| {
            let mut templates = self.block(row.protection)?.templates().into_iter();
            let long = |template: &UrlTemplate| template.expanded_len(alternative_media_id);
            let (member, _) = templates.find(|(_, template)| long(template) > MAX_ADDRESS)?;
            Some(format!("{}.{member}", row.block))
        })
    }

    /// The first member whose PlayReady header would be longer than clients take.
    pub fn too_long_header(&self, alternative_media_id: &str) -> Option<String> {
        let long = |row: &&protection::Row| {
            self.block(row.protection).is_some_and(|block| !block.header_fits(alternative_media_id))
        };
        let row = protection::TABLE.iter().find(long)?;
        Some(format!("{}.drm.playReady", row.block))
    }

    fn check(&self) -> Result<(), PolicyError> {
        let refuse = |rule: String| PolicyError::new(&self.name, rule);
        if self.key_labels().is_empty() && !self.enabled(Protection::Clear).is_some_and(|e| e.any())
        {
            return Err(refuse("no block enables a protocol".to_owned()));
        }
        self.check_blocks(EncryptedBlock::check)
    }

    fn check_blocks(
        &self,
        check: impl Fn(&EncryptedBlock, &'static protection::Row) -> Result<(), String>,
    ) -> Result<(), PolicyError> {
        for row in protection::TABLE {
            let Some(block) = self.block(row.protection) else { continue };
            let named = |rule| PolicyError::new(&self.name, format!("{}.{rule}", row.block));
            check(block, row).map_err(named)?;
        }
        Ok(())
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
