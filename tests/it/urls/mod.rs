//! Streaming URLs on the wire: the grammar, the table of refusals, headers, ranges, downloads.

mod downloads;
mod headers;
mod refusals;
mod spellings;
