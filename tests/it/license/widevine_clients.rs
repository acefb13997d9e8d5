//! Widevine judged by an independent client: pywidevine, through the tools in `../shared`, with roots
//! and devices that those tools made. Skipped, and said so, where they are not installed.

use serde_json::json;
use tempfile::TempDir;

use crate::support::drm_clients::Tools;
use crate::support::keys::{sign, spec};
use crate::support::widevine::{Service, URL};

/// pywidevine, with roots and devices of the tools' making.
struct Clients {
    tools: Tools,
    drm: TempDir,
}

impl Clients {
    fn find() -> Option<Self> {
        let tools = Tools::find()?;
        let drm = tools.roots();
        Some(Self { tools, drm })
    }

    /// Runs it as a device.
    async fn ask(&self, url: &str, device: &str, flags: &[&str]) -> Result<Vec<String>, String> {
        let device = self.drm.path().join(format!("widevine/device_{device}.wvd"));
        let flags = [&["--device", device.to_str().unwrap()], flags].concat();
        self.tools.ask("widevine_client.py", self.drm.path(), url, &flags).await
    }
}

async fn service(clients: &Clients, open: bool, template: &serde_json::Value) -> (Service, String) {
    let trust = portcullis::service::trust::load(clients.drm.path()).unwrap();
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
    let Some(clients) = Clients::find() else { return };
    let (service, url) = service(&clients, true, &json!({})).await;
    let kids: Vec<String> = service.film.iter().map(|(_, kid, _)| kid.to_string()).collect();
    let kids: Vec<&str> = kids.iter().flat_map(|kid| ["--kid", kid]).collect();
    for device in ["l1", "l3", "chrome"] {
        for more in
            [&[][..], &["--privacy", "fetch"], &["--init-data-variant"], &["--type", "AUTOMATIC"]]
        {
            let found = clients.ask(&url, device, &[&kids[..], more].concat()).await;
            assert_eq!(found, Ok(lines(&service)), "{device} {more:?}");
        }
    }
    let unknown = ["--kid", "0badc0de0badc0de0badc0de0badc0de"];
    let refused = clients.ask(&url, "l3", &unknown).await.unwrap_err();
    assert!(refused.contains("HTTP 404"), "{refused}");
    for device in
        ["rogue", "badsig", "forged", "wrongsystem", "expired", "revoked_system", "revoked_serial"]
    {
        let refused = clients.ask(&url, device, &kids).await.unwrap_err();
        assert!(refused.contains("HTTP 403"), "{device}: {refused}");
    }
    for how in ["signature", "nosignature", "msg", "truncate", "empty", "garbage", "type"] {
        let refused = clients.ask(&url, "l3", &[&kids[..], &["--tamper", how]].concat()).await;
        assert!(refused.unwrap_err().contains("HTTP 400"), "{how}");
    }
}

#[tokio::test]
async fn pywidevine_is_given_rights_by_label_renews_and_releases() {
    let Some(clients) = Clients::find() else { return };
    let template = json!({
        "content_key_specs": [
            { "track_type": "AUDIO", "security_level": 1 },
            { "track_type": "SD", "security_level": 2,
              "required_output_protection": { "hdcp": "HDCP_V1" } },
            { "track_type": "UHD1", "security_level": 5,
              "required_output_protection": { "hdcp": "HDCP_V2_2" } }],
        "policy_overrides": { "can_play": true, "can_persist": true, "can_renew": true,
            "license_duration_seconds": 3600 } });
    let (service, url) = service(&clients, false, &template).await;
    let kids: Vec<String> = service.film.iter().map(|(_, kid, _)| kid.to_string()).collect();
    let kids: Vec<&str> = kids.iter().flat_map(|kid| ["--kid", kid]).collect();
    let refused = clients.ask(&url, "l1", &kids).await.unwrap_err();
    assert!(refused.contains("HTTP 401"), "{refused}");
    let mut token = spec();
    token.expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let token = sign(&token);
    let flags = [&kids[..], &["--token", &token, "--renew", "--release"]].concat();
    assert_eq!(clients.ask(&url, "l1", &flags).await, Ok(lines(&service)));
    // All but the key that a device in software may not have.
    let flags = [&flags[..], &["--type", "OFFLINE", "--privacy", "trust"]].concat();
    let found = clients.ask(&url, "l3", &flags).await.unwrap();
    let uhd = data_encoding::HEXLOWER.encode(service.kid("UHD1").as_bytes());
    let mut expected = lines(&service);
    expected.retain(|line| !line.starts_with(&uhd));
    assert_eq!((found, expected.len()), (expected.clone(), 2));
    let refused = clients.ask(&url, "l3", &[&flags[..], &["--tamper-renewal"]].concat()).await;
    assert!(refused.unwrap_err().contains("HTTP 400"));
}
