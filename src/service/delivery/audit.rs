//! One record for every decision, under the target `audit`. No record holds a key, a token or a
//! query.

use super::DeliveryError;
use crate::ids::{KeyId, LocatorId};
use crate::license::System;

pub(super) fn delivered(system: System, kid: KeyId, locator: LocatorId) {
    let system = system.name();
    tracing::info!(target: "audit", %kid, %locator, system, "key delivered");
}

pub(super) fn delivered_by(upstream: &str, system: System, kid: KeyId, locator: LocatorId) {
    let system = system.name();
    tracing::info!(target: "audit", %kid, %locator, system, upstream, "key delivered");
}

pub(super) fn refused(system: System, kid: KeyId, locator: LocatorId, reason: &str) {
    let system = system.name();
    tracing::info!(target: "audit", %kid, %locator, system, reason, "key refused");
}

/// One record for all of these keys, of which the first is named: a request leaves no more records
/// than keys that exist, and one.
pub(super) fn not_found(system: System, kids: &[KeyId], error: &DeliveryError) {
    let [kid, more @ ..] = kids else { return };
    let more = (!more.is_empty()).then_some(more.len());
    let (system, reason) = (system.name(), error.reason());
    tracing::info!(target: "audit", %kid, more, system, reason, "key refused");
}
