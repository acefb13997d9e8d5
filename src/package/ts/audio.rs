//! AAC frames as ADTS, several in a PES packet.

use std::ops::Range;

use super::{Stamps, TransportError};
use crate::codec::Codec;
use crate::codec::adts::{Adts, HEADER};
use crate::media::Rendition;
use crate::media::index::Sample;
use crate::mpegts::packet::Access;
use crate::mpegts::{Mux, pes, psi};

/// Frames that start within this time (80 ms) share a PES packet: with the last frame's duration
/// a clock reference still comes every 100 ms.
const PACKET_TICKS: u64 = pes::CLOCK as u64 * 80 / 1000;

/// Writes the frames of a rendition.
pub(super) struct Frames<'a> {
    stamps: Stamps<'a>,
    adts: Adts,
    stream_id: u8,
    /// The elementary stream, and the source: sound beside pictures is the second of both.
    stream: usize,
}

impl<'a> Frames<'a> {
    pub(super) fn new(rendition: &'a Rendition, stream: usize) -> Result<Self, TransportError> {
        let track = &rendition.track;
        let adts = match &track.codec {
            Codec::Aac(config) => Adts::of(config),
            Codec::Avc(_) => None,
        };
        Ok(Self {
            stamps: Stamps { rendition },
            adts: adts.ok_or_else(|| TransportError::NotCarried(track.codec_string()))?,
            stream_id: psi::row(track.entry.kind.0).map_or(0xc0, |row| row.stream_id),
            stream,
        })
    }

    /// The samples as PES packets.
    pub(super) fn packets(&self, samples: Range<u32>) -> Vec<Vec<Sample>> {
        let mut packets: Vec<Vec<Sample>> = Vec::new();
        for sample in self.stamps.rendition.track.index.samples(samples) {
            let pts = self.stamps.of(&sample).pts;
            match packets.last_mut() {
                Some(packet) if pts.saturating_sub(self.start(packet)) < PACKET_TICKS => {
                    packet.push(sample);
                }
                _ => packets.push(vec![sample]),
            }
        }
        packets
    }

    /// The time stamp of a PES packet.
    pub(super) fn start(&self, packet: &[Sample]) -> u64 {
        packet
            .first()
            .map_or(0, |sample| self.stamps.of(sample).pts)
    }

    pub(super) fn write(&self, packet: &[Sample], mux: &mut Mux) -> Result<(), TransportError> {
        let Some(first) = packet.first() else {
            return Ok(());
        };
        let headers = packet
            .iter()
            .map(|sample| {
                let number = sample.number;
                let too_long = TransportError::FrameTooLong { sample: number };
                self.adts.header(sample.size).ok_or(too_long)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let size: usize = packet
            .iter()
            .map(|sample| HEADER + sample.size as usize)
            .sum();
        let pts = self.start(packet);
        let header = pes::header(self.stream_id, pes::Times { pts, dts: pts }, size);
        // Beside pictures they carry the clock.
        let access = match self.stream {
            0 => self.stamps.access(first),
            _ => Access::default(),
        };
        mux.unit(self.stream, access, |mux| {
            mux.inline(&header);
            for (sample, header) in packet.iter().zip(headers) {
                mux.inline(&header);
                mux.source(self.stream, sample.offset, sample.size);
            }
        });
        Ok(())
    }
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
