//! Keys, tokens, store and delivery.

mod audit;
mod clearkey;
mod delivery;
mod durability;
mod jwt;
mod publish;
mod rotation;
mod store;
mod token_command;
