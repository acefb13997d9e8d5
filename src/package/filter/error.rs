//! Why filters are refused: the rules that AMS had a code for (ams.md section 19).

use std::fmt;

/// The rule that a filter, or filters together, break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterRule {
    /// The document is not a filter.
    Shape,
    /// The range leaves nothing, or cannot be told.
    Range,
    /// A condition on tracks says nothing.
    Track,
    /// The presentation window is shorter than a minute.
    PresentationWindow,
    /// The live back-off is longer than five minutes.
    LiveBackoff,
    /// The live back-off is longer than the presentation window.
    BackoffOverWindow,
    /// The first quality names no bitrate.
    FirstQuality,
    /// Two filters have a first quality.
    SeveralFirstQualities,
    /// More filters than may be combined.
    TooMany,
    /// No track is left.
    NothingLeft,
}

/// A filter, or filters together, are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FilterError {
    /// The rule that is broken.
    pub rule: FilterRule,
    /// Names the filter, the member and what is wrong with it.
    pub detail: String,
}

impl FilterError {
    /// A refusal with a reason.
    pub fn new(rule: FilterRule, detail: impl fmt::Display) -> Self {
        Self { rule, detail: detail.to_string() }
    }

    /// The same of a filter that an asset keeps.
    #[must_use]
    pub fn in_asset(self, asset: &str) -> Self {
        Self { detail: format!("asset {asset}: {}", self.detail), ..self }
    }

    /// The same, with the name of the filter in front.
    pub(super) fn of(self, filter: &str) -> Self {
        Self { detail: format!("filter {filter}: {}", self.detail), ..self }
    }
}
