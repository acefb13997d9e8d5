//! The commands as a user runs them.

mod add;
mod decrypt;
mod dev;
mod drm;
mod gathered;
mod inspect;
mod license;
mod manifests;
mod names;
mod offers;
mod refusals;
mod serve;
mod sources;
