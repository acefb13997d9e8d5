//! The server shell, without media: connections, limits, cross-origin rules.

mod connections;
mod drain;
mod pages;
mod requests;
