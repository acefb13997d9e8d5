//! Manifests and box trees of the built-in clip, byte for byte, against `tests/golden/`. What a
//! locator draws (ids, keys) and where the server listens is left out.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test golden`, and read the difference.

use std::fmt::Write;

use data_encoding::{BASE64, HEXLOWER};
use portcullis::isobmff::dump::{Node, dump};

use crate::support::boxes::{Protected, protection};
use crate::support::golden::check;
use crate::support::origin::{get, hls_children};
use crate::support::server::{DevServer, Stream};

/// Longer bodies are cut: `trun` and `senc` have an entry for each sample.
const SHOWN: usize = 64;

fn stream(form: &str) -> &'static Stream {
    DevServer::shared().stream(&format!("{form}-open"))
}

/// Puts names in the place of what differs between two servers.
fn redacted(stream: &Stream, text: &str) -> String {
    redacted_of(&DevServer::shared().origin, stream, text)
}

/// The same for another server.
pub(super) fn redacted_of(origin: &str, stream: &Stream, text: &str) -> String {
    let mut text = text.replace(origin, "http://HOST").replace(&stream.locator_id, "LOCATOR");
    for key in &stream.keys {
        let hex = key.kid.replace('-', "");
        let base64 = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).unwrap());
        for spelling in [&key.kid, &hex, &base64] {
            text = text.replace(spelling.as_str(), "KID");
        }
    }
    let mut all = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.to_ascii_lowercase().find("iv=0x") {
        let (front, iv) = rest.split_at(at + "iv=0x".len());
        all += front;
        all += &iv[..32].replace(|c: char| c.is_ascii_hexdigit(), "x");
        rest = &iv[32..];
    }
    all += rest;
    all
}

#[tokio::test]
async fn manifests() {
    for form in ["clear", "aes", "cenc", "cbcs"] {
        let stream = stream(form);
        for manifest in &stream.manifests {
            let text = get(&manifest.url).await;
            let name = match manifest.format.ends_with("-cmaf") {
                true => format!("{form}-{}", manifest.protocol),
                false => format!("{form}-{}", manifest.format),
            };
            check(&name, &redacted(stream, text.text()));
        }
        let children = hls_children(&stream.manifest("hls").url).await;
        for (kind, child) in [("video", children.last()), ("audio", children.first())] {
            let text = get(child.unwrap()).await;
            check(&format!("{form}-hls-{kind}"), &redacted(stream, text.text()));
        }
    }
}

fn tree(stream: &Stream, data: &[u8], iv_size: usize) -> String {
    let nodes = dump(data).unwrap();
    let protected = protection(data, iv_size);
    let line = |mut text: String, node: &Node| {
        let indent = "  ".repeat(node.depth);
        let body = match &node.kind.0 {
            b"senc" => samples(&protected),
            b"tenc" => hidden_iv(&node.body),
            _ => hex(&node.body),
        };
        writeln!(text, "{indent}{} {} {body}", node.kind, node.size).unwrap();
        text
    };
    redacted(stream, &nodes.iter().fold(String::new(), line))
}

fn hex(body: &[u8]) -> String {
    let cut = if body.len() > SHOWN { "..." } else { "" };
    HEXLOWER.encode(&body[..body.len().min(SHOWN)]) + cut
}

/// The constant IV is derived from the key id.
fn hidden_iv(tenc: &[u8]) -> String {
    let (fields, iv) = tenc.split_at(24);
    format!("{}{}", hex(fields), hex(&iv[..iv.len().min(1)]))
}

/// Size of the IV, clear and protected bytes of the first samples.
fn samples(protected: &[Protected]) -> String {
    let sample = |sample: &Protected| format!("{} {:?}", sample.iv.len(), sample.subsamples);
    let first: Vec<String> = protected.iter().take(6).map(sample).collect();
    format!("{} samples: {}", protected.len(), first.join(", "))
}

#[tokio::test]
async fn boxes() {
    for (form, iv_size) in [("clear", 0), ("cenc", 8), ("cbcs", 0)] {
        let stream = stream(form);
        let children = hls_children(&stream.manifest("hls").url).await;
        for (kind, playlist) in [("video", children.last()), ("audio", children.first())] {
            let text = get(playlist.unwrap()).await;
            let (folder, _) = playlist.unwrap().rsplit_once('/').unwrap();
            let map = text.text().split_once("#EXT-X-MAP:URI=\"").unwrap().1;
            let init = get(&format!("{folder}/{}", map.split_once('"').unwrap().0)).await.ok();
            let fragment = text.text().lines().find(|line| line.starts_with("Fragments("));
            let fragment = get(&format!("{folder}/{}", fragment.unwrap())).await.ok();
            let trees =
                format!("{}\n{}", tree(stream, &init, iv_size), tree(stream, &fragment, iv_size));
            check(&format!("{form}-{kind}-boxes"), &trees);
        }
    }
}
