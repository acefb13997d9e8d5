//! `portcullis serve`: what was added is served as configured, until the process is told to stop.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::http::client;
use crate::support::server::{media_dir, portcullis};

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Waits for the log line that tells the addresses. From then on nobody reads the log, which
    /// the server must bear.
    fn fields(&mut self) -> serde_json::Value {
        let log = BufReader::new(self.0.stderr.take().unwrap());
        let line = log.lines().map(Result::unwrap).find(|line| line.contains("\"serving\""));
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        line["fields"].clone()
    }

    fn address(&mut self) -> String {
        self.fields()["address"].as_str().unwrap().to_owned()
    }
}

/// A configuration file that names everything itself, and the key file that it names.
fn configure(dir: &Path) -> PathBuf {
    let kek = dir.join("kek.hex");
    fs::write(&kek, "5c".repeat(32)).unwrap();
    let file = dir.join("portcullis.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata = {:?}\npublic_url = \"https://media.example/cdn/\"\n\
         [keys]\nkek_file = {kek:?}\n[log]\nformat = \"json\"\n",
        dir.join("data")
    );
    fs::write(&file, text).unwrap();
    file
}

/// The same with another section.
fn configure_with(dir: &Path, section: &str) -> PathBuf {
    let file = configure(dir);
    fs::write(&file, fs::read_to_string(&file).unwrap() + section).unwrap();
    file
}

fn start(config: &Path) -> Running {
    let mut command = portcullis();
    command.arg("serve").arg("--config").arg(config);
    Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_is_served_as_configured() {
    let dir = tempfile::tempdir().unwrap();
    let config = configure(dir.path());
    let mut add = portcullis();
    add.args(["add", "--json", "--policy", "open", "--config"]);
    let added = add.args([&config, &media_dir().join("ladder")]).output().unwrap();
    let added: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    let stream = &added["streams"][0];
    let url = stream["manifests"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("https://media.example/cdn/"), "{url}");
    assert!(!dir.path().join("data/kek").exists(), "a key was configured, none is to be made");

    let mut server = start(&config);
    let address = server.address();
    let kid = stream["keys"][0]["kid"].as_str().unwrap();
    let key =
        client().get(format!("http://{address}/keydelivery/?kid={kid}")).send().await.unwrap();
    assert_eq!((key.status().as_u16(), key.bytes().await.unwrap().len()), (200, 16));
    let path = url.strip_prefix("https://media.example/cdn").unwrap();
    let manifest = client().get(format!("http://{address}{path}")).send().await.unwrap();
    let text = manifest.text().await.unwrap();
    assert!(text.contains("https://media.example/cdn/keydelivery/ClearKey/"), "{text}");
    let list = client().get(format!("http://{address}/streams.json")).send().await.unwrap();
    assert!(!list.text().await.unwrap().contains("\"token\":"), "tokens are for dev only");

    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_pages_lists_no_stream() {
    let dir = tempfile::tempdir().unwrap();
    let config = configure_with(dir.path(), "[origin]\npages = false\n");
    let mut server = start(&config);
    let address = server.address();
    for (path, status) in [
        ("/", 404),
        ("/player", 404),
        ("/assets/page.js", 404),
        ("/streams.json", 404),
        ("/healthz", 200),
    ] {
        let answer = client().get(format!("http://{address}{path}")).send().await;
        assert_eq!(answer.unwrap().status(), status, "{path}");
    }
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_keys_serves_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let config = configure_with(dir.path(), "[key_delivery]\nlisten = \"127.0.0.1:0\"\n");
    let mut add = portcullis();
    add.args(["add", "--json", "--policy", "open", "--config"]);
    let added = add.args([&config, &media_dir().join("ladder")]).output().unwrap();
    let added: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    let stream = &added["streams"][0];
    let kid = stream["keys"][0]["kid"].as_str().unwrap();
    let url = stream["manifests"][0]["url"].as_str().unwrap();
    let manifest = url.strip_prefix("https://media.example/cdn").unwrap();

    let mut server = start(&config);
    let fields = server.fields();
    let [both, keys] = ["address", "key_delivery"].map(|name| fields[name].as_str().unwrap());
    let get = async |address: &str, path: &str| {
        let answer = client().get(format!("http://{address}{path}")).send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    let key = get(keys, &format!("/?kid={kid}")).await;
    assert_eq!((key.0, key.1.len()), (200, 16));
    for path in [format!("/keydelivery/?kid={kid}"), format!("/keydelivery?kid={kid}")] {
        assert_eq!(get(keys, &path).await, key, "{path}");
        assert_eq!(get(both, &path).await, key, "{path}");
    }
    assert_eq!(get(keys, "/FairPlay/certificate").await.0, 501);
    assert_eq!(get(both, manifest).await.0, 200);
    for path in [manifest, "/streams.json", "/player", "/healthz", "/api/dev", "/crossdomain.xml"] {
        assert_eq!(get(keys, path).await.0, 404, "{path}");
    }
    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}
