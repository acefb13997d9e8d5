//! Any part of any answer, piece by piece, against the whole made by stock ciphers.

use std::sync::Arc;

use aes::Aes128;
use cipher::{BlockModeEncrypt, KeyIvInit, StreamCipher, block_padding::Pkcs7};
use proptest::prelude::*;

use super::*;
use crate::cenc::map::ProtectedRange;
use crate::cenc::{Scheme, TrackKey};
use crate::codec::MediaType;
use crate::crypto::ContentKey;
use crate::ids::KeyId;

const KEY: [u8; 16] = *b"a throw-away key";
const SEGMENT_IV: [u8; 16] = [0x3c; 16];

/// A buffer in which a cut chain still fits whole periods of the pattern.
const SMALL_BUFFER: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clear,
    Cenc,
    CbcsVideo,
    CbcsAudio,
    CensVideo,
    CensAudio,
    Cbc1,
    Segment,
}

/// Every kind.
const KINDS: [Kind; 8] = [
    Kind::Clear,
    Kind::Cenc,
    Kind::CbcsVideo,
    Kind::CbcsAudio,
    Kind::CensVideo,
    Kind::CensAudio,
    Kind::Cbc1,
    Kind::Segment,
];

/// One case: what the answer is made of, and how it is asked for.
#[derive(Debug, Clone)]
struct Case {
    kind: Kind,
    head: usize,
    /// Gap in the source before the extent, and its length.
    extents: Vec<(u64, u64)>,
    /// Clear bytes, protected bytes, and whether a sample starts with the clear ones.
    ranges: Vec<(u32, u32, bool)>,
    buffer: usize,
}

impl Case {
    fn extents(&self) -> Vec<Extent> {
        let mut offset = 0;
        let place = |(gap, length): &(u64, u64)| {
            let extent = Extent { offset: offset + gap, length: *length };
            offset = extent.offset + length;
            extent
        };
        self.extents.iter().map(place).collect()
    }

    fn source(&self) -> Vec<u8> {
        let length: u64 = self.extents.iter().map(|(gap, length)| gap + length).sum();
        (0..length).map(|n| (n * 131 + n / 251) as u8).collect()
    }

    fn head(&self) -> Vec<u8> {
        (0..self.head).map(|n| !(n as u8)).collect()
    }

    /// Scheme and kind of track; `None` where samples are not told apart.
    fn scheme(&self) -> Option<(Scheme, MediaType)> {
        match self.kind {
            Kind::Clear | Kind::Segment => None,
            Kind::Cenc => Some((Scheme::Cenc, MediaType::Video)),
            Kind::CbcsVideo => Some((Scheme::Cbcs, MediaType::Video)),
            Kind::CbcsAudio => Some((Scheme::Cbcs, MediaType::Audio)),
            Kind::CensVideo => Some((Scheme::Cens, MediaType::Video)),
            Kind::CensAudio => Some((Scheme::Cens, MediaType::Audio)),
            Kind::Cbc1 => Some((Scheme::Cbc1, MediaType::Video)),
        }
    }

    /// The ranges as far as they lie inside the payload.
    fn ranges(&self) -> Vec<ProtectedRange> {
        let payload: u64 = self.extents.iter().map(|extent| extent.1).sum();
        let (mut at, mut sample, mut position) = (0, 0, 0);
        let mut ranges = Vec::new();
        let (scheme, media_type) = self.scheme().unwrap_or((Scheme::Cbcs, MediaType::Video));
        let step = if scheme.row().whole_blocks { 16 } else { 1 };
        for (clear, length, new_sample) in &self.ranges {
            if *new_sample {
                (sample, position) = (sample + 1, 0);
            }
            let (start, length) = (at + clear, length.next_multiple_of(step));
            at = start + length;
            if u64::from(at) > payload {
                break;
            }
            ranges.push(ProtectedRange { start, length, sample, position });
            position += scheme.ciphered(scheme.pattern(media_type), length);
        }
        ranges
    }

    fn key(&self) -> TrackKey {
        TrackKey::new(KeyId::from_bytes([7; 16]), &ContentKey::from_bytes(KEY), b"track")
    }

    fn plan(&self) -> Plan {
        let cipher = match self.scheme() {
            Some((scheme, media_type)) => {
                Cipher::Samples(Samples::new(scheme, media_type, self.key(), self.ranges()))
            }
            None if self.kind == Kind::Clear => Cipher::Clear,
            None => Cipher::Segment { key: self.key().key, iv: SEGMENT_IV },
        };
        Plan::new(self.head().into(), self.extents(), cipher)
    }

