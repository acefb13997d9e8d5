//! Objects that are written at positions: parts are sent when they are full, in whatever order that is.
//! Nothing is seen of an object until all of it is there; what is not finished is taken back.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, MultipartId, ObjectStore as _, PutMultipartOptions, PutOptions,
};

use super::{Bucket, Cloud};
use crate::store::location::Provider;

/// Bytes of a part: the least that S3 takes.
const PART: u64 = 5 << 20;
/// Objects are expected to have at most that many parts; S3 allows twice as many.
const PARTS: u64 = 5_000;

/// What an object is by the extension of its key: who serves a bucket says what is written here.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("mpd", "application/dash+xml"),
    ("mp4", "video/mp4"),
    ("m4s", "video/mp4"),
    ("m4v", "video/mp4"),
    ("m4f", "video/mp4"),
    ("cmfv", "video/mp4"),
    ("m4a", "audio/mp4"),
    ("cmfa", "audio/mp4"),
    ("cmft", "application/mp4"),
    ("ts", "video/mp2t"),
    ("vtt", "text/vtt"),
];

/// An object that is being written; what has its name keeps it until [`Self::finish`].
#[derive(Debug)]
pub struct Upload {
    cloud: Arc<Cloud>,
    bucket: Arc<dyn Bucket>,
    path: Path,
    part: u64,
    /// Bytes that a part will probably have: room that is taken at once, for what grows is copied.
    room: usize,
    attributes: Attributes,
    /// Whether the store takes attributes of what comes in parts.
    described: bool,
    /// Made when the first part is full: most objects have but one.
    id: Mutex<Option<MultipartId>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    length: u64,
    /// The parts that are not full.
    open: BTreeMap<u64, Part>,
    sent: BTreeMap<u64, PartId>,
}

#[derive(Debug, Default)]
struct Part {
    data: Vec<u8>,
    /// How many of its bytes were written.
    filled: usize,
}

impl Upload {
    pub(super) fn new(
        cloud: Arc<Cloud>,
        bucket: Arc<dyn Bucket>,
        (provider, path): (Provider, Path),
        expected: u64,
    ) -> Self {
        let extension = path.extension().unwrap_or_default();
        let known = CONTENT_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
        let attributes = known.map(|(_, media_type)| (Attribute::ContentType, *media_type));
        let part = PART.max(expected.div_ceil(PARTS));
        Self {
            cloud,
            bucket,
            path,
            part,
            room: usize::try_from(part.min(expected)).unwrap_or_default(),
            attributes: attributes.into_iter().collect(),
            described: provider != Provider::Azure,
            id: Mutex::default(),
            state: Mutex::default(),
        }
    }

    /// Writes at a position; no byte is written twice. Parts that are full then are sent.
    ///
    /// # Errors
    /// A failure of the store.
    pub fn write_all_at(&self, mut content: &[u8], mut position: u64) -> io::Result<()> {
        while !content.is_empty() {
            let (n, at) = (position / self.part, position % self.part);
            let room = usize::try_from(self.part - at).unwrap_or(usize::MAX);
            let (head, rest) = content.split_at(room.min(content.len()));
            let full = self.state().fill((n, at), head, (self.part, self.room));
            if let Some(data) = full {
                self.send(n, data)?;
            }
            content = rest;
            position += head.len() as u64;
        }
        Ok(())
    }

    /// Gives the object its name, in place of what has it.
    ///
    /// # Errors
    /// A failure of the store; `Other` when bytes in between were never written.
    pub fn finish(&self) -> io::Result<()> {
        let (length, open) = {
            let mut state = self.state();
            (state.length, std::mem::take(&mut state.open))
        };
        let last = length / self.part;
        let whole = |(n, part): &(&u64, &Part)| {
            **n == last && part.filled as u64 == length - last * self.part
        };
        if open.len() > 1 || !open.iter().all(|part| whole(&part)) {
            return Err(io::Error::other("not every part was written"));
        }
        let rest = open.into_values().next();
        if self.id().is_none() {
            return self.put(rest.unwrap_or_default().data);
        }
        if let Some(part) = rest {
            self.send(last, part.data)?;
        }
        self.complete(length)
    }

    /// An object of one part, or of none.
    fn put(&self, data: Vec<u8>) -> io::Result<()> {
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        let options = PutOptions { attributes: self.attributes.clone(), ..PutOptions::default() };
        let put = async move { bucket.put_opts(&path, Bytes::from(data).into(), options).await };
        self.cloud.wait(put).map(drop)
    }

    fn send(&self, n: u64, data: Vec<u8>) -> io::Result<()> {
        let id = self.begin()?;
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        let number = usize::try_from(n).map_err(io::Error::other)?;
        let put =
            async move { bucket.put_part(&path, &id, number, Bytes::from(data).into()).await };
        let part = self.cloud.wait(put)?;
        self.state().sent.insert(n, part);
        Ok(())
    }

    /// The id of the upload; who comes while it is asked for waits.
    fn begin(&self) -> io::Result<MultipartId> {
        let mut id = self.id();
        if let Some(id) = &*id {
            return Ok(id.clone());
        }
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        let attributes = if self.described { self.attributes.clone() } else { Attributes::new() };
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let begin = async move { bucket.create_multipart_opts(&path, options).await };
        let begun = self.cloud.wait(begin)?;
        Ok(id.insert(begun).clone())
    }

    fn complete(&self, length: u64) -> io::Result<()> {
        let sent = std::mem::take(&mut self.state().sent);
        if sent.len() as u64 != length.div_ceil(self.part) {
            return Err(io::Error::other("not every part was sent"));
        }
        let Some(id) = self.id().clone() else { return Ok(()) };
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        let parts = sent.into_values().collect();
        let complete = async move { bucket.complete_multipart(&path, &id, parts).await };
        self.cloud.wait(complete)?;
        *self.id() = None;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self) -> MutexGuard<'_, Option<MultipartId>> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upload {
    /// Parts that were sent cost their owner until they are taken back.
    fn drop(&mut self) {
        let Some(id) = self.id().take() else { return };
        let (bucket, path) = (Arc::clone(&self.bucket), self.path.clone());
        let abort = async move { bucket.abort_multipart(&path, &id).await };
        if let Err(error) = self.cloud.wait(abort) {
            tracing::warn!(path = %self.path, %error, "parts of an unfinished object are left");
        }
    }
}

impl State {
    /// Writes into a part of `size` bytes; gives it when it is full.
    fn fill(
        &mut self,
        (n, at): (u64, u64),
        content: &[u8],
        (size, room): (u64, usize),
    ) -> Option<Vec<u8>> {
        // A part fits into memory, and a position in it too.
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        let end = start + content.len();
        self.length = self.length.max(n * size + end as u64);
        let new = || Part { data: Vec::with_capacity(room), filled: 0 };
        let part = self.open.entry(n).or_insert_with(new);
        if part.data.len() < end {
            part.data.resize(end, 0);
        }
        part.data[start..end].copy_from_slice(content);
        part.filled += content.len();
        if (part.filled as u64) < size {
            return None;
        }
        self.open.remove(&n).map(|part| part.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_full_in_whatever_order_they_are_written() {
        let mut state = State::default();
        assert_eq!(state.fill((1, 2), b"cd", (4, 4)), None);
        assert_eq!(state.fill((0, 0), b"abcd", (4, 4)), Some(b"abcd".to_vec()));
        assert_eq!(state.fill((1, 0), b"ab", (4, 4)), Some(b"abcd".to_vec()));
        assert_eq!(state.fill((2, 0), b"e", (4, 4)), None);
        assert_eq!((state.length, state.open.len()), (9, 1));
    }
}
