//! The DASH on-demand profile: its manifest, and files whose fragments are planned one after the
//! other while they are sent.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use moka::future::Cache;

use super::answer::Sources;
use super::documents::{DocumentKey, document_key};
use super::keys::key_mark;
use super::{
    Answer, CachePolicy, Code, Content, Context, MPD, Origin, OriginError, PlanBody, answer,
    fragment, media_type,
};
use crate::media::Rendition;
use crate::package::cmaf;
use crate::package::dash;
use crate::package::filter::Facts;
use crate::package::media_file::{Front, MediaFile, Part};
use crate::package::plan::Plan;
use crate::package::presentation::{DeliveryUrls, Presentation};
use crate::package::request::{Item, TrackRef};
use crate::package::selection::Selected;

impl Origin {
    /// The manifest over the files of all tracks.
    pub(super) async fn manifest_of_files(
        &self,
        context: &Arc<Context>,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        let mut fronts = Vec::new();
        for selected in context.renditions() {
            let period = context.period_of_file(&selected)?;
            let init = self.init_bytes(context, selected.rendition, period, delivery)?;
            let track = TrackRef::of(selected.rendition);
            fronts.push(Front::of(track, init.len(), selected.fragments.len()));
        }
        fronts.extend(context.text_fronts());
        let write = move |_: &Context, presentation: &Presentation<'_>| {
            let text = dash::mpd(presentation, &fronts);
            let text = text.map_err(|error| OriginError::storage(&error))?;
            Ok(Answer::of_bytes(MPD, CachePolicy::Manifest, text))
        };
        self.write(context, delivery, write).await
    }

    /// The one file of a track, or of the key frames of a rendition.
    pub(super) async fn media_file(
        &self,
        context: &Arc<Context>,
        item: Item,
        delivery: &DeliveryUrls,
    ) -> Result<Answer, OriginError> {
        if !context.selectors.format.has_files() {
            let detail = "only the on-demand profile has files";
            return Err(OriginError::new(Code::BAD_URL_SYNTAX, detail));
        }
        let (track, key_frame) = match &item {
            Item::Media(track) => (track.clone(), false),
            Item::KeyFrameMedia(track) => (track.clone(), true),
            _ => return Err(OriginError::new(Code::BAD_URL_SYNTAX, "not the file of a track")),
        };
        if !key_frame && let Some(found) = context.find_text(&track) {
            return self.text_file(context, &track, &found?).await;
        }
        let key = document_key(context, item, delivery);
        // Boxed: futures are moved as they are passed on, and that of a maker is large.
        let made = Box::pin(self.lay_out(context, &track, key_frame, delivery));
        let laid_out = self.layouts.try_get_with(key, made).await;
        let laid_out = laid_out.map_err(|error| OriginError::clone(&error))?;
        let LaidOut { layout, etag, content_type } = &*laid_out;
        let (etag, content_type, layout) = (etag.clone(), *content_type, Arc::clone(layout));
        let (origin, context) = (self.clone(), Arc::clone(context));
        let inner = Inner { layout, origin, context, track, key_frame };
        let (cache, content) = (CachePolicy::Media, Content::File(StreamedFile(Arc::new(inner))));
        Ok(Answer { content_type, etag, cache, content, following: None, standing: None })
    }

    /// Where everything stands in a file; players ask for parts of it many times.
    async fn lay_out(
        &self,
        context: &Arc<Context>,
        track: &TrackRef,
        key_frame: bool,
        delivery: &DeliveryUrls,
    ) -> Result<Arc<LaidOut>, OriginError> {
        let selected = match key_frame {
            true => context.key_frame_track(track)?,
            false => context.find(track)?,
        };
        let period = context.period_of_file(&selected)?;
        let init = self.init_bytes(context, selected.rendition, period, delivery)?;
        let Selected { rendition, fragments } = selected;
        let shape = context.shape(key_frame);
        let heads = self.heads(context, rendition, shape).await?;
        let layout = MediaFile::new(rendition, fragments.clone(), shape, &heads, &init)?;
        let first = self.fragment_tag(context, rendition, fragments.start, key_frame).await?;
        // The first fragment may be clear: what is behind the lead has one key.
        let [kid, sealed] = key_mark(context.key_in(&Facts::of(rendition), period)?);
        let lead = context.lead_of(&rendition.cuts).to_be_bytes();
        let parts =
            [fragment::REVISION, b"file", first.as_bytes(), kid, sealed, &lead, &layout.front];
        let etag = answer::tag(&parts);
        let (layout, content_type) = (Arc::new(layout), media_type(rendition));
        Ok(Arc::new(LaidOut { layout, etag, content_type }))
    }

    pub(super) fn init_bytes(
        &self,
        context: &Context,
        rendition: &Rendition,
        period: u32,
        delivery: &DeliveryUrls,
    ) -> Result<Vec<u8>, OriginError> {
        let protect = self.protect(context, rendition, period)?;
        let systems = self.systems_of(context, rendition, period, delivery)?;
        let container = context.selectors.format.row().container;
        let lead = context.lead_of(&rendition.cuts) > 0;
        Ok(cmaf::init_segment(rendition, container, &protect, lead, &systems))
    }
}

