//! The real server over loopback HTTP, against what is expected of it: server CPU per megabyte for
//! every format and protection, cold and warm; CPU and rate of manifests and playlists; how soon the
//! first comes after a start; what a long asset costs and takes; what stalled readers hold. Beside it
//! what nginx and a bare hyper server need for the same bytes.
//!
//! Prints tables: all, or those that arguments name, as in `cargo bench --bench serve -- fragments`.
//! Media come from `scripts/long-asset.sh`, which keeps them in a cache folder. Numbers are of the
//! machine and the moment; CPU is that of the server alone, which has one core and shares it with no
//! client.

mod cores;
mod crowd;
mod documents;
mod floor;
mod fragments;
mod load;
mod memory;
mod process;
mod server;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis::package::format::{Format, Row, TABLE};

const TABLES: &[(&str, fn())] = &[
    ("fragments", fragments::cost_per_megabyte),
    ("long", fragments::long_against_short),
    ("documents", documents::cost_per_request),
    ("first", documents::first_after_start),
    ("small", documents::small_fragments),
    ("index", memory::of_long_asset),
    ("stalled", memory::of_stalled_readers),
];

fn main() {
    if floor::was_bare() {
        return;
    }
    // Cargo adds an argument of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|name| name != "--bench").collect();
    for (name, print) in TABLES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            cores::of_clients(print);
        }
    }
}

/// Every format whose fragments have URLs of their own; the on-demand profile has files with an index.
fn fragmented() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| row.format != Format::DashOnDemand)
}

/// A measured value beside the highest that is expected, `met` or not.
fn against(measured: f64, expected: Option<f64>) -> String {
    match expected {
        None => String::new(),
        Some(expected) if measured <= expected => format!("at most {expected}: met"),
        Some(expected) => format!("at most {expected}: MISSED"),
    }
}

/// The folder of an asset that the script makes: six levels and sound, `kbit` in the highest.
fn asset(minutes: u32, kbit: u32) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/long-asset.sh");
    let mut command = Command::new("bash");
    command.arg(script).args([minutes.to_string(), kbit.to_string()]).stderr(Stdio::inherit());
    let output = cores::of_all(|| command.output()).expect("bash runs");
    assert!(output.status.success(), "scripts/long-asset.sh failed; run make setup");
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    read_into_page_cache(&folder);
    folder
}

fn media_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths.filter(|path| path.extension().is_some_and(|ext| ext == "mp4")).collect()
}

fn read_into_page_cache(folder: &Path) {
    for path in media_files(folder) {
        io::copy(&mut fs::File::open(path).expect("readable"), &mut io::sink()).expect("readable");
    }
}

/// Lets the system forget the pages of the files, as far as it is willing to.
fn drop_from_page_cache(folder: &Path) {
    for path in media_files(folder) {
        let file = fs::File::open(path).expect("readable");
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    }
}
