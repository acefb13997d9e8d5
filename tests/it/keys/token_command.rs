//! `portcullis token`, run as a user runs it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::keys::{AUDIENCE, ISSUER, KeyService, SECRET, kek};

const KID: &str = "9eb4050d-e44b-4802-932e-27d75083e266";
const RSA_PEM_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/dev/token-rs256.pem");

/// Runs the command with a text on its standard input and a symmetric key in `TOKEN_KEY`.
fn token(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("token")
        .args(arguments)
        .env("TOKEN_KEY", data_encoding::BASE64.encode(SECRET))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that needs no input may be gone before it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(output: &Output) -> String {
    assert_eq!(code(output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

const WITH_KEY: [&str; 6] =
    ["--key-base64-env", "TOKEN_KEY", "--issuer", ISSUER, "--audience", AUDIENCE];

fn make(more: &[&str]) -> String {
    text(&token(&[&["make"], &WITH_KEY[..], more].concat(), ""))
}

fn check(token_text: &str, more: &[&str]) -> Output {
    token(&[&["check", "--json"], &WITH_KEY[..], more].concat(), token_text)
}

/// A data folder with the policies `open` and `token`.
async fn data() -> KeyService {
    let service = KeyService::start().await;
    std::fs::write(service.dir.path().join("kek"), &*kek(1).to_hex()).unwrap();
    service
}

fn folder(service: &KeyService) -> &str {
    Path::to_str(service.dir.path()).unwrap()
}

#[test]
fn a_token_is_read_from_standard_input_and_no_example_shows_it_as_an_argument() {
    let made = make(&[]);
    for more in [&[][..], &["-"]] {
        assert_eq!(code(&check(&made, more)), 0, "{more:?}");
    }
    let help = text(&token(&["check", "--help"], ""));
    assert!(help.contains("< token.txt") && !help.contains("$TOKEN"), "{help}");
}

#[test]
fn what_is_made_is_accepted_and_says_what_was_asked() {
    let made = make(&["--kid", KID, "--claim", "tier=hd", "--claim", "a=b=c"]);
    let checked = check(&made, &["--kid", KID]);
    let verdict: Value = serde_json::from_str(&text(&checked)).unwrap();
    assert_eq!(verdict["accepted"], true);
    let claims = &verdict["claims"];
    assert_eq!((&claims["iss"], &claims["aud"]), (&ISSUER.into(), &AUDIENCE.into()));
    assert_eq!((&claims["tier"], &claims["a"]), (&"hd".into(), &"b=c".into()));
    let key_claim = "urn:microsoft:azure:mediaservices:contentkeyidentifier";
    assert_eq!(claims[key_claim], KID);
}

#[test]
fn every_refused_rule_is_named_and_the_exit_code_is_one() {
    let expired = make(&["--expires-in=-2h"]);
    let early = make(&["--not-before", "2999-01-01T00:00:00Z"]);
    for (made, rule, reason) in
        [(expired, "expiry", "token-expired"), (early, "not before", "token-not-yet-valid")]
    {
        let checked = check(&made, &[]);
        assert_eq!(code(&checked), 1);
        let verdict: Value = serde_json::from_slice(&checked.stdout).unwrap();
        let rules = verdict["options"][0]["rules"].as_array().unwrap();
        let refused: Vec<_> = rules.iter().filter(|rule| rule["kept"] == false).collect();
        assert_eq!(refused.len(), 1, "{verdict}");
        assert_eq!((&refused[0]["rule"], &refused[0]["code"]), (&rule.into(), &reason.into()));
    }
    assert_eq!(code(&check("rubbish", &[])), 1);
}

#[tokio::test]
async fn a_stored_policy_gives_issuer_audience_and_key() {
    let service = data().await;
    let policy = ["--policy", "token", "--data", folder(&service)];
    let made = text(&token(&[&["make"], &policy[..]].concat(), ""));
    let shown = text(&token(&[&["check"], &policy[..]].concat(), &made));
    assert!(shown.contains("ok      signature") && !shown.contains("REFUSED"), "{shown}");
    let answer = service.get_with(&format!("/keydelivery/?kid={KID}"), made.trim()).await;
    assert_eq!(answer.refusal(), (404, "key-unknown".into()));
}

#[tokio::test]
async fn wrong_use_and_refused_input_have_their_exit_codes() {
    let service = data().await;
    let dir = folder(&service);
    let names = ["--issuer", "i", "--audience", "a"];
    let table: [(&[&str], i32); 9] = [
        (&["make"], 2),
        (&["make", "--policy", "token", "--key-file", "x"], 2),
        (&["make", "--key-file", "/does/not/exist", names[0], "i", names[2], "a"], 2),
        (&["make", "--key-base64-env", "NOT_SET", names[0], "i", names[2], "a"], 2),
        (&["make", "--policy", "token", "--data", dir, "--kid", "x"], 2),
        (&["make", "--policy", "token", "--data", dir, "--claim", "x"], 2),
        (&["make", "--policy", "open", "--data", dir], 1),
        (&["make", "--policy", "missing", "--data", dir], 1),
        (&["check", "--policy", "open", "--data", dir], 1),
    ];
    for (arguments, expected) in table {
        let output = token(arguments, "a.b.c");
        assert_eq!(code(&output), expected, "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn a_private_key_makes_rs256_tokens() {
    let names = ["--issuer", ISSUER, "--audience", AUDIENCE, "--json"];
    let made = token(&[&["make", "--key-file", RSA_PEM_FILE], &names[..]].concat(), "");
    let made: Value = serde_json::from_str(&text(&made)).unwrap();
    let header = made["token"].as_str().unwrap().split('.').next().unwrap();
    let header = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["alg"], "RS256");
    assert_eq!(made["claims"]["iss"], ISSUER);
}
