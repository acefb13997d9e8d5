//! Elementary streams under SAMPLE-AES: NAL units of AVC and frames of sound (packaging.md sections 5.1
//! and 5.2).

use memchr::memmem;

use super::OpenError;
use crate::codec::{Family, syncframe};
use crate::crypto::cbc::Unchain;
use crate::crypto::chains::Pattern;
use crate::crypto::{BLOCK, Expanded};
use crate::mpegts::psi::Row;
use crate::mpegts::sample_aes::Rule;

/// NAL units that are not longer are clear.
const LONGEST_CLEAR: usize = 48;

/// What an elementary stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mpegts) enum Kind {
    /// AVC in the byte stream format.
    Avc,
    /// Frames of sound.
    Sound(Sound),
}

/// How frames of sound start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mpegts) enum Sound {
    /// AAC with ADTS headers.
    Adts,
    /// AC-3 and E-AC-3.
    Sync,
}

impl Kind {
    /// That of a row of stream types.
    pub(super) fn of(row: &Row) -> Self {
        match row.families.first() {
            Some(Family::Avc) => Self::Avc,
            Some(Family::Aac) => Self::Sound(Sound::Adts),
            _ => Self::Sound(Sound::Sync),
        }
    }
}

impl Sound {
    /// The kind of sound whose frame starts here.
    pub(super) fn at(data: &[u8]) -> Option<Self> {
        match data {
            [0xff, second, ..] if second & 0xf6 == 0xf0 => Some(Self::Adts),
            [0x0b, 0x77, ..] => Some(Self::Sync),
            _ => None,
        }
    }

    /// Bytes of the frame that starts here, and how many in front of it do not count.
    fn frame(self, data: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Adts => {
                let [0xff, second, _, b3, b4, b5, ..] = *data else { return None };
                let header = if second & 1 == 1 { 7 } else { 9 };
                let [b3, b4, b5] = [b3, b4, b5].map(usize::from);
                let length = (b3 & 3) << 11 | b4 << 3 | b5 >> 5;
                (second & 0xf6 == 0xf0 && length >= header).then_some((length, header))
            }
            Self::Sync => Some((syncframe::length(data)? as usize, 0)),
        }
    }
}

/// The clear form of a stretch of an elementary stream that holds whole units.
pub(super) fn open(
    kind: Kind,
    key: &Expanded,
    iv: [u8; BLOCK],
    stream: &[u8],
) -> Result<Vec<u8>, OpenError> {
    match kind {
        Kind::Avc => Ok(pictures(key, iv, stream)),
        Kind::Sound(sound) => {
            let mut clear = stream.to_vec();
            frames(sound, key, iv, &mut clear)?;
            Ok(clear)
        }
    }
}

/// The clear form of packed audio (RFC 8216 section 3.4): tags, then frames.
pub(super) fn open_packed(
    key: &Expanded,
    iv: [u8; BLOCK],
    segment: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let mut clear = segment.to_vec();
    let mut at = 0;
    while let Some([b'I', b'D', b'3', _, _, _, a, b, c, d]) = clear.get(at..at + 10) {
        let size =
            [a, b, c, d].into_iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        at += 10 + size;
    }
    let sound = clear.get_mut(at..).unwrap_or_default();
    let kind = Sound::at(sound).ok_or(OpenError::NotPackets)?;
    frames(kind, key, iv, sound)?;
    Ok(clear)
}

fn frames(
    sound: Sound,
    key: &Expanded,
    iv: [u8; BLOCK],
    mut rest: &mut [u8],
) -> Result<(), OpenError> {
    while !rest.is_empty() {
        let (length, header) = sound.frame(rest).ok_or(OpenError::Frames)?;
        let (frame, behind) = rest.split_at_mut_checked(length).ok_or(OpenError::Frames)?;
        apply(Rule::FRAME, Pattern::FULL, key, iv, &mut frame[header..]);
        rest = behind;
    }
    Ok(())
}

fn apply(rule: Rule, pattern: Pattern, key: &Expanded, iv: [u8; BLOCK], unit: &mut [u8]) {
    let range = rule.protected(u32::try_from(unit.len()).unwrap_or(u32::MAX));
    if let Some(protected) = unit.get_mut(range.start as usize..range.end as usize) {
        Unchain::new(key, iv).apply(pattern, protected);
    }
}

/// NAL units between start codes; what stands between them stays.
fn pictures(key: &Expanded, iv: [u8; BLOCK], stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(stream.len());
    let starts: Vec<usize> = memmem::find_iter(stream, &[0, 0, 1]).map(|at| at + 3).collect();
    let mut done = 0;
    for (n, &start) in starts.iter().enumerate() {
        let next = starts.get(n + 1).map_or(stream.len(), |next| next - 3);
        // Zeros in front of a start code belong to it.
        let zeros = stream[start..next].iter().rev().take_while(|byte| **byte == 0).count();
        let end = next - zeros;
        out.extend_from_slice(&stream[done..start]);
        out.extend(slice(key, iv, &stream[start..end]));
        done = end;
    }
    out.extend_from_slice(&stream[done..]);
    out
}

/// A NAL unit: its second emulation prevention goes, and its pattern is decrypted.
fn slice(key: &Expanded, iv: [u8; BLOCK], unit: &[u8]) -> Vec<u8> {
    let is_slice = matches!(unit.first().map(|head| head & 0x1f), Some(1 | 5));
    if !is_slice || unit.len() <= LONGEST_CLEAR {
        return unit.to_vec();
    }
    let mut clear = unescaped(unit);
    apply(Rule::SLICE, Pattern::ONE_IN_TEN, key, iv, &mut clear);
    clear
}

fn unescaped(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len());
    let mut done = 0;
    for at in memmem::find_iter(unit, &[0, 0, 3]) {
        out.extend_from_slice(&unit[done..at + 2]);
        done = at + 3;
    }
    out.extend_from_slice(&unit[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulation_prevention_goes_once() {
        for (escaped, plain) in [
            (&[0, 0, 3, 1][..], &[0, 0, 1][..]),
            (&[0, 0, 3, 3, 1], &[0, 0, 3, 1]),
            (&[0, 0, 3, 0, 0, 3, 0], &[0, 0, 0, 0, 0]),
            (&[7, 0, 0, 3], &[7, 0, 0]),
            (&[9], &[9]),
        ] {
            assert_eq!(unescaped(escaped), plain);
        }
    }
}
