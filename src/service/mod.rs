//! What the product does, put together from policies, store and formats.

pub mod delivery;
pub mod publish;
