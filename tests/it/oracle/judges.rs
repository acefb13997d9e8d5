//! The judges themselves: they agree with each other, and they notice what is wrong.

use std::path::{Path, PathBuf};

use crate::support::oracle::{
    HexKey, Samples, encrypted_by_packager, samples_decrypted_by_ffmpeg,
    samples_decrypted_by_packager, samples_of_file,
};

const TRACKS: &[(&str, &str)] = &[("gate_h264_180p.mp4", "video"), ("gate_aac_deu.mp4", "audio")];

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo").join(name)
}

fn key() -> HexKey {
    HexKey {
        kid: "9eb4050de44b4802932e27d75083e266".to_owned(),
        key: "166634c675823c235a4a9446fad52e4d".to_owned(),
    }
}

fn each_encryption(judge: impl Fn(&Samples, &[u8], &str)) {
    for (file, kind) in TRACKS {
        let source = samples_of_file(&demo(file), &kind[..1]);
        for scheme in ["cenc", "cbcs"] {
            judge(&source, &encrypted_by_packager(&demo(file), &key(), kind, scheme), kind);
        }
    }
}

#[test]
fn both_decryptors_give_back_the_samples_of_the_source() {
    each_encryption(|source, media, kind| {
        let by_ffmpeg = samples_decrypted_by_ffmpeg(media, &key(), &kind[..1]);
        let by_packager = samples_decrypted_by_packager(media, &key(), kind);
        assert_eq!(by_ffmpeg.contents(), source.contents());
        assert_eq!(by_packager.contents(), source.contents());
        assert!((by_ffmpeg.span() - source.span()).abs() < 1e-6);
    });
}

#[test]
fn a_wrong_key_shows() {
    let wrong = HexKey { key: "00".repeat(16), ..key() };
    each_encryption(|source, media, kind| {
        let garbled = samples_decrypted_by_ffmpeg(media, &wrong, &kind[..1]);
        assert_eq!(garbled.list.len(), source.list.len());
        assert_ne!(garbled.contents(), source.contents());
    });
}
