//! The block of one way of encryption: protocols, clear tracks, keys, addresses.

use serde::{Deserialize, Serialize};

use super::drm::{ClearKey, Drm};
use super::output::OutputProtection;
use super::{EnabledProtocols, KeyLabel};
use crate::cenc::Scheme;
use crate::package::announced::ClearKeyLine;
use crate::package::filter::{Facts, TrackSelection};
use crate::package::format::Format;
use crate::policy::UrlTemplate;
use crate::protection::{Protection, Row};
use crate::time::WIRE_TIMESCALE;

/// A longer clear lead is refused, in seconds.
const MAX_LEAD: u32 = 3600;

/// More keys of a block are refused.
const MAX_MAPPINGS: usize = 64;

/// More entries that select tracks are refused.
const MAX_SELECTIONS: usize = 256;

/// The block of one way of encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EncryptedBlock {
    /// Switches per protocol; `download` is not one of them here.
    pub enabled_protocols: EnabledProtocols,
    /// Tracks that any of these keeps stay in the clear.
    #[serde(default)]
    pub clear_tracks: Vec<TrackSelection>,
    /// Which key covers which track.
    #[serde(default)]
    pub content_keys: ContentKeys,
    /// How long tracks are clear at their beginning, in seconds, to the end of the fragment; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_lead_seconds: Option<u32>,
    /// Whether each key is announced together with all others, so that a client needs one licence for
    /// them; of Common Encryption only; ours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub announce_all_keys: bool,
    /// Systems that are announced; of Common Encryption only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drm: Option<Drm>,
    /// ClearKey, announced beside other systems; of Common Encryption only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_key_encryption_configuration: Option<ClearKey>,
    /// Where the bytes of keys are that players fetch by themselves, those of the envelope and of
    /// ClearKey over HLS; this server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_key_acquisition_url_template: Option<UrlTemplate>,
}

/// The keys of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContentKeys {
    /// Covers every track without a mapping; the protection's default label when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_key: Option<DefaultKey>,
    /// Keys of some tracks; the first that selects a track covers it.
    #[serde(default)]
    pub key_to_track_mappings: Vec<KeyToTracks>,
}

/// The key that covers every track without a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DefaultKey {
    /// The handle by which a locator supplies its own key.
    pub label: String,
    /// Content key policy of this key, before all defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
    /// What it demands of clients; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_protection: Option<OutputProtection>,
}

/// A key that covers some tracks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyToTracks {
    /// The handle by which a locator supplies its own key.
    pub label: String,
    /// Content key policy of this key, before all defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_name: Option<String>,
    /// The key covers what any of these selects.
    pub tracks: Vec<TrackSelection>,
    /// What it demands of clients; ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_protection: Option<OutputProtection>,
}

impl ContentKeys {
    /// The content key policies that are named, by the paths of their members.
    pub(super) fn policies(&self) -> impl Iterator<Item = (String, &str)> {
        let default = self.default_key.iter().filter_map(|key| key.policy_name.as_deref());
        let default = default.map(|name| ("defaultKey.policyName".to_owned(), name));
        let mappings = self.key_to_track_mappings.iter().enumerate();
        let mapped = mappings.filter_map(|(n, mapping)| {
            let name = mapping.policy_name.as_deref()?;
            Some((format!("keyToTrackMappings[{n}].policyName"), name))
        });
        default.chain(mapped)
    }
}

impl EncryptedBlock {
    /// Whether ClearKey is announced: where it is asked for, and where no system is named at all.
    pub fn announces_clear_key(&self) -> bool {
        self.clear_key_encryption_configuration.is_some() || self.drm.is_none()
    }

    /// Whether Widevine is announced.
    pub fn announces_widevine(&self) -> bool {
        self.drm.as_ref().is_some_and(|drm| drm.widevine.is_some())
    }

    /// How long tracks are clear at their beginning, in wire ticks.
    pub fn clear_lead(&self) -> u64 {
        u64::from(self.clear_lead_seconds.unwrap_or(0)) * u64::from(WIRE_TIMESCALE)
    }

    /// Whether tracks may have different keys.
    pub fn has_several_keys(&self) -> bool {
        !self.content_keys.key_to_track_mappings.is_empty()
    }

    /// Whether the address of a key's bytes is the same for all keys.
    pub fn keys_have_one_address(&self) -> bool {
        let keys = self.custom_key_acquisition_url_template.as_ref();
        keys.is_some_and(|template| !template.names_key())
    }

