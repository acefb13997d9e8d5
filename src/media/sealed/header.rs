//! What a movie header says of samples that are encrypted already.

use std::sync::Arc;

use super::refuse;
use crate::cenc::read::{Movie, ReadError, Track};
use crate::crypto::chains::Pattern;
use crate::isobmff::cenc::Pssh;
use crate::isobmff::{BoxRef, FourCc, children};
use crate::media::MediaRule;

/// More `pssh` boxes in one movie header are refused.
const MAX_SYSTEMS: usize = 64;

/// All of them may have no more bytes together: they stand in every manifest and init segment.
const MAX_SYSTEM_BYTES: usize = 64 << 10;

/// More groups of samples with a description in the movie header are refused: every fragment is
/// compared with all of them.
const MAX_GROUPS: usize = 1000;

/// A movie header with its whole box, where something in it is encrypted.
#[derive(Debug)]
pub(in crate::media) struct Header<'m> {
    movie: Movie,
    /// What it announces to protection systems.
    pub(super) systems: Arc<[Pssh]>,
    /// The whole box, and where in the file it starts.
    pub(super) raw: &'m [u8],
    pub(super) offset: u64,
}

impl<'m> Header<'m> {
    /// Reads a whole `moov` box that lies at `offset` in the file; `None` where no track is encrypted.
    ///
    /// # Errors
    /// A broken box, a scheme that is not known, protection that cannot be passed through, or more
    /// data of protection systems than anybody has.
    pub(in crate::media) fn read(moov: &'m [u8], offset: u64) -> Result<Option<Self>, MediaRule> {
        let movie = Movie::parse(moov).map_err(of_read)?;
        if !movie.tracks.values().any(is_encrypted) {
            return Ok(None);
        }
        for (id, track) in &movie.tracks {
            check(*id, track)?;
        }
        let found = children(FourCc(*b"file"), moov).next().transpose()?;
        let systems = found.as_ref().map(systems).transpose()?.unwrap_or_default();
        Ok(Some(Self { movie, systems: systems.into(), raw: moov, offset }))
    }

    /// A track that has encrypted samples.
    pub(super) fn track(&self, id: u32) -> Option<&Track> {
        self.movie.tracks.get(&id).filter(|track| is_encrypted(track))
    }
}

fn is_encrypted(track: &Track) -> bool {
    track.entries.iter().any(Option::is_some)
}

/// The sample descriptions say how samples are encrypted that say nothing of their own.
fn check(id: u32, track: &Track) -> Result<(), MediaRule> {
    if track.groups.len() > MAX_GROUPS {
        return Err(MediaRule::Limit("a track has at most 1,000 groups of encrypted samples"));
    }
    for entry in track.entries.iter().flatten() {
        let protection = &entry.defaults;
        let (crypt, skip) = protection.pattern;
        if !protection.is_protected {
            return Err(refuse(id, "only groups of its samples are encrypted (`seig`)"));
        }
        if protection.iv_size == 0 && protection.constant_iv.is_none() {
            return Err(refuse(id, "its samples have no IV"));
        }
        let has_pattern = protection.pattern != (0, 0);
        if Pattern::from_tenc(crypt, skip).is_none()
            || (has_pattern && !entry.scheme.row().has_pattern_fields)
        {
            return Err(refuse(id, "its scheme does not have the pattern that `tenc` says"));
        }
    }
    Ok(())
}

fn systems(moov: &BoxRef<'_>) -> Result<Vec<Pssh>, MediaRule> {
    let (mut found, mut bytes) = (Vec::new(), 0_usize);
    for child in moov.children() {
        let child = child?;
        if &child.kind.0 != b"pssh" {
            continue;
        }
        bytes = bytes.saturating_add(child.raw.len());
        if found.len() == MAX_SYSTEMS || bytes > MAX_SYSTEM_BYTES {
            return Err(MediaRule::Limit("a file has at most 64 pssh boxes, of 64 KiB together"));
        }
        found.push(Pssh::read(child.body)?);
    }
    Ok(found)
}

fn of_read(error: ReadError) -> MediaRule {
    match error {
        ReadError::Box(error) => error.into(),
        ReadError::Io(error) => MediaRule::Scan(error.into()),
        ReadError::UnknownScheme { track, scheme } => {
            refuse(track, format!("the protection scheme '{scheme}' is not known"))
        }
        ReadError::Fragment { track, rule } => refuse(track, rule),
        other => refuse(0, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Writer;
    use crate::ids::{KeyId, SystemId};
    use crate::isobmff::boxed;

    fn found(boxes: usize, bytes: usize) -> Result<usize, MediaRule> {
        let system = SystemId::WIDEVINE;
        let pssh = Pssh { system, key_ids: vec![KeyId::from_bytes([1; 16])], data: vec![0; bytes] };
        let mut w = Writer::default();
        boxed(&mut w, b"moov", |w| (0..boxes).for_each(|_| pssh.write(w)));
        let moov = w.into_vec();
        let moov = children(FourCc(*b"file"), &moov).next().unwrap().unwrap();
        systems(&moov).map(|found| found.len())
    }

    #[test]
    fn what_is_announced_is_bounded() {
        assert_eq!(found(64, 9).unwrap(), 64);
        assert_eq!(found(2, 30_000).unwrap(), 2);
        for (boxes, bytes) in [(65, 9), (3, 30_000), (1, 70_000)] {
            let refused = found(boxes, bytes).unwrap_err();
            assert!(matches!(refused, MediaRule::Limit(_)), "{refused}");
        }
    }
}
