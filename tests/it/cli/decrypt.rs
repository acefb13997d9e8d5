//! What `portcullis decrypt` writes to and what it reads, whatever files and manifests say.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use portcullis::ids::KeyId;
use tempfile::TempDir;

use crate::support::origin::{CLIP, Shelf, demo};
use crate::support::server::portcullis;

/// A folder in which commands run.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        portcullis().args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    fn decrypts(&self, arguments: &[&str]) {
        let output = self.run(&[&["decrypt"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// The sentence that says why not.
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(&[&["decrypt"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }
}

fn playlist(names: &[&str]) -> String {
    let lines = names.iter().map(|name| format!("#EXTINF:1,\n{name}\n"));
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{}", lines.collect::<String>())
}

#[test]
fn a_file_that_is_there_is_not_written_over_unless_told() {
    let bench = Bench::new();
    let (small, large) =
        (fs::read(demo(CLIP)).unwrap(), fs::read(demo("gate_h264_360p.mp4")).unwrap());
    bench.put("a.mp4", &small);
    bench.put("b.mp4", &large);
    let said = bench.refused(&["a.mp4", "b.mp4"], 2);
    assert!(said.contains("b.mp4") && said.contains("--force") && said.contains("last"), "{said}");
    assert!(fs::read(bench.path("b.mp4")).unwrap() == large);
    bench.decrypts(&["a.mp4", "b.mp4", "--force"]);
    assert!(fs::read(bench.path("b.mp4")).unwrap() == small);
    fs::create_dir(bench.path("folder")).unwrap();
    symlink("nowhere", bench.path("dangling")).unwrap();
    for (out, flag, expected) in [
        ("folder", "--force", "folder: "),
        ("folder", "--json", "folder: "),
        ("dangling", "--json", "--force"),
    ] {
        let said = bench.refused(&["a.mp4", out, flag], 2);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn an_input_is_never_the_output() {
    let bench = Bench::new();
    let clip = fs::read(demo(CLIP)).unwrap();
    bench.put("a.mp4", &clip);
    bench.put("segments/1.vtt", "WEBVTT");
    bench.put("list.m3u8", playlist(&["segments/1.vtt"]));
    symlink("a.mp4", bench.path("link.mp4")).unwrap();
    fs::hard_link(bench.path("a.mp4"), bench.path("hard.mp4")).unwrap();
    for arguments in [
        ["a.mp4", "a.mp4"],
        ["a.mp4", "./a.mp4"],
        ["a.mp4", "link.mp4"],
        ["link.mp4", "a.mp4"],
        ["a.mp4", "hard.mp4"],
        ["list.m3u8", "list.m3u8"],
        ["list.m3u8", "segments/1.vtt"],
    ] {
        let said = bench.refused(&[&arguments[..], &["--force"]].concat(), 2);
        assert!(said.contains("input"), "{said}");
    }
    assert!(fs::read(bench.path("a.mp4")).unwrap() == clip);
    assert_eq!(bench.read("segments/1.vtt"), "WEBVTT");
    // In a presentation that is decrypted where it lies, too.
    let track = |id: &str| {
        format!(
            "<Representation id='{id}'><SegmentTemplate media='{id}.vtt'><SegmentTimeline>\
             <S d='1'/></SegmentTimeline></SegmentTemplate></Representation>"
        )
    };
    let tracks = [track("v"), track("w")].concat();
    bench.put(
        "film.mpd",
        format!("<MPD><Period><AdaptationSet>{tracks}</AdaptationSet></Period></MPD>"),
    );
    bench.put("v.vtt", "WEBVTT v");
    bench.put("w.vtt", "WEBVTT w");
    assert!(bench.refused(&["film.mpd", "."], 2).contains("v.vtt"));
    assert!(bench.refused(&["film.mpd", ".", "--force"], 2).contains("input"));
    assert_eq!([bench.read("v.vtt"), bench.read("w.vtt")], ["WEBVTT v", "WEBVTT w"]);
    // Nor by way of a folder that is made first.
    assert!(bench.refused(&["film.mpd", "new/.."], 2).contains("v.vtt"));
    assert!(bench.refused(&["film.mpd", "new/..", "--force"], 2).contains("input"));
    assert_eq!([bench.read("v.vtt"), bench.read("w.vtt")], ["WEBVTT v", "WEBVTT w"]);
    bench.decrypts(&["film.mpd", "out"]);
    assert!(bench.refused(&["film.mpd", "new/../out"], 2).contains("--force"));
    bench.put("v.vtt", "WEBVTT changed");
    fs::remove_file(bench.path("out/v.vtt")).unwrap();
    assert!(bench.refused(&["film.mpd", "out"], 2).contains("w.vtt"));
    assert!(!bench.path("out/v.vtt").exists(), "nothing is written before it is refused");
    bench.decrypts(&["film.mpd", "out", "--force"]);
    assert_eq!(bench.read("out/v.vtt"), "WEBVTT changed");
}

/// The only key is for what names none.
#[test]
fn where_a_kid_is_named_no_other_key_is_taken() {
    let bench = Bench::new();
    let (named, given) = (KeyId::from_bytes([0xaa; 16]), KeyId::from_bytes([0xbb; 16]));
    bench.put("1.ts", [0x47; 32]);
    for method in ["AES-128", "SAMPLE-AES"] {
        let key = format!("#EXT-X-KEY:METHOD={method},URI=\"https://k/?a=b&kid={named}\"\n");
        bench.put("list.m3u8", playlist(&["1.ts"]).replacen("#EXTINF", &(key + "#EXTINF"), 1));
        let keys = format!("{given}:{}", "5a".repeat(16));
        let said = bench.refused(&["list.m3u8", "out", "--keys", &keys], 1);
        assert!(said.contains(&format!("no key of the KID {named} is given")), "{said}");
        assert!(!bench.path("out").exists());
    }
}

/// What is left of a failure would have to be written over.
#[test]
fn of_a_presentation_all_files_are_left_or_none() {
    let bench = Bench::new();
    bench.put("v.vtt", "WEBVTT v");
    bench.put("s.ts", [0x47; 32]);
    let stream = |name: &str| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}.m3u8\n");
    let line = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k?kid={}\"\n", KeyId::from_bytes([9; 16]));
    bench.put("clear.m3u8", playlist(&["v.vtt"]));
    bench.put("sealed.m3u8", playlist(&["s.ts"]).replacen("#EXTINF", &(line + "#EXTINF"), 1));
    bench.put("main.m3u8", format!("#EXTM3U\n{}{}", stream("clear"), stream("sealed")));
    for _ in 0..2 {
        assert!(bench.refused(&["main.m3u8", "out"], 1).contains("no key of the KID"));
        assert!(!bench.path("out").exists());
    }
    fs::create_dir(bench.path("out")).unwrap();
    assert!(bench.refused(&["main.m3u8", "out"], 1).contains("no key of the KID"));
    assert_eq!(
        fs::read_dir(bench.path("out")).unwrap().count(),
        0,
        "a folder that was there stays"
    );
}

#[test]
fn tracks_whose_names_become_alike_are_files_of_their_own() {
    let bench = Bench::new();
    let mut tracks = String::new();
    let ids = ["v 1", "v-1-3", "v/1", "v-1", "v-1-4", ""];
    for (n, id) in ids.iter().enumerate() {
        bench.put(&format!("in/{n}.vtt"), format!("WEBVTT {n}"));
        tracks += &format!(
            "<Representation id='{id}'><SegmentTemplate media='{n}.vtt'><SegmentTimeline>\
             <S d='1'/></SegmentTimeline></SegmentTemplate></Representation>"
        );
    }
    bench.put(
        "in/film.mpd",
        format!("<MPD><Period><AdaptationSet>{tracks}</AdaptationSet></Period></MPD>"),
    );
    bench.decrypts(&["in/film.mpd", "out"]);
    let files = fs::read_dir(bench.path("out")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<String> = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    found.sort();
    let expected: Vec<String> = (0..ids.len()).map(|n| format!("WEBVTT {n}")).collect();
    assert_eq!(found, expected);
    assert_eq!(bench.read("out/v-1.vtt"), "WEBVTT 0");
}

#[test]
fn a_local_manifest_leads_to_nothing_outside_of_its_folder_unless_told() {
    let bench = Bench::new();
    let init = fs::read(demo(CLIP)).unwrap();
    bench.put("secret", "WEBVTT secret");
    bench.put("init.mp4", &init);
    bench.put("in/inside", "WEBVTT inside");
    bench.put("in/sub/inside", "WEBVTT inside");
    symlink("../secret", bench.path("in/link")).unwrap();
    let secret = bench.path("secret").to_str().unwrap().to_owned();
    for uri in ["../secret", "%2e%2e/secret", "sub/../../secret", &secret, "link"] {
        bench.put("in/list.m3u8", playlist(&["inside", uri]));
        let said = bench.refused(&["in/list.m3u8", "out"], 1);
        assert!(said.contains("--allow-outside"), "{uri}: {said}");
        assert!(!bench.path("out").exists(), "{uri}");
        bench.decrypts(&["in/list.m3u8", "out", "--allow-outside"]);
        assert_eq!(bench.read("out"), "WEBVTT insideWEBVTT secret", "{uri}");
        fs::remove_file(bench.path("out")).unwrap();
        // From a playlist that it names, too, one folder further down.
        let child = playlist(&["../inside", "../../secret"]);
        bench.put("in/sub/child.m3u8", child);
        bench.put("in/main.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsub/child.m3u8\n");
        let said = bench.refused(&["in/main.m3u8", "folder"], 1);
        assert!(said.contains("'../../secret'") && said.contains("--allow-outside"), "{said}");
        bench.put("in/main.m3u8", format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{uri}\n"));
        assert!(bench.refused(&["in/main.m3u8", "folder"], 1).contains("--allow-outside"), "{uri}");
    }
    // Addresses are not asked either, nor are passwords in them told.
    bench.put("in/list.m3u8", playlist(&["http://u:secret@127.0.0.1:9/segment"]));
    let said = bench.refused(&["in/list.m3u8", "out"], 1);
    assert!(said.contains("'http://127.0.0.1:9/segment'"), "{said}");
    bench.put("in/list.m3u8", playlist(&["http://127.0.0.1:9/segment"]));
    assert!(bench.refused(&["in/list.m3u8", "out"], 1).contains("--allow-outside"));
    let said = bench.refused(&["in/list.m3u8", "out", "--allow-outside"], 3);
    assert!(said.contains("error sending request"), "{said}");
    // What is inside is read, by whatever name, and from wherever the command runs.
    let inside = bench.path("in/inside").to_str().unwrap().to_owned();
    bench.put("in/list.m3u8", playlist(&["sub/inside", "sub/../inside", &inside]));
    bench.decrypts(&["in/list.m3u8", "out"]);
    let here = portcullis()
        .args(["decrypt", "list.m3u8", "../here"])
        .current_dir(bench.path("in"))
        .output();
    assert!(here.unwrap().status.success());
    assert_eq!(bench.read("out"), bench.read("here"));
}

#[test]
fn inspect_goes_no_further() {
    let bench = Bench::new();
    bench.put("init.mp4", fs::read(demo(CLIP)).unwrap());
    bench.put("child.m3u8", playlist(&["1"]));
    let map = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"../init.mp4\"\n#EXTINF:1,\n1\n";
    let main = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../child.m3u8\n";
    for text in [map, main] {
        bench.put("in/list.m3u8", text);
        let output = bench.run(&["inspect", "in/list.m3u8"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("--allow-outside"), "{said}");
        let output = bench.run(&["inspect", "in/list.m3u8", "--allow-outside"]);
        assert!(output.status.success(), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_sends_names_no_files_of_this_machine() {
    let shelf = Shelf::start([("film", vec![demo(CLIP)]), ("other", vec![demo(CLIP)])]);
    let locator = shelf.published("film", "Predefined_DownloadAndClearStreaming", &[]);
    let bench = Bench::new();
    bench.put("secret", "WEBVTT secret");
    let secret = bench.path("secret").to_str().unwrap().to_owned();
    for uri in [format!("file://{secret}"), secret] {
        fs::write(shelf.path("film").join("list.txt"), playlist(&[&uri])).unwrap();
        for flag in ["--json", "--allow-outside"] {
            let arguments = ["decrypt", &format!("{locator}/list.txt"), "out", flag];
            let output = bench.run(&arguments);
            assert!(!output.status.success() && !Path::new(&bench.path("out")).exists(), "{uri}");
        }
    }
}
