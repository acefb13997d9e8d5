//! A stream as DRM test pages take it: the asset of Shaka Player's demo (players.md section 4), and the
//! same in the parameter `assetBase64` of that page's address.

use data_encoding::BASE64;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::streams::{Manifest, Stream};

/// What the demo calls the systems.
const SYSTEMS: &[(&str, &str)] = &[
    ("org.w3.clearkey", "Clear Key DRM"),
    ("com.apple.fps", "Fairplay DRM"),
    ("com.microsoft.playready", "PlayReady DRM"),
    ("com.widevine.alpha", "Widevine DRM"),
];

/// Protocols that the demo plays, the best first: the name of the feature, the type of the manifest.
const PROTOCOLS: &[(&str, &str, &str)] =
    &[("dash", "DASH", "application/dash+xml"), ("hls", "HLS", "application/vnd.apple.mpegurl")];

/// A stream for test pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestPage {
    /// The asset as JSON.
    pub asset: Value,
    /// The same in base64.
    pub asset_base64: String,
}

/// A stream with what test pages take.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<K> {
    /// The stream.
    #[serde(flatten)]
    pub stream: Stream<K>,
    /// Absent when there is nothing that the demo plays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shaka_demo: Option<TestPage>,
}

impl<K> From<Stream<K>> for Listed<K> {
    fn from(stream: Stream<K>) -> Self {
        Self { shaka_demo: TestPage::of(&stream), stream }
    }
}

impl TestPage {
    /// Of the first manifest that the demo plays. The token, where the stream tells one, goes with
    /// licence requests.
    pub fn of<K>(stream: &Stream<K>) -> Option<Self> {
        let of = |protocol: &str| stream.manifests.iter().find(|it| it.protocol == protocol);
        let found = PROTOCOLS.iter().find_map(|row| Some((row, of(row.0)?)));
        let (&(_, feature, mime_type), manifest) = found?;
        let servers = stream.licenses.iter().map(|(system, url)| (*system, url.clone()));
        let bearer = stream.token.as_ref().filter(|_| !stream.licenses.is_empty());
        let headers = bearer.map(|token| ("Authorization", format!("Bearer {token}")));
        let asset = json!({
            "name": stream.name,
            "shortName": stream.name,
            "iconUri": "",
            "manifestUri": manifest.url,
            "mimeType": mime_type,
            "source": "Custom",
            "drm": systems(stream, manifest),
            "features": ["VOD", feature],
            "licenseServers": map(servers),
            "licenseRequestHeaders": map(headers),
            "clearKeys": map([]),
        });
        let asset_base64 = BASE64.encode(asset.to_string().as_bytes());
        Some(Self { asset, asset_base64 })
    }
}

fn systems<K>(stream: &Stream<K>, manifest: &Manifest) -> Vec<&'static str> {
    let offered = SYSTEMS.iter().filter(|(system, _)| stream.licenses.contains_key(system));
    let offered: Vec<_> = offered.map(|(_, name)| *name).collect();
    match (offered.is_empty(), manifest.encryption) {
        (false, _) => offered,
        (true, None) => vec!["No DRM protection"],
        (true, Some(_)) => vec!["AES-128 protection"],
    }
}

/// Maps are marked as such in the JSON of the demo.
fn map<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let marked = std::iter::once(("__type__", "map".to_owned())).chain(entries);
    Value::Object(
        marked.map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>(),
    )
}
