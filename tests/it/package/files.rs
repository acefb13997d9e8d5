//! Fragmented MP4: every scheme, as one file and as segments, decrypted by foreign tools.

use super::runs::{HIGH, LOW, Run, SOUND, key, keys, ladder};
use crate::support::oracle::{
    HexKey, mpd_complaint, samples_decrypted_by_ffmpeg, samples_decrypted_by_packager,
    samples_of_bytes, samples_of_file,
};

fn descriptor(file: &str, stream: &str, rest: &str) -> String {
    format!("in={},stream={stream},{rest}", ladder(file).display())
}

#[test]
fn whole_files_under_every_scheme_hold_the_samples_of_the_source() {
    let (low, high, sound) = (
        descriptor(LOW, "video", "output=low.mp4"),
        descriptor(HIGH, "video", "output=high.mp4"),
        descriptor(SOUND, "audio", "output=sound.mp4"),
    );
    let tracks = [
        ("low.mp4", LOW, "video", "SD"),
        ("high.mp4", HIGH, "video", "HD"),
        ("sound.mp4", SOUND, "audio", "AUDIO"),
    ];
    for scheme in ["cenc", "cbcs", "cens", "cbc1"] {
        let run = Run::of(&[
            &low,
            &high,
            &sound,
            "--enable_raw_key_encryption",
            "--keys",
            &keys(&["SD", "HD", "AUDIO"]),
            "--protection-scheme",
            scheme,
            "--mpd_output",
            "film.mpd",
        ]);
        for (n, (name, source, kind, label)) in tracks.into_iter().enumerate() {
            let (media, key) = (run.bytes(name), key(label));
            let source = samples_of_file(&ladder(source), &kind[..1]);
            let by_packager = samples_decrypted_by_packager(&media, &key, kind);
            assert_eq!(by_packager.contents(), source.contents(), "{scheme} {name}");
            let wrong = HexKey { key: "00".repeat(16), ..key.clone() };
            let garbled = samples_decrypted_by_ffmpeg(&media, &wrong, &kind[..1]);
            assert_ne!(garbled.contents(), source.contents(), "{scheme} {name}");
            let summary = &run.summary["streams"][n];
            assert_eq!(summary["bytes"], media.len(), "{name}");
            assert_eq!(summary["keys"][0]["label"], label);
            assert_eq!(summary["keys"][0]["scheme"], scheme);
        }
        let mpd = run.text("film.mpd");
        assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
        assert!(mpd.contains("isoff-on-demand") && mpd.contains(scheme), "{mpd}");
        assert_eq!(run.names(), ["film.mpd", "high.mp4", "low.mp4", "sound.mp4"]);
    }
}

/// IVs are of the content: its name and its times have no part in it.
#[test]
fn a_copy_of_a_file_is_packaged_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("another name.mp4");
    crate::support::origin::copy(&ladder(LOW), &copy);
    let past = std::time::SystemTime::UNIX_EPOCH;
    std::fs::File::options().write(true).open(&copy).unwrap().set_modified(past).unwrap();
    let packaged = |file: &std::path::Path, scheme: &str| {
        let video = format!("in={},stream=video,output=low.mp4", file.display());
        let keys = keys(&["SD"]);
        let flags = ["--enable_raw_key_encryption", "--keys", &keys, "--protection-scheme", scheme];
        Run::of(&[&[&*video][..], &flags].concat()).bytes("low.mp4")
    };
    for scheme in ["cenc", "cbcs"] {
        assert!(packaged(&ladder(LOW), scheme) == packaged(&copy, scheme), "{scheme}");
    }
}

#[test]
fn segments_are_named_by_the_template_and_listed_by_it() {
    let video = descriptor(
        HIGH,
        "video",
        "init_segment=v/init.mp4,segment_template=v/$Number$.m4s,drm_label=film",
    );
    let sound = descriptor(
        SOUND,
        "audio",
        "init_segment=a/init.mp4,segment_template=a/$Time$.m4s,skip_encryption=1",
    );
    let run = Run::of(&[
        &video,
        &sound,
        "--enable_raw_key_encryption=true",
        "--keys",
        &keys(&["film"]),
        "--mpd_output",
        "mpd/film.mpd",
        "--base_urls",
        "https://cdn/a/,https://cdn/b/",
        "--segment_duration",
        "4",
    ]);
    let media = run.joined(Some("v/init.mp4"), "v/$Number$.m4s");
    let decrypted = samples_decrypted_by_ffmpeg(&media, &key("film"), "v");
    assert_eq!(decrypted.contents(), samples_of_file(&ladder(HIGH), "v").contents());
    let mpd = run.text("mpd/film.mpd");
    assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
    for part in [
        "media=\"../v/$Number$.m4s\" initialization=\"../v/init.mp4\" startNumber=\"1\"",
        "media=\"../a/$Time$.m4s\"",
        "<BaseURL>https://cdn/a/</BaseURL>",
        "<BaseURL>https://cdn/b/</BaseURL>",
        "isoff-live",
    ] {
        assert!(mpd.contains(part), "{part} is not in {mpd}");
    }
    let times: Vec<u64> = run
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix("a/")?.strip_suffix(".m4s")?.parse().ok())
        .collect();
    let mut times = times;
    times.sort_unstable();
    assert_eq!(times.len(), 5, "{times:?}");
    assert_eq!(times[0], 0);
    let media = times.iter().map(|time| run.bytes(&format!("a/{time}.m4s")));
    let media = std::iter::once(run.bytes("a/init.mp4")).chain(media).collect::<Vec<_>>();
    let sound = samples_of_bytes(&media.concat(), "a");
    assert_eq!(sound.contents(), samples_of_file(&ladder(SOUND), "a").contents());
}

#[test]
fn the_same_input_gives_the_same_output() {
    let arguments = |systems: &'static str| {
        let (video, keys) = (descriptor(LOW, "video", "output=v.mp4"), keys(&["SD"]));
        let flags = ["--enable_raw_key_encryption", "--protection_systems", systems, "--keys"];
        let all = std::iter::once(video).chain(flags.map(str::to_owned)).chain([keys]);
        all.collect::<Vec<String>>()
    };
    let run = |systems| {
        let arguments = arguments(systems);
        Run::of(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).bytes("v.mp4")
    };
    let (one, again) = (run("Widevine,PlayReady"), run("Widevine,PlayReady"));
    assert!(one == again);
    let boxes = |media: &[u8]| media.windows(4).filter(|four| four == b"pssh").count();
    assert_eq!(boxes(&one), 2);
    assert_eq!(boxes(&run("CommonSystem")), 1);
}
