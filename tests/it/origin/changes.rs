//! Files that change under a running server: the next answer is of the new file or a refusal, and
//! no answer mixes two.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use portcullis::crypto::ctr::Keystream;
use portcullis::crypto::{ContentKey, Expanded};
use portcullis::media::FileIndex;

use crate::support::boxes::{payload, protection};
use crate::support::http::client;
use crate::support::origin::{Answer, Shelf, copy, demo, get};
use crate::support::server::Stream;

const SMALL: &str = "gate_h264_180p.mp4";
const LARGE: &str = "gate_h264_540p.mp4";

/// Gives both clips the same addresses.
const SERVER_MANIFEST: &str = r#"<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><switch>
<video src="movie.mp4" systemBitrate="400000"/></switch></body></smil>"#;

fn shelf() -> Shelf {
    let shelf = Shelf::start(["film", "other"].map(|folder| (folder, vec![demo(SMALL)])));
    let film = shelf.path("film");
    fs::rename(film.join(SMALL), film.join("movie.mp4")).unwrap();
    fs::write(film.join("film.ism"), SERVER_MANIFEST).unwrap();
    shelf
}

fn rename_over(shelf: &Shelf, clip: &str) {
    let fresh = shelf.path("film/fresh.part");
    copy(&demo(clip), &fresh);
    fs::rename(fresh, shelf.path("film/movie.mp4")).unwrap();
}

fn fragment(stream: &Stream, start: u64) -> String {
    let form = &stream.manifest("hls").url;
    let (_, selectors) = form.rsplit_once("manifest(").unwrap();
    let selectors = selectors.strip_suffix(')').unwrap();
    stream.url(&format!("QualityLevels(400000)/Fragments(video={start},{selectors})"))
}

fn contains(file: &[u8], part: &[u8]) -> bool {
    file.windows(64)
        .enumerate()
        .any(|(at, window)| window == &part[..64] && file[at..].starts_with(part))
}

/// The first fragment in the clear lies in this clip as one piece.
async fn demand_clip(shelf: &Shelf, clip: &str) {
    let body = get(&fragment(shelf.stream("film", "clear"), 0)).await.ok();
    let source = fs::read(demo(clip)).unwrap();
    assert!(contains(&source, payload(&body)), "not of {clip}");
}

#[tokio::test]
async fn a_file_that_is_renamed_over_another_is_served_at_once() {
    let shelf = shelf();
    for clip in [SMALL, LARGE, SMALL] {
        rename_over(&shelf, clip);
        demand_clip(&shelf, clip).await;
    }
}

#[tokio::test]
async fn a_file_that_is_written_in_place_is_served_at_once() {
    let shelf = shelf();
    for clip in [SMALL, LARGE, SMALL] {
        write_in_place(&shelf, clip);
        demand_clip(&shelf, clip).await;
    }
}

/// Texts are kept for the files that they were made of; equal texts have equal tags.
#[tokio::test]
async fn manifests_follow_their_files() {
    let shelf = shelf();
    for form in ["clear", "cenc"] {
        for manifest in &shelf.stream("film", form).manifests {
            let mut seen = Vec::new();
            for (clip, size) in [(SMALL, "320"), (LARGE, "960"), (SMALL, "320")] {
                rename_over(&shelf, clip);
                let (first, again) = (get(&manifest.url).await, get(&manifest.url).await);
                let text = first.text();
                assert!(
                    text.contains(&format!("=\"{size}\"")) || text.contains(&format!("={size}x"))
                );
                assert_eq!((text, first.header("etag")), (again.text(), again.header("etag")));
                seen.push(first);
            }
            assert_ne!(seen[0].header("etag"), seen[1].header("etag"));
            assert_eq!(seen[0].header("etag"), seen[2].header("etag"));
        }
    }
}

const FORMS: [&str; 4] = ["clear", "aes", "cenc", "cbcs"];

