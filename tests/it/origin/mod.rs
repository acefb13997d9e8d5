//! The origin from outside: IVs, files that change, golden bytes, headers.

mod agreement;
mod ams;
mod changes;
mod company;
mod figures;
mod golden;
mod interrupted;
mod ivs;
mod rotation;
mod standing;
mod systems;
