//! Packed audio (RFC 8216 section 3.4): sound without a container behind an ID3 tag that tells the time
//! of its first frame, on the clock of the transport streams beside it. SAMPLE-AES adds what a
//! program map would say (packaging.md section 5).

use bytes::Bytes;

use super::audio::{Frame, syncframes};
use super::{Stamps, TransportError, Wanted, protect};
use crate::bytes::{ReadAt, Window};
use crate::cenc::map::ProtectedRange;
use crate::cenc::{Scheme, TrackKey};
use crate::codec::adts::{Adts, HEADER};
use crate::codec::{Codec, Family, MediaType};
use crate::media::Rendition;
use crate::media::index::Sample;
use crate::mpegts::id3;
use crate::mpegts::sample_aes::Rule;
use crate::package::cmaf::{FragmentError, Protect};
use crate::package::format::Format;
use crate::package::plan::{Cipher, Extent, Frames, Plan, Samples};

/// Owners of private frames of ID3, by which players know what they hold.
const TIME_STAMP: &str = "com.apple.streaming.transportStreamTimestamp";
const DESCRIPTION: &str = "com.apple.streaming.audioDescription";

/// Time stamps have 33 bits.
const STAMP_MASK: u64 = (1 << 33) - 1;

/// Bytes of the tag in a clear segment.
const TAG: u64 = id3::private_length(TIME_STAMP, 8) as u64;

/// What is carried, and its media type (RFC 8216 section 3.4, and the registrations of the types).
const TABLE: &[(Family, &str)] = &[
    (Family::Aac, "audio/aac"),
    (Family::Ac3, "audio/ac3"),
    (Family::Eac3, "audio/eac3"),
    (Family::Atmos, "audio/eac3"),
];

/// The media type of the segments of a rendition where they are packed audio; `None` where they are
/// something else.
pub fn media_type(format: Format, rendition: &Rendition) -> Option<&'static str> {
    let family = rendition.track.codec.family();
    let row = TABLE.iter().find(|(carried, _)| *carried == family);
    row.filter(|_| format.packs_audio()).map(|(_, media_type)| *media_type)
}

/// Plans a segment.
///
/// # Errors
/// As [`super::segment`].
pub fn segment<S: ReadAt + ?Sized>(
    rendition: &Rendition,
    n: usize,
    protect: Protect,
    source: &S,
) -> Result<Plan, FragmentError> {
    let samples: Vec<Sample> = rendition.track.index.samples(rendition.cuts.samples(n)).collect();
    let sound = Sound { rendition, n, adts: adts(rendition)?, samples };
    let (cipher, description) = match protect {
        Protect::Clear | Protect::Lead => (Cipher::Clear, None),
        Protect::Segment(key) => {
            let start = rendition.cuts.starts.get(n).map_or(0, |cut| cut.start);
            (Cipher::Segment { iv: key.ivs.packed(start), key: key.key }, None)
        }
        Protect::Samples(scheme, key, _) => {
            let description = sound.description(source)?;
            (sound.protected(scheme, key, source)?, Some(description))
        }
    };
    let head = Bytes::from(sound.tag(description.as_deref()));
    Ok(sound.plan(head, cipher)?)
}

/// About how many bytes each segment of a rendition has.
pub fn sizes(rendition: &Rendition) -> impl Iterator<Item = u64> {
    let header = if matches!(rendition.track.codec, Codec::Aac(_)) { HEADER as u64 } else { 0 };
    let fragments = rendition.fragment_bytes.iter().enumerate();
    fragments.map(move |(n, bytes)| TAG + bytes + rendition.cuts.samples(n).len() as u64 * header)
}

fn adts(rendition: &Rendition) -> Result<Option<Adts>, TransportError> {
    let Codec::Aac(config) = &rendition.track.codec else { return Ok(None) };
    let not_carried = || TransportError::NotCarried(rendition.track.codec_string());
    Adts::of(config).map(Some).ok_or_else(not_carried)
}

/// The frames of one segment.
struct Sound<'a> {
    rendition: &'a Rendition,
    n: usize,
    /// What is written in front of each frame; frames of other codecs start with a header.
    adts: Option<Adts>,
    samples: Vec<Sample>,
}

impl Sound<'_> {
    fn tag(&self, description: Option<&[u8]>) -> Vec<u8> {
        let stamps = Stamps { rendition: self.rendition };
        let stamp = self.samples.first().map_or(0, |sample| stamps.of(sample).pts) & STAMP_MASK;
        let stamp = stamp.to_be_bytes();
        let described = description.map(|description| (DESCRIPTION, description));
        let frames: Vec<_> = [(TIME_STAMP, &stamp[..])].into_iter().chain(described).collect();
        id3::private(&frames)
    }

    fn plan(&self, head: Bytes, cipher: Cipher) -> Result<Plan, TransportError> {
        let extent = |sample: &Sample| Extent { offset: sample.offset, length: sample.size.into() };
        let extents: Vec<Extent> = self.samples.iter().map(extent).collect();
        let Some(adts) = &self.adts else { return Ok(Plan::new(head, joined(extents), cipher)) };
        let header = |sample: &Sample| {
            adts.header(sample.size).ok_or(TransportError::FrameTooLong { sample: sample.number })
        };
        let headers: Vec<_> = self.samples.iter().map(header).collect::<Result<_, _>>()?;
        Ok(Plan::framed(head, Frames::new(headers, extents), cipher))
    }

    /// The audio setup information, as a program map has it.
    fn description<S: ReadAt + ?Sized>(&self, source: &S) -> Result<Vec<u8>, TransportError> {
        let (main, n) = (self.rendition, self.n);
        let wanted = Wanted { main, muxed: None, n, key_frame: false };
        let setup = protect::setup(&wanted, source)?;
        let information = setup.and_then(|setup| setup.information());
        information.ok_or_else(|| protect::not_protected(self.rendition))
    }

    /// What is encrypted: of each frame by itself, with the constant IV, as in transport streams.
    fn protected<S: ReadAt + ?Sized>(
        &self,
        scheme: Scheme,
        key: TrackKey,
        source: &S,
    ) -> Result<Cipher, TransportError> {
        if scheme != Scheme::Cbcs {
            return Err(protect::not_protected(self.rendition));
        }
        let mut window = Window::new(source);
        let (mut ranges, mut at) = (Vec::new(), 0_u32);
        for sample in &self.samples {
            let frames = match self.adts {
                Some(_) => vec![Frame { offset: sample.offset, length: sample.size }],
                None => syncframes(sample, &mut window)?,
            };
            for frame in frames {
                at += self.adts.map_or(0, |_| HEADER as u32);
                let range = Rule::FRAME.protected(frame.length);
                let (start, length) = (at + range.start, range.end - range.start);
                ranges.push(ProtectedRange { start, length, sample: sample.number, position: 0 });
                at += frame.length;
            }
        }
        Ok(Cipher::Samples(Samples::new(scheme, MediaType::Audio, key, ranges)))
    }
}

/// Extents that lie one behind the other are read as one.
fn joined(extents: Vec<Extent>) -> Vec<Extent> {
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents {
        match joined.last_mut().filter(|last| last.offset + last.length == extent.offset) {
            Some(last) => last.length += extent.length,
            None => joined.push(extent),
        }
    }
    joined
}
