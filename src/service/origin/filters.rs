//! Which filters are in force: those of the URL and those of the locator (ams.md sections 14.1
//! and 15).

use std::sync::Arc;

use super::{Code, Origin, OriginError};
use crate::package::filter::{Filter, FilterError, FilterRule, MAX_DEFAULT, MAX_IN_URL};
use crate::package::request::Selectors;
use crate::store::{Locator, StoreError};

impl Origin {
    /// The filters in force. Their names are written into the selectors, as children repeat them:
    /// also those that the locator adds.
    pub(super) async fn filters(
        &self,
        locator: &Locator,
        selectors: &mut Selectors,
    ) -> Result<Vec<Arc<Filter>>, OriginError> {
        let names = combined(&selectors.filters, &locator.filters)?;
        let mut filters = Vec::with_capacity(names.len());
        for name in names {
            filters.push(self.filter(&locator.asset, name).await?);
        }
        selectors.filters = filters.iter().map(|filter| filter.name.clone()).collect();
        Ok(filters)
    }

    async fn filter(&self, asset: &str, name: &str) -> Result<Arc<Filter>, OriginError> {
        match self.store.filter(asset, name).await {
            Err(StoreError::NotFound { .. }) => {
                let detail = format!("there is no filter {name:?}");
                Err(OriginError::new(Code::FILTER_NOT_FOUND, detail))
            }
            outcome => Ok(outcome?),
        }
    }
}

/// Each name once: those of the URL, then those of the locator. Children repeat the latter, so
/// only what comes on top of them counts as named in the URL.
fn combined<'a>(url: &'a [String], locator: &'a [String]) -> Result<Vec<&'a str>, FilterError> {
    let too_many = |limit: usize, whose: &str| {
        FilterError::new(FilterRule::TooMany, format_args!("{whose} has more than {limit} filters"))
    };
    if locator.len() > MAX_DEFAULT {
        return Err(too_many(MAX_DEFAULT, "the locator"));
    }
    let known =
        |names: &[String], name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    if url.iter().filter(|name| !known(locator, name)).count() > MAX_IN_URL {
        return Err(too_many(MAX_IN_URL, "the URL"));
    }
    let more = locator.iter().filter(|name| !known(url, name));
    Ok(url.iter().chain(more).map(String::as_str).collect())
}
