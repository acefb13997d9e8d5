//! Key delivery: who asks for which key, may he have it, and in which form does he get it.
//!
//! The order never changes: the request is read, the key is found, the policy decides, the
//! locator must be active, and only then is the key unwrapped. Every decision leaves one record
//! under the target `audit`; no record holds a key, a token or a query.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::crypto::key::ContentKey;
use crate::ids::{KeyId, LocatorId};
use crate::keys::{KeyRecord, VaultError};
use crate::license::clearkey::{self, RequestError, SessionType};
use crate::license::{Ask, Grant, Refusal, decide};
use crate::policy::ConfigurationKind;
use crate::store::{Store, StoreError};
use crate::token::{At, Bearer};

/// Tells the present time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine.
pub fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Why a key was not delivered.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeliveryError {
    /// The licence request does not read.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No locator has a key of that identifier. Told to everybody: identifiers are random, and
    /// public in every manifest of the content that they protect.
    #[error("there is no key with this identifier")]
    UnknownKey,
    /// The content key policy refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The locator is outside its time.
    #[error("the stream of this key is not available at this time")]
    LocatorNotActive,
    /// ClearKey policies give no right to keep a licence.
    #[error("the content key policy does not allow persistent licences")]
    PersistenceNotAllowed,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The stored key does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl DeliveryError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Request(error) => error.reason(),
            Self::UnknownKey => "key-unknown",
            Self::Refused(refusal) => refusal.reason(),
            Self::LocatorNotActive => "locator-not-active",
            Self::PersistenceNotAllowed => "license-persistence-not-allowed",
            Self::Store(StoreError::Busy) => "store-busy",
            Self::Store(_) => "store-failed",
            Self::Vault(_) => "key-unreadable",
        }
    }
}

impl From<StoreError> for DeliveryError {
    fn from(error: StoreError) -> Self {
        match error {
            // A key whose locator or policy was deleted in between is gone like any other.
            StoreError::NotFound { .. } => Self::UnknownKey,
            other => Self::Store(other),
        }
    }
}

/// Decides on key requests.
pub struct Delivery {
    store: Store,
    clock: Clock,
    skew: Duration,
}

/// The form in which a key is asked for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Raw,
    ClearKey(SessionType),
}

impl Wish {
    /// The system, as the audit names it.
    fn system(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::ClearKey(_) => "clearkey",
        }
    }

    fn is_persistent(self) -> bool {
        matches!(self, Self::ClearKey(SessionType::PersistentLicense))
    }
}

impl Delivery {
    /// Delivers keys of this store; `skew` is how far an issuer's clock may differ from `clock`.
    pub fn new(store: Store, clock: Clock, skew: Duration) -> Self {
        Self { store, clock, skew }
    }

    /// The 16 bytes of a key, whatever protection it serves: HLS players fetch `identity` keys
    /// of `cenc` and `cbcs` streams this way too (players.md section 3.3).
    ///
    /// # Errors
    /// [`DeliveryError`].
    pub async fn raw_key(
        &self,
        kid: KeyId,
        token: Option<&Bearer>,
    ) -> Result<ContentKey, DeliveryError> {
        let found = self.find(Wish::Raw, &[kid]).await?.pop();
        let record = found.ok_or(DeliveryError::UnknownKey)?;
        let (_, key) = self.deliver(Wish::Raw, &record, token).await?;
        Ok(key)
    }

    /// Answers a ClearKey licence request with those of its keys that are known and granted.
    ///
    /// # Errors
    /// [`DeliveryError`] when that is none: the policy's refusal if there was one, else
    /// [`DeliveryError::UnknownKey`].
    pub async fn clearkey(
        &self,
        body: &[u8],
        token: Option<&Bearer>,
    ) -> Result<Zeroizing<String>, DeliveryError> {
        let request = clearkey::Request::parse(body)?;
        let mut granted = Vec::with_capacity(request.kids.len());
        let mut refusal = DeliveryError::UnknownKey;
        let wish = Wish::ClearKey(request.session);
        let found = self.find(wish, &request.kids).await?;
        let in_order = |kid| found.iter().find(|record| record.kid == kid);
        for record in request.kids.into_iter().filter_map(in_order) {
            match self.deliver(wish, record, token).await {
                Ok(key) => granted.push(key),
                Err(error @ (DeliveryError::Store(_) | DeliveryError::Vault(_))) => {
                    return Err(error);
                }
                Err(DeliveryError::UnknownKey) => {}
                Err(error) => refusal = error,
            }
        }
        if granted.is_empty() {
            return Err(refusal);
        }
        Ok(clearkey::licence(&granted, request.session))
    }

    /// The keys that are there. One record of the audit names all that are not, so that a request
    /// leaves no more records than keys that exist, and one.
    async fn find(&self, wish: Wish, kids: &[KeyId]) -> Result<Vec<Arc<KeyRecord>>, DeliveryError> {
        let found = self.store.keys(kids).await.map_err(|error| {
            let error = DeliveryError::from(error);
            audit_refusal(wish, kids, None, &error);
            error
        })?;
        let known = |kid: &KeyId| found.iter().any(|record| record.kid == *kid);
        let unknown: Vec<KeyId> = kids.iter().copied().filter(|kid| !known(kid)).collect();
        audit_refusal(wish, &unknown, None, &DeliveryError::UnknownKey);
        Ok(found)
    }

    async fn deliver(
        &self,
        wish: Wish,
        record: &KeyRecord,
        token: Option<&Bearer>,
    ) -> Result<(Grant, ContentKey), DeliveryError> {
        let outcome = self.decide(wish, record, token).await;
        match &outcome {
            Ok(_) => audit_delivery(wish, record),
            Err(error) => audit_refusal(wish, &[record.kid], Some(record.locator), error),
        }
        outcome
    }

    async fn decide(
        &self,
        wish: Wish,
        record: &KeyRecord,
        token: Option<&Bearer>,
    ) -> Result<(Grant, ContentKey), DeliveryError> {
        let locator = self.store.locator(record.locator).await?;
        let policy = record.policy.as_ref().or(locator.content_key_policy.as_ref());
        let policy = policy.ok_or(Refusal::NoOption)?;
        let policy = self.store.content_key_policy(policy).await?;
        let at = At { now: (self.clock)(), skew: self.skew };
        let kind = ConfigurationKind::ClearKey;
        let grant = decide(&policy, &Ask { kind, kid: record.kid, token, at })?;
        if !locator.is_active(at.now) {
            return Err(DeliveryError::LocatorNotActive);
        }
        if wish.is_persistent() {
            return Err(DeliveryError::PersistenceNotAllowed);
        }

        let key = self.store.vault().unwrap(record)?;
        Ok((grant, key))
    }
}

fn audit_delivery(wish: Wish, record: &KeyRecord) {
    let KeyRecord { kid, locator, .. } = record;
    tracing::info!(target: "audit", %kid, %locator, system = wish.system(), "key delivered");
}

/// One record for all of these keys, which must have been refused for the same reason; of several
/// the first is named.
fn audit_refusal(wish: Wish, kids: &[KeyId], locator: Option<LocatorId>, error: &DeliveryError) {
    let [kid, more @ ..] = kids else { return };
    let more = (!more.is_empty()).then_some(more.len());
    let locator = locator.map(tracing::field::display);
    let (system, reason) = (wish.system(), error.reason());
    tracing::info!(target: "audit", %kid, more, locator, system, reason, "key refused");
}
