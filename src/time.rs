//! Timescales: conversions that never add up rounded values.
