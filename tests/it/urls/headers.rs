//! Headers of streaming answers: HEAD, entity tags, conditions, ranges, types, lifetimes.

use reqwest::{Method, header::HeaderMap};

use crate::support::origin::{get, get_with, request, send};
use crate::support::server::{DevServer, Stream};

const FORMS: [&str; 4] = ["clear", "aes", "cenc", "cbcs"];

fn stream(form: &str) -> &'static Stream {
    DevServer::shared().stream(&format!("{form}-open"))
}

/// One address of every kind, with its type and lifetime.
async fn kinds(form: &str) -> Vec<(String, &'static str, &'static str)> {
    let stream = stream(form);
    let mut kinds = vec![
        (stream.manifest("hls").url.clone(), "application/vnd.apple.mpegurl", "public, max-age=60"),
        (stream.playlist().await, "application/vnd.apple.mpegurl", "public, max-age=60"),
        (stream.init().await, "video/mp4", "public, max-age=86400"),
        (stream.fragment(0).await, "video/mp4", "public, max-age=86400"),
    ];
    if let Some(dash) = stream.manifests.iter().find(|manifest| manifest.protocol == "dash") {
        kinds.push((dash.url.clone(), "application/dash+xml", "public, max-age=60"));
    }
    kinds
}

/// What stays the same between two answers.
fn lasting(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove("date");
    assert!(headers.remove("x-request-id").is_some());
    headers
}

#[tokio::test]
async fn every_kind_has_its_type_lifetime_tag_and_cross_origin_fields() {
    for form in FORMS {
        for (url, content_type, lifetime) in kinds(form).await {
            let answer = get_with(&url, &[("origin", "https://player.example")]).await;
            for (name, expected) in [
                ("content-type", content_type),
                ("cache-control", lifetime),
                ("accept-ranges", "bytes"),
                ("access-control-allow-origin", "https://player.example"),
                ("x-content-type-options", "nosniff"),
                ("content-length", &answer.body.len().to_string()),
            ] {
                assert_eq!(answer.header(name), expected, "{name} of {url}");
            }
            let exposed = answer.header("access-control-expose-headers");
            assert!(exposed.contains("Content-Range") && exposed.contains("ETag"), "{exposed}");
            let tag = answer.header("etag");
            assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{tag}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    for form in FORMS {
        let mut urls: Vec<String> = kinds(form).await.into_iter().map(|kind| kind.0).collect();
        urls.push(stream(form).url("manifest(format=nothing)"));
        urls.push(stream(form).url("QualityLevels(1)/Fragments(video=0,format=m3u8-cmaf)"));
        for url in urls {
            let head = send(request(Method::HEAD, &url)).await;
            let get = get(&url).await;
            assert_eq!(head.status, get.status);
            assert_eq!(lasting(&head.headers), lasting(&get.headers), "{url}");
            assert!(head.body.is_empty() && !get.body.is_empty());
        }
    }
}

#[tokio::test]
async fn no_other_method_is_answered() {
    let url = &stream("clear").manifest("dash").url;
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let answer = send(request(method, url)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET,HEAD"));
        assert_eq!(answer.refusal().1, "MPE_METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn known_bytes_are_not_sent_again() {
    for form in FORMS {
        for (url, _, lifetime) in kinds(form).await {
            let first = get(&url).await;
            let tag = first.header("etag");
            for known in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
                let again = get_with(&url, &[("if-none-match", known)]).await;
                assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{url}");
                assert_eq!((again.header("etag"), again.header("cache-control")), (tag, lifetime));
            }
            let other = get_with(&url, &[("if-none-match", "\"x\"")]).await;
            assert!(other.ok() == first.body, "{url}");
            let failed = get_with(&url, &[("if-match", "\"x\"")]).await;
            assert_eq!((failed.status.as_u16(), failed.body.len()), (412, 0));
        }
    }
}

/// Where keys are stands in the text, so a text that is kept is kept for one host.
#[tokio::test]
async fn keys_are_at_the_host_that_was_asked() {
    for form in ["aes", "cenc", "cbcs"] {
        let playlist = stream(form).playlist().await;
        let master = &stream(form).manifest("hls").url;
        for turn in 0..4 {
            let host = ["one.example", "two.example:81"][turn % 2];
            let text = get_with(&playlist, &[("host", host)]).await;
            assert!(text.text().contains(&format!("http://{host}/keydelivery/?kid=")), "{form}");
            assert!(get_with(master, &[("host", host)]).await.ok() == get(master).await.ok());
        }
    }
}

/// No two fragments, protections or levels share a tag.
#[tokio::test]
async fn other_bytes_have_other_tags() {
    let mut tags = std::collections::HashMap::new();
    for form in FORMS {
        for url in [
            stream(form).init().await,
            stream(form).fragment(0).await,
            stream(form).fragment(1).await,
        ] {
            let answer = get(&url).await;
            let tag = answer.header("etag").to_owned();
            let same = tags.insert(tag, answer.body.clone());
            assert!(same.is_none_or(|body| body == answer.body), "{url}");
        }
    }
    assert!(tags.len() >= 11, "only the init segments of clear and AES-128 are alike");
}

#[tokio::test]
async fn ranges_are_slices_of_the_whole() {
    for form in FORMS {
        let url = stream(form).fragment(1).await;
        let whole = get(&url).await;
        let (tag, whole) = (whole.header("etag").to_owned(), whole.ok());
        let size = whole.len();
        assert!(size > 2 * 65_536, "several pieces: {size}");
        for (from, to) in [
            (0, 1),
            (0, size),
            (1, 70_000),
            (65_535, 65_537),
            (size / 2, size / 2 + 100_000),
            (size - 1, size),
            (size - 17, size),
        ] {
            let range = format!("bytes={from}-{}", to - 1);
            let part = get_with(&url, &[("range", &range), ("if-range", &tag)]).await;
            assert_eq!(part.status, 206, "{range}");
            let field = format!("bytes {from}-{}/{size}", to - 1);
            assert_eq!(part.header("content-range"), field);
            assert_eq!(part.header("etag"), tag);
            assert!(part.body == whole[from..to], "{form} {range}");
        }
        let suffix = get_with(&url, &[("range", "bytes=-1000")]).await;
        assert!(suffix.status == 206 && suffix.body == whole[size - 1000..]);
        let open = get_with(&url, &[("range", &format!("bytes={}-", size - 5))]).await;
        assert!(open.status == 206 && open.body == whole[size - 5..]);
        // Several ranges, another unit, another version: the whole.
        for headers in [
            &[("range", "bytes=0-1,5-6")][..],
            &[("range", "lines=0-1")],
            &[("range", "bytes=0-1"), ("if-range", "\"x\"")],
        ] {
            assert!(get_with(&url, headers).await.ok() == whole, "{headers:?}");
        }
        let behind = get_with(&url, &[("range", &format!("bytes={size}-"))]).await;
        assert_eq!(behind.refusal().1, "MPE_STORAGE_INVALID_RANGE");
        assert_eq!((behind.status.as_u16(), behind.header("cache-control")), (416, "no-store"));
        assert_eq!(behind.header("content-range"), format!("bytes */{size}"));
        assert_eq!(behind.header("access-control-allow-origin"), "*");
    }
}
