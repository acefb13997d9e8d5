//! Answers under AES-128 are encrypted beside one another when several are under way. Nobody sees it.

use reqwest::{Client, Url};
use tokio::task::JoinSet;

use crate::support::http::client;
use crate::support::origin::{CLIP, Shelf, demo, hls_children};
use crate::support::presentation::fetch;
use crate::support::server::Stream;

/// How many clients ask for each segment at once.
const CLIENTS: usize = 4;

async fn segments(http: &Client, stream: &Stream) -> Vec<Url> {
    let mut urls = Vec::new();
    for playlist in hls_children(&stream.manifest("hls").url).await {
        let playlist: Url = playlist.parse().unwrap();
        let text = String::from_utf8(fetch(http, &playlist).await).unwrap();
        let leaves = text.lines().filter(|line| line.starts_with("Fragments("));
        urls.extend(leaves.map(|leaf| playlist.join(leaf).unwrap()));
    }
    urls
}

/// Two assets, so that keys differ; and clients that leave while their piece waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_has_the_same_bytes_alone_and_in_company() {
    let shelf = Shelf::start(["film", "other"].map(|folder| (folder, vec![demo(CLIP)])));
    let http = client();
    let mut alone = Vec::new();
    for folder in ["film", "other"] {
        for url in segments(&http, shelf.stream(folder, "aes")).await {
            alone.push((url.clone(), fetch(&http, &url).await));
        }
    }
    let distinct = alone.iter().filter(|(_, bytes)| *bytes != alone[0].1).count();
    assert_eq!(distinct, alone.len() - 1, "keys and IVs tell all segments apart");

    let mut asking = JoinSet::new();
    for (n, (url, _)) in alone.iter().enumerate() {
        for client in 0..CLIENTS {
            let (http, url) = (http.clone(), url.clone());
            asking.spawn(async move {
                if client == 0 {
                    drop(http.get(url).send().await.unwrap());
                    return None;
                }
                Some((n, fetch(&http, &url).await))
            });
        }
    }
    let asked = asking.join_all().await;
    let answers: Vec<_> = asked.into_iter().flatten().collect();
    assert_eq!(answers.len(), alone.len() * (CLIENTS - 1));
    for (n, bytes) in answers {
        assert!(bytes == alone[n].1, "{} differs in company", alone[n].0);
    }
}
