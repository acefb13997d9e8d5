//! Keys, tokens, store and delivery.

mod audit;
mod clearkey;
mod delivery;
mod durability;
mod jwt;
mod one_url;
mod publish;
mod rotation;
mod store;
mod token_command;
mod token_forms;
