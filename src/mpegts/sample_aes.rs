//! SAMPLE-AES in transport streams (Apple, "MPEG-2 Stream Encryption Format for HTTP Live Streaming";
//! packaging.md section 5): which bytes of NAL units and frames are encrypted, and how the program
//! map says so.
//!
//! Pictures are escaped once more when they are encrypted, so that their length depends on their
//! ciphertext: a segment is read and encrypted once for its layout, which keeps the places only.

use std::io;
use std::ops::Range;

use super::escape::Escapes;
use super::psi::{Row, Stream};
use crate::bytes::ReadAt;
use crate::crypto::chains::{self, Chain, Pattern};
use crate::crypto::{BLOCK, Expanded};

/// Bytes of NAL units that are looked through at a time: whole periods of their pattern.
const LOOK: usize = 1600 * Pattern::ONE_IN_TEN.period();

/// Pictures that are looked through together with more places are refused: they are none.
const MAX_ESCAPES: usize = 1 << 20;

/// What precedes the audio setup information in its registration descriptor.
const SETUP: &[u8] = b"apad";

/// Longer setup data do not fit into the program map, and nothing has them.
const MAX_SETUP: usize = 64;

const PRIVATE_DATA_INDICATOR: u8 = 0x0f;
const REGISTRATION: u8 = 0x05;

/// Which bytes of a NAL unit or a frame are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Bytes that stay clear in front.
    front: u32,
    /// Bytes that have to follow an encrypted block.
    behind: u32,
    pattern: Pattern,
}

impl Rule {
    /// A NAL unit of AVC with a slice (section 2.2): 32 bytes clear, and every tenth block encrypted
    /// unless it is the last.
    pub const SLICE: Self = Self { front: 32, behind: 1, pattern: Pattern::ONE_IN_TEN };

    /// A frame of sound (sections 2.3 to 2.5): 16 bytes clear, then all whole blocks encrypted. Of
    /// AAC these follow the ADTS header, of AC-3 and E-AC-3 they hold the header.
    pub const FRAME: Self = Self { front: 16, behind: 0, pattern: Pattern::FULL };

    /// From the first encrypted byte to the last, of a NAL unit or frame of `length` bytes.
    pub fn protected(self, length: u32) -> Range<u32> {
        let room = length.saturating_sub(self.front + self.behind);
        let span = self.pattern.encrypted_span(room as usize);
        // Not more than the room.
        self.front..self.front + u32::try_from(span).unwrap_or(room)
    }
}

/// A NAL unit in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where it starts.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

/// How an elementary stream is protected.
#[derive(Debug, Clone)]
pub struct SampleAes {
    /// The key.
    pub key: Expanded,
    /// The IV of each NAL unit or frame.
    pub iv: [u8; BLOCK],
    /// What of it is encrypted.
    pub rule: Rule,
}

/// Stretches of a buffer that belong to protected ranges, in the order of the stream.
#[derive(Debug, Default)]
pub(super) struct Stretches {
    /// Where each lies, how long it is, and how much of its range lies in front of it.
    list: Vec<(usize, usize, u64)>,
}

impl Stretches {
    /// Adds a stretch; bytes between two parts of one range are none of the buffer's.
    pub(super) fn add(&mut self, start: usize, length: usize, done: u64) {
        match self.list.last_mut() {
            Some((at, before, _)) if done > 0 && *at + *before == start => *before += length,
            _ => self.list.push((start, length, done)),
        }
    }
}

impl SampleAes {
    /// Whether a cut `at` bytes behind the start of a protected range goes through a block.
    pub(super) fn cuts_block(&self, at: u64) -> bool {
        let period = self.rule.pattern.period() as u64;
        // Less than a period.
        self.rule.pattern.cuts_block(usize::try_from(at % period).unwrap_or(0))
    }

    /// Encrypts stretches that cut no block. The first may continue a range: then `carried` is its
    /// last block, and afterwards that of the last stretch.
    pub(super) fn encrypt(
        &self,
        buffer: &mut [u8],
        stretches: Stretches,
        carried: &mut Option<[u8; BLOCK]>,
    ) {
        let chain = |(start, length, done): (usize, usize, u64)| {
            // Up to where the pattern starts anew.
            let over = done.next_multiple_of(self.rule.pattern.period() as u64) - done;
            let skip = usize::try_from(over).unwrap_or(length).min(length);
            let iv = carried.filter(|_| done > 0).unwrap_or(self.iv);
            Chain { start: start + skip, length: length - skip, iv }
        };
        let mut chains: Vec<Chain> = stretches.list.into_iter().map(chain).collect();
        chains::encrypt(&self.key, self.rule.pattern, buffer, &mut chains);
        *carried = chains.last().map(|chain| chain.iv).or(*carried);
    }

