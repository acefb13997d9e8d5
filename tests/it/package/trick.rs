//! Trick play: every so many of the key frames, compared with what shaka-packager makes of the same order.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use tempfile::TempDir;

use super::runs::{HIGH, LOW, Run, key, keys, ladder, refused};
use crate::support::boxes;
use crate::support::oracle::{
    Samples, first_picture, mpd_complaint, packaged_by_packager, samples_decrypted_by_packager,
    samples_of_bytes, samples_of_file,
};
use crate::support::server::own_media_dir;

fn pictures(name: &str, rest: &str) -> String {
    format!("in={},stream=video,{rest}", ladder(name).display())
}

/// When samples are shown behind the first, in milliseconds: others move it by an edit list.
fn shown(samples: &Samples) -> Vec<i64> {
    let first = samples.list[0].pts;
    samples.list.iter().map(|sample| (sample.pts - first) * 1000 / samples.timescale).collect()
}

/// The values of an attribute, in order.
fn values<'t>(text: &'t str, attribute: &str) -> Vec<&'t str> {
    let front = format!(" {attribute}=\"");
    let parts = text.split(front.as_str()).skip(1);
    parts.filter_map(|rest| rest.split('"').next()).collect()
}

/// The sets of an MPD that are for trick play.
fn trick_sets(mpd: &str) -> Vec<&str> {
    let sets = mpd.split("<AdaptationSet").skip(1);
    sets.filter(|set| set.contains("http://dashif.org/guidelines/trickmode")).collect()
}

/// A fraction in lowest terms.
fn rate(text: &str) -> f64 {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    over.parse::<f64>().unwrap() / under.parse::<f64>().unwrap()
}

/// Whether `mpd` has trick sets of the main set, whose representations say the same as those of the
/// other packager, in order.
fn agree(mpd: &str, other: &str) {
    assert_eq!(mpd_complaint(mpd), None, "{mpd}");
    let (own, others) = (trick_sets(mpd).concat(), trick_sets(other).concat());
    for property in values(&own, "schemeIdUri").iter().zip(values(&own, "value")) {
        assert!(*property.0 != "http://dashif.org/guidelines/trickmode" || property.1 == "1");
    }
    assert_eq!(values(mpd, "id")[1], "1", "{mpd}");
    let dependency = values(&own, "codingDependency");
    assert!(!dependency.is_empty() && dependency.iter().all(|value| *value == "false"));
    let rates = |text: &str| -> BTreeSet<u64> {
        values(text, "maxPlayoutRate").iter().map(|rate| rate.parse().unwrap()).collect()
    };
    assert_eq!(rates(&own), rates(&others), "{own} {others}");
    let rates = |text: &str| {
        let mut rates: Vec<f64> = values(text, "frameRate").into_iter().map(rate).collect();
        rates.sort_by(f64::total_cmp);
        rates
    };
    assert_eq!(rates(&own), rates(&others), "{own} {others}");
}

#[test]
fn whole_files_have_the_pictures_that_shaka_packager_takes() {
    let irregular = own_media_dir().join("traps/irregular_keyframes.mp4");
    for source in [ladder(HIGH), irregular] {
        let video = |rest: &str| format!("in={},stream=video,{rest}", source.display());
        let orders = [
            video("output=v.mp4"),
            video("output=t1.mp4,trick_play_factor=1"),
            video("output=t2.mp4,tpf=2"),
            video("output=t3.mp4,tpf=3"),
        ];
        let mut arguments: Vec<&str> = orders.iter().map(String::as_str).collect();
        arguments.extend(["--mpd_output", "film.mpd"]);
        let other = TempDir::new().unwrap();
        packaged_by_packager(other.path(), &arguments);
        let run = Run::of(&arguments);
        for name in ["t1.mp4", "t2.mp4", "t3.mp4"] {
            let own = samples_of_file(&run.path(name), "v");
            let others = samples_of_file(&other.path().join(name), "v");
            assert_eq!(own.contents(), others.contents(), "{name}");
            assert_eq!(shown(&own), shown(&others), "{name}");
        }
        if source == ladder(HIGH) {
            let others = std::fs::read_to_string(other.path().join("film.mpd")).unwrap();
            agree(&run.text("film.mpd"), &others);
            assert_eq!(trick_sets(&run.text("film.mpd")).len(), 3);
        }
    }
}

