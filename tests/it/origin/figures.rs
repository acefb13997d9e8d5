//! What was worked out for one document is kept for others: each is told what is true of itself, in
//! whatever order they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis::package::presentation::DeliveryUrls;
use portcullis::package::steering::Steering;
use portcullis::service::origin::{CacheSizes, Content, Origin};
use tempfile::TempDir;

use crate::support::keys::{KeyService, NOW, at, request};
use crate::support::origin::{copy, demo};

const CACHES: CacheSizes = CacheSizes { indexes: 1 << 24, documents: 1 << 24, plans: 1 << 20 };

/// Levels and sound of two languages.
const FILES: [&str; 4] =
    ["gate_h264_180p.mp4", "gate_h264_360p.mp4", "gate_aac_eng.mp4", "gate_aac_deu.mp4"];

/// Streaming policies and what they allow.
const ASKED: [(&str, &[&str]); 3] = [
    (
        "Predefined_ClearStreamingOnly",
        &[
            "format=m3u8-aapl",
            "format=m3u8-aapl-v3",
            "format=m3u8-aapl-packed",
            "format=m3u8-cmaf",
            "format=mpd-time-csf",
            "format=mpd-time-cmaf",
            "format=fmp4",
        ],
    ),
    (
        "Predefined_ClearKey",
        &["format=m3u8-aapl,encryption=cbc", "format=m3u8-cmaf,encryption=cbc"],
    ),
    (
        "Predefined_MultiDrmStreaming",
        &[
            "format=m3u8-cmaf,encryption=cbcs-aapl",
            "format=m3u8-aapl,encryption=cbcs-aapl",
            "format=mpd-time-csf,encryption=cenc",
        ],
    ),
];

const CHOICES: [&str; 4] = ["", "?start=4", "?end=4", "?start=2&end=6"];

fn origin(service: &KeyService) -> Origin {
    let now = Arc::new(|| at(NOW));
    Origin::new(service.store.clone(), now, CACHES, Steering::default())
}

async fn text(origin: &Origin, url: &str) -> String {
    let delivery = DeliveryUrls { base: "https://keys.example".to_owned() };
    let answer = origin.answer(url, &delivery).await;
    match answer.unwrap_or_else(|error| panic!("{url}: {error}")).content {
        Content::Text(text) => String::from_utf8(text.plain().bytes.to_vec()).unwrap(),
        _ => panic!("{url}: no text"),
    }
}

/// URLs of playlists, relative to their manifest.
fn playlists(manifest: &str) -> impl Iterator<Item = &str> {
    let starts = manifest.match_indices("QualityLevels(").map(|(at, _)| &manifest[at..]);
    starts
        .filter(|rest| rest.contains("/Manifest("))
        .map(|rest| rest.split(['"', '\n']).next().unwrap_or_default())
}

/// The manifests, and the playlists that they list.
async fn urls(service: &KeyService) -> Vec<String> {
    let mut urls = Vec::new();
    for (policy, selectors) in ASKED {
        let locator = service.publish(&request(policy, policy, "open")).await;
        for selectors in selectors {
            for choice in CHOICES {
                let root = format!("/{}/asset.ism/", locator.id);
                let manifest = format!("{root}manifest({selectors}){choice}");
                let listing = text(&origin(service), &manifest).await;
                urls.push(manifest);
                if listing.starts_with("#EXTM3U") {
                    urls.extend(playlists(&listing).map(|url| format!("{root}{url}")));
                }
            }
        }
    }
    urls
}

#[tokio::test]
async fn documents_are_the_same_in_whatever_order_they_are_asked_for() {
    let (service, media) = (KeyService::start().await, TempDir::new().unwrap());
    FILES.iter().for_each(|name| copy(&demo(name), &media.path().join(name)));
    let mut asset = service.store.asset("asset").await.unwrap().as_ref().clone();
    asset.dir = media.path().to_owned();
    service.store.put_asset(asset).await.unwrap();
    let urls = urls(&service).await;
    assert!(urls.len() > 100, "{}", urls.len());
    let mut alone = BTreeMap::new();
    for url in &urls {
        alone.insert(url, text(&origin(&service), url).await);
    }
    let (forward, backward) = (origin(&service), origin(&service));
    for url in &urls {
        assert_eq!(text(&forward, url).await, alone[url], "{url}");
    }
    for url in urls.iter().rev() {
        assert_eq!(text(&backward, url).await, alone[url], "{url}");
    }
}
