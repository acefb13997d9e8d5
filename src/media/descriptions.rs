//! The sample descriptions that a track uses, and from which sample on: each is kept once.

use std::collections::HashMap;
use std::sync::Arc;

use super::MediaRule;
use super::protected::Entry;
use crate::codec::{self, Codec, CodecError, MediaType};
use crate::isobmff::entry::{AudioEntry, SampleEntry, VisualEntry};
use crate::isobmff::{BoxError, BoxRef, FourCc, Rule, find};

/// More changes of the sample description are refused.
const MAX_CHANGES: usize = 1000;

/// A larger sample entry, in bytes, is refused. It holds the parameter sets, which are repeated at
/// every sync sample of a transport stream.
const MAX_ENTRY: usize = 64 << 10;

/// All sample entries that a track uses may have no more bytes together.
const MAX_ENTRIES: usize = 1 << 20;

/// Codec configuration and sample entry of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Codec configuration.
    pub codec: Codec,
    /// Sample entry for init segments: that of clear samples.
    pub entry: SampleEntry,
    /// Whether the samples are encrypted as they lie in the file.
    pub protected: bool,
}

/// The sample description from one sample on to the next change.
#[derive(Debug, Clone)]
pub struct Change {
    /// The first sample.
    pub sample: u32,
    /// Number of the description in init segments, counted from 1: that of the track is 1.
    pub number: u32,
    /// Shared by all changes with the same number.
    pub description: Arc<Description>,
}

/// What a track uses, as it is found.
#[derive(Debug, Default)]
pub(super) struct Descriptions<'a> {
    /// In the order of their first use.
    used: Vec<Arc<Description>>,
    /// Bytes of their sample entries.
    bytes: usize,
    /// Where in `used` the numbers of the file are: two may say the same.
    places: HashMap<u32, usize>,
    changes: Vec<Change>,
    /// Pictures of the first.
    visual: Option<VisualEntry<'a>>,
}

