//! What cannot be done is refused by name, with the exit code of the contract, and nothing is left.

use std::fs;

use data_encoding::HEXLOWER;
use portcullis::ids::KeyId;
use portcullis::isobmff::cenc::Pssh;

use super::runs::{HIGH, Run, SOUND, key, keys, ladder, refused};
use crate::support::server::portcullis;

#[test]
fn wrong_usage_is_2_and_names_what_is_wrong() {
    let film = format!("in={},stream=video,output=v.mp4", ladder(HIGH).display());
    let two = format!("{},{}", keys(&["HD"]), keys(&["HD"]));
    let unlabelled = format!("key_id={}:key={}", key("HD").kid, key("HD").key);
    let switch = format!("--enable_raw_key_encryption={}", keys(&["HD"]));
    for (arguments, said) in [
        (&[][..], "DESCRIPTOR"),
        (&["in=a,strem=video,output=v.mp4"], "strem is not known; stream is"),
        (&[&film, "--mpd_otput", "a.mpd"], "--mpd_output"),
        (&[&film, "--mpd_output", "http://b/a.mpd"], "http:// is not supported"),
        (&[&film, "--dump_stream_info"], "--dump_stream_info is not supported"),
        (&[&film, "--dump-stream-info"], "--dump_stream_info is not supported"),
        (&[&film, "--crypto-period-duration=-1"], "--crypto_period_duration: 0, or up to 3600"),
        (&[&film, "--enable_widevine_encryption"], "keys are given by --keys"),
        (&[&film, "--time_shift_buffer_depth", "30"], "nothing is live"),
        (&[&film, "--clear_lead", "4000"], "--clear_lead: 0, or up to 3600"),
        (&[&film, "--hls_playlist_type", "LIVE"], "only VOD"),
        (&[&film, "--generate_static_live_mpd=false"], "static"),
        (&[&film, "--segment_duration", "0"], "--segment_duration"),
        (&[&film, "--fragment_duration", "2"], "--fragment_duration"),
        (&[&film, "--protection_scheme", "cbc"], "cbc1 is"),
        (&[&film, "--protection_systems", "Adobe"], "Adobe is not supported"),
        (&[&film, "--keys", &keys(&["HD"])], "only with --enable_raw_key_encryption"),
        (&[&film, "--enable_raw_key_encryption"], "needs --keys"),
        (&[&film, "--enable_raw_key_encryption", "--keys", &unlabelled], "without a label"),
        (&[&film, "--enable_raw_key_encryption", "--keys", "label=HD:key=1"], "no key_id"),
        (&[&film, "--iv", "00"], "32 hexadecimal digits"),
        (&[&film, "--keys", "x", &keys(&["HD"])], "label is not known"),
        (&[&film, &switch], "--enable_raw_key_encryption: true or false"),
    ] {
        let (code, stderr) = refused(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{said:?} is not in {stderr:?}");
        assert!(!stderr.contains(&key("HD").key), "{stderr}");
    }
    let (code, stderr) = refused(&[&film, "--enable_raw_key_encryption", "--keys", &two]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("two keys have the label HD"), "{stderr}");
}

#[test]
fn orders_that_cannot_be_are_1() {
    let file = |name: &str| ladder(name).display().to_string();
    let video = |rest: &str| format!("in={},stream=video,{rest}", file(HIGH));
    let film = video("output=v.mp4");
    let (each, ts) = (
        video("init_segment=i.mp4,segment_template=$Number$.m4s"),
        video("segment_template=$Number$.ts"),
    );
    let hd = keys(&["HD"]);
    let protect = |scheme: &'static str| {
        ["--enable_raw_key_encryption", "--keys", &hd, "--protection_scheme", scheme]
            .map(str::to_owned)
    };
    let sound = |rest: &str| format!("in={},stream=audio,{rest}", file(SOUND));
    let folder = std::env::temp_dir().display().to_string();
    let common = |label: &str| {
        let kid: KeyId = key(label).kid.parse().unwrap();
        HEXLOWER.encode(&Pssh::common(vec![kid]).to_vec())
    };
    let twice = common("HD").repeat(2);
    let mut cases: Vec<(Vec<String>, &str)> = vec![
        (vec!["in=none.mp4,stream=video,output=v.mp4".into()], "none.mp4: "),
        (vec![format!("in={},stream=audio,output=v.mp4", file(HIGH))], "no track of sound"),
        (vec![format!("in={},stream=7,output=v.mp4", file(HIGH))], "no track number 7"),
        (vec![video("init_segment=i.mp4,segment_template=x.m4s")], "neither $Number$"),
        (vec![film.clone(), sound("output=v.mp4")], "v.mp4: written twice"),
        (vec![video(&format!("output={folder},output_format=mp4"))], "and is no file"),
        (vec![film.clone(), "--mpd_output".into(), folder.clone()], "and is no file"),
        (vec![ts.clone(), "--mpd_output".into(), "a.mpd".into()], "no transport streams"),
    ];
    let with = |stream: &String, scheme: &'static str, more: &[&str]| {
        let more = more.iter().map(|&flag| flag.to_owned());
        std::iter::once(stream.clone()).chain(protect(scheme)).chain(more).collect::<Vec<_>>()
    };
    let hls = ["--hls_master_playlist_output", "a.m3u8"];
    cases.extend([
        (with(&ts, "cenc", &[]), "SAMPLE-AES (--protection_scheme cbcs) and AES-128 only"),
        (with(&film, "AES-128", &[]), "say init_segment= and segment_template="),
        (with(&each, "AES-128", &["--mpd_output", "a.mpd"]), "AES-128 is a form of HLS"),
        (with(&film, "cens", &hls), "HLS has no word"),
        (with(&film, "cbcs", &hls), "--hls_key_uri is missing"),
        (with(&ts, "AES-128", &hls), "--hls_key_uri is missing"),
        (with(&film, "cenc", &["--iv", &"0".repeat(32)]), "--iv: samples"),
        (with(&film, "cenc", &["--protection_systems", "FairPlay,Widevine"]), "knows cbcs only"),
        (
            with(&ts, "AES-128", &["--protection_systems", "CommonSystem,Widevine"]),
            "no system knows AES-128",
        ),
        (with(&ts, "AES-128", &["--pssh", &common("HD")]), "no system knows AES-128"),
        (with(&film, "cenc", &["--pssh", &common("SD")]), "--pssh: a box names none of the keys"),
        (with(&film, "cenc", &["--pssh", &twice]), "--pssh: two boxes of one system are for the"),
        (with(&sound("output=a.mp4"), "cenc", &[]), "no key has the label AUDIO, only HD"),
        (with(&film, "cenc", &["--crypto_period_duration", "6"]), "no label has a second key"),
        (
            with(&film, "cenc", &["--crypto_period_duration", "6", "--mpd_output", "a.mpd"]),
            "which one index cannot be divided into",
        ),
        (
            with(&video("output=v.mp4,drm_label=SD"), "cenc", &[]),
            "no key has the label SD, only HD",
        ),
        (
            with(&video("segment_template=$Number$.ts,iframe_playlist_name=k.m3u8"), "cbcs", &[]),
            "iframe_playlist_name",
        ),
    ]);
    for (arguments, said) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, stderr) = refused(&arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{said:?} is not in {stderr:?}");
        assert!(!stderr.contains(&key("HD").key), "{stderr}");
    }
}

