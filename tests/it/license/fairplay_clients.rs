//! FairPlay judged by an independent client in `../shared`, with credentials of its own making and with
//! ours. Skipped, and said so, where it is not installed.

use data_encoding::HEXLOWER;
use portcullis::crypto::ContentKey;
use portcullis::license::fairplay::{Callee, DFunction, External};
use serde_json::{Value, json};

use crate::support::drm_clients::Tools;
use crate::support::fairplay::{Service, URL, World};

const CLIENT: &str = "fairplay_client.py";

/// What the client prints when it has the key.
fn line(service: &Service) -> Vec<String> {
    let kid = HEXLOWER.encode(service.kid.as_bytes());
    vec![format!("{kid}:{}", HEXLOWER.encode(service.key.expose()))]
}

#[tokio::test]
async fn the_client_opens_every_answer_and_is_refused_what_is_damaged() {
    let Some(tools) = Tools::find() else { return };
    let made = tools.roots();
    for dir in [made.path(), World::get().dir()] {
        let trust = portcullis::service::trust::load(dir).unwrap();
        let service = Service::start_with(trust, &json!({}), true).await;
        let address = format!("{}{URL}", service.keys.listen().await);
        let (kid, line) = (service.kid.to_string(), line(&service));
        let url = format!("{address}?kid={kid}");
        for body in ["raw", "form", "base64", "json"] {
            for bits in ["1024", "2048"] {
                let flags = ["--kid", &kid, "--body", body, "--bits", bits];
                assert_eq!(
                    tools.ask(CLIENT, dir, &url, &flags).await.as_ref(),
                    Ok(&line),
                    "{flags:?}"
                );
            }
        }
        let skd = format!("skd://{kid}");
        for flags in [
            ["--skd", skd.as_str(), "--state", "start"],
            ["--skd", skd.as_str(), "--expect-hdcp", "type 0"],
            ["--kid", kid.as_str(), "--capabilities", "0"],
        ] {
            assert_eq!(tools.ask(CLIENT, dir, &url, &flags).await.as_ref(), Ok(&line), "{flags:?}");
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
            let refused = tools.ask(CLIENT, dir, &url, &["--kid", &kid, "--tamper", how]).await;
            let refused = refused.unwrap_err();
            assert!(refused.contains(&format!("HTTP {status}")), "{how}: {refused}");
        }
        let unknown = "0badc0de0badc0de0badc0de0badc0de";
        for url in [format!("{address}?kid={unknown}"), address] {
            let refused = tools.ask(CLIENT, dir, &url, &["--kid", unknown]).await.unwrap_err();
            assert!(refused.contains("HTTP 404"), "{refused}");
        }
    }
}

/// The constant of the vendor's published development vectors (fairplay.md section 9).
#[tokio::test]
async fn the_client_opens_what_a_fixed_function_made() {
    const CONSTANT: &str = "d87ce7a26081de2e8eb8acef3a6dc179";
    let Some(tools) = Tools::find() else { return };
    let made = tools.roots();
    let path = made.path().join("trust.json");
    let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    document["fairplay"]["d_function"] = json!({ "fixed": CONSTANT });
    std::fs::write(&path, document.to_string()).unwrap();
    let trust = portcullis::service::trust::load(made.path()).unwrap();
    let service = Service::start_with(trust, &json!({}), true).await;
    let url = format!("{}{}", service.keys.listen().await, service.url());
    let kid = service.kid.to_string();
    for bits in ["1024", "2048"] {
        let flags = ["--kid", &kid, "--bits", bits, "--dask", CONSTANT];
        let found = tools.ask(CLIENT, made.path(), &url, &flags).await;
        assert_eq!(found, Ok(line(&service)), "{bits}");
    }
    let stub = tools.ask(CLIENT, made.path(), &url, &["--kid", &kid]).await;
    assert!(stub.unwrap_err().contains("HTTP 403"), "the stub is another function");
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
        assert_eq!(tools.ask(CLIENT, dir, &url, &flags).await, Ok(line(&service)), "{flags:?}");
    }
}

/// The constant of the vendor's development vectors (fairplay.md section 9).
const DEVELOPMENT_DASK: &str = "d87ce7a26081de2e8eb8acef3a6dc179";

#[tokio::test]
async fn the_client_opens_answers_under_a_constant_that_we_have_or_that_a_program_says() {
    let Some(tools) = Tools::find() else { return };
    let dir = World::get().dir();
    let constant = HEXLOWER.decode(DEVELOPMENT_DASK.as_bytes()).unwrap();
    let constant = ContentKey::from_bytes(constant.try_into().unwrap());
    let program = ["echo", DEVELOPMENT_DASK].map(str::to_owned).to_vec();
    let limit = std::time::Duration::from_secs(20);
    for function in [
        DFunction::Fixed(constant),
        DFunction::External(External { callee: Callee::Command(program), limit }),
    ] {
        let trust = World::get().trust_with(function);
        let service = Service::start_with(trust, &json!({}), true).await;
        let url = format!("{}{}", service.keys.listen().await, service.url());
        let kid = service.kid.to_string();
        for bits in ["1024", "2048"] {
            let flags = ["--kid", &kid, "--bits", bits, "--dask", DEVELOPMENT_DASK];
            assert_eq!(tools.ask(CLIENT, dir, &url, &flags).await, Ok(line(&service)));
        }
        let stub = tools.ask(CLIENT, dir, &url, &["--kid", &kid]).await.unwrap_err();
        assert!(stub.contains("HTTP 403"), "{stub}");
    }
}
