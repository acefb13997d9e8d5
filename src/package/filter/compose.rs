//! Several filters and the choices of a query as one: what all of them show.

use std::sync::Arc;

use super::track::Facts;
use super::{Filter, FilterError, FilterRule};
use crate::media::Asset;
use crate::package::request::Query;
use crate::package::selection::Selection;

/// More filters in a URL, beside those of the locator, are refused.
pub const MAX_IN_URL: usize = 3;

/// More filters of a locator are refused.
pub const MAX_DEFAULT: usize = 10;

/// All times, in wire ticks.
const WHOLE: (u64, u64) = (0, u64::MAX);

/// What `filters` and `query` leave of an asset.
///
/// # Errors
/// Filters that contradict each other, or that leave nothing.
pub fn select(
    asset: &Asset,
    filters: &[Arc<Filter>],
    query: &Query,
) -> Result<Selection, FilterError> {
    let mut selection = Selection::everything(asset)
        .keeping(asset, |rendition| keep(filters, &Facts::of(rendition)))
        .keeping_text(asset, |text| keep(filters, &Facts::of_text(text)));
    if selection.is_empty() {
        let detail = "the filters leave no track";
        return Err(FilterError::new(FilterRule::NothingLeft, detail));
    }
    selection = query.narrow(asset, selection.clone())?.muxing_from(&selection);
    selection = selection.keeping_images_of_pictures(asset);
    let (start, end) = common_range(filters, query)?;
    if (start, end) != WHOLE {
        selection = selection.between(asset, start, end);
    }
    if selection.is_empty() {
        let detail = "nothing is shown between the times that are asked for";
        return Err(FilterError::new(FilterRule::Range, detail));
    }
    Ok(match first_quality(filters)? {
        Some(bitrate) => selection.led_by(asset, bitrate),
        None => selection,
    })
}

fn keep(filters: &[Arc<Filter>], track: &Facts<'_>) -> bool {
    filters.iter().all(|filter| filter.keeps(track))
}

impl Filter {
    fn keeps(&self, track: &Facts<'_>) -> bool {
        self.tracks.is_empty() || self.tracks.iter().any(|entry| entry.keeps(track))
    }
}

fn first_quality(filters: &[Arc<Filter>]) -> Result<Option<u64>, FilterError> {
    let mut qualities = filters.iter().filter_map(|filter| filter.first_quality);
    let first = qualities.next();
    match qualities.next() {
        None => Ok(first),
        Some(_) => Err(FilterError::new(
            FilterRule::SeveralFirstQualities,
            "more than one of the filters has a firstQuality",
        )),
    }
}

/// The part that all show, in wire ticks.
fn common_range(filters: &[Arc<Filter>], query: &Query) -> Result<(u64, u64), FilterError> {
    let ranges = || filters.iter().filter_map(|filter| filter.range.as_ref());
    let start = ranges().map(|range| range.start()).chain(query.start).fold(WHOLE.0, u64::max);
    let end = ranges().filter_map(|range| range.end()).chain(query.end).fold(WHOLE.1, u64::min);
    if start < end {
        return Ok((start, end));
    }
    Err(FilterError::new(FilterRule::Range, "the times asked for have nothing in common"))
}
