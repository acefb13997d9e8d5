//! One track of a file: codec, sample entry, sample index, edits.

use super::edit::Shift;
use super::{MediaRule, SampleIndex};
use crate::codec::{self, Codec, MediaType};
use crate::isobmff::entry::{self, AudioEntry, SampleEntry, VisualEntry};
use crate::isobmff::moov::mdhd::Language;
use crate::isobmff::moov::tkhd::Tkhd;
use crate::isobmff::moov::trak::Trak;
use crate::isobmff::{BoxError, BoxRef, FourCc, Rule, find};
use crate::media::index::Sample;
use crate::time::{rescale, to_wire};

/// A track that can be packaged.
#[derive(Debug)]
pub struct Track {
    /// Track header of the source.
    pub header: Tkhd,
    /// Pictures or sound.
    pub media_type: MediaType,
    /// Codec configuration.
    pub codec: Codec,
    /// Sample entry for init segments.
    pub entry: SampleEntry,
    /// Language of the media header.
    pub language: Language,
    /// Coded width and height in pixels; zeros for sound.
    pub size: (u16, u16),
    /// Ticks per second of the index.
    pub timescale: u32,
    /// The samples.
    pub index: SampleIndex,
    shift: Shift,
}

/// A track that is left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedTrack {
    /// Track id.
    pub track_id: u32,
    /// Why it is left out, for people.
    pub reason: String,
}

impl Track {
    /// Reads a `trak`. Tracks of other kinds and codecs give `Ok(Err(_))`: they are left out.
    ///
    /// # Errors
    /// A track of a known kind that is broken.
    pub(super) fn parse(
        trak: &BoxRef<'_>,
        movie_timescale: u32,
        file_len: u64,
    ) -> Result<Result<Self, SkippedTrack>, MediaRule> {
        let trak = Trak::parse(trak)?;
        let skipped = |reason: String| SkippedTrack {
            track_id: trak.tkhd.track_id,
            reason,
        };
        let media_type = match &trak.handler.0 {
            b"vide" => MediaType::Video,
            b"soun" => MediaType::Audio,
            _ => return Ok(Err(skipped(format!("handler '{}'", trak.handler)))),
        };
        let entries = entry::entries(&trak.stbl.require(b"stsd")?)?;
        let supported = entries.first().and_then(|entry| codec::row(entry.kind.0));
        let Some(row) = supported.filter(|row| row.media_type == media_type) else {
            let kind = entries.first().map_or(FourCc(*b"none"), |entry| entry.kind);
            return Ok(Err(skipped(format!("codec '{kind}' is not packaged yet"))));
        };
        let index = SampleIndex::build(&trak.stbl, file_len)?;
        if index.is_empty() {
            return Ok(Err(skipped("no samples".to_owned())));
        }
        let used = (index.description as usize)
            .checked_sub(1)
            .and_then(|n| entries.get(n));
        let used = used.ok_or(MediaRule::SampleTable("stsc: no such sample description"))?;
        let Description {
            entry,
            size,
            config,
        } = describe(used, row)?;
        Ok(Ok(Self {
            shift: Shift::of(&trak.edits, trak.mdhd.timescale, movie_timescale)?,
            header: trak.tkhd,
            media_type,
            codec: (row.parse)(config)?,
            entry,
            language: trak.mdhd.language,
            size,
            timescale: trak.mdhd.timescale,
            index,
        }))
    }

    /// The codec string of the track (RFC 6381).
    pub fn codec_string(&self) -> String {
        self.codec.string(self.entry.kind.0)
    }

    /// Presentation time of sample `n` in wire ticks, edits applied; negative before the start.
    pub fn presentation_time(&self, n: u32) -> i64 {
        to_wire(
            self.index.composition_time(n) + self.shift.offset,
            self.timescale,
        )
    }

    /// Presentation and decoding time of a sample in `timescale`, edits applied, each rounded once
    /// from source ticks. Decoding times are moved by the same amount in the whole track so that
    /// no sample is shown before it is decoded.
    pub fn times(&self, sample: &Sample, timescale: u32) -> (i64, i64) {
        let to = |ticks: i64| rescale(ticks + self.shift.offset, self.timescale, timescale);
        let shown = sample.dts + i64::from(sample.composition_offset);
        let decoded = sample.dts + i64::from(self.index.lowest_composition_offset());
        (to(shown), to(decoded))
    }

    /// Decoding time of sample `n` in wire ticks, moved so that a sample with the composition
    /// offset of sample `like` is decoded when it is shown. `n` may be the number of samples.
    pub fn decode_time(&self, n: u32, like: u32) -> i64 {
        let offset = self.index.composition_time(like) - self.index.dts(like);
        to_wire(
            self.index.dts(n) + offset + self.shift.offset,
            self.timescale,
        )
    }

    /// The first sample whose presentation is not before `time` (wire ticks), for tracks that
    /// are shown in decoding order.
    pub fn first_at_or_after(&self, time: i64) -> u32 {
        let ticks = rescale(time, crate::time::WIRE_TIMESCALE, self.timescale);
        self.index.first_at_or_after(ticks - self.shift.offset)
    }

    /// Presentation time at which the edit starts, in wire ticks; samples before it are there for
    /// the decoder only.
    pub fn edit_start(&self) -> i64 {
        to_wire(self.shift.start, self.timescale)
    }

    /// How many samples remain when the end of the edit is honoured: samples at the end of the
    /// track are dropped as long as they start behind it.
    pub fn edited_len(&self) -> u32 {
        let Some(end) = self.shift.end else {
            return self.index.len();
        };
        let end = end - self.shift.offset;
        let behind = |n: &u32| self.index.composition_time(*n) >= end;
        let dropped = (0..self.index.len()).rev().take_while(behind).count();
        self.index.len() - u32::try_from(dropped).unwrap_or(0)
    }

    /// Average bits per second of the samples.
    pub fn average_bitrate(&self) -> u64 {
        let ticks = u128::from(self.index.dts(self.index.len()).unsigned_abs()).max(1);
        let bits = u128::from(self.index.bytes(0..self.index.len())) * 8;
        u64::try_from(bits * u128::from(self.timescale) / ticks).unwrap_or(u64::MAX)
    }
}

/// What a sample entry says of its track.
struct Description<'a> {
    /// The entry for init segments.
    entry: SampleEntry,
    /// Width and height in pixels; zeros for sound.
    size: (u16, u16),
    /// Body of the configuration box.
    config: &'a [u8],
}

fn describe<'a>(entry: &BoxRef<'a>, row: &codec::Row) -> Result<Description<'a>, BoxError> {
    let missing = entry.error(Rule::MissingChild(FourCc(*row.config_box)));
    match row.media_type {
        MediaType::Video => {
            let visual = VisualEntry::parse(entry)?;
            let config = find(visual.children.clone(), row.config_box)?.ok_or(missing)?;
            let body = entry.body.to_vec();
            Ok(Description {
                entry: SampleEntry {
                    kind: entry.kind,
                    body,
                },
                size: (visual.width, visual.height),
                config: config.body,
            })
        }
        MediaType::Audio => {
            let audio = AudioEntry::parse(entry)?;
            let config = audio.config(row.config_box)?.ok_or(missing)?;
            let entry = audio.to_version_0(&config);
            Ok(Description {
                entry,
                size: (0, 0),
                config: config.body,
            })
        }
    }
}
