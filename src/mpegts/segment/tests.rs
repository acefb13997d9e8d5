use super::*;
use crate::bytes::ReadAt;
use crate::crypto::{ContentKey, Expanded};
use crate::mpegts::mux::FIRST_PID;
use crate::mpegts::packet::Repeat;
use crate::mpegts::sample_aes::{Place, Rule};
use crate::mpegts::{Mux, psi};
use cipher::{BlockModeEncrypt, KeyIvInit};
use proptest::prelude::*;

/// One unit as a test wants it: its stream, clock, and chunks (inline, source, gap before).
type Description = (bool, Option<u64>, u64, Vec<(usize, usize, usize)>);

fn descriptions() -> impl Strategy<Value = Vec<Description>> {
    let chunk = (0_usize..40, 0_usize..900, 0_usize..50);
    let unit = (
        any::<bool>(),
        proptest::option::of(0..1_u64 << 40),
        0..9_u64,
        proptest::collection::vec(chunk, 1..8),
    );
    proptest::collection::vec(unit, 1..20)
}

fn source() -> Vec<u8> {
    (0..200_000_u32).map(|n| (n * 7 / 3) as u8).collect()
}

/// The number of the segment under test: where the counters of its tables start.
const NUMBER: usize = 3;

/// The layout, and what each stream must hold.
fn build(units: &[Description]) -> (Segment, [Vec<u8>; 2]) {
    let source = source();
    let streams = [psi::TABLE[0].clear(), psi::TABLE[1].clear()];
    let (mut mux, mut expected) = (Mux::new(&streams, None, NUMBER), [Vec::new(), Vec::new()]);
    let mut offset = 0;
    for (second, pcr, every, chunks) in units {
        let stream = usize::from(*second);
        let access = Access {
            random: pcr.is_some_and(|pcr| pcr % 2 == 0),
            pcr: *pcr,
            repeat: (*every > 0).then_some(Repeat { every: *every, step: 27_000 }),
        };
        mux.unit(stream, access, |mux| {
            for (inline, length, gap) in chunks {
                offset += gap;
                let bytes = vec![0xab; *inline + 16];
                mux.inline(&bytes);
                mux.source(stream, offset as u64, u32::try_from(*length).unwrap());
                expected[stream].extend(bytes);
                expected[stream].extend(&source[offset..offset + length]);
                offset += length;
            }
        });
    }
    mux.even_counters();
    (mux.finish(), expected)
}

fn fill(segment: &Segment, packets: std::ops::Range<usize>) -> Vec<u8> {
    let mut piece = vec![0xee; packets.len() * PACKET];
    let source = source();
    let read = |_, offset: u64, part: &mut [u8]| {
        let offset = usize::try_from(offset).unwrap();
        part.copy_from_slice(&source[offset..offset + part.len()]);
        Ok(())
    };
    let position = (packets.start * PACKET) as u64;
    segment.fill(position, &mut piece, &mut None, read).unwrap();
    piece
}

fn of_pid(packet: &[u8], pid: u16) -> bool {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == pid
}

/// Payload of a PID whose counter starts at `first`, counters checked.
fn payload_of(stream: &[u8], pid: u16, first: usize) -> Vec<u8> {
    let (mut payload, mut counter) = (Vec::new(), first.to_le_bytes()[0]);
    for packet in stream.chunks(PACKET) {
        assert_eq!(packet[0], 0x47);
        if !of_pid(packet, pid) {
            continue;
        }
        assert_eq!(packet[3] & 0x0f, counter & 0x0f, "continuity of {pid}");
        counter = counter.wrapping_add(1);
        let adaptation = match packet[3] >> 4 {
            1 => 0,
            3 => usize::from(packet[4]) + 1,
            other => panic!("adaptation field control {other}"),
        };
        assert!(adaptation < ROOM, "a packet that counts has payload");
        payload.extend(&packet[4 + adaptation..]);
    }
    payload
}

proptest! {
    #[test]
    fn packets_carry_what_the_units_hold(units in descriptions()) {
        let (segment, expected) = build(&units);
        let whole = fill(&segment, 0..usize::try_from(segment.packets).unwrap());
        prop_assert_eq!(whole.len() as u64, segment.length());
        let count = |pid| whole.chunks(PACKET).filter(|packet| of_pid(packet, pid)).count();
        prop_assert_eq!((count(FIRST_PID) % 16, count(FIRST_PID + 1) % 16), (0, 0));
        prop_assert_eq!(&payload_of(&whole, FIRST_PID, 0), &expected[0]);
        prop_assert_eq!(&payload_of(&whole, FIRST_PID + 1, 0), &expected[1]);
        prop_assert_eq!(payload_of(&whole, 0, NUMBER), psi::association());
    }

    #[test]
    fn any_packets_alone_are_those_of_the_whole(
        units in descriptions(), from in 0.0..1.0_f64, to in 0.0..1.0_f64,
    ) {
        let (segment, _) = build(&units);
        let packets = segment.packets as f64;
        let mut ends = [(from * packets) as usize, (to * packets) as usize];
        ends.sort_unstable();
        let whole = fill(&segment, 0..usize::try_from(segment.packets).unwrap());
        let part = fill(&segment, ends[0]..ends[1]);
        prop_assert_eq!(&part, &whole[ends[0] * PACKET..ends[1] * PACKET]);
    }
}