/// Of two levels with two factors each, in segments that name no time of the source.
fn orders() -> [String; 6] {
    let each = |name: &str, folder: &str, more: &str| {
        let (init, template) = (format!("{folder}/i.mp4"), format!("{folder}/$Number$.m4s"));
        pictures(name, &format!("init_segment={init},segment_template={template}{more}"))
    };
    [
        each(LOW, "low", ",drm_label=film"),
        each(HIGH, "high", ",drm_label=film"),
        each(LOW, "low1", ",drm_label=film,tpf=1"),
        each(HIGH, "high1", ",drm_label=film,tpf=1"),
        each(LOW, "low2", ",drm_label=film,tpf=2"),
        each(HIGH, "high2", ",drm_label=film,tpf=2"),
    ]
}

fn protected(scheme: &str, more: &[&str]) -> (TempDir, Run) {
    let (orders, keys) = (orders(), keys(&["film"]));
    let mut arguments: Vec<&str> = orders.iter().map(String::as_str).collect();
    arguments.extend(["--enable_raw_key_encryption", "--keys", &keys, "--clear_lead", "0"]);
    arguments.extend(["--protection_scheme", scheme, "--mpd_output", "film.mpd"]);
    let other = TempDir::new().unwrap();
    packaged_by_packager(
        other.path(),
        &[&arguments[..], &["--generate_static_live_mpd"], more].concat(),
    );
    let run = Run::of(&[&arguments[..], more].concat());
    (other, run)
}

#[test]
fn segments_are_encrypted_as_those_of_the_whole_and_cut_with_them() {
    for (scheme, iv_size) in [("cenc", 8), ("cbcs", 0)] {
        let (other, run) = protected(scheme, &["--segment_duration", "6"]);
        let others = std::fs::read_to_string(other.path().join("film.mpd")).unwrap();
        let mpd = run.text("film.mpd");
        agree(&mpd, &others);
        let key = key("film");
        let kid = values(&mpd, "cenc:default_KID")[0].replace('-', "");
        assert_eq!(kid, key.kid);
        let sets = trick_sets(&mpd);
        assert!(sets.len() == 2 && sets.iter().all(|set| set.contains("ContentProtection")));
        let mut ivs = HashSet::new();
        for folder in ["low", "high", "low1", "high1", "low2", "high2"] {
            let template = format!("{folder}/$Number$.m4s");
            let segments = run.segments(&template);
            let count = if folder.ends_with('2') { 3 } else { 4 };
            assert_eq!(segments.len(), count, "{folder}");
            let media = run.joined(Some(&format!("{folder}/i.mp4")), &template);
            let own = samples_decrypted_by_packager(&media, &key, "video");
            let listed = |file: &Path| std::fs::read(file).unwrap();
            let names = (1..=count).map(|n| format!("{folder}/{n}.m4s"));
            let files = std::iter::once(format!("{folder}/i.mp4")).chain(names);
            let theirs: Vec<Vec<u8>> = files.map(|name| listed(&other.path().join(name))).collect();
            let theirs = samples_decrypted_by_packager(&theirs.concat(), &key, "video");
            assert_eq!(own.contents(), theirs.contents(), "{scheme} {folder}");
            assert_eq!(shown(&own), shown(&theirs), "{scheme} {folder}");
            for sample in segments.iter().flat_map(|segment| boxes::protection(segment, iv_size)) {
                assert!(iv_size == 0 || ivs.insert(sample.iv), "{folder}: key stream repeats");
            }
        }
    }
}

