//! Standard output. Who reads it may stop early, as `head` does, which is no failure: what is printed
//! then goes nowhere, and the command ends as it would have.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process;

use super::Exit;

/// Like `print`, but without a panic.
macro_rules! out {
    ($($text:tt)*) => { $crate::cli::out::write(format_args!($($text)*)) };
}

/// Like `println`, but without a panic.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}

pub(super) use {out, outln};

/// Prints a line.
pub(super) fn line(text: fmt::Arguments<'_>) {
    write(format_args!("{text}\n"));
}

/// Prints text. Where it cannot be written for another reason than that nobody reads, the process ends:
/// what stands in the place of the output is not all of it.
pub(super) fn write(text: fmt::Arguments<'_>) {
    match io::stdout().lock().write_fmt(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("portcullis: standard output: {error}");
            process::exit(Exit::Environment as i32);
        }
        _ => {}
    }
}
