//! Documents that were answered a moment ago come from memory: each client gets from there what it
//! would have got without. (That they follow their files is seen by `origin::changes`.)

use std::collections::BTreeMap;

use reqwest::Client;

use crate::support::http::{builder, client};
use crate::support::origin::{Answer, get_by, get_with, send_at_once};
use crate::support::server::DevServer;

/// What clients ask with, and the status that they get; no two of them get the same fields and bytes.
const CLIENTS: [(&[(&str, &str)], u16); 10] = [
    (&[], 200),
    (&[("origin", "https://player.example")], 200),
    (&[("accept-encoding", "gzip")], 200),
    (&[("accept-encoding", "br"), ("origin", "https://other.example")], 200),
    (&[("range", "bytes=10-99")], 206),
    (&[("range", "bytes=10-99"), ("accept-encoding", "gzip")], 206),
    (&[("range", "bytes=9999999-")], 416),
    (&[("if-none-match", "*")], 304),
    (&[("if-match", "\"another\"")], 412),
    (&[("host", "keys.example:81")], 200),
];

/// All that tells answers apart.
fn told(answer: &Answer) -> (u16, BTreeMap<&str, &str>, &[u8]) {
    let own = |name: &str| !["date", "x-request-id"].contains(&name);
    let fields = answer.headers.iter().filter(|(name, _)| own(name.as_str()));
    let fields = fields.map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let fields: BTreeMap<&str, &str> = fields.collect();
    assert_eq!(fields.len() + 2, answer.headers.len(), "no field comes twice");
    (answer.status.as_u16(), fields, &answer.body)
}

/// Clients of both HTTP versions that the server speaks.
fn versions() -> [Client; 2] {
    [client(), builder().http2_prior_knowledge().build().unwrap()]
}

#[tokio::test]
async fn what_is_at_hand_is_what_each_client_would_have_got() {
    let playlist = DevServer::shared().stream("aes-open").playlist().await;
    for (version, connection) in versions().iter().enumerate() {
        for (n, (asked, status)) in CLIENTS.iter().enumerate() {
            // Another address for the same: nothing is kept under it.
            let other = format!("{playlist}?n={version}.{n}");
            let anew = send_at_once(get_by(connection, &other, asked)).await;
            assert_eq!(anew.status, *status, "{asked:?}");
            // Without a pause: a look at the files counts for some milliseconds.
            for _ in 0..10 {
                let again = send_at_once(get_by(connection, &playlist, asked)).await;
                assert_eq!(told(&again), told(&anew), "{asked:?}");
                assert_ne!(again.header("x-request-id"), anew.header("x-request-id"));
            }
        }
    }
    let host = get_with(&playlist, &[("host", "keys.example:81")]).await;
    assert!(host.text().contains("URI=\"http://keys.example:81/keydelivery/"), "{}", host.text());
}

#[tokio::test]
async fn who_asks_for_the_head_gets_it_of_what_is_at_hand() {
    let playlist = DevServer::shared().stream("clear-open").playlist().await;
    for connection in versions() {
        for _ in 0..3 {
            let whole = send_at_once(get_by(&connection, &playlist, &[])).await;
            let head = send_at_once(connection.head(&playlist)).await;
            let (status, fields, body) = told(&whole);
            assert_eq!(told(&head), (status, fields, &[][..]));
            assert_eq!(whole.header("content-length"), body.len().to_string());
        }
    }
}
