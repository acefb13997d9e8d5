//! Image tracks of an asset: thumbnails for scrub bars, under names and in grids, on the common
//! timeline. They have no part in how pictures and sound are cut.

use std::sync::Arc;

use super::image_track::ImageTrack;
use super::server_manifest::ImageEntry;
use super::text::Shape;
use super::timeline::{Cut, Cuts};
use super::{Grid, MediaRule, ServerManifest, SourceFile};
use crate::time::WIRE_TIMESCALE;

/// More image tracks are left out.
const MAX_TRACKS: usize = 16;

/// Name in URLs, unless the server manifest gives one.
const NAME: &str = "images";

/// An image track of an asset.
#[derive(Debug)]
pub struct ImageRendition {
    /// Name in URLs.
    pub name: String,
    /// Bits per second: with the name the identity in URLs.
    pub bitrate: u64,
    /// Index of the file in [`super::Asset::files`].
    pub file: usize,
    /// The track.
    pub track: Arc<ImageTrack>,
    /// How many thumbnails an image holds.
    pub grid: Grid,
    /// When each image is shown. The first stands also for what lies before it.
    pub cuts: Cuts,
    tile: (u16, u16),
}

impl ImageRendition {
    /// Width and height of a thumbnail in pixels.
    pub fn tile(&self) -> (u16, u16) {
        self.tile
    }

    /// Bytes of the image that fragment `n` is.
    pub fn bytes(&self, n: usize) -> u64 {
        let cut = self.cuts.starts.get(n);
        cut.and_then(|cut| self.track.image(cut.sample)).map_or(0, |image| image.size.into())
    }

    /// Memory beside the track, in bytes.
    pub fn heap_size(&self) -> usize {
        size_of::<Self>() + self.cuts.len() * size_of::<Cut>()
    }

    /// What it is, for people.
    pub fn describe(&self) -> String {
        let (width, height) = self.tile();
        let (count, grid) = (self.cuts.len(), self.grid);
        let codec = self.track.codec.row().name;
        format!("{count} {codec} images of {grid} thumbnails, {width}x{height} each")
    }
}

/// The image tracks of an asset, and notes about what is left out. `taken` are the names of all
/// other tracks.
///
/// # Errors
/// A server manifest that names an image track that is not there.
pub(super) fn renditions(
    files: &[SourceFile],
    manifest: Option<&ServerManifest>,
    timeline: &Shape,
    mut taken: Vec<String>,
) -> Result<(Vec<ImageRendition>, Vec<String>), MediaRule> {
    let candidates = match manifest {
        Some(manifest) => {
            let listed = manifest.images.iter().map(|entry| listed(files, entry));
            listed.collect::<Result<Vec<_>, _>>()?
        }
        None => inferred(files),
    };
    let (mut images, mut notes) = (Vec::new(), Vec::new());
    for (n, candidate) in candidates.into_iter().enumerate() {
        let file = &files[candidate.file].name;
        let found = match n {
            ..MAX_TRACKS => candidate.into_rendition(timeline, &taken),
            _ => Err("there are more than 16 image tracks".to_owned()),
        };
        match found {
            Ok(rendition) => {
                taken.push(rendition.name.clone());
                images.push(rendition);
            }
            Err(why) => notes.push(format!("{file}: images are left out: {why}")),
        }
    }
    Ok((images, notes))
}

/// An image track before it is put on the timeline.
struct Candidate {
    file: usize,
    track: Arc<ImageTrack>,
    grid: Grid,
    entry: ImageEntry,
}

impl Candidate {
    /// A name tells the grid of files that hold nothing else.
    fn of(files: &[SourceFile], file: usize, track: &Arc<ImageTrack>) -> Self {
        let SourceFile { name, index, .. } = &files[file];
        let named = Grid::of_name(name).filter(|_| index.tracks.is_empty());
        let grid = named.unwrap_or(Grid::SINGLE);
        Self { file, track: Arc::clone(track), grid, entry: ImageEntry::default() }
    }

    fn into_rendition(self, timeline: &Shape, taken: &[String]) -> Result<ImageRendition, String> {
        let grid = self.entry.grid.unwrap_or(self.grid);
        let (width, height) = self.track.size;
        let tile = grid.tile(self.track.size);
        let tile = tile.ok_or_else(|| format!("{width}x{height} is no grid of {grid}"))?;
        let clock = self.track.clock.saturating_sub(timeline.clock);
        let origin = timeline.origin.saturating_add(clock);
        let cuts = cuts(&self.track, origin, timeline.end());
        let cuts = cuts.ok_or("they lie outside the presentation")?;
        let given = self.entry.track_name.unwrap_or_else(|| NAME.to_owned());
        let others = (2..).map(|k| format!("{given}_{k}"));
        let free = |name: &String| !taken.contains(name);
        let name = std::iter::once(given.clone()).chain(others).find(free).unwrap_or_default();
        let bitrate = self.entry.bitrate.unwrap_or_else(|| bitrate(&self.track, &cuts));
        Ok(ImageRendition { name, bitrate, file: self.file, track: self.track, grid, cuts, tile })
    }
}