/// What is known of a file before any of its fragments is planned.
pub(super) struct LaidOut {
    layout: Arc<MediaFile>,
    etag: String,
    content_type: &'static str,
}

/// Layouts by what the bytes of their files depend on.
pub(super) type LayoutCache = Cache<DocumentKey, Arc<LaidOut>>;

/// Bytes of layouts that are kept: those of some hundred long tracks.
const KEPT: u64 = 8 << 20;

pub(super) fn layouts() -> LayoutCache {
    let weigh = |key: &DocumentKey, laid_out: &Arc<LaidOut>| {
        u32::try_from(key.heap_size() + laid_out.layout.heap_size()).unwrap_or(u32::MAX)
    };
    Cache::builder().max_capacity(KEPT).weigher(weigh).build()
}

/// A file that is made while it is sent.
#[derive(Clone)]
pub struct StreamedFile(Arc<Inner>);

struct Inner {
    layout: Arc<MediaFile>,
    origin: Origin,
    context: Arc<Context>,
    track: TrackRef,
    /// Whether fragments hold their key frames only.
    key_frame: bool,
}

impl fmt::Debug for StreamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedFile").field("track", &self.0.track).finish_non_exhaustive()
    }
}

impl StreamedFile {
    /// Length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.0.layout.length()
    }

    /// The plan of fragment `n`, whose length is known already.
    async fn plan(self, n: usize, length: u64) -> io::Result<(Arc<Plan>, Sources)> {
        let Inner { origin, context, track, key_frame, .. } = &*self.0;
        let planned = async {
            let Selected { rendition, .. } = context.find(track)?;
            let etag = origin.fragment_tag(context, rendition, n, *key_frame).await?;
            let plan = origin.cached_plan(context, rendition, n, *key_frame, &etag).await?;
            Ok::<_, OriginError>((plan, context.sources(rendition)))
        };
        let planned = planned.await.map_err(io::Error::other)?;
        if planned.0.length() == length {
            return Ok(planned);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "a fragment has not the length it had"))
    }
}

type Planning = Pin<Box<dyn Future<Output = io::Result<(Arc<Plan>, Sources)>> + Send>>;

/// What is sent next.
enum State {
    /// It is looked up.
    Between,
    /// A fragment that is planned, and which of its bytes are wanted.
    Planning(Planning, Range<u64>),
    /// A fragment that is sent.
    Sending(PlanBody),
    /// Nothing comes any more.
    Done,
}

/// The body of a streamed file: at most one plan and one piece of it are held.
pub struct FileBody {
    file: StreamedFile,
    position: u64,
    end: u64,
    state: State,
}

impl FileBody {
    /// Sends a part of the file, which lies inside it.
    pub fn new(file: StreamedFile, range: Range<u64>) -> Self {
        Self { file, position: range.start, end: range.end, state: State::Between }
    }

    /// The bytes of the front that are wanted; else the fragment at the position is planned.
    fn begin(&mut self) -> Option<Bytes> {
        let part = self.file.0.layout.part(self.position);
        let Some(Part { fragment, place }) = part.filter(|_| self.position < self.end) else {
            self.state = State::Done;
            return None;
        };
        let wanted = self.position - place.start..self.end.min(place.end) - place.start;
        let Some(n) = fragment else {
            // The front is in memory, so positions fit.
            let at = |position: u64| usize::try_from(position).unwrap_or(0);
            return Some(self.file.0.layout.front.slice(at(wanted.start)..at(wanted.end)));
        };
        let planning = Box::pin(self.file.clone().plan(n, place.end - place.start));
        self.state = State::Planning(planning, wanted);
        None
    }

    fn deliver(&mut self, frame: io::Result<Frame<Bytes>>) -> io::Result<Frame<Bytes>> {
        match &frame {
            Ok(frame) => self.position += frame.data_ref().map_or(0, |data| data.len() as u64),
            Err(_) => self.state = State::Done,
        }
        frame
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Between => {
                    if let Some(front) = this.begin() {
                        return Poll::Ready(Some(this.deliver(Ok(Frame::data(front)))));
                    }
                }
                State::Planning(planning, wanted) => {
                    let wanted = wanted.clone();
                    match ready!(planning.as_mut().poll(context)) {
                        Ok((plan, sources)) => {
                            this.state = State::Sending(PlanBody::new(plan, sources, wanted));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "an answer was broken off");
                            return Poll::Ready(Some(this.deliver(Err(error))));
                        }
                    }
                }
                State::Sending(body) => match ready!(Pin::new(body).poll_frame(context)) {
                    Some(frame) => return Poll::Ready(Some(this.deliver(frame))),
                    None => this.state = State::Between,
                },
                State::Done => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.position >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end.saturating_sub(self.position))
    }
}
