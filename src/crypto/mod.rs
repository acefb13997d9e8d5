//! Ciphers over media bytes, and the types that hold key material.

pub mod key;
