//! Keys of crypto periods: given out in their time, and new ones by force.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use jiff::SignedDuration;
use portcullis::crypto::key::ContentKey;
use portcullis::ids::KeyId;
use portcullis::keys::{KeyRecord, Rotation};
use portcullis::service::own_key::OwnKey;
use portcullis::service::publish::{PublishError, PublishRequest, Publisher};
use portcullis::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::support::documents::{printed, refused};
use crate::support::keys::{KeyService, NOW, at, clearkey_request, kek, request, sign, spec};
use crate::support::origin::{get, hls_children};
use crate::support::rotation::{rotating, runs};
use crate::support::server::DevServer;

/// Three periods of a minute, given out half a minute early.
fn rotation() -> Rotation {
    Rotation {
        period: Some(SignedDuration::from_secs(60)),
        keys: Some(3),
        start: Some(at(NOW + 100)),
        lead: SignedDuration::from_secs(30),
        ..Rotation::default()
    }
}

fn rotating_request(name: &str, content_key_policy: &str) -> PublishRequest {
    let request = request(name, "Portcullis_CencClearKey", content_key_policy);
    PublishRequest { rotation: Some(rotation()), ..request }
}

/// The records of a locator by crypto period.
async fn records(service: &KeyService, request: &PublishRequest) -> Vec<KeyRecord> {
    let locator = service.publish(request).await;
    let keys = service.store.keys_of(locator.id).await.unwrap().to_vec();
    let periods: Vec<_> = keys.iter().filter_map(|key| key.crypto_period).collect();
    assert_eq!(periods, [0, 1, 2]);
    keys
}

#[tokio::test]
async fn a_key_is_withheld_until_its_window_opens_and_given_from_then_on() {
    let service = KeyService::start().await;
    let keys = records(&service, &rotating_request("s", "open")).await;
    let kids: Vec<KeyId> = keys.iter().map(|key| key.kid).collect();
    for (n, opens) in [NOW + 70, NOW + 130, NOW + 190].into_iter().enumerate() {
        let uri = format!("/keydelivery/?kid={}", kids[n]);
        service.set_clock(opens - 1);
        let answer = service.get(&uri).await;
        assert_eq!(answer.refusal(), (403, "key-not-yet-valid".to_owned()));
        assert_eq!(answer.json()["notBefore"], at(opens).to_string());
        let alone = service.post("/keydelivery/ClearKey/", clearkey_request(&kids[n..=n])).await;
        assert_eq!(alone.refusal(), (403, "key-not-yet-valid".to_owned()));
        service.set_clock(opens);
        let answer = service.get(&uri).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, &service.store.vault().unwrap(&keys[n]).unwrap().expose()[..]);
        // Players that ask for all of them get those whose time has come.
        let all = service.post("/keydelivery/ClearKey/", clearkey_request(&kids)).await;
        assert_eq!(all.json()["keys"].as_array().unwrap().len(), n + 1);
    }
    service.set_clock(NOW + 1_000_000);
    let first = service.get(&format!("/keydelivery/?kid={}", kids[0])).await;
    assert_eq!(first.status, StatusCode::OK, "windows do not close");
}

#[tokio::test]
async fn only_who_may_have_the_key_learns_when() {
    let service = KeyService::start().await;
    let keys = records(&service, &rotating_request("s", "token")).await;
    let uri = format!("/keydelivery/?kid={}", keys[2].kid);
    assert_eq!(service.get(&uri).await.refusal(), (401, "token-missing".to_owned()));
    let answer = service.get(&format!("{uri}&token={}", sign(&spec()))).await;
    assert_eq!(answer.refusal(), (403, "key-not-yet-valid".to_owned()));
}

