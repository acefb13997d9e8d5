//! Init segments and fragments, box by box, by a parser of other makers: one track, boxes that fill
//! their answers, decoding times without gap, sizes and offsets that meet the media data
//! (ISO/IEC 23000-19 section 7.3).

use mp4_atom::{Any, Decode, Moof, Moov};

use super::titles::{CLIP, LADDER, MUXED, Title, open_streams};
use crate::support::http::client;
use crate::support::presentation::{self, Segment, Track};

/// All boxes of an answer; nothing may be left over.
fn boxes(data: &[u8]) -> Vec<Any> {
    let (mut rest, mut boxes) = (data, Vec::new());
    while !rest.is_empty() {
        boxes.push(Any::decode(&mut rest).expect("a box"));
    }
    boxes
}

/// The timescale of the only track, whose sample tables are empty.
fn demand_init(data: &[u8], what: &str) -> u64 {
    let found = boxes(data);
    let [Any::Ftyp(_), Any::Moov(Moov { trak, mvex, .. })] = found.as_slice() else {
        panic!("{what}: the init segment is not ftyp and moov");
    };
    let [trak] = trak.as_slice() else { panic!("{what}: {} tracks", trak.len()) };
    assert!(mvex.as_ref().is_some_and(|mvex| mvex.trex.len() == 1), "{what}: one trex");
    let stbl = &trak.mdia.minf.stbl;
    assert_eq!(stbl.stsd.codecs.len(), 1, "{what}");
    assert!(stbl.stts.entries.is_empty() && stbl.stsc.entries.is_empty(), "{what}: empty tables");
    u64::from(trak.mdia.mdhd.timescale)
}

/// What one fragment says, in ticks.
struct Fragment {
    sequence: u32,
    start: u64,
    duration: u64,
}

fn demand_fragment(data: &[u8], protected: bool, what: &str) -> Fragment {
    let found = boxes(data);
    let [Any::Moof(moof), Any::Mdat(mdat)] = found.as_slice() else {
        panic!("{what}: the fragment is not moof and mdat");
    };
    let Moof { mfhd, traf } = moof;
    let [traf] = traf.as_slice() else { panic!("{what}: {} trafs", traf.len()) };
    let [trun] = traf.trun.as_slice() else { panic!("{what}: {} truns", traf.trun.len()) };
    assert!(traf.tfhd.default_base_is_moof && traf.tfhd.base_data_offset.is_none(), "{what}");
    let head = data.len() - mdat.data.len();
    assert_eq!(trun.data_offset.map(i64::from), i64::try_from(head).ok(), "{what}: data offset");
    let samples: Vec<_> = trun.samples.iter().collect();
    let size: usize = samples.iter().map(|sample| sample.size.unwrap() as usize).sum();
    assert_eq!(size, mdat.data.len(), "{what}: the samples fill the mdat");
    let is_sync = |flags: u32| flags & 0x1_0000 == 0;
    let flags = samples[0].flags.or(traf.tfhd.default_sample_flags);
    assert!(flags.is_some_and(is_sync), "{what}: it starts with a key frame");
    if protected {
        let senc = traf.senc.as_ref().expect("senc");
        let [saiz] = traf.saiz.as_slice() else { panic!("{what}: {} saiz", traf.saiz.len()) };
        let (count, each) =
            (saiz.sample_count as usize, usize::from(saiz.default_sample_info_size));
        assert_eq!(count, samples.len(), "{what}: saiz");
        let listed: usize = match each {
            0 => saiz.sample_info_size.iter().map(|size| usize::from(*size)).sum(),
            each => each * count,
        };
        // The sample count comes first in senc.
        assert_eq!(listed + 4, senc.data.len(), "{what}: saiz and senc");
    }
    Fragment {
        sequence: mfhd.sequence_number,
        start: traf.tfdt.as_ref().expect("tfdt").base_media_decode_time,
        duration: samples.iter().map(|sample| u64::from(sample.duration.unwrap())).sum(),
    }
}

/// Fragments count up, and each starts where the one before ends.
fn demand_track(track: &Track, encryption: Option<&str>, what: &str) {
    // The parser knows no encrypted sample entries.
    let encryption = encryption.filter(|scheme| *scheme != "cbc");
    if encryption.is_none() {
        assert_eq!(demand_init(&track.init, what), 10_000_000, "{what}");
    }
    let per_sample = encryption.is_some() && (track.kind == "video" || encryption == Some("cenc"));
    let mut end: Option<u64> = None;
    for (Segment { bytes, .. }, number) in track.segments.iter().zip(1..) {
        let fragment = demand_fragment(bytes, per_sample, what);
        assert_eq!(fragment.sequence, number, "{what}");
        assert_eq!(fragment.start, end.unwrap_or(fragment.start), "{what}: a gap");
        end = Some(fragment.start + fragment.duration);
    }
}

async fn every_fragment_parses(title: &Title) {
    let (http, server) = (client(), title.serve());
    let mut presentations = 0;
    for stream in open_streams(&server) {
        for manifest in &stream.manifests {
            let tracks = match manifest.format.as_str() {
                "mpd-time-cmaf" | "mpd-time-csf" => presentation::dash(&http, &manifest.url).await,
                "m3u8-cmaf" if manifest.encryption.as_deref() != Some("cbc") => {
                    presentation::hls(&http, &manifest.url).await
                }
                _ => continue,
            };
            presentations += 1;
            for track in &tracks {
                demand_track(track, manifest.encryption.as_deref(), &manifest.url);
            }
        }
    }
    assert!(presentations >= 8, "only {presentations} presentations of {}", title.name);
}

#[tokio::test]
async fn every_fragment_is_read_by_a_foreign_parser() {
    for title in [CLIP, LADDER, MUXED] {
        every_fragment_parses(&title).await;
    }
}
