//! What goes to the other server and what comes back.

use axum::body::Body;
use axum::http::Request;
use data_encoding::{BASE64, HEXLOWER};
use portcullis::cenc::{IvContext, Scheme};
use portcullis::drm::playready::Version;
use portcullis::license::fairplay::Form;
use portcullis::license::fairplay::client::Wish;
use portcullis::license::upstream::Protocol;
use portcullis::license::widevine::LicenseType;
use portcullis::license::widevine::test_device::Content;
use portcullis::service::upstream::Settings;
use serde_json::json;

use crate::support::fairplay::{World, body};
use crate::support::keys::{clearkey_request, sign, spec};
use crate::support::playready::{self, header, question};
use crate::support::upstream::{CBCS, CENC, Server, Service, reply};
use crate::support::widevine::{ask, pssh_data};

const LICENCE: &[u8] = b"\x08\x02a licence of another server\0";

#[tokio::test]
async fn requests_of_every_system_go_on_as_they_came() {
    let server = Server::start(|_| reply(200, "application/octet-stream", LICENCE)).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    let (other, _) = service.key("apple", CBCS).await;
    let widevine = ask("l3", Content::PsshData(&pssh_data(&[kid])), LicenseType::Streaming).body;
    let soap = header(Version::V4_0, &[kid], Scheme::Cenc);
    let device = playready::World::get().device("sl2000");
    let playready = playready::challenge(&device, &question(&soap, None)).into_bytes();
    let asset = other.to_string();
    let wish = Wish { asset: asset.as_bytes(), ..Wish::default() };
    let (spc, _) = World::get().draft(2, &wish).seal(&mut random()).unwrap();
    let fairplay = body(Form::Json, &spc);
    let requests = [
        ("ClearKey/".to_owned(), clearkey_request(&[kid]).into_bytes()),
        ("Widevine/".into(), widevine.clone()),
        ("PlayReady/".into(), playready),
        (format!("FairPlay/?kid={other}"), fairplay),
        ("license".into(), widevine),
    ];
    for (n, (path, body)) in requests.into_iter().enumerate() {
        let asked = Request::post(format!("/keydelivery/{path}"))
            .header("content-type", "application/x-thing")
            .header("cookie", "session=secret")
            .body(Body::from(body.clone()));
        let answer = service.keys.send(asked.unwrap()).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        assert_eq!(answer.body, LICENCE, "{path}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        let seen = &server.seen()[n];
        assert_eq!((seen.method.as_str(), seen.uri.as_str()), ("POST", "/license?customer=7"));
        assert_eq!(seen.body, body, "{path}");
        assert_eq!(seen.header("content-type"), "application/x-thing");
        assert!(
            !seen.headers.contains_key("cookie") && !seen.headers.contains_key("authorization")
        );
    }
    assert_eq!(server.seen().len(), 5);
    assert!(server.connections() <= 2, "connections are used again: {}", server.connections());
}

fn random() -> portcullis::crypto::random::System {
    portcullis::crypto::random::System::new()
}

#[tokio::test]
async fn the_wrapping_of_tutorials_is_ours_to_take_off_and_put_on() {
    let server = Server::start(|_| reply(200, "text/html", LICENCE)).await;
    let service = Service::of(server.settings(Protocol::Https), true).await;
    let (kid, _) = service.cenc().await;
    let inner = clearkey_request(&[kid]);
    let wrapped = json!({ "rawLicenseRequestBase64": BASE64.encode(inner.as_bytes()) });
    let answer = service.keys.post("/keydelivery/license", wrapped.to_string()).await;
    assert_eq!(answer.json(), json!({ "rawLicenseBase64": BASE64.encode(LICENCE) }));
    assert_eq!(server.seen()[0].body, inner);
    let answer = service.keys.post("/keydelivery/ClearKey/", inner).await;
    assert_eq!(answer.header("content-type"), "application/octet-stream", "no page of ours");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn header_lines_are_filled_for_each_request() {
    let dir = tempfile::tempdir().unwrap();
    let secret_file = dir.path().join("secret");
    std::fs::write(&secret_file, "s3cret of the customer\n").unwrap();
    let server = Server::start(|_| reply(200, "application/json", "{}")).await;
    let lines = [
        ("Authorization", "Key {secret}"),
        ("X-Kid", "{kid}"),
        ("X-Message", "{kids};{keys};{iv}"),
        ("X-Viewer", "token={token}"),
    ];
    let settings = Settings {
        secret_file: Some(secret_file),
        headers: lines.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        ..server.settings(Protocol::Https)
    };
    let service = Service::of(settings, false).await;
    let films = [service.key("a", CENC).await, service.key("b", CENC).await];
    let kids = films.each_ref().map(|(kid, _)| *kid);
    let token = sign(&spec());
    let url = format!("/keydelivery/ClearKey/?token={token}");
    let answer = service.keys.post(&url, clearkey_request(&kids)).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let seen = &server.seen()[0];
    assert_eq!(seen.header("authorization"), "Key s3cret of the customer");
    assert_eq!(seen.header("x-kid"), kids[0].to_string());
    let key = |n: usize| format!("{}:{}", kids[n], HEXLOWER.encode(films[n].1.expose()));
    let iv = HEXLOWER.encode(&IvContext::new(kids[0], &[]).constant());
    let expected = format!("{},{};{},{};{iv}", kids[0], kids[1], key(0), key(1));
    assert_eq!(seen.header("x-message"), expected);
    assert_eq!(seen.header("x-viewer"), format!("token={token}"));
    assert!(seen.header("user-agent").starts_with("portcullis/"));
}
