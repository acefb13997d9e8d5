//! Key delivery: who asks for which key, may he have it, and what may he do with it.
//!
//! The order never changes: the request is read, the key is found, the policy decides, the
//! locator must be active and the crypto period of the key near, and only then is the key unwrapped. What costs more, such as private
//! keys of a system, comes after [`Delivery::grant`].

mod audit;
mod content;
mod error;
mod fairplay;
mod forward;
mod granted;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use self::error::DeliveryError;
pub use self::forward::{Forward, Route};
pub use self::granted::Granted;
use crate::crypto::key::ContentKey;
use crate::crypto::seal::Sealer;
use crate::ids::KeyId;
use crate::keys::KeyRecord;
use crate::license::tester::Wishes;
use crate::license::{Admission, Ask, GrantedKey, Refusal, System, Trust, Wanted, admits};
use crate::policy::ContentKeyPolicy;
use crate::service::upstream::Upstreams;
use crate::store::{Locator, Store};
use crate::token::{At, Bearer};

/// Tells the present time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine.
pub fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// Decides on key requests.
#[derive(Clone)]
pub struct Delivery {
    store: Store,
    clock: Clock,
    skew: Duration,
    trust: Arc<Trust>,
    upstreams: Arc<Upstreams>,
    for_testers: bool,
    fairplay_opened: fairplay::Opened,
    wishes: Wishes,
}

/// A request for keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyRequest<'a> {
    /// The form in which they are wanted.
    pub system: System,
    /// The keys, each once.
    pub kids: &'a [KeyId],
    /// The token of the request.
    pub token: Option<&'a Bearer>,
    /// Whether the client insists on keeping the licence.
    pub persistent: bool,
}

impl Delivery {
    /// Delivers keys of this store; `skew` is how far an issuer's clock may differ from `clock`.
    pub fn new(store: Store, clock: Clock, skew: Duration) -> Self {
        Self {
            store,
            clock,
            skew,
            trust: Arc::default(),
            upstreams: Arc::default(),
            for_testers: false,
            fairplay_opened: fairplay::opened(),
            wishes: Wishes::default(),
        }
    }

