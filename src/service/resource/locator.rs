//! Streaming locators as documents (ams.md section 14.1).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::document::{Secrets, shape};
use super::{ResourceError, is_legal_name};
use crate::crypto::KeyMaterial;
use crate::ids::{KeyId, LocatorId};
use crate::keys::{Hierarchy, KeyRecord, Rotation};
use crate::package::compat::Compat;
use crate::policy::duration::IsoDuration;
use crate::policy::text::Text;
use crate::policy::{NAME_RULE, Secret, json};
use crate::protection::Protection;
use crate::service::own_key::OwnKey;
use crate::service::publish::{PublishError, PublishRequest, Publisher};
use crate::store::{Locator, Store};

/// What AMS writes for a locator without end. No clock of ours goes as far.
const NEVER: &str = "9999-12-31T23:59:59.9999999Z";

/// A locator as it was read, or as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) name: String,
    properties: Properties,
}

/// The `properties` object. `created` is what answers hold beside the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Properties {
    asset_name: String,
    streaming_policy_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    streaming_locator_id: Option<Text<LocatorId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_content_key_policy_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alternative_media_id: Option<String>,
    #[serde(default)]
    filters: Vec<String>,
    #[serde(default)]
    content_keys: Vec<Key>,
    /// Ours: whose manifests the streams have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compat: Option<Text<Compat>>,
    /// Ours: how the keys rotate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_rotation: Option<KeyRotation>,
}

/// How keys rotate; lengths as ISO 8601 has them, as everywhere in AMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyRotation {
    /// Absent where they rotate by force alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<IsoDuration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lead: Option<IsoDuration>,
    #[serde(default, skip_serializing_if = "Hierarchy::is_flat")]
    hierarchy: Hierarchy,
    /// Where in the media `key rotate --now` began new keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forced: Vec<IsoDuration>,
}

/// A content key. AMS always writes `tracks`, and always empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    id: Text<KeyId>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    key_type: Option<KeyType>,
    label_reference_in_streaming_policy: String,
    /// Ours: which crypto period of a locator whose keys rotate; the first when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crypto_period: Option<u32>,
    /// Ours: whether it is the root key of the label.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    root: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<KeyValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_name: Option<String>,
    #[serde(default)]
    tracks: Vec<Value>,
}

impl Document {
    pub(super) fn read(name: &str, properties: &[u8]) -> Result<Self, ResourceError> {
        if !is_legal_name(name) {
            return Err(shape(format_args!("name: {NAME_RULE}")));
        }
        let properties = json::read(properties)
            .map_err(|rule| shape(format_args!("streaming locator {name}: {rule}")))?;
        Ok(Self { name: name.to_owned(), properties })
    }

    /// Of a stored locator; keys are opened only where they are shown.
    pub(super) async fn of(
        store: &Store,
        locator: Locator,
        secrets: Secrets,
    ) -> Result<Self, ResourceError> {
        let default = locator.content_key_policy.as_ref();
        let open = |record: &KeyRecord| store.vault().material(record).map(KeyValue);
        let key = |record: &KeyRecord| {
            let value = Some(record).filter(|_| secrets == Secrets::Shown).map(open);
            let value = value.transpose().map_err(PublishError::from)?;
            Ok::<_, ResourceError>(Key {
                id: Text(record.kid),
                key_type: Some(KeyType(record.protection)),
                label_reference_in_streaming_policy: record.label.clone(),
                crypto_period: record.crypto_period.filter(|period| *period > 0),
                root: record.is_root(),
                value,
                policy_name: record.policy.as_ref().or(default).cloned(),
                tracks: Vec::new(),
            })
        };
        let records = store.keys_of(locator.id).await?;
        let content_keys = records.iter().map(key).collect::<Result<_, _>>()?;
        let properties = Properties {
            asset_name: locator.asset,
            streaming_policy_name: locator.streaming_policy,
            streaming_locator_id: Some(Text(locator.id)),
            created: Some(Time(Some(locator.created))),
            start_time: locator.start.map(|start| Time(Some(start))),
            end_time: Some(Time(locator.end)),
            default_content_key_policy_name: locator.content_key_policy,
            alternative_media_id: locator.alternative_media_id,
            filters: locator.filters,
            content_keys,
            compat: Some(locator.compat).filter(|c| *c != Compat::default()).map(Text),
            key_rotation: locator.schedule.as_ref().map(|schedule| schedule.rotation().into()),
        };
        Ok(Self { name: locator.name, properties })
    }

