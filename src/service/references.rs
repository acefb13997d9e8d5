//! What a locator refers to and brings along: where that is not there, or there already, the member that
//! names it is told.

use std::collections::BTreeSet;

use super::own_key::OwnKey;
use super::publish::{PublishError, PublishRequest};
use crate::keys::KeyRecord;
use crate::policy::StreamingPolicy;
use crate::store::{Kind, Locator, Store, StoreError};

/// Names the member that names a content key policy which is not there.
pub(super) async fn key_policies(
    store: &Store,
    request: &PublishRequest,
    policy: &StreamingPolicy,
    (locator, keys): (&Locator, &[KeyRecord]),
) -> Result<(), PublishError> {
    let default = locator.content_key_policy.iter();
    let named: BTreeSet<&String> =
        default.chain(keys.iter().filter_map(|key| key.policy.as_ref())).collect();
    for name in named {
        let found = store.content_key_policy(name).await;
        found.map_err(|error| missing(error, &who_names(name, request, policy)))?;
    }
    Ok(())
}

/// Names the member that refers to what is not there.
pub(super) fn missing(error: StoreError, member: &str) -> PublishError {
    match error {
        StoreError::NotFound { .. } => {
            PublishError::Unservable { member: member.to_owned(), rule: error.to_string() }
        }
        other => other.into(),
    }
}

/// The member of the locator, or else of its streaming policy, that names a content key policy.
fn who_names(name: &str, request: &PublishRequest, policy: &StreamingPolicy) -> String {
    let own = request.keys.iter().position(|key| key.policy.as_deref() == Some(name));
    match own {
        Some(n) => format!("contentKeys[{n}].policyName"),
        None if request.content_key_policy.as_deref() == Some(name) => {
            "defaultContentKeyPolicyName".to_owned()
        }
        None => {
            let mut members = policy.content_key_policies().into_iter();
            let member = members.find(|(_, named)| *named == name).map(|(member, _)| member);
            format!("streamingPolicyName: {}", member.unwrap_or_default())
        }
    }
}

/// Names the member where the KID of an own key is in the store already.
pub(super) fn taken(error: StoreError, keys: &[OwnKey]) -> PublishError {
    let StoreError::AlreadyExists { kind: Kind::ContentKey, name } = &error else {
        return error.into();
    };
    match keys.iter().position(|key| key.kid.to_string() == *name) {
        Some(n) => PublishError::Unservable {
            member: format!("contentKeys[{n}].id"),
            rule: error.to_string(),
        },
        None => error.into(),
    }
}
