//! Publishing: a locator comes into being together with its keys (ams.md sections 7.2 and 14.1).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::crypto::{ContentKey, KeyMaterial, RootKey};
use crate::ids::{KeyId, LocatorId};
use crate::keys::{KeyRecord, Rotation, Schedule, ScheduleError, VaultError};
use crate::package::compat::Compat;
use crate::package::filter::MAX_DEFAULT;
use crate::policy::content_key::TokenType;
use crate::policy::streaming::EncryptedBlock;
use crate::policy::{
    ContentKeyPolicy, KeyLabel, NAME_RULE, Restriction, Secret, StreamingPolicy, TokenRestriction,
    VerificationKey, is_legal_name,
};
use crate::service::origin::{Draft, OriginError, duration_of};
use crate::service::own_key::{self, Given, Needed, OwnKey, OwnKeyError};
use crate::service::preflight::Preflight;
use crate::service::references;
use crate::store::{Asset, Kind, Locator, NewLocator, RotatedKeys, Store, StoreError, random};

/// A longer alternative media id is refused, in characters.
const MAX_MEDIA_ID: usize = 256;

/// What shall be published, and how.
#[derive(Debug, Clone, Default)]
pub struct PublishRequest {
    /// Name of the asset.
    pub asset: String,
    /// Name of the new locator.
    pub name: String,
    /// Identifier of the new locator; random when absent.
    pub id: Option<LocatorId>,
    /// Name of the streaming policy.
    pub streaming_policy: String,
    /// Content key policy of keys whose label names none; the streaming policy's when absent.
    pub content_key_policy: Option<String>,
    /// Names of filters that are always applied.
    pub filters: Vec<String>,
    /// Whose manifests the streams have.
    pub compat: Compat,
    /// What stands for `{AlternativeMediaId}` in addresses of licences.
    pub alternative_media_id: Option<String>,
    /// Keys that come with the locator; labels without one get a random key.
    pub keys: Vec<OwnKey>,
    /// How keys rotate; they do not when absent.
    pub rotation: Option<Rotation>,
    /// Nothing is served before.
    pub start: Option<Timestamp>,
    /// Nothing is served from then on.
    pub end: Option<Timestamp>,
}

