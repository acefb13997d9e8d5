//! Frames of sound, several in a PES packet: AAC as ADTS, others as they are.

use std::ops::Range;

use super::{Stamps, TransportError};
use crate::bytes::{ReadAt, Window};
use crate::codec::Codec;
use crate::codec::adts::{Adts, HEADER};
use crate::codec::syncframe;
use crate::media::Rendition;
use crate::media::index::Sample;
use crate::mpegts::packet::{Access, ROOM, Repeat};
use crate::mpegts::{Mux, pes};

/// Frames that start within this time (400 ms) may share a PES packet.
const PACKET_TICKS: u64 = pes::CLOCK as u64 * 400 / 1000;

/// More bytes do not share one: a decoder's buffer for sound holds 3584 (ISO/IEC 13818-1 section
/// 2.4.2.3).
const PACKET_BYTES: usize = 2944;

/// More frames in a sample are refused: six blocks of 16 substreams are 96.
const MAX_SYNCFRAMES: usize = 96;

/// Longer samples are not protected: a piece of an answer holds whole PES packets of sound. At its
/// highest rate E-AC-3 has 24 KiB in a sample.
const MAX_PROTECTED: u32 = 32 << 10;

/// Clock references inside a long packet are this far apart at most (90 ms).
const CLOCK_STEP: u64 = super::REFERENCE_CLOCK as u64 * 90 / 1000;

/// Writes the frames of a rendition.
pub(super) struct Frames<'a, S: ?Sized> {
    stamps: Stamps<'a>,
    /// What is written in front of each frame; frames of other codecs start with a header.
    adts: Option<Adts>,
    stream_id: u8,
    /// The elementary stream, and the source: sound beside pictures is the second of both.
    stream: usize,
    /// The file of the main rendition; sound that is protected is the main one.
    window: Window<'a, S>,
}

impl<'a, S: ReadAt + ?Sized> Frames<'a, S> {
    pub(super) fn new(
        rendition: &'a Rendition,
        stream: usize,
        source: &'a S,
    ) -> Result<Self, TransportError> {
        let track = &rendition.track;
        let not_carried = || TransportError::NotCarried(track.codec_string());
        let adts = match &track.codec {
            Codec::Aac(config) => Some(Adts::of(config).ok_or_else(not_carried)?),
            _ => None,
        };
        let row = super::row_of(rendition)?;
        Ok(Self {
            stamps: Stamps { rendition },
            adts,
            stream_id: row.stream_id,
            stream,
            window: Window::new(source),
        })
    }

    /// The samples as PES packets.
    pub(super) fn packets(&self, samples: Range<u32>) -> Vec<Vec<Sample>> {
        let mut packets: Vec<Vec<Sample>> = Vec::new();
        for sample in self.stamps.rendition.track.index.samples(samples) {
            let pts = self.stamps.of(&sample).pts;
            let fits = |packet: &&mut Vec<Sample>| {
                let near = pts.saturating_sub(self.start(packet)) < PACKET_TICKS;
                near && self.size(packet) + self.size(&[sample]) <= PACKET_BYTES
            };
            match packets.last_mut().filter(fits) {
                Some(packet) => packet.push(sample),
                None => packets.push(vec![sample]),
            }
        }
        packets
    }

    /// Sound without pictures carries the clock, as evenly as its bytes.
    fn access(&self, packet: &[Sample], bytes: usize) -> Access {
        let (Some(first), Some(last), 0) = (packet.first(), packet.last(), self.stream) else {
            return Access::default();
        };
        let access = self.stamps.access(first);
        let end = self.stamps.access(last).pcr;
        let between = end.zip(access.pcr).map_or(0, |(end, start)| end.saturating_sub(start));
        let frames = packet.len() as u64;
        let duration = between * frames / (frames - 1).max(1);
        let packets = bytes.div_ceil(ROOM) as u64;
        let every = (packets / duration.div_ceil(CLOCK_STEP).max(1)).max(1);
        Access { repeat: Some(Repeat { every, step: duration * every / packets.max(1) }), ..access }
    }

