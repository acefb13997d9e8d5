//! What the product does, put together from policies, store and formats, without HTTP.

pub mod d_function;
pub mod delivery;
pub mod origin;
pub mod own_key;
pub mod packager;
mod preflight;
pub mod publish;
mod references;
pub mod resource;
pub mod streams;
pub mod test_page;
pub mod trust;
pub mod upstream;