const KEY: [u8; 16] = [7; 16];
const IV: [u8; 16] = [9; 16];

/// Bytes with many zeros, so that ciphertext is not all that has to be escaped.
fn sparse() -> Vec<u8> {
    (0..400_000_u32).map(|n| if n * 7 / 3 % 5 < 3 { 0 } else { (n % 11) as u8 }).collect()
}

/// One NAL unit or frame as the listings of the format encrypt it, block by block.
fn listed(rule: Rule, unit: &[u8]) -> Vec<u8> {
    let mut out = unit.to_vec();
    let mut chain = cbc::Encryptor::<aes::Aes128>::new(&KEY.into(), &IV.into());
    let (front, step, more) = match rule {
        Rule::SLICE => (32, 160, 17),
        _ => (16, 16, 16),
    };
    let mut at = front;
    while unit.len().saturating_sub(at) >= more {
        chain.encrypt_block((&mut out[at..at + 16]).try_into().unwrap());
        at += step;
    }
    if rule == Rule::FRAME || unit.len() <= 48 {
        return out;
    }
    let (mut escaped, mut zeros) = (Vec::new(), 0);
    for byte in out {
        if zeros == 2 && byte <= 3 {
            escaped.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        escaped.push(byte);
    }
    escaped.extend((zeros > 0).then_some(3));
    escaped
}

/// Found alone, and as one of several that are looked through together.
fn escapes_of(sample_aes: &SampleAes, nal: &[u8]) -> Vec<u32> {
    let length = u32::try_from(nal.len()).unwrap();
    let place = Place { offset: 0, length };
    let find = |places: &[Place]| sample_aes.escapes(nal, places).unwrap().unwrap();
    let [alone] = find(&[place]).try_into().unwrap();
    assert_eq!(find(&[place; 20]), vec![alone.clone(); 20]);
    alone
}

/// A segment of protected units, each of some NAL units or frames, and what it must hold.
fn protected_segment(rule: Rule, units: &[Vec<u32>]) -> (Segment, Vec<u8>) {
    let (source, key) = (sparse(), ContentKey::from_bytes(KEY));
    let sample_aes = SampleAes { key: Expanded::new(&key), iv: IV, rule };
    let mut mux = Mux::new(&[psi::TABLE[0].clear()], Some(sample_aes.clone()), 0);
    let (mut expected, mut offset) = (Vec::new(), 0);
    for lengths in units {
        mux.unit(0, Access::default(), |mux| {
            for length in lengths {
                let stored = &source[offset..offset + *length as usize];
                let range = rule.protected(*length);
                let escapes = match rule {
                    Rule::SLICE if !range.is_empty() => escapes_of(&sample_aes, stored),
                    _ => Vec::new(),
                };
                mux.inline(&[0, 0, 1]);
                mux.protected(0, offset as u64, *length, &range, &escapes);
                expected.extend([0, 0, 1]);
                expected.extend(listed(rule, stored));
                offset += *length as usize;
            }
        });
    }
    (mux.finish(), expected)
}

/// Fills a segment piece by piece from `position` on.
fn fill_in_pieces(segment: &Segment, mut position: u64, room: usize) -> Vec<u8> {
    let (source, mut carried, mut out) = (sparse(), None, Vec::new());
    while position < segment.length() {
        let end = segment.piece_end(position, room * PACKET);
        let mut piece = vec![0xee; usize::try_from(end - position).unwrap()];
        let read = |_, offset: u64, part: &mut [u8]| source.read_exact_at(offset, part);
        segment.fill(position, &mut piece, &mut carried, read).unwrap();
        out.extend(piece);
        position = end;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn protected_units_are_what_the_listings_say(
        units in proptest::collection::vec(proptest::collection::vec(0..7000_u32, 1..5), 1..12),
        frames: bool, room in 48_usize..400, from in 0.0..1.0_f64,
    ) {
        // PES packets of sound are shorter than pieces.
        let (rule, share) = if frames { (Rule::FRAME, 4) } else { (Rule::SLICE, 1) };
        let units: Vec<Vec<u32>> = units
            .iter()
            .map(|lengths| lengths.iter().map(|length| length / share).collect())
            .collect();
        let (segment, expected) = protected_segment(rule, &units);
        let whole = fill_in_pieces(&segment, 0, room);
        prop_assert_eq!(whole.len() as u64, segment.length());
        prop_assert!(payload_of(&whole, FIRST_PID, 0) == expected);
        let wanted = (from * segment.length() as f64) as u64;
        let start = segment.start_for(wanted);
        prop_assert!(start <= wanted);
        let rest = fill_in_pieces(&segment, start, room);
        prop_assert!(rest == whole[usize::try_from(start).unwrap()..]);
    }
}

/// Longer than what is looked through at a time.
#[test]
fn a_long_unit_is_what_the_listing_says() {
    let (segment, expected) = protected_segment(Rule::SLICE, &[vec![390_000]]);
    assert!(payload_of(&fill_in_pieces(&segment, 0, 348), FIRST_PID, 0) == expected);
}
