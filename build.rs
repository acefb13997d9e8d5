//! Stops the build with advice when the players that the pages embed are not installed.

use std::path::Path;
use std::process::ExitCode;

/// One file of each npm package that `src/http/pages.rs` embeds.
const EMBEDDED: &[&str] = &[
    "web/node_modules/dashjs/dist/modern/umd/dash.all.min.js",
    "web/node_modules/hls.js/dist/hls.min.js",
    "web/node_modules/shaka-player/dist/shaka-player.compiled-es2021.js",
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    for file in EMBEDDED {
        println!("cargo::rerun-if-changed={file}");
        if !Path::new(file).exists() {
            println!("cargo::error={file} is missing: run `make setup`");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
