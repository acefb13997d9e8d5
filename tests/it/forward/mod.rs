//! Licences that another server makes.

mod configured;
mod decided;
mod failures;
mod passed;
mod systems;
mod widevine;
