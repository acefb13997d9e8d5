//! Text in codings: who gets which, that it is the same text, and that each form has its own tag,
//! conditions and ranges. Media are never coded.

use std::io::Read;

use reqwest::Method;

use crate::support::origin::{Answer, get, get_with, request, send};
use crate::support::server::DevServer;

/// `Accept-Encoding` and the coding that follows from it.
const CLIENTS: [(&str, &str); 8] = [
    ("gzip, deflate, br, zstd", "br"),
    ("gzip, zstd", "zstd"),
    ("gzip", "gzip"),
    ("br;q=0.1, gzip;q=0.9", "gzip"),
    ("*;q=0.5, br;q=0", "zstd"),
    ("identity;q=1, gzip;q=0.5", ""),
    ("gzip;q=0", ""),
    ("deflate", ""),
];

/// Addresses of text that is long enough to be coded, with their lifetimes.
async fn texts() -> Vec<(String, &'static str)> {
    let ready = DevServer::shared();
    let mut texts = vec![
        (format!("{}/", ready.origin), "no-store"),
        (format!("{}/streams.json", ready.origin), "no-store"),
        (format!("{}/player", ready.origin), "no-cache"),
        (format!("{}/assets/hls.js", ready.origin), "no-cache"),
    ];
    for form in ["clear", "cenc"] {
        let stream = ready.stream(&format!("{form}-open"));
        for manifest in &stream.manifests {
            texts.push((manifest.url.clone(), "public, max-age=60"));
        }
    }
    texts.push((ready.stream("aes-open").playlist().await, "public, max-age=60"));
    texts
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let (coded, mut plain) = (&*answer.body, Vec::new());
    match answer.header("content-encoding") {
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).unwrap(),
        "zstd" => zstd::Decoder::new(coded).unwrap().read_to_end(&mut plain).unwrap(),
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).unwrap(),
        coding => {
            assert_eq!(coding, "");
            plain.extend(coded);
            plain.len()
        }
    };
    plain
}

fn varies(answer: &Answer) -> bool {
    answer.header("vary").split(", ").any(|field| field == "Accept-Encoding")
}

#[tokio::test]
async fn each_client_gets_the_coding_that_it_likes_best() {
    for (url, lifetime) in texts().await {
        let plain = get(&url).await;
        assert!(varies(&plain) && plain.header("content-encoding").is_empty(), "{url}");
        for (accepted, coding) in CLIENTS {
            let answer = get_with(&url, &[("accept-encoding", accepted)]).await;
            assert_eq!(answer.header("content-encoding"), coding, "{url} for {accepted}");
            assert_eq!(answer.header("cache-control"), lifetime);
            assert!(varies(&answer));
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            assert_eq!(answer.header("content-type"), plain.header("content-type"));
            assert!(decoded(&answer) == plain.body, "{url} for {accepted}");
            let (same_tag, same_bytes) =
                (answer.header("etag") == plain.header("etag"), answer.body == plain.body);
            assert_eq!((same_tag, same_bytes), (coding.is_empty(), coding.is_empty()), "{url}");
            if !coding.is_empty() {
                assert!(answer.body.len() < plain.body.len(), "{url} by {coding}");
            }
        }
    }
}

#[tokio::test]
async fn conditions_ranges_and_head_are_of_the_coded_form() {
    let manifest = &DevServer::shared().stream("cenc-open").manifest("dash").url;
    for url in [manifest, &format!("{}/assets/dash.js", DevServer::shared().origin)] {
        let plain_tag = get(url).await.header("etag").to_owned();
        for coding in ["br", "zstd", "gzip"] {
            let ask = async |more: &[(&'static str, &str)]| {
                get_with(url, &[&[("accept-encoding", coding)], more].concat()).await
            };
            let whole = ask(&[]).await;
            let tag = whole.header("etag");
            let known = ask(&[("if-none-match", tag)]).await;
            assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
            assert_eq!((known.header("etag"), varies(&known)), (tag, true));
            assert_eq!(known.header("content-encoding"), "");
            assert_eq!(ask(&[("if-none-match", &plain_tag)]).await.status, 200);
            assert_eq!(ask(&[("if-match", &plain_tag)]).await.status, 412);
            let part = ask(&[("range", "bytes=10-99"), ("if-range", tag)]).await;
            assert_eq!((part.status.as_u16(), part.header("content-encoding")), (206, coding));
            assert!(part.body == whole.body[10..100]);
            let other = ask(&[("range", "bytes=10-99"), ("if-range", &plain_tag)]).await;
            assert!(other.status == 200 && other.body == whole.body);
            let head = request(Method::HEAD, url).header("accept-encoding", coding);
            let head = send(head).await;
            for name in ["content-length", "content-encoding", "content-type", "etag"] {
                assert_eq!(head.header(name), whole.header(name), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn media_are_never_coded() {
    let stream = DevServer::shared().stream("clear-open");
    for url in [stream.init().await, stream.fragment(0).await] {
        let answer = get_with(&url, &[("accept-encoding", "br, gzip, zstd")]).await;
        assert_eq!((answer.header("content-encoding"), varies(&answer)), ("", false), "{url}");
        assert_eq!(answer.status, 200);
    }
}
