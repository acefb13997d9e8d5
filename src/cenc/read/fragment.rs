//! A movie fragment: which bytes of the file are samples, and what opens them (ISO/IEC 14496-12
//! section 8.8; ISO/IEC 23001-7 sections 6 and 7).

use std::ops::Range;

use super::ReadError;
use super::movie::{Entry, Movie, Track};
use crate::bytes::Truncated;
use crate::cenc::Scheme;
use crate::crypto::BLOCK;
use crate::crypto::chains::Pattern;
use crate::ids::KeyId;
use crate::isobmff::cenc::protection::{SampleProtection, group_descriptions, group_runs};
use crate::isobmff::cenc::senc::Senc;
use crate::isobmff::cenc::{LOCAL_GROUPS, Subsample};
use crate::isobmff::moof::{Tfhd, Trun};
use crate::isobmff::moov::mvex::SampleDefaults;
use crate::isobmff::{BoxError, BoxRef, FourCc, children};

/// More samples are not taken from one fragment: it would last hours.
const MAX_SAMPLES: usize = 1_000_000;

/// The protected samples of a fragment, by their place in the file.
#[derive(Debug, Default)]
pub struct Locked {
    /// By offset.
    pub samples: Vec<LockedSample>,
    /// Subsamples of all of them.
    subsamples: Vec<Subsample>,
    /// Samples so far, clear ones too.
    count: usize,
}

/// What opens a sample, but for the key.
#[derive(Debug, Clone, Copy)]
pub struct Lock {
    /// Scheme.
    pub scheme: Scheme,
    /// Pattern of its protected ranges.
    pub pattern: Pattern,
    /// The key.
    pub kid: KeyId,
    /// The IV, with zeros behind when it has 8 bytes.
    pub iv: [u8; BLOCK],
}

/// A protected sample.
#[derive(Debug, Clone)]
pub struct LockedSample {
    /// Its track.
    pub track: u32,
    /// Where it starts in the file.
    pub offset: u64,
    /// Size in bytes.
    pub size: u32,
    /// What opens it.
    pub lock: Lock,
    /// Its part of the list of subsamples.
    subsamples: Range<usize>,
}

impl Locked {
    /// Reads a whole `moof` box that lies at `offset` in the file.
    ///
    /// # Errors
    /// A broken box, or samples that the movie header does not describe.
    pub fn parse(moof: &[u8], offset: u64, movie: &Movie) -> Result<Self, ReadError> {
        let mut locked = Self::default();
        for fragment in children(FourCc(*b"file"), moof) {
            let mut end = offset;
            for child in fragment?.children() {
                let child = child?;
                if &child.kind.0 == b"traf" {
                    end = locked.read(&child, offset, end, movie)?;
                }
            }
        }
        locked.samples.sort_by_key(|sample| sample.offset);
        Ok(locked)
    }

    /// The subsamples of one of the samples; none = the whole sample is protected.
    pub fn subsamples(&self, sample: &LockedSample) -> &[Subsample] {
        &self.subsamples[sample.subsamples.clone()]
    }

    /// Gives the offset behind the data of the track fragment.
    fn read(
        &mut self,
        traf: &BoxRef<'_>,
        moof: u64,
        end: u64,
        movie: &Movie,
    ) -> Result<u64, ReadError> {
        let tfhd = Tfhd::parse(&traf.require(b"tfhd")?)?;
        let base = match (tfhd.base_data_offset, tfhd.base_is_moof) {
            (Some(offset), _) => offset,
            (None, true) => moof,
            (None, false) => end,
        };
        let (defaults, mut aux) = Aux::of(&tfhd, traf, movie)?;
        let outside = ReadError::Fragment { track: tfhd.track_id, rule: OUTSIDE };
        let mut at = Some(base);
        for child in traf.children() {
            let child = child?;
            if &child.kind.0 != b"trun" {
                continue;
            }
            let run = Trun::parse(&child)?;
            if let Some(offset) = run.data_offset {
                at = base.checked_add_signed(offset.into());
            }
            self.count(tfhd.track_id, run.count)?;
            for sample in run.samples(defaults) {
                let Some(offset) = at else { return Err(outside) };
                if let Some(aux) = &mut aux {
                    self.add(offset, sample.size, aux)?;
                }
                at = offset.checked_add(sample.size.into());
            }
        }
        if aux.and_then(|aux| aux.senc).is_some_and(|senc| senc.left() > 0) {
            let rule = "senc has more samples than the fragment";
            return Err(ReadError::Fragment { track: tfhd.track_id, rule });
        }
        at.ok_or(outside)
    }

    /// A run may have no bytes for its samples, so that a short file could claim any number.
    fn count(&mut self, track: u32, more: u32) -> Result<(), ReadError> {
        self.count = self.count.saturating_add(more as usize);
        if self.count > MAX_SAMPLES {
            let rule = "a fragment has more than 1,000,000 samples";
            return Err(ReadError::Fragment { track, rule });
        }
        Ok(())
    }

    pub(super) fn add(
        &mut self,
        offset: u64,
        size: u32,
        aux: &mut Aux<'_>,
    ) -> Result<(), ReadError> {
        let Some((lock, own)) = aux.next()? else { return Ok(()) };
        let from = self.subsamples.len();
        self.subsamples.extend(own);
        let subsamples = from..self.subsamples.len();
        self.samples.push(LockedSample { track: aux.track, offset, size, lock, subsamples });
        Ok(())
    }
}

