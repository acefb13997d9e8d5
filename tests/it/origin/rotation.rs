//! Keys that rotate, by whole URLs: the bytes of every period are judged by tools of others.

use std::collections::HashSet;

use portcullis::cenc::decrypt::{Decryptor, Keyring};
use serde_json::json;

use crate::support::boxes::{find, protection};
use crate::support::documents::{printed, selection, streaming_policy};
use crate::support::http::client;
use crate::support::oracle::{
    HexKey, decrypted_segment, elementary_stream_of_text, encrypted_by_packager_with,
    samples_decrypted_by_ffmpeg, samples_of_bytes, samples_of_file,
};
use crate::support::origin::{Shelf, demo, get, hls_children};
use crate::support::presentation::{self, Track};
use crate::support::rotation::{Run, attribute, rotating, runs};
use crate::support::server::{DevServer, media_dir, portcullis};

/// Fragments start at 0, 6, 12 and 18 seconds: two of them are in the first period.
const PERIODS: [usize; 3] = [2, 1, 1];

fn server() -> DevServer {
    DevServer::builder().start()
}

fn published(server: &DevServer, policy: &str) -> String {
    rotating(server, ("gate", "gate"), policy, &json!({ "keyRotation": { "period": "PT7S" } }))
}

/// The samples that a playlist is made of: of the source that has as many bytes.
fn sources() -> Vec<Vec<(usize, String)>> {
    let files =
        ["gate_h264_180p", "gate_h264_360p", "gate_h264_540p", "gate_aac_eng", "gate_aac_deu"];
    files.map(|file| owned(samples_of_file(&demo(&format!("{file}.mp4")), "0").contents())).into()
}

fn owned(contents: Vec<(usize, &str)>) -> Vec<(usize, String)> {
    contents.into_iter().map(|(size, digest)| (size, digest.to_owned())).collect()
}

fn counts(runs: &[Run]) -> Vec<usize> {
    runs.iter().map(|run| run.segments.len()).collect()
}

/// What `portcullis decrypt` makes of a file.
fn decrypted(media: &[u8], keys: &[HexKey]) -> Vec<u8> {
    let mut ring = Keyring::default();
    keys.iter().for_each(|key| ring.add(&format!("{}:{}", key.kid, key.key)).unwrap());
    let mut clear = Vec::new();
    Decryptor::new(&ring).decrypt(media, &mut clear, |_| {}).unwrap();
    clear
}

/// The playlist of some segments, with a key or without.
fn playlist_of(segments: &[String], key: Option<&str>) -> String {
    let key = key.map_or_else(String::new, |key| format!("#EXT-X-KEY:{key}\n"));
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:6\n{key}");
    for segment in segments {
        text += &format!("#EXTINF:6,\n{segment}\n");
    }
    text + "#EXT-X-ENDLIST\n"
}

fn has(media: &[u8], kid: &str) -> bool {
    let kid = data_encoding::HEXLOWER.decode(kid.as_bytes()).unwrap();
    media.windows(16).any(|window| window == kid)
}

/// `init` of each period opens its segments for tools that know one key; the segments alone say all of
/// it for those that know several.
#[tokio::test]
async fn every_period_of_cmaf_opens_with_its_key_and_all_with_all_of_them() {
    let server = server();
    let sources = sources();
    for (policy, encryption) in
        [("Portcullis_CencClearKey", "cenc"), ("Portcullis_CbcsClearKey", "cbcs-aapl")]
    {
        let root = published(&server, policy);
        let master = format!("{root}manifest(format=m3u8-cmaf,encryption={encryption})");
        let playlists = hls_children(&master).await;
        assert_eq!(playlists.len(), sources.len());
        let mut kids = HashSet::new();
        for playlist in playlists {
            let runs = runs(&playlist).await;
            assert_eq!(counts(&runs), PERIODS, "{playlist}");
            let kind = if playlist.contains("(aac_") { "audio" } else { "video" };
            let (mut opened, mut keys, mut all) = (Vec::new(), Vec::new(), Vec::new());
            for run in &runs {
                let (key, media) = (run.key().await, run.media().await);
                let own = samples_decrypted_by_ffmpeg(&media, &key, &kind[..1]);
                opened.extend(owned(own.contents()));
                for segment in &run.segments {
                    let bytes = get(segment).await.ok();
                    assert!(has(find(&bytes, &[b"moof", b"traf", b"sgpd"]).unwrap(), &key.kid));
                    assert!(has(find(&bytes, &[b"moof", b"pssh"]).unwrap(), &key.kid));
                    if all.is_empty() {
                        all = get(run.map.as_ref().unwrap()).await.ok();
                    }
                    all.extend(bytes);
                }
                kids.insert(key.kid.clone());
                keys.push(key);
            }
            assert!(sources.contains(&opened), "{playlist}");
            // One init segment, and three keys.
            let several = decrypted(&all, &keys);
            assert!(owned(samples_of_bytes(&several, "0").contents()) == opened, "{playlist}");
        }
        assert_eq!(kids.len(), PERIODS.len(), "all tracks share the key of a period");
    }
}

