//! The real binary as a `dev` server, and its ready file as typed values.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

/// Far more than a start or an orderly end takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The content of a ready file; every member of the contract is demanded.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ready {
    pub(crate) origin: String,
    pub(crate) key_delivery: String,
    pub(crate) pid: u32,
    pub(crate) streams: Vec<Stream>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) locator_id: String,
    pub(crate) policy: String,
    pub(crate) token: Option<String>,
    pub(crate) keys: Vec<Key>,
    pub(crate) manifests: Vec<Manifest>,
    /// Of streams that may be downloaded alone.
    #[serde(default)]
    pub(crate) downloads: Vec<String>,
    pub(crate) licenses: HashMap<String, String>,
    pub(crate) shaka_demo: Option<TestPage>,
}

/// The stream for the demo of Shaka Player.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestPage {
    pub(crate) asset: serde_json::Value,
    pub(crate) asset_base64: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) label: String,
    pub(crate) scheme: String,
    pub(crate) key: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) protocol: String,
    pub(crate) format: String,
    pub(crate) encryption: Option<String>,
    pub(crate) url: String,
}

impl Ready {
    /// The stream of that name.
    pub(crate) fn stream(&self, name: &str) -> &Stream {
        let found = self.streams.iter().find(|stream| stream.name == name);
        found.unwrap_or_else(|| panic!("no stream {name} in {:?}", self.names()))
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.streams.iter().map(|stream| stream.name.as_str()).collect()
    }
}

impl Stream {
    /// The manifest of a protocol.
    pub(crate) fn manifest(&self, protocol: &str) -> &Manifest {
        let found = self.manifests.iter().find(|manifest| manifest.protocol == protocol);
        found.unwrap_or_else(|| panic!("{} has no {protocol} manifest", self.name))
    }
}

/// The binary under test, without variables of the environment that would configure it.
pub(crate) fn portcullis() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PORTCULLIS_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// How a `dev` server is to be started.
#[derive(Debug, Default)]
pub(crate) struct DevServerBuilder {
    data: Option<PathBuf>,
    media: Vec<PathBuf>,
    variables: Vec<(String, String)>,
    flags: Vec<String>,
    unread: bool,
}

impl DevServerBuilder {
    /// Keeps its data here instead of in a folder of its own.
    pub(crate) fn data(mut self, dir: &Path) -> Self {
        self.data = Some(dir.into());
        self
    }

    /// Serves this folder; may be called several times.
    pub(crate) fn media(mut self, dir: &Path) -> Self {
        self.media.push(dir.into());
        self
    }

    /// Gives `dev` one more flag.
    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Gives `dev` one more flag without a value.
    pub(crate) fn switch(mut self, name: &str) -> Self {
        self.flags.push(name.to_owned());
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Nobody reads what it prints.
    pub(crate) fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// Starts the server and waits until it serves.
    pub(crate) fn start(self) -> DevServer {
        let own = TempDir::new().unwrap();
        let data = self.data.unwrap_or_else(|| own.path().join("data"));
        let ready_file = own.path().join("ready.json");
        let log = own.path().join("log");
        let mut command = portcullis();
        command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        command.arg("--ready-file").arg(&ready_file).args(&self.flags);
        for dir in &self.media {
            command.arg("--media").arg(dir);
        }
        let out = match self.unread {
            true => Stdio::from(std::io::pipe().unwrap().1),
            false => File::create(own.path().join("out")).unwrap().into(),
        };
        let mut child = command
            .envs(self.variables)
            .stdout(out)
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let ready = wait_for(&ready_file, &mut child, &log);
        DevServer { ready, data, ready_file, child, own }
    }
}

fn wait_for(ready_file: &Path, child: &mut Child, log: &Path) -> Ready {
    let began = Instant::now();
    loop {
        if let Ok(text) = fs::read(ready_file) {
            return serde_json::from_slice(&text).expect("the ready file does not read");
        }
        let ended = child.try_wait().unwrap();
        if ended.is_some() || began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("not ready ({ended:?}): {}", fs::read_to_string(log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A running `dev` server; ended by its process identifier when dropped.
#[derive(Debug)]
pub(crate) struct DevServer {
    pub(crate) ready: Ready,
    pub(crate) data: PathBuf,
    pub(crate) ready_file: PathBuf,
    child: Child,
    own: TempDir,
}

impl DevServer {
    pub(crate) fn builder() -> DevServerBuilder {
        DevServerBuilder::default()
    }

    /// One server with the built-in clip for all tests that only read.
    pub(crate) fn shared() -> &'static Ready {
        static SHARED: OnceLock<Ready> = OnceLock::new();
        SHARED.get_or_init(|| {
            let server = Self::builder().start();
            server.end_with_this_process();
            let ready = server.ready.clone();
            // Statics are never dropped: the watcher ends it instead.
            std::mem::forget(server);
            ready
        })
    }

    /// Ends the server, and removes its folder, once the test process is gone: statics are not
    /// dropped.
    pub(crate) fn end_with_this_process(&self) {
        let script = "(while kill -0 \"$1\" 2>/dev/null; do sleep 0.2; done; \
                      kill \"$2\"; rm -rf \"$3\") &";
        let started = Command::new("sh")
            .args(["-c", script, "watcher"])
            .args([std::process::id().to_string(), self.child.id().to_string()])
            .arg(self.own.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(started.unwrap().success());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has printed.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(self.own.path().join("out")).unwrap()
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.own.path().join("log")).unwrap()
    }

    /// Asks the server to end in order and waits for it.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the server did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Test media that the project makes itself, whether the shared corpus is there or not.
pub(crate) fn own_media_dir() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out");
    assert!(made.is_dir(), "no test media: run `make setup` or tests/media/make.sh");
    made
}

/// The shared corpus of media of other makers, where it is there; says so when it is not.
pub(crate) fn public_media() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media/public");
    if !dir.is_dir() {
        eprintln!("skipped: no {}", dir.display());
        return None;
    }
    Some(dir)
}

/// The test media of the project: the shared corpus when it is there, else the generated fixtures.
pub(crate) fn media_dir() -> PathBuf {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media/synthetic");
    if shared.is_dir() { shared } else { own_media_dir() }
}
