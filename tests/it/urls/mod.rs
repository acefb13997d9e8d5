//! Streaming URLs on the wire: the grammar, the table of refusals, headers, codings, ranges, downloads.

mod at_hand;
mod codings;
mod configured;
mod downloads;
mod headers;
mod prefetch;
mod refusals;
mod sound;
mod spellings;
