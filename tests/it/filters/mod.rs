//! Filters (ams.md section 15) as documents, on URLs and on locators.

mod documents;
mod locators;
mod playback;
mod refusals;
mod selections;