#[test]
fn less_pictures_of_few_key_frames_have_key_streams_of_their_own() {
    // Of ten key frames each leaves two, in one segment: where they are cut does not tell them apart.
    let video = |rest: &str| pictures(LOW, &format!("{rest},drm_label=film"));
    let orders = [
        video("output=v.mp4"),
        video("output=t5.mp4,tpf=5"),
        video("output=t6.mp4,tpf=6"),
        video("output=t9.mp4,tpf=9"),
    ];
    let (mut arguments, keys) =
        (orders.iter().map(String::as_str).collect::<Vec<_>>(), keys(&["film"]));
    arguments.extend(["--enable_raw_key_encryption", "--keys", &keys, "--segment_duration", "60"]);
    let run = Run::of(&arguments);
    let mut ivs = HashSet::new();
    for name in ["v.mp4", "t5.mp4", "t6.mp4", "t9.mp4"] {
        for sample in boxes::protection(boxes::fragments(&run.bytes(name))[0], 8) {
            assert!(ivs.insert(sample.iv), "{name}");
        }
    }
}

#[test]
fn playlists_list_the_key_frames_of_trick_play_and_no_film_of_it() {
    let orders = [
        pictures(HIGH, "output=v.mp4,playlist_name=v.m3u8,iframe_playlist_name=k/v.m3u8"),
        pictures(HIGH, "output=t/t1.mp4,tpf=1,iframe_playlist_name=k/t1.m3u8"),
        pictures(HIGH, "output=t/t2.mp4,tpf=2"),
    ];
    let mut arguments: Vec<&str> = orders.iter().map(String::as_str).collect();
    arguments.extend(["--segment_duration", "2", "--mpd_output", "film.mpd"]);
    let run = Run::of(&[&arguments[..], &["--hls_master_playlist_output", "film.m3u8"]].concat());
    let master = run.text("film.m3u8");
    assert_eq!(master.matches("#EXT-X-STREAM-INF").count(), 1, "{master}");
    let listed = ["k/v.m3u8", "k/t1.m3u8"];
    assert_eq!(values(&master.replace(',', " "), "URI"), listed, "{master}");
    let main = samples_of_file(&ladder(HIGH), "v");
    for (list, file) in [("k/v.m3u8", "v.mp4"), ("k/t1.m3u8", "t/t1.mp4")] {
        let playlist = run.text(list);
        assert!(playlist.contains("#EXT-X-I-FRAMES-ONLY"), "{playlist}");
        let uris: HashSet<&str> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(uris, HashSet::from([&*format!("../{file}")]), "{playlist}");
        let ranges = playlist.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"));
        let ranges: Vec<(usize, usize)> = ranges
            .filter_map(|range| range.split_once('@'))
            .map(|(length, at)| (length.parse().unwrap(), at.parse().unwrap()))
            .collect();
        assert_eq!(ranges.len(), 10, "{playlist}");
        let media = run.bytes(file);
        // Behind the init segment stands the index.
        let spaced = playlist.replace(',', " ");
        let init = values(&spaced, "BYTERANGE")[0].strip_suffix("@0").unwrap();
        let init = &media[..init.parse::<usize>().unwrap()];
        let mut digests = main.list.iter().map(|s| &s.digest);
        for (length, at) in ranges {
            let picture = first_picture(&[init, &media[at..at + length]].concat(), None);
            assert!(digests.any(|digest| *digest == picture.digest), "{list}");
        }
    }
    assert_eq!(trick_sets(&run.text("film.mpd")).len(), 2);
}

#[test]
fn transport_streams_of_less_pictures_are_listed_by_their_key_frames() {
    let orders = [
        pictures(LOW, "segment_template=v_$Number$.ts"),
        pictures(LOW, "segment_template=t_$Number$.ts,tpf=1,iframe_playlist_name=k.m3u8"),
    ];
    let run = Run::of(&[
        &orders[0],
        &orders[1],
        "--hls_master_playlist_output",
        "film.m3u8",
        "--segment_duration",
        "4",
    ]);
    assert!(run.text("film.m3u8").contains("URI=\"k.m3u8\""));
    assert_eq!(run.text("k.m3u8").matches("t_").count(), 5);
    let segments = run.segments("t_$Number$.ts");
    let pictures = segments.iter().map(|ts| crate::support::oracle::decodes_alone(ts, "v:0"));
    assert_eq!(pictures.collect::<Vec<_>>(), [2; 5]);
}