#[tokio::test]
async fn keys_that_are_not_tied_to_the_clock_are_given_out_at_any_time() {
    let service = KeyService::start().await;
    let free = Rotation { start: None, lead: SignedDuration::ZERO, ..rotation() };
    let request = PublishRequest { rotation: Some(free), ..rotating_request("s", "open") };
    let keys = records(&service, &request).await;
    for key in keys {
        let answer = service.get(&format!("/keydelivery/?kid={}", key.kid)).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn forced_rotations_make_keys_and_schedule_together_and_lose_nothing() {
    let service = KeyService::start().await;
    let locator = service.publish(&rotating_request("s", "open")).await;
    let publisher = || Publisher::new(service.store.clone());
    let rotations = (0..8).map(|n| {
        let publisher = publisher();
        tokio::spawn(async move { publisher.rotate("s", at(NOW + 200 + n)).await })
    });
    let rotations: Vec<_> = rotations.collect();
    let mut done = 0;
    for rotation in rotations {
        match rotation.await.unwrap() {
            Ok(_) => done += 1,
            Err(PublishError::Store(StoreError::Changed { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(done >= 1);
    // As another process finds it.
    let store = Store::open(&service.database(), &kek(1)).await.unwrap();
    let keys = store.keys_of(locator.id).await.unwrap();
    let periods: Vec<_> = keys.iter().filter_map(|key| key.crypto_period).collect();
    assert_eq!(periods, (0..3 + 3 * done).collect::<Vec<_>>());
    let opened = keys.iter().map(|key| *store.vault().unwrap(key).unwrap().expose());
    assert_eq!(opened.collect::<HashSet<_>>().len(), keys.len());
    let schedule = store.locator(locator.id).await.unwrap().schedule.clone().unwrap();
    assert_eq!(schedule.end(), 3 + 3 * done);
    // From the moment on that is now, and not before.
    assert_eq!(schedule.period_at(60 * 10_000_000), 1);
    assert!(schedule.period_at(110 * 10_000_000) >= 3);
    let again = publisher().publish_once(&rotating_request("s", "open"), at(NOW)).await.unwrap();
    assert_eq!(again.id, locator.id, "what was asked for is still there");
}

#[tokio::test]
async fn what_cannot_rotate_is_refused_by_member() {
    let service = KeyService::start().await;
    let publish = async |request: &PublishRequest| {
        let refused = Publisher::new(service.store.clone()).publish_once(request, at(NOW)).await;
        refused.unwrap_err().to_string()
    };
    let good = rotating_request("s", "open");
    let with = |rotation| PublishRequest { rotation: Some(rotation), ..good.clone() };
    let short = with(Rotation { period: Some(SignedDuration::from_millis(10)), ..rotation() });
    assert!(publish(&short).await.starts_with("keyRotation.period: "));
    let none = with(Rotation { keys: Some(0), ..rotation() });
    assert!(publish(&none).await.starts_with("keyRotation.keyCount: "));
    // There is no such folder.
    let unknown = with(Rotation { keys: None, ..rotation() });
    assert!(publish(&unknown).await.starts_with("keyRotation.keyCount is needed"));
    service.publish(&good).await;
    let slower = with(Rotation { period: Some(SignedDuration::from_secs(61)), ..rotation() });
    assert!(publish(&slower).await.ends_with("another keyRotation"));
    let constant = PublishRequest { rotation: None, ..good.clone() };
    assert!(publish(&constant).await.ends_with("another keyRotation"));
    let clear = request("clear", "Predefined_ClearStreamingOnly", "open");
    service.publish(&clear).await;
    let rotated = Publisher::new(service.store.clone()).rotate("clear", at(NOW)).await;
    assert!(matches!(rotated, Err(PublishError::NoKeys(_))), "{rotated:?}");
}

#[tokio::test]
async fn own_keys_are_for_the_period_that_they_name() {
    let service = KeyService::start().await;
    let own = |n: u8, crypto_period| OwnKey {
        kid: KeyId::from_bytes([n; 16]),
        label: "cencDefaultKey".into(),
        protection: None,
        crypto_period: Some(crypto_period),
        root: false,
        key: Some(ContentKey::from_bytes([n; 16]).into()),
        policy: None,
    };
    let good = PublishRequest { keys: vec![own(1, 2), own(2, 0)], ..rotating_request("s", "open") };
    let keys = records(&service, &good).await;
    assert_eq!((keys[0].kid, keys[2].kid), (good.keys[1].kid, good.keys[0].kid));
    let behind = PublishRequest { name: "t".into(), keys: vec![own(3, 3)], ..good };
    let refused = Publisher::new(service.store.clone()).publish(&behind, at(NOW)).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.starts_with("contentKeys[0].cryptoPeriod: "), "{said}");
}

#[tokio::test]
async fn a_key_that_another_process_made_is_withheld_by_the_schedule_it_was_made_for() {
    let service = KeyService::start().await;
    let before = records(&service, &rotating_request("s", "open")).await;
    service.set_clock(NOW + 1000);
    // The service has the schedule of now at hand.
    let first = service.get(&format!("/keydelivery/?kid={}", before[0].kid)).await;
    assert_eq!(first.status, StatusCode::OK);
    let other = Store::open(&service.database(), &kek(1)).await.unwrap();
    let rotated = Publisher::new(other.clone()).rotate("s", at(NOW + 1000)).await.unwrap();
    let keys = other.keys_of(rotated.id).await.unwrap();
    let last = keys.iter().find(|key| key.crypto_period == Some(5)).unwrap();
    let uri = format!("/keydelivery/?kid={}", last.kid);
    let answer = service.get(&uri).await;
    assert_eq!(answer.refusal(), (403, "key-not-yet-valid".to_owned()));
    assert_eq!(answer.json()["notBefore"], at(NOW + 1090).to_string());
    service.set_clock(NOW + 1090);
    assert_eq!(service.get(&uri).await.status, StatusCode::OK);
}

/// The KIDs of each period, as `key show` prints them.
fn shown(server: &DevServer, command: &[&str]) -> Vec<String> {
    let arguments = [&["key"], command, &["--json"]].concat();
    let said: Value =
        serde_json::from_str(&printed(&server.data, &arguments, &Value::Null)).unwrap();
    let periods = said["periods"].as_array().unwrap();
    periods.iter().map(|period| period["keys"][0]["kid"].as_str().unwrap().to_owned()).collect()
}

/// Waits until a running server sees what another process wrote.
async fn kids_of(playlist: &str, expected: &[String]) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut kids = Vec::new();
        for run in runs(playlist).await {
            kids.push(run.key().await.kid);
        }
        let expected = expected.iter().map(|kid| kid.replace('-', ""));
        if expected.eq(kids) {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// By the commands, under a running server.
#[tokio::test]
async fn the_command_rotates_under_a_running_server_and_old_keys_stay() {
    let server = DevServer::builder().start();
    let rotation = json!({ "keyRotation": { "period": "PT7S", "keyCount": 3 } });
    let root = rotating(&server, ("gate", "gate"), "Portcullis_CencClearKey", &rotation);
    let master = format!("{root}manifest(format=m3u8-cmaf,encryption=cenc)");
    let playlist = hls_children(&master).await.pop().unwrap();
    let name = "rotating-gate-Portcullis_CencClearKey";
    let before = shown(&server, &["show", name]);
    assert!(before.len() == 3 && kids_of(&playlist, &before).await);
    let segment = runs(&playlist).await[0].segments[0].clone();
    let old = get(&segment).await;
    let after = shown(&server, &["rotate", name, "--now"]);
    assert!(after.len() == 6 && after[..3] == before);
    assert!(kids_of(&playlist, &after[3..]).await, "{after:?}");
    let new = get(&segment).await;
    assert!(old.body != new.body && old.header("etag") != new.header("etag"));
    for kid in &before {
        let url = format!("{}/?kid={kid}", server.ready.key_delivery);
        assert_eq!(get(&url).await.ok().len(), 16);
    }
    // One that did not rotate begins to.
    let constant = "cenc-open";
    assert_eq!(shown(&server, &["show", constant]).len(), 1);
    assert_eq!(shown(&server, &["rotate", constant, "--now"]).len(), 2);
    let said = refused(&server.data, &["key", "rotate", "nobody", "--now"], &Value::Null);
    assert!(said.contains("nobody"), "{said}");
    // Documents keep the schedule, and make it anew.
    let schedules = [
        (name, json!({ "period": "PT7S", "keyCount": 3, "forced": ["PT0S"] })),
        (constant, json!({ "forced": ["PT0S"] })),
    ];
    for (name, schedule) in schedules {
        let keys = shown(&server, &["show", name]);
        let of = ["streaming-locators", name, "--with-secrets"];
        let document = crate::support::documents::shown(&server.data, &of);
        assert_eq!(document["properties"]["keyRotation"], schedule);
        let apply = || printed(&server.data, &["apply", "-"], &document);
        assert!(apply().contains("unchanged"));
        printed(&server.data, &["delete", "streaming-locators", name], &Value::Null);
        assert!(apply().contains("created"));
        assert_eq!(shown(&server, &["show", name]), keys);
    }
}

/// New keys that begin behind the media reach nobody: the command says so. Days are lengths too.
#[tokio::test]
async fn keys_that_come_too_late_for_the_media_are_told() {
    let server = DevServer::builder().start();
    let rotation = json!({ "keyRotation": { "period": "P1D", "start": "2020-01-01T00:00:00Z" } });
    rotating(&server, ("gate", "gate"), "Portcullis_CencClearKey", &rotation);
    let name = "rotating-gate-Portcullis_CencClearKey";
    let document = crate::support::documents::shown(&server.data, &["streaming-locators", name]);
    assert_eq!(document["properties"]["keyRotation"]["period"], "PT24H");
    let arguments = ["key", "rotate", name, "--now", "--json"];
    let output = crate::support::filters::command(&server.data, &arguments, &Value::Null);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("no fragment has the new keys"), "{said}");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said.contains(printed["warning"].as_str().unwrap()), "{printed}");
    let constant = ["key", "rotate", "cenc-open", "--now", "--json"];
    let output = crate::support::filters::command(&server.data, &constant, &Value::Null);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Parts of a file are asked for one by one: a tag stands for the bytes of all of them.
#[tokio::test]
async fn a_file_with_another_key_in_its_middle_has_another_tag() {
    let server = DevServer::builder().start();
    let start = jiff::Timestamp::now();
    let rotation = json!({ "keyRotation": { "period": "PT1H", "start": start.to_string() } });
    let root = rotating(&server, ("gate", "gate"), "Portcullis_CencClearKey", &rotation);
    let manifest = format!("{root}manifest(format=mpd-ondemand,encryption=cenc)");
    let mpd = String::from_utf8(get(&manifest).await.ok()).unwrap();
    let (_, rest) = mpd.split_once("<BaseURL>").unwrap();
    let url = format!("{root}{}", rest.split_once('<').unwrap().0);
    let before = get(&url).await;
    assert_eq!(before.status, StatusCode::OK);
    shown(&server, &["rotate", "rotating-gate-Portcullis_CencClearKey", "--now"]);
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut after = get(&url).await;
    while after.body == before.body {
        assert_eq!(after.header("etag"), before.header("etag"));
        assert!(Instant::now() < deadline, "the server does not see the new keys");
        tokio::time::sleep(Duration::from_millis(200)).await;
        after = get(&url).await;
    }
    // Or else the file is refused, as it has more than one key.
    assert!(after.status != StatusCode::OK || after.header("etag") != before.header("etag"));
}
