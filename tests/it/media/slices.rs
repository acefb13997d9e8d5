//! Samples that are broken inside: served as they are where nothing has to be told apart in them,
//! refused by the rule that they break where they are to be protected.

use std::fs;
use std::path::PathBuf;

use crate::support::origin::{Shelf, get};

/// What is written over the front of the first sample, and the refusal.
struct Broken {
    codec: &'static str,
    front: &'static [u8],
    code: &'static str,
    rule: &'static str,
}

const TOO_LONG: (&str, &str) = ("MPE_INVALID_NALU_SIZE", "does not fit into the sample");
const NO_SET: (&str, &str) = (PARSING, "a slice names a parameter set that is not there");
const PARSING: &str = "MPE_INVALID_VIDEO_NAL_UNIT";

const fn broken(
    codec: &'static str,
    front: &'static [u8],
    (code, rule): (&'static str, &'static str),
) -> Broken {
    Broken { codec, front, code, rule }
}

const BROKEN: &[Broken] = &[
    broken("avc", &[0xff; 4], TOO_LONG),
    // Slices of three bytes that name picture parameter set 3.
    broken("avc", &[0, 0, 0, 3, 0x65, 0xb2, 0x00], NO_SET),
    broken("hevc", &[0xff; 4], TOO_LONG),
    broken("hevc", &[0, 0, 0, 3, 0x02, 0x01, 0x90], NO_SET),
    broken("hevc", &[0, 0, 0, 3, 0x03, 0x01, 0x90], (PARSING, "layers above the base")),
    broken("av1", &[0x32, 0xff, 0xff, 0xff, 0x7f], TOO_LONG),
    broken("av1", &[0x22, 0x01, 0x00], (PARSING, "tiles stand in front of their frame")),
    broken("vp9", &[0x00], (PARSING, "an uncompressed header")),
];

fn source(codec: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/media/out/slices");
    folder.join(format!("{codec}.mp4"))
}

/// Where the first sample of a file with one track is.
fn first_sample(file: &[u8]) -> usize {
    let mut at = 0;
    while &file[at + 4..at + 8] != b"mdat" {
        at += u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    }
    at + 8
}

#[tokio::test]
async fn samples_that_are_broken_inside_are_refused_where_they_are_protected() {
    let names: Vec<String> = (0..BROKEN.len()).map(|n| format!("folder{n}")).collect();
    let folders = names.iter().map(String::as_str).zip(BROKEN);
    let shelf = Shelf::start(folders.map(|(name, broken)| (name, vec![source(broken.codec)])));
    for (name, broken) in names.iter().zip(BROKEN) {
        let mut file = fs::read(source(broken.codec)).unwrap();
        let start = first_sample(&file);
        file[start..start + broken.front.len()].copy_from_slice(broken.front);
        fs::write(shelf.path(name).join(format!("{}.mp4", broken.codec)), &file).unwrap();
        for form in ["clear", "aes"] {
            let fragment = shelf.stream(name, form).fragment(0).await;
            assert_eq!(get(&fragment).await.status, 200, "{form} of {name}");
        }
        for form in ["cenc", "cbcs"] {
            let answer = get(&shelf.stream(name, form).fragment(0).await).await;
            let (status, code, message) = answer.refusal();
            assert_eq!((status, code), (415, broken.code), "{form} of {name}: {message}");
            assert!(message.contains(broken.rule), "{form} of {name}: {message}");
        }
    }
}
