//! The HTTP edge: accept loop, routes, and the mapping of typed errors to answers.

pub mod delivery;
pub mod problem;