#[tokio::test]
async fn whole_segments_and_transport_streams_change_their_key_where_they_start() {
    let server = server();
    let root = published(&server, "Predefined_ClearKey");
    let clear = server.ready.stream("clear-open");
    for format in ["m3u8-aapl", "m3u8-cmaf"] {
        let master = format!("{root}manifest(format={format},encryption=cbc)");
        for playlist in hls_children(&master).await {
            let runs = runs(&playlist).await;
            assert_eq!(counts(&runs), PERIODS, "{playlist}");
            let ivs: HashSet<_> =
                runs.iter().filter_map(|r| attribute(&r.lines[0], "IV")).collect();
            assert_eq!(ivs.len(), runs.len());
            for run in &runs {
                let key = run.key().await;
                let first = get(&run.segments[0]).await.ok();
                let opened =
                    decrypted_segment(first, &key.key, attribute(&run.lines[0], "IV").unwrap());
                let (_, leaf) = run.segments[0].split_once("gate.ism/").unwrap();
                let plain = clear.url(&leaf.replace(",encryption=cbc", ""));
                assert!(opened == get(&plain).await.ok(), "{}", run.segments[0]);
            }
        }
    }
    let root = published(&server, "Portcullis_CbcsClearKey");
    let master = format!("{root}manifest(format=m3u8-aapl,encryption=cbcs-aapl)");
    for playlist in hls_children(&master).await {
        let runs = runs(&playlist).await;
        assert_eq!(counts(&runs), PERIODS, "{playlist}");
        let kind = if playlist.contains("(aac_") { "a" } else { "v" };
        for run in runs {
            let plain = |url: &String| {
                let (_, leaf) = url.split_once("gate.ism/").unwrap();
                clear.url(&leaf.replace(",encryption=cbcs-aapl", ""))
            };
            let clear: Vec<String> = run.segments.iter().map(plain).collect();
            // ffmpeg leaves the last encrypted picture as it is: one more segment has it.
            let more = [run.segments.as_slice(), &run.segments[..1]].concat();
            let ours = elementary_stream_of_text(&playlist_of(&more, Some(&run.lines[0])), kind);
            let clear = elementary_stream_of_text(&playlist_of(&clear, None), kind);
            assert!(ours.starts_with(&clear), "{playlist}");
        }
    }
}

/// Keys that another packager rotates: it turns KID and key of each period by a byte.
#[test]
fn rotating_keys_of_another_packager_come_back() {
    let digits = |from: u8| -> Vec<u8> { (from..from + 16).collect() };
    let turned = |bytes: &[u8], n: usize| {
        let mut bytes = bytes.to_vec();
        bytes.rotate_left(n);
        data_encoding::HEXLOWER.encode(&bytes)
    };
    let (kid, key) = (digits(0xa0), digits(0x10));
    let keys: Vec<HexKey> =
        (0..16).map(|n| HexKey { kid: turned(&kid, n), key: turned(&key, n) }).collect();
    let source = demo("gate_h264_180p.mp4");
    for scheme in ["cenc", "cbcs"] {
        let flags = ["--protection_scheme", scheme, "--crypto_period_duration", "4"];
        let theirs = encrypted_by_packager_with(&source, &keys[0], "video", &flags);
        assert!(has(&theirs, &keys[2].kid), "it rotates");
        let clear = decrypted(&theirs, &keys);
        let expected = owned(samples_of_file(&source, "0").contents());
        assert!(owned(samples_of_bytes(&clear, "0").contents()) == expected, "{scheme}");
    }
}

