//! The HTTP edge: accept loop, routes, and the mapping of typed errors to answers.

pub mod conditional;
pub mod problem;
pub mod range;
