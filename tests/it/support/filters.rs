//! A server whose account and asset have filters, and what its manifests show.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::origin::get;
use super::server::{DevServer, portcullis};

/// Fragments of the clip are six seconds long; there are four.
pub(crate) const FRAGMENT: u64 = 60_000_000;

/// Levels and languages of the clip.
pub(crate) const LEVELS: [u64; 3] = [287_951, 155_467, 68_079];

/// An account filter.
pub(crate) fn account(name: &str, properties: Value) -> Value {
    json!({ "name": name, "type": "Microsoft.Media/mediaServices/accountFilters",
            "properties": properties })
}

/// A filter of an asset.
pub(crate) fn of_asset(asset: &str, name: &str, properties: Value) -> Value {
    json!({ "name": format!("{asset}/{name}"),
            "type": "Microsoft.Media/mediaServices/assets/assetFilters", "properties": properties })
}

/// Properties with one time range.
pub(crate) fn range(members: Value) -> Value {
    json!({ "presentationTimeRange": members })
}

/// Properties with conditions: entries of which one has to hold, each with conditions that all
/// have to: property, operation, value.
pub(crate) fn tracks(entries: &[&[(&str, &str, &str)]]) -> Value {
    let condition = |(property, operation, value): &(&str, &str, &str)| json!({ "property": property, "operation": operation, "value": value });
    let entry = |conditions: &&[(&str, &str, &str)]| json!({ "trackSelections": conditions.iter().map(condition).collect::<Vec<_>>() });
    json!({ "tracks": entries.iter().map(entry).collect::<Vec<_>>() })
}

/// A command on the database in a folder, with a document on standard input.
pub(crate) fn command(data: &Path, arguments: &[&str], input: &Value) -> Output {
    let mut command: Command = portcullis();
    command.args(arguments).arg("--data").arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Commands that do not read may have ended by now.
    let _ = child.stdin.take().unwrap().write_all(input.to_string().as_bytes());
    child.wait_with_output().unwrap()
}

/// Stores documents.
pub(crate) fn apply(data: &Path, documents: &Value) {
    let output = command(data, &["apply", "-"], documents);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A server with the clip and these filters, for all tests that only read.
pub(crate) struct Filtered {
    pub(crate) server: DevServer,
    /// Everything in front of `manifest(...)` of a clear stream without filters of its own.
    pub(crate) root: String,
}

impl Filtered {
    /// The one server, with the filters of [`filters`].
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Filtered> = OnceLock::new();
        SHARED.get_or_init(|| {
            let server = DevServer::builder().start();
            server.end_with_this_process();
            apply(&server.data, &filters());
            let root = server.ready.stream("clear-open").root().to_owned();
            Self { server, root }
        })
    }

    /// The manifest in a format under filters.
    pub(crate) fn manifest(&self, format: &str, filters: &str) -> String {
        format!("{}manifest(format={format},filter={filters})", self.root)
    }

    /// Publishes the clip again, clear and open, with flags of `add`; gives what stands in front of
    /// `manifest(...)`.
    pub(crate) fn published(&self, flags: &[&str]) -> String {
        let dir = self.server.data.join("assets/gate");
        let mut arguments = vec!["add", dir.to_str().unwrap(), "--json", "--policy", "open"];
        arguments.extend(["--streaming-policy", "clear"]);
        arguments.extend(flags);
        let output = command(&self.server.data, &arguments, &Value::Null);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let added: Value = serde_json::from_slice(&output.stdout).unwrap();
        let url = added["streams"][0]["manifests"][0]["url"].as_str().unwrap();
        let path = url.splitn(4, '/').nth(3).unwrap();
        let path = &path[..path.rfind("manifest(").unwrap()];
        format!("{}/{path}", self.server.ready.origin)
    }
}

