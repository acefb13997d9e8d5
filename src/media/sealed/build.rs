//! From the boxes of a file to its encrypted tracks: fragment by fragment while they are indexed, then
//! what the track as a whole says.

use std::sync::Arc;

use ring::digest::Context;

use super::header::Header;
use super::holder::Holder;
use super::places::Places;
use super::{Sealed, refuse};
use crate::bytes::ReadAt;
use crate::cenc::read::{Entry, Track as Known};
use crate::isobmff::BoxRef;
use crate::isobmff::cenc::senc::Senc;
use crate::media::{MediaRule, Track};

impl Header<'_> {
    /// Adds where the data of the samples of a track fragment lie; `description` is that of all of
    /// them. Nothing of tracks that are clear.
    ///
    /// # Errors
    /// Data that are missing or are not those of the samples, keys that differ within the track.
    pub(in crate::media) fn add_fragment<S: ReadAt + ?Sized>(
        &self,
        holder: &Holder<'_>,
        description: u32,
        sizes: &[u32],
        places: &mut Places,
        (source, digest): (&S, &mut Context),
    ) -> Result<(), MediaRule> {
        let Some(known) = self.track(holder.track).filter(|_| !sizes.is_empty()) else {
            return Ok(());
        };
        match entry(known, description) {
            None => sizes.iter().for_each(|_| places.push_none()),
            Some(entry) => {
                let senc = Senc::find(&holder.parent)?;
                let sizes = sizes.iter().copied();
                holder.add(senc, (known, &entry), sizes, places, (source, digest))?;
            }
        }
        Ok(())
    }

    /// How a track is encrypted; `None` where no sample of it is. `trak` is its box, `places` are those
    /// that its fragments have given.
    ///
    /// # Errors
    /// As [`Self::add_fragment`], and samples that are clear behind encrypted ones.
    pub(in crate::media) fn seal<S: ReadAt + ?Sized>(
        &self,
        track: &Track,
        trak: &BoxRef<'_>,
        mut places: Places,
        (source, digest): (&S, &mut Context),
    ) -> Result<Option<Sealed>, MediaRule> {
        let id = track.header.track_id;
        let Some(known) = self.track(id) else { return Ok(None) };
        let Some(Used { first, entry, clear }) = Used::of(known, track)? else { return Ok(None) };
        if places.len() == 0 {
            if first > 0 {
                return Err(refuse(id, "a sample table has clear and encrypted samples"));
            }
            let path = [b"mdia", b"minf", b"stbl"];
            let stbl = path.into_iter().try_fold(*trak, |parent, name| parent.require(name))?;
            let holder =
                Holder { track: id, parent: stbl, header: self.raw, offset: self.offset, base: 0 };
            let senc =
                Senc::find(&stbl)?.map_or_else(|| Senc::find(trak), |senc| Ok(Some(senc)))?;
            let sizes = track.index.samples(0..track.index.len()).map(|sample| sample.size);
            holder.add(senc, (known, &entry), sizes, &mut places, (source, digest))?;
        }
        if places.len() != track.index.len() {
            return Err(refuse(id, "its samples lie in the movie header and in fragments"));
        }
        Ok(Some(Sealed {
            scheme: entry.scheme,
            protection: entry.defaults,
            systems: Arc::clone(&self.systems),
            first,
            clear: clear.into(),
            places: places.finish(),
        }))
    }
}

/// The sample description of that number, if its samples are encrypted.
fn entry(known: &Known, description: u32) -> Option<Entry> {
    let at = (description as usize).checked_sub(1)?;
    known.entries.get(at).copied().flatten()
}

/// What the samples of a track use.
struct Used {
    /// The first encrypted sample.
    first: u32,
    /// How it and all behind it are encrypted.
    entry: Entry,
    /// Numbers of the clear descriptions.
    clear: Vec<u32>,
}

impl Used {
    fn of(known: &Known, track: &Track) -> Result<Option<Self>, MediaRule> {
        let refuse = |rule| Err(refuse(track.header.track_id, rule));
        let (mut used, mut clear) = (None, Vec::new());
        for (sample, description) in &track.index.descriptions {
            match (entry(known, *description), &used) {
                (None, None) => clear.push(track.description_of(*sample)),
                (None, Some(_)) => return refuse("clear samples follow encrypted ones"),
                (Some(entry), None) => used = Some((*sample, entry)),
                (Some(entry), Some((_, before))) if entry != *before => {
                    return refuse("it changes its key or its scheme");
                }
                (Some(_), Some(_)) => {}
            }
        }
        Ok(used.map(|(first, entry)| Self { first, entry, clear }))
    }
}
