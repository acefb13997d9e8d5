//! Exit codes and the sentences that go with them (architecture, section 5).

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};

use crate::support::server::{media_dir, portcullis};

/// Runs the command to its end: exit code, standard output, standard error.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["dev", "--help"], 0),
        (&["frobnicate"], 2),
        (&["dev", "--listen", "nowhere"], 2),
        (&["dev", "--frobnicate"], 2),
        (&["add"], 2),
        (&["add", "x.mp4", "--policy", "some"], 2),
        (&[], 2),
    ] {
        let (found, stdout, stderr) = run(portcullis().args(arguments));
        assert_eq!(found, Some(code), "{arguments:?}: {stdout}{stderr}");
    }
}

#[test]
fn a_wrong_configuration_is_2_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portcullis.toml");
    let data = dir.path().join("data");
    for (text, expected) in [
        ("[limits]\nstal = \"1s\"\n", "limits.stall?"),
        ("listen = 8080\n", "line 1"),
        ("[limits]\nconnections = 0\n", "limits.connections"),
        ("public_url = \"ftp://x\"\n", "public_url"),
        ("[log]\nfilter = \"=[\"\n", "log.filter"),
    ] {
        fs::write(&file, text).unwrap();
        let (code, _, stderr) =
            run(portcullis().arg("serve").arg("--config").arg(&file).arg("--data").arg(&data));
        assert_eq!(code, Some(2), "{text}: {stderr}");
        assert!(stderr.contains(expected), "{expected:?} is not in {stderr:?}");
        assert!(!data.exists(), "{text}");
    }
    let missing = dir.path().join("none.toml");
    let (code, _, stderr) = run(portcullis().arg("serve").arg("--config").arg(missing));
    assert_eq!((code, stderr.contains("none.toml")), (Some(2), true), "{stderr}");
}

#[test]
fn a_folder_without_a_database_is_2_and_stays_empty() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("mistyped");
    for arguments in [
        &["list", "streaming-locators"][..],
        &["show", "streaming-locators", "film"],
        &["delete", "streaming-locators", "film"],
        &["key", "show", "film"],
        &["key", "rotate", "film", "--now"],
        &["token", "make", "--policy", "token", "--expires-in", "1h"],
    ] {
        let (code, _, stderr) = run(portcullis().args(arguments).arg("--data").arg(&data));
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("there is no database in"), "{stderr}");
        assert!(!data.exists(), "{arguments:?}");
    }
}

#[test]
fn a_variable_that_does_not_exist_is_2() {
    let mut command = portcullis();
    command.args(["config", "check"]).env("PORTCULLIS_LISEN", "127.0.0.1:1");
    let (code, _, stderr) = run(&mut command);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("did you mean PORTCULLIS_LISTEN?"), "{stderr}");
}

#[test]
fn the_effective_configuration_is_printed_without_secrets() {
    let kek = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let mut command = portcullis();
    command.args(["config", "check"]).env("PORTCULLIS_KEK", kek);
    command.env("PORTCULLIS_LIMITS_STALL", "7s");
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("stall = \"7s\"") && stdout.contains("fingerprint"), "{stdout}");
    assert!(!stdout.contains(kek));
    let read_back: toml::Table = stdout.parse().unwrap();
    assert_eq!(read_back["listen"].as_str(), Some("127.0.0.1:8080"));

    let (_, stdout, _) = run(command.arg("--json"));
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["limits"]["stall"], "7s");
    assert!(!stdout.contains(kek));
}

#[test]
fn a_port_in_use_is_3_with_its_number() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (code, _, stderr) =
        run(portcullis().args(["dev", "--listen", &address, "--data"]).arg(&data));
    assert_eq!(code, Some(3));
    assert!(stderr.contains(&address) && stderr.contains("in use"), "{stderr}");
    assert!(!data.exists());
}

#[test]
fn serve_refuses_to_make_a_key_and_to_use_a_wrong_one() {
    let dir = tempfile::tempdir().unwrap();
    let serve = |kek: Option<&str>| {
        let mut command = portcullis();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir.path());
        run(command.envs(kek.map(|kek| ("PORTCULLIS_KEK", kek))))
    };
    let (code, _, stderr) = serve(None);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("keys.kek_file"), "{stderr}");

    let ladder = media_dir().join("ladder");
    let (code, _, stderr) = run(portcullis().arg("add").arg(ladder).arg("--data").arg(dir.path()));
    assert_eq!(code, Some(0), "{stderr}");
    let (code, _, stderr) = serve(Some(&"ab".repeat(32)));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("key-encryption key"), "{stderr}");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_3_and_media_that_is_not_there_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let dev = |data: &std::path::Path| {
        let mut command = portcullis();
        command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command
    };
    let (code, _, stderr) = run(&mut dev(&file.join("below")));
    assert_eq!((code, stderr.contains("file/below")), (Some(3), true), "{stderr}");
    let (code, _, stderr) = run(dev(&dir.path().join("data")).arg("--media").arg("/nowhere"));
    assert_eq!((code, stderr.contains("/nowhere")), (Some(1), true), "{stderr}");
}