/// A period of DASH for each crypto period, with its own init segments and default KIDs.
#[tokio::test]
async fn dash_has_a_period_for_each_key() {
    let server = server();
    let root = published(&server, "Portcullis_CencClearKey");
    let manifest = format!("{root}manifest(format=mpd-time-cmaf,encryption=cenc)");
    let text = String::from_utf8(get(&manifest).await.ok()).unwrap();
    assert_eq!(crate::support::oracle::mpd_complaint(&text), None);
    let mpd = dash_mpd_core::parse(&text).unwrap();
    let starts: Vec<_> = mpd.periods.iter().map(|period| period.start.unwrap().as_secs()).collect();
    assert_eq!(starts, [0, 12, 18]);
    for (n, period) in mpd.periods.iter().enumerate() {
        for set in &period.adaptations {
            let continuity = set
                .supplemental_property
                .iter()
                .find(|property| property.schemeIdUri == "urn:mpeg:dash:period-continuity:2015");
            let value = continuity.and_then(|property| property.value.as_deref());
            assert_eq!(value, (n > 0).then_some("1"), "{:?} of period {n}", set.id);
        }
    }
    let kids: Vec<HashSet<_>> = mpd
        .periods
        .iter()
        .map(|period| {
            let sets = period.adaptations.iter().flat_map(|set| &set.ContentProtection);
            sets.filter_map(|protection| protection.default_KID.clone()).collect()
        })
        .collect();
    assert!(kids.iter().all(|kids| kids.len() == 1), "{kids:?}");
    assert_eq!(kids.iter().flatten().collect::<HashSet<_>>().len(), 3);
    let tracks = presentation::dash(&client(), &manifest).await;
    assert_eq!(tracks.len(), 15, "five tracks in each period");
    for (n, track) in tracks.iter().enumerate() {
        let key = key_of(&server, kids[n / 5].iter().next().unwrap()).await;
        assert_eq!(track.segments.len(), PERIODS[n / 5]);
        demand_samples(track, &key);
    }
}

/// The key as key delivery has it.
async fn key_of(server: &DevServer, kid: &str) -> HexKey {
    let bytes = get(&format!("{}/?kid={kid}", server.ready.key_delivery)).await.ok();
    HexKey { kid: kid.replace('-', ""), key: data_encoding::HEXLOWER.encode(&bytes) }
}

/// A part of a track that the key opens has the samples of a source, in a row.
fn demand_samples(track: &Track, key: &HexKey) {
    let samples = samples_decrypted_by_ffmpeg(&track.media(), key, &track.kind[..1]);
    let contents = owned(samples.contents());
    let whole = |source: &Vec<(usize, String)>| {
        source.windows(contents.len()).any(|window| window == contents)
    };
    assert!(!contents.is_empty() && sources().iter().any(whole), "{}", track.kind);
}

/// The file of a track has one init segment, which names one key.
#[tokio::test]
async fn on_demand_files_are_of_one_crypto_period() {
    let server = server();
    let root = published(&server, "Portcullis_CencClearKey");
    let manifest = format!("{root}manifest(format=mpd-ondemand,encryption=cenc)");
    let demand_refusal = async |url: &str| {
        let refused = get(url).await;
        let (status, code, said) = refused.refusal();
        assert_eq!((status, code), (415, "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED"), "{said}");
        assert!(said.contains("rotate"), "{said}");
    };
    demand_refusal(&manifest).await;
    demand_refusal(&format!("{manifest}?start=6&end=18")).await;
    let mut kids = HashSet::new();
    for query in ["end=12", "start=12&end=18", "start=18"] {
        let part = format!("{manifest}?{query}");
        let text = String::from_utf8(get(&part).await.ok()).unwrap();
        let mpd = dash_mpd_core::parse(&text).unwrap();
        let sets = || mpd.periods.iter().flat_map(|period| &period.adaptations);
        let named = sets().flat_map(|set| &set.ContentProtection);
        let named: HashSet<_> = named.filter_map(|named| named.default_KID.clone()).collect();
        let [kid] = <[_; 1]>::try_from(Vec::from_iter(named)).unwrap();
        let key = key_of(&server, &kid).await;
        for track in presentation::dash(&client(), &part).await {
            assert!(has(&track.init, &key.kid), "{query}");
            demand_samples(&track, &key);
        }
        kids.insert(kid);
        let file = sets().flat_map(|set| &set.representations).next().unwrap();
        let (file, _) = file.BaseURL[0].base.split_once('?').unwrap();
        demand_refusal(&format!("{root}{file}")).await;
    }
    assert_eq!(kids.len(), PERIODS.len());
}