/// Playlists that clients hold name the IVs of segments: the same content has the same bytes, whatever
/// was done to its file.
#[tokio::test]
async fn what_is_touched_copied_or_renamed_keeps_its_tags_and_bytes() {
    let shelf = shelf();
    let movie = shelf.path("film/movie.mp4");
    let changes: [fn(&Shelf, &Path); 3] = [
        |_, movie| {
            let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            File::options().write(true).open(movie).unwrap().set_modified(past).unwrap();
        },
        |shelf, _| write_in_place(shelf, SMALL),
        |shelf, _| rename_over(shelf, SMALL),
    ];
    for form in FORMS {
        let url = fragment(shelf.stream("film", form), 0);
        let before = get(&url).await;
        for change in changes {
            change(&shelf, &movie);
            let after = get(&url).await;
            assert_eq!(before.header("etag"), after.header("etag"), "{form}");
            assert!(before.body == after.body, "{form}");
        }
    }
}

/// The clip with other bits in its samples, as a constant bitrate has it: every table is as it was.
fn other_samples(clip: &Path) -> Vec<u8> {
    let mut file = fs::read(clip).unwrap();
    let index = FileIndex::read(file.as_slice()).unwrap();
    for sample in index.tracks.iter().flat_map(|track| track.index.samples(0..track.index.len())) {
        // The end of a slice: what is parsed of it stays.
        let end = usize::try_from(sample.offset).unwrap() + sample.size as usize;
        file[end - 1] ^= 1;
    }
    file
}

/// A key stream that is used for two contents gives both away.
#[tokio::test]
async fn another_content_of_the_same_shape_has_other_tags_and_ivs() {
    let shelf = shelf();
    let movie = shelf.path("film/movie.mp4");
    for form in FORMS {
        write_in_place(&shelf, SMALL);
        let url = fragment(shelf.stream("film", form), 0);
        let before = get(&url).await;
        fs::write(&movie, other_samples(&demo(SMALL))).unwrap();
        let after = get(&url).await;
        assert_ne!(before.header("etag"), after.header("etag"), "{form}");
        if form == "cenc" {
            let ivs = |answer: &Answer| {
                protection(&answer.body, 8).into_iter().map(|s| s.iv).collect::<HashSet<_>>()
            };
            assert!(ivs(&before).is_disjoint(&ivs(&after)), "an IV of the old content again");
        }
    }
}

