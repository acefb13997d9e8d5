//! Other servers as the configuration names them: rules, secrets, certificates.

use std::fs;
use std::path::Path;

use axum::http::Request;
use portcullis::license::upstream::Protocol;
use portcullis::service::upstream::Settings;

use crate::support::keys::clearkey_request;
use crate::support::server::portcullis;
use crate::support::tls;
use crate::support::upstream::{Server, Service, reply};

/// What `config check` says of a configuration with this section, and whether it accepts it.
fn checked(dir: &Path, section: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let file = dir.join("portcullis.toml");
    fs::write(&file, section).unwrap();
    let mut command = portcullis();
    command.args(["config", "check", "--config"]).arg(&file).envs(variables.iter().copied());
    let output = command.output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

const VENDOR: &str =
    "[upstream.vendor]\nprotocol = \"https\"\nurl = \"https://license.example/x\"\n";

#[test]
fn the_rules_of_each_setting_are_told_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("empty.pem"), "").unwrap();
    let empty = dir.path().join("empty.pem");
    for (more, expected) in [
        (
            "timeot = \"1s\"",
            "unknown setting upstream.vendor.timeot; did you mean upstream.vendor.timeout?",
        ),
        ("timeout = \"soon\"", "line 4"),
        ("timeout = \"0s\"", "upstream.vendor.timeout: is longer than 0s"),
        ("requests = 0", "upstream.vendor.requests"),
        ("headers = { Host = \"x\" }", "upstream.vendor.headers: Host"),
        ("headers = { X = \"{kid} {word}\" }", "upstream.vendor.headers: X: a template has"),
        ("headers = { X = \"a\\nb\" }", "upstream.vendor.headers: X"),
        ("headers = { X = \"{secret}\" }", "upstream.vendor.headers: {secret} needs a secret_file"),
        ("secret_file = \"/nowhere/x\"", "upstream.vendor.secret_file: /nowhere/x"),
        (format!("ca_file = {empty:?}").as_str(), "upstream.vendor.ca_file: has no certificate"),
    ] {
        let (accepted, said) = checked(dir.path(), &format!("{VENDOR}{more}\n"), &[]);
        assert!(!accepted && said.contains(expected), "{expected}: {said}");
    }
    for (section, expected) in [
        ("[upstream.vendor]\nprotocol = \"https\"\n", "missing field `url`"),
        ("[upstream.vendor]\nprotocol = \"gopher\"\nurl = \"https://a.example\"\n", "line 2"),
        (
            "[upstream.vendor]\nprotocol = \"https\"\nurl = \"http://a.example\"\n",
            "vendor.url: is https",
        ),
        ("[upstream.\"a b\"]\nprotocol = \"https\"\nurl = \"https://a.example\"\n", "a name has"),
        ("[upstream]\nvendor = 5\n", "line 2"),
    ] {
        let (accepted, said) = checked(dir.path(), section, &[]);
        assert!(!accepted && said.contains(expected), "{expected}: {said}");
    }
    let variables = [("PORTCULLIS_UPSTREAM_NAME_URL", "https://a.example")];
    let (accepted, said) = checked(dir.path(), VENDOR, &variables);
    assert!(!accepted && said.contains("unknown setting PORTCULLIS_UPSTREAM_NAME_URL"), "{said}");
}

#[test]
fn a_secret_is_checked_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    let section = format!(
        "{VENDOR}secret_file = {secret:?}\nheaders = {{ X = \"hunter2 {{secret}}\" }}\ntimeout = \"3s\"\n"
    );
    let section = section.replacen("/x", "/x?key=hunter2", 1);
    fs::write(&secret, "hunter2\n").unwrap();
    let (accepted, said) = checked(dir.path(), &section, &[]);
    assert!(accepted && !said.contains("hunter2"), "{said}");
    for shown in
        ["[upstream.vendor]", "timeout = \"3s\"", "X = \"hidden\"", "?hidden", "failures = 5"]
    {
        assert!(said.contains(shown), "{shown}: {said}");
    }
    fs::write(&secret, "hunter2\nand more").unwrap();
    let (accepted, said) = checked(dir.path(), &section, &[]);
    assert!(!accepted && said.contains("secret_file") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_server_is_believed_by_the_roots_that_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let [known, stranger] = [(); 2].map(|()| tls::certificate());
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    for (shown, status) in [(&known, 200), (&stranger, 502)] {
        let url = tls::front(shown, server.address()).await;
        let ca_file = dir.path().join("roots.pem");
        fs::write(&ca_file, known.cert.pem()).unwrap();
        let settings = Settings::new(Protocol::Https, url.parse().unwrap());
        let service = Service::of(Settings { ca_file: Some(ca_file), ..settings }, true).await;
        let kid = service.cenc().await.0;
        let asked = Request::post("/keydelivery/ClearKey/").body(clearkey_request(&[kid]).into());
        assert_eq!(service.keys.send(asked.unwrap()).await.status, status);
    }
    assert_eq!(server.seen().len(), 1, "nothing is sent to a stranger");
}
