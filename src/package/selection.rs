//! What a request shows of an asset: the renditions that are left, and of each the fragments that
//! are listed. A fragment is the same bytes whichever selection lists it.

use std::ops::Range;

use crate::media::{Asset, Rendition};

/// The renditions and fragments that a request lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selection {
    /// The listed fragments of every rendition in the order of [`Asset::renditions`]; `None` for
    /// a rendition that is left out.
    fragments: Vec<Option<Range<usize>>>,
    /// Where the presentation starts, in wire ticks.
    start: u64,
}

/// A rendition that is left.
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    /// The rendition.
    pub rendition: &'a Rendition,
    /// The listed fragments; never empty.
    pub fragments: Range<usize>,
}

impl Selection {
    /// The whole asset.
    pub fn everything(asset: &Asset) -> Self {
        let whole = |rendition: &Rendition| Some(0..rendition.cuts.len());
        Self { fragments: asset.renditions().map(whole).collect(), start: 0 }
    }

    /// Where the presentation starts, in wire ticks: 0 unless its beginning is cut off.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The renditions that are left, video first.
    pub fn renditions<'a>(&self, asset: &'a Asset) -> impl Iterator<Item = Selected<'a>> {
        asset.renditions().zip(&self.fragments).filter_map(|(rendition, fragments)| {
            Some(Selected { rendition, fragments: fragments.clone()? })
        })
    }

    /// Memory beside the value itself, in bytes.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.fragments)
    }
}
