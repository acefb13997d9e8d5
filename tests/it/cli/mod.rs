//! The commands as a user runs them.

mod add;
mod dev;
mod inspect;
mod offers;
mod refusals;
mod serve;
mod sources;
