//! `portcullis dev` and its ready file (architecture, section 5).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::http::client;
use crate::support::server::{DevServer, Ready, media_dir};

#[test]
fn every_form_is_published_under_every_policy_that_matters() {
    let ready = DevServer::shared();
    for (name, label, schemes, licensed) in [
        ("aes-open", "aesDefaultKey", &["cbc"][..], false),
        ("aes-token", "aesDefaultKey", &["cbc"], false),
        ("cbcs-open", "cbcsDefaultKey", &["cbcs"], true),
        ("cbcs-token", "cbcsDefaultKey", &["cbcs"], true),
        ("cenc-open", "cencDefaultKey", &["cenc"], true),
        ("cenc-token", "cencDefaultKey", &["cenc"], true),
        ("clear-open", "", &[], false),
    ] {
        let stream = ready.stream(name);
        assert!(name.ends_with(&stream.policy), "{name} has policy {}", stream.policy);
        assert_eq!(stream.token.is_some(), stream.policy == "token", "{name}");
        let found: Vec<_> = stream.keys.iter().map(|key| key.scheme.as_str()).collect();
        assert_eq!(found, schemes, "{name}");
        assert!(stream.keys.iter().all(|key| key.label == label && key.key.len() == 32), "{name}");
        assert_eq!(stream.licenses.contains_key("org.w3.clearkey"), licensed, "{name}");
    }
    assert_eq!(ready.streams.len(), 9);
}

#[test]
fn addresses_follow_the_grammar() {
    let ready = DevServer::shared();
    assert!(ready.origin.starts_with("http://127.0.0.1:") && !ready.origin.ends_with(":0"));
    assert_eq!(ready.key_delivery, format!("{}/keydelivery", ready.origin));
    for (name, protocol, selectors) in [
        ("clear-open", "dash", "format=mpd-time-cmaf"),
        ("clear-open", "hls", "format=m3u8-cmaf"),
        ("cenc-token", "dash", "format=mpd-time-cmaf,encryption=cenc"),
        ("cbcs-open", "hls", "format=m3u8-cmaf,encryption=cbcs-aapl"),
        ("aes-open", "hls", "format=m3u8-cmaf,encryption=cbc"),
        ("aes-open", "dash", "format=mpd-time-cmaf,encryption=cbc"),
    ] {
        let stream = ready.stream(name);
        let path = format!("{}/gate.ism/manifest({selectors})", stream.locator_id);
        let manifest = stream.manifest(protocol);
        assert_eq!(manifest.url, format!("{}/{path}", ready.origin));
        assert!(selectors.contains(&format!("format={}", manifest.format)));
        let spelt = selectors.split_once("encryption=").map(|(_, value)| value.to_owned());
        assert_eq!(manifest.encryption, spelt);
    }
}

