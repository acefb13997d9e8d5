//! Manifests and box trees of the built-in clip, byte for byte, against `tests/golden/`. What a
//! locator draws (ids, keys) and where the server listens is left out.
//!
//! After a wanted change: `INSTA_UPDATE=always cargo test golden`, and read the difference.

use crate::support::golden::{check, redacted_of, tree};
use crate::support::origin::{get, hls_children};
use crate::support::server::{DevServer, Stream};

fn stream(form: &str) -> &'static Stream {
    DevServer::shared().stream(&format!("{form}-open"))
}

/// Puts names in the place of what differs between two servers.
fn redacted(stream: &Stream, text: &str) -> String {
    redacted_of(&DevServer::shared().origin, stream, text)
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
            let trees = format!("{}\n{}", tree(&init, iv_size), tree(&fragment, iv_size));
            check(&format!("{form}-{kind}-boxes"), &redacted(stream, &trees));
        }
    }
}