/// The filters of the shared server.
fn filters() -> Value {
    let video = ("Type", "Equal", "Video");
    let audio = ("Type", "Equal", "Audio");
    let six_to_eighteen = json!({ "startTimestamp": FRAGMENT, "endTimestamp": 3 * FRAGMENT });
    json!([
        account("middle", range(six_to_eighteen)),
        account("from6", range(json!({ "startTimestamp": 6, "timescale": 1 }))),
        account("until12", range(json!({ "endTimestamp": 1_080_000, "timescale": 90_000 }))),
        account(
            "straddling",
            range(json!({ "startTimestamp": 7_500, "endTimestamp": 12_001,
                                            "timescale": 1_000 }))
        ),
        account(
            "unset",
            range(json!({
                "startTimestamp": 0, "endTimestamp": 9_223_372_036_854_775_807_i64,
                "presentationWindowDuration": 9_223_372_036_854_776_000_u64,
                "liveBackoffDuration": 0, "timescale": 10_000_000, "forceEndTimestamp": false,
            }))
        ),
        account(
            "live",
            range(json!({ "presentationWindowDuration": 600_000_000,
                                      "liveBackoffDuration": 300_000_000 }))
        ),
        account("late", range(json!({ "startTimestamp": 24, "timescale": 1 }))),
        account(
            "huge",
            range(json!({ "startTimestamp": 9_223_372_036_854_775_806_i64,
                                      "timescale": 1 }))
        ),
        account("german", tracks(&[&[video], &[audio, ("Language", "Equal", "de")]])),
        account("not-german", tracks(&[&[video], &[audio, ("Language", "NotEqual", "GER")]])),
        account("named", tracks(&[&[("Name", "Equal", "aac_eng_2_48323")]])),
        account("sound", tracks(&[&[("type", "equal", "AUDIO")]])),
        account("pictures", tracks(&[&[video]])),
        account("low", tracks(&[&[audio], &[video, ("Bitrate", "Equal", "0-155467")]])),
        account("not-low", tracks(&[&[audio], &[video, ("Bitrate", "NotEqual", "0-155467")]])),
        account("one-level", tracks(&[&[("Bitrate", "Equal", "155467")]])),
        account("sd", tracks(&[&[("TrackClass", "Equal", "sd")]])),
        account("not-sound", tracks(&[&[("TrackClass", "NotEqual", "AUDIO")]])),
        account("tall", tracks(&[&[("Height", "Equal", "360-540")]])),
        account("avc", tracks(&[&[("FourCC", "Equal", "AVC1")]])),
        account("not-avc", tracks(&[&[("FourCC", "NotEqual", "avc1")]])),
        account("hevc", tracks(&[&[("FourCC", "Equal", "hvc1")]])),
        account("text", tracks(&[&[("Type", "Equal", "Text")]])),
        account("middle-first", json!({ "firstQuality": { "bitrate": 155_467 } })),
        account("first-200k", json!({ "firstQuality": { "bitrate": 200_000 } })),
        account("first-1k", json!({ "firstQuality": { "bitrate": 1_000 } })),
        account("hidden", tracks(&[&[audio]])),
        of_asset("gate", "Hidden", tracks(&[&[video]])),
        account("a", json!({})),
        account("b", json!({})),
        account("c", json!({})),
        account("d", json!({})),
    ])
}

/// What an MPD lists: name or bitrate of each representation, in its order, and the starts of the
/// fragments of each set in wire ticks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) video: Vec<u64>,
    pub(crate) languages: Vec<String>,
    /// Of the video set, or of the first set when there is none.
    pub(crate) starts: Vec<u64>,
}

/// Reads the MPD at an address.
pub(crate) async fn shown(url: &str) -> Shown {
    let text = String::from_utf8(get(url).await.ok()).unwrap();
    let mpd = dash_mpd_core::parse(&text).expect("an MPD");
    // Sets for trick play list the same levels again.
    let sets = || {
        let all = mpd.periods.iter().flat_map(|period| &period.adaptations);
        all.filter(|set| set.essential_property.is_empty())
    };
    let is_video =
        |set: &&dash_mpd_core::AdaptationSet| set.contentType.as_deref() == Some("video");
    let levels = sets().filter(is_video).flat_map(|set| &set.representations);
    let main = sets().find(is_video).or_else(|| sets().next()).expect("a set");
    Shown {
        video: levels.map(bitrate).collect(),
        languages: sets().filter(|set| !is_video(set)).filter_map(|set| set.lang.clone()).collect(),
        starts: starts(main.SegmentTemplate.as_ref().unwrap()),
    }
}

/// The bitrate that names a level in URLs; under `ams` its bandwidth is.
fn bitrate(level: &dash_mpd_core::Representation) -> u64 {
    let media = level.SegmentTemplate.as_ref().and_then(|template| template.media.as_deref());
    let name = media.and_then(|media| media.strip_prefix("QualityLevels(")?.split_once(')'));
    name.map_or(level.bandwidth, |(name, _)| name.parse().ok()).unwrap()
}

fn starts(template: &dash_mpd_core::SegmentTemplate) -> Vec<u64> {
    let (mut starts, mut next) = (Vec::new(), 0);
    for entry in &template.SegmentTimeline.as_ref().unwrap().segments {
        next = entry.t.unwrap_or(next);
        for _ in 0..=entry.r.unwrap_or(0) {
            starts.push(next);
            next += entry.d;
        }
    }
    starts
}