#[test]
fn the_ready_file_is_private_and_complete_and_the_end_is_orderly() {
    let mut server = DevServer::builder().start();
    let mode = fs::metadata(&server.ready_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(server.ready.pid, server.pid());
    let folder = fs::read_dir(server.ready_file.parent().unwrap()).unwrap();
    let left = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains("part")).count(), 0);
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_locators_and_keys_and_honours_old_tokens() {
    let data = tempfile::tempdir().unwrap();
    let identity = |ready: &Ready| -> Vec<_> {
        let streams = ready.streams.iter();
        streams.map(|s| (s.name.clone(), s.locator_id.clone(), s.keys.clone())).collect()
    };
    let first = DevServer::builder().data(data.path()).start().ready.clone();
    let second = DevServer::builder().data(data.path()).start();
    assert_eq!(identity(&first), identity(&second.ready));
    let stream = first.stream("aes-token");
    let answer = client()
        .get(format!("{}/?kid={}", second.ready.key_delivery, stream.keys[0].kid))
        .bearer_auth(stream.token.as_ref().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let key = answer.bytes().await.unwrap();
    assert_eq!(data_encoding::HEXLOWER.encode(&key), stream.keys[0].key);
}

#[test]
fn the_printed_commands_do_what_they_say() {
    let server = DevServer::builder().start();
    let output = server.output();
    for stream in &server.ready.streams {
        assert!(stream.manifests.iter().all(|manifest| output.contains(&manifest.url)));
    }
    let commands: Vec<_> =
        output.lines().filter_map(|line| line.trim().strip_prefix("curl ")).collect();
    let [gets, refused] = commands[..] else { panic!("two commands expected: {output}") };
    let run = |arguments: &str| {
        let script = format!("curl {arguments}");
        let done = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let key = run(gets).replace(char::is_whitespace, "");
    assert_eq!(key, server.ready.stream("aes-token").keys[0].key);
    assert!(run(refused).contains("\"code\":\"token-missing\""));
}

#[test]
fn every_address_is_printed_once() {
    let server = DevServer::builder().start();
    let output = server.output();
    let addresses = server.ready.streams.iter().map(|stream| {
        stream.licenses.iter().map(|(system, url)| format!("  {system} {url}")).collect::<Vec<_>>()
    });
    let mut expected = addresses.flatten().collect::<Vec<_>>();
    let printed = output.lines().filter(|line| expected.iter().any(|address| address == line));
    let mut printed = printed.map(str::to_owned).collect::<Vec<_>>();
    expected.sort();
    printed.sort();
    assert!(!expected.is_empty());
    assert_eq!(printed, expected);
}

/// As `portcullis dev | head -1` does it.
#[tokio::test]
async fn a_server_whose_output_nobody_reads_serves_on() {
    let mut server = DevServer::builder().unread().start();
    let answer = client().get(format!("{}/healthz", server.ready.origin)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
}

#[test]
fn folders_with_media_become_assets_with_prefixed_streams() {
    let media = media_dir();
    let builder = DevServer::builder().media(&media.join("ladder")).media(&media.join("muxed"));
    let server = builder.start();
    for name in ["ladder-cenc-token", "muxed-clear-open", "ladder-aes-open", "muxed-cbcs-token"] {
        server.ready.stream(name);
    }
    assert_eq!(server.ready.streams.len(), 18);
}

#[test]
fn of_many_folders_those_that_cannot_be_played_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    for name in ["good", "bad"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/gate_aac_eng.mp4");
    fs::copy(clip, root.path().join("good/a.mp4")).unwrap();
    fs::write(root.path().join("bad/b.mp4"), "no film").unwrap();
    let server = DevServer::builder().media(root.path()).start();
    assert!(server.ready.streams.iter().all(|stream| stream.name.starts_with("good-")));
    assert!(server.log().contains("b.mp4"), "{}", server.log());
}

#[test]
fn other_media_in_the_same_data_folder_takes_the_names_over() {
    let data = tempfile::tempdir().unwrap();
    let clip = DevServer::builder().data(data.path()).start().ready.clone();
    let ladder = media_dir().join("ladder");
    let own = DevServer::builder().data(data.path()).media(&ladder).start().ready.clone();
    let id = |ready: &Ready| ready.stream("cenc-open").locator_id.clone();
    assert_ne!(id(&clip), id(&own));
    assert!(!own.stream("cenc-open").manifest("dash").url.contains("gate.ism"));
}

#[test]
fn neither_keys_nor_tokens_are_logged() {
    let server = DevServer::builder().variable("PORTCULLIS_LOG_FILTER", "trace").start();
    let stream = server.ready.stream("aes-token");
    let token = stream.token.as_ref().unwrap();
    let kid = &stream.keys[0].kid;
    for query in [format!("kid={kid}&token={token}"), format!("kid={kid}")] {
        let url = format!("{}/?{query}", server.ready.key_delivery);
        let done = std::process::Command::new("curl").args(["-s", &url]).output().unwrap();
        assert!(done.status.success());
    }
    let log = server.log();
    assert!(log.contains("path=\"/keydelivery/\""), "{log}");
    for secret in [token.as_str(), &stream.keys[0].key, "?kid=", "token="] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
