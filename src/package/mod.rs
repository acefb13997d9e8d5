//! From a URL to a packaged answer: grammar, formats, plans, fragments, manifests.

pub mod format;
