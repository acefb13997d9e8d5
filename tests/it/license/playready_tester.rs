//! Licences that testers pick by the query: on a development server only.

use portcullis::cenc::Scheme;
use portcullis::drm::playready::Version;
use portcullis::ids::KeyId;
use portcullis::license::playready::client;
use portcullis::license::playready::xmr::{Cipher, ObjectKind};
use serde_json::json;

use crate::support::playready::{Service, URL, World, header, template};

async fn service(testers: bool) -> Service {
    Service::start(World::get().trust(), testers, true, &template(&json!({}))).await
}

#[tokio::test]
async fn a_tester_picks_terms_keys_and_faults() {
    let service = service(true).await;
    let one = service.one();
    let ask = |cfg: &str| {
        let uri = format!("{URL}?cfg={cfg}");
        let (service, one) = (&service, &one);
        async move { service.ask_at(&uri, "sl2000", one, None, &[]).await }
    };
    let asked = ask("(kid:header,sl:2000,persist:true,firstexp:60)").await;
    assert_eq!(asked.keys(), service.film[..1]);
    let licence = &asked.opened.unwrap().licences[0];
    assert_eq!(licence.object(ObjectKind::FirstPlayExpiration), Some(&[0, 0, 0, 60][..]));
    assert_eq!(licence.object(ObjectKind::RightsSettings), None);
    for (cfg, status, reason, code) in [
        ("(errorcode:0x8004c065)", 500, "playready-test", "0x8004C065"),
        ("(revoked:true)", 500, "playready-test", "0x8004C065"),
        ("(sl:3000)", 403, "playready-security-level", "0x8004C604"),
        ("(playright:false)", 403, "playready-no-play-right", "0x8004C604"),
        ("(sl:4)", 400, "playready-test-configuration-malformed", "0x8004C604"),
        ("(", 400, "playready-test-configuration-malformed", "0x8004C604"),
    ] {
        assert_eq!(ask(cfg).await.refusal(), (status, reason.into(), code.into()), "{cfg}");
    }
}

#[tokio::test]
async fn keys_that_testers_bring_need_no_policy() {
    let service = service(true).await;
    let strange = KeyId::from_bytes([0x5a; 16]);
    let kid = strange.to_string();
    let own = header(Version::V4_3, &[strange], Scheme::Cbcs);
    let cfg = format!("(kid:{kid},contentkey:AAECAwQFBgcICQoLDA0ODw==,msg:clientinfo)");
    let asked = service.ask_at(&format!("{URL}?cfg={cfg}"), "sl150", &own, None, &[]).await;
    let keys = asked.keys();
    assert_eq!((keys[0].0, keys[0].1.expose()[15]), (strange, 15));
    let opened = asked.opened.unwrap();
    assert_eq!(opened.licences[0].cipher, Cipher::AesCbc);
    assert!(opened.custom_data.unwrap().starts_with("SecurityLevel=150;"));
    let seed = "XVBovsmzhP9gRIZxWfFta3VVRPzVEWmJsazEJ46I";
    let uri = format!("{URL}?cfg=(keyseed:{seed})");
    let asked = service.ask_at(&uri, "sl150", &own, None, &[]).await;
    assert_ne!(asked.keys()[0].1, keys[0].1);
    let asked = service.ask_at(&format!("{URL}?cfg=(sl:150)"), "sl150", &own, None, &[]).await;
    assert_eq!(asked.refusal().1, "key-unknown");
}

#[tokio::test]
async fn a_transaction_is_acknowledged() {
    let service = service(true).await;
    let uri = format!("{URL}?cfg=(tid:00010203-0405-0607-0809-0a0b0c0d0e0f)");
    let asked = service.ask_at(&uri, "sl150", &service.one(), None, &[]).await;
    let transaction = asked.opened.unwrap().transaction.unwrap();
    let answer = service.keys.post(URL, client::acknowledgement(&transaction)).await;
    assert_eq!(answer.status, 200);
    assert!(String::from_utf8_lossy(&answer.body).contains("<AcknowledgeLicenseResult>"));
}

#[tokio::test]
async fn nobody_else_picks() {
    let service = service(false).await;
    for cfg in ["(errorcode:0x8004c065)", "(sl:3000)", "(contentkey:AAAAAAAAAAAAAAAAAAAAAA==)", "("]
    {
        let uri = format!("{URL}?cfg={cfg}");
        let asked = service.ask_at(&uri, "sl150", &service.one(), None, &[]).await;
        assert_eq!(asked.keys(), service.film[..1], "{cfg}");
    }
}