    /// Whether PlayReady licences have an address for each key.
    pub fn play_ready_names_key(&self) -> bool {
        let system = self.drm.as_ref().and_then(|drm| drm.play_ready.as_ref());
        let licences = system.and_then(|s| s.custom_license_acquisition_url_template.as_ref());
        licences.is_some_and(UrlTemplate::names_key)
    }

    /// Whether PlayReady clients take the header, which may name all keys.
    pub(super) fn header_fits(&self, alternative_media_id: &str) -> bool {
        let keys = match self.enabled_protocols.smooth_streaming || self.announce_all_keys {
            true => 1 + self.content_keys.key_to_track_mappings.len(),
            false => 1,
        };
        let play_ready = self.drm.as_ref().and_then(|drm| drm.play_ready.as_ref());
        play_ready.is_none_or(|system| system.fits(keys, alternative_media_id))
    }

    /// Where ClearKey licences are, when not here.
    pub fn clear_key_template(&self) -> Option<&UrlTemplate> {
        let clear_key = self.clear_key_encryption_configuration.as_ref()?;
        clear_key.custom_keys_acquisition_url_template.as_ref()
    }

    /// The lines of playlists for ClearKey. Both for `cenc`; for `cbcs` hls.js would take the wrong
    /// one of them (players.md section 3.3).
    pub fn clear_key_lines(&self, protection: Protection) -> &[ClearKeyLine] {
        let clear_key = self.clear_key_encryption_configuration.as_ref();
        match clear_key.and_then(|clear_key| clear_key.hls_key_formats.as_ref()) {
            Some(lines) => lines,
            None if protection == Protection::Cbcs => &[ClearKeyLine::Identity],
            None => &[ClearKeyLine::Identity, ClearKeyLine::ClearKey],
        }
    }

    /// The templates of addresses, by the paths of their members.
    pub(super) fn templates(&self) -> Vec<(String, &UrlTemplate)> {
        let keys = self.custom_key_acquisition_url_template.as_ref();
        let keys = keys.map(|keys| ("customKeyAcquisitionUrlTemplate".to_owned(), keys));
        let path = "clearKeyEncryptionConfiguration.customKeysAcquisitionUrlTemplate";
        let clear_key = self.clear_key_template().map(|template| (path.to_owned(), template));
        let systems = self.drm.iter().flat_map(Drm::templates);
        keys.into_iter().chain(clear_key).chain(systems).collect()
    }

    /// Whether a playlist of the format has a line of any system that is announced.
    pub fn has_line(&self, format: Format) -> bool {
        self.announces_clear_key() || self.drm.as_ref().is_some_and(|drm| drm.has_line(format))
    }

    /// What the key of a label demands of clients.
    pub fn output_protection(&self, label: &str) -> Option<&OutputProtection> {
        let keys = &self.content_keys;
        match keys.key_to_track_mappings.iter().find(|mapping| mapping.label == label) {
            Some(mapping) => mapping.output_protection.as_ref(),
            None => keys.default_key.as_ref()?.output_protection.as_ref(),
        }
    }

