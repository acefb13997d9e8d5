//! Media files as they come: broken ones, odd ones, and what is made of them.

mod descriptions;
mod inputs;
mod malformed;
mod not_passed;
mod passed;
mod public;
mod server_manifest;
mod shown;
mod slices;
mod sound;
mod traps;
