//! Manifests of the built-in clip under a filter and under a query, byte for byte.

use crate::support::filters::Filtered;
use crate::support::golden::check;
use crate::support::origin::{get, hls_children};

#[tokio::test]
async fn manifests_of_a_clip() {
    let server = Filtered::shared();
    for (name, format) in [("dash", "mpd-time-cmaf"), ("hls", "m3u8-cmaf"), ("smooth", "fmp4")] {
        let url = server.manifest(format, "middle;german;first-200k");
        check(&format!("filtered-{name}"), get(&url).await.text());
    }
    let url = format!("{}manifest(format=m3u8-cmaf)?start=6&end=18&height=360-", server.root);
    check("queried-hls", get(&url).await.text());
    let children = hls_children(&url).await;
    check("queried-hls-video", get(children.last().unwrap()).await.text());
}
