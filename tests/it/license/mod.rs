//! Licences of the protection systems by whole URLs.

mod playready;
mod playready_clients;
mod playready_damage;
mod playready_tester;
