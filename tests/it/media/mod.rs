//! Media files as they come: broken ones, odd ones, and what is made of them.

mod malformed;
mod traps;