/// Playlists without a key line would call what is encrypted clear.
#[test]
fn playlists_have_a_key_line_of_a_system() {
    let film = format!("in={},stream=video,output=v.mp4", ladder(HIGH).display());
    let ts = format!("in={},stream=video,segment_template=$Number$.ts", ladder(HIGH).display());
    let unknown = "00000020707373680000000000112233445566778899aabbccddeeff00000000";
    let keys = keys(&["HD"]);
    let encrypt = |scheme, systems, value| {
        let flags = ["--enable_raw_key_encryption", "--keys", &keys, "--protection_scheme", scheme];
        [&flags[..], &["--hls_key_uri", "skd://{ContentKeyId}", systems, value]].concat()
    };
    let hls = ["--hls_master_playlist_output", "f.m3u8"];
    let systems = "--protection_systems";
    for (stream, scheme, flag, value) in [
        (&film, "cenc", systems, "Marlin"),
        (&film, "cbcs", systems, "Marlin"),
        (&ts, "cbcs", systems, "Marlin"),
        (&ts, "cbcs", systems, "Widevine,PlayReady"),
        (&film, "cenc", "--pssh", unknown),
    ] {
        let (code, stderr) =
            refused(&[&[&**stream][..], &encrypt(scheme, flag, value), &hls].concat());
        assert_eq!(code, Some(1), "{scheme} {value}: {stderr}");
        assert!(stderr.contains("none that is announced has a line"), "{stderr}");
    }
    for (stream, scheme, value) in [
        (&film, "cenc", "Marlin,Widevine"),
        (&film, "cbcs", "PlayReady"),
        (&ts, "cbcs", "Widevine,FairPlay"),
        (&ts, "cbcs", "CommonSystem"),
    ] {
        let run = Run::of(&[&[&**stream][..], &encrypt(scheme, systems, value), &hls].concat());
        assert!(run.text("stream_0.m3u8").contains("#EXT-X-KEY:METHOD=SAMPLE-AES"), "{value}");
    }
    // An MPD has a place for every system.
    let mpd = ["--mpd_output", "f.mpd"];
    Run::of(&[&[&*film][..], &encrypt("cenc", "--pssh", unknown), &mpd].concat());
}

