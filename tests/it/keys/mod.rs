//! Keys, tokens, store and delivery.

mod clearkey;
mod delivery;
mod durability;
mod jwt;
mod publish;
mod store;
