//! The `portcullis` command: parse, run, say what went wrong, exit with the right code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use portcullis::cli::{Cli, Exit};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // clap ends the process with 2 for wrong usage and with 0 for help and version.
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(Exit::Environment, &error),
    };
    match runtime.block_on(cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error.exit, &error),
    }
}

fn fail(exit: Exit, error: &dyn std::error::Error) -> ExitCode {
    eprintln!("portcullis: {error}");
    ExitCode::from(exit as u8)
}
