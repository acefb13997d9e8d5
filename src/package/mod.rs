//! From a URL to a packaged answer: grammar, formats, plans, fragments, manifests.

pub mod announced;
pub mod cmaf;
pub mod compat;
pub mod dash;
mod envelope;
pub mod filter;
pub mod format;
pub mod heads;
pub mod hls;
pub mod images;
pub mod keyed;
pub mod media_file;
pub mod part;
mod periods;
pub mod plan;
pub mod presentation;
mod rate;
pub mod request;
pub mod selection;
pub mod smooth;
pub mod steering;
pub mod support;
pub mod text;
pub mod text_file;
pub mod ts;
mod xml;
