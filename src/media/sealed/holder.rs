//! Where a track fragment, or a sample table, has the data of its encrypted samples: in `senc`, in the
//! box of PIFF, or where `saiz` and `saio` say (ISO/IEC 14496-12 sections 8.7.8 and 8.7.9).

use ring::digest::Context;

use super::data::{self, Wrong};
use super::places::Places;
use super::refuse;
use crate::bytes::{ReadAt, Reader, Truncated};
use crate::cenc::read::{Entry, Track, has_groups};
use crate::isobmff::cenc::senc::Senc;
use crate::isobmff::{BoxError, BoxRef, ScanError};
use crate::media::MediaRule;

/// Data of so many samples are read at once: at most 256 KiB.
const AT_ONCE: usize = 1024;

/// A box with data of samples, or with where they lie.
#[derive(Debug)]
pub(in crate::media) struct Holder<'a> {
    /// The track.
    pub(in crate::media) track: u32,
    /// `traf` or `stbl`.
    pub(in crate::media) parent: BoxRef<'a>,
    /// The whole `moof` or `moov` that it lies in.
    pub(in crate::media) header: &'a [u8],
    /// Where that starts in the file.
    pub(in crate::media) offset: u64,
    /// From where `saio` counts.
    pub(in crate::media) base: u64,
}

impl<'a> Holder<'a> {
    /// Adds where the data of samples of these sizes lie, all of them looked at.
    ///
    /// # Errors
    /// Data that are missing or are not those of the samples, keys that differ within the track.
    pub(super) fn add<S: ReadAt + ?Sized>(
        &self,
        senc: Option<Senc<'a>>,
        (known, entry): (&Track, &Entry),
        sizes: impl ExactSizeIterator<Item = u32>,
        places: &mut Places,
        (source, digest): (&S, &mut Context),
    ) -> Result<(), MediaRule> {
        let wrong = |what: Wrong| refuse(self.track, what);
        if has_groups(&self.parent, known, entry)? {
            return Err(wrong("its samples are in groups with keys of their own (`seig`)"));
        }
        if let Some(senc) = senc {
            return self.add_senc(senc, entry, sizes, places).map_err(wrong);
        }
        match self.listed(entry)? {
            Some(listed) => self.add_listed(&listed, entry, sizes, places, (source, digest)),
            None if entry.defaults.constant_iv.is_some() => {
                sizes.for_each(|_| places.push_none());
                Ok(())
            }
            None => Err(wrong("nothing says the IVs of its samples")),
        }
    }

    fn add_senc(
        &self,
        mut senc: Senc<'a>,
        entry: &Entry,
        sizes: impl Iterator<Item = u32>,
        places: &mut Places,
    ) -> Result<(), Wrong> {
        let iv_size = entry.defaults.iv_size;
        if senc.own.is_some_and(|own| own != (entry.scheme.row().fourcc, entry.defaults)) {
            return Err("a fragment has a key of its own");
        }
        for size in sizes {
            let before = senc.rest();
            senc.next(iv_size).map_err(|Truncated| "`senc` ends before the data of all samples")?;
            let data = &before[..before.len() - senc.rest().len()];
            data::read(data, iv_size, size, |_| {})?;
            let length = u8::try_from(data.len());
            let length =
                length.map_err(|_| "a sample has more subsamples than `saiz` can count")?;
            let at = offset_in(self.header, data).ok_or("`senc` does not lie in its header")?;
            places.push(self.offset.saturating_add(at), length);
        }
        Ok(())
    }

