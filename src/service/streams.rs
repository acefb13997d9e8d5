//! What is published and under which addresses: from rows of the store to URLs (ams.md section
//! 2.2), in the shape of the ready file (architecture, section 5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::future::Cache;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::ids::{KeyId, LocatorId};
use crate::keys::KeyRecord;
use crate::license::system::{self, System};
use crate::package::format::{Protocol, Row};
use crate::package::request::Selectors;
use crate::policy::{Restriction, StreamingPolicy};
use crate::protection::{self, Protection};
use crate::service::origin::{Offers, Origin, OriginError, download_names};
use crate::store::{Locator, Store, StoreError};

/// What stays as it is in one path component of a URL.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who gets the keys of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody, or the stream has no keys.
    Open,
    /// Bearers of a token.
    Token,
}

/// One published stream; `K` is what is told of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream<K> {
    /// Name of the locator.
    pub name: String,
    /// First path component of the URLs.
    #[serde(serialize_with = "as_text")]
    pub locator_id: LocatorId,
    /// Who gets the keys.
    pub policy: Access,
    /// A token that the content key policy accepts; in `dev` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The content keys.
    pub keys: Vec<K>,
    /// The manifests, one per format and protection.
    pub manifests: Vec<Manifest>,
    /// The files that may be downloaded as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<String>,
    /// Licence addresses by EME key system name.
    pub licenses: BTreeMap<&'static str, String>,
}

/// A content key without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Names the key.
    #[serde(serialize_with = "as_text")]
    pub kid: KeyId,
    /// The handle by which the streaming policy assigns the key.
    pub label: String,
    /// `cenc`, `cbcs` or `cbc`.
    pub scheme: &'static str,
}

/// One manifest of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// `dash`, `hls` or `smooth`.
    pub protocol: &'static str,
    /// Value of `format=`.
    pub format: &'static str,
    /// Value of `encryption=`; absent in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<&'static str>,
    /// The whole address.
    pub url: String,
}

fn as_text<S: serde::Serializer>(
    value: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<K> Stream<K> {
    /// The same stream with something else told of its keys.
    pub fn map_keys<L, E>(self, mut told: impl FnMut(K) -> Result<L, E>) -> Result<Stream<L>, E> {
        Ok(Stream {
            keys: self.keys.into_iter().map(&mut told).collect::<Result<_, _>>()?,
            name: self.name,
            locator_id: self.locator_id,
            policy: self.policy,
            token: self.token,
            manifests: self.manifests,
            downloads: self.downloads,
            licenses: self.licenses,
        })
    }
}

/// For how long a list is handed out again.
const LISTED_FOR: Duration = Duration::from_secs(1);

/// For how long it counts what a locator offers: finding out takes a look at all files of its asset.
const OFFERED_FOR: Duration = Duration::from_secs(10);

/// What so many locators offer is remembered.
const MAX_OFFERS: u64 = 10_000;

/// Lists what is published.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
    packager: Origin,
    offers: Cache<(LocatorId, Timestamp), Arc<Offers>>,
    listed: Cache<(), Arc<[Stream<KeyInfo>]>>,
    origin: String,
    token: Option<String>,
    hosts: Arc<[String]>,
}

impl Catalog {
    /// `packager` tells what will be served; `origin` is the base of all URLs, without a trailing
    /// slash.
    pub fn new(store: Store, packager: Origin, origin: String) -> Self {
        Self {
            store,
            packager,
            offers: Cache::builder().max_capacity(MAX_OFFERS).time_to_live(OFFERED_FOR).build(),
            listed: Cache::builder().time_to_live(LISTED_FOR).build(),
            origin,
            token: None,
            hosts: Arc::new([]),
        }
    }

    /// Gives this token with every stream that needs one; over HTTP only to clients that know the
    /// server by one of these hosts.
    #[must_use]
    pub fn with_token(self, token: String, hosts: Vec<String>) -> Self {
        Self { token: Some(token), hosts: hosts.into(), ..self }
    }

    /// Whether `host`, with its port, is one that the token may be told to.
    pub fn is_own_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// The base of all URLs, without a trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The base of key and licence URLs, without a trailing slash.
    pub fn key_delivery(&self) -> String {
        format!("{}/keydelivery", self.origin)
    }

    /// The address of licences of all systems, for pages that take only one.
    pub fn license_url_for_all(&self) -> String {
        format!("{}/license", self.key_delivery())
    }

