//! Licences of the protection systems by whole URLs.

mod fairplay;
mod fairplay_clients;
mod fairplay_damage;
mod fairplay_function;
mod fairplay_policies;
mod matrix;
mod playready;
mod playready_clients;
mod playready_damage;
mod playready_tester;
mod root_key_licences;
mod root_keys;
mod tester;
mod tiers;
mod widevine;
mod widevine_clients;
mod widevine_damage;
mod widevine_refusals;
mod widevine_renewals;
