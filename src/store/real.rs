//! The one name of a path, so that two names of one file are known for that before either is written.

use std::path::{Component, Path, PathBuf};

/// A path without links and detours. What is not there yet is named as it will be when the folders on
/// the way have been made: `new/..` is then the folder that `new` lies in.
pub fn real(path: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let mut real = here.unwrap_or_default();
    for component in path.components() {
        match component {
            // Nothing in front of it is a link.
            Component::ParentDir => drop(real.pop()),
            Component::CurDir => {}
            component => {
                real.push(component);
                real = real.canonicalize().unwrap_or(real);
            }
        }
    }
    real
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_of_what_is_there_and_of_what_will_be_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink("a/b", root.join("link")).unwrap();
        for (path, expected) in [
            ("a/b/../v", "a/v"),
            ("link/v", "a/b/v"),
            // The folder of what the link leads to.
            ("link/../v", "a/v"),
            ("new/../a/v", "a/v"),
            ("new/../link/v", "a/b/v"),
            ("new/deep/../../a/./v", "a/v"),
            ("a/new/v", "a/new/v"),
        ] {
            assert_eq!(real(&root.join(path)), root.join(expected), "{path}");
        }
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(real(Path::new("")), here);
        assert_eq!(real(Path::new("new/../v")), here.join("v"));
        assert_eq!(real(Path::new("/../v")), Path::new("/v"));
    }
}
