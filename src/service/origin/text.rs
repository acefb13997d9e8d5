//! Text tracks: their segments are made in memory, for they are small.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::{self, Answer, CachePolicy, Content, Following};
use super::assets::blocking;
use super::keys::{CLEAR_LEAD, key_mark, rendition_key};
use super::systems::KeyAddresses;
use super::{Code, Context, Origin, OriginError};
use crate::cenc::IvContext;
use crate::keys::KeyRecord;
use crate::media::TextRendition;
use crate::package::cmaf::Protect;
use crate::package::filter::Facts;
use crate::package::format::Container;
use crate::package::hls;
use crate::package::media_file::Front;
use crate::package::plan::{Cipher, Plan};
use crate::package::presentation::{ListedText, Presentation};
use crate::package::request::TrackRef;
use crate::package::selection::SelectedText;
use crate::package::text::{self, Row, TextForm};
use crate::package::text_file;
use crate::protection::Protection;
use crate::text::TextError;

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
    pub(super) fn listed_text(
        &self,
        addresses: &KeyAddresses,
    ) -> Result<Vec<ListedText<'_>>, OriginError> {
        let listed = |SelectedText { text, fragments }| {
            let key_in = |period| {
                let record = self.text_key(text, period)?;
                Ok(record.map(|record| {
                    let ivs = IvContext::new(record.kid, &text.identity);
                    rendition_key(record, self.ruled(ivs), addresses)
                }))
            };
            let keys = self.key_runs(&text.cuts, &fragments, key_in)?;
            Ok(ListedText { text, keys, fragments })
        };
        self.selection.text(&self.loaded.asset).map(listed).collect()
    }

    fn text_key(
        &self,
        text: &TextRendition,
        period: u32,
    ) -> Result<Option<&KeyRecord>, OriginError> {
        match self.protection {
            Protection::Cbc => self.key_in(&Facts::of_text(text), period),
            _ => Ok(None),
        }
    }

    /// What the bytes of segments depend on beside the track: format and profile.
    fn text_profile(&self) -> Vec<u8> {
        let selector = self.selectors.format.row().selector;
        format!("{selector} {}", self.locator.compat).into_bytes()
    }

    fn text_form(&self, text: &TextRendition) -> Result<TextForm, OriginError> {
        TextForm::of(self.selectors.format, self.locator.compat, text)
            .ok_or_else(|| OriginError::new(Code::TRACK_NOT_FOUND, "the format has no text tracks"))
    }

    /// The row of a form that has an init segment.
    fn text_row(&self, text: &TextRendition) -> Result<&'static Row, OriginError> {
        let smooth = self.selectors.format.row().container == Container::Smooth;
        let row = self.text_form(text)?.fragments().filter(|_| !smooth);
        row.ok_or_else(|| {
            OriginError::new(Code::BAD_URL_SYNTAX, "the segments have no init segment")
        })
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
        let listed = listed.ok_or_else(no_track)?;
        Ok(hls::text(presentation, listed))
    }

    /// What the files of the text tracks begin with; nothing in formats without.
    pub(super) fn text_fronts(&self) -> Vec<Front> {
        let container = self.selectors.format.row().container;
        let front = |SelectedText { text, fragments }: SelectedText<'_>| {
            let row = self.text_form(text).ok()?.fragments()?;
            let init = text::init_segment(text, row, container).len();
            Some(Front::of(TrackRef::of_text(text), init, fragments.len()))
        };
        self.selection.text(&self.loaded.asset).filter_map(front).collect()
    }
}

impl Origin {
    /// The init segment of a text track that has one.
    pub(super) fn text_init(
        &self,
        context: &Context,
        text: &TextRendition,
        period: u32,
    ) -> Result<Answer, OriginError> {
        let row = context.text_row(text)?;
        let container = context.selectors.format.row().container;
        let mut data = text::init_segment(text, row, container);
        context.enclose_init(&mut data, &self.text_protect(context, text, period)?);
        Ok(Answer::of_bytes(row.content_type, CachePolicy::Media, data))
    }

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
        let period = context.period_of(&text.cuts, n);
        let protect = match context.leads(&text.cuts, n) {
            true => Protect::Clear,
            false => self.text_protect(context, text, period)?,
        };
        let lead: &[u8] = if context.leads(&text.cuts, n) { CLEAR_LEAD } else { b"" };
        let slice = text.slice(n);
        let [kid, sealed] = key_mark(context.text_key(text, period)?);
        let times = [n as i64, slice.start, slice.end].map(i64::to_be_bytes).concat();
        let profile = context.text_profile();
        let etag =
            answer::tag(&[TEXT_REVISION, &text.identity, &profile, &times, kid, sealed, lead]);
        let format = context.selectors.format;
        let plan = async {
            let plan = text::plan(text, n, form, format, protect);
            plan.map(Arc::new).map_err(refused)
        };
        let plan = self.plans.try_get_with_by_ref(&etag, plan).await;
        Ok(Answer {
            content_type: form.content_type(),
            etag,
            cache: CachePolicy::Media,
            standing: None,
            following: next.map(|next| Following { start, next: next.start }),
            content: Content::Planned(plan.map_err(|error| (*error).clone())?, [].into()),
        })
    }

    /// All segments of a text track in one file.
    pub(super) async fn text_file(
        &self,
        context: &Arc<Context>,
        track: &TrackRef,
        SelectedText { text, fragments }: &SelectedText<'_>,
    ) -> Result<Answer, OriginError> {
        let row = context.text_row(text)?;
        let profile = context.text_profile();
        let listed = [fragments.start, fragments.end].map(usize::to_be_bytes).concat();
        let etag = answer::tag(&[TEXT_REVISION, b"file", &text.identity, &profile, &listed]);
        let (context, track) = (Arc::clone(context), track.clone());
        let write = async move {
            let work = move || {
                let found = context.find_text(&track);
                let SelectedText { text, fragments } = found.ok_or_else(no_track)??;
                let data = text_file::write(text, fragments, row, context.selectors.format);
                Ok(Plan::new(Bytes::from(data.map_err(refused)?), Vec::new(), Cipher::Clear))
            };
            blocking(work).await?.map(Arc::new)
        };
        let plan = self.plans.try_get_with_by_ref(&etag, write).await;
        let plan = plan.map_err(|error: Arc<OriginError>| (*error).clone())?;
        let content = Content::Planned(plan, [].into());
        let (content_type, cache) = (row.content_type, CachePolicy::Media);
        Ok(Answer { content_type, etag, cache, content, following: None, standing: None })
    }

    fn text_protect(
        &self,
        context: &Context,
        text: &TextRendition,
        period: u32,
    ) -> Result<Protect, OriginError> {
        let Some(record) = context.text_key(text, period)? else { return Ok(Protect::Clear) };
        let key = self.track_key(context, record, &text.identity)?;
        Ok(Protect::Segment(key))
    }
}

fn no_track() -> OriginError {
    OriginError::new(Code::TRACK_NOT_FOUND, "there is no track of that name")
}

/// Text that cannot be written in the format.
fn refused(error: TextError) -> OriginError {
    OriginError::new(Code::FORMAT_NOT_SUPPORTED, error.to_string())
}
