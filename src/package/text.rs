//! Segments of text tracks: WebVTT for HLS, fragments with WebVTT or IMSC 1 for DASH and
//! Smooth Streaming
//! (ISO/IEC 14496-30; ISO/IEC 23000-19 sections 11.2 and 11.3; players.md section 1).
//!
//! Text is never protected by Common Encryption (ams.md section 5): there is no such form here. Its segments
//! may be encrypted as wholes.

use bytes::Bytes;

use super::cmaf::Protect;
use super::compat::Compat;
use super::format::{Container, Format, Protocol};
use super::plan::{Cipher, Plan};
use super::ts;
use crate::bytes::Writer;
use crate::isobmff::moof::{self, FragmentHeader, FragmentTiming, TrunSample};
use crate::isobmff::moov::mdhd::Mdhd;
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::moov::{dinf, hdlr, mvex, mvhd};
use crate::isobmff::{FourCc, boxed, ftyp, full_box, stbl};
use crate::media::TextRendition;
use crate::text::{Preamble, TextError, ttml, webvtt, wvtt};
use crate::time::WIRE_TIMESCALE;

/// What text segments are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextForm {
    /// A WebVTT file each.
    WebVtt,
    /// Fragments whose samples hold WebVTT cues.
    Wvtt,
    /// Fragments with an IMSC 1 document each.
    Stpp,
}

/// A row of the table of forms.
#[derive(Debug)]
pub struct Row {
    /// The form that this row describes.
    pub form: TextForm,
    /// MIME type of segments.
    pub content_type: &'static str,
    /// Codec string (RFC 6381).
    pub codecs: &'static str,
    /// Brand of the media profile.
    brand: &'static [u8; 4],
    /// Handler of the track.
    handler: &'static [u8; 4],
    /// Media header box.
    media_header: &'static [u8; 4],
    /// Writes the sample entry.
    entry: fn(&mut Writer, &TextRendition),
}

/// Every form that has fragments.
const FRAGMENTS: &[Row] = &[
    Row {
        form: TextForm::Wvtt,
        content_type: "application/mp4",
        codecs: "wvtt",
        brand: b"cwvt",
        handler: b"text",
        media_header: b"nmhd",
        entry: wvtt_entry,
    },
    Row {
        form: TextForm::Stpp,
        content_type: "application/mp4",
        codecs: "stpp.ttml.im1t",
        brand: b"im1t",
        handler: b"subt",
        media_header: b"sthd",
        entry: stpp_entry,
    },
];

impl TextForm {
    /// The form of a text track in a format; `None` where a format has no text. HLS has WebVTT
    /// with every kind of media: all its players read that. DASH has the syntax of the source, but
    /// IMSC 1 as AMS wrote it (ams.md section 3.4); Smooth Streaming has TTML.
    pub fn of(format: Format, compat: Compat, text: &TextRendition) -> Option<Self> {
        match format.row().protocol {
            // Clients of version 3 know no renditions beside the variants.
            Protocol::Hls => Some(Self::WebVtt).filter(|_| !format.muxes_audio()),
            Protocol::Dash if compat == Compat::Ams => Some(Self::Stpp),
            Protocol::Dash => Some(Self::in_fragments(text)),
            Protocol::Smooth => Some(Self::Stpp),
            Protocol::Download => None,
        }
    }

    /// The form that says most of what the source says.
    pub fn in_fragments(text: &TextRendition) -> Self {
        match &text.document.preamble {
            Preamble::WebVtt { .. } => Self::Wvtt,
            Preamble::Ttml { .. } => Self::Stpp,
        }
    }

    /// Type of the sample entry; of files, of what they would be in fragments.
    pub fn four_cc(self) -> FourCc {
        match self {
            Self::WebVtt | Self::Wvtt => FourCc(*b"wvtt"),
            Self::Stpp => FourCc(*b"stpp"),
        }
    }

    /// The row of a form with fragments; `None` for files.
    pub fn fragments(self) -> Option<&'static Row> {
        FRAGMENTS.iter().find(|row| row.form == self)
    }

    /// MIME type of segments.
    pub fn content_type(self) -> &'static str {
        self.fragments().map_or("text/vtt", |row| row.content_type)
    }
}

