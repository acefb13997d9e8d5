//! Tracks that another packager has encrypted (ISO/IEC 23001-7, PIFF 1.1) and that are passed through as
//! they are: how they are protected, and where the IVs and subsamples of their samples lie.

mod build;
mod data;
mod header;
mod holder;
mod places;

use std::fmt;
use std::io;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use self::places::Kept;
use super::{Asset, MediaRule, SampleIndex, Track};
use crate::bytes::ReadAt;
use crate::cenc::Scheme;
use crate::isobmff::FourCc;
use crate::isobmff::cenc::protection::SampleProtection;
use crate::isobmff::cenc::{Pssh, SampleAuxiliary, Sinf, Tenc};

pub(super) use self::header::Header;
pub(super) use self::holder::Holder;
pub(super) use self::places::Places;

/// What becomes of files whose samples somebody has encrypted already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encrypted {
    /// They are refused.
    #[default]
    Refuse,
    /// They are served as they are.
    Pass,
}

impl Encrypted {
    /// Every choice, with its name.
    pub const ALL: [(Self, &'static str); 2] = [(Self::Refuse, "refuse"), (Self::Pass, "pass")];
}

/// The text is no choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what becomes of encrypted files is refuse or pass")]
pub struct NoSuchChoice;

impl FromStr for Encrypted {
    type Err = NoSuchChoice;

    fn from_str(text: &str) -> Result<Self, NoSuchChoice> {
        let named = Self::ALL.iter().find(|(_, name)| *name == text);
        named.map(|(choice, _)| *choice).ok_or(NoSuchChoice)
    }
}

impl fmt::Display for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.iter().find(|(choice, _)| choice == self);
        f.write_str(named.map_or("refuse", |(_, name)| name))
    }
}

/// Why what opens samples cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The data in the file are not what they were when it was opened.
    #[error("encrypted samples: {0}")]
    Data(&'static str),
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// How the samples of a track are encrypted in its file.
#[derive(Debug)]
pub struct Sealed {
    /// The scheme.
    pub scheme: Scheme,
    /// Key, pattern and IVs.
    pub protection: SampleProtection,
    /// What the file announces to protection systems, for all its tracks.
    pub systems: Arc<[Pssh]>,
    /// The first encrypted sample: those before are a clear lead.
    first: u32,
    /// Numbers of the sample descriptions of the clear lead.
    clear: Box<[u32]>,
    places: Kept,
}

impl Sealed {
    /// The protection information of encrypted sample entries.
    pub fn sinf(&self, original: FourCc) -> Sinf {
        let row = self.scheme.row();
        let SampleProtection { pattern, iv_size, kid, constant_iv, .. } = self.protection;
        let tenc = Tenc {
            pattern: row.has_pattern_fields.then_some(pattern),
            per_sample_iv_size: iv_size,
            constant_iv,
            kid,
        };
        Sinf { original_format: original, scheme: row.fourcc, tenc }
    }

    /// Whether the sample description of that number is of encrypted samples.
    pub fn covers(&self, description: u32) -> bool {
        !self.clear.contains(&description)
    }

    /// Whether a sample belongs to the clear lead.
    pub fn leads(&self, sample: u32) -> bool {
        sample < self.first
    }

    /// What opens these samples; `None` for those of the clear lead. All are one or the other, as the
    /// samples of a fragment have one description.
    ///
    /// # Errors
    /// A file that changed, or a failed read.
    pub fn auxiliary<S: ReadAt + ?Sized>(
        &self,
        index: &SampleIndex,
        samples: Range<u32>,
        source: &S,
    ) -> Result<Option<SampleAuxiliary>, SealedError> {
        if self.leads(samples.start) {
            return Ok(None);
        }
        let data = self.places.read(samples.clone(), source)?;
        let iv_size = self.protection.iv_size;
        let mut auxiliary = SampleAuxiliary { iv_size, ..SampleAuxiliary::default() };
        let mut rest = data.as_slice();
        for sample in index.samples(samples) {
            let size = usize::from(self.places.size(sample.number));
            let missing = SealedError::Data("the data of a sample are missing");
            let (own, others) = rest.split_at_checked(size).ok_or(missing)?;
            rest = others;
            let list = &mut auxiliary.subsamples;
            let read = data::read(own, iv_size, sample.size, |subsample| list.push(subsample));
            auxiliary.samples.push(read.map_err(SealedError::Data)?);
        }
        auxiliary.has_subsamples = !auxiliary.subsamples.is_empty();
        Ok(Some(auxiliary))
    }

    /// Bytes of what opens these samples, without the boxes that it lies in.
    pub fn auxiliary_bytes(&self, samples: Range<u32>) -> u64 {
        match self.leads(samples.start) {
            true => 0,
            false => self.places.bytes(samples) as u64,
        }
    }

    /// Memory in bytes, for caches. What is announced counts with each track, though it is shared.
    pub fn heap_size(&self) -> usize {
        let systems: u64 = self.systems.iter().map(Pssh::length).sum();
        let systems = usize::try_from(systems).unwrap_or(usize::MAX);
        size_of::<Self>() + size_of_val(&*self.clear) + self.places.heap_size() + systems
    }
}

impl Asset {
    /// The scheme under which somebody has encrypted its tracks already: all that are, are by one.
    pub fn sealed(&self) -> Option<Scheme> {
        self.renditions().find_map(|rendition| Some(rendition.track.sealed.as_ref()?.scheme))
    }
}

/// Refuses tracks that are encrypted under several schemes: a manifest says one for all of it.
pub(super) fn check(tracks: &[&Track]) -> Result<(), MediaRule> {
    let sealed = tracks.iter().filter_map(|track| track.sealed.as_ref());
    let mut schemes = sealed.map(|sealed| sealed.scheme);
    let first = schemes.next();
    match schemes.all(|scheme| Some(scheme) == first) {
        true => Ok(()),
        false => Err(MediaRule::SeveralSchemes),
    }
}

fn refuse(track: u32, rule: impl Into<String>) -> MediaRule {
    MediaRule::NotPassed { track, rule: rule.into() }
}
