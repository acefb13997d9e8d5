use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use ring::rand::SystemRandom;
use serde_json::json;

use super::*;
use crate::crypto::random::System;
use crate::license::fairplay::maker::{Made as FairPlay, make as make_fairplay};
use crate::license::fairplay::{Callee, DFunction, External};
use crate::license::playready::maker::{Made, make};
use crate::license::widevine::maker::{Certified, Maker};

/// A throw-away certificate, alone and with its key.
const DEV_CERTIFICATE: &[u8] = include_bytes!("../../../keys/dev/drm/fairplay/provider2048.der");
const DEV_PKCS12: &[u8] = include_bytes!("../../../keys/dev/fairplay/provider2048-aes.p12");

struct InMemory(BTreeMap<&'static str, Vec<u8>>);

impl Files for InMemory {
    fn read(&self, name: &str) -> Result<Secret, TrustError> {
        let found = self.0.get(name).cloned().map(Secret::from_bytes);
        found.ok_or_else(|| TrustError::new(name, "not there"))
    }
}

/// Credentials of FairPlay, made once.
fn fairplay() -> &'static FairPlay {
    static MADE: LazyLock<FairPlay> = LazyLock::new(|| make_fairplay(&mut System::new()).unwrap());
    &MADE
}

/// A root with its service, made once.
fn made() -> &'static Made {
    static MADE: LazyLock<Made> = LazyLock::new(|| make(0, &SystemRandom::new()).unwrap());
    &MADE
}

fn playready(name: &str) -> Vec<u8> {
    let file = made().files.iter().find(|(known, _)| known == name);
    file.unwrap().1.to_vec()
}

/// A root and a service of Widevine.
fn certified() -> &'static [Certified; 2] {
    static MADE: OnceLock<[Certified; 2]> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut random = System::new();
        let mut maker = Maker { random: &mut random, now: 1 };
        let root = maker.root().unwrap();
        let service = maker.service(&root, "p.test").unwrap();
        [root, service]
    })
}

fn files() -> InMemory {
    InMemory(BTreeMap::from([
        ("w/key.pem", certified()[1].key.to_pem().unwrap().as_bytes().to_vec()),
        ("w/other.pem", certified()[0].key.to_pem().unwrap().as_bytes().to_vec()),
        ("p/server.bin", playready("server_key.bin")),
        ("p/sign.bin", playready("response_signing_key.bin")),
        ("p/chain.bin", playready("response_signing_chain.bin")),
        ("f/cert.der", fairplay().files[2].1.to_vec()),
        ("f/key.pem", fairplay().files[3].1.to_vec()),
        ("f/both.p12", DEV_PKCS12.to_vec()),
    ]))
}

fn document() -> Value {
    let [root, service] = certified().each_ref().map(|it| BASE64.encode(&it.certificate));
    json!({
        "purpose": "drm-test-roots", "version": 1,
        "widevine": {"root_cert": root, "rogue_root_cert": "AAAA", "service_cert": service,
            "service_key": "w/key.pem", "provider_id": "p.test",
            "systems": {"61441": {"level": 1, "name": "L1", "revoked": false},
                "61449": {"level": 3, "name": "gone", "revoked": true}},
            "revoked_serials": ["00ff"]},
        "playready": {"root_public": HEXLOWER_PERMISSIVE.encode(&made().root_public), "server_key": "p/server.bin",
            "response_signing_key": "p/sign.bin", "response_signing_chain": "p/chain.bin",
            "revoked_cert_ids": ["0f".repeat(16)]},
        "fairplay": {"certs": {"2048": {"cert": "f/cert.der", "key": "f/key.pem",
                "sha1": fairplay().section["certs"]["2048"]["sha1"], "spc_version": 2}},
            "ask": "22".repeat(16), "d_function": "stub-sha256"}})
}

fn read(document: &Value) -> Result<Trust, TrustError> {
    Trust::read(document.to_string().as_bytes(), &files())
}

#[test]
fn every_section_is_read_with_its_files() {
    let trust = read(&document()).unwrap();
    let (widevine, playready) = (trust.widevine.unwrap(), trust.playready.unwrap());
    assert_eq!(widevine.service_certificate().unwrap().bare(), &*certified()[1].certificate);
    assert!(!widevine.is_any_device());
    assert_eq!(playready.server_public().as_bytes(), &made().server_public);
    let fairplay_credentials = trust.fairplay.unwrap().credentials.clone().unwrap();
    assert_eq!(fairplay_credentials.certificate(), fairplay().files[2].1.as_slice());
}

#[test]
fn a_section_may_be_absent() {
    let trust = read(&json!({"widevine": null})).unwrap();
    assert!(trust.widevine.is_none() && trust.playready.is_none() && trust.fairplay.is_none());
}

