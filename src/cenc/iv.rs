//! IVs are derived, never drawn: every instance and every request gives the same bytes, and under
//! one key no IV of a counter mode repeats (packaging.md section 1.2).

use ring::digest::{Context, SHA256};

use crate::ids::KeyId;

/// Derives the IVs of one track under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IvContext {
    /// SHA-256 of key id and track.
    seed: [u8; 32],
    kid: KeyId,
    shared: Shared,
    /// The constant IV, where somebody chose it.
    chosen: Option<[u8; 16]>,
}

/// Which whole segments have the same IV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// None.
    Never,
    /// Those of a track.
    ByTrack,
    /// All under the key.
    ByKey,
}

impl IvContext {
    /// `track` names the track and the version of its source: two tracks that share a key, and two
    /// versions of a file, must not share IVs.
    pub fn new(kid: KeyId, track: &[u8]) -> Self {
        let seed = hash(&[b"portcullis iv", kid.as_bytes(), track]);
        Self { seed, kid, shared: Shared::Never, chosen: None }
    }

    /// With that constant IV.
    #[must_use]
    pub fn with_constant(self, iv: [u8; 16]) -> Self {
        Self { chosen: Some(iv), ..self }
    }

    /// One IV for all whole segments of the track, as Azure Media Services had it: a playlist then
    /// has one key line. It shows where two segments begin alike, so it is for those who need it.
    #[must_use]
    pub fn one_for_all(self) -> Self {
        Self { shared: Shared::ByTrack, ..self }
    }

    /// One IV for everything that the key encrypts as a whole: manifests without a line for each
    /// segment can say no more (packaging.md section 8.4).
    #[must_use]
    pub fn one_for_key(self) -> Self {
        Self { shared: Shared::ByKey, ..self }
    }

    /// The IV of one sample under `cenc`: 40 bits that tell the tracks of a key apart, 24 bits of
    /// sample number. The block counter is the other half of the counter block, so the key stream
    /// of a sample is its own.
    pub fn sample(&self, number: u32) -> [u8; 8] {
        let [t0, t1, t2, t3, t4, ..] = self.seed;
        numbered([t0, t1, t2, t3, t4], number)
    }

    /// The same under `cens`: another one, as the key stream runs over other blocks there, and who
    /// had both forms of a sample would have most of it in the clear.
    pub fn patterned_sample(&self, number: u32) -> [u8; 8] {
        let [.., t0, t1, t2, t3, t4] = self.seed;
        numbered([t0, t1, t2, t3, t4], number)
    }

    /// The IV of one sample for schemes with 16-byte IVs, which chain: nothing can be foretold from
    /// another one.
    pub fn chain(&self, number: u32) -> [u8; 16] {
        first_16(hash(&[&self.seed, b"sample", &number.to_be_bytes()]))
    }

    /// The constant IV of `cbcs`: one per key, whatever the track. It is part of what FairPlay
    /// delivers with a key (ams.md section 6.2), and a cached init segment stays valid when the
    /// source file is replaced.
    pub fn constant(&self) -> [u8; 16] {
        let derived = || first_16(hash(&[b"portcullis constant iv", self.kid.as_bytes()]));
        self.chosen.unwrap_or_else(derived)
    }

    /// The IV of a whole segment (AES-128) that starts at `start` wire ticks.
    pub fn segment(&self, start: u64) -> [u8; 16] {
        self.whole(b"segment", start)
    }

    /// The IV of a segment of a transport stream.
    pub fn transport(&self, start: u64) -> [u8; 16] {
        self.whole(b"transport", start)
    }

    /// The IV of a segment of packed audio.
    pub fn packed(&self, start: u64) -> [u8; 16] {
        self.whole(b"packed", start)
    }

    fn whole(&self, what: &[u8], start: u64) -> [u8; 16] {
        let start = start.to_be_bytes();
        match self.shared {
            Shared::Never => first_16(hash(&[&self.seed, what, &start])),
            Shared::ByTrack => first_16(hash(&[&self.seed, what, b"all"])),
            Shared::ByKey => self.constant(),
        }
    }

    /// The IV of the key frame of a transport stream at `start`, as a resource of its own.
    pub fn key_frame(&self, start: u64) -> [u8; 16] {
        first_16(hash(&[&self.seed, b"key frame", &start.to_be_bytes()]))
    }

    /// The IV of the fragment that holds the key frame at `start` and nothing else.
    pub fn key_fragment(&self, start: u64) -> [u8; 16] {
        match self.shared {
            Shared::ByKey => self.constant(),
            _ => first_16(hash(&[&self.seed, b"key fragment", &start.to_be_bytes()])),
        }
    }
}

fn numbered([t0, t1, t2, t3, t4]: [u8; 5], number: u32) -> [u8; 8] {
    let [_, n0, n1, n2] = number.to_be_bytes();
    [t0, t1, t2, t3, t4, n0, n1, n2]
}

/// SHA-256 over parts, each with its length in front so that they cannot run into each other.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut seed = [0; 32];
    seed.copy_from_slice(context.finish().as_ref());
    seed
}

fn first_16(digest: [u8; 32]) -> [u8; 16] {
    let mut iv = [0; 16];
    iv.copy_from_slice(&digest[..16]);
    iv
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_iv_repeats_under_one_key() {
        let kid = KeyId::from_bytes([1; 16]);
        let tracks: Vec<IvContext> = ["a.mp4/1", "a.mp4/2", "b.mp4/1", "a.mp4/1#2"]
            .iter()
            .map(|track| IvContext::new(kid, track.as_bytes()))
            .collect();
        let mut samples = HashSet::new();
        let mut blocks = HashSet::new();
        for track in &tracks {
            assert!((0..10_000).all(|n| samples.insert(track.sample(n))));
            assert!(samples.insert(track.sample((1 << 24) - 1)));
            assert!((0..10_000).all(|n| samples.insert(track.patterned_sample(n))));
            assert!((0..10_000).all(|n| blocks.insert(track.chain(n))));
            for of_start in [
                IvContext::segment,
                IvContext::transport,
                IvContext::packed,
                IvContext::key_frame,
                IvContext::key_fragment,
            ] {
                assert!((0..1000).all(|n| blocks.insert(of_start(track, n * 60_000_000))));
            }
            assert_eq!(track.constant(), tracks[0].constant());
        }
    }

    #[test]
    fn the_same_track_gives_the_same_ivs() {
        let context = || IvContext::new(KeyId::from_bytes([1; 16]), b"a.mp4/1");
        assert_eq!(context().sample(7), context().sample(7));
        assert_eq!(context().segment(7), context().segment(7));
    }
}