#[test]
fn several_keys_have_not_one_address() {
    let video = format!("in={},stream=video,", ladder(HIGH).display());
    let sound = format!("in={},stream=audio,", ladder(SOUND).display());
    let (film, song) = (format!("{video}output=v.mp4"), format!("{sound}output=a.mp4"));
    let segments = |front: &str, name: &str| format!("{front}segment_template={name}$Number$.ts");
    let two = keys(&["HD", "AUDIO"]);
    let turns = format!("{},{}", keys(&["HD"]), keys(&["SD"]).replace("label=SD", "label=HD"));
    let hls = |scheme, keys| {
        let encrypt =
            ["--enable_raw_key_encryption", "--protection_scheme", scheme, "--keys", keys];
        let uri = ["--hls_key_uri", "https://k/one", "--hls_master_playlist_output", "f.m3u8"];
        [encrypt.as_slice(), &uri].concat()
    };
    let rotate = ["--crypto_period_duration", "6"];
    let (first, second) = (segments(&video, "v"), segments(&sound, "a"));
    for arguments in [
        [&[&*film, &song][..], &hls("cbcs", &two)].concat(),
        [&[&*first, &second][..], &hls("AES-128", &two)].concat(),
        [&[&*film][..], &hls("cenc", &turns), &rotate].concat(),
    ] {
        let (code, stderr) = refused(&arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("--hls_key_uri: several keys would have one address"), "{stderr}");
    }
    // One has, whatever the keys are of what no playlist lists.
    let alone = format!("{song},dash_only=1");
    Run::of(&[&[&*film, &alone][..], &hls("cbcs", &two), &["--mpd_output", "f.mpd"]].concat());
}

#[test]
fn encrypted_inputs_are_refused_and_inputs_are_not_written_over() {
    let film = format!("in={},stream=video,output=v.mp4", ladder(HIGH).display());
    let keys = keys(&["HD"]);
    let run = Run::of(&[&film, "--enable_raw_key_encryption", "--keys", &keys]);
    let encrypted = run.path("v.mp4");
    let again = format!("in={},stream=video,output=w.mp4", encrypted.display());
    let (code, stderr) = refused(&[&again]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("already-encrypted"), "{stderr}");
    let before = fs::read(&encrypted).unwrap();
    let over = format!("in={0},stream=video,output={0}", encrypted.display());
    let (code, stderr) = refused(&[&over]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("not written over"), "{stderr}");
    assert!(fs::read(&encrypted).unwrap() == before);
}

