//! A track that goes over to other parameter sets: each part is decoded with its own.

use std::path::{Path, PathBuf};

use crate::support::boxes::find;
use crate::support::http::client;
use crate::support::oracle::{decoded, decodes_without_complaint, samples_of_file};
use crate::support::origin::Shelf;
use crate::support::presentation::{Track, dash};
use crate::support::server::media_dir;

const FILE: &str = "two_sample_entries.mp4";

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The number of the sample description of a fragment.
fn description(fragment: &[u8]) -> u32 {
    let tfhd = find(fragment, &[b"moof", b"traf", b"tfhd"]).unwrap();
    assert_eq!(tfhd[3] & 2, 2, "the fragment says which");
    word(&tfhd[8..])
}

/// The parameter sets of the entries of an init segment; they stand behind 78 bytes of fields.
fn records(init: &[u8]) -> Vec<&[u8]> {
    let stsd = find(init, &[b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"]).unwrap();
    let mut rest = &stsd[8..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (entry, behind) = rest.split_at(word(rest) as usize);
        records.push(find(&entry[8 + 78..], &[b"avcC"]).unwrap());
        rest = behind;
    }
    assert_eq!(records.len(), word(&stsd[4..]) as usize);
    records
}

async fn each_part_has_its_own(file: &Path) {
    let folders = ["one", "two"].map(|name| (name, vec![file.to_owned()]));
    let shelf = Shelf::start(folders);
    for form in ["clear", "cenc", "cbcs"] {
        let tracks: Vec<Track> =
            dash(&client(), &shelf.stream("one", form).manifest("dash").url).await;
        let [video] = tracks.as_slice() else { panic!("{} tracks", tracks.len()) };
        let records = records(&video.init);
        assert_eq!(records.len(), 2, "{form}");
        assert_ne!(records[0], records[1]);
        let used: Vec<u32> =
            video.segments.iter().map(|segment| description(&segment.bytes)).collect();
        // Cut at six seconds and at the change at eight.
        assert_eq!(used, [1, 1, 2, 2], "{form}");
        let seconds: Vec<f64> = video.segments.iter().map(|segment| segment.seconds).collect();
        assert_eq!(seconds, [6.0, 2.0, 6.0, 2.0], "{form}");
    }
    let stream = shelf.stream("one", "clear");
    let transport =
        stream.manifests.iter().find(|manifest| manifest.format == "m3u8-aapl").unwrap();
    decodes_without_complaint(&transport.url, "v:0");
    let samples = samples_of_file(file, "v:0").list.len();
    let pictures = decoded(transport.url.as_str(), "v:0");
    assert_eq!(pictures.len(), samples);
    assert!(pictures == decoded(file.to_str().unwrap(), "v:0"), "pictures differ");
}

#[tokio::test]
async fn each_part_of_the_corpus_is_decoded_with_its_own_parameter_sets() {
    each_part_has_its_own(&media_dir().join("traps").join(FILE)).await;
}

#[tokio::test]
async fn each_part_is_decoded_with_its_own_parameter_sets() {
    let made: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out/traps");
    each_part_has_its_own(&made.join(FILE)).await;
}