    fn add_listed<S: ReadAt + ?Sized>(
        &self,
        listed: &Listed<'_>,
        entry: &Entry,
        mut sizes: impl ExactSizeIterator<Item = u32>,
        places: &mut Places,
        (source, digest): (&S, &mut Context),
    ) -> Result<(), MediaRule> {
        let wrong = |what: Wrong| refuse(self.track, what);
        if listed.count as usize != sizes.len() {
            return Err(wrong("`saiz` does not list as many samples as there are"));
        }
        let mut at = self.base.saturating_add(listed.offset);
        let total = (0..sizes.len()).map(|n| u64::from(listed.size(n))).sum::<u64>();
        if at.checked_add(total).is_none_or(|end| end > source.len()) {
            return Err(wrong("`saio` points outside of the file"));
        }
        let (count, mut buffer) = (sizes.len(), Vec::new());
        for first in (0..count).step_by(AT_ONCE) {
            let some = first..count.min(first + AT_ONCE);
            buffer.resize(some.clone().map(|n| usize::from(listed.size(n))).sum(), 0);
            source.read_exact_at(at, &mut buffer).map_err(ScanError::Io)?;
            digest.update(&buffer);
            let mut rest = buffer.as_slice();
            for (n, size) in some.zip(sizes.by_ref()) {
                let length = listed.size(n);
                let (data, behind) = rest.split_at(length.into());
                data::read(data, entry.defaults.iv_size, size, |_| {}).map_err(wrong)?;
                places.push(at, length);
                at += u64::from(length);
                rest = behind;
            }
        }
        Ok(())
    }

    /// What `saiz` and `saio` say; `None` where they are not there, or are about other data.
    fn listed(&self, entry: &Entry) -> Result<Option<Listed<'a>>, MediaRule> {
        let scheme = entry.scheme.row().fourcc.0;
        let saiz = find(&self.parent, b"saiz", scheme)?;
        let (saiz, saio) = match (saiz, find(&self.parent, b"saio", scheme)?) {
            (Some(saiz), Some(saio)) => (saiz, saio),
            (None, None) => return Ok(None),
            _ => return Err(refuse(self.track, "`saiz` is there without `saio`, or the reverse")),
        };
        let offset = offset(&saio).map_err(BoxError::truncated(b"saio"))?;
        let several = "its auxiliary data lie in several places, without `senc`";
        let offset = offset.ok_or_else(|| refuse(self.track, several))?;
        let listed = Listed::read(&saiz, offset).map_err(BoxError::truncated(b"saiz"))?;
        Ok(Some(listed))
    }
}

/// Where a slice lies in the one that it was taken from.
fn offset_in(whole: &[u8], part: &[u8]) -> Option<u64> {
    let at = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (at + part.len() <= whole.len()).then_some(at as u64)
}

/// What stands behind version, flags and type of a box about auxiliary data.
struct About<'a> {
    version: u8,
    rest: Reader<'a>,
}

/// The box of that kind that is about the data of a scheme, or does not say about which.
fn find<'a>(
    parent: &BoxRef<'a>,
    kind: &[u8; 4],
    scheme: [u8; 4],
) -> Result<Option<About<'a>>, BoxError> {
    for child in parent.children() {
        let child = child?;
        if child.kind.0 != *kind {
            continue;
        }
        let (version, flags, body) = child.full()?;
        let mut rest = Reader::new(body);
        if flags & 1 == 0 {
            return Ok(Some(About { version, rest }));
        }
        let named = rest.array::<4>().and_then(|named| rest.skip(4).map(|()| named));
        if named.map_err(BoxError::truncated(kind))? == scheme {
            return Ok(Some(About { version, rest }));
        }
    }
    Ok(None)
}

/// The offset of a `saio` with one entry.
fn offset(saio: &About<'_>) -> Result<Option<u64>, Truncated> {
    let mut reader = saio.rest.clone();
    match reader.u32()? {
        1 => reader.u32_or_u64(saio.version != 0).map(Some),
        _ => Ok(None),
    }
}

/// Data that lie one behind the other from an offset on.
struct Listed<'a> {
    offset: u64,
    count: u32,
    default: u8,
    /// Where the default is 0.
    sizes: &'a [u8],
}

impl<'a> Listed<'a> {
    fn read(saiz: &About<'a>, offset: u64) -> Result<Self, Truncated> {
        let mut reader = saiz.rest.clone();
        let (default, count) = (reader.u8()?, reader.u32()?);
        let sizes = if default == 0 { reader.take(count as usize)? } else { &[] };
        Ok(Self { offset, count, default, sizes })
    }

    fn size(&self, n: usize) -> u8 {
        self.sizes.get(n).copied().unwrap_or(self.default)
    }
}
