//! Locators whose keys rotate, and playlists read by crypto period.

use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::documents::{locator, open_policy, printed, shown};
use super::oracle::HexKey;
use super::origin::get;
use super::server::DevServer;

/// Publishes an asset under a streaming policy, open to all, with keys that rotate so. Gives what
/// stands in front of `manifest(...)`.
pub(crate) fn rotating(
    server: &DevServer,
    (asset, base): (&str, &str),
    policy: &str,
    more: &Value,
) -> String {
    let name = format!("rotating-{asset}-{policy}");
    let mut properties = json!({ "assetName": asset, "streamingPolicyName": policy,
        "defaultContentKeyPolicyName": "everybody" });
    let members = properties.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let documents = json!([open_policy("everybody"), locator(&name, properties)]);
    printed(&server.data, &["apply", "-"], &documents);
    format!("{}/{}/{base}.ism/", server.ready.origin, id_of(&server.data, &name))
}

/// The identifier of a locator.
pub(crate) fn id_of(data: &Path, name: &str) -> String {
    let shown = shown(data, &["streaming-locators", name]);
    shown["properties"]["streamingLocatorId"].as_str().unwrap().to_owned()
}

/// Segments in a row that have one key, or none, as a playlist lists them.
#[derive(Debug)]
pub(crate) struct Run {
    /// Address of the init segment, in fragmented MP4.
    pub(crate) map: Option<String>,
    /// The key lines, without their tag.
    pub(crate) lines: Vec<String>,
    /// Addresses of the segments.
    pub(crate) segments: Vec<String>,
}

impl Run {
    /// The key, fetched from where the playlist says.
    pub(crate) async fn key(&self) -> HexKey {
        let is_plain =
            |line: &&String| attribute(line, "KEYFORMAT").is_none_or(|format| format == "identity");
        let uri = attribute(self.lines.iter().find(is_plain).unwrap(), "URI").unwrap();
        let (_, kid) = uri.split_once("kid=").unwrap();
        let key = HEXLOWER.encode(&get(uri).await.ok());
        HexKey { kid: kid.replace('-', ""), key }
    }

    /// Init segment and segments, one behind the other.
    pub(crate) async fn media(&self) -> Vec<u8> {
        let mut media = Vec::new();
        for url in self.map.iter().chain(&self.segments) {
            media.extend(get(url).await.ok());
        }
        media
    }
}

/// The value of an attribute of a line, without quotes.
pub(crate) fn attribute<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!("{name}="))?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(',').next(),
    }
}

/// The runs of a media playlist: each begins with key lines of another URI, or with that of none.
pub(crate) async fn runs(playlist: &str) -> Vec<Run> {
    let text = String::from_utf8(get(playlist).await.ok()).unwrap();
    let (folder, _) = playlist.rsplit_once('/').unwrap();
    let mut runs: Vec<Run> = Vec::new();
    let (mut map, mut lines, mut in_force) = (None, Vec::new(), None);
    for line in text.lines() {
        if let Some(attributes) = line.strip_prefix("#EXT-X-MAP:") {
            map = attribute(attributes, "URI").map(|uri| format!("{folder}/{uri}"));
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-KEY:") {
            lines.push(attributes.to_owned());
        } else if !line.starts_with('#') {
            let key = lines.first().and_then(|line| attribute(line, "URI")).map(str::to_owned);
            if !lines.is_empty() && in_force.as_ref() != Some(&key) {
                in_force = Some(key);
                runs.push(Run { map: map.clone(), lines: lines.clone(), segments: Vec::new() });
            }
            lines.clear();
            runs.last_mut().unwrap().segments.push(format!("{folder}/{line}"));
        }
    }
    runs
}
