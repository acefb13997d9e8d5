//! PlayReady judged by an independent client: pyplayready, through the tools in `../shared`, with
//! roots and devices that those tools made and with our own. Skipped, and said so, where they are not
//! installed.

use std::path::Path;

use serde_json::json;

use crate::support::drm_clients::Tools;
use crate::support::keys::{sign, spec};
use crate::support::playready::{Service, URL, World, template};

/// Runs pyplayready as a device of a folder.
async fn ask(
    tools: &Tools,
    dir: &Path,
    url: &str,
    device: &str,
    flags: &[&str],
) -> Result<Vec<String>, String> {
    let device = dir.join(format!("playready/device_{device}.prd"));
    let flags = [&["--device", device.to_str().unwrap()], flags].concat();
    tools.ask("playready_client.py", dir, url, &flags).await
}

async fn service(dir: &Path, open: bool) -> (Service, String) {
    let trust = portcullis::service::trust::load(dir).unwrap();
    let service = Service::start(trust, false, open, &template(&json!({}))).await;
    service.keys.set_clock(jiff::Timestamp::now().as_second());
    let url = format!("{}{URL}", service.keys.listen().await);
    (service, url)
}

#[tokio::test]
async fn pyplayready_gets_the_keys_for_every_header_and_device() {
    let Some(tools) = Tools::find() else { return };
    let dir = tools.roots();
    let (service, url) = service(dir.path(), true).await;
    let [a, b] = service.kids().try_into().unwrap();
    let (a, b) = (a.to_string(), b.to_string());
    let one = ["--kid", a.as_str()];
    let key = data_encoding::HEXLOWER.encode(service.film[0].1.expose());
    for device in ["sl150", "sl2000", "sl3000"] {
        let found = ask(&tools, dir.path(), &url, device, &one).await;
        assert_eq!(found, Ok(service.lines()[..1].to_vec()), "{device}");
    }
    for version in ["4.0.0.0", "4.1.0.0", "4.2.0.0", "4.3.0.0"] {
        let flags = [&one[..], &["--header-version", version, "--checksum-key", &key]].concat();
        let found = ask(&tools, dir.path(), &url, "sl2000", &flags).await;
        assert_eq!(found, Ok(service.lines()[..1].to_vec()), "{version}");
    }
    let two = async |version: &str, algorithm: &str| {
        let flags = ["--kid", &b, "--header-version", version, "--algid", algorithm];
        ask(&tools, dir.path(), &url, "sl2000", &[&one[..], &flags].concat()).await
    };
    for (version, algorithm) in [("4.2.0.0", "AESCTR"), ("4.3.0.0", "AESCBC"), ("4.3.0.0", "none")]
    {
        assert_eq!(two(version, algorithm).await, Ok(service.lines()), "{version} {algorithm}");
    }
    let more = ["--custom-data", "user=<a>&b=\"c\"", "--no-soap-action"];
    let found = ask(&tools, dir.path(), &url, "sl2000", &[&one[..], &more].concat()).await;
    assert_eq!(found, Ok(service.lines()[..1].to_vec()));
}

#[tokio::test]
async fn pyplayready_is_refused_what_it_may_not_have() {
    let Some(tools) = Tools::find() else { return };
    let dir = tools.roots();
    let (service, url) = service(dir.path(), true).await;
    let kid = service.kids()[0].to_string();
    let one = ["--kid", kid.as_str()];
    for device in ["rogue", "badsig", "forged", "expired", "revoked"] {
        let refused = ask(&tools, dir.path(), &url, device, &one).await.unwrap_err();
        assert!(refused.contains("HTTP 403"), "{device}: {refused}");
    }
    for how in ["signature", "digest", "header", "truncate", "empty", "notxml", "cipher"] {
        let flags = [&one[..], &["--tamper", how]].concat();
        let refused = ask(&tools, dir.path(), &url, "sl2000", &flags).await.unwrap_err();
        assert!(refused.contains("HTTP 400"), "{how}: {refused}");
    }
    let flags = [&one[..], &["--wrong-server-key"]].concat();
    let refused = ask(&tools, dir.path(), &url, "sl2000", &flags).await.unwrap_err();
    assert!(refused.contains("HTTP 400"), "{refused}");
    let unknown = ["--kid", "0badc0de0badc0de0badc0de0badc0de"];
    let refused = ask(&tools, dir.path(), &url, "sl2000", &unknown).await.unwrap_err();
    assert!(refused.contains("HTTP 404"), "{refused}");
}

#[tokio::test]
async fn pyplayready_takes_roots_and_devices_of_ours_with_a_token_in_the_custom_data() {
    let Some(tools) = Tools::find() else { return };
    let dir = World::get().dir();
    let (service, url) = service(dir, false).await;
    let kid = service.kids()[0].to_string();
    let mut token = spec();
    token.expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let token = sign(&token);
    let ams = format!(
        "<CustomData xmlns=\"http://schemas.microsoft.com/Azure/MediaServices/KeyDelivery/\
         PlayReadyCustomData/v1\"><Token>{token}</Token></CustomData>"
    );
    let one = ["--kid", kid.as_str()];
    for more in [["--token", token.as_str()], ["--custom-data", &ams], ["--custom-data", &token]] {
        let found = ask(&tools, dir, &url, "sl3000", &[&one[..], &more].concat()).await;
        assert_eq!(found, Ok(service.lines()[..1].to_vec()), "{}", more[0]);
    }
    let refused = ask(&tools, dir, &url, "sl3000", &one).await.unwrap_err();
    assert!(refused.contains("HTTP 401"), "{refused}");
}
