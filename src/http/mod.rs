//! The HTTP edge: accept loop, routes, and the mapping of typed errors to answers.

mod admission;
mod at_hand;
pub mod conditional;
mod cors;
mod deadline;
pub mod delivery;
mod encoding;
mod exchange;
mod guard;
mod host;
mod key_hosts;
pub mod limits;
pub mod media;
mod ops;
mod oversight;
mod pages;
mod peers;
pub mod policies;
mod prefetch;
pub mod problem;
pub mod range;
mod respond;
pub mod router;
pub mod server;
mod start_page;
mod upload;
