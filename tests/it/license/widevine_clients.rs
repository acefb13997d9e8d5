//! Widevine judged by an independent client: pywidevine, through the tools in `../shared`, with roots
//! and devices that those tools made. Skipped, and said so, where they are not installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;

use crate::support::keys::{sign, spec};
use crate::support::widevine::{Service, URL};

struct Tools {
    python: PathBuf,
    scripts: PathBuf,
    /// Roots and devices of their making.
    drm: TempDir,
}

impl Tools {
    fn find() -> Option<Self> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = home.join("target/drm-clients/bin/python");
        let scripts = home.join("../shared/tools/drm-clients");
        if !python.exists() || !scripts.exists() {
            eprintln!("SKIPPED: pywidevine is not installed (scripts/setup.sh test, ../shared)");
            return None;
        }
        let tools = Self { python, scripts, drm: TempDir::new().unwrap() };
        let made = tools.run("make_test_device.py", &[tools.drm.path().to_str().unwrap()]);
        assert!(made.status.success(), "{made:?}");
        Some(tools)
    }

    fn run(&self, script: &str, flags: &[&str]) -> Output {
        let script = self.scripts.join(script);
        Command::new(&self.python).arg(script).args(flags).output().unwrap()
    }

    /// Runs pywidevine as a device; the `KID:KEY` lines, or what it says of the refusal.
    async fn ask(&self, url: &str, device: &str, flags: &[&str]) -> Result<Vec<String>, String> {
        let trust = self.drm.path().join("trust.json");
        let device = self.drm.path().join(format!("widevine/device_{device}.wvd"));
        let fixed = ["--url", url, "--trust", trust.to_str().unwrap()];
        let named = ["--device", device.to_str().unwrap()];
        let script = self.scripts.join("widevine_client.py");
        let mut command = Command::new(&self.python);
        command.arg(script).args(fixed).args(named).args(flags);
        // The service answers on this thread.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(said(&output.stdout).lines().map(str::to_owned).collect()),
            false => Err(said(&output.stderr)),
        }
    }
}

async fn service(tools: &Tools, open: bool, template: &serde_json::Value) -> (Service, String) {
    let trust = portcullis::service::trust::load(tools.drm.path()).unwrap();
    let widevine = trust.widevine.unwrap();
    let service = Service::start(widevine, "commonEncryptionCenc", open, template).await;
    service.keys.set_clock(jiff::Timestamp::now().as_second());
    let url = format!("{}{URL}", service.keys.listen().await);
    (service, url)
}

fn lines(service: &Service) -> Vec<String> {
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let line = |(_, kid, key): &(String, portcullis::ids::KeyId, [u8; 16])| {
        format!("{}:{}", hex(kid.as_bytes()), hex(key))
    };
    service.film.iter().map(line).collect()
}

#[tokio::test]
async fn pywidevine_gets_the_keys_of_every_good_device_and_none_of_a_bad_one() {
    let Some(tools) = Tools::find() else { return };
    let (service, url) = service(&tools, true, &json!({})).await;
    let kids: Vec<String> = service.film.iter().map(|(_, kid, _)| kid.to_string()).collect();
    let kids: Vec<&str> = kids.iter().flat_map(|kid| ["--kid", kid]).collect();
    for device in ["l1", "l3", "chrome"] {
        for more in
            [&[][..], &["--privacy", "fetch"], &["--init-data-variant"], &["--type", "AUTOMATIC"]]
        {
            let found = tools.ask(&url, device, &[&kids[..], more].concat()).await;
            assert_eq!(found, Ok(lines(&service)), "{device} {more:?}");
        }
    }
    let unknown = ["--kid", "0badc0de0badc0de0badc0de0badc0de"];
    let refused = tools.ask(&url, "l3", &unknown).await.unwrap_err();
    assert!(refused.contains("HTTP 404"), "{refused}");
    for device in
        ["rogue", "badsig", "forged", "wrongsystem", "expired", "revoked_system", "revoked_serial"]
    {
        let refused = tools.ask(&url, device, &kids).await.unwrap_err();
        assert!(refused.contains("HTTP 403"), "{device}: {refused}");
    }
    for how in ["signature", "nosignature", "msg", "truncate", "empty", "garbage", "type"] {
        let refused = tools.ask(&url, "l3", &[&kids[..], &["--tamper", how]].concat()).await;
        assert!(refused.unwrap_err().contains("HTTP 400"), "{how}");
    }
}

#[tokio::test]
async fn pywidevine_is_given_rights_by_label_renews_and_releases() {
    let Some(tools) = Tools::find() else { return };
    let template = json!({
        "content_key_specs": [
            { "track_type": "AUDIO", "security_level": 1 },
            { "track_type": "SD", "security_level": 2,
              "required_output_protection": { "hdcp": "HDCP_V1" } },
            { "track_type": "UHD1", "security_level": 5,
              "required_output_protection": { "hdcp": "HDCP_V2_2" } }],
        "policy_overrides": { "can_play": true, "can_persist": true, "can_renew": true,
            "license_duration_seconds": 3600 } });
    let (service, url) = service(&tools, false, &template).await;
    let kids: Vec<String> = service.film.iter().map(|(_, kid, _)| kid.to_string()).collect();
    let kids: Vec<&str> = kids.iter().flat_map(|kid| ["--kid", kid]).collect();
    let refused = tools.ask(&url, "l1", &kids).await.unwrap_err();
    assert!(refused.contains("HTTP 401"), "{refused}");
    let mut token = spec();
    token.expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let token = sign(&token);
    let flags = [&kids[..], &["--token", &token, "--renew", "--release"]].concat();
    assert_eq!(tools.ask(&url, "l1", &flags).await, Ok(lines(&service)));
    // All but the key that a device in software may not have.
    let flags = [&flags[..], &["--type", "OFFLINE", "--privacy", "trust"]].concat();
    let found = tools.ask(&url, "l3", &flags).await.unwrap();
    let uhd = data_encoding::HEXLOWER.encode(service.kid("UHD1").as_bytes());
    let mut expected = lines(&service);
    expected.retain(|line| !line.starts_with(&uhd));
    assert_eq!((found, expected.len()), (expected.clone(), 2));
    let refused = tools.ask(&url, "l3", &[&flags[..], &["--tamper-renewal"]].concat()).await;
    assert!(refused.unwrap_err().contains("HTTP 400"));
}
