//! Keys, tokens, store and delivery.

mod audit;
mod clearkey;
mod delivery;
mod durability;
mod jwt;
mod publish;
mod store;
mod token_command;