#[tokio::test]
async fn what_is_clear_does_not_change_with_the_keys_of_others() {
    let server = server();
    let german = json!([selection(&[("Type", "Audio"), ("Language", "de")])]);
    let policy = streaming_policy(
        "both",
        json!({ "commonEncryptionCenc": { "enabledProtocols": { "dash": true, "hls": true },
                    "clearTracks": german },
                "noEncryption": { "enabledProtocols": { "dash": true, "smoothStreaming": true } } }),
    );
    printed(&server.data, &["apply", "-"], &policy);
    let root = published(&server, "both");
    let text = async |url: String| String::from_utf8(get(&url).await.ok()).unwrap();
    let clear = text(format!("{root}manifest(format=mpd-time-cmaf)")).await;
    assert_eq!(clear.matches("<Period").count(), 1);
    assert!(clear.contains("(video=i,"), "{clear}");
    text(format!("{root}manifest")).await;
    let master = format!("{root}manifest(format=m3u8-cmaf,encryption=cenc)");
    for playlist in hls_children(&master).await {
        let maps = text(playlist.clone()).await.matches("#EXT-X-MAP").count();
        let expected = if playlist.contains("(aac_deu") { 1 } else { PERIODS.len() };
        assert_eq!(maps, expected, "{playlist}");
    }
    let protected = format!("{root}manifest(format=mpd-time-cmaf,encryption=cenc)");
    assert_eq!(presentation::dash(&client(), &protected).await.len(), 5 * PERIODS.len());
}

/// Fragments of two seconds, as clients of Azure Media Services know them.
#[tokio::test]
async fn manifests_as_ams_wrote_them_change_keys_too() {
    let server = server();
    let more = json!({ "keyRotation": { "period": "PT7S" }, "compat": "ams" });
    let root = rotating(&server, ("gate", "gate"), "Portcullis_CencClearKey", &more);
    let text = get(&format!("{root}manifest(format=mpd-time-cmaf,encryption=cenc)")).await.ok();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(crate::support::oracle::mpd_complaint(&text), None);
    let mpd = dash_mpd_core::parse(&text).unwrap();
    let starts: Vec<_> =
        mpd.periods.iter().map(|period| period.start.map(|start| start.as_secs())).collect();
    assert_eq!(starts, [None, Some(8), Some(14), Some(22)]);
    let root = rotating(&server, ("gate", "gate"), "Predefined_ClearKey", &more);
    for playlist in hls_children(&format!("{root}manifest(format=m3u8-cmaf,encryption=cbc)")).await
    {
        let runs = runs(&playlist).await;
        assert_eq!(counts(&runs), [4, 3, 4, 1], "{playlist}");
        for run in &runs {
            let (key, iv) = (run.key().await, attribute(&run.lines[0], "IV").unwrap());
            let iv = iv.to_lowercase();
            for segment in &run.segments {
                decrypted_segment(get(segment).await.ok(), &key.key, &iv);
            }
        }
    }
}