    /// The time stamp of a PES packet.
    pub(super) fn start(&self, packet: &[Sample]) -> u64 {
        packet.first().map_or(0, |sample| self.stamps.of(sample).pts)
    }

    pub(super) fn write(&mut self, packet: &[Sample], mux: &mut Mux) -> Result<(), TransportError> {
        let rule = mux.sample_aes().map(|sample_aes| sample_aes.rule);
        let frames = packet.iter().filter(|_| rule.is_some()).map(|sample| self.frames(sample));
        let frames: Vec<Vec<Frame>> = frames.collect::<Result<_, _>>()?;
        let headers = self.headers(packet)?;
        let pts = self.start(packet);
        let bytes = self.size(packet);
        let header = pes::header(self.stream_id, pes::Times { pts, dts: pts }, bytes);
        let access = self.access(packet, header.len() + bytes);
        mux.unit(self.stream, access, |mux| {
            mux.inline(&header);
            for (n, sample) in packet.iter().enumerate() {
                if let Some(header) = headers.get(n) {
                    mux.inline(header);
                }
                match rule {
                    None => mux.source(self.stream, sample.offset, sample.size),
                    Some(rule) => frames[n].iter().for_each(|frame| {
                        let protected = rule.protected(frame.length);
                        mux.protected(self.stream, frame.offset, frame.length, &protected, &[]);
                    }),
                }
            }
        });
        Ok(())
    }

    /// Where the frames of a sample lie that are protected each by itself.
    fn frames(&mut self, sample: &Sample) -> Result<Vec<Frame>, TransportError> {
        if self.adts.is_some() {
            return Ok(vec![Frame { offset: sample.offset, length: sample.size }]);
        }
        syncframes(sample, &mut self.window)
    }

    /// What is written in front of the frames; nothing for codecs that need nothing.
    fn headers(&self, packet: &[Sample]) -> Result<Vec<[u8; HEADER]>, TransportError> {
        let header = |adts: &Adts, sample: &Sample| {
            let too_long = TransportError::FrameTooLong { sample: sample.number };
            adts.header(sample.size).ok_or(too_long)
        };
        let adts = self.adts.iter();
        adts.flat_map(|adts| packet.iter().map(move |sample| header(adts, sample))).collect()
    }

    /// Bytes of frames with their headers.
    fn size(&self, frames: &[Sample]) -> usize {
        let header = if self.adts.is_some() { HEADER } else { 0 };
        frames.iter().map(|frame| header + frame.size as usize).sum()
    }
}

/// What is protected by itself in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// Where the frames of a sample of AC-3 or E-AC-3 lie.
pub(super) fn syncframes<S: ReadAt + ?Sized>(
    sample: &Sample,
    window: &mut Window<'_, S>,
) -> Result<Vec<Frame>, TransportError> {
    let no_frames = || TransportError::NoFrames { sample: sample.number };
    if sample.size > MAX_PROTECTED {
        return Err(no_frames());
    }
    let (mut frames, mut at) = (Vec::new(), 0);
    while at < sample.size {
        let left = sample.size - at;
        if (left as usize) < syncframe::HEADER || frames.len() == MAX_SYNCFRAMES {
            return Err(no_frames());
        }
        let offset = sample.offset + u64::from(at);
        let length = syncframe::length(window.get(offset, syncframe::HEADER)?);
        let length = length.filter(|length| *length <= left).ok_or_else(no_frames)?;
        frames.push(Frame { offset, length });
        at += length;
    }
    Ok(frames)
}

/// The samples of `audio` that belong to fragment `n` of `video`: those that start in its time,
/// and at both ends of the presentation everything that is left.
pub fn samples_beside(audio: &Rendition, video: &Rendition, n: usize) -> Range<u32> {
    let cuts = &audio.cuts;
    let all = cuts.samples(0).start..cuts.end_sample;
    let at = |n: usize| match video.cuts.starts.get(n) {
        Some(_) if n == 0 => all.start,
        Some(cut) => audio
            .track
            .first_at_or_after(cut.start.cast_signed() - audio.origin)
            .clamp(all.start, all.end),
        None => all.end,
    };
    at(n)..at(n + 1)
}
