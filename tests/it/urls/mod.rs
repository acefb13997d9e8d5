//! Streaming URLs on the wire: the grammar, the table of refusals, headers, codings, ranges, downloads.

mod codings;
mod downloads;
mod headers;
mod refusals;
mod spellings;