    /// The whole answer by stock ciphers.
    fn expected(&self) -> Vec<u8> {
        let source = self.source();
        let mut whole = self.head();
        for extent in self.extents() {
            let start = extent.offset as usize;
            whole.extend_from_slice(&source[start..start + extent.length as usize]);
        }
        let head = self.head;
        match self.kind {
            Kind::Clear => {}
            Kind::Cenc => self.by_counter(&mut whole[head..], None),
            Kind::CensVideo => self.by_counter(&mut whole[head..], Some(160)),
            Kind::CensAudio => self.by_counter(&mut whole[head..], Some(16)),
            Kind::CbcsVideo => self.by_chains(&mut whole[head..], 160),
            Kind::CbcsAudio => self.by_chains(&mut whole[head..], 16),
            Kind::Cbc1 => self.by_one_chain(&mut whole[head..]),
            Kind::Segment => {
                let cipher = cbc::Encryptor::<Aes128>::new(&KEY.into(), &SEGMENT_IV.into());
                let length = whole.len();
                whole.resize(length / 16 * 16 + 16, 0);
                cipher.encrypt_padded::<Pkcs7>(&mut whole, length).unwrap();
            }
        }
        whole
    }

    /// Of each `period` bytes one block, or every byte.
    fn by_counter(&self, payload: &mut [u8], period: Option<usize>) {
        let scheme = if period.is_some() { Scheme::Cens } else { Scheme::Cenc };
        let mut stream: Option<(u32, ctr::Ctr64BE<Aes128>)> = None;
        for range in self.ranges() {
            if stream.as_ref().is_none_or(|(sample, _)| *sample != range.sample) {
                let mut counter = [0; 16];
                counter[..8].copy_from_slice(&self.key().counter_iv(scheme, range.sample));
                let fresh = KeyIvInit::new(&KEY.into(), &counter.into());
                stream = Some((range.sample, fresh));
            }
            let (_, stream) = stream.as_mut().unwrap();
            let part = part(payload, &range);
            match period {
                None => stream.apply_keystream(part),
                Some(period) => part
                    .chunks_mut(period)
                    .filter_map(|period| period.first_chunk_mut::<16>())
                    .for_each(|block| stream.apply_keystream(block)),
            }
        }
    }

    fn by_one_chain(&self, payload: &mut [u8]) {
        let mut chain: Option<(u32, cbc::Encryptor<Aes128>)> = None;
        for range in self.ranges() {
            if chain.as_ref().is_none_or(|(sample, _)| *sample != range.sample) {
                let iv = self.key().ivs.chain(range.sample);
                chain = Some((range.sample, KeyIvInit::new(&KEY.into(), &iv.into())));
            }
            let (_, chain) = chain.as_mut().unwrap();
            for block in part(payload, &range).chunks_exact_mut(16) {
                chain.encrypt_block(block.try_into().unwrap());
            }
        }
    }

    fn by_chains(&self, payload: &mut [u8], period: usize) {
        let iv = self.key().ivs.constant();
        for range in self.ranges() {
            let mut chain = cbc::Encryptor::<Aes128>::new(&KEY.into(), &iv.into());
            for period in part(payload, &range).chunks_mut(period) {
                if let Some(block) = period.first_chunk_mut::<16>() {
                    chain.encrypt_block(block.into());
                }
            }
        }
    }
}

fn part<'p>(payload: &'p mut [u8], range: &ProtectedRange) -> &'p mut [u8] {
    &mut payload[range.start as usize..(range.start + range.length) as usize]
}

