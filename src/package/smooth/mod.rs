//! Smooth Streaming ([MS-SSTR]; ams.md section 3.5): the client manifest. Fragments are those of
//! [`super::cmaf`] in another shape.

mod dolby;
mod manifest;
mod protection;
mod quality;
mod text;

pub use manifest::manifest;
pub use quality::carries;
