//! Objects that are read at positions, in whole blocks: what lies near each other is one request, and
//! what is asked for again soon, by whomever, none.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore as _};

use super::{Bucket, Cloud};
use crate::bytes::ReadAt;
use crate::store::files::FileVersion;

/// Bytes of a block: samples of one track that lie apart by less are one request.
const BLOCK: u64 = 1 << 20;
/// Blocks that are held at a time, for all objects together.
const MAX_BLOCKS: usize = 24;

pub(super) const CHANGED: &str = "the object changed while it was read";

/// An object and the version it had when it was opened.
#[derive(Debug)]
pub struct ObjectFile {
    cloud: Arc<Cloud>,
    bucket: Arc<dyn Bucket>,
    meta: ObjectMeta,
    version: FileVersion,
    /// Tells its blocks from those of others.
    id: u64,
}

impl ObjectFile {
    pub(super) fn new(cloud: Arc<Cloud>, bucket: Arc<dyn Bucket>, meta: ObjectMeta) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let tag = meta.e_tag.as_deref().or(meta.version.as_deref()).unwrap_or_default();
        let modified =
            (meta.last_modified.timestamp(), meta.last_modified.timestamp_subsec_nanos());
        let version = FileVersion::of_object(meta.size, modified, tag);
        Self { cloud, bucket, meta, version, id: NEXT.fetch_add(1, Relaxed) }
    }

    /// The version when it was opened.
    pub fn version(&self) -> FileVersion {
        self.version
    }

    fn block(&self, n: u64) -> io::Result<Bytes> {
        let start = n * BLOCK;
        let range = start..start.saturating_add(BLOCK).min(self.meta.size);
        self.cloud.blocks.get((self.id, n), || self.fetch(range))
    }

    /// Bytes of the version that is known; the object itself may have another by now.
    fn fetch(&self, range: Range<u64>) -> io::Result<Bytes> {
        let (bucket, path) = (Arc::clone(&self.bucket), self.meta.location.clone());
        let expected = range.end - range.start;
        let tag = self.meta.e_tag.clone();
        let unmodified = tag.is_none().then_some(self.meta.last_modified);
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: tag.clone(),
            if_unmodified_since: unmodified,
            ..GetOptions::default()
        };
        let (now, data) = self.cloud.wait(async move {
            let got = bucket.get_opts(&path, options).await?;
            let now = got.meta.e_tag.clone();
            Ok((now, got.bytes().await?))
        })?;
        // Not every store knows conditions.
        if now != tag || data.len() as u64 != expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, CHANGED));
        }
        Ok(data)
    }
}

impl ReadAt for ObjectFile {
    fn len(&self) -> u64 {
        self.meta.size
    }

    fn read_exact_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.meta.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !buffer.is_empty() {
            let block = self.block(offset / BLOCK)?;
            let at = usize::try_from(offset % BLOCK).unwrap_or(usize::MAX);
            let rest = block.get(at..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            buffer = &mut buffer[count..];
            offset += count as u64;
        }
        Ok(())
    }
}

/// Which object and which of its blocks.
type Name = (u64, u64);
/// A block, or the place of one that is on its way: who wants it too waits.
type Slot = Arc<Mutex<Option<Bytes>>>;

/// Blocks that were read last.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// The one used last at the end.
    slots: Mutex<VecDeque<(Name, Slot)>>,
}

impl Blocks {
    /// A block, fetched if need be in the place of the one that was not used for longest.
    fn get(&self, name: Name, fetch: impl FnOnce() -> io::Result<Bytes>) -> io::Result<Bytes> {
        let slot = self.slot(name);
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = &*held {
            return Ok(block.clone());
        }
        let block = fetch()?;
        *held = Some(block.clone());
        Ok(block)
    }

    fn slot(&self, name: Name) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().position(|(known, _)| *known == name);
        let used = known.and_then(|at| slots.remove(at)).unwrap_or_else(|| {
            if slots.len() >= MAX_BLOCKS {
                slots.pop_front();
            }
            (name, Slot::default())
        });
        let slot = Arc::clone(&used.1);
        slots.push_back(used);
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn blocks_are_fetched_once_and_few_are_held() {
        let (blocks, fetched) = (Blocks::default(), Cell::new(0));
        let get = |n: u64| {
            let fetch = || {
                fetched.set(fetched.get() + 1);
                Ok(Bytes::from(n.to_string()))
            };
            assert_eq!(blocks.get((0, n), fetch).unwrap(), n.to_string());
        };
        let most = MAX_BLOCKS as u64;
        (0..most).chain(0..most).for_each(get);
        assert_eq!(fetched.get(), MAX_BLOCKS);
        // The first was used last: the second makes room.
        [0, most, 0].into_iter().for_each(get);
        assert_eq!(fetched.get(), MAX_BLOCKS + 1);
        get(1);
        assert_eq!(fetched.get(), MAX_BLOCKS + 2);
        assert_eq!(blocks.slots.lock().unwrap().len(), MAX_BLOCKS);
    }

    #[test]
    fn what_could_not_be_fetched_is_tried_again() {
        let blocks = Blocks::default();
        blocks.get((0, 0), || Err(io::ErrorKind::TimedOut.into())).unwrap_err();
        let block = blocks.get((0, 0), || Ok(Bytes::from_static(b"a"))).unwrap();
        assert_eq!(block, "a");
    }
}
