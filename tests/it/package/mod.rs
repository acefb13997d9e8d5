//! `portcullis package`: what it writes is judged as what the origin serves is.

mod files;
mod objects;
mod origin;
mod periods;
mod playlists;
mod refusals;
mod runs;
mod text;
mod trick;
