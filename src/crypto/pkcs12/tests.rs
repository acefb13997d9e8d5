//! Files of OpenSSL, whole and damaged.

use super::*;
use crate::crypto::rsa::PrivateKey;

const PASSWORD: &str = "portcullis";

/// A file, and the certificate that is in it.
struct Sample {
    file: &'static [u8],
    certificate: &'static [u8],
}

macro_rules! sample {
    ($file:literal, $certificate:literal) => {
        Sample {
            file: include_bytes!(concat!("../../../keys/dev/fairplay/", $file)),
            certificate: include_bytes!(concat!("../../../keys/dev/drm/fairplay/", $certificate)),
        }
    };
}

/// PBES2 with AES-256 and SHA-256; PKCS#12's own 3DES and RC2-40 under SHA-1; and, with RC2 of 128
/// bits and PBES2 of 3DES, a code of SHA-384.
const SAMPLES: [Sample; 3] = [
    sample!("provider2048-aes.p12", "provider2048.der"),
    sample!("provider2048-3des.p12", "provider2048.der"),
    sample!("provider1024-mixed.p12", "provider1024.der"),
];

#[test]
fn files_of_every_generation_open_with_their_password_alone() {
    for Sample { file, certificate } in SAMPLES {
        let contents = open(file, PASSWORD).unwrap();
        assert_eq!(contents.certificates, [certificate]);
        let [key] = &contents.keys[..] else { panic!("one key") };
        let name = PrivateKey::from_der(key).unwrap().public().to_pkcs1().unwrap();
        assert!(certificate.windows(name.len()).any(|window| window == name));
        for password in ["", "Portcullis", "portcullis\u{e9}"] {
            assert_eq!(open(file, password).err(), Some(Pkcs12Error::Password));
        }
    }
}

#[test]
fn what_is_cut_off_or_followed_is_malformed() {
    for Sample { file, .. } in SAMPLES {
        for length in 0..file.len() {
            assert_eq!(open(&file[..length], PASSWORD).err(), Some(Pkcs12Error::Malformed));
        }
        let more = [file, &[0]].concat();
        assert_eq!(open(&more, PASSWORD).err(), Some(Pkcs12Error::Malformed));
    }
}

#[test]
fn damage_is_refused_or_does_no_harm() {
    for Sample { file, certificate } in SAMPLES {
        for at in (0..file.len()).step_by(17).chain(file.len() - 60..file.len()) {
            let mut damaged = file.to_vec();
            damaged[at] ^= 0x11;
            if let Ok(contents) = open(&damaged, PASSWORD) {
                assert_eq!(contents.certificates, [certificate]);
            }
        }
    }
}

#[test]
fn endless_work_is_not_begun() {
    let file = SAMPLES[0].file;
    // The rounds of the code are the last number of the file, 2,048 in two bytes; its sequence, and
    // that of the file, are two bytes longer with four.
    let (front, rounds) = file.split_at(file.len() - 4);
    assert_eq!(rounds, [2, 2, 8, 0]);
    let mut longer = [front, &[2, 4, 0x7f, 0, 0, 0]].concat();
    let reaches_the_end =
        |at: &usize| file[*at] == SEQUENCE && usize::from(file[at + 1]) == file.len() - at - 2;
    let code = (0..front.len()).rev().find(reaches_the_end).unwrap();
    longer[code + 1] += 2;
    let whole = u16::from_be_bytes([longer[2], longer[3]]) + 2;
    longer[2..4].copy_from_slice(&whole.to_be_bytes());
    assert_eq!(open(&longer, PASSWORD).err(), Some(Pkcs12Error::TooMuchWork));
}
