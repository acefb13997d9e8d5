//! Sound that few players know: Dolby Digital Plus in Smooth Streaming, DTS in transport streams.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::titles::made;
use crate::support::http::client;
use crate::support::oracle::{elementary_stream, elementary_stream_of_bytes};
use crate::support::origin::{Shelf, get};
use crate::support::presentation;
use crate::support::server::Stream;

/// A `ddts` box for stereo at 48 kHz and 320 kbit/s, in frames of 512 samples.
const DDTS: &[u8] = b"\0\0\0\x1cddts\0\0\xbb\x80\0\x04\xe2\0\0\x04\xe2\0\x18\
    \x04\x08\x02\xa8\0\x02\0";

/// The DTS that ffmpeg muxes, with the sample entry of its own that ffmpeg does not write.
fn dts(folder: &Path, entry: &[u8; 4]) -> PathBuf {
    let mut file = std::fs::read(made("hdr").join("dusk_dts.mp4")).unwrap();
    let at = |file: &[u8], kind: &[u8]| file.windows(4).position(|bytes| bytes == kind).unwrap();
    let sound = at(&file, b"mp4a");
    file[sound..sound + 4].copy_from_slice(entry);
    let esds = at(&file, b"esds") - 4;
    let length = u32::from_be_bytes(file[esds..esds + 4].try_into().unwrap()) as usize;
    let mut boxes = DDTS.to_vec();
    let rest = length - DDTS.len();
    boxes.extend((rest as u32).to_be_bytes());
    boxes.extend(b"free");
    boxes.resize(length, 0);
    file[esds..esds + length].copy_from_slice(&boxes);
    let path = folder.join(format!("dusk_{}.mp4", std::str::from_utf8(entry).unwrap()));
    std::fs::write(&path, file).unwrap();
    path
}

async fn sound_of(stream: &Stream, format: &str) -> presentation::Track {
    let url = &stream.manifests.iter().find(|m| m.format == format).unwrap().url;
    let tracks = presentation::hls(&client(), url).await;
    tracks.into_iter().find(|track| track.kind == "audio").unwrap()
}

#[tokio::test]
async fn every_frame_of_dts_arrives_in_transport_streams() {
    let folder = TempDir::new().unwrap();
    let pictures = made("hdr").join("dusk_h264.mp4");
    let files = [*b"dtsc", *b"dtsh"].map(|entry| dts(folder.path(), &entry));
    let [core, hd] = &files;
    let shelf = Shelf::start([
        ("core", vec![pictures.clone(), core.clone()]),
        ("hd", vec![pictures, hd.clone()]),
    ]);
    for (name, file) in [("core", core), ("hd", hd)] {
        let track = sound_of(shelf.stream(name, "clear"), "m3u8-aapl").await;
        // ffmpeg sees DTS, by the stream type alone.
        let ours = elementary_stream_of_bytes(&track.media(), "a");
        assert!(ours == elementary_stream(file, "a"), "{name}: {} bytes", ours.len());
    }
}

#[tokio::test]
async fn smooth_streaming_names_dolby_digital_plus() {
    let file = |name: &str| made("codecs").join(format!("drift_{name}.mp4"));
    let shelf = Shelf::start([
        ("plus", vec![file("h264_320x180"), file("ec3_eng")]),
        ("digital", vec![file("h264_320x180"), file("ac3_eng")]),
    ]);
    let text = get(&shelf.stream("plus", "clear").url("manifest")).await.ok();
    let text = String::from_utf8(text).unwrap();
    let levels = text.split("<QualityLevel ").find(|level| level.contains("EC-3")).unwrap();
    assert!(levels.contains(
        "AudioTag=\"65534\" CodecPrivateData=\"00063F000000AF87FBA7022DFB42A4D405CD93843BDD"
    ));
    assert!(levels.contains("Channels=\"6\" BitsPerSample=\"16\" PacketSize=\""));
    let refused = get(&shelf.stream("digital", "clear").url("manifest")).await;
    assert_eq!(refused.refusal().1, "MPE_AUDIO_ENCODING_NOT_SUPPORTED");
}
