//! Finds the movie header and the movie fragments among the top-level boxes of a file
//! (ISO/IEC 14496-12 section 6.2.3).

use std::io;

use super::{BoxError, BoxHeader, FourCc, Rule};
use crate::bytes::ReadAt;

/// A movie header larger than this is refused: two days of 60 fps video need less.
const MAX_MOOV: u64 = 256 << 20;

/// All fragment headers of a file together may not be larger either.
const MAX_MOOFS: u64 = MAX_MOOV;

/// More top-level boxes are refused; a day of two tracks in one-second fragments has fewer.
const MAX_TOP_LEVEL_BOXES: usize = 500_000;

/// What the top level of a file holds.
#[derive(Debug)]
pub struct Scan {
    /// The whole `moov` box, header included.
    pub moov: Vec<u8>,
    /// Offset of the `moov` box in the file.
    pub moov_offset: u64,
    /// Where the `moof` boxes are, in file order.
    pub fragments: Vec<Moof>,
}

/// Where a movie fragment header lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moof {
    /// Offset of the box in the file.
    pub offset: u64,
    /// Size of the box in bytes; all of a file together are bounded.
    pub size: usize,
}

/// Why the top level cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A box breaks a rule.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// The file does not look like ISO BMFF at all.
    #[error("the file is empty or is no MP4: it does not start with a box")]
    NotMp4,
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// Walks over the top-level boxes and reads `moov`, wherever it lies.
///
/// # Errors
/// A box that breaks a rule, a file without `moov` or with more boxes than any real one, or a failed
/// read.
pub fn scan<S: ReadAt + ?Sized>(source: &S) -> Result<Scan, ScanError> {
    let (mut moov, mut fragments, mut offset) = (None, Fragments::default(), 0);
    for boxes in 0.. {
        let Some(header) = header_at(source, offset)? else {
            break;
        };
        if boxes == MAX_TOP_LEVEL_BOXES {
            let many = Rule::BadValue("there are more than 500,000 top-level boxes");
            return Err(BoxError::new(FILE, many).into());
        }
        if offset == 0 && !is_first_box(header.kind) {
            return Err(ScanError::NotMp4);
        }
        let size = header.size.unwrap_or(source.len() - offset);
        let end = offset.checked_add(size).filter(|end| *end <= source.len());
        match &header.kind.0 {
            b"moov" if moov.is_none() => {
                end.ok_or(BoxError::new(header.kind, Rule::PastEndOfFile))?;
                moov = Some((offset, read_moov(source, offset, size)?));
            }
            b"moof" => {
                end.ok_or(BoxError::new(header.kind, Rule::PastEndOfFile))?;
                fragments.add(offset, size)?;
            }
            _ => {}
        }
        // Media data that reach past the end are judged by the samples that really lie there.
        let Some(end) = end else { break };
        offset = end;
    }
    let missing = BoxError::new(FILE, Rule::MissingChild(FourCc(*b"moov")));
    let (moov_offset, moov) = moov.ok_or(missing)?;
    Ok(Scan { moov, moov_offset, fragments: fragments.list })
}

/// What stands for the file in errors.
const FILE: FourCc = FourCc(*b"file");

/// The fragment headers found so far.
#[derive(Default)]
struct Fragments {
    list: Vec<Moof>,
    bytes: u64,
}

impl Fragments {
    fn add(&mut self, offset: u64, size: u64) -> Result<(), BoxError> {
        self.bytes = self.bytes.saturating_add(size);
        match usize::try_from(size) {
            Ok(size) if self.bytes <= MAX_MOOFS => self.list.push(Moof { offset, size }),
            _ => return Err(BoxError::new(FourCc(*b"moof"), Rule::TooLarge(MAX_MOOFS))),
        }
        Ok(())
    }
}

/// Whether data start as ISO BMFF.
pub fn is_mp4(data: &[u8]) -> bool {
    data.get(4..)
        .and_then(|rest| rest.first_chunk())
        .is_some_and(|kind| is_first_box(FourCc(*kind)))
}

/// Box types that a file may start with; anything else is another kind of file.
fn is_first_box(kind: FourCc) -> bool {
    matches!(
        &kind.0,
        b"ftyp"
            | b"styp"
            | b"moov"
            | b"moof"
            | b"mdat"
            | b"free"
            | b"skip"
            | b"wide"
            | b"uuid"
            | b"pdin"
            | b"sidx"
            | b"emsg"
            | b"prft"
    )
}

fn header_at<S: ReadAt + ?Sized>(source: &S, offset: u64) -> Result<Option<BoxHeader>, ScanError> {
    let left = source.len() - offset;
    if left < 8 {
        return if offset == 0 { Err(ScanError::NotMp4) } else { Ok(None) };
    }
    let mut buffer = [0; BoxHeader::MAX_LEN];
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
    source.read_exact_at(offset, &mut buffer[..length])?;
    Ok(Some(BoxHeader::parse(&buffer[..length])?))
}

fn read_moov<S: ReadAt + ?Sized>(source: &S, offset: u64, size: u64) -> Result<Vec<u8>, ScanError> {
    if size > MAX_MOOV {
        return Err(BoxError::new(FourCc(*b"moov"), Rule::TooLarge(MAX_MOOV)).into());
    }
    let mut moov = vec![0; usize::try_from(size).unwrap_or(0)];
    source.read_exact_at(offset, &mut moov)?;
    Ok(moov)
}