/// Why nothing was published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// The name of the locator cannot stand in URLs.
    #[error("name: streaming locator {0:?}: {NAME_RULE}")]
    IllegalName(String),
    /// Nobody would be told who may have the key.
    #[error(
        "defaultContentKeyPolicyName: key {label} needs a content key policy: name one for the locator"
    )]
    NoContentKeyPolicy {
        /// Label of the key.
        label: String,
    },
    /// A locator applies no more filters than the origin takes.
    #[error("filters: a streaming locator has at most {MAX_DEFAULT} filters")]
    TooManyFilters,
    /// The locator's times leave no moment at which it is served.
    #[error("endTime: the end of the locator is not after its start")]
    EmptyTime,
    /// The text would not be found again in an address.
    #[error("alternativeMediaId: 1 to {MAX_MEDIA_ID} characters without control characters")]
    AlternativeMediaId,
    /// A template and the alternative media id make an address that no player would take.
    #[error("alternativeMediaId: the address of {member} would be longer than 4096 bytes")]
    AddressTooLong {
        /// The member of the streaming policy.
        member: String,
    },
    /// What is said to PlayReady clients is more than they take.
    #[error("the PlayReady header of {member} would be longer than 15 KiB")]
    HeaderTooLong {
        /// The member of the streaming policy.
        member: String,
    },
    /// What would be served cannot be right.
    #[error("{member}: {rule}")]
    Unservable {
        /// The member of the streaming policy or of the locator.
        member: String,
        /// What is wrong.
        rule: String,
    },
    /// A key that comes with the locator breaks a rule.
    #[error(transparent)]
    OwnKey(#[from] OwnKeyError),
    /// The keys cannot rotate like this.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// How many keys it takes cannot be told.
    #[error("keyRotation.keyCount is needed, for the asset cannot be read: {0}")]
    Media(OriginError),
    /// Nothing of it is encrypted.
    #[error("streaming locator {0} has no keys")]
    NoKeys(String),
    /// A locator of that name is there, and differs.
    #[error("streaming locator {name} already exists with another {differs}")]
    Different {
        /// Name of the locator.
        name: String,
        /// The member that differs.
        differs: String,
    },
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Makes locators and their keys.
#[derive(Clone)]
pub struct Publisher {
    store: Store,
    preflight: Preflight,
}

impl Publisher {
    /// A publisher into this store.
    pub fn new(store: Store) -> Self {
        Self { preflight: Preflight::new(store.clone()), store }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes a locator and a key for each label of its streaming policy, all or nothing. A key is
    /// random unless the request has it.
    ///
    /// # Errors
    /// [`PublishError`]; [`StoreError::AlreadyExists`] when the name or identifier is taken.
    pub async fn publish(
        &self,
        request: &PublishRequest,
        now: Timestamp,
    ) -> Result<Locator, PublishError> {
        let asset = self.store.asset(&request.asset).await;
        let asset = asset.map_err(|error| references::missing(error, "assetName"))?;
        let (locator, keys) = self.judged(request, &asset, now).await?;
        let new = NewLocator { locator: locator.clone(), keys };
        let created = self.store.create_locator(new).await;
        created.map_err(|error| references::taken(error, &request.keys))?;
        Ok(locator)
    }

    /// Refuses what [`Self::publish_once`] would refuse if `asset` were the asset; makes nothing.
    ///
    /// # Errors
    /// As for that.
    pub async fn judge(
        &self,
        request: &PublishRequest,
        asset: &Asset,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        match self.existing(request, now).await? {
            Some(_) => Ok(()),
            None => self.judged(request, asset, now).await.map(drop),
        }
    }

    /// A locator and its keys as they would be stored.
    async fn judged(
        &self,
        request: &PublishRequest,
        asset: &Asset,
        now: Timestamp,
    ) -> Result<(Locator, Vec<KeyRecord>), PublishError> {
        let policy = self.store.streaming_policy(&request.streaming_policy).await;
        let policy = policy.map_err(|error| references::missing(error, "streamingPolicyName"))?;
        let mut locator = locator(request, &policy, now)?;
        for (n, name) in locator.filters.iter_mut().enumerate() {
            let filter = self.store.filter(&request.asset, name).await;
            let filter =
                filter.map_err(|error| references::missing(error, &format!("filters[{n}]")))?;
            name.clone_from(&filter.name);
        }
        locator.schedule = schedule(request, asset).await?;
        let labels = policy.key_labels();
        let roots = roots(&locator, &policy, &labels)?;
        let needed = needed(&labels, 0..locator.periods()).chain(roots);
        let keys = own_key::assign(needed, &request.keys)?
            .into_iter()
            .map(|(needed, own)| self.new_key(&locator, needed, own))
            .collect::<Result<Vec<_>, _>>()?;
        references::key_policies(&self.store, request, &policy, (&locator, &keys)).await?;
        let draft = Draft::new(&locator, Arc::clone(&policy), keys.clone());
        self.preflight.check(&draft, asset).await?;
        Ok((locator, keys))
    }

    /// Gives a locator new keys from this moment on; of media that are not tied to the clock, for all
    /// of it. The keys that were stay, for whoever holds media that they encrypt. On disk with the
    /// answer; gives the locator as it is then.
    ///
    /// # Errors
    /// [`PublishError::NoKeys`], [`PublishError::Schedule`] when there were too many, or
    /// [`StoreError::Changed`] when somebody else rotates at the same time.
    pub async fn rotate(&self, name: &str, now: Timestamp) -> Result<Locator, PublishError> {
        let mut locator = self.store.locator_by_name(name).await?;
        let policy = self.store.streaming_policy(&locator.streaming_policy).await?;
        let labels = policy.key_labels();
        if labels.is_empty() {
            return Err(PublishError::NoKeys(name.to_owned()));
        }
        let before = locator.schedule.take();
        let (after, periods) = before.clone().unwrap_or_else(Schedule::unchanging).rotated(now)?;
        let kept = self.store.keys_of(locator.id).await?;
        let key = |(label, period): Needed<'_>| {
            // What the label's first key came with counts for those that follow it.
            let first = kept.iter().find(|key| {
                !key.is_root() && key.label == label.label && key.protection == label.protection
            });
            let policy = first.and_then(|key| key.policy.as_deref()).or(label.policy);
            self.new_key(&locator, (KeyLabel { policy, ..label }, period), None)
        };
        let keys = needed(&labels, periods).map(key).collect::<Result<_, _>>()?;
        let rotated = RotatedKeys { locator: locator.id, before, after: after.clone(), keys };
        self.store.rotate_keys(rotated).await?;
        locator.schedule = Some(after);
        Ok(locator)
    }

    /// Like [`Self::publish`], but gives the locator that is there when it is what was asked for.
    ///
    /// # Errors
    /// [`PublishError::Different`] when it is not, or as for [`Self::publish`].
    pub async fn publish_once(
        &self,
        request: &PublishRequest,
        now: Timestamp,
    ) -> Result<Locator, PublishError> {
        if let Some(existing) = self.existing(request, now).await? {
            return Ok(existing);
        }
        match self.publish(request, now).await {
            // Somebody else was faster.
            Err(PublishError::Store(StoreError::AlreadyExists { kind: Kind::Locator, name }))
                if name == request.name =>
            {
                let taken = StoreError::AlreadyExists { kind: Kind::Locator, name };
                self.existing(request, now).await?.ok_or(taken.into())
            }
            outcome => outcome,
        }
    }

    /// The locator of that name, which must be what is asked for.
    async fn existing(
        &self,
        request: &PublishRequest,
        now: Timestamp,
    ) -> Result<Option<Locator>, PublishError> {
        let existing = match self.store.locator_by_name(&request.name).await {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let policy = self.store.streaming_policy(&request.streaming_policy).await;
        let policy = policy.map_err(|error| references::missing(error, "streamingPolicyName"))?;
        check_same(request, &existing, &locator(request, &policy, now)?)?;
        self.check_same_keys(request, &existing).await?;
        Ok(Some(existing))
    }

    /// Adds the content key policy unless one of that name is there; gives the stored one.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn policy_once(
        &self,
        policy: &ContentKeyPolicy,
    ) -> Result<ContentKeyPolicy, PublishError> {
        match self.store.create_content_key_policy(policy).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(ContentKeyPolicy::clone(&*self.store.content_key_policy(&policy.name).await?))
    }

    async fn check_same_keys(
        &self,
        request: &PublishRequest,
        existing: &Locator,
    ) -> Result<(), PublishError> {
        let records = self.store.keys_of(existing.id).await?;
        for (n, own) in request.keys.iter().enumerate() {
            let record = records.iter().find(|record| record.kid == own.kid);
            let key = record.map(|record| self.store.vault().material(record)).transpose()?;
            let effective = record
                .and_then(|record| record.policy.as_ref().or(existing.content_key_policy.as_ref()));
            let known = record.zip(key.as_ref());
            if let Some(member) = own.difference(known, effective.map(String::as_str)) {
                let differs = format!("contentKeys[{n}].{member}");
                return Err(PublishError::Different { name: request.name.clone(), differs });
            }
        }
        Ok(())
    }

    fn new_key(
        &self,
        locator: &Locator,
        (label, crypto_period): Needed<'_>,
        own: Option<Given<'_>>,
    ) -> Result<KeyRecord, PublishError> {
        let policy = own.and_then(|(.., policy)| policy).or(label.policy);
        if policy.is_none() && locator.content_key_policy.is_none() {
            return Err(PublishError::NoContentKeyPolicy { label: label.label.to_owned() });
        }
        let (kid, key) = match own {
            Some((kid, key, _)) => (kid, key.clone()),
            None => (KeyId::random(), new_material(crypto_period)?),
        };
        let nonce = *random::bytes()?;
        Ok(KeyRecord {
            kid,
            locator: locator.id,
            label: label.label.to_owned(),
            protection: label.protection,
            crypto_period,
            policy: policy.map(str::to_owned),
            wrapped: self.store.vault().wrap(kid, label.protection, &key, nonce)?,
        })
    }
}

/// The schedule of a new locator; its asset is read where only that tells how many keys it takes.
async fn schedule(
    request: &PublishRequest,
    asset: &Asset,
) -> Result<Option<Schedule>, PublishError> {
    let Some(rotation) = &request.rotation else { return Ok(None) };
    let length = match rotation.keys.is_some() || rotation.period.is_none() {
        true => SignedDuration::ZERO,
        false => {
            let micros = duration_of(asset).await.map_err(PublishError::Media)? / 10;
            SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
        }
    };
    Ok(Some(Schedule::new(rotation, length)?))
}

/// A key of each label for each of these crypto periods.
fn needed<'a>(
    labels: &[KeyLabel<'a>],
    periods: std::ops::Range<u32>,
) -> impl Iterator<Item = Needed<'a>> {
    labels.iter().flat_map(move |label| periods.clone().map(|period| (*label, Some(period))))
}

