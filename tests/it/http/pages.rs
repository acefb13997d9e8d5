//! The pages and lists of a `dev` server, and which of its paths other origins may read.

use data_encoding::BASE64;
use portcullis::license::tester::TABLE;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::http::{builder, client};
use crate::support::server::{DevServer, TestPage};

async fn request(method: Method, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let url = format!("{}{path}", DevServer::shared().origin);
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn get(path: &str, headers: &[(&'static str, &str)]) -> Response {
    request(Method::GET, path, headers).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_start_page_lists_every_stream_with_its_addresses() {
    let page = get("/", &[]).await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert!(header(&page, "content-security-policy").contains("default-src 'self'"));
    let text = page.text().await.unwrap();
    for stream in &DevServer::shared().streams {
        assert!(text.contains(&format!("<h2>{}</h2>", stream.name)), "{}", stream.name);
        for manifest in &stream.manifests {
            assert!(text.contains(&format!("href=\"{}\"", manifest.url)), "{}", manifest.url);
        }
    }
    assert!(text.contains(&format!("{}/license</code>", DevServer::shared().key_delivery)));
}

#[tokio::test]
async fn test_pages_are_given_each_stream_with_its_licences_and_its_token() {
    let page = get("/", &[]).await.text().await.unwrap();
    for stream in &DevServer::shared().streams {
        let TestPage { asset, asset_base64 } = stream.shaka_demo.as_ref().unwrap();
        let decoded = BASE64.decode(asset_base64.as_bytes()).unwrap();
        assert_eq!(&serde_json::from_slice::<Value>(&decoded).unwrap(), asset);
        assert!(page.contains(&format!("#assetBase64={asset_base64}<")), "{}", stream.name);
        assert_eq!(asset["manifestUri"], stream.manifest("dash").url);
        assert_eq!(asset["mimeType"], "application/dash+xml");
        for (system, url) in &stream.licenses {
            assert!(page.contains(&format!("<code>{url}</code>")), "{url}");
            assert_eq!(asset["licenseServers"][system], **url);
        }
        assert_eq!(asset["licenseServers"]["__type__"], "map");
        let servers = asset["licenseServers"].as_object().unwrap().len() - 1;
        assert_eq!(servers, stream.licenses.len(), "{}", stream.name);
        let bearer = stream.token.as_ref().filter(|_| servers > 0);
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        assert_eq!(asset["licenseRequestHeaders"]["Authorization"].as_str(), bearer.as_deref());
    }
    let drm = DevServer::shared().stream("drm-token").shaka_demo.as_ref().unwrap();
    assert_eq!(
        drm.asset["drm"],
        json!(["Clear Key DRM", "Fairplay DRM", "PlayReady DRM", "Widevine DRM"])
    );
}

#[tokio::test]
async fn the_page_under_another_name_tells_no_token() {
    let page =
        |host: &'static str| async move { get("/", &[("host", host)]).await.text().await.unwrap() };
    let token = DevServer::shared().stream("cenc-token").token.as_ref().unwrap();
    let own = DevServer::shared().origin.strip_prefix("http://").unwrap();
    assert!(page(own).await.contains(token.as_str()));
    let strange = page("rebound.example").await;
    assert!(!strange.contains(token.as_str()));
    for part in strange.split("#assetBase64=").skip(1) {
        let base64 = part.split('<').next().unwrap();
        let asset = String::from_utf8(BASE64.decode(base64.as_bytes()).unwrap()).unwrap();
        assert!(!asset.contains("Bearer"), "{asset}");
    }
}

#[tokio::test]
async fn testers_are_told_their_switches() {
    let list: Value = get("/streams.json", &[]).await.json().await.unwrap();
    assert_eq!(list["license"], format!("{}/license", DevServer::shared().key_delivery));
    let switches = list["switches"].as_array().unwrap();
    assert_eq!(switches.len(), TABLE.len());
    let of = |name: &str| switches.iter().find(|switch| switch["name"] == name).unwrap();
    assert_eq!(of("test-delay")["values"], json!({"number": {"least": 0, "most": 30_000}}));
    assert_eq!(of("test-key")["values"], json!({"words": ["wrong"]}));
    let timed = json!(["com.microsoft.playready", "com.widevine.alpha", "com.apple.fps"]);
    assert_eq!(of("test-expires")["systems"], timed);
}

#[tokio::test]
async fn an_answer_can_be_kept_from_other_origins() {
    let kid = &DevServer::shared().stream("aes-open").keys[0].kid;
    for (switch, readable) in [("test-key=wrong", true), ("test-cors=none", false)] {
        let path = format!("/keydelivery/?kid={kid}&{switch}");
        let answer = get(&path, &[("origin", "https://player.example")]).await;
        assert_eq!(answer.status(), 200);
        let open = |name: &str| name.starts_with("access-control-");
        assert_eq!(answer.headers().keys().any(|name| open(name.as_str())), readable, "{switch}");
    }
}

#[tokio::test]
async fn the_list_for_the_player_has_tokens_but_no_keys() {
    let answer = get("/streams.json", &[]).await;
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let list: Value = answer.json().await.unwrap();
    let streams = list["streams"].as_array().unwrap();
    assert_eq!(streams.len(), DevServer::shared().streams.len());
    for (listed, ready) in streams.iter().zip(&DevServer::shared().streams) {
        assert_eq!(listed["name"], ready.name);
        assert_eq!(listed["token"].as_str(), ready.token.as_deref());
        assert_eq!(listed["manifests"].as_array().unwrap().len(), ready.manifests.len());
        for (listed, key) in listed["keys"].as_array().unwrap().iter().zip(&ready.keys) {
            assert_eq!((listed["kid"].as_str(), listed.get("key")), (Some(&*key.kid), None));
        }
    }
}

#[tokio::test]
async fn page_files_are_revalidated_and_compressed_on_request() {
    for (path, kind) in [
        ("/player", "text/html; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/shaka-player.js", "text/javascript; charset=utf-8"),
        ("/assets/licences/hls.txt", "text/plain; charset=utf-8"),
    ] {
        let plain = get(path, &[]).await;
        let zipped = get(path, &[("accept-encoding", "br;q=0.5, gzip")]).await;
        assert_eq!(
            (header(&plain, "content-type"), header(&plain, "content-encoding")),
            (kind, "")
        );
        assert_eq!(header(&zipped, "content-encoding"), "gzip");
        assert_ne!(header(&plain, "etag"), header(&zipped, "etag"), "strong tags name the bytes");
        let etag = header(&plain, "etag").to_owned();
        let again = get(path, &[("if-none-match", &etag)]).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, &*etag));
        assert_eq!(get(path, &[("if-match", "\"other\"")]).await.status(), 412);
        let head = request(Method::HEAD, path, &[]).await;
        assert_eq!(header(&head, "content-length"), header(&plain, "content-length"));
        let sizes = (plain.bytes().await.unwrap().len(), zipped.bytes().await.unwrap().len());
        assert!(sizes.1 > 0 && sizes.1 < sizes.0, "{path}: {sizes:?}");
    }
}

#[tokio::test]
async fn every_page_file_that_a_page_names_is_there() {
    for page in ["/", "/player"] {
        let text = get(page, &[]).await.text().await.unwrap();
        let names = text.split(['"', '\'']).filter(|part| part.starts_with("/assets/"));
        for name in names {
            assert_eq!(get(name, &[]).await.status(), 200, "{page} names {name}");
        }
    }
}

#[tokio::test]
async fn operators_get_health_readiness_and_version() {
    assert_eq!(get("/healthz", &[]).await.text().await.unwrap(), "ok\n");
    assert_eq!(get("/readyz", &[]).await.text().await.unwrap(), "ready\n");
    let version: Value = get("/version", &[]).await.json().await.unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

/// The list of streams for a request that names `host`.
async fn streams_for(host: &str) -> Value {
    let answer = get("/streams.json", &[("host", host)]).await;
    answer.json().await.unwrap()
}

#[tokio::test]
async fn the_token_is_told_only_under_a_name_of_the_server() {
    let origin = &DevServer::shared().origin;
    let (_, port) = origin.rsplit_once(':').unwrap();
    for (host, told) in [
        (format!("127.0.0.1:{port}"), true),
        (format!("LOCALHOST:{port}"), true),
        (format!("[::1]:{port}"), true),
        ("127.0.0.1:1".to_owned(), false),
        ("localhost".to_owned(), false),
        (format!("rebound.example:{port}"), false),
        (format!("localhost.rebound.example:{port}"), false),
    ] {
        let list = streams_for(&host).await;
        let streams = list["streams"].as_array().unwrap();
        assert_eq!(streams.len(), DevServer::shared().streams.len());
        let tokens = streams.iter().any(|stream| stream.get("token").is_some());
        assert_eq!(tokens, told, "{host}");
    }
}

#[tokio::test]
async fn the_token_is_told_over_http2_under_the_same_names() {
    let client = builder().http2_prior_knowledge().build().unwrap();
    let url = format!("{}/streams.json", DevServer::shared().origin);
    let list: Value = client.get(url).send().await.unwrap().json().await.unwrap();
    assert!(list.to_string().contains("\"token\""), "{list}");
}

#[tokio::test]
async fn no_other_origin_may_read_a_page_or_its_data() {
    for path in ["/", "/player", "/streams.json", "/assets/page.js", "/assets/none.js"] {
        for method in ["GET", "HEAD", "OPTIONS", "POST"] {
            let asked = [("origin", "https://evil.example")];
            let answer = request(method.parse().unwrap(), path, &asked).await;
            let what = format!("{method} {path}: {}", answer.status());
            assert!(!answer.status().is_server_error(), "{what}");
            let open = |name: &str| name.starts_with("access-control-");
            assert!(!answer.headers().keys().any(|name| open(name.as_str())), "{what}");
        }
    }
}

#[tokio::test]
async fn every_path_that_players_use_may_be_read_from_every_origin() {
    let ready = DevServer::shared();
    let kid = &ready.stream("aes-token").keys[0].kid;
    let locator = &ready.stream("clear-open").locator_id;
    let paths = [
        "/healthz".to_owned(),
        "/nowhere".to_owned(),
        format!("/keydelivery/?kid={kid}"),
        "/keydelivery/?kid=x".to_owned(),
        "/keydelivery/ClearKey/".to_owned(),
        format!("/{locator}/gate.ism/manifest(format=mpd-time-cmaf)"),
        format!("/{locator}/gate.ism/manifest(format=nonsense)"),
        format!("/{locator}/gate.ism/QualityLevels(1)/Fragments(video=0)"),
        "/%ff%00".to_owned(),
    ];
    for path in &paths {
        for (method, preflight) in [("GET", false), ("HEAD", false), ("OPTIONS", true)] {
            let origin = "https://player.example";
            let asked = [("origin", origin), ("access-control-request-headers", "authorization")];
            let answer = request(method.parse().unwrap(), path, &asked).await;
            let what = format!("{method} {path}: {}", answer.status());
            assert!(!answer.status().is_server_error(), "{what}");
            assert_eq!(header(&answer, "access-control-allow-origin"), origin, "{what}");
            assert_eq!(header(&answer, "access-control-allow-credentials"), "true", "{what}");
            if preflight {
                assert_eq!(answer.status(), 204, "{what}");
                assert_eq!(header(&answer, "access-control-allow-headers"), "authorization");
            }
        }
    }
}
