//! Documents as they were sent a moment ago, with all fields: the way of most requests for them is a
//! look-up and a copy of the fields.

use std::sync::Arc;

use axum::http::HeaderValue;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::cors;
use super::exchange::REQUEST_ID;
use super::respond::Whole;
use crate::coding::Coding;
use crate::service::origin::Standing;

/// What all together may hold, in bytes. The document cache holds the bytes of documents that are asked
/// for too, so little is held twice.
const CAPACITY: u64 = 16 << 20;

/// More than most documents take: the cache has fewer parts then, and what is longer than a part is
/// never kept. With this the parts are of 1 MiB or more, on however many cores.
const TYPICAL: u64 = 32 << 10;

/// What an answer depends on, of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asked<'a> {
    /// Path and query.
    pub(super) url: &'a str,
    /// Under which clients find key delivery; empty where the configuration says it.
    pub(super) host: &'a str,
    pub(super) coding: Option<Coding>,
}

/// The same, kept; equal ones have equal hashes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    url: Box<str>,
    host: Box<str>,
    coding: Option<Coding>,
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        let Self { url, host, coding } = *self;
        url == &*key.url && host == &*key.host && coding == key.coding
    }
}

/// The answers, as they are for clients that name no origin.
pub struct AtHand(Cache<Key, Arc<Kept>, ByBytes>);

struct Kept {
    whole: Whole,
    standing: Standing,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Kept>> for ByBytes {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        let held = kept.whole.size() + key.url.len() + key.host.len();
        (held + size_of::<Kept>()) as u64
    }
}

impl AtHand {
    /// Holds no more than the document cache, which may have `documents` bytes.
    pub fn new(documents: u64) -> Self {
        let capacity = CAPACITY.min(documents);
        let typical = usize::try_from(capacity / TYPICAL).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(typical, capacity, ByBytes))
    }

    /// The answer, if a request would get the same.
    pub(super) fn get(&self, asked: &Asked<'_>) -> Option<Whole> {
        let kept = self.0.get(asked)?;
        if !kept.standing.holds() {
            self.0.remove_if(asked, |found| Arc::ptr_eq(found, &kept));
            return None;
        }
        Some(kept.whole.clone())
    }

    /// Keeps an answer before it is made readable for an origin. Making it may have taken longer than
    /// it stands.
    pub(super) fn keep(&self, asked: &Asked<'_>, whole: &Whole, standing: Standing) {
        if !standing.holds() {
            return;
        }
        let mut whole = whole.clone();
        let Asked { url, host, coding } = *asked;
        cors::mark(&mut whole.fields);
        // Room for the name of each exchange.
        whole.fields.insert(REQUEST_ID, HeaderValue::from_static(""));
        let key = Key { url: url.into(), host: host.into(), coding };
        self.0.insert(key, Arc::new(Kept { whole, standing }));
    }
}
