//! From a URL to a packaged answer: grammar, formats, plans, fragments, manifests.

pub mod cmaf;
pub mod dash;
pub mod format;
pub mod hls;
mod language;
pub mod plan;
pub mod presentation;
pub mod request;
pub mod ts;
