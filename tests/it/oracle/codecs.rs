//! Titles in several codecs: what manifests say of them, what is left out, and what is refused.

use std::path::{Path, PathBuf};

use m3u8_rs::{AlternativeMediaType, MasterPlaylist, VariantStream};

use super::titles::{CODECS, made};
use crate::support::boxes::find;
use crate::support::http::client;
use crate::support::oracle::{mpd_complaint, samples_of_bytes, samples_of_file};
use crate::support::origin::{Answer, Shelf, copy, get};
use crate::support::policies::published;
use crate::support::presentation;
use crate::support::server::Stream;

/// Files that other encoders and packagers made, or larger ones.
fn shared(file: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media");
    let found = Some(folder.join(file)).filter(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: no {file} in {}", folder.display());
    }
    found
}

fn codecs(file: &str) -> PathBuf {
    made("codecs").join(format!("drift_{file}.mp4"))
}

async fn master(url: &str) -> MasterPlaylist {
    let text = get(url).await.ok();
    let mut master = m3u8_rs::parse_master_playlist_res(&text).expect("a multivariant playlist");
    master.variants.retain(|variant| !variant.is_i_frame);
    master
}

/// GROUP-ID of the audio renditions, each once, and CHANNELS of its first.
fn groups(master: &MasterPlaylist) -> Vec<(String, String)> {
    let audio = master.alternatives.iter();
    let audio = audio.filter(|media| media.media_type == AlternativeMediaType::Audio);
    let mut groups: Vec<(String, String)> =
        audio.map(|m| (m.group_id.clone(), m.channels.clone().unwrap_or_default())).collect();
    groups.dedup_by(|next, first| next.0 == first.0);
    groups
}

#[tokio::test]
async fn each_codec_of_sound_is_a_group_and_each_level_a_variant_of_each_group() {
    let server = CODECS.serve();
    let stream = server.ready.stream("clear-open");
    let master = master(&stream.manifest("hls").url).await;
    let expected = ["audio", "audio_ac3", "audio_ec3", "audio_opus", "audio_flac"];
    let channels = ["2", "2", "6", "2", "1"];
    let listed: Vec<(String, String)> = groups(&master);
    let pairs = expected.iter().zip(channels);
    assert_eq!(listed, pairs.map(|(g, c)| (g.to_string(), c.to_owned())).collect::<Vec<_>>());
    let sounds = ["mp4a.40.2", "ac-3", "ec-3", "opus", "fLaC"];
    for (group, sound) in expected.iter().zip(sounds) {
        let variants = master.variants.iter().filter(|v| v.audio.as_deref() == Some(group));
        let said: Vec<&str> = variants.map(|v| v.codecs.as_deref().unwrap()).collect();
        let video: Vec<&str> =
            said.iter().map(|codecs| codecs.split(',').next().unwrap()).collect();
        // German is there in AAC only, and borrowed by the other groups.
        let all =
            if sound == "mp4a.40.2" { sound.to_owned() } else { format!("{sound},mp4a.40.2") };
        assert!(said.iter().all(|codecs| codecs.ends_with(&all)), "{group}: {said:?}");
        let members = master.alternatives.iter().filter(|media| media.group_id == *group);
        let mut languages: Vec<&str> = members.filter_map(|m| m.language.as_deref()).collect();
        languages.sort_unstable();
        assert_eq!(languages, ["de", "en"], "{group}");
        let families: Vec<&str> = video.iter().map(|codec| &codec[..4]).collect();
        assert_eq!(families, ["avc1", "avc1", "hvc1", "hvc1", "av01", "vp09"], "{group}");
    }
    let uri = |n: usize| master.variants[n].uri.split(['(', ',']).nth(2).unwrap().to_owned();
    let names: Vec<String> = (0..6).map(uri).collect();
    assert_eq!(names, ["video", "video", "video_hevc", "video_hevc", "video_av1", "video_vp9"]);
}