    /// The label of the key that covers a track; `None` when the track stays in the clear.
    pub(super) fn label_of<'a>(&'a self, row: &'static Row, track: &Facts<'_>) -> Option<&'a str> {
        let selects = |entries: &[TrackSelection]| entries.iter().any(|entry| entry.keeps(track));
        if selects(&self.clear_tracks) {
            return None;
        }
        let mappings = &self.content_keys.key_to_track_mappings;
        let mapped = mappings.iter().find(|mapping| selects(&mapping.tracks));
        Some(mapped.map_or(self.default_label(row).label, |mapping| &mapping.label))
    }

    /// The keys that a locator needs, the default one first.
    pub(super) fn key_labels<'a>(
        &'a self,
        row: &'static Row,
    ) -> impl Iterator<Item = KeyLabel<'a>> {
        let mapped = self.content_keys.key_to_track_mappings.iter().map(|mapping| KeyLabel {
            protection: row.protection,
            label: &mapping.label,
            policy: mapping.policy_name.as_deref(),
        });
        std::iter::once(self.default_label(row)).chain(mapped)
    }

    fn default_label(&self, row: &'static Row) -> KeyLabel<'_> {
        let named = self.content_keys.default_key.as_ref();
        KeyLabel {
            protection: row.protection,
            label: named.map_or(row.default_label, |key| &key.label),
            policy: named.and_then(|key| key.policy_name.as_deref()),
        }
    }

    /// The entries that select tracks, by the paths of their members.
    pub fn selections(&self) -> Vec<(String, &TrackSelection)> {
        let numbered = |path: &str, entries: &'_ [TrackSelection]| -> Vec<String> {
            (0..entries.len()).map(|n| format!("{path}[{n}]")).collect()
        };
        let mut all: Vec<_> = numbered("clearTracks", &self.clear_tracks)
            .into_iter()
            .zip(&self.clear_tracks)
            .collect();
        for (n, mapping) in self.content_keys.key_to_track_mappings.iter().enumerate() {
            let path = format!("contentKeys.keyToTrackMappings[{n}].tracks");
            all.extend(numbered(&path, &mapping.tracks).into_iter().zip(&mapping.tracks));
        }
        all
    }

    /// What the shape alone does not say; names the member.
    pub(super) fn check(&self, row: &'static Row) -> Result<(), String> {
        self.check_members(row.protection)?;
        self.check_labels(row)?;
        self.drm.as_ref().map_or(Ok(()), Drm::check)?;
        self.check_outputs(row)?;
        self.check_selections()
    }

    /// Refuses key lines of one format for several systems; names the member.
    pub(super) fn check_key_formats(&self) -> Result<(), String> {
        self.drm.as_ref().map_or(Ok(()), Drm::check_key_formats)
    }

    /// Every entry selects some track of some asset, and every key covers one.
    fn check_selections(&self) -> Result<(), String> {
        for (path, selection) in self.selections() {
            if selection.conditions.is_empty() {
                return Err(format!("{path}.trackSelections: no condition selects a track"));
            }
            if let Some((a, b)) = selection.contradiction() {
                let rule = format!("no track is that and what trackSelections[{a}] says");
                return Err(format!("{path}.trackSelections[{b}]: {rule}"));
            }
        }
        let mut before: Vec<&TrackSelection> = self.clear_tracks.iter().collect();
        for (n, mapping) in self.content_keys.key_to_track_mappings.iter().enumerate() {
            if !mapping.tracks.is_empty() && mapping.tracks.iter().all(|t| before.contains(&t)) {
                let path = format!("contentKeys.keyToTrackMappings[{n}].tracks");
                return Err(format!("{path}: clearTracks or keys in front select the same"));
            }
            before.extend(&mapping.tracks);
        }
        Ok(())
    }

    fn check_members(&self, protection: Protection) -> Result<(), String> {
        let envelope = protection == Protection::Cbc;
        let fair_play = self.drm.as_ref().is_some_and(|drm| drm.fair_play.is_some());
        let clear_key = self.clear_key_encryption_configuration.as_ref();
        let formats = clear_key.and_then(|clear_key| clear_key.hls_key_formats.as_ref());
        let one_key =
            self.clear_tracks.is_empty() && self.content_keys.key_to_track_mappings.is_empty();
        let play_ready = self.drm.as_ref().is_some_and(|drm| drm.play_ready.is_some());
        let leads = self.clear_lead_seconds.is_some_and(|seconds| seconds > 0);
        let rules = [
            (
                "clearLeadSeconds",
                self.clear_lead_seconds.is_some_and(|seconds| seconds > MAX_LEAD),
                "at most 3600",
            ),
            (
                "clearLeadSeconds",
                leads && self.enabled_protocols.smooth_streaming,
                "Smooth Streaming has no clear lead",
            ),
            (
                "clearLeadSeconds",
                leads && envelope && self.enabled_protocols.dash,
                "segment encryption of DASH holds for all segments",
            ),
            (
                "enabledProtocols.smoothStreaming",
                protection == Protection::Cenc
                    && self.enabled_protocols.smooth_streaming
                    && !play_ready,
                "a Smooth manifest names keys to PlayReady alone: drm.playReady is needed",
            ),
            (
                "enabledProtocols.smoothStreaming",
                envelope && self.enabled_protocols.smooth_streaming && !one_key,
                "a Smooth manifest names one key of the envelope for all tracks: no \
                 keyToTrackMappings, no clearTracks",
            ),
            (
                "enabledProtocols.smoothStreaming",
                self.enabled_protocols.smooth_streaming && !in_smooth(protection),
                "Smooth Streaming knows AES-128 and cenc only",
            ),
            (
                "enabledProtocols.hls",
                self.enabled_protocols.hls && !in_playlists(protection),
                "HLS has no word for this scheme",
            ),
            (
                "enabledProtocols.download",
                self.enabled_protocols.download,
                "download is served without encryption only",
            ),
            ("drm", envelope && self.drm.is_some(), "systems have no part in the envelope"),
            (
                "announceAllKeys",
                envelope && self.announce_all_keys,
                "systems have no part in the envelope",
            ),
            (
                "clearKeyEncryptionConfiguration",
                envelope && clear_key.is_some(),
                "systems have no part in the envelope",
            ),
            (
                "customKeyAcquisitionUrlTemplate",
                !envelope
                    && self.custom_key_acquisition_url_template.is_some()
                    && !self.announces_clear_key(),
                "only keys of the envelope and of ClearKey are fetched by themselves",
            ),
            (
                "customKeyAcquisitionUrlTemplate",
                self.has_several_keys() && self.keys_have_one_address(),
                "several keys would have one address: {ContentKeyId} is needed",
            ),
            (
                "clearKeyEncryptionConfiguration.hlsKeyFormats",
                formats.is_some_and(|formats| !is_set(formats)),
                "one or both of identity and org.w3.clearkey",
            ),
            (
                "drm",
                Scheme::of(protection).is_some()
                    && self.enabled_protocols.hls
                    && !self.has_line(Format::HlsCmaf),
                "playlists name keys by system: none is announced that has a line there",
            ),
            (
                "drm.fairPlay",
                fair_play && protection != Protection::Cbcs,
                "FairPlay knows cbcs only",
            ),
            (
                "clearKeyEncryptionConfiguration.customKeysAcquisitionUrlTemplate",
                self.clear_key_template().is_some_and(UrlTemplate::names_key),
                "one request asks for several keys: {ContentKeyId} has no value",
            ),
        ];
        match rules.into_iter().find(|(_, broken, _)| *broken) {
            Some((member, _, rule)) => Err(format!("{member}: {rule}")),
            None => Ok(()),
        }
    }

    fn check_outputs(&self, row: &'static Row) -> Result<(), String> {
        let default = self.content_keys.default_key.as_ref().map(|key| &key.output_protection);
        let mappings = self.content_keys.key_to_track_mappings.iter().enumerate();
        let mapped = mappings.map(|(n, mapping)| {
            (format!("keyToTrackMappings[{n}]"), mapping.output_protection.as_ref())
        });
        let default = default.map(|output| ("defaultKey".to_owned(), output.as_ref()));
        for (key, output) in default.into_iter().chain(mapped) {
            let Some(output) = output else { continue };
            let path = format!("contentKeys.{key}.outputProtection");
            if Scheme::of(row.protection).is_none() {
                return Err(format!("{path}: only Common Encryption has it"));
            }
            output.robustness.check().map_err(|rule| format!("{path}.{rule}"))?;
        }
        Ok(())
    }

    /// A label is what a locator names a key by, so no two keys share one.
    fn check_labels(&self, row: &'static Row) -> Result<(), String> {
        let mappings = &self.content_keys.key_to_track_mappings;
        if mappings.len() > MAX_MAPPINGS {
            return Err(format!("contentKeys.keyToTrackMappings: at most {MAX_MAPPINGS} keys"));
        }
        let entries = mappings.iter().map(|mapping| mapping.tracks.len()).sum::<usize>();
        if entries + self.clear_tracks.len() > MAX_SELECTIONS {
            return Err(format!("at most {MAX_SELECTIONS} entries select tracks"));
        }
        let labels: Vec<&str> = self.key_labels(row).map(|key| key.label).collect();
        for (n, label) in labels.iter().enumerate() {
            let path = || match n {
                0 => "contentKeys.defaultKey.label".to_owned(),
                n => format!("contentKeys.keyToTrackMappings[{}].label", n - 1),
            };
            if label.is_empty() || label.len() > 128 {
                return Err(format!("{}: a key label has 1 to 128 characters", path()));
            }
            if labels[..n].contains(label) {
                return Err(format!("{}: another key has this label", path()));
            }
        }
        match mappings.iter().position(|mapping| mapping.tracks.is_empty()) {
            Some(n) => {
                Err(format!("contentKeys.keyToTrackMappings[{n}].tracks: no track is selected"))
            }
            None => Ok(()),
        }
    }
}

/// Whether there is something, and nothing twice.
fn is_set(lines: &[ClearKeyLine]) -> bool {
    !lines.is_empty() && (1..lines.len()).all(|n| !lines[..n].contains(&lines[n]))
}

/// Protections that a Smooth Streaming manifest and PIFF can say.
fn in_smooth(protection: Protection) -> bool {
    matches!(protection, Protection::Cbc | Protection::Cenc)
}

/// Protections that METHOD of a key line can say (RFC 8216 section 4.3.2.4).
fn in_playlists(protection: Protection) -> bool {
    matches!(protection, Protection::Cbc | Protection::Cenc | Protection::Cbcs)
}
