//! Modules point downwards only: the table in `src/lib.rs` against every path in the sources.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads the rows `//! | 0 | [`bytes`] [`ids`] | ... |` of the module map.
fn layers(lib: &str) -> HashMap<String, u32> {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | "));
    rows.filter_map(|row| {
        let (layer, rest) = row.split_once(" | ")?;
        Some((layer.parse::<u32>().ok()?, rest.split(" |").next()?))
    })
    .flat_map(|(layer, names)| {
        names
            .split_whitespace()
            .map(move |name| (name.trim_matches(|c| "[`]".contains(c)).to_owned(), layer))
    })
    .collect()
}

/// The modules that a source text names as `crate::name` or within `crate::{...}`; tests inside a
/// module may look wherever they like.
fn used(source: &str) -> Vec<String> {
    let code: String = source
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.split("crate::").skip(1).flat_map(after_crate).collect()
}

fn after_crate(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(list) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut depth = 0;
    let items = list.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth < 0 || (depth == 0 && c == ',')
    });
    items.take_while(|item| !item.contains(';')).map(name).filter(|n| !n.is_empty()).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect()
}

/// Every edge that points upwards, as `file -> module`.
fn upward_edges(layers: &HashMap<String, u32>, files: &[(String, String)]) -> Vec<String> {
    let layer_of = |module: &str| layers.get(module).copied();
    let mut upward = Vec::new();
    for (file, source) in files {
        let module = file.split(['/', '.']).next().unwrap();
        let own = layer_of(module).unwrap_or_else(|| panic!("{module} has no row in src/lib.rs"));
        let above = used(source).into_iter().filter(|name| layer_of(name) > Some(own));
        upward.extend(above.map(|name| format!("{file} -> {name}")));
    }
    upward
}

#[test]
fn modules_use_only_their_own_and_lower_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layers = layers(&fs::read_to_string(root.join("lib.rs")).unwrap());
    assert!(layers.len() > 15, "the module map was not understood: {layers:?}");
    let files: Vec<(String, String)> = sources(&root)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            (name, fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| name != "lib.rs" && name != "main.rs")
        .collect();
    assert_eq!(upward_edges(&layers, &files), Vec::<String>::new());
}

#[test]
fn an_upward_edge_is_found_in_every_spelling() {
    let layers = HashMap::from([("low".to_owned(), 0), ("high".to_owned(), 9)]);
    for source in [
        "use crate::high::X;",
        "use crate::{low::{A, B}, high::X};",
        "fn f() { crate::high::g(); }",
        "use crate::{\n    high,\n};",
    ] {
        let files = [("low/a.rs".to_owned(), source.to_owned())];
        assert_eq!(upward_edges(&layers, &files), ["low/a.rs -> high"], "{source}");
    }
    let fine = "// crate::high\nuse crate::low::A;\n#[cfg(test)]\nmod tests { use crate::high; }";
    assert!(upward_edges(&layers, &[("low.rs".to_owned(), fine.to_owned())]).is_empty());
}
