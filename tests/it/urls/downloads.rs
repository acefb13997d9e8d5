//! Files as they lie in the asset (ams.md section 2.6), and nothing else of the machine.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::origin::{CLIP, Shelf, demo, get, get_with, request, send};
use crate::support::wire::Client;

/// A server with the folder `film`, and the address of the locator that `portcullis add` made for
/// it under a streaming policy.
fn published(streaming_policy: &str) -> (Shelf, String) {
    let shelf = Shelf::start([
        ("film", vec![demo(CLIP), demo("gate_aac_eng.mp4")]),
        ("other", vec![demo(CLIP)]),
    ]);
    let address = shelf.published("film", streaming_policy, &[]);
    (shelf, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_the_file_byte_for_byte() {
    let (_shelf, locator) = published("Predefined_DownloadAndClearStreaming");
    let url = format!("{locator}/{CLIP}");
    let source = fs::read(demo(CLIP)).unwrap();
    let whole = get(&url).await;
    for (name, expected) in [
        ("content-type", "video/mp4"),
        ("cache-control", "public, max-age=3600"),
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(whole.header(name), expected);
    }
    let tag = whole.header("etag").to_owned();
    assert!(whole.ok() == source);
    let part = get_with(&url, &[("range", "bytes=70000-199999"), ("if-range", &tag)]).await;
    assert!(part.status == 206 && part.body == source[70_000..200_000]);
    let head = send(request(reqwest::Method::HEAD, &url)).await;
    assert_eq!(head.header("content-length"), source.len().to_string());
    let again = get_with(&url, &[("if-none-match", &tag)]).await;
    assert_eq!(again.status, 304);
    get(&format!("{locator}/film.ism/manifest(format=mpd-time-cmaf)")).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_alone_do_not_stream() {
    let (_shelf, locator) = published("Predefined_DownloadOnly");
    get(&format!("{locator}/{CLIP}")).await.ok();
    let answer = get(&format!("{locator}/film.ism/manifest(format=mpd-time-cmaf)")).await;
    let (status, code, _) = answer.refusal();
    assert_eq!((status, code), (403, "MPE_OUTPUT_FORMAT_BLOCKED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_downloaded_is_listed_with_its_stream() {
    let (shelf, locator) = published("Predefined_DownloadOnly");
    let film = shelf.path("film");
    fs::write(film.join("a b&c.vtt"), "WEBVTT\n").unwrap();
    fs::write(film.join(".hidden.mp4"), "x").unwrap();
    fs::write(film.join("notes.ismc"), "x").unwrap();
    symlink("/etc/passwd", film.join("link.mp4")).unwrap();
    let listed = get(&format!("{}/streams.json", shelf.server.ready.origin)).await.ok();
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let of = |found: &Value| found["downloads"].as_array().cloned().unwrap_or_default();
    let streams = listed["streams"].as_array().unwrap();
    let [stream] = &streams.iter().filter(|found| !of(found).is_empty()).collect::<Vec<_>>()[..]
    else {
        panic!("{listed}")
    };
    let urls: Vec<_> = of(stream).iter().map(|url| url.as_str().unwrap().to_owned()).collect();
    let expected = ["a%20b%26c.vtt", "gate_aac_eng.mp4", CLIP];
    assert_eq!(urls, expected.map(|name| format!("{locator}/{name}")));
    for url in urls {
        get(&url).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_plain_files_of_the_folder_are_served() {
    let (shelf, locator) = published("Predefined_DownloadAndClearStreaming");
    let film = shelf.path("film");
    fs::write(film.join("subtitles.vtt"), "WEBVTT\n").unwrap();
    fs::write(film.join(".hidden.mp4"), "x").unwrap();
    fs::write(film.join("notes.ismc"), "x").unwrap();
    fs::create_dir(film.join("folder.txt")).unwrap();
    symlink("/etc/passwd", film.join("link.txt")).unwrap();
    symlink("/nowhere", film.join("dangling.txt")).unwrap();
    symlink("/etc", film.join("etc")).unwrap();
    let long = "a".repeat(300);
    let text = get(&format!("{locator}/subtitles.vtt")).await;
    assert_eq!((text.header("content-type"), text.text()), ("text/vtt", "WEBVTT\n"));
    for name in [
        ".hidden.mp4",
        "notes.ismc",
        "folder.txt",
        "link.txt",
        "dangling.txt",
        "etc",
        "absent.mp4",
        "film.ism",
        &long,
    ] {
        let answer = get(&format!("{locator}/{name}")).await;
        let (status, code, message) = answer.refusal();
        assert_eq!((status, code), (404, "MPE_RESOURCE_NOT_FOUND"), "{name}");
        assert!(!message.contains("film/") && !message.contains("/tmp"), "{message}");
    }
    assert!(!shelf.server.log().contains("ERROR"), "{}", shelf.server.log());
}

/// Written by hand: clients tidy such paths up before they send them.
#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_folder() {
    let (shelf, locator) = published("Predefined_DownloadAndClearStreaming");
    let origin = &shelf.server.ready.origin;
    let address = origin.strip_prefix("http://").unwrap();
    let locator = locator.strip_prefix(origin.as_str()).unwrap();
    for path in [
        "/../other/gate_h264_180p.mp4",
        "/..%2fother%2fgate_h264_180p.mp4",
        "/%2e%2e/other/gate_h264_180p.mp4",
        "/%2e%2e%2fother%2fgate_h264_180p.mp4",
        "/..%5cother%5cgate_h264_180p.mp4",
        "/%252e%252e%252fother%252fgate_h264_180p.mp4",
        "/..",
        "/%2e%2e",
        "/.",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/gate_h264_180p.mp4%00.txt",
        "/gate_h264_180p.mp4/",
        "/etc/passwd",
    ] {
        let mut client = Client(tokio::net::TcpStream::connect(address).await.unwrap());
        let text = format!("GET {locator}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        client.send(&text).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("ftyp"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_scripts_runs_none_beside_the_player_page() {
    let (shelf, locator) = published("Predefined_DownloadAndClearStreaming");
    let page = "<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></html>";
    for name in ["page.ttml", "page.xml", "page.html", "page"] {
        fs::write(shelf.path("film").join(name), page).unwrap();
        let url = format!("{locator}/{name}");
        let part = get_with(&url, &[("range", "bytes=0-9")]).await;
        for answer in [get(&url).await, part] {
            assert_eq!(answer.header("content-security-policy"), "sandbox", "{name}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
        }
    }
}