#[tokio::test]
async fn each_codec_is_an_adaptation_set_with_its_channels() {
    let server = CODECS.serve();
    let mpd = get(&server.ready.stream("clear-open").manifest("dash").url).await;
    let mpd = dash_mpd_core::parse(mpd.text()).expect("an MPD");
    // Sets of key frames have no role of their own.
    let sets = mpd.periods[0].adaptations.iter().filter(|set| !set.Role.is_empty());
    let said = sets.map(|set| {
        let codec = set.representations[0].codecs.as_deref().unwrap();
        let channels = set.AudioChannelConfiguration.first();
        let value = channels.and_then(|c| c.value.clone()).unwrap_or_default();
        let role = set.Role[0].value.clone().unwrap();
        (codec[..4].to_owned(), set.representations.len(), value, role)
    });
    let text = |row: &(&str, usize, &str, &str)| {
        (row.0.to_owned(), row.1, row.2.to_owned(), row.3.to_owned())
    };
    let expected = [
        // German, then English in every codec: each language has its main sound.
        ("mp4a", 1, "2", "main"),
        ("mp4a", 1, "2", "main"),
        ("ac-3", 1, "A000", "main"),
        ("ec-3", 1, "F801", "main"),
        ("opus", 1, "2", "main"),
        ("fLaC", 1, "1", "main"),
        ("avc1", 2, "", "main"),
        ("hvc1", 2, "", "main"),
        ("av01", 1, "", "main"),
        ("vp09", 1, "", "main"),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected.iter().map(text).collect::<Vec<_>>());
}

/// What transport streams do not carry is left out, and HEVC beside AVC; the rest is listed.
#[tokio::test]
async fn transport_streams_list_what_they_carry() {
    let server = CODECS.serve();
    for (format, audio) in [("m3u8-aapl", 3), ("m3u8-aapl-v3", 0)] {
        let stream = server.ready.stream("clear-open");
        let manifest = stream.manifests.iter().find(|m| m.format == format).unwrap();
        let master = master(&manifest.url).await;
        assert_eq!(groups(&master).len(), audio);
        for variant in &master.variants {
            let codecs = variant.codecs.as_deref().unwrap();
            assert!(codecs.starts_with("avc1"), "{codecs}");
        }
        let alone = self::master(&format!("{}?codec=hvc1,mp4a", manifest.url)).await;
        let codecs = |variant: &VariantStream| variant.codecs.as_deref().unwrap().to_owned();
        assert!(!alone.variants.is_empty(), "without AVC there is nothing else to play");
        assert!(alone.variants.iter().all(|variant| codecs(variant).starts_with("hvc1")));
    }
}

fn refused(answer: &Answer) -> (u16, String) {
    let (status, code, _) = answer.refusal();
    (status, code.to_owned())
}

/// A format that carries nothing of a kind says so; the rest can be had by its own address.
#[tokio::test]
async fn what_a_format_cannot_carry_is_refused_by_its_code() {
    let shelf = Shelf::start([
        ("silent", vec![codecs("h264_320x180"), codecs("opus_eng")]),
        ("blind", vec![codecs("vp9_320x180"), codecs("aac_eng")]),
        ("neither", vec![codecs("av1_320x180"), codecs("flac_eng")]),
    ]);
    for (folder, code) in [
        ("silent", "MPE_AUDIO_ENCODING_NOT_SUPPORTED"),
        ("blind", "MPE_VIDEO_ENCODING_NOT_SUPPORTED"),
        ("neither", "MPE_MEDIA_ENCODING_NOT_SUPPORTED"),
    ] {
        let stream = shelf.stream(folder, "clear");
        let answer = get(&stream.url("manifest(format=m3u8-aapl)")).await;
        assert_eq!(refused(&answer), (415, code.to_owned()), "{folder}");
    }
    let silent = shelf.stream("silent", "clear");
    let master = master(&silent.manifest("hls").url).await;
    let uri = master.alternatives.iter().find_map(|media| media.uri.clone()).unwrap();
    let opus = uri.split(['(', ',']).nth(2).unwrap();
    for (track, code) in
        [(opus, "MPE_AUDIO_ENCODING_NOT_SUPPORTED"), ("nobody", "MPE_EGRESS_TRACK_NOT_FOUND")]
    {
        let url = silent.url(&format!("manifest(format=m3u8-aapl-v3,audioTrack={track})"));
        assert_eq!(refused(&get(&url).await).1, code, "{track}");
    }
    let blind = shelf.stream("blind", "clear");
    let alone = get(&blind.url("manifest(format=m3u8-aapl,audio-only=true)")).await.ok();
    assert!(String::from_utf8_lossy(&alone).contains("CODECS=\"mp4a.40.2\""));
    for (format, status) in [("m3u8-cmaf", 200), ("m3u8-aapl", 415)] {
        let video = video_of(blind).await;
        let answer = get(&blind.url(&format!("{video}(video,format={format})"))).await;
        assert_eq!(answer.status, status);
    }
}

