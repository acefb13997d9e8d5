//! How one file names another: relative to the folder that it lies in.

use std::path::{Component, Path, PathBuf};

use crate::package::template::encoded;

/// The path of `file` as seen from the folder of `manifest`; forward slashes, `..` upwards.
pub(super) fn relative(manifest: &Path, file: &Path) -> String {
    let from = normal(manifest.parent().unwrap_or(Path::new("")));
    let to = normal(file);
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - shared);
    let down = to[shared..].iter().map(String::as_str);
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The same as a URL behind `base`.
pub(super) fn url(base: &str, manifest: &Path, file: &Path) -> String {
    format!("{base}{}", encoded(&relative(manifest, file)))
}

/// The names of a path from the root on, without detours.
fn normal(path: &Path) -> Vec<String> {
    let whole = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")).join(path);
    let mut names: Vec<String> = Vec::new();
    for component in whole.components() {
        match component {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(names.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    names
}

/// Whether two paths name the same file.
pub(super) fn same(a: &Path, b: &Path) -> bool {
    normal(a) == normal(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_folder_of_the_manifest() {
        for (manifest, file, expected) in [
            ("out/a.mpd", "out/v.mp4", "v.mp4"),
            ("out/a.mpd", "out/v/1.m4s", "v/1.m4s"),
            ("out/hls/a.m3u8", "out/v.mp4", "../v.mp4"),
            ("a.mpd", "./x/../v.mp4", "v.mp4"),
            ("/a/b/c.mpd", "/d/v.mp4", "../../d/v.mp4"),
        ] {
            assert_eq!(relative(Path::new(manifest), Path::new(file)), expected);
        }
        let named = url("https://cdn/", Path::new("a.mpd"), Path::new("a b.mp4"));
        assert_eq!(named, "https://cdn/a%20b.mp4");
    }
}
