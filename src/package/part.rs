//! A resource, or a part of one, that a manifest names.

use std::ops::Range;
use std::sync::Arc;

/// A resource, or some of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// References that the others are relative to: the first to the manifest, each to the one before.
    /// Shared by all parts of a representation.
    pub base: Arc<[String]>,
    /// The last reference; none where the base is the resource.
    pub uri: Option<String>,
    /// Which of its bytes; `None` = all.
    pub bytes: Option<Range<u64>>,
}

impl Part {
    /// What a manifest names by one reference.
    pub fn new(uri: impl Into<String>, bytes: Option<Range<u64>>) -> Self {
        Self { base: [].into(), uri: Some(uri.into()), bytes }
    }

    /// The references in order.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.base.iter().chain(&self.uri).map(String::as_str)
    }
}
