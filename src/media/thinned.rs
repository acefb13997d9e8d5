//! Tracks of less pictures, for trick play: every so many of the key frames of a video level.

use std::cmp::Reverse;
use std::num::NonZero;
use std::sync::{Arc, OnceLock};

use super::index::{Sample, SampleList};
use super::timeline::{Cut, Cuts};
use super::unique::make_unique;
use super::{Asset, MediaRule, Rendition, SampleIndex, Track};
use crate::time::{WIRE_TIMESCALE, rescale};

const TOO_LONG: MediaRule =
    MediaRule::Limit("a picture of a trick play stream is shown for at most 429 seconds");

/// What is to be left of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thinning {
    /// File of the level, and its track id there.
    pub track: (usize, u32),
    /// Every so many of its key frames, the first among them.
    pub every: NonZero<u32>,
    /// Bits per second, if not those of the pictures that are left.
    pub bitrate: Option<u64>,
}

/// Where a thinned rendition comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thinned {
    /// What is left.
    pub thinning: Thinning,
    /// Name of the set that its level is in.
    pub main: String,
}

impl Asset {
    /// Adds thinned renditions of video levels, each once; of other tracks there are none.
    ///
    /// # Errors
    /// Pictures that would be shown for longer than a fragment can say.
    pub fn thin(&mut self, wanted: &[Thinning]) -> Result<(), MediaRule> {
        for (n, thinning) in wanted.iter().enumerate() {
            if wanted[..n].contains(thinning) {
                continue;
            }
            if let Some(level) = self.video.iter().find(|level| level.is_of(thinning.track)) {
                self.thinned.push(level.thinned(*thinning)?);
            }
        }
        self.thinned.sort_by_key(|thinned| Reverse(thinned.bitrate));
        make_unique(&mut self.thinned, &[]);
        Ok(())
    }

    /// What is left of a level.
    pub fn thinned(&self, thinning: Thinning) -> Option<&Rendition> {
        let is = |thinned: &Thinned| thinned.thinning == thinning;
        self.thinned.iter().find(|rendition| rendition.thinned.as_ref().is_some_and(is))
    }
}

impl Rendition {
    /// Whether it is that track of that file.
    pub fn is_of(&self, (file, id): (usize, u32)) -> bool {
        self.file == file && self.track.header.track_id == id
    }

    /// Cut where the level is, but for fragments of which no picture is left.
    fn thinned(&self, thinning: Thinning) -> Result<Self, MediaRule> {
        let pictures = self.key_frames(thinning.every);
        let end = rescale(
            self.cuts.end.cast_signed() - self.origin,
            WIRE_TIMESCALE,
            self.track.timescale,
        );
        let track = Arc::new(self.track.of_pictures(&pictures, end)?);
        let cuts = self.cuts_of(&pictures, &track);
        Ok(Self {
            named: false,
            picture_packets: OnceLock::new(),
            peak_frame_rate: OnceLock::new(),
            name: format!("{}_trick_{}", self.name, thinning.every),
            bitrate: thinning.bitrate.unwrap_or_else(|| track.average_bitrate().max(1)),
            language: self.language,
            tag: self.tag.clone(),
            title: self.title.clone(),
            traits: self.traits.clone(),
            assumed_role: self.assumed_role,
            file: self.file,
            fragment_bytes: (0..cuts.len()).map(|n| track.index.bytes(cuts.samples(n))).collect(),
            cuts_digest: cuts.digest(),
            cuts,
            track,
            origin: self.origin,
            thinned: Some(Thinned { thinning, main: self.name.clone() }),
        })
    }

    /// Every so many of the key frames that are played; each is shown later than the one before it,
    /// whatever the file says.
    fn key_frames(&self, every: NonZero<u32>) -> Vec<u32> {
        let first = self.cuts.samples(0).start;
        let played = |n: &u32| (first..self.cuts.end_sample).contains(n);
        let mut latest = None;
        let later = |n: &u32| {
            let time = Some(self.track.index.composition_time(*n));
            let is_later = time > latest;
            latest = time.max(latest);
            is_later
        };
        let keys = self.track.index.sync_samples().filter(played).filter(later);
        keys.step_by(usize::try_from(every.get()).unwrap_or(usize::MAX)).collect()
    }

    /// Where the fragments of a track with those samples start: of those in one fragment, with the first.
    fn cuts_of(&self, pictures: &[u32], track: &Track) -> Cuts {
        let fragment = |n: &u32| self.cuts.starts.partition_point(|cut| cut.sample <= *n);
        let mut starts: Vec<Cut> = Vec::new();
        let mut before = None;
        for (sample, of) in (0..).zip(pictures) {
            if before.replace(fragment(of)) != Some(fragment(of)) {
                let start = (track.presentation_time(sample) + self.origin).max(0).cast_unsigned();
                starts.push(Cut { sample, start });
            }
        }
        Cuts { starts, end_sample: track.index.len(), end: self.cuts.end }
    }
}

impl Track {
    /// A track of those samples alone, each shown until the next one is, the last until `end` (media
    /// ticks, edits applied).
    fn of_pictures(&self, pictures: &[u32], end: i64) -> Result<Self, MediaRule> {
        let time = |n: u32| self.index.composition_time(n);
        let end = self.unedited(end);
        let ends = pictures.iter().skip(1).map(|n| time(*n)).chain([end]);
        let mut list = SampleList::default();
        for (n, end) in pictures.iter().zip(ends) {
            let duration = u32::try_from((end - time(*n)).max(1)).map_err(|_| TOO_LONG)?;
            if rescale(duration.into(), self.timescale, WIRE_TIMESCALE) > u32::MAX.into() {
                return Err(TOO_LONG);
            }
            for sample in self.index.samples(*n..*n + 1) {
                let alone = Sample { duration, composition_offset: 0, sync: true, ..sample };
                list.push(&alone, self.description_of(*n))?;
            }
        }
        let later = pictures.first().map_or(0, |first| time(*first));
        let place = |n: u32| pictures.partition_point(|picture| *picture < n);
        let index = SampleIndex::of_list(list)?;
        Ok(self.with_samples(index, later, |n| u32::try_from(place(n)).unwrap_or(u32::MAX)))
    }
}