/// Two fragments are clear, and two periods of one fragment follow.
#[tokio::test]
async fn keys_rotate_behind_a_clear_lead() {
    let server = server();
    let protocols = json!({ "dash": true, "hls": true });
    let block = |drm| {
        json!({ "enabledProtocols": protocols, "clearLeadSeconds": 7, "drm": drm,
        "clearKeyEncryptionConfiguration": {} })
    };
    let blocks = json!({ "commonEncryptionCenc": block(json!({ "widevine": {} })),
        "commonEncryptionCbcs": block(json!({ "widevine": {}, "fairPlay": {} })) });
    printed(&server.data, &["apply", "-"], &streaming_policy("leading", blocks));
    let root = published(&server, "leading");
    let sources = sources();
    let text = async |url: &str| String::from_utf8(get(url).await.ok()).unwrap();
    for encryption in ["cenc", "cbcs-aapl"] {
        let master = format!("{root}manifest(format=m3u8-cmaf,encryption={encryption})");
        let mut kids = HashSet::new();
        for playlist in hls_children(&master).await {
            let runs = runs(&playlist).await;
            assert_eq!(counts(&runs), [2, 1, 1], "{playlist}");
            assert_eq!(runs[0].lines, ["METHOD=NONE"]);
            let kind = if playlist.contains("(aac_") { "a" } else { "v" };
            let mut opened = Vec::new();
            // What is clear plays without any key; a wrong one stands for none.
            let none = HexKey { kid: "00".repeat(16), key: "00".repeat(16) };
            let keys = [none, runs[1].key().await, runs[2].key().await];
            for (run, key) in runs.iter().zip(&keys) {
                let own = samples_decrypted_by_ffmpeg(&run.media().await, key, kind);
                opened.extend(owned(own.contents()));
            }
            assert!(sources.contains(&opened), "{playlist}");
            assert_eq!(runs.iter().map(|run| &run.map).collect::<HashSet<_>>().len(), 3);
            kids.insert([keys[1].kid.clone(), keys[2].kid.clone()]);
        }
        assert_eq!(kids.len(), 1, "all tracks share the key of a period");
        let [first, _] = kids.into_iter().next().unwrap();
        // Players fetch the licence of the first key that is needed, before they come to it.
        let sessions = text(&master).await;
        let sessions: Vec<_> =
            sessions.lines().filter(|line| line.starts_with("#EXT-X-SESSION-KEY")).collect();
        assert!(!sessions.is_empty() && sessions.iter().all(|line| !line.contains("NONE")));
        let named = |line: &&str| line.contains("KEYID");
        assert!(sessions.iter().filter(|line| named(line)).all(|line| line.contains(&first)));
        assert!(sessions.iter().any(named), "{sessions:?}");

        let manifest = format!("{root}manifest(format=mpd-time-cmaf,encryption={encryption})");
        let mpd = dash_mpd_core::parse(&text(&manifest).await).unwrap();
        let starts: Vec<_> = mpd.periods.iter().map(|p| p.start.unwrap().as_secs()).collect();
        assert_eq!(starts, [0, 18], "what is clear is of the period behind it");
        let tracks = presentation::dash(&client(), &manifest).await;
        let counts: Vec<_> = tracks.iter().map(|track| track.segments.len()).collect();
        assert_eq!(counts, [[3; 5], [1; 5]].concat());
        assert!(has(&tracks[0].init, &first), "the init segment names the key behind the lead");
        // All of it is clear, and manifest and file name one key.
        let clip = format!("{root}manifest(format=mpd-ondemand,encryption={encryption})?end=6");
        for url in [master, manifest, clip] {
            let told =
                portcullis().args(["inspect", "--data"]).arg(&server.data).arg(&url).output();
            let told = told.unwrap();
            assert!(told.status.success(), "{url}: {}", String::from_utf8_lossy(&told.stderr));
        }
    }
}

/// Keys that come again in turn: under none of them is an IV used twice.
#[tokio::test]
async fn no_sample_of_a_ladder_shares_its_iv_under_a_key_that_comes_again() {
    let files = std::fs::read_dir(media_dir().join("ladder")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let ladder = files.filter(|path| path.extension().is_some_and(|e| e == "mp4")).collect();
    let shelf = Shelf::start([("ladder", ladder), ("other", vec![demo("gate_aac_eng.mp4")])]);
    let flags = ["--rotate", "4s", "--rotate-keys", "2"];
    let locator = shelf.published("ladder", "cenc", &flags);
    let manifest = format!("{locator}/ladder.ism/manifest(format=mpd-time-cmaf,encryption=cenc)");
    let tracks = presentation::dash(&client(), &manifest).await;
    let (mut seen, mut kids, mut samples) = (HashSet::new(), HashSet::new(), 0);
    for segment in tracks.iter().flat_map(|track| &track.segments) {
        let group = find(&segment.bytes, &[b"moof", b"traf", b"sgpd"]).unwrap();
        let kid = group[20..36].to_vec();
        for sample in protection(&segment.bytes, 8) {
            samples += 1;
            assert!(seen.insert((kid.clone(), sample.iv)), "{kid:02x?}");
        }
        kids.insert(kid);
    }
    assert!(samples > 2000 && kids.len() == 2, "{samples} samples, {} keys", kids.len());
    assert!(tracks.len() >= 5 * 3, "keys come again: {} tracks", tracks.len());
}

#[tokio::test]
async fn periods_that_are_not_there_are_refused() {
    let server = server();
    let root = published(&server, "Portcullis_CencClearKey");
    let master = format!("{root}manifest(format=m3u8-cmaf,encryption=cenc)");
    let playlist = hls_children(&master).await.pop().unwrap();
    let map = runs(&playlist).await.pop().unwrap().map.unwrap();
    assert!(map.contains("=i2,"), "{map}");
    for (period, status) in [("i", 200), ("i3", 200), ("i4", 404), ("i02", 400), ("ix", 400)] {
        let answer = get(&map.replace("=i2,", &format!("={period},"))).await;
        assert_eq!(answer.status, status, "{period}");
    }
    // Keys that do not rotate have one period.
    let constant = server.ready.stream("cenc-open").init().await;
    assert!(get(&constant.replace("=i,", "=i0,")).await.ok() == get(&constant).await.ok());
    assert_eq!(get(&constant.replace("=i,", "=i1,")).await.refusal().0, 404);
}
