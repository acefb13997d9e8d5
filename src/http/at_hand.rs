//! Documents as they were sent a moment ago, with all fields: the way of most requests for them is a
//! look-up and a copy of the fields.
//!
//! Each thread keeps its own: cores that count who uses the same thing wait for one another, and what
//! one thread alone has is counted at no cost.

use std::cell::RefCell;

use axum::http::HeaderValue;
use quick_cache::unsync::Cache;
use quick_cache::{Equivalent, Weighter};
use thread_local::ThreadLocal;

use super::cors;
use super::exchange::REQUEST_ID;
use super::respond::Whole;
use crate::coding::Coding;
use crate::service::origin::Standing;

/// What documents take, about.
const TYPICAL: u64 = 16 << 10;

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
pub struct AtHand {
    /// Of each thread, in bytes.
    capacity: u64,
    // Boxed: neighbours would share what a core writes to.
    threads: ThreadLocal<Box<RefCell<Answers>>>,
}

type Answers = Cache<Key, Kept, ByBytes>;

struct Kept {
    whole: Whole,
    standing: Standing,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        let held = kept.whole.size() + key.url.len() + key.host.len();
        (held + size_of::<(Key, Kept)>()) as u64
    }
}

impl AtHand {
    /// All of so many threads together hold half of what the document cache may have, `documents` bytes.
    pub fn new(documents: u64, threads: usize) -> Self {
        let capacity = documents / 2 / threads.max(1) as u64;
        Self { capacity, threads: ThreadLocal::new() }
    }

    /// The answer, if a request would get the same.
    pub(super) fn get(&self, asked: &Asked<'_>) -> Option<Whole> {
        let answers = self.threads.get()?;
        let found = {
            let answers = answers.borrow();
            let kept = answers.get(asked)?;
            kept.standing.holds().then(|| kept.whole.clone())
        };
        if found.is_none() {
            answers.borrow_mut().remove(asked);
        }
        found
    }

    /// Keeps an answer before it is made readable for an origin. Making it may have taken longer than
    /// it stands.
    pub(super) fn keep(&self, asked: &Asked<'_>, whole: &Whole, standing: Standing) {
        if whole.size() as u64 > self.capacity || !standing.holds() {
            return;
        }
        let mut whole = whole.apart();
        let Asked { url, host, coding } = *asked;
        cors::mark(&mut whole.fields);
        // Room for the name of each exchange.
        whole.fields.insert(REQUEST_ID, HeaderValue::from_static(""));
        let key = Key { url: url.into(), host: host.into(), coding };
        self.answers().borrow_mut().insert(key, Kept { whole, standing });
    }

    /// Of this thread.
    fn answers(&self) -> &RefCell<Answers> {
        self.threads.get_or(|| {
            let typical = usize::try_from(self.capacity / TYPICAL).unwrap_or(usize::MAX);
            Box::new(RefCell::new(Cache::with_weighter(typical, self.capacity, ByBytes)))
        })
    }
}