/// Segment `n` of a text track, in the form that the format has.
///
/// # Errors
/// [`TextError::SegmentTooLarge`].
pub fn segment(
    text: &TextRendition,
    n: usize,
    form: TextForm,
    format: Format,
) -> Result<Vec<u8>, TextError> {
    let slice = text.slice(n);
    let start = slice.start.max(0).cast_unsigned();
    let timing = match format.row().container {
        Container::Smooth => {
            FragmentTiming::Smooth { start, duration: slice.end.abs_diff(slice.start) }
        }
        _ => FragmentTiming::Decode(start),
    };
    match form {
        TextForm::Wvtt => Ok(fragment(n, timing, &wvtt::samples(&slice)?)),
        TextForm::Stpp => {
            // Clients of Smooth Streaming add the time of the fragment.
            let zero = match format.row().container {
                Container::Smooth => slice.start,
                _ => 0,
            };
            let document = ttml::write(&slice, text.tag.as_deref(), zero)?.into_bytes();
            let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
            let duration = narrow(slice.end.abs_diff(slice.start));
            let samples = vec![(duration, narrow(document.len() as u64))];
            Ok(fragment(n, timing, &wvtt::Samples { samples, data: document }))
        }
        TextForm::WebVtt => {
            let clock = if format.is_transport() { ts::TIME_0 } else { 0 };
            Ok(webvtt::write(&slice, Some(clock)).into_bytes())
        }
    }
}

/// All of a track as one file of WebVTT.
pub fn document(text: &TextRendition) -> Vec<u8> {
    webvtt::write(&text.whole(), None).into_bytes()
}

/// The plan of a segment, of which nothing but the whole can be protected.
///
/// # Errors
/// As [`segment`].
pub fn plan(
    text: &TextRendition,
    n: usize,
    form: TextForm,
    format: Format,
    protect: Protect,
) -> Result<Plan, TextError> {
    let data = segment(text, n, form, format)?;
    let cipher = match protect {
        Protect::Segment(key) => {
            let start = text.cuts.starts.get(n).map_or(0, |cut| cut.start);
            let transport = format.is_transport();
            let iv = if transport { key.ivs.transport(start) } else { key.ivs.segment(start) };
            Cipher::Segment { iv, key: key.key }
        }
        Protect::Clear | Protect::Samples(..) | Protect::Lead => Cipher::Clear,
    };
    Ok(Plan::new(Bytes::from(data), Vec::new(), cipher))
}

fn fragment(n: usize, timing: FragmentTiming, content: &wvtt::Samples) -> Vec<u8> {
    let header = FragmentHeader {
        description: None,
        sequence_number: u32::try_from(n + 1).unwrap_or(u32::MAX),
        timing,
        has_composition_offsets: false,
        all_sync: false,
        auxiliary: None,
        group: None,
        announced: &[],
    };
    let mut w = Writer::with_capacity(256 + content.samples.len() * 12 + content.data.len());
    let sample = |(duration, size): &(u32, u32)| TrunSample {
        duration: *duration,
        size: *size,
        composition_offset: 0,
        sync: true,
    };
    moof::write(&mut w, &header, content.samples.iter().map(sample));
    boxed(&mut w, b"mdat", |w| w.bytes(&content.data));
    w.into_vec()
}

/// The init segment of a text track.
pub fn init_segment(text: &TextRendition, row: &Row, container: Container) -> Vec<u8> {
    let mut w = Writer::with_capacity(1024);
    match container {
        Container::Csf => ftyp::write(&mut w, b"ftyp", 1, &[b"ccff", b"iso6"]),
        _ => ftyp::write(&mut w, b"ftyp", 0, &[b"cmfc", b"iso6", row.brand]),
    }
    boxed(&mut w, b"moov", |w| {
        mvhd::write(w, WIRE_TIMESCALE);
        boxed(w, b"trak", |w| {
            let matrix = [0; 9];
            Tkhd { track_id: 1, volume: 0, matrix, width: 0, height: 0 }.write(w);
            boxed(w, b"mdia", |w| {
                Mdhd { timescale: WIRE_TIMESCALE, language: text.language }.write(w);
                hdlr::write(w, FourCc(*row.handler));
                boxed(w, b"minf", |w| {
                    full_box(w, row.media_header, 0, 0, |_| {});
                    dinf::write(w);
                    boxed(w, b"stbl", |w| {
                        full_box(w, b"stsd", 0, 0, |w| {
                            w.u32(1);
                            (row.entry)(w, text);
                        });
                        stbl::write_empty(w);
                    });
                });
            });
        });
        mvex::write(w);
    });
    w.into_vec()
}

/// Fields that every sample entry starts with: reserved, and the data reference 1.
fn entry_fields(w: &mut Writer) {
    w.zeros(6);
    w.u16(1);
}

fn wvtt_entry(w: &mut Writer, text: &TextRendition) {
    boxed(w, b"wvtt", |w| {
        entry_fields(w);
        boxed(w, b"vttC", |w| {
            w.bytes(b"WEBVTT");
            if let Preamble::WebVtt { blocks } = &text.document.preamble
                && !blocks.is_empty()
            {
                w.bytes(b"\n\n");
                w.bytes(blocks.trim_end().as_bytes());
            }
        });
    });
}

fn stpp_entry(w: &mut Writer, _: &TextRendition) {
    boxed(w, b"stpp", |w| {
        entry_fields(w);
        w.bytes(b"http://www.w3.org/ns/ttml\0\0\0");
        full_box(w, b"mime", 0, 0, |w| w.bytes(b"application/ttml+xml;codecs=im1t\0"));
    });
}
