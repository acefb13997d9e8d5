//! What is kept of a file, and how much of it at most.

use super::*;
use crate::bytes::Writer;
use crate::isobmff::{boxed, full_box};
use crate::media::fixture::fragments::{Form, fragmented};
use crate::media::fixture::{TrackSpec, USAC_ESDS, movie};

fn tracks_of(file: &[u8]) -> Result<Vec<Arc<Track>>, MediaRule> {
    FileIndex::read(file).map(|index| index.tracks)
}

/// xHE-AAC starts at its sync samples only; of other sound muxers write any flags.
#[test]
fn sound_in_fragments_starts_where_its_codec_can() {
    let starts = |esds| {
        let spec = TrackSpec::audio(48_000, vec![9; 100]).key_frames_every(40);
        let (file, _) = fragmented(&[TrackSpec { esds, ..spec }], Form::PLAIN);
        let track = tracks_of(&file).unwrap().remove(0);
        (track.index.sync_samples().collect::<Vec<_>>(), track.sound_start(79))
    };
    assert_eq!(starts(USAC_ESDS), (vec![0, 40, 80], 40));
    let plain = TrackSpec::audio(48_000, Vec::new()).esds;
    assert_eq!(starts(plain), ((0..100).collect(), 79));
}

/// Two versions with the same movie header differ in their fragments.
#[test]
fn the_digest_covers_fragment_headers() {
    let digest = |durations: Vec<(u32, u32)>| {
        let spec = TrackSpec { durations, ..TrackSpec::video(25, 1, vec![9; 10]) };
        let (file, _) = fragmented(&[spec], Form::PLAIN);
        (file.len(), FileIndex::read(file.as_slice()).unwrap().digest)
    };
    let (one, other) = (digest(vec![(10, 1)]), digest(vec![(9, 1), (1, 2)]));
    assert_eq!(one.0, other.0);
    assert_ne!(one.1, other.1);
    assert_eq!(one, digest(vec![(10, 1)]));
}

#[test]
fn sample_entries_are_bounded() {
    let with = |more_sets| {
        tracks_of(&movie(&[TrackSpec { more_sets, ..TrackSpec::video(25, 1, vec![9; 3]) }], 1000))
    };
    assert_eq!(with(60_000).unwrap().len(), 1);
    let refused = with(u16::MAX).unwrap_err().to_string();
    assert_eq!(refused, "limit: a sample entry has at most 64 KiB, all of a track 1 MiB");
}

/// Fragments may name more tracks than the movie header has, but not any number.
#[test]
fn tracks_of_fragments_are_counted() {
    let (file, _) = fragmented(&[TrackSpec::video(25, 1, vec![9; 10])], Form::PLAIN);
    let with = |ids: std::ops::Range<u32>| {
        let mut w = Writer::default();
        w.bytes(&file);
        boxed(&mut w, b"moof", |w| {
            for id in ids {
                boxed(w, b"traf", |w| full_box(w, b"tfhd", 0, 0x2_0000, |w| w.u32(id)));
            }
        });
        tracks_of(w.into_vec().as_slice()).map(|tracks| tracks.len())
    };
    assert_eq!(with(1..65).unwrap(), 1);
    let refused = with(1..66).unwrap_err().to_string();
    assert_eq!(refused, "limit: a file has at most 64 tracks");
}