impl<'a> Descriptions<'a> {
    /// Reads those of `entries` that `runs` name: first sample and number, counted from 1. What is
    /// not packaged gives `Ok(Err(_))` with the reason.
    ///
    /// # Errors
    /// A description that is broken, too large or not there, or of another codec than the first.
    pub(super) fn of(
        entries: &[Entry<'a>],
        media_type: MediaType,
        runs: &[(u32, u32)],
    ) -> Result<Result<Self, String>, MediaRule> {
        if runs.len() > MAX_CHANGES {
            return Err(MediaRule::Limit("a track changes its sample description 1,000 times"));
        }
        let mut found = Self::default();
        for (sample, in_file) in runs {
            let at = match found.places.get(in_file) {
                Some(known) => *known,
                None => {
                    let entry = (*in_file as usize).checked_sub(1).and_then(|n| entries.get(n));
                    let missing = MediaRule::SampleTable("stsc: no such sample description");
                    match found.read(entry.ok_or(missing)?, media_type)? {
                        Ok(at) => at,
                        Err(reason) => return Ok(Err(reason)),
                    }
                }
            };
            found.places.insert(*in_file, at);
            found.change(*sample, at);
        }
        Ok(Ok(found))
    }

    /// The first description, its fields for pictures, and where others follow; `None` for a track
    /// without samples.
    pub(super) fn finish(
        mut self,
    ) -> Option<(Arc<Description>, Option<VisualEntry<'a>>, Vec<Change>)> {
        if self.changes.is_empty() {
            return None;
        }
        let first = self.changes.remove(0).description;
        Some((first, self.visual, self.changes))
    }

    /// Reads a sample entry, unless one that says the same is known, and gives its place in `used`.
    fn read(
        &mut self,
        found: &Entry<'a>,
        media_type: MediaType,
    ) -> Result<Result<usize, String>, MediaRule> {
        let Entry { entry, protected } = found;
        let Some(row) = packaged(entry, media_type) else {
            return Ok(Err(format!("codec '{}' is not packaged yet", entry.kind)));
        };
        self.bytes = self.bytes.saturating_add(entry.body.len());
        if entry.body.len() > MAX_ENTRY || self.bytes > MAX_ENTRIES {
            return Err(MediaRule::Limit(
                "a sample entry has at most 64 KiB, all of a track 1 MiB",
            ));
        }
        let described = describe(entry, row)?;
        let codec = match (row.parse)(described.config) {
            Err(CodecError::Foreign(reason)) => return Ok(Err(reason.to_owned())),
            parsed => parsed?,
        };
        if self.used.is_empty() {
            self.visual = described.visual;
        }
        let entry = match (protected, media_type) {
            (false, _) => described.entry,
            (true, MediaType::Video) => described.entry.without(b"sinf", VisualEntry::FIELDS)?,
            (true, MediaType::Audio) => described.entry.without(b"sinf", AudioEntry::FIELDS)?,
        };
        self.place(Description { codec, entry, protected: *protected }).map(Ok)
    }

    fn place(&mut self, description: Description) -> Result<usize, MediaRule> {
        if self.used.first().is_some_and(|first| first.entry.kind != description.entry.kind) {
            let rule = "the track goes over to another codec";
            return Err(MediaRule::SeveralDescriptions(rule));
        }
        let same = |known: &Arc<Description>| {
            known.entry == description.entry && known.protected == description.protected
        };
        let known = self.used.iter().position(same);
        let at = known.unwrap_or(self.used.len());
        if known.is_none() {
            self.used.push(Arc::new(description));
        }
        Ok(at)
    }

    /// Goes over to another description, unless it says the same as the one before.
    fn change(&mut self, sample: u32, at: usize) {
        // There are at most as many as changes.
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let same = self.changes.last().is_some_and(|last| last.number == number);
        if let (Some(description), false) = (self.used.get(at), same) {
            self.changes.push(Change { sample, number, description: Arc::clone(description) });
        }
    }
}

/// The codec row of a sample entry, if it is packaged and of that kind.
pub(super) fn packaged(entry: &BoxRef<'_>, media_type: MediaType) -> Option<&'static codec::Row> {
    codec::row(entry.kind.0).filter(|row| row.media_type == media_type)
}

/// What a sample entry says of its track.
struct Described<'a> {
    /// The entry for init segments.
    entry: SampleEntry,
    /// Its fields and boxes for pictures; `None` for sound.
    visual: Option<VisualEntry<'a>>,
    /// Body of the configuration box.
    config: &'a [u8],
}

fn describe<'a>(entry: &BoxRef<'a>, row: &codec::Row) -> Result<Described<'a>, BoxError> {
    let missing = entry.error(Rule::MissingChild(FourCc(*row.config_box)));
    match row.media_type {
        MediaType::Video => {
            let visual = VisualEntry::parse(entry)?;
            let config = find(visual.children.clone(), row.config_box)?.ok_or(missing)?;
            let entry = SampleEntry::of(entry, &visual.children);
            Ok(Described { entry, visual: Some(visual), config: config.body })
        }
        MediaType::Audio => {
            let audio = AudioEntry::parse(entry)?;
            let config = audio.config(row.config_box)?.ok_or(missing)?;
            let entry = audio.to_version_0(entry, &config);
            Ok(Described { entry, visual: None, config: config.body })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::children;
    use crate::media::fixture::{TrackSpec, movie};

    /// The sample entry of a movie with `more` bytes of parameter sets.
    fn entry(more_sets: u16) -> Vec<u8> {
        let spec = TrackSpec { more_sets, ..TrackSpec::video(25, 1, vec![1]) };
        let file = movie(&[spec], 1000);
        let at = file.windows(4).position(|kind| kind == b"avc1").unwrap() - 4;
        let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        file[at..at + length].to_vec()
    }

    fn found(stsd: &[u8], runs: &[(u32, u32)]) -> Result<Vec<Change>, MediaRule> {
        let entries: Vec<Entry<'_>> = children(FourCc(*b"stsd"), stsd)
            .map(|entry| Entry::of(entry.unwrap()).unwrap())
            .collect();
        let found = Descriptions::of(&entries, MediaType::Video, runs)?.unwrap();
        Ok(found.changes)
    }

    #[test]
    fn each_description_is_kept_once() {
        // The third says the same as the first.
        let stsd = [entry(0), entry(9), entry(0)].concat();
        let runs: Vec<(u32, u32)> = (0..900).map(|n| (n, [1, 2, 3, 2][n as usize % 4])).collect();
        let changes = found(&stsd, &runs).unwrap();
        assert_eq!(changes.len(), 900);
        for (n, change) in changes.iter().enumerate() {
            assert_eq!(change.number as usize, n % 2 + 1);
            assert!(Arc::ptr_eq(&change.description, &changes[n % 2].description));
        }
        let same = found(&stsd, &[(0, 1), (5, 3)]).unwrap();
        assert_eq!(same.len(), 1);
    }

    #[test]
    fn all_descriptions_together_are_bounded() {
        let entries: Vec<Vec<u8>> = (50_000..50_021).map(entry).collect();
        let runs: Vec<(u32, u32)> = (1..=21).map(|n| (n - 1, n)).collect();
        let refused = found(&entries.concat(), &runs).unwrap_err();
        assert!(matches!(refused, MediaRule::Limit(_)), "{refused}");
        assert_eq!(found(&entries.concat(), &runs[..20]).unwrap().len(), 20);
        let many: Vec<(u32, u32)> = (0..1001).map(|n| (n, 1 + n % 2)).collect();
        let refused = found(&entries.concat(), &many).unwrap_err();
        assert!(matches!(refused, MediaRule::Limit(_)), "{refused}");
    }
}
