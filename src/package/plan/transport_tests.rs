//! Transport streams through a producer.

use super::*;
use crate::crypto::ContentKey;
use crate::crypto::chains::{self, Chain, Pattern};
use crate::mpegts::packet::Access;
use crate::mpegts::{Mux, psi};
use proptest::prelude::*;

/// A segment of about 300 KB: more than one piece, with pictures of every size.
fn segment() -> Segment {
    let mut mux = Mux::new(&[psi::TABLE[0].clear()], None, 0);
    for n in 0..40_u32 {
        let access = Access { random: n == 0, pcr: Some(u64::from(n) * 1_080_000), repeat: None };
        mux.unit(0, access, |mux| {
            mux.inline(&[0; 25]);
            mux.source(0, u64::from(n) * 9_000, 331 * (n % 27) + 1);
        });
    }
    mux.finish()
}

fn plan(encrypted: bool) -> Plan {
    let cipher = match encrypted {
        false => Cipher::Clear,
        true => {
            Cipher::Segment { key: Expanded::new(&ContentKey::from_bytes([7; 16])), iv: [9; 16] }
        }
    };
    Plan::transport(segment(), cipher)
}

struct Owned(Plan);

impl AsRef<Plan> for Owned {
    fn as_ref(&self) -> &Plan {
        &self.0
    }
}

fn produce(plan: Plan, range: Range<u64>) -> Vec<u8> {
    let mut producer = Producer::new(Owned(plan), range);
    let (mut buffer, mut out) = (vec![0; PIECE], Vec::new());
    loop {
        let read = |_, offset: u64, part: &mut [u8]| {
            for (n, byte) in part.iter_mut().enumerate() {
                *byte = ((offset + n as u64) * 13 / 5) as u8;
            }
            Ok(())
        };
        let part = producer.next_piece(&mut buffer, read).unwrap();
        if part.is_empty() {
            return out;
        }
        out.extend_from_slice(&buffer[part]);
    }
}

#[test]
fn an_encrypted_segment_is_the_clear_one_in_one_chain() {
    let clear = produce(plan(false), 0..u64::MAX);
    let encrypted = produce(plan(true), 0..u64::MAX);
    let count = BLOCK - clear.len() % BLOCK;
    let mut expected = clear;
    expected.extend(std::iter::repeat_n(u8::try_from(count).unwrap(), count));
    let mut chain = [Chain { start: 0, length: expected.len(), iv: [9; 16] }];
    let key = Expanded::new(&ContentKey::from_bytes([7; 16]));
    chains::encrypt(&key, Pattern::FULL, &mut expected, &mut chain);
    assert_eq!(encrypted.len() as u64, plan(true).length());
    assert!(encrypted == expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn ranges_of_transport_streams_are_slices_of_the_whole(
        encrypted: bool, from in 0.0..1.0_f64, to in 0.0..1.0_f64,
    ) {
        let length = plan(encrypted).length();
        let at = |part: f64| (part * length as f64) as u64;
        let range = at(from.min(to))..at(from.max(to)) + 1;
        let whole = produce(plan(encrypted), 0..length);
        let slice = &whole[range.start as usize..range.end as usize];
        prop_assert!(produce(plan(encrypted), range) == slice);
    }
}
