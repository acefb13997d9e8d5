//! Keys that come with a locator: which label of the streaming policy each is for (ams.md section
//! 14.1).

use crate::crypto::key::ContentKey;
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
    /// The key. Without it the locator must be there and have it.
    pub key: Option<ContentKey>,
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
pub(super) type Given<'a> = (KeyId, &'a ContentKey, Option<&'a str>);

const LABEL: &str = "labelReferenceInStreamingPolicy";

/// The labels, each with its key where one comes with the locator.
pub(super) fn assign<'a>(
    labels: &[KeyLabel<'a>],
    own: &'a [OwnKey],
) -> Result<Vec<(KeyLabel<'a>, Option<Given<'a>>)>, OwnKeyError> {
    let mut assigned: Vec<_> = labels.iter().map(|label| (*label, None)).collect();
    for (n, key) in own.iter().enumerate() {
        let refuse = |member, rule| Err(OwnKeyError { n, member, rule });
        if own[..n].iter().any(|other| other.kid == key.kid) {
            return refuse("id", "another key has this KID");
        }
        let Some(value) = &key.key else {
            return refuse("value", "it is missing: a new key would stand under an old KID");
        };
        let mut fitting = assigned.iter_mut().filter(|(label, _)| key.fits(label));
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
    fn fits(&self, label: &KeyLabel<'_>) -> bool {
        label.label == self.label
            && self.protection.is_none_or(|protection| protection == label.protection)
    }

    /// The member in which a stored key of this KID differs, under the content key policy that is
    /// in force for it.
    pub(super) fn difference(
        &self,
        stored: Option<(&KeyRecord, &ContentKey)>,
        policy: Option<&str>,
    ) -> Option<&'static str> {
        let Some((record, key)) = stored else { return Some("id") };
        let differences = [
            (LABEL, self.label != record.label),
            ("type", self.protection.is_some_and(|own| own != record.protection)),
            ("value", self.key.as_ref().is_some_and(|own| own != key)),
            ("policyName", self.policy.is_some() && self.policy.as_deref() != policy),
        ];
        differences.into_iter().find(|(_, differs)| *differs).map(|(member, _)| member)
    }
}
