//! Fragments and segments: found by their start, named by a tag, planned where they are not known.

use std::sync::Arc;

use super::answer::{self, Answer, CachePolicy, Content, Following};
use super::keys::{CLEAR_LEAD, key_mark};
use super::transport::reading;
use super::{Code, Context, Origin, OriginError, media_type};
use crate::cenc::Scheme;
use crate::media::Rendition;
use crate::package::cmaf::{self, Shape};
use crate::package::compat::Compat;
use crate::package::filter::Facts;
use crate::package::plan::Plan;
use crate::package::request::TrackRef;
use crate::package::selection::Selected;
use crate::package::ts::packed;
use crate::protection::Protection;

const TRANSPORT: &str = "video/mp2t";

/// Bump when the bytes of fragments change for the same input: caches then hold old tags.
pub(super) const REVISION: &[u8] = b"4";

impl Origin {
    pub(super) async fn fragment(
        &self,
        context: &Context,
        track: &TrackRef,
        start: u64,
        key_frame: bool,
    ) -> Result<Answer, OriginError> {
        if let Some(found) = context.find_text(track) {
            return self.text_fragment(context, &found?, start).await;
        }
        if let Some(found) = context.find_images(track) {
            return self.image(context, &found?, start).await;
        }
        let Selected { rendition, fragments } = context.find(track)?;
        let n = rendition.cuts.find(start).filter(|n| fragments.contains(n)).ok_or_else(|| {
            let detail = "no fragment of this track starts at that time";
            OriginError::new(Code::TIMESTAMP_NOT_FOUND, detail)
        })?;
        let following = rendition.cuts.starts.get(n + 1).filter(|_| fragments.contains(&(n + 1)));
        let etag = self.fragment_tag(context, rendition, n, key_frame).await?;
        let packed = packed::media_type(context.selectors.format, rendition);
        let transport = context.selectors.format.is_transport().then_some(TRANSPORT);
        let plan = self.cached_plan(context, rendition, n, key_frame, &etag).await?;
        Ok(Answer {
            content_type: packed.or(transport).unwrap_or(media_type(rendition)),
            etag,
            cache: CachePolicy::Media,
            content: Content::Planned(plan, context.sources(rendition)),
            standing: None,
            following: following.map(|next| Following { start, next: next.start }),
        })
    }

    /// The plan of the fragment with that tag.
    pub(super) async fn cached_plan(
        &self,
        context: &Context,
        rendition: &Rendition,
        n: usize,
        key_frame: bool,
        etag: &String,
    ) -> Result<Arc<Plan>, OriginError> {
        match self.plans.get(etag).await {
            Some(plan) => Ok(plan),
            // Boxed: futures are moved as they are passed on, and that of a maker is large.
            None => Box::pin(self.make_plan(context, rendition, n, key_frame, etag)).await,
        }
    }

    /// Concurrent requests wait for one maker.
    async fn make_plan(
        &self,
        context: &Context,
        rendition: &Rendition,
        n: usize,
        key_frame: bool,
        etag: &String,
    ) -> Result<Arc<Plan>, OriginError> {
        let plan = if context.selectors.format.is_transport() {
            let plan = self.transport_plan(context, rendition, n, key_frame);
            self.plans.try_get_with_by_ref(etag, plan).await
        } else {
            let plan = self.plan(context, rendition, n, context.shape(key_frame));
            self.plans.try_get_with_by_ref(etag, plan).await
        };
        plan.map_err(|error| (*error).clone())
    }

    /// Everything that the bytes of a fragment depend on, without making them.
    pub(super) async fn fragment_tag(
        &self,
        context: &Context,
        rendition: &Rendition,
        n: usize,
        key_frame: bool,
    ) -> Result<String, OriginError> {
        let identity = context.identity(rendition);
        let samples = rendition.cuts.samples(n);
        let protection = context.protection_of(rendition);
        let period = context.period_of(&rendition.cuts, n);
        let [kid, sealed] = key_mark(context.key_in(&Facts::of(rendition), period)?);
        let scheme = protection.row().map_or("", |row| row.scheme);
        let number = n.to_be_bytes();
        let range = [samples.start.to_be_bytes(), samples.end.to_be_bytes()];
        let times = times(rendition, n, samples.start);
        let mut parts: Vec<&[u8]> = vec![
            REVISION,
            &identity,
            &range[0],
            &range[1],
            &number,
            &times,
            scheme.as_bytes(),
            kid,
            sealed,
        ];
        if protection == Protection::Cbc {
            match context.locator.compat {
                _ if !context.tells_ivs() => parts.push(b"one iv of the key"),
                Compat::Ams => parts.push(b"one iv"),
                Compat::Modern => {}
            }
        }
        if context.leads(&rendition.cuts, n) {
            parts.push(CLEAR_LEAD);
        }
        let in_band = context.in_band_tag();
        parts.extend(in_band.as_deref());
        match context.shape(key_frame) {
            Shape::Cmaf => {}
            Shape::Smooth(told) => {
                parts.push(b"smooth");
                let protected = Scheme::of(protection).is_some();
                parts.extend(Some(&b"piff"[..]).filter(|_| protected && told.piff));
                parts.extend(Some(&b"own key"[..]).filter(|_| protected && told.key));
            }
            Shape::KeyFrame => parts.push(b"key frame"),
        }
        let transport = context.transport_tag(rendition, n, key_frame);
        parts.extend(transport.as_deref());
        Ok(answer::tag(&parts))
    }

    async fn plan(
        &self,
        context: &Context,
        rendition: &Rendition,
        n: usize,
        shape: Shape,
    ) -> Result<Arc<Plan>, OriginError> {
        let protect = self.protect_fragment(context, rendition, n)?;
        let plan = reading(context, rendition, move |_, rendition, source| {
            cmaf::fragment(rendition, n, shape, protect, source)
        });
        plan.await.map(Arc::new)
    }
}

/// Where a fragment and a sample of it are on the timeline: a file that starts earlier or later
/// moves the tracks of all others.
pub(super) fn times(rendition: &Rendition, n: usize, sample: u32) -> Vec<u8> {
    let (start, end) = rendition.cuts.span(n).unwrap_or_default();
    let shown = rendition.track.presentation_time(sample).saturating_add(rendition.origin);
    [start.to_be_bytes(), end.to_be_bytes(), shown.to_be_bytes()].concat()
}
