//! From a URL to a packaged answer: grammar, formats, plans, fragments, manifests.

pub mod cmaf;
pub mod format;
pub mod plan;