#[tokio::test]
async fn what_is_cut_off_or_gone_is_refused_and_comes_back() {
    let shelf = shelf();
    let movie = shelf.path("film/movie.mp4");
    type Damage = (&'static str, fn(&Path));
    let damage: [Damage; 4] = [
        ("stco: samples lie past the end", |path| {
            File::options().write(true).open(path).unwrap().set_len(100_000).unwrap();
        }),
        ("the file is empty", |path| fs::write(path, "").unwrap()),
        ("no MP4", |path| fs::write(path, "<html>".repeat(50)).unwrap()),
        ("movie.mp4 is not in the folder", |path| fs::remove_file(path).unwrap()),
    ];
    for (reason, damage) in damage {
        demand_clip(&shelf, SMALL).await;
        damage(&movie);
        for form in ["clear", "cenc"] {
            let answer = get(&fragment(shelf.stream("film", form), 0)).await;
            let (status, _, message) = answer.refusal();
            assert!((400..500).contains(&status), "{status} {message}");
            assert!(message.contains(reason), "{message}");
        }
        copy(&demo(SMALL), &movie);
    }
    let (film, aside) = (shelf.path("film"), shelf.path("aside"));
    fs::rename(&film, &aside).unwrap();
    let gone = get(&fragment(shelf.stream("film", "clear"), 0)).await;
    assert_eq!(gone.refusal().1, "MPE_RESOURCE_NOT_FOUND");
    fs::rename(&aside, &film).unwrap();
    demand_clip(&shelf, SMALL).await;
}

/// Two clips take turns while clients ask: every whole answer is of one of them.
async fn no_answer_mixes(form: &'static str, replace: fn(&Shelf, &str)) {
    let shelf = shelf();
    let url = fragment(shelf.stream("film", "clear"), 0);
    let mut known = Vec::new();
    for clip in [SMALL, LARGE] {
        replace(&shelf, clip);
        known.push(payload(&get(&url).await.ok()).to_vec());
    }
    assert_ne!(known[0], known[1]);
    let url = fragment(shelf.stream("film", form), 0);
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..6).map(|_| tokio::spawn(ask(url.clone(), Arc::clone(&done)))).collect();
    for turn in 0..60 {
        replace(&shelf, [SMALL, LARGE][turn % 2]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    done.store(true, Ordering::Relaxed);
    let key = shelf.stream("film", form).keys.first();
    let mut seen = [0, 0];
    for client in clients {
        for body in client.await.unwrap() {
            let clear = match key {
                None => payload(&body).to_vec(),
                Some(key) => decrypted(&body, &key.key),
            };
            let which = known.iter().position(|known| *known == clear);
            seen[which.expect("a mixture")] += 1;
        }
    }
    // How many of each depends on the machine; both have to be among them.
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
}

/// The media data of a `cenc` fragment of pictures.
fn decrypted(fragment: &[u8], key: &str) -> Vec<u8> {
    let key = data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap();
    let key = Expanded::new(&ContentKey::from_bytes(key.try_into().unwrap()));
    let mut media = payload(fragment).to_vec();
    let mut at = 0;
    for sample in protection(fragment, 8) {
        let mut stream = Keystream::new(&key, sample.iv.try_into().unwrap(), 0);
        for (clear, hidden) in sample.subsamples {
            stream.apply(&mut media[at + clear..at + clear + hidden]);
            at += clear + hidden;
        }
    }
    media
}

fn write_in_place(shelf: &Shelf, clip: &str) {
    copy(&demo(clip), &shelf.path("film/movie.mp4"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn renamed_files_never_mix() {
    no_answer_mixes("clear", rename_over).await;
    no_answer_mixes("cenc", rename_over).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overwritten_files_never_mix() {
    no_answer_mixes("clear", write_in_place).await;
    no_answer_mixes("cenc", write_in_place).await;
}

/// Asks until told to stop; gives the whole answers.
async fn ask(url: String, done: Arc<AtomicBool>) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let http = client();
    while !done.load(Ordering::Relaxed) {
        // An error is an answer that was broken off.
        let Ok(answer) = http.get(&url).send().await else {
            continue;
        };
        let status = answer.status().as_u16();
        let Ok(body) = answer.bytes().await else {
            continue;
        };
        if status == 200 {
            bodies.push(body.to_vec());
        } else {
            let text = String::from_utf8_lossy(&body);
            assert!((400..500).contains(&status), "{text}");
        }
    }
    bodies
}
/// A movie header of eight megabytes, behind the media: reading it shows.
fn with_a_large_header(clip: &Path) -> Vec<u8> {
    const PADDING: u32 = 8 << 20;
    let mut file = fs::read(clip).unwrap();
    let at = file.windows(4).position(|kind| kind == b"moov").unwrap();
    let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap());
    let header = file[at + 4..at - 4 + size as usize].to_vec();
    file[at..at + 4].copy_from_slice(b"free");
    file.extend((size + PADDING).to_be_bytes());
    file.extend(b"moov");
    file.extend(header);
    file.extend(PADDING.to_be_bytes());
    file.extend(b"free");
    file.resize(file.len() + PADDING as usize - 8, 0);
    file
}

/// Bytes that a process has read from files so far.
fn bytes_read(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    let (_, rest) = io.split_once("rchar: ").unwrap();
    rest.lines().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_first_requests_read_the_movie_header_once() {
    let shelf = shelf();
    let fresh = shelf.path("film/fresh.part");
    let file = with_a_large_header(&demo(SMALL));
    File::create(&fresh).unwrap().write_all(&file).unwrap();
    fs::rename(fresh, shelf.path("film/movie.mp4")).unwrap();
    let url = fragment(shelf.stream("film", "clear"), 0);
    let before = bytes_read(shelf.server.pid());
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { get(&url).await.ok() })
        })
        .collect();
    let mut bodies = Vec::new();
    for request in requests {
        bodies.push(request.await.unwrap());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let read = bytes_read(shelf.server.pid()) - before;
    let sent: usize = bodies.iter().map(|body| payload(body).len()).sum();
    let headers = (read - sent as u64) as f64 / f64::from(8 << 20);
    assert!((1.0..1.5).contains(&headers), "the header was read {headers} times");
}
