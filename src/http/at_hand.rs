//! Documents as they were sent a moment ago, with all fields: the way of most requests for them is a
//! look-up and a copy of the fields.

use std::sync::Arc;

use axum::http::{HeaderValue, header};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::cors;
use super::exchange::REQUEST_ID;
use super::respond::Whole;
use crate::coding::Coding;
use crate::service::origin::Standing;

/// What all together may hold, in bytes. The document cache holds the same bytes as long as it has
/// room, so little is held twice.
const CAPACITY: u64 = 16 << 20;

/// About what a document takes.
const TYPICAL: u64 = 8 << 10;

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
        kept.standing.holds().then(|| kept.whole.clone())
    }

    /// Keeps an answer before it is made readable for an origin.
    pub(super) fn keep(&self, asked: &Asked<'_>, mut whole: Whole, standing: Standing) {
        let Asked { url, host, coding } = *asked;
        cors::mark(&mut whole.fields);
        // It follows from the body, and a copy of the fields has no work with it.
        whole.fields.remove(header::CONTENT_LENGTH);
        // Room for the name of each exchange.
        whole.fields.insert(REQUEST_ID, HeaderValue::from_static(""));
        let key = Key { url: url.into(), host: host.into(), coding };
        self.0.insert(key, Arc::new(Kept { whole, standing }));
    }
}