    /// Where NAL units need emulation prevention once they are encrypted, unit by unit; `None` when
    /// they do in more places than any pictures.
    ///
    /// # Errors
    /// What reading gives.
    pub fn escapes<S: ReadAt + ?Sized>(
        &self,
        source: &S,
        units: &[Place],
    ) -> io::Result<Option<Vec<Vec<u32>>>> {
        let (mut all, mut left) = (Vec::with_capacity(units.len()), MAX_ESCAPES);
        let mut buffer = Vec::new();
        let mut rest = units;
        while let [first, ..] = rest {
            // Chains are encrypted side by side.
            let (batch, behind) = rest.split_at(together(rest));
            let mut found: Vec<Escapes> = batch.iter().map(|_| Escapes::new(left)).collect();
            let fits = match batch {
                [] => {
                    let mut escapes = Escapes::new(left);
                    let fits = self.look_in_parts(source, *first, &mut buffer, &mut escapes)?;
                    found.push(escapes);
                    fits
                }
                batch => self.look_together(source, batch, &mut buffer, &mut found)?,
            };
            let found: Vec<Vec<u32>> = found.into_iter().map(Escapes::finish).collect();
            let count = found.iter().map(Vec::len).sum();
            let Some(remaining) = left.checked_sub(count).filter(|_| fits) else {
                return Ok(None);
            };
            left = remaining;
            all.extend(found);
            rest = if batch.is_empty() { &rest[1..] } else { behind };
        }
        Ok(Some(all))
    }

    /// Looks through units that are read as wholes. `false` when there are too many places.
    fn look_together<S: ReadAt + ?Sized>(
        &self,
        source: &S,
        units: &[Place],
        buffer: &mut Vec<u8>,
        found: &mut [Escapes],
    ) -> io::Result<bool> {
        buffer.resize(units.iter().map(|unit| unit.length as usize).sum(), 0);
        let (mut stretches, mut at) = (Stretches::default(), 0);
        for unit in units {
            let length = unit.length as usize;
            source.read_exact_at(unit.offset, &mut buffer[at..at + length])?;
            let protected = self.rule.protected(unit.length);
            stretches.add(at + protected.start as usize, protected.len(), 0);
            at += length;
        }
        self.encrypt(buffer, stretches, &mut None);
        let mut rest = buffer.as_slice();
        Ok(units.iter().zip(found).all(|(unit, escapes)| {
            let (bytes, behind) = rest.split_at(unit.length as usize);
            rest = behind;
            escapes.look(bytes)
        }))
    }

    /// Looks through a long unit, part by part. `false` when there are too many places.
    fn look_in_parts<S: ReadAt + ?Sized>(
        &self,
        source: &S,
        unit: Place,
        buffer: &mut Vec<u8>,
        escapes: &mut Escapes,
    ) -> io::Result<bool> {
        let protected = self.rule.protected(unit.length);
        let [length, front, end] =
            [unit.length, protected.start, protected.end].map(|n| n as usize);
        let (mut carried, mut at) = (None, 0);
        while at < length {
            let start = at.max(front);
            let until = length.min(start + LOOK);
            buffer.resize(until - at, 0);
            source.read_exact_at(unit.offset + at as u64, buffer)?;
            let mut stretches = Stretches::default();
            if end > start {
                stretches.add(start - at, end.min(until) - start, (start - front) as u64);
            }
            self.encrypt(buffer, stretches, &mut carried);
            if !escapes.look(buffer) {
                return Ok(false);
            }
            at = until;
        }
        Ok(true)
    }
}

/// How many of the first units are read together.
fn together(units: &[Place]) -> usize {
    let mut bytes = 0;
    let fits = |unit: &&Place| {
        bytes += unit.length as usize;
        bytes <= LOOK
    };
    units.iter().take_while(fits).count()
}

