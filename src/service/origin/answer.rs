//! What the origin answers, before it is turned into HTTP.

use std::sync::Arc;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use super::media_file::StreamedFile;
use super::standing::Standing;
use crate::coding::{self, Coding, Text};
use crate::package::plan::Plan;
use crate::store::source::MediaSource;

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
    /// A file of the pages: it changes with the program, so caches ask each time.
    Page,
    /// What is true at the moment: not at all.
    Moment,
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
    /// For a fragment behind which another comes.
    pub following: Option<Following>,
    /// For a document: as long as it holds, the same request gets the same answer.
    pub standing: Option<Standing>,
}

/// Start times of a fragment and of the next one of its rendition, as URLs name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Following {
    /// Of the fragment.
    pub start: u64,
    /// Of the next.
    pub next: u64,
}

/// The files that a plan reads, by the numbers it gives them.
pub type Sources = Arc<[Arc<MediaSource>]>;

/// The bytes of an answer.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// Text, which may be sent in a coding.
    Text(Arc<Text>),
    /// Made while they are sent.
    Planned(Arc<Plan>, Sources),
    /// Planned and made while they are sent.
    File(StreamedFile),
}

impl Answer {
    /// An answer in memory, tagged by what it holds.
    pub fn of_bytes(
        content_type: &'static str,
        cache: CachePolicy,
        data: impl Into<Bytes>,
    ) -> Self {
        let data = data.into();
        let (etag, content) = if coding::shortens(content_type) {
            let text = Text::new(data);
            (text.plain().tag.clone(), Content::Text(Arc::new(text)))
        } else {
            (coding::tag_of(&data), Content::Bytes(data))
        };
        Self { content_type, etag, cache, content, following: None, standing: None }
    }

    /// The same answer in a coding, if it is text that gets shorter, and whether it does.
    pub async fn coded(mut self, coding: Option<Coding>) -> (Self, bool) {
        let Content::Text(text) = self.content else {
            return (self, false);
        };
        let coded = match coding {
            Some(coding) if text.is_ready(coding) => text.coded(coding).cloned(),
            Some(coding) => {
                let text = Arc::clone(&text);
                let made = move || text.coded(coding).cloned();
                // A thread that failed leaves the plain text to be sent.
                tokio::task::spawn_blocking(made).await.ok().flatten()
            }
            None => None,
        };
        let is_coded = coded.is_some();
        let form = coded.unwrap_or_else(|| text.plain().clone());
        self.etag = form.tag;
        self.content = Content::Bytes(form.bytes);
        (self, is_coded)
    }
}

impl Content {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Text(text) => text.plain().bytes.len() as u64,
            Self::Planned(plan, _) => plan.length(),
            Self::File(file) => file.length(),
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
