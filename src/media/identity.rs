//! What tells one content from another, wherever its file lies and whenever it was written there:
//! IVs and entity tags are derived from it, so copies of a file on several instances agree.

use std::io;

use ring::digest::{Context, SHA256};

use super::{Asset, ImageRendition, Rendition, SampleIndex, Track};
use crate::bytes::ReadAt;
use crate::codec::MediaType;

/// So many samples of a track are looked at, from its first to its last. Tables tell most versions
/// of a film apart, but where all samples have one size they may be equal.
const LOOKED_AT: u32 = 32;

/// Bytes of each of them at most.
const AT_MOST: u32 = 4096;

/// Adds the beginnings of some samples of a track to the digest of its file. Gives their own.
pub(super) fn add_samples<S: ReadAt + ?Sized>(
    index: &SampleIndex,
    source: &S,
    digest: &mut Context,
) -> io::Result<[u8; 32]> {
    let mut own = Context::new(&SHA256);
    let mut buffer = [0; AT_MOST as usize];
    for n in spread(index.len()) {
        for sample in index.samples(n..n + 1) {
            let beginning = &mut buffer[..sample.size.min(AT_MOST) as usize];
            source.read_exact_at(sample.offset, beginning)?;
            digest.update(beginning);
            own.update(beginning);
        }
    }
    let mut content = [0; 32];
    content.copy_from_slice(own.finish().as_ref());
    Ok(content)
}

/// Whether two tracks hold equal sound: samples of the same sizes, and those that are looked at have
/// the same bytes. Sizes alone say little, as codecs of a constant bitrate have one for all sound.
pub(super) fn is_equal_sound(a: &Track, b: &Track) -> bool {
    fn sizes(track: &Track) -> impl Iterator<Item = u32> {
        track.index.samples(0..track.index.len()).map(|sample| sample.size)
    }
    a.media_type == MediaType::Audio
        && (a.language, &a.codec, a.content) == (b.language, &b.codec, b.content)
        && sizes(a).eq(sizes(b))
}

/// Numbers of samples at equal distances, each once, the last one among them.
fn spread(count: u32) -> impl Iterator<Item = u32> {
    let (last, steps) = (u64::from(count.saturating_sub(1)), u64::from(LOOKED_AT - 1));
    let at = move |step: u64| u32::try_from(step * last / steps).unwrap_or(u32::MAX);
    let chosen = count.min(LOOKED_AT);
    (0..chosen).map(move |n| if chosen < LOOKED_AT { n } else { at(n.into()) })
}

impl Asset {
    /// Names what a rendition holds and where it is cut. The cuts depend on the other files too: with
    /// parameter sets that change in the samples, the protected ranges of a sample may depend on where
    /// its fragment starts. Two renditions of one content have one name. Thinned ones number their samples
    /// anew, so what is left out is part of it.
    pub fn identity(&self, rendition: &Rendition) -> Vec<u8> {
        let Rendition { track, cuts_digest, origin, .. } = rendition;
        let (id, origin) = (track.header.track_id.to_be_bytes(), origin.to_be_bytes());
        let parts = [&b"track"[..], &self.digest_of(rendition.file)[..], &id, cuts_digest, &origin];
        let thinned = rendition.thinned.as_ref().map(|thinned| thinned.thinning.every.get());
        let thinned = thinned.map_or_else(Vec::new, |every| every.to_be_bytes().to_vec());
        [&parts.concat(), &thinned[..]].concat()
    }

    /// Names what an image track holds. Where the others are cut is no part of it.
    pub fn image_identity(&self, images: &ImageRendition) -> Vec<u8> {
        let id = images.track.track_id.to_be_bytes();
        [&b"images"[..], &self.digest_of(images.file)[..], &id].concat()
    }

    fn digest_of(&self, file: usize) -> &[u8; 32] {
        // Renditions are of these files.
        &self.files[file].index.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_are_all_looked_at_and_of_many_the_first_and_the_last() {
        for count in [0, 1, 2, 31, 32, 33, 1000, u32::MAX] {
            let chosen: Vec<u32> = spread(count).collect();
            assert_eq!(chosen.len() as u32, count.min(LOOKED_AT));
            assert!(chosen.is_sorted_by(|a, b| a < b), "{chosen:?}");
            assert_eq!(chosen.first().copied(), (count > 0).then_some(0));
            assert_eq!(chosen.last().copied(), count.checked_sub(1));
        }
    }
}