/// A stream in the program map whose samples are protected; `setup` is the audio setup information.
/// `None` when there is no form for it.
pub fn stream(row: &Row, setup: Option<&Setup>) -> Option<Stream> {
    let protected = row.protected.as_ref()?;
    let mut descriptors = vec![PRIVATE_DATA_INDICATOR, 4];
    descriptors.extend(protected.indicator);
    if let Some(setup) = setup {
        let information = setup.information()?;
        // At most 76.
        let length = u8::try_from(SETUP.len() + information.len()).ok()?;
        descriptors.extend([REGISTRATION, length]);
        descriptors.extend(SETUP);
        descriptors.extend(information);
    }
    Some(Stream { stream_type: protected.stream_type, descriptors: descriptors.into() })
}

/// What a decoder of sound has to know before it sees a frame (section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The kind of sound.
    pub audio_type: [u8; 4],
    /// Of AAC the AudioSpecificConfig, of AC-3 ten bytes of a frame, of E-AC-3 what `dec3` holds.
    pub data: Vec<u8>,
}

impl Setup {
    /// Type, priming (not told), version, and the data with their length; `None` when they are too
    /// long.
    pub fn information(&self) -> Option<Vec<u8>> {
        let length = u8::try_from(self.data.len()).ok().filter(|_| self.data.len() <= MAX_SETUP)?;
        Some([&self.audio_type[..], &[0, 0, 1, length], &self.data].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::ContentKey;
    use crate::mpegts::psi;
    use data_encoding::HEXLOWER;

    fn sample_aes(rule: Rule) -> SampleAes {
        let key = std::array::from_fn(|n| n as u8);
        let iv = std::array::from_fn(|n| 0xf0 + n as u8);
        SampleAes { key: Expanded::new(&ContentKey::from_bytes(key)), iv, rule }
    }

    /// packaging.md section 16, computed with OpenSSL.
    #[test]
    fn a_slice_is_encrypted_as_the_vector_says() {
        let mut nal: Vec<u8> =
            [65].into_iter().chain((0..69_u32).map(|i| (5 * i + 1) as u8)).collect();
        let before = nal.clone();
        let range = Rule::SLICE.protected(70);
        let mut stretches = Stretches::default();
        stretches.add(32, range.len(), 0);
        sample_aes(Rule::SLICE).encrypt(&mut nal, stretches, &mut None);
        assert_eq!(HEXLOWER.encode(&nal[32..48]), "ada5a5b1507877298683995a316d6aa7");
        assert_eq!((&nal[..32], &nal[48..]), (&before[..32], &before[48..]));
    }

    #[test]
    fn ranges_are_those_of_the_format() {
        for (rule, length, range) in [
            (Rule::SLICE, 0, 32..32),
            (Rule::SLICE, 48, 32..32),
            (Rule::SLICE, 49, 32..48),
            (Rule::SLICE, 208, 32..48),
            (Rule::SLICE, 209, 32..208),
            (Rule::FRAME, 31, 16..16),
            (Rule::FRAME, 32, 16..32),
            (Rule::FRAME, 63, 16..48),
        ] {
            assert_eq!(rule.protected(length), range, "{rule:?} {length}");
        }
    }

    #[test]
    fn the_program_map_says_what_is_protected() {
        let setup = |audio_type: &[u8; 4], data: &str| Setup {
            audio_type: *audio_type,
            data: HEXLOWER.decode(data.as_bytes()).unwrap(),
        };
        for (n, stream_type, setup, descriptors) in [
            (0, 0xdb, None, "0f047a617663"),
            (
                2,
                0xcf,
                Some(setup(b"zaac", "119056e500")),
                "0f0461616364051161706164 7a616163 0000 01 05 119056e500",
            ),
            (
                3,
                0xc1,
                Some(setup(b"zac3", "0b77270d0c4043e106f0")),
                "0f0461633364051661706164 7a616333 0000 01 0a 0b77270d0c4043e106f0",
            ),
        ] {
            let stream = stream(&psi::TABLE[n], setup.as_ref()).unwrap();
            assert_eq!(stream.stream_type, stream_type);
            assert_eq!(HEXLOWER.encode(&stream.descriptors), descriptors.replace(' ', ""));
        }
        assert_eq!(stream(&psi::TABLE[1], None), None);
        let long = Setup { audio_type: *b"zaac", data: vec![0; 65] };
        assert_eq!(stream(&psi::TABLE[2], Some(&long)), None);
    }
}