/// Under a hierarchy, the root key of each label of which there are licences that can use it.
fn roots<'a>(
    locator: &Locator,
    policy: &StreamingPolicy,
    labels: &[KeyLabel<'a>],
) -> Result<Vec<Needed<'a>>, PublishError> {
    if locator.schedule.as_ref().is_none_or(|schedule| schedule.hierarchy().is_flat()) {
        return Ok(Vec::new());
    }
    let has_roots = |label: &&KeyLabel<'_>| {
        policy.block(label.protection).is_some_and(EncryptedBlock::announces_widevine)
    };
    let roots: Vec<_> = labels.iter().filter(has_roots).map(|label| (*label, None)).collect();
    match roots.is_empty() {
        true => Err(PublishError::Unservable {
            member: "keyRotation.hierarchy".to_owned(),
            rule: "only Widevine has licences of root keys, and no block of the streaming policy that \
                   is in use announces it (drm.widevine)"
                .to_owned(),
        }),
        false => Ok(roots),
    }
}

fn new_material(crypto_period: Option<u32>) -> Result<KeyMaterial, StoreError> {
    Ok(match crypto_period {
        Some(_) => ContentKey::from_bytes(*random::bytes()?).into(),
        None => KeyMaterial::Root(RootKey::from_bytes(random::bytes()?)),
    })
}