#[test]
fn keys_that_change_do_so_for_trick_play_too() {
    let orders = [
        pictures(LOW, "init_segment=i.mp4,segment_template=v$Number$.m4s,drm_label=a"),
        pictures(LOW, "init_segment=t.mp4,segment_template=t$Number$.m4s,drm_label=a,tpf=2"),
    ];
    let turns = ["x", "y"].map(key);
    let keys = turns.iter().map(|key| format!("label=a:key_id={}:key={}", key.kid, key.key));
    let keys = keys.collect::<Vec<_>>().join(",");
    let mut arguments: Vec<&str> = orders.iter().map(String::as_str).collect();
    arguments.extend(["--enable_raw_key_encryption", "--keys", &keys, "--mpd_output", "film.mpd"]);
    let run = Run::of(
        &[&arguments[..], &["--segment_duration", "2", "--crypto_period_duration", "6"]].concat(),
    );
    let mpd = run.text("film.mpd");
    assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
    // Pictures at 0, 4, 8, 12 and 16 seconds, and keys that change at 6, 12 and 18.
    assert_eq!(trick_sets(&mpd).len(), 3, "{mpd}");
    for (n, period) in [0, 0, 1, 0, 0].into_iter().enumerate() {
        let media = [run.bytes("t.mp4"), run.bytes(&format!("t{}.m4s", n + 1))].concat();
        let own = crate::support::oracle::samples_decrypted_by_ffmpeg(&media, &turns[period], "v");
        let source = samples_of_file(&ladder(LOW), "v");
        let keys: Vec<_> = source.contents().into_iter().step_by(source.list.len() / 10).collect();
        assert_eq!(own.contents(), keys[2 * n..][..1], "{n}");
    }
}

#[test]
fn a_factor_beyond_all_key_frames_leaves_the_first() {
    let orders = [pictures(LOW, "output=v.mp4"), pictures(LOW, "output=t.mp4,tpf=4294967295")];
    let run = Run::of(&[&orders[0], &orders[1], "--mpd_output", "film.mpd"]);
    let alone = samples_of_bytes(&run.bytes("t.mp4"), "v");
    assert_eq!(alone.contents(), samples_of_file(&ladder(LOW), "v").contents()[..1]);
    let mpd = run.text("film.mpd");
    assert_eq!(mpd_complaint(&mpd), None, "{mpd}");
    assert_eq!(trick_sets(&mpd).len(), 1, "{mpd}");
}

#[test]
fn trick_play_of_nothing_that_is_listed_is_refused() {
    let (film, trick) = (pictures(LOW, "output=v.mp4"), pictures(LOW, "output=t.mp4,tpf=2"));
    let (mpd, hls) = (["--mpd_output", "a.mpd"], ["--hls_master_playlist_output", "a.m3u8"]);
    let listed = pictures(LOW, "output=t.mp4,tpf=2,iframe_playlist_name=k.m3u8");
    let unlisted = pictures(LOW, "output=v.mp4,hls_only=1");
    let again = pictures(LOW, "output=u.mp4,tpf=2");
    let dearer = pictures(LOW, "output=u.mp4,tpf=2,bandwidth=7");
    let twice = pictures(LOW, "output=v.mp4,tpf=3");
    let sound = format!("in={},stream=0,tpf=1,output=a.mp4", ladder(super::runs::SOUND).display());
    for (orders, more, said) in [
        (vec![&trick], &mpd[..], "trick play of pictures that it does not list"),
        (vec![&unlisted, &trick], &mpd, "trick play of pictures that it does not list"),
        (vec![&listed], &hls, "trick play of pictures that it does not list"),
        (vec![&film, &trick, &again], &mpd, "would list a track twice"),
        (vec![&film, &trick, &dearer], &mpd, "has one bandwidth"),
        (vec![&film, &twice], &mpd, "v.mp4: written twice"),
        (vec![&film, &sound], &mpd, "trick_play_factor is said of pictures"),
    ] {
        let mut arguments: Vec<&str> = orders.into_iter().map(String::as_str).collect();
        arguments.extend(more);
        let (code, stderr) = refused(&arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{said:?} is not in {stderr:?}");
    }
}
