//! Keys that come with a locator: which label of the streaming policy each is for (ams.md section
//! 14.1).

use crate::crypto::KeyMaterial;
use crate::ids::KeyId;
use crate::keys::KeyRecord;
use crate::policy::KeyLabel;
use crate::protection::Protection;

/// A key that comes with a locator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnKey {
    /// Key id.
    pub kid: KeyId,
    /// The handle by which the streaming policy assigns it.
    pub label: String,
    /// The protection that it is for; needed where several blocks have the label.
    pub protection: Option<Protection>,
    /// The crypto period that it is for: the first when absent, which is the only one of a key that does
    /// not rotate.
    pub crypto_period: Option<u32>,
    /// Whether it is the root key of the label.
    pub root: bool,
    /// The key. Without it the locator must be there and have it.
    pub key: Option<KeyMaterial>,
    /// Content key policy of this key, before all defaults.
    pub policy: Option<String>,
}

/// A key that comes with a locator breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("contentKeys[{n}].{member}: {rule}")]
pub struct OwnKeyError {
    /// Which of the keys.
    n: usize,
    member: &'static str,
    rule: &'static str,
}

/// KID, key and content key policy of a key that comes with a locator.
pub(super) type Given<'a> = (KeyId, &'a KeyMaterial, Option<&'a str>);

/// A key that a locator needs: its label, and the number of its crypto period, or `None` for the root.
pub(super) type Needed<'a> = (KeyLabel<'a>, Option<u32>);

const LABEL: &str = "labelReferenceInStreamingPolicy";

/// The keys that are needed, each with the key that comes with the locator for it, if one does.
pub(super) fn assign<'a>(
    needed: impl Iterator<Item = Needed<'a>>,
    own: &'a [OwnKey],
) -> Result<Vec<(Needed<'a>, Option<Given<'a>>)>, OwnKeyError> {
    let mut assigned: Vec<_> = needed.map(|needed| (needed, None)).collect();
    for (n, key) in own.iter().enumerate() {
        let refuse = |member, rule| Err(OwnKeyError { n, member, rule });
        if own[..n].iter().any(|other| other.kid == key.kid) {
            return refuse("id", "another key has this KID");
        }
        let Some(value) = &key.key else {
            return refuse("value", "it is missing: a new key would stand under an old KID");
        };
        if key.root && key.crypto_period.is_some() {
            return refuse("cryptoPeriod", "a root key is for all crypto periods");
        }
        if !assigned.iter().any(|((_, period), _)| *period == key.period()) {
            return match key.root {
                true => refuse("root", "the locator has no root keys: see keyRotation.hierarchy"),
                false => refuse("cryptoPeriod", "the locator has no such crypto period"),
            };
        }
        if key.root != value.is_root() {
            return refuse("value", "a root key has 32 bytes, any other 16");
        }
        let mut fitting = assigned.iter_mut().filter(|(needed, _)| key.fits(needed));
        match (fitting.next(), fitting.next()) {
            (None, _) => {
                return refuse(LABEL, "the streaming policy has no such key that is in use");
            }
            (Some(_), Some(_)) => return refuse("type", "several keys have the label: say which"),
            (Some((_, Some(_))), None) => return refuse(LABEL, "another key has this label"),
            (Some((_, free)), None) => *free = Some((key.kid, value, key.policy.as_deref())),
        }
    }
    Ok(assigned)
}

impl OwnKey {
    /// As records have it.
    fn period(&self) -> Option<u32> {
        (!self.root).then(|| self.crypto_period.unwrap_or(0))
    }

    fn fits(&self, (label, period): &Needed<'_>) -> bool {
        label.label == self.label
            && *period == self.period()
            && self.protection.is_none_or(|protection| protection == label.protection)
    }

    /// The member in which a stored key of this KID differs, under the content key policy that is
    /// in force for it.
    pub(super) fn difference(
        &self,
        stored: Option<(&KeyRecord, &KeyMaterial)>,
        policy: Option<&str>,
    ) -> Option<&'static str> {
        let Some((record, key)) = stored else { return Some("id") };
        let differences = [
            (LABEL, self.label != record.label),
            ("root", self.root != record.is_root()),
            ("cryptoPeriod", self.period() != record.crypto_period),
            ("type", self.protection.is_some_and(|own| own != record.protection)),
            ("value", self.key.as_ref().is_some_and(|own| own != key)),
            ("policyName", self.policy.is_some() && self.policy.as_deref() != policy),
        ];
        differences.into_iter().find(|(_, differs)| *differs).map(|(member, _)| member)
    }
}
