//! What the tests saw, kept for the tables of the README: nobody fills a cell by hand.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Keeps the rows that a test saw in this run.
pub(crate) fn keep(name: &str, rows: &[Value]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/results");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.json")), serde_json::to_vec(rows).unwrap()).unwrap();
}