    pub(super) fn to_properties(&self, secrets: Secrets) -> Value {
        let mut properties = self.properties.clone();
        if secrets == Secrets::Hidden {
            properties.content_keys.iter_mut().for_each(|key| key.value = None);
        }
        serde_json::to_value(properties).unwrap_or_default()
    }

    /// Makes the locator, or leaves that which is there and is alike.
    pub(super) async fn publish(
        &self,
        publisher: &Publisher,
        now: Timestamp,
    ) -> Result<(), ResourceError> {
        publisher.publish_once(&self.request(), now).await?;
        Ok(())
    }

    fn request(&self) -> PublishRequest {
        let properties = self.properties.clone();
        PublishRequest {
            asset: properties.asset_name,
            name: self.name.clone(),
            id: properties.streaming_locator_id.map(|id| id.0),
            streaming_policy: properties.streaming_policy_name,
            content_key_policy: properties.default_content_key_policy_name,
            filters: properties.filters,
            compat: properties.compat.map(|compat| compat.0).unwrap_or_default(),
            alternative_media_id: properties.alternative_media_id,
            keys: properties.content_keys.into_iter().map(Key::into_own).collect(),
            rotation: properties.key_rotation.map(KeyRotation::into_rotation),
            start: properties.start_time.and_then(|time| time.0),
            end: properties.end_time.and_then(|time| time.0),
        }
    }
}

impl Key {
    fn into_own(self) -> OwnKey {
        OwnKey {
            kid: self.id.0,
            label: self.label_reference_in_streaming_policy,
            protection: self.key_type.map(|key_type| key_type.0),
            crypto_period: self.crypto_period,
            root: self.root,
            key: self.value.map(|value| value.0),
            policy: self.policy_name,
        }
    }
}

impl KeyRotation {
    fn into_rotation(self) -> Rotation {
        Rotation {
            period: self.period.map(Into::into),
            keys: self.key_count,
            start: self.start.and_then(|time| time.0),
            lead: self.lead.map_or(SignedDuration::ZERO, Into::into),
            hierarchy: self.hierarchy,
            forced: self.forced.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Rotation> for KeyRotation {
    fn from(rotation: Rotation) -> Self {
        let lead = Some(rotation.lead).filter(|lead| *lead != SignedDuration::ZERO);
        Self {
            period: rotation.period.map(Into::into),
            key_count: rotation.keys,
            start: rotation.start.map(|start| Time(Some(start))),
            lead: lead.map(Into::into),
            hierarchy: rotation.hierarchy,
            forced: rotation.forced.into_iter().map(Into::into).collect(),
        }
    }
}

/// A time in whole milliseconds, as the store keeps it; `None` is never.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Time(Option<Timestamp>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(time) => serializer.collect_str(&format_args!("{time:.3}")),
            None => serializer.serialize_str(NEVER),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.starts_with("9999-12-31T23:59:59") {
            return Ok(Self(None));
        }
        let time: Timestamp = text.parse().map_err(de::Error::custom)?;
        let whole = Timestamp::from_millisecond(time.as_millisecond());
        whole.map(|time| Self(Some(time))).map_err(de::Error::custom)
    }
}

/// The protection that a key is for, under its AMS name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyType(Protection);

impl Serialize for KeyType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.row().map_or("", |row| row.key_type))
    }
}

impl<'de> Deserialize<'de> for KeyType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = Protection::from_key_type(&text);
        known.map(Self).ok_or_else(|| de::Error::custom("this type of content keys is not known"))
    }
}

/// The 16 bytes of a content key or the 32 of a root key, base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyValue(KeyMaterial);

impl Serialize for KeyValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Secret::from_bytes(self.0.expose().to_vec()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = Secret::deserialize(deserializer)?;
        let key = KeyMaterial::from_slice(secret.expose());
        let rule = "a content key has 16 bytes, a root key 32";
        key.map(Self).ok_or_else(|| de::Error::custom(rule))
    }
}