    /// With roots and credentials for licences.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        Self { trust: Arc::new(trust), ..self }
    }

    /// With other servers that make licences for this one.
    #[must_use]
    pub fn with_upstreams(self, upstreams: Upstreams) -> Self {
        Self { upstreams: Arc::new(upstreams), ..self }
    }

    /// With licences that testers pick by their requests: for development only.
    #[must_use]
    pub fn for_testers(self) -> Self {
        Self { for_testers: true, ..self }
    }

    /// Gives what one tester wishes to those who may have the key at all.
    #[must_use]
    pub fn as_wished(&self, wishes: Wishes) -> Self {
        Self { wishes, ..self.clone() }
    }

    /// Whether requests may pick their licences.
    pub fn is_for_testers(&self) -> bool {
        self.for_testers
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Roots and credentials for licences.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Seals what licences bring back when they are renewed.
    pub fn license_sealer(&self) -> &Sealer {
        self.store.vault().licenses()
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
        let request = KeyRequest { system: System::Raw, kids: &[kid], token, persistent: false };
        let granted = self.grant(&request).await?;
        let key = granted.keys().first().and_then(|granted| granted.key.content()).cloned();
        granted.delivered();
        key.ok_or(DeliveryError::UnknownKey)
    }

    /// Decides on a request: those of its keys that are known and granted, opened, with what may
    /// be done with them. Refusals are in the audit already.
    ///
    /// # Errors
    /// [`DeliveryError`] when no key is granted: the policy's refusal if there was one, else
    /// [`DeliveryError::UnknownKey`]. [`DeliveryError::MadeElsewhere`] when an option decided that
    /// leaves licences to another server: [`Self::route`] is for those who can pass requests on.
    pub async fn grant(&self, request: &KeyRequest<'_>) -> Result<Granted, DeliveryError> {
        match self.decide(request).await? {
            (Some(granted), _) => here(granted),
            (None, refusal) => Err(refusal),
        }
    }

    /// The same for what cannot be cut: all keys of the request, or none.
    ///
    /// # Errors
    /// [`DeliveryError`] as of [`Self::grant`], when any key is not granted.
    pub async fn grant_all(&self, request: &KeyRequest<'_>) -> Result<Granted, DeliveryError> {
        let (granted, refusal) = self.decide(request).await?;
        match granted {
            Some(granted) if granted.keys().len() == request.kids.len() => return here(granted),
            Some(granted) => granted.refused(refusal.reason()),
            None => {}
        }
        Err(refusal)
    }

    /// Whether who asks would get any key in a system: what is looked at before it costs much to see
    /// which key is asked for.
    ///
    /// # Errors
    /// [`DeliveryError::Refused`], and what the store says.
    pub async fn admits(
        &self,
        system: System,
        token: Option<&Bearer>,
    ) -> Result<(), DeliveryError> {
        let policies = self.store.content_key_policies_in_use().await?;
        let ask = Ask { system, token, at: At { now: self.now(), skew: self.skew } };
        Ok(admits(&policies, &ask)?)
    }

    /// The keys that are granted, if any, and why others are not, if any are not.
    async fn decide(
        &self,
        request: &KeyRequest<'_>,
    ) -> Result<(Option<Granted>, DeliveryError), DeliveryError> {
        let found = self.find(request).await?;
        let ask = Ask {
            system: request.system,
            token: request.token,
            at: At { now: self.now(), skew: self.skew },
        };
        let mut admissions = Admissions { ask, made: Vec::new() };
        let mut granted = Vec::with_capacity(found.len());
        let mut refusal = DeliveryError::UnknownKey;
        let in_order = |kid: &KeyId| found.iter().find(|record| record.kid == *kid);
        for record in request.kids.iter().filter_map(in_order) {
            match self.open(record, request.persistent, &mut admissions).await {
                Ok(key) => granted.push((key, record.locator)),
                Err(error) => {
                    audit::refused(request.system, record.kid, record.locator, error.reason());
                    match error {
                        error if error.is_failure() => return Err(error),
                        DeliveryError::UnknownKey => {}
                        error => refusal = error,
                    }
                }
            }
        }
        let at = ask.at.now;
        let granted = (!granted.is_empty()).then(|| Granted::new(request.system, at, granted));
        Ok((granted, refusal))
    }

    async fn find(&self, request: &KeyRequest<'_>) -> Result<Vec<Arc<KeyRecord>>, DeliveryError> {
        let KeyRequest { system, kids, .. } = *request;
        let found = self.store.keys(kids).await.map_err(|error| {
            let error = DeliveryError::from(error);
            audit::not_found(system, kids, &error);
            error
        })?;
        let known = |kid: &KeyId| found.iter().any(|record| record.kid == *kid);
        let unknown: Vec<KeyId> = kids.iter().copied().filter(|kid| !known(kid)).collect();
        audit::not_found(system, &unknown, &DeliveryError::UnknownKey);
        Ok(found)
    }

    async fn policy_of(
        &self,
        record: &KeyRecord,
        locator: &Locator,
    ) -> Result<Arc<ContentKeyPolicy>, DeliveryError> {
        let policy = record.policy.as_ref().or(locator.content_key_policy.as_ref());
        let policy = policy.ok_or(Refusal::NoOption)?;
        Ok(self.store.content_key_policy(policy).await?)
    }

    async fn open(
        &self,
        record: &KeyRecord,
        persistent: bool,
        admissions: &mut Admissions<'_>,
    ) -> Result<GrantedKey, DeliveryError> {
        let locator = self.store.locator_of(record).await?;
        let policy = self.policy_of(record, &locator).await?;
        let wanted = Wanted { kid: record.kid, label: &record.label };
        let grant = admissions.of(policy).grant(&wanted)?;
        if !locator.is_active(admissions.ask.at.now) {
            return Err(DeliveryError::LocatorNotActive);
        }
        let period = record.crypto_period;
        let opens = period.and_then(|period| locator.schedule.as_ref()?.opens(period));
        if let Some(opens) = opens.filter(|opens| *opens > admissions.ask.at.now) {
            return Err(DeliveryError::NotYetValid(opens));
        }
        // Another server says itself what its licences allow.
        let is_made_here = grant.by.upstream().is_none();
        if record.is_root() && !(is_made_here && admissions.ask.system == System::Widevine) {
            return Err(DeliveryError::RootKey);
        }
        let wishes = if is_made_here { self.wishes } else { Wishes::default() };
        let rights = wishes.rights(grant.rights, admissions.ask.at.now);
        if is_made_here && persistent && !rights.persistent {
            return Err(DeliveryError::PersistenceNotAllowed);
        }
        Ok(GrantedKey {
            kid: grant.kid,
            label: record.label.clone(),
            protection: record.protection,
            key: wishes.key(self.store.vault().material(record)?),
            rights,
            by: grant.by,
        })
    }
}

/// Keys whose licences this server makes.
fn here(granted: Granted) -> Result<Granted, DeliveryError> {
    if granted.is_made_here() {
        return Ok(granted);
    }
    let error = DeliveryError::MadeElsewhere;
    granted.refused(error.reason());
    Err(error)
}

/// What each policy says of one request: the token is looked at once, for any number of keys.
struct Admissions<'a> {
    ask: Ask<'a>,
    made: Vec<(Arc<ContentKeyPolicy>, Admission)>,
}

impl Admissions<'_> {
    fn of(&mut self, policy: Arc<ContentKeyPolicy>) -> &Admission {
        let known = self.made.iter().position(|(known, _)| Arc::ptr_eq(known, &policy));
        let at = known.unwrap_or_else(|| {
            let admission = Admission::new(Arc::clone(&policy), &self.ask);
            self.made.push((policy, admission));
            self.made.len() - 1
        });
        &self.made[at].1
    }
}
