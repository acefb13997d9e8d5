//! What the product does, over the store and without HTTP: publishing, delivery, origin.

pub mod streams;