/// Templates and links say only at second sight where files go.
#[test]
fn no_segment_is_written_over_an_input_or_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let film = at("1.mp4");
    fs::copy(ladder(HIGH), &film).unwrap();
    std::os::unix::fs::symlink(dir.path(), at("alias")).unwrap();
    fs::create_dir(at("n")).unwrap();
    let video = |rest: &str| format!("in={film},stream=video,{rest}");
    let segments = |init: &str, template: &str| {
        video(&format!("init_segment={},segment_template={}", at(init), at(template)))
    };
    let sound = |template: &str| {
        let (input, init) = (ladder(SOUND), at("ia.mp4"));
        let template = at(template);
        format!(
            "in={},stream=audio,init_segment={init},segment_template={template}",
            input.display()
        )
    };
    let before = fs::read(&film).unwrap();
    for (arguments, said) in [
        (vec![segments("i.mp4", "$Number$.mp4")], "1.mp4: this is an input"),
        (vec![video(&format!("output={}", at("alias/1.mp4")))], "1.mp4: this is an input"),
        (vec![segments("2.m4s", "$Number$.m4s")], "2.m4s: written twice"),
        (
            vec![segments("i.mp4", "s/$Number$.m4s"), sound("s/$Number%01d$.m4s")],
            "s/1.m4s: written twice",
        ),
        (
            vec![segments("i.mp4", "$Number$.m4s"), sound("alias/$Number%01d$.m4s")],
            "alias/1.m4s: written twice",
        ),
        // Folders that are not there yet are made before anything is written.
        (vec![video(&format!("output={}", at("new/../1.mp4")))], "1.mp4: this is an input"),
        (
            vec![
                video(&format!("output={}", at("new/../n/v.mp4"))),
                video(&format!("output={}", at("n/v.mp4"))),
            ],
            "n/v.mp4: written twice",
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, stderr) = refused(&arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{said:?} is not in {stderr:?}");
    }
    assert!(fs::read(&film).unwrap() == before);
    let left = fs::read_dir(dir.path()).unwrap();
    assert_eq!(left.count(), 3, "nothing was written");
}

/// Playlists that nobody gave a name have one too.
#[test]
fn no_playlist_by_number_is_written_over_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("stream_1.m3u8");
    fs::copy(ladder(SOUND), &input).unwrap();
    let video = |rest: &str| format!("in={},stream=video,{rest}", ladder(HIGH).display());
    let sound = |rest: &str| format!("in={},stream=audio,{rest}", ladder(SOUND).display());
    let (own, film) = (input.display(), dir.path().join("film.m3u8").display().to_string());
    for (arguments, said) in [
        ([video("output=v.mp4"), sound("output=a.mp4,playlist_name=stream_0.m3u8")], "f.m3u8"),
        ([video("output=v.mp4"), sound("output=a.mp4")], "stream_0.m3u8"),
        (
            [video("output=v.mp4,iframe_playlist_name=stream_1.m3u8"), sound("output=a.mp4")],
            "f.m3u8",
        ),
        ([video("output=v.mp4"), sound("output=stream_1.m3u8,output_format=mp4")], "f.m3u8"),
    ] {
        let [one, other] = &arguments;
        let (code, stderr) = refused(&[one, other, "--hls_master_playlist_output", said]);
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("m3u8: written twice"), "{arguments:?}: {stderr}");
    }
    let arguments = [video("output=v.mp4"), format!("in={own},stream=audio,output=a.mp4")];
    let [one, other] = &arguments;
    let (code, stderr) = refused(&[one, other, "--hls_master_playlist_output", &film]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("stream_1.m3u8: this is an input"), "{stderr}");
    // What no playlist lists has none.
    let arguments =
        [video("output=v.mp4"), sound("output=stream_1.m3u8,output_format=mp4,dash_only=1")];
    let [one, other] = &arguments;
    Run::of(&[one, other, "--hls_master_playlist_output", "f.m3u8", "--mpd_output", "f.mpd"]);
}

#[test]
fn an_output_that_cannot_be_written_is_3() {
    let film = format!("in={},stream=video,output=/dev/null/v.mp4", ladder(HIGH).display());
    let (code, stderr) = refused(&[&film]);
    assert_eq!(code, Some(3), "{stderr}");
}

#[test]
fn the_help_says_what_differs() {
    let output = portcullis().args(["package", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in ["The clear lead is 0", "without a label is an error", "dump_stream_info"] {
        assert!(help.contains(part), "{help}");
    }
}