#[test]
fn refusals_name_the_place_and_no_value() {
    for (pointer, value, place) in [
        ("/widevine/root_cert", json!("?hunter2"), "widevine.root_cert"),
        ("/widevine/root_cert", json!("AQI="), "widevine.root_cert"),
        (
            "/widevine/service_cert",
            document()["widevine"]["root_cert"].take(),
            "widevine.service_cert",
        ),
        ("/widevine/provider_id", json!("hunter2"), "widevine.provider_id"),
        ("/widevine/service_key", json!("w/other.pem"), "widevine.service_key"),
        ("/widevine/service_key", json!("f/cert.der"), "f/cert.der"),
        ("/widevine/provider_id", json!(7), "widevine.provider_id"),
        ("/widevine/systems/61441/level", json!(4), "widevine.systems.61441.level"),
        ("/widevine/revoked_serials/0", json!("hunter2"), "widevine.revoked_serials"),
        ("/widevine/service_key", json!("no.pem"), "no.pem"),
        ("/playready/root_public", json!("hunter2"), "playready.root_public"),
        ("/playready/server_key", json!("p/chain.bin"), "p/chain.bin"),
        ("/playready/root_public", json!("ab".repeat(64)), "p/chain.bin"),
        ("/playready/response_signing_key", json!("p/server.bin"), "p/chain.bin"),
        ("/playready/revoked_cert_ids/0", json!("hunter2"), "playready.revoked_cert_ids"),
        ("/fairplay/ask", json!("hunter2"), "fairplay.ask"),
        ("/fairplay/d_function", json!({"fixed": "hunter2"}), "fairplay.d_function"),
        ("/fairplay/certs", json!({}), "fairplay.certs"),
        ("/fairplay/certs/2048/sha1", json!("11".repeat(20)), "fairplay.certs.2048.sha1"),
        ("/fairplay/certs/2048/key", json!("w/key.pem"), "fairplay.certs.2048"),
        ("/fairplay/certs", Value::Null, "fairplay.certs"),
        ("/fairplay/ask", Value::Null, "fairplay.ask"),
        ("/fairplay/certs/2048/key", Value::Null, "fairplay.certs.2048"),
        ("/fairplay/d_function", json!("other"), "fairplay.d_function"),
    ] {
        let mut document = document();
        *document.pointer_mut(pointer).unwrap() = value;
        let error = read(&document).unwrap_err();
        assert_eq!(error.place, place, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn certificates_may_stand_in_pkcs12_and_in_policies_alone() {
    let mut document = document();
    let p12 = json!({ "pkcs12": "f/both.p12", "password": "portcullis" });
    document["fairplay"]["certs"] = json!({ "any": p12 });
    let fairplay = read(&document).unwrap().fairplay.unwrap();
    assert_eq!(fairplay.credentials.as_ref().unwrap().certificate(), DEV_CERTIFICATE);
    for (member, value) in [("password", "hunter2"), ("sha1", "hunter2"), ("pkcs12", "f/cert.der")]
    {
        let mut document = document.clone();
        document["fairplay"]["certs"]["any"][member] = json!(value);
        let error = read(&document).unwrap_err();
        assert!(error.place.starts_with("fairplay.certs.any"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let bare = json!({"fairplay": {"d_function": "stub-sha256"}});
    assert!(read(&bare).unwrap().fairplay.unwrap().credentials.is_none());
}

#[test]
fn an_external_function_is_a_program_or_an_address_at_hand() {
    let read = |external: Value| {
        let mut document = document();
        document["fairplay"]["d_function"] = json!({ "external": external });
        read(&document).map(|trust| trust.fairplay.unwrap().function.clone())
    };
    let program = ["/opt/d".to_owned(), "-x".to_owned()];
    let limit = std::time::Duration::from_secs(5);
    let expected = External { callee: Callee::Command(program.to_vec()), limit };
    assert_eq!(read(json!({ "command": program })), Ok(DFunction::External(expected)));
    for url in ["http://127.0.0.1:9/d", "http://localhost/", "http://[::1]:9/d"] {
        let Ok(DFunction::External(external)) = read(json!({ "url": url, "timeout_ms": 7 })) else {
            panic!("{url}");
        };
        assert_eq!(external.limit.as_millis(), 7);
        assert!(matches!(external.callee, Callee::Hook(_)));
    }
    for external in [
        json!({}),
        json!({ "command": [] }),
        json!({ "command": [""] }),
        json!({ "command": program, "url": "http://127.0.0.1/" }),
        json!({ "command": program, "timeout_ms": 0 }),
        json!({ "command": program, "timeout_ms": 60_001 }),
        json!({ "command": program, "hunter2": 1 }),
        json!({ "url": "http://hunter2.example/" }),
        json!({ "url": "http://127.0.0.1.hunter2.example/" }),
        json!({ "url": "file:///hunter2" }),
        json!({ "url": "hunter2" }),
    ] {
        let error = read(external.clone()).unwrap_err();
        assert!(error.place.starts_with("fairplay.d_function"), "{external} {error}");
    }
}

#[test]
fn the_constant_of_published_vectors_is_read() {
    let mut document = document();
    document["fairplay"]["d_function"] = json!({"fixed": "33".repeat(16)});
    assert!(read(&document).unwrap().fairplay.is_some());
}
