//! Text tracks: their segments are made in memory, for they are small.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::{self, Answer, CachePolicy, Content, Following};
use super::keys::kid_bytes;
use super::{Code, Context, Origin, OriginError};
use crate::cenc::IvContext;
use crate::keys::KeyRecord;
use crate::media::TextRendition;
use crate::package::cmaf::Protect;
use crate::package::filter::Facts;
use crate::package::format::Container;
use crate::package::hls;
use crate::package::plan::{Cipher, Plan};
use crate::package::presentation::{ListedText, Presentation, RenditionKey};
use crate::package::request::TrackRef;
use crate::package::selection::SelectedText;
use crate::package::text::{self, TextForm};
use crate::protection::Protection;

/// Bump when the bytes of segments change for the same input: caches then hold old tags.
const TEXT_REVISION: &[u8] = b"text 2";

impl Context {
    /// The text track of a URL; `None` when no text track has that name.
    pub(super) fn find_text(
        &self,
        track: &TrackRef,
    ) -> Option<Result<SelectedText<'_>, OriginError>> {
        let mut text = self.selection.text(&self.loaded.asset);
        let found = text.find(|selected| selected.text.name == track.name)?;
        Some(if found.text.bitrate == track.bitrate {
            Ok(found)
        } else {
            let detail = "the track has no level of that bitrate";
            Err(OriginError::new(Code::MEDIA_ENTRY_NOT_FOUND, detail))
        })
    }

    /// The text tracks, with the key where segments are encrypted as a whole: samples of text are
    /// never protected.
    pub(super) fn listed_text(&self) -> Result<Vec<ListedText<'_>>, OriginError> {
        let listed = |SelectedText { text, fragments }| {
            let key = self.text_key(text)?.map(|record| RenditionKey {
                kid: record.kid,
                ivs: IvContext::new(record.kid, &self.text_identity(text)),
            });
            Ok(ListedText { text, key, fragments })
        };
        self.selection.text(&self.loaded.asset).map(listed).collect()
    }

    fn text_key(&self, text: &TextRendition) -> Result<Option<&KeyRecord>, OriginError> {
        match self.protection {
            Protection::Cbc => self.key_of(&Facts::of_text(text)),
            _ => Ok(None),
        }
    }

    fn text_identity(&self, text: &TextRendition) -> Vec<u8> {
        self.loaded.text_identity(&self.locator.asset, text)
    }

    fn text_form(&self, text: &TextRendition) -> Result<TextForm, OriginError> {
        TextForm::of(self.selectors.format, text)
            .ok_or_else(|| OriginError::new(Code::TRACK_NOT_FOUND, "the format has no text tracks"))
    }

    /// The playlist of a text track.
    pub(super) fn text_playlist(
        &self,
        presentation: &Presentation<'_>,
        selected: &SelectedText<'_>,
    ) -> Result<String, OriginError> {
        self.text_form(selected.text)?;
        let same = |listed: &&ListedText<'_>| listed.text.name == selected.text.name;
        let listed = presentation.text.iter().find(same);
        let listed = listed.ok_or_else(|| {
            OriginError::new(Code::TRACK_NOT_FOUND, "there is no track of that name")
        })?;
        Ok(hls::text(presentation, listed))
    }

    /// The init segment of a text track that has one.
    pub(super) fn text_init(&self, text: &TextRendition) -> Result<Answer, OriginError> {
        let form = self.text_form(text)?;
        let container = self.selectors.format.row().container;
        let row = form.fragments().filter(|_| container != Container::Smooth);
        let row = row.ok_or_else(|| {
            OriginError::new(Code::BAD_URL_SYNTAX, "the segments have no init segment")
        })?;
        let data = text::init_segment(text, row, container);
        Ok(Answer::of_bytes(row.content_type, CachePolicy::Media, data))
    }
}

impl Origin {
    pub(super) async fn text_fragment(
        &self,
        context: &Context,
        selected: &SelectedText<'_>,
        start: u64,
    ) -> Result<Answer, OriginError> {
        let SelectedText { text, fragments } = selected;
        let form = context.text_form(text)?;
        let n = text.cuts.find(start).filter(|n| fragments.contains(n)).ok_or_else(|| {
            let detail = "no fragment of this track starts at that time";
            OriginError::new(Code::TIMESTAMP_NOT_FOUND, detail)
        })?;
        let next = text.cuts.starts.get(n + 1).filter(|_| fragments.contains(&(n + 1)));
        let protect = self.text_protect(context, text)?;
        let slice = text.slice(n);
        let kid = kid_bytes(context.text_key(text)?);
        let times = [n as i64, slice.start, slice.end].map(i64::to_be_bytes).concat();
        let selector = context.selectors.format.row().selector.as_bytes();
        let identity = context.text_identity(text);
        let etag = answer::tag(&[TEXT_REVISION, &identity, selector, &times, kid]);
        let plan = async { plan(context, text, n, protect).map(Arc::new) };
        let plan = self.plans.try_get_with_by_ref(&etag, plan).await;
        Ok(Answer {
            content_type: form.content_type(),
            etag,
            cache: CachePolicy::Media,
            following: next.map(|next| Following { start, next: next.start }),
            content: Content::Planned(plan.map_err(|error| (*error).clone())?, [].into()),
        })
    }

    fn text_protect(
        &self,
        context: &Context,
        text: &TextRendition,
    ) -> Result<Protect, OriginError> {
        let Some(record) = context.text_key(text)? else { return Ok(Protect::Clear) };
        let key = self.track_key(record, &context.text_identity(text))?;
        Ok(Protect::Segment(key))
    }
}

fn plan(
    context: &Context,
    text: &TextRendition,
    n: usize,
    protect: Protect,
) -> Result<Plan, OriginError> {
    let data = text::segment(text, n, context.selectors.format)
        .map_err(|error| OriginError::new(Code::FORMAT_NOT_SUPPORTED, error.to_string()))?;
    let cipher = match protect {
        Protect::Segment(key) => {
            let start = text.cuts.starts.get(n).map_or(0, |cut| cut.start);
            let transport = context.selectors.format.is_transport();
            let iv = if transport { key.ivs.transport(start) } else { key.ivs.segment(start) };
            Cipher::Segment { iv, key: key.key }
        }
        Protect::Clear | Protect::Samples(..) => Cipher::Clear,
    };
    Ok(Plan::new(Bytes::from(data), Vec::new(), cipher))
}
