//! Licences: who may have which key, and the bytes in which each system gets it.

pub mod access;
pub mod clearkey;

pub use access::{Ask, Grant, Refusal, decide};
