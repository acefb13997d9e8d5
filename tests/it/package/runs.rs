//! Runs of the command in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::oracle::HexKey;
use crate::support::server::{own_media_dir, portcullis};

pub(super) const LOW: &str = "tidewater_h264_320x180_120.mp4";
pub(super) const HIGH: &str = "tidewater_h264_1280x720_750.mp4";
pub(super) const SOUND: &str = "tidewater_aac_eng_ch2_96.mp4";

/// A file of the ladder that the project makes itself: 20 seconds.
pub(super) fn ladder(name: &str) -> PathBuf {
    own_media_dir().join("ladder").join(name)
}

/// The key of the label.
pub(super) fn key(label: &str) -> HexKey {
    let n = label.bytes().fold(0_u8, u8::wrapping_add);
    HexKey { kid: format!("{n:02x}").repeat(16), key: format!("{:02x}", !n).repeat(16) }
}

/// The value of `--keys` for these labels.
pub(super) fn keys(labels: &[&str]) -> String {
    let one = |label: &&str| {
        let HexKey { kid, key } = key(label);
        format!("label={label}:key_id={kid}:key={key}")
    };
    labels.iter().map(one).collect::<Vec<_>>().join(",")
}

/// What a run left.
pub(super) struct Run {
    dir: TempDir,
    pub(super) summary: Value,
}

impl Run {
    /// Runs the command to a good end.
    pub(super) fn of(arguments: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = portcullis();
        command.arg("package").args(arguments).arg("--json").current_dir(dir.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary = serde_json::from_slice(&output.stdout).unwrap();
        Self { dir, summary }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Files one behind the other: the first, and those of a template from 1 on.
    pub(super) fn joined(&self, init: Option<&str>, template: &str) -> Vec<u8> {
        let mut media = init.map_or_else(Vec::new, |init| self.bytes(init));
        let segments = self.segments(template);
        assert!(segments.len() > 1, "{template}");
        media.extend(segments.concat());
        media
    }

    /// The files of a template from 1 on.
    pub(super) fn segments(&self, template: &str) -> Vec<Vec<u8>> {
        let named = (1..).map(|n: u32| self.path(&template.replace("$Number$", &n.to_string())));
        named.map_while(|path| fs::read(path).ok()).collect()
    }

    /// Everything that lies in the folder.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(self.dir.path(), "", &mut names);
        names.sort();
        names
    }
}

fn collect(dir: &Path, front: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{front}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), names),
            false => names.push(name),
        }
    }
}

/// A run that is refused: exit code and what is said.
pub(super) fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let dir = TempDir::new().unwrap();
    let mut command = portcullis();
    command.arg("package").args(arguments).current_dir(dir.path());
    let output = command.output().unwrap();
    let left = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "a refused run leaves nothing: {arguments:?}");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}