    /// What [`Self::streams`] gave at most a second ago: a list costs several queries, and everybody
    /// may ask for it.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn listed(&self, now: Timestamp) -> Result<Arc<[Stream<KeyInfo>]>, StoreError> {
        let list = async { Ok::<_, StoreError>(self.streams(now).await?.into()) };
        let listed = self.listed.try_get_with((), list).await;
        listed.map_err(|error| StoreError::clone(&error))
    }

    /// Every stream that is served now, by name.
    pub async fn streams(&self, now: Timestamp) -> Result<Vec<Stream<KeyInfo>>, StoreError> {
        let mut streams = Vec::new();
        for locator in self.store.locators().await? {
            if locator.is_active(now) {
                streams.push(self.stream(&locator).await?);
            }
        }
        Ok(streams)
    }

    /// The stream of one locator. Of an asset that cannot be served now there is no manifest.
    pub async fn stream(&self, locator: &Locator) -> Result<Stream<KeyInfo>, StoreError> {
        let policy = self.store.streaming_policy(&locator.streaming_policy).await?;
        let offers = self.offers(locator).await;
        let records = self.store.keys_of(locator.id).await?;
        // Nobody plays with a root key alone.
        let keys: Vec<_> = records.iter().filter(|key| !key.is_root()).cloned().collect();
        let access = self.access(locator, &policy, &keys).await?;
        let licensed = keys.iter().any(|key| key.protection != Protection::Cbc);
        Ok(Stream {
            name: locator.name.clone(),
            locator_id: locator.id,
            policy: access,
            token: self.token.clone().filter(|_| access == Access::Token),
            keys: keys.iter().filter_map(KeyInfo::of).collect(),
            manifests: self.manifests(locator, offers.as_deref()),
            downloads: self.downloads(locator, &policy).await?,
            licenses: if licensed { self.licenses(&policy, &keys) } else { BTreeMap::new() },
        })
    }

    async fn downloads(
        &self,
        locator: &Locator,
        policy: &StreamingPolicy,
    ) -> Result<Vec<String>, StoreError> {
        if !policy.allows(Protocol::Download, Protection::Clear) {
            return Ok(Vec::new());
        }
        let names = download_names(&*self.store.asset(&locator.asset).await?).await;
        let url = |name: &String| {
            format!("{}/{}/{}", self.origin, locator.id, utf8_percent_encode(name, COMPONENT))
        };
        Ok(names.iter().map(url).collect())
    }

    /// ClearKey, which is good for tests of everything, and what the streaming policy announces.
    fn licenses(
        &self,
        policy: &StreamingPolicy,
        keys: &[KeyRecord],
    ) -> BTreeMap<&'static str, String> {
        let announced = |system: System| {
            let blocks = protection::TABLE.iter().filter_map(|row| policy.block(row.protection));
            blocks.filter_map(|block| block.drm.as_ref()).any(|drm| match system {
                System::PlayReady => drm.play_ready.is_some(),
                System::Widevine => drm.widevine.is_some(),
                System::FairPlay => drm.fair_play.is_some(),
                System::Raw | System::ClearKey => false,
            })
        };
        let rows = system::TABLE.iter();
        rows.filter(|row| row.system == System::ClearKey || announced(row.system))
            .filter_map(|row| Some((row.key_system?, self.license_url(row, keys))))
            .collect()
    }

    /// The challenge says which keys are wanted, so the address is one for all; that of FairPlay is
    /// encrypted and says it too late, so the address names the key where there is just one.
    fn license_url(&self, row: &system::Row, keys: &[KeyRecord]) -> String {
        let address = format!("{}/{}/", self.key_delivery(), row.path);
        let mut cbcs = keys.iter().filter(|key| key.protection == Protection::Cbcs);
        match (row.system, cbcs.next(), cbcs.next()) {
            (System::FairPlay, Some(key), None) => format!("{address}?kid={}", key.kid),
            _ => address,
        }
    }

    /// A key that several policies could give is as open as the first of them (ams.md 7.2).
    async fn access(
        &self,
        locator: &Locator,
        policy: &StreamingPolicy,
        keys: &[KeyRecord],
    ) -> Result<Access, StoreError> {
        for key in keys {
            let name = key
                .policy
                .as_ref()
                .or(locator.content_key_policy.as_ref())
                .or(policy.default_content_key_policy_name.as_ref());
            let Some(name) = name else { continue };
            let policy = self.store.content_key_policy(name).await?;
            let open = |restriction: &Restriction| matches!(restriction, Restriction::Open {});
            if !policy.options.iter().any(|option| open(&option.restriction)) {
                return Ok(Access::Token);
            }
        }
        Ok(Access::Open)
    }

    async fn offers(&self, locator: &Locator) -> Option<Arc<Offers>> {
        let found = async {
            let locator = Arc::new(locator.clone());
            self.packager.offers(&locator).await.map(Arc::new)
        };
        let found = self.offers.try_get_with((locator.id, locator.created), found).await;
        let told = |error: &Arc<OriginError>| {
            tracing::warn!(stream = locator.name, %error, "it cannot be served");
        };
        found.inspect_err(told).ok()
    }

    fn manifests(&self, locator: &Locator, offers: Option<&Offers>) -> Vec<Manifest> {
        let manifest = |base: &str, (row, protection): &(&'static Row, Protection)| {
            let encryption = protection.row().map(|row| row.url_value);
            let params = Selectors::of(row.format, *protection).to_string();
            let params = params.strip_prefix(',').map(|params| format!("({params})"));
            Manifest {
                protocol: protocol_name(row.protocol),
                format: row.selector,
                encryption,
                url: format!(
                    "{}/{}/{}.ism/manifest{}",
                    self.origin,
                    locator.id,
                    utf8_percent_encode(base, COMPONENT),
                    params.unwrap_or_default(),
                ),
            }
        };
        let of = |offers: &Offers| {
            offers.manifests.iter().map(|form| manifest(&offers.base, form)).collect()
        };
        offers.map_or_else(Vec::new, of)
    }
}

impl KeyInfo {
    fn of(key: &KeyRecord) -> Option<Self> {
        let scheme = key.protection.row()?.scheme;
        Some(Self { kid: key.kid, label: key.label.clone(), scheme })
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Download => "download",
        Protocol::Dash => "dash",
        Protocol::Hls => "hls",
        Protocol::Smooth => "smooth",
    }
}
