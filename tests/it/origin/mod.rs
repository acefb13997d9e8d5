//! The origin from outside: IVs, files that change, golden bytes, headers.

mod ivs;