/// Image after image, those that are shown inside the presentation. One without a duration at the
/// end lasts as long as the presentation.
fn cuts(track: &ImageTrack, origin: i64, end: u64) -> Option<Cuts> {
    let count = track.index.len();
    let time = |n| u64::try_from(track.time(n).saturating_add(origin)).unwrap_or(0);
    let ends = |n| match time(n + 1) {
        same if n + 1 == count && same == time(n) => end,
        other => other,
    };
    let shown = |n: &u32| time(*n) < ends(*n) && time(*n) < end;
    let cut = |sample| Cut { sample, start: time(sample) };
    let mut starts: Vec<Cut> = (0..count).filter(shown).map(cut).collect();
    let last = starts.last()?.sample;
    starts.first_mut()?.start = 0;
    Some(Cuts { starts, end_sample: last + 1, end: ends(last) })
}

/// Bits per second of all images, at least 1.
fn bitrate(track: &ImageTrack, cuts: &Cuts) -> u64 {
    let bits = u128::from(track.index.bytes(0..track.index.len())) * 8;
    let rate = bits * u128::from(WIRE_TIMESCALE) / u128::from(cuts.end.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX).max(1)
}

/// All image tracks; files of a set may carry the same one each.
fn inferred(files: &[SourceFile]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for (file, source) in files.iter().enumerate() {
        for track in &source.index.images {
            if !candidates.iter().any(|known| known.track.is_like(track)) {
                candidates.push(Candidate::of(files, file, track));
            }
        }
    }
    candidates
}

fn listed(files: &[SourceFile], entry: &ImageEntry) -> Result<Candidate, MediaRule> {
    let missing = |what: &str| MediaRule::ServerManifest(format!("{} {what}", entry.src));
    let file = files.iter().position(|file| file.name == entry.src);
    let file = file.ok_or_else(|| missing("is not in the folder"))?;
    let named = |track: &&Arc<ImageTrack>| entry.track_id.is_none_or(|id| id == track.track_id);
    let track = files[file].index.images.iter().find(named);
    let track = track.ok_or_else(|| missing("has no such image track"))?;
    Ok(Candidate { entry: entry.clone(), ..Candidate::of(files, file, track) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FileIndex;
    use crate::media::fixture::{TrackSpec, movie};

    const SECOND: u64 = WIRE_TIMESCALE as u64;

    /// A track of as many images as there are durations, in seconds, with these edits.
    fn track(durations: &[u32], edits: &[(u64, i64)]) -> Arc<ImageTrack> {
        let sizes = vec![20; durations.len()];
        let spec = TrackSpec {
            durations: durations.iter().map(|seconds| (1, *seconds * 10)).collect(),
            edits: edits.to_vec(),
            ..TrackSpec::video(10, 1, sizes)
        };
        let mut file = movie(&[spec], 1000);
        let find = |file: &[u8], what: &[u8]| file.windows(what.len()).position(|w| w == what);
        let entry = find(&file, b"avc1").unwrap();
        file[entry..entry + 4].copy_from_slice(b"jpeg");
        let first = find(&file, &[0, 1, 2, 3]).unwrap();
        file[first..first + 3].copy_from_slice(&[0xff, 0xd8, 0xff]);
        let index = FileIndex::read(file.as_slice()).unwrap();
        let [track] = index.images.as_slice() else { panic!("{:?}", index.skipped) };
        Arc::clone(track)
    }

    /// Start of each image and the end of the last, in seconds.
    fn times(track: &ImageTrack, origin: i64, end: u64) -> Vec<u64> {
        let cuts = cuts(track, origin * WIRE_TIMESCALE as i64, end * SECOND).unwrap();
        let starts = cuts.starts.iter().map(|cut| cut.start);
        starts.chain([cuts.end]).map(|time| time / SECOND).collect()
    }

    #[test]
    fn images_are_shown_from_the_start_and_one_after_the_other() {
        assert_eq!(times(&track(&[5, 5, 5], &[]), 0, 15), [0, 5, 10, 15]);
        assert_eq!(times(&track(&[5, 5], &[(3000, -1), (0, 0)]), 0, 15), [0, 8, 13]);
        assert_eq!(times(&track(&[5, 5, 5], &[]), -7, 8), [0, 3, 8], "one lies before the start");
    }

    #[test]
    fn what_has_no_duration_or_lies_behind_the_end_is_not_shown() {
        assert_eq!(times(&track(&[5, 0, 5], &[]), 0, 15), [0, 5, 10]);
        assert_eq!(times(&track(&[5, 0], &[]), 0, 15), [0, 5, 15], "the last lasts to the end");
        assert_eq!(times(&track(&[5, 5, 5], &[]), 0, 7), [0, 5, 10], "the last one stays whole");
        assert_eq!(cuts(&track(&[5], &[]), 20 * WIRE_TIMESCALE as i64, 7 * SECOND), None);
    }
}