const OUTSIDE: &str = "samples lie outside of the file";

/// Runs of samples with the description of their group; `None` = as the track says.
pub(super) type Groups = Vec<(u32, Option<SampleProtection>)>;

/// The protection of the samples of a track fragment, sample by sample.
pub(super) struct Aux<'a> {
    track: u32,
    /// `None` = the samples are clear.
    pub(super) entry: Option<Entry>,
    senc: Option<Senc<'a>>,
    /// Last first.
    groups: Groups,
}

impl<'a> Aux<'a> {
    /// Of a track outside of fragments; who asks sets the entry.
    pub(super) fn of_track(track: u32, senc: Option<Senc<'a>>, groups: Groups) -> Self {
        Self { track, entry: None, senc, groups }
    }

    /// Beside what samples have unless their run says otherwise; `None` when they are clear.
    fn of(
        tfhd: &Tfhd,
        traf: &BoxRef<'a>,
        movie: &Movie,
    ) -> Result<(SampleDefaults, Option<Self>), ReadError> {
        let track = tfhd.track_id;
        let refuse = |rule| ReadError::Fragment { track, rule };
        let known = movie.tracks.get(&track);
        let known = known.ok_or(refuse("the movie header does not have it"))?;
        let defaults = tfhd.defaults(known.defaults);
        let number = (defaults.description as usize).wrapping_sub(1);
        let entry = known.entries.get(number);
        let entry = entry.ok_or(refuse("its sample description is missing"))?;
        let senc = Senc::find(traf)?;
        let own = senc.as_ref().and_then(|senc| senc.own);
        let own = own.map(|(scheme, defaults)| Entry::of_override(track, scheme, defaults));
        let Some(entry) = own.transpose()?.or(*entry) else { return Ok((defaults, None)) };
        let groups = groups(traf, &known.groups)?;
        let groups = groups.ok_or(refuse("its samples are in a group that is not described"))?;
        Ok((defaults, Some(Self { track, entry: Some(entry), senc, groups })))
    }

    /// The lock of the next sample and its subsamples; `None` when it is clear.
    fn next(
        &mut self,
    ) -> Result<Option<(Lock, impl Iterator<Item = Subsample> + use<'a>)>, ReadError> {
        let Some(entry) = self.entry else { return Ok(None) };
        let protection = self.protection(entry);
        let refuse = |rule| ReadError::Fragment { track: self.track, rule };
        let iv_size = if protection.is_protected { protection.iv_size } else { 0 };
        let sample = self.senc.as_mut().map(|senc| senc.next(iv_size)).transpose();
        let sample = sample.map_err(|Truncated| refuse("senc has too few samples"))?;
        if !protection.is_protected {
            return Ok(None);
        }
        let own = sample.as_ref().and_then(|sample| sample.iv);
        let iv = own.or(protection.constant_iv).ok_or(refuse("a sample has no IV"))?;
        let (crypt, skip) = protection.pattern;
        let pattern =
            Pattern::from_tenc(crypt, skip).ok_or(refuse("its pattern encrypts nothing"))?;
        let lock = Lock { scheme: entry.scheme, pattern, kid: protection.kid, iv };
        Ok(Some((lock, sample.into_iter().flat_map(|sample| sample.subsamples()))))
    }

    fn protection(&mut self, entry: Entry) -> SampleProtection {
        while let Some((0, _)) = self.groups.last() {
            self.groups.pop();
        }
        let group = self.groups.last_mut().and_then(|(left, group)| {
            *left -= 1;
            *group
        });
        group.unwrap_or(entry.defaults)
    }
}

/// Whether samples of a `traf` or `stbl` may be protected otherwise than their sample description says:
/// they are in groups, and of these one is not as the description.
///
/// # Errors
/// A broken box.
pub fn has_groups(holder: &BoxRef<'_>, track: &Track, entry: &Entry) -> Result<bool, BoxError> {
    let (mut described, mut grouped) = (Vec::new(), false);
    for child in holder.children() {
        let child = child?;
        match &child.kind.0 {
            b"sgpd" => described.extend(group_descriptions(&child)?),
            b"sbgp" => grouped |= group_runs(&child)?.iter().any(|(_, index)| *index != 0),
            _ => {}
        }
    }
    let differs = |group: &SampleProtection| *group != entry.defaults;
    let mut described = described.iter().chain(&track.groups).peekable();
    Ok(grouped && (described.peek().is_none() || described.any(differs)))
}

/// The runs of `seig` groups; `None` when one is not described.
fn groups(traf: &BoxRef<'_>, movie: &[SampleProtection]) -> Result<Option<Groups>, BoxError> {
    let (mut local, mut runs) = (Vec::new(), Vec::new());
    for child in traf.children() {
        let child = child?;
        match &child.kind.0 {
            b"sgpd" => local.extend(group_descriptions(&child)?),
            b"sbgp" => runs.extend(group_runs(&child)?),
            _ => {}
        }
    }
    let describe = |index: u32| match index.checked_sub(LOCAL_GROUPS) {
        _ if index == 0 => Some(None),
        Some(index) => local.get((index as usize).wrapping_sub(1)).copied().map(Some),
        None => movie.get(index as usize - 1).copied().map(Some),
    };
    let described = runs.into_iter().rev().map(|(count, index)| Some((count, describe(index)?)));
    Ok(described.collect())
}