fn locator(
    request: &PublishRequest,
    policy: &StreamingPolicy,
    now: Timestamp,
) -> Result<Locator, PublishError> {
    if !is_legal_name(&request.name) {
        return Err(PublishError::IllegalName(request.name.clone()));
    }
    if request.filters.len() > MAX_DEFAULT {
        return Err(PublishError::TooManyFilters);
    }
    if let (Some(start), Some(end)) = (request.start, request.end)
        && end <= start
    {
        return Err(PublishError::EmptyTime);
    }
    let legal = |id: &String| {
        (1..=MAX_MEDIA_ID).contains(&id.chars().count()) && !id.chars().any(char::is_control)
    };
    if !request.alternative_media_id.iter().all(legal) {
        return Err(PublishError::AlternativeMediaId);
    }
    let media_id = request.alternative_media_id.as_deref().unwrap_or_default();
    if let Some(member) = policy.too_long_address(media_id) {
        return Err(PublishError::AddressTooLong { member });
    }
    if let Some(member) = policy.too_long_header(media_id) {
        return Err(PublishError::HeaderTooLong { member });
    }
    let default = &policy.default_content_key_policy_name;
    Ok(Locator {
        id: request.id.unwrap_or_else(LocatorId::random),
        name: request.name.clone(),
        asset: request.asset.clone(),
        streaming_policy: request.streaming_policy.clone(),
        content_key_policy: request.content_key_policy.clone().or_else(|| default.clone()),
        filters: request.filters.clone(),
        compat: request.compat,
        schedule: None,
        alternative_media_id: request.alternative_media_id.clone(),
        start: request.start,
        end: request.end,
        created: now,
    })
}

fn check_same(
    request: &PublishRequest,
    existing: &Locator,
    wanted: &Locator,
) -> Result<(), PublishError> {
    let rotates_so = match (&request.rotation, &existing.schedule) {
        (Some(rotation), Some(schedule)) => schedule.is_of(rotation),
        // By force it may have rotated all the same.
        (None, schedule) => schedule.as_ref().is_none_or(Schedule::is_by_force_alone),
        (Some(_), None) => false,
    };
    let differences = [
        ("assetName", existing.asset != wanted.asset),
        ("streamingLocatorId", request.id.is_some_and(|id| id != existing.id)),
        ("streamingPolicyName", existing.streaming_policy != wanted.streaming_policy),
        ("defaultContentKeyPolicyName", existing.content_key_policy != wanted.content_key_policy),
        ("filters", !same_names(&existing.filters, &wanted.filters)),
        ("compat", existing.compat != wanted.compat),
        ("alternativeMediaId", existing.alternative_media_id != wanted.alternative_media_id),
        ("keyRotation", !rotates_so),
        ("startTime", existing.start != wanted.start),
        ("endTime", existing.end != wanted.end),
    ];
    match differences.into_iter().find(|(_, differs)| *differs) {
        Some((differs, _)) => {
            Err(PublishError::Different { name: request.name.clone(), differs: differs.to_owned() })
        }
        None => Ok(()),
    }
}

fn same_names(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// A content key policy that gives keys in every system to everybody.
pub fn open_policy(name: &str) -> ContentKeyPolicy {
    ContentKeyPolicy::every_system(name, Restriction::Open {})
}

/// A content key policy that gives keys in every system to bearers of an HS256 token under a fresh secret.
///
/// # Errors
/// [`StoreError::NoRandomness`].
pub fn default_token_policy(
    name: &str,
    issuer: &str,
    audience: &str,
) -> Result<ContentKeyPolicy, StoreError> {
    let secret = Secret::from_bytes(random::bytes::<64>()?.to_vec());
    let restriction = TokenRestriction {
        issuer: issuer.to_owned(),
        audience: audience.to_owned(),
        primary_verification_key: VerificationKey::Symmetric { key_value: secret },
        alternate_verification_keys: Vec::new(),
        required_claims: Vec::new(),
        restriction_token_type: TokenType::Jwt,
    };
    Ok(ContentKeyPolicy::every_system(name, Restriction::Token(Box::new(restriction))))
}
