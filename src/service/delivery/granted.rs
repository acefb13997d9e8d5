//! Keys that a request gets, until they are handed out or something speaks against it.

use jiff::Timestamp;

use super::audit;
use crate::ids::{KeyId, LocatorId};
use crate::license::{GrantedKey, System};

/// The keys that a request gets, never none. Whoever holds them says how it ended, by
/// [`Self::delivered`] or [`Self::refused`], so that the audit has the whole decision; dropped without
/// a word, as when the client leaves, they were refused.
#[must_use = "the audit waits for the end of the decision"]
pub struct Granted {
    system: System,
    now: Timestamp,
    keys: Vec<GrantedKey>,
    locators: Vec<LocatorId>,
}

impl Granted {
    pub(super) fn new(
        system: System,
        now: Timestamp,
        granted: Vec<(GrantedKey, LocatorId)>,
    ) -> Self {
        let (keys, locators) = granted.into_iter().unzip();
        Self { system, now, keys, locators }
    }

    /// The keys, in the order in which they were asked for.
    pub fn keys(&self) -> &[GrantedKey] {
        &self.keys
    }

    /// Whether this key is among them.
    pub fn is_for(&self, kid: KeyId) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// The time of the decision, against which rights are written.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Leaves out the keys that the client's device may not have; `None` when none is left.
    pub fn only(
        mut self,
        reason: &'static str,
        keep: impl Fn(&GrantedKey) -> bool,
    ) -> Option<Self> {
        let (system, now) = (self.system, self.now);
        let (kept, left_out): (Vec<_>, Vec<_>) = self.take().partition(|(key, _)| keep(key));
        for (key, locator) in left_out {
            audit::refused(system, key.kid, locator, reason);
        }
        (!kept.is_empty()).then(|| Self::new(system, now, kept))
    }

    fn take(&mut self) -> impl Iterator<Item = (GrantedKey, LocatorId)> + use<> {
        std::mem::take(&mut self.keys).into_iter().zip(std::mem::take(&mut self.locators))
    }

    /// All keys were handed out.
    pub fn delivered(mut self) {
        for (key, locator) in self.take() {
            audit::delivered(self.system, key.kid, locator);
        }
    }

    /// All keys were handed out, in a licence of another server.
    pub(super) fn delivered_by(mut self, upstream: &str) {
        for (key, locator) in self.take() {
            audit::delivered_by(upstream, self.system, key.kid, locator);
        }
    }

    /// Whether this server makes the licences of all keys.
    pub(super) fn is_made_here(&self) -> bool {
        self.keys.iter().all(|key| key.by.upstream().is_none())
    }

    /// The other server that makes them, when it is one for all.
    pub(super) fn upstream(&self) -> Option<&str> {
        let name = self.keys.first()?.by.upstream();
        name.filter(|_| self.keys.iter().all(|key| key.by.upstream() == name))
    }

    /// None was: what was looked at after the decision spoke against it.
    pub fn refused(mut self, reason: &'static str) {
        self.end(reason);
    }

    fn end(&mut self, reason: &'static str) {
        for (key, locator) in self.take() {
            audit::refused(self.system, key.kid, locator, reason);
        }
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        self.end("request-abandoned");
    }
}
