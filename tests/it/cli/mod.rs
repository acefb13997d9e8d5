//! The commands as a user runs them.

mod add;
mod dev;
mod refusals;
mod serve;
mod sources;