/// `QualityLevels(b)/Manifest` of the first variant.
async fn video_of(stream: &Stream) -> String {
    let master = master(&stream.manifest("hls").url).await;
    let uri = &master.variants[0].uri;
    uri[..uri.rfind('(').unwrap()].to_owned()
}

/// Pictures whose samples cannot be protected by a scheme are never served without protection.
/// A locator under which it would happen is refused; files may change later.
#[tokio::test]
async fn what_a_scheme_cannot_protect_is_left_out_or_refused() {
    let shelf = Shelf::start([
        ("both", vec![codecs("h264_320x180"), codecs("aac_eng")]),
        ("vp9", vec![codecs("h264_320x180"), codecs("aac_eng")]),
    ]);
    let both = published(&shelf.server, &shelf.path("both"), "commonEncryptionCens").await;
    copy(&codecs("av1_320x180"), &shelf.path("both/av1.mp4"));
    let mpd = get(&both.manifest("dash").url).await;
    assert!(mpd.text().contains("\"avc1.") && !mpd.text().contains("av01"), "{}", mpd.text());
    let vp9 = published(&shelf.server, &shelf.path("vp9"), "commonEncryptionCbc1").await;
    shelf.replace_all("vp9", &codecs("vp9_320x180"));
    let root = format!("{}/{}/vp9.ism", shelf.server.ready.origin, vp9.locator_id);
    let level = video_of(shelf.stream("vp9", "clear")).await.replace("/Manifest", "");
    for part in [
        "manifest(",
        &format!("{level}/Fragments(video=i,"),
        &format!("{level}/Fragments(video=0,"),
    ] {
        let answer = get(&format!("{root}/{part}format=mpd-time-cmaf,encryption=cbc1)")).await;
        let expected = (415, "MPE_ENCRYPTION_NOT_SUPPORTED".to_owned());
        assert_eq!(refused(&answer), expected, "{part}");
    }
}

/// PQ beside SDR: sets of their own, and players that cannot show PQ can tell.
#[tokio::test]
async fn dynamic_range_is_announced() {
    let shelf = Shelf::start([
        ("hdr", vec![made("hdr").join("dusk_h264.mp4"), made("hdr").join("dusk_hevc.mp4")]),
        ("sdr", vec![codecs("h264_320x180")]),
    ]);
    let stream = shelf.stream("hdr", "clear");
    let master = get(&stream.manifest("hls").url).await;
    let variants: Vec<&str> =
        master.text().lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).collect();
    assert!(variants[0].contains("VIDEO-RANGE=SDR") && variants[0].contains("avc1."));
    assert!(variants[1].contains("VIDEO-RANGE=PQ") && variants[1].contains("hvc1.2.4.L"));
    assert!(master.text().contains("(video_hevc_pq,"));
    let mpd = get(&stream.manifest("dash").url).await;
    let essential = "<EssentialProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" \
                     value=\"16\"/>";
    assert!(mpd.text().contains(essential), "{}", mpd.text());
    assert_eq!(mpd_complaint(mpd.text()), None);
    let sdr = get(&shelf.stream("sdr", "clear").manifest("hls").url).await;
    assert!(!sdr.text().contains("VIDEO-RANGE"));
}

/// Codecs whose key frames hardly ever meet are cut at their own, over the same time.
#[tokio::test]
async fn codecs_without_common_key_frames_are_cut_apart() {
    let files = ["ebb_h264.mp4", "ebb_vp9.mp4"].map(|file| made("apart").join(file));
    let shelf = Shelf::start([("apart", files.into()), ("other", vec![codecs("aac_eng")])]);
    let url = &shelf.stream("apart", "clear").manifest("dash").url;
    let tracks = presentation::dash(&client(), url).await;
    let ends: Vec<Vec<f64>> = tracks.iter().map(presentation::Track::ends).collect();
    let near = |ours: &[f64], expected: &[f64]| {
        ours.len() == expected.len() && ours.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    assert!(near(&ends[0], &[6.0, 12.0, 18.0, 20.0]), "{ends:?}");
    assert!(near(&ends[1], &[8.4, 16.8, 20.0]), "{ends:?}");
}

/// DTS as ffmpeg writes it: the rest is served, and the reason can be had.
#[tokio::test]
async fn a_track_that_is_not_packaged_leaves_the_rest() {
    let files = ["dusk_h264.mp4", "dusk_dts.mp4"].map(|file| made("hdr").join(file));
    let shelf = Shelf::start([("dts", files.into()), ("other", vec![codecs("aac_eng")])]);
    let master = master(&shelf.stream("dts", "clear").manifest("hls").url).await;
    assert_eq!(master.variants.len(), 1);
    assert!(master.alternatives.is_empty());
}

/// What one file has to say in its manifests.
struct Foreign {
    file: &'static str,
    hls: &'static [&'static str],
    dash: &'static [&'static str],
}

