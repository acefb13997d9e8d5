//! Filters (ams.md section 15) as documents, on URLs and on locators.

mod documents;
mod golden;
mod locators;
mod playback;
mod queries;
mod refusals;
mod selections;
