//! What this machine does with the block cipher, the only other costly part of a licence.

use std::hint::black_box;

use portcullis::crypto::ctr::Keystream;
use portcullis::crypto::strands::{self, Strand};
use portcullis::crypto::{ContentKey, Expanded};

use crate::ceiling::micros;

const BYTES: usize = 1 << 20;

pub(crate) fn rates() {
    let key = Expanded::new(&ContentKey::from_bytes([7; 16]));
    let mut data = vec![0; BYTES];
    let rate = |micros: f64| BYTES as f64 / micros;
    let ctr = micros(&mut || Keystream::new(&key, [9; 8], 0).apply(black_box(&mut data)));
    let chain = micros(&mut || {
        strands::encrypt(&mut [Strand { key: &key, iv: [9; 16], data: black_box(&mut data) }]);
    });
    println!("\nAES-128 (aes): CTR {:.0} MB/s, one CBC chain {:.0} MB/s", rate(ctr), rate(chain));
}