const FOREIGN: &[Foreign] = &[
    Foreign {
        file: "public/androidx-media/mp4/sample_eac3joc.mp4",
        hls: &["CODECS=\"ec-3\""],
        dash: &[
            "ExtensionType:2018\" value=\"JOC\"/>",
            "ComplexityIndex:2018\" value=\"16\"/>",
            "audio_channel_configuration:2011\" value=\"F801\"/>",
        ],
    },
    Foreign {
        file: "public/androidx-media/mp4/sample_ac3.mp4",
        hls: &["CODECS=\"ac-3\""],
        dash: &["F801"],
    },
    Foreign {
        file: "public/androidx-media/mp4/sample_eac3.mp4",
        hls: &["CODECS=\"ec-3\""],
        dash: &["F801"],
    },
    Foreign {
        file: "public/androidx-media/mp4/dolbyVision-hdr.MOV",
        hls: &["VIDEO-RANGE=HLG", "SUPPLEMENTAL-CODECS=\"dvh1.08.02/db4h\"", "hvc1.2.4.L93.B0"],
        dash: &[
            "scte214:supplementalCodecs=\"dvh1.08.02\" scte214:supplementalProfiles=\"db4h\"",
            "<SupplementalProperty schemeIdUri=\"urn:mpeg:mpegB:cicp:TransferCharacteristics\" \
             value=\"18\"/>",
        ],
    },
    Foreign {
        file: "public/androidx-media/mp4/sample_with_colr_mdcv_and_clli.mp4",
        hls: &["VIDEO-RANGE=PQ", "av01.0.09M.10.0.110.09.16.09.0"],
        dash: &["cicp:ColourPrimaries\" value=\"9\"/>"],
    },
    Foreign {
        file: "public/androidx-media/mp4/bbb_800x640_768kbps_30fps_vp9.mp4",
        hls: &["vp09.00.30.08", "RESOLUTION=1138x640"],
        dash: &["sar=\"64:45\""],
    },
    Foreign {
        file: "public/androidx-media/mp4/h265_bframes.mp4",
        hls: &["hev1.1.6.L90.90"],
        dash: &[],
    },
    Foreign {
        file: "public/androidx-media/mp4/sample_unrecognized_hevc_sei.mp4",
        hls: &["hvc1.1.6."],
        dash: &[],
    },
    Foreign { file: "public/androidx-media/mp4/sample_av1.mp4", hls: &["av01.0."], dash: &[] },
    Foreign {
        file: "public/androidx-media/mp4/sample_opus.mp4",
        hls: &["\"opus\""],
        dash: &["cicp"],
    },
    Foreign { file: "public/mp4ff/ed_hevc.mp4", hls: &["hvc1.1.6."], dash: &["mp4a.40.2"] },
    Foreign {
        file: "public/shaka-packager/bear-640x360-aac_he-silent_right.mp4",
        hls: &["mp4a.40.5"],
        dash: &["audioSamplingRate=\"44100\""],
    },
    Foreign {
        file: "public/shaka-packager/bear-dtsx.mp4",
        hls: &["\"dtsx\""],
        dash: &["uhd:audio_channel_configuration\" value=\"0000003F\"/>"],
    },
    Foreign {
        file: "synthetic/ladder/tidewater_hevc_640x360_200.mp4",
        hls: &["hvc1.1.6.L63.90"],
        dash: &[],
    },
    Foreign {
        file: "synthetic/ladder/tidewater_av1_640x360_180.mp4",
        hls: &["av01.0.01M.08\""],
        dash: &[],
    },
    Foreign {
        file: "synthetic/ladder/tidewater_vp9_640x360_190.mp4",
        hls: &["vp09.00.21.08\""],
        dash: &[],
    },
    Foreign {
        file: "synthetic/ladder/tidewater_ec3_eng_ch6_192.mp4",
        hls: &["\"ec-3\""],
        dash: &["F801", "lang=\"en\""],
    },
    Foreign {
        file: "public/androidx-media/mp4/sample_rotate_and_reflect.mp4",
        hls: &["avc1."],
        dash: &[],
    },
];

