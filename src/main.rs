//! The `portcullis` command: parse, run, say what went wrong, exit with the right code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use portcullis::cli::{Cli, Exit};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// So many sockets are taken up at a time. Taking up more wakes more tasks than the queue of a thread has
/// room for, and what is touched to wake them is out of the processor's caches when they run.
const SOCKETS_AT_A_TIME: usize = 32;

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().max_io_events_per_tick(SOCKETS_AT_A_TIME).build()
}

fn main() -> ExitCode {
    // clap ends the process with 2 for wrong usage and with 0 for help and version.
    let cli = Cli::parse();
    let runtime = match runtime() {
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
