//! What the origin answers, before it is turned into HTTP.

use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use crate::package::plan::Plan;
use crate::store::files::LocalFile;

/// How long caches may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePolicy {
    /// A manifest: its media may be replaced.
    Manifest,
    /// A fragment or init segment: another version has another tag, and players ask for it by the
    /// manifest.
    Media,
    /// A file of the asset.
    Download,
}

/// An answer that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Answer {
    /// MIME type.
    pub content_type: &'static str,
    /// Strong entity tag, with quotes.
    pub etag: String,
    /// How long it may be kept.
    pub cache: CachePolicy,
    /// The bytes.
    pub content: Content,
}

/// The files that a plan reads, by the numbers it gives them.
pub type Sources = Arc<[Arc<LocalFile>]>;

/// The bytes of an answer.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// Made while they are sent.
    Planned(Arc<Plan>, Sources),
}

impl Answer {
    /// An answer in memory, tagged by what it holds.
    pub(super) fn of_bytes(content_type: &'static str, cache: CachePolicy, data: Vec<u8>) -> Self {
        let etag = tag(&[&data]);
        Self { content_type, etag, cache, content: Content::Bytes(data.into()) }
    }
}

impl Content {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Planned(plan, _) => plan.length(),
        }
    }
}

/// A strong entity tag over parts, each with its length in front.
pub(super) fn tag(parts: &[&[u8]]) -> String {
    let mut data = Vec::new();
    for part in parts {
        data.extend((part.len() as u64).to_be_bytes());
        data.extend_from_slice(part);
    }
    let digest = digest(&SHA256, &data);
    format!("\"{}\"", data_encoding::HEXLOWER.encode(&digest.as_ref()[..16]))
}
