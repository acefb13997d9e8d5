//! Builders and clients that the tests share.

pub mod keys;