/// Takes a part of the answer piece by piece; the reads named by `failing` fail once each, with
/// rubbish left in the buffer.
fn produced(case: &Case, wanted: Range<u64>, failing: &[usize]) -> Vec<u8> {
    let (plan, source) = (Arc::new(case.plan()), case.source());
    let mut producer = Producer::new(plan, wanted.clone());
    let (mut out, mut reads) = (Vec::new(), 0);
    while producer.remaining() > 0 {
        let before = producer.remaining();
        let mut buffer = vec![0xee; case.buffer];
        let piece = producer.next_piece(&mut buffer, |_, offset, target| {
            reads += 1;
            if failing.contains(&reads) {
                target.fill(0x55);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let start = offset as usize;
            target.copy_from_slice(&source[start..start + target.len()]);
            Ok(())
        });
        match piece {
            Ok(piece) => {
                assert!(!piece.is_empty(), "an empty piece before the end");
                assert_eq!(producer.remaining(), before - piece.len() as u64);
                out.extend_from_slice(&buffer[piece]);
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    let mut buffer = vec![0; case.buffer];
    let end = producer.next_piece(&mut buffer, |_, _, _| panic!("a read behind the end"));
    assert!(end.unwrap().is_empty());
    out
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(KINDS.as_slice())
}

fn cases() -> impl Strategy<Value = Case> {
    let head = prop_oneof![Just(0), 1_usize..200, 2000_usize..5000];
    let extents =
        prop::collection::vec((0_u64..50, prop_oneof![Just(0), 0_u64..40, 0_u64..9000]), 0..8);
    let clear = prop_oneof![Just(0), 0_u32..40, 0_u32..3000];
    let protected = prop_oneof![1_u32..17, 1_u32..400, 1_u32..9000];
    let ranges = prop::collection::vec((clear, protected, any::<bool>()), 0..40);
    let buffer = prop_oneof![Just(SMALL_BUFFER), SMALL_BUFFER..3000, Just(PIECE)];
    (kinds(), head, extents, ranges, buffer).prop_map(|(kind, head, extents, ranges, buffer)| {
        Case { kind, head, extents, ranges, buffer }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_part_is_a_slice_of_the_whole(
        case in cases(), from: prop::sample::Index, to: prop::sample::Index,
    ) {
        let expected = case.expected();
        prop_assert_eq!(case.plan().length(), expected.len() as u64);
        let (from, to) = (from.index(expected.len() + 1), to.index(expected.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        prop_assert_eq!(&produced(&case, from as u64..to as u64, &[]), &expected[from..to]);
        prop_assert_eq!(&produced(&case, 0..expected.len() as u64, &[]), &expected);
    }

    #[test]
    fn a_failed_read_changes_nothing(
        case in cases(), failing in prop::collection::vec(1_usize..60, 1..20),
        from: prop::sample::Index,
    ) {
        let expected = case.expected();
        let from = from.index(expected.len() + 1);
        let wanted = from as u64..expected.len() as u64;
        prop_assert_eq!(&produced(&case, wanted, &failing), &expected[from..]);
    }
}

/// Ranges of the sizes that real video has: a slice over several pieces, many tiny ones, and ends
/// exactly on a piece.
#[test]
fn ranges_straddle_full_pieces() {
    const BIG: u32 = 3 * PIECE as u32 + 77;
    let head = 100;
    let to_the_piece = PIECE as u32 - head as u32;
    for kind in KINDS {
        for ranges in [
            vec![(0, BIG, true)],
            vec![(9, BIG, true), (5, 16, false), (0, BIG, true)],
            vec![(0, to_the_piece, true), (0, PIECE as u32, false), (0, 1, true)],
            vec![(to_the_piece - 1, 2, true), (PIECE as u32 - 17, 32, true)],
            vec![(3, 17, false); 20_000],
            Vec::new(),
        ] {
            let protected: u64 =
                ranges.iter().map(|(clear, length, _)| u64::from(clear + length)).sum();
            let case = Case {
                kind,
                head,
                extents: vec![(11, protected / 2), (3, protected - protected / 2), (0, 33)],
                ranges,
                buffer: PIECE,
            };
            let expected = case.expected();
            let length = expected.len();
            let cuts = [0, 1, head, PIECE - 1, PIECE, PIECE + 1, length / 2, length - 1];
            for from in cuts.into_iter().filter(|from| *from < length) {
                let parts = [from + 1, from + 5000, length];
                for to in parts.into_iter().filter(|to| *to <= length) {
                    let part = produced(&case, from as u64..to as u64, &[2]);
                    assert!(part == expected[from..to], "{kind:?} {from}..{to}");
                }
            }
        }
    }
}

#[test]
fn a_plan_weighs_what_it_holds() {
    let mut case = Case {
        kind: Kind::Cenc,
        head: 1000,
        extents: vec![(0, 100_000)],
        ranges: vec![(10, 20, true); 100],
        buffer: PIECE,
    };
    let full = case.plan().heap_size();
    case.ranges.clear();
    let without = case.plan().heap_size();
    assert_eq!(full - without, 100 * size_of::<ProtectedRange>());
    assert!(without < 3000, "media bytes do not belong to a plan: {without}");
}
