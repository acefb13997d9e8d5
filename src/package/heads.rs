//! How many bytes stand in front of the samples of each CMAF fragment. With them byte ranges into
//! fragments that nobody has asked for yet can be listed.
//!
//! Of protected pictures that takes the headers inside all samples, as `senc` has an entry for each
//! protected range, and of what is encrypted already its `senc`; of everything else it is arithmetic.

use std::ops::Range;
use std::sync::Arc;

use super::cmaf::{self, FragmentError, Protect, Shape};
use crate::bytes::ReadAt;
use crate::codec::MediaType;
use crate::media::Rendition;

/// The lengths of `moof` and `mdat` header of every fragment of a rendition, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads(Box<[u64]>);

impl Heads {
    /// Reads what has to be read of fragments of that shape, of which the first `lead` are clear. The lengths depend on the scheme, not on
    /// the key: keys that rotate are announced in boxes of one length.
    ///
    /// # Errors
    /// Samples that cannot be protected, a fragment that is too large, or a failed read.
    pub fn read<S: ReadAt + ?Sized>(
        rendition: &Rendition,
        shape: Shape,
        protect: &Protect,
        lead: usize,
        source: &S,
    ) -> Result<Self, FragmentError> {
        let fragments = 0..rendition.cuts.len();
        let track = &rendition.track;
        let of_length = |auxiliary: u64| -> Self {
            let samples = |n| shape.samples(rendition, n).len();
            let head = |n| cmaf::head_length(track, samples(n), auxiliary);
            Self(fragments.clone().map(head).collect())
        };
        let planned = |protect_of: &dyn Fn(usize) -> Protect| {
            let plan = |n| cmaf::fragment(rendition, n, shape, protect_of(n), source);
            let head = |n| plan(n).map(|plan| plan.head_len());
            fragments.clone().map(head).collect::<Result<_, _>>().map(Self)
        };
        match protect {
            _ if track.sealed.is_some() => planned(&|_| protect.clone()),
            Protect::Clear | Protect::Segment(_) | Protect::Lead => Ok(of_length(0)),
            Protect::Samples(scheme, _, in_band) if track.media_type == MediaType::Audio => {
                let own = |boxes: &Arc<[_]>| cmaf::in_band_length(*scheme, boxes.iter());
                let own = in_band.as_ref().map_or(0, own);
                let heads = of_length(scheme.row().per_sample_iv_size.into());
                let of_lead = |n| cmaf::lead_head_length(track, shape.samples(rendition, n).len());
                let length = |(n, head)| if n < lead { of_lead(n) } else { head + own };
                Ok(Self(heads.0.into_iter().enumerate().map(length).collect()))
            }
            Protect::Samples(..) => {
                planned(&|n| if n < lead { Protect::Lead } else { protect.clone() })
            }
        }
    }

    /// Bytes of fragment `n` up to the end of its first sample.
    pub fn key_frame(&self, rendition: &Rendition, n: usize) -> u64 {
        self.head(n) + key_frame_bytes(rendition, n)
    }

    /// Bytes of fragment `n`.
    pub fn fragment(&self, rendition: &Rendition, n: usize) -> u64 {
        self.head(n) + rendition.fragment_bytes.get(n).copied().unwrap_or(0)
    }

    /// Memory in bytes, for caches.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.0)
    }

    fn head(&self, n: usize) -> u64 {
        self.0.get(n).copied().unwrap_or(0)
    }
}

/// Bytes of the first sample of fragment `n`.
pub fn key_frame_bytes(rendition: &Rendition, n: usize) -> u64 {
    let Range { start, end } = rendition.cuts.samples(n);
    rendition.track.index.bytes(start..end.min(start + 1))
}