/// Every sample entry is that of the source, byte for byte, as is the matrix that turns pictures.
/// Sound entries of QuickTime are written anew.
async fn demand_entries(url: &str, path: &Path) {
    let source = std::fs::read(path).unwrap();
    let quick_time = &source[8..12] == b"qt  ";
    for track in presentation::dash(&client(), url).await {
        if quick_time && track.kind == "audio" {
            continue;
        }
        demand_samples(&track, path, url);
        let trak = find(&track.init, &[b"moov", b"trak"]).unwrap();
        let stsd = find(trak, &[b"mdia", b"minf", b"stbl", b"stsd"]).unwrap();
        // The end mark of QuickTime is no part of an entry, but counts in its size.
        let entry = &stsd[if quick_time { 12 } else { 8 }..];
        assert!(source.windows(entry.len()).any(|bytes| bytes == entry), "{url}: {}", track.kind);
        let matrix = &find(trak, &[b"tkhd"]).unwrap()[40..76];
        assert!(source.windows(36).any(|bytes| bytes == matrix), "{url}: the matrix");
        assert!(!track.segments.is_empty());
    }
}

/// The samples lie one behind the other in the source; what its edits hide may be left out. ffmpeg
/// does not know DTS-UHD.
fn demand_samples(track: &presentation::Track, path: &Path, url: &str) {
    if path.ends_with("bear-dtsx.mp4") {
        return;
    }
    let specifier = &track.kind[..1];
    let ours = samples_of_bytes(&track.media(), specifier);
    let theirs = samples_of_file(path, specifier);
    let (ours, theirs) = (ours.contents(), theirs.contents());
    assert!(ours.len() * 2 > theirs.len(), "{url}: {} of {} samples", ours.len(), theirs.len());
    assert!(theirs.windows(ours.len()).any(|window| window == ours), "{url}: {}", track.kind);
}

/// Atmos beside pictures: a group that says how many objects there are.
#[tokio::test]
async fn atmos_is_announced_by_its_objects() {
    let Some(atmos) = shared("public/androidx-media/mp4/sample_eac3joc.mp4") else { return };
    let shelf = Shelf::start([
        ("atmos", vec![codecs("h264_320x180"), codecs("aac_eng"), atmos]),
        ("other", vec![codecs("aac_eng")]),
    ]);
    for manifest in &shelf.stream("atmos", "clear").manifests {
        let expected = [("audio", "2"), ("audio_atmos", "16/JOC")];
        if matches!(manifest.format.as_str(), "m3u8-cmaf" | "m3u8-aapl") {
            let listed = groups(&master(&manifest.url).await);
            let expected = expected.map(|(group, said)| (group.to_owned(), said.to_owned()));
            assert_eq!(listed, expected, "{}", manifest.format);
        }
    }
}

#[tokio::test]
async fn files_of_other_makers_are_announced_for_what_they_are() {
    let there: Vec<(&Foreign, PathBuf)> =
        FOREIGN.iter().filter_map(|row| Some((row, shared(row.file)?))).collect();
    if there.is_empty() {
        return;
    }
    let names: Vec<String> = (0..there.len()).map(|n| format!("public{n}")).collect();
    let folders = names.iter().zip(&there).map(|(name, (_, path))| (&**name, vec![path.clone()]));
    let shelf = Shelf::start(folders);
    for (name, (row, path)) in names.iter().zip(&there) {
        let stream = shelf.stream(name, "clear");
        for (protocol, expected) in [("hls", row.hls), ("dash", row.dash)] {
            let text = get(&stream.manifest(protocol).url).await.ok();
            let text = String::from_utf8(text).unwrap();
            for part in expected {
                assert!(text.contains(part), "{}: no {part} in\n{text}", row.file);
            }
        }
        let dash = &stream.manifest("dash").url;
        assert_eq!(mpd_complaint(get(dash).await.text()), None, "{}", row.file);
        demand_entries(dash, path).await;
    }
}
