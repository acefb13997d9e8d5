//! FairPlay judged by an independent client in `../shared`, with credentials of its own making and with
//! ours. Skipped, and said so, where it is not installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_encoding::HEXLOWER;
use serde_json::json;
use tempfile::TempDir;

use crate::support::fairplay::{Service, URL, World};

struct Tools {
    python: PathBuf,
    scripts: PathBuf,
}

impl Tools {
    fn find() -> Option<Self> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = home.join("target/drm-clients/bin/python");
        let scripts = home.join("../shared/tools/drm-clients");
        if !python.exists() || !scripts.exists() {
            eprintln!("SKIPPED: fairplay_client.py (target/drm-clients, ../shared)");
            return None;
        }
        Some(Self { python, scripts })
    }

    fn run(&self, script: &str, flags: &[&str]) -> Output {
        let script = self.scripts.join(script);
        Command::new(&self.python).arg(script).args(flags).output().unwrap()
    }

    /// Runs the client; what it prints, or what it says of the refusal.
    async fn ask(&self, trust: &Path, url: &str, flags: &[&str]) -> Result<String, String> {
        let trust = trust.join("trust.json");
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join("fairplay_client.py")).args(["--url", url, "--trust"]);
        command.arg(trust).args(flags);
        // The service answers on this thread.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(said(&output.stdout)),
            false => Err(said(&output.stderr)),
        }
    }
}

fn line(service: &Service) -> String {
    let kid = HEXLOWER.encode(service.kid.as_bytes());
    format!("{kid}:{}", HEXLOWER.encode(service.key.expose()))
}

#[tokio::test]
async fn the_client_opens_every_answer_and_is_refused_what_is_damaged() {
    let Some(tools) = Tools::find() else { return };
    let made = TempDir::new().unwrap();
    let output = tools.run("make_test_device.py", &[made.path().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    for dir in [made.path(), World::get().dir()] {
        let trust = portcullis::service::trust::load(dir).unwrap();
        let service = Service::start_with(trust, &json!({}), true).await;
        let address = format!("{}{URL}", service.keys.listen().await);
        let (kid, line) = (service.kid.to_string(), line(&service));
        let url = format!("{address}?kid={kid}");
        for body in ["raw", "form", "base64", "json"] {
            for bits in ["1024", "2048"] {
                let flags = ["--kid", &kid, "--body", body, "--bits", bits];
                assert_eq!(tools.ask(dir, &url, &flags).await.as_ref(), Ok(&line), "{flags:?}");
            }
        }
        let skd = format!("skd://{kid}");
        for flags in [
            ["--skd", skd.as_str(), "--state", "start"],
            ["--skd", skd.as_str(), "--expect-hdcp", "type 0"],
            ["--kid", kid.as_str(), "--capabilities", "0"],
        ] {
            assert_eq!(tools.ask(dir, &url, &flags).await.as_ref(), Ok(&line), "{flags:?}");
        }
        for (how, status) in [
            ("integrity", "403"),
            ("dup", "400"),
            ("missing", "400"),
            ("return", "400"),
            ("block", "400"),
            ("cert", "403"),
            ("version", "400"),
            ("truncate", "400"),
            ("empty", "400"),
            ("key", "403"),
        ] {
            let refused = tools.ask(dir, &url, &["--kid", &kid, "--tamper", how]).await;
            let refused = refused.unwrap_err();
            assert!(refused.contains(&format!("HTTP {status}")), "{how}: {refused}");
        }
        let unknown = "0badc0de0badc0de0badc0de0badc0de";
        for url in [format!("{address}?kid={unknown}"), address] {
            let refused = tools.ask(dir, &url, &["--kid", unknown]).await.unwrap_err();
            assert!(refused.contains("HTTP 404"), "{refused}");
        }
    }
}

#[tokio::test]
async fn the_client_reads_what_limits_a_key() {
    let Some(tools) = Tools::find() else { return };
    let dir = World::get().dir();
    let lease = json!({ "leaseDuration": 90, "hdcpLevel": "TYPE-1" });
    let dual = json!({ "rentalAndLeaseKeyType": "DualExpiry", "offlineRentalConfiguration":
        { "storageDurationSeconds": 2_592_000, "playbackDurationSeconds": 86_400 } });
    for (option, flags) in [
        (&lease, &["--state", "start", "--expect-duration", "--expect-hdcp", "type 1"][..]),
        (&dual, &["--state", "expiring", "--expect-duration", "--capabilities", "1"]),
        (&dual, &["--state", "start", "--capabilities", "3"]),
        (&dual, &["--capabilities", "11"]),
    ] {
        let service = Service::start(option, true).await;
        let url = format!("{}{}", service.keys.listen().await, service.url());
        let kid = service.kid.to_string();
        let flags = [&["--kid", kid.as_str()], flags].concat();
        assert_eq!(tools.ask(dir, &url, &flags).await, Ok(line(&service)), "{flags:?}");
    }
}
