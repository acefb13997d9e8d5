//! Heads and bodies at and beyond the limits, both HTTP versions, and answers to mistakes.

use std::time::Duration;

use crate::support::http::{builder, client};
use crate::support::wire::{WireServer, brisk};

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn heads_beyond_the_limits_are_refused_and_the_server_lives() {
    let server = WireServer::start(brisk()).await;
    let many: String = (0..80).map(|n| format!("X-{n}: y\r\n")).collect();
    let huge = format!("X: {}\r\n", "y".repeat(100_000));
    for (headers, expected) in [(String::new(), "200"), (many, "431"), (huge, "431")] {
        let mut client = server.connect().await;
        let text = format!("GET /hello HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
        client.send(&text).await;
        assert_eq!(status(&client.rest().await), expected);
    }
    let long = format!("/{}", "a".repeat(70_000));
    assert!(["414", "431"].contains(&status(&server.get(&long).await)));
    assert_eq!(status(&server.get("/hello").await), "200");
}

#[tokio::test]
async fn bodies_are_limited_in_size_and_time() {
    let server = WireServer::start(brisk()).await;
    let post = |length: usize| {
        format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut client = server.connect().await;
    client.send(&(post(5) + "abcde")).await;
    assert!(client.read_until("abcde").await.starts_with("HTTP/1.1 200"));

    for (sent, expected, code) in [
        (post(70_000) + &"x".repeat(70_000), "413", "body-too-large"),
        (post(1000) + "only a part", "408", "body-too-slow"),
        (
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(),
            "400",
            "body-incomplete",
        ),
    ] {
        let mut client = server.connect().await;
        client.send(&sent).await;
        let answer = client.read_until("\"type\"").await;
        assert_eq!(status(&answer), expected, "{answer}");
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
        assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
    }
}

#[tokio::test]
async fn bodies_for_playready_are_refused_by_its_own_faults() {
    let server = WireServer::start(brisk()).await;
    for (path, fault) in [
        ("/keydelivery/PlayReady/", true),
        ("/keydelivery/PlayReady", true),
        ("/PlayReady/?kid=x", true),
        ("/keydelivery/Widevine/", false),
        ("/film/PlayReady/", false),
    ] {
        let length = 70_000;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        let mut client = server.connect().await;
        client.send(&(head + &"x".repeat(length))).await;
        let end = if fault { "</soap:Envelope>" } else { "\"type\"" };
        let answer = client.read_until(end).await;
        assert_eq!(status(&answer), "413", "{answer}");
        assert!(answer.contains("body-too-large"), "{answer}");
        let form = if fault { "text/xml; charset=utf-8" } else { "application/problem+json" };
        assert!(answer.contains(form), "{answer}");
        assert_eq!(answer.contains("0x8004C604"), fault, "{answer}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = WireServer::start(brisk()).await;
    let mut client = server.connect().await;
    client
        .send(
            "GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n\
             GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await;
    let answers = client.rest().await;
    let order: Vec<_> = ["done", "hello", "not-found"].map(|text| answers.find(text)).into();
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{answers}");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_on_the_same_port() {
    let server = WireServer::start(brisk()).await;
    let client = builder().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}", server.address);
    let (hello, large) = tokio::join!(
        client.get(format!("{url}/hello")).send(),
        client.get(format!("{url}/large")).send(),
    );
    let hello = hello.unwrap();
    assert_eq!(hello.version(), reqwest::Version::HTTP_2);
    assert_eq!(hello.text().await.unwrap(), "hello");
    assert_eq!(large.unwrap().bytes().await.unwrap().len(), 5_000_000);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_server_lives() {
    let server = WireServer::start(brisk()).await;
    let answer = server.get("/panic").await;
    assert_eq!(status(&answer), "500");
    assert!(answer.contains("\"code\":\"internal-error\""), "{answer}");
    assert!(!answer.contains("asked for by a test"), "the message must not leave the process");
    assert_eq!(status(&server.get("/hello").await), "200");
}

#[tokio::test]
async fn every_answer_may_be_read_from_every_origin() {
    let server = WireServer::start(brisk()).await;
    let client = client();
    for (method, path, expected) in [
        ("GET", "/hello", 200),
        ("HEAD", "/hello", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/hello", 405),
        ("GET", "/panic", 500),
        ("OPTIONS", "/hello", 204),
        ("OPTIONS", "/nowhere", 204),
        ("OPTIONS", "/bad%2", 204),
    ] {
        for origin in [Some("http://player.example:81"), Some("null"), None] {
            let url = format!("http://{}{path}", server.address);
            let mut request = client.request(method.parse().unwrap(), url);
            request = request.headers(
                origin
                    .map(|o| ("origin".parse().unwrap(), o.parse().unwrap()))
                    .into_iter()
                    .collect(),
            );
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), expected, "{method} {path}");
            let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap());
            assert_eq!(header("access-control-allow-origin"), Some(origin.unwrap_or("*")));
            assert_eq!(header("access-control-allow-credentials"), origin.map(|_| "true"));
            let lines = answer.headers().get_all("vary").iter().map(|line| line.to_str().unwrap());
            let varies = lines.flat_map(|line| line.split(", ")).any(|field| field == "Origin");
            assert!(varies, "{method} {path} {origin:?}");
            assert!(header("access-control-expose-headers").unwrap().contains("Content-Range"));
            assert!(header("x-request-id").is_some());
        }
    }
}

#[tokio::test]
async fn a_preflight_allows_what_it_was_asked_for() {
    let server = WireServer::start(brisk()).await;
    let answer = client()
        .request("OPTIONS".parse().unwrap(), format!("http://{}/keydelivery/", server.address))
        .header("origin", "http://player.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,traceparent")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    for (name, expected) in [
        ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
        ("access-control-allow-headers", "authorization, content-type, traceparent"),
        ("access-control-max-age", "86400"),
    ] {
        assert_eq!(answer.headers()[name], expected);
    }
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let server = WireServer::start(brisk()).await;
    let mut client = server.connect().await;
    client.send("DELETE /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = client.rest().await;
    assert_eq!(status(&answer), "405");
    assert!(answer.contains("allow: GET,HEAD"), "{answer}");
    assert!(answer.contains("\"code\":\"method-not-allowed\""), "{answer}");
}

#[tokio::test]
async fn a_harmless_request_identifier_is_kept_and_any_other_replaced() {
    let server = WireServer::start(brisk()).await;
    for (given, kept) in
        [("abc-1.2_X", true), ("a b", false), ("", false), (&"x".repeat(65), false)]
    {
        let mut client = server.connect().await;
        let text = format!(
            "GET /hello HTTP/1.1\r\nHost: x\r\nX-Request-Id: {given}\r\nConnection: close\r\n\r\n"
        );
        client.send(&text).await;
        let answer = client.rest().await;
        let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
        assert_eq!(id == given, kept, "{given}");
        assert!(kept || id.len() == 36, "{id}");
    }
}

#[tokio::test]
async fn nobody_tells_a_request_identifier_from_the_one_before() {
    let server = WireServer::start(brisk()).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let answer = server.get("/hello").await;
        let id = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
        ids.push(uuid::Uuid::parse_str(id).unwrap().into_bytes());
    }
    for (n, id) in ids.iter().enumerate() {
        for other in &ids[n + 1..] {
            let equal = id.iter().zip(other).filter(|(a, b)| a == b).count();
            assert!(equal <= 6, "{equal} of 16 bytes are the same: {id:x?} {other:x?}");
        }
    }
}

#[tokio::test]
async fn slow_answers_of_the_server_are_not_held_against_the_client() {
    let limits = portcullis::http::limits::Limits { stall: Duration::from_millis(100), ..brisk() };
    let server = WireServer::start(limits).await;
    assert!(server.get("/slow").await.ends_with("done"));
}

#[tokio::test]
async fn beyond_the_number_of_answers_under_way_the_answer_is_503() {
    let limits = portcullis::http::limits::Limits { requests: 2, ..brisk() };
    let server = WireServer::start(limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect_narrow().await;
        client.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        client.read_until("200 OK").await;
        held.push(client);
    }
    let answer = server.get("/hello").await;
    assert_eq!(status(&answer), "503");
    assert!(answer.contains("\"code\":\"overloaded\"") && answer.contains("retry-after: 1"));
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
    drop(held);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(status(&server.get("/hello").await), "200");
}
