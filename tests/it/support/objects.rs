//! A server that speaks S3, by other hands (s3rver): it knows one account (but verifies no signatures of
//! version 4), and objects lie in its folder as files.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The only bucket.
pub(crate) const BUCKET: &str = "films";
/// The only account that the server knows: its id, and its secret.
pub(crate) const ACCOUNT: &str = "S3RVER";
/// What the server puts behind the names of files.
const SUFFIX: &str = "._S3rver_object";
/// Far more than a start takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; it ends with the test.
pub(crate) struct ObjectServer {
    dir: TempDir,
    address: String,
    child: Child,
}

impl ObjectServer {
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let (data, log) = (dir.path().join("data"), dir.path().join("log"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("node");
        command.arg(root.join("tests/node_modules/s3rver/bin/s3rver.js"));
        command.arg("-d").arg(&data).args(["-a", "127.0.0.1", "-p", "0", "--no-vhost-buckets"]);
        command.args(["--configure-bucket", BUCKET]);
        command.stdin(Stdio::null()).stdout(File::create(&log).unwrap());
        let child = command.stderr(File::create(dir.path().join("errors")).unwrap()).spawn();
        let child = child.expect("node and the packages of tests/: run `make setup`");
        let mut server = Self { dir, address: String::new(), child };
        let start = Instant::now();
        while server.address.is_empty() {
            assert!(start.elapsed() < PATIENCE, "the object server does not start");
            let said = |line: &String| line.contains("listening on");
            if let Some(line) = server.log().iter().find(|line| said(line)) {
                line.rsplit(' ').next().unwrap().clone_into(&mut server.address);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What the command has to know of the server and of who asks.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCOUNT.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ACCOUNT.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }

    /// Puts an object.
    pub(crate) fn put(&self, key: &str, content: &[u8]) {
        let file = self.folder().join(format!("{key}{SUFFIX}"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    /// The content of an object.
    pub(crate) fn get(&self, key: &str) -> Vec<u8> {
        let file = self.folder().join(format!("{key}{SUFFIX}"));
        fs::read(file).unwrap_or_else(|error| panic!("{key}: {error}"))
    }

    /// What the server says that an object is.
    pub(crate) fn content_type(&self, key: &str) -> String {
        let file = self.folder().join(format!("{key}._S3rver_metadata.json"));
        let metadata: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        metadata["content-type"].as_str().unwrap_or_default().to_owned()
    }

    /// The keys below a folder, without it.
    pub(crate) fn keys(&self, below: &str) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.folder().join(below), "", &mut keys);
        keys.sort();
        keys
    }

    /// What the server has logged: requests, and answers with their status.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = BufReader::new(File::open(self.dir.path().join("log")).unwrap());
        log.lines().map(Result::unwrap).collect()
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("data").join(BUCKET)
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(dir: &Path, front: &str, keys: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{front}{name}/"), keys);
        } else if let Some(name) = name.strip_suffix(SUFFIX) {
            keys.push(format!("{front}{name}"));
        }
    }
}
