//! How one file names another: relative to the folder that it lies in.

use std::path::{Component, PathBuf};

use crate::package::template::encoded;
use crate::store::Location;

/// The path of `file` as seen from the folder of `manifest`, which is on the same machine or in the same
/// bucket; forward slashes, `..` upwards.
pub(super) fn relative(manifest: &Location, file: &Location) -> String {
    let mut from = normal(manifest);
    from.pop();
    let to = normal(file);
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - shared);
    let down = to[shared..].iter().map(String::as_str);
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The same as a URL behind `base`.
pub(super) fn url(base: &str, manifest: &Location, file: &Location) -> String {
    let path = relative(manifest, file);
    format!("{}{}", front(base, &path), encoded(&path))
}

/// What stands in front of a path so that it is a URL behind `base`: without one, a first name with a
/// colon would be taken for a scheme (RFC 3986 section 4.2).
pub(super) fn front<'a>(base: &'a str, path: &str) -> &'a str {
    let first = path.split('/').next().unwrap_or_default();
    if base.is_empty() && first.contains(':') { "./" } else { base }
}

/// The names of a path from the root on, or of a key, without detours.
fn normal(place: &Location) -> Vec<String> {
    let path = match place {
        Location::Local(path) => path,
        Location::Object(name) => return name.key().split('/').map(str::to_owned).collect(),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).unwrap()
    }

    #[test]
    fn files_are_named_from_the_folder_of_the_manifest() {
        for (manifest, file, expected) in [
            ("out/a.mpd", "out/v.mp4", "v.mp4"),
            ("out/a.mpd", "out/v/1.m4s", "v/1.m4s"),
            ("out/hls/a.m3u8", "out/v.mp4", "../v.mp4"),
            ("a.mpd", "./x/../v.mp4", "v.mp4"),
            ("/a/b/c.mpd", "/d/v.mp4", "../../d/v.mp4"),
            ("s3://films/a.mpd", "s3://films/v/1.m4s", "v/1.m4s"),
            ("s3://films/a/b.mpd", "s3://films/c/v.mp4", "../c/v.mp4"),
        ] {
            assert_eq!(relative(&at(manifest), &at(file)), expected);
        }
        for (base, file, expected) in [
            ("https://cdn/", "a b.mp4", "https://cdn/a%20b.mp4"),
            ("https://cdn/", "a:b.mp4", "https://cdn/a:b.mp4"),
            ("", "a:b.mp4", "./a:b.mp4"),
            ("", "a:b/v.mp4", "./a:b/v.mp4"),
            ("", "v/a:b.mp4", "v/a:b.mp4"),
        ] {
            assert_eq!(url(base, &at("a.mpd"), &at(file)), expected);
        }
    }
}
