//! Policies and locators from documents: what is stored, refused, shown, and served under them.

mod documents;
mod multi_key;
mod refusals;
