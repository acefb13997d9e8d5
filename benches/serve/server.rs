//! The real binary as a `dev` server over one asset, and what its process costs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cores;
use crate::load::request;
use crate::process::Process;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");

/// A server; ends with the value.
pub(crate) struct Server {
    pub(crate) process: Process,
    data: tempfile::TempDir,
    /// Paths in front of `manifest(...)` by stream.
    roots: BTreeMap<String, String>,
}

impl Server {
    /// Starts over a folder of media, with variables of the environment.
    pub(crate) fn start(media: &Path, variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let ready = data.path().join("ready.json");
        let mut command = Command::new(BINARY);
        command
            .args(["dev", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(data.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .arg("--media")
            .arg(media)
            .env("PORTCULLIS_LOG_FILTER", "warn")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = cores::of_server(|| command.spawn()).expect("the server starts");
        let ready = patiently("a ready file", || fs::read_to_string(&ready));
        let ready: Value = serde_json::from_str(&ready).expect("JSON");
        let origin = text(&ready["origin"]);
        let mut roots = BTreeMap::new();
        for stream in ready["streams"].as_array().expect("streams") {
            let path = text(&stream["manifests"][0]["url"]).replacen(&origin, "", 1);
            let root = path.split("manifest(").next().unwrap_or_default();
            roots.insert(text(&stream["name"]), root.to_owned());
        }
        let address = origin.trim_start_matches("http://").to_owned();
        Self { process: Process::new(child, address), data, roots }
    }

    /// The same after a start of `serve`, which has read no file of media yet: `dev` has read all.
    pub(crate) fn again(self) -> Self {
        let Self { process, data, roots } = self;
        let address = process.address.clone();
        // Its port is free then.
        drop(process);
        let mut command = Command::new(BINARY);
        command
            .args(["serve", "--listen", &address, "--data"])
            .arg(data.path().join("data"))
            .env("PORTCULLIS_LOG_FILTER", "warn")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = cores::of_server(|| command.spawn()).expect("the server starts");
        patiently("the server listens", || TcpStream::connect(&address));
        let process = Process::new(child, address);
        process.connect().get(&request("/healthz"));
        Self { process, data, roots }
    }

    /// Path of a stream's manifest, selectors as given.
    pub(crate) fn manifest(&self, stream: &str, selectors: &str) -> String {
        format!("{}manifest({selectors})", self.roots[stream])
    }

    /// Paths of the media playlists of a multivariant playlist: sound, then levels upwards.
    pub(crate) fn playlists(&self, stream: &str, selectors: &str) -> Vec<String> {
        let master = self.process.connect().text(&self.manifest(stream, selectors));
        let lines = master.lines().filter(|line| !line.contains("type=keyframes"));
        let uris = lines.filter_map(|line| Some(&line[line.find("QualityLevels(")?..]));
        uris.map(|uri| format!("{}{}", self.roots[stream], uri.trim_end_matches('"'))).collect()
    }

    /// Path of the one file of the highest level in the on-demand profile.
    pub(crate) fn file(&self, stream: &str) -> String {
        let playlist = self.playlists(stream, "format=m3u8-cmaf").pop().expect("a level");
        playlist.replace("Manifest(", "Media(").replace("m3u8-cmaf", "mpd-ondemand")
    }

    /// Paths of the fragments of a level, counted from the highest. The same times stand in every
    /// format, and playlists are easy to read; the selectors are those of the wanted format.
    pub(crate) fn fragments(&self, stream: &str, level: usize, selectors: &str) -> Vec<String> {
        let listed = match selectors.split_once(",encryption=") {
            Some((_, encryption)) => format!("format=m3u8-cmaf,encryption={encryption}"),
            None => "format=m3u8-cmaf".to_owned(),
        };
        let playlists = self.playlists(stream, &listed);
        let playlist = &playlists[playlists.len() - 1 - level];
        let folder = &playlist[..=playlist.rfind('/').expect("a path")];
        let text = self.process.connect().text(playlist);
        let leaves = text.lines().filter(|line| line.starts_with("Fragments("));
        leaves.map(|leaf| format!("{folder}{}", leaf.replace(&listed, selectors))).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Tries again until it works, for 20 seconds.
fn patiently<T>(what: &str, attempt: impl Fn() -> io::Result<T>) -> T {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(_) if start.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }
}
