//! AVC pictures as byte streams (ISO/IEC 14496-10 annex B): a delimiter first, parameter sets
//! before every random access point, start codes in the place of lengths.

use super::{Stamps, TransportError};
use crate::bytes::{ReadAt, Window};
use crate::codec::avc::{AvcConfig, nal_type};
use crate::media::Rendition;
use crate::media::index::Sample;
use crate::mpegts::{Mux, pes, psi};

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// A delimiter that allows every slice type.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, nal_type::DELIMITER, 0xf0];

/// More NAL units in one picture are refused.
pub(super) const MAX_NALS: usize = 1 << 12;

/// A NAL unit in the file, its length field not included.
#[derive(Debug, Clone, Copy)]
struct Nal {
    kind: u8,
    offset: u64,
    length: u32,
}

/// Writes the pictures of a rendition.
pub(super) struct Pictures<'a, S: ?Sized> {
    pub(super) stamps: Stamps<'a>,
    config: &'a AvcConfig,
    stream_id: u8,
    window: Window<'a, S>,
}

impl<'a, S: ReadAt + ?Sized> Pictures<'a, S> {
    pub(super) fn new(rendition: &'a Rendition, config: &'a AvcConfig, source: &'a S) -> Self {
        Self {
            stamps: Stamps { rendition },
            config,
            stream_id: psi::row(rendition.track.entry.kind.0).map_or(0xe0, |row| row.stream_id),
            window: Window::new(source),
        }
    }

    pub(super) fn write(&mut self, sample: &Sample, mux: &mut Mux) -> Result<(), TransportError> {
        let nals = self.nals(sample)?;
        let delimited = usize::from(nals.first().is_some_and(|nal| is(nal, nal_type::DELIMITER)));
        let (delimiter, nals) = nals.split_at(delimited);
        let sets = self.missing_sets(sample, nals);
        let own = if delimiter.is_empty() { DELIMITER.len() } else { 0 };
        let inline = own + sets.iter().map(|set| START_CODE.len() + set.len()).sum::<usize>();
        let stored = |nal: &Nal| START_CODE.len() + nal.length as usize;
        let size = inline + delimiter.iter().chain(nals).map(stored).sum::<usize>();
        let header = pes::header(self.stream_id, self.stamps.of(sample), size);
        mux.unit(0, self.stamps.access(sample), |mux| {
            mux.inline(&header);
            if delimiter.is_empty() {
                mux.inline(&DELIMITER);
            }
            delimiter.iter().for_each(|nal| write_nal(nal, mux));
            for set in sets {
                mux.inline(&START_CODE);
                mux.inline(set);
            }
            nals.iter().for_each(|nal| write_nal(nal, mux));
        });
        Ok(())
    }

    /// The parameter sets that a random access point lacks.
    fn missing_sets(&self, sample: &Sample, nals: &[Nal]) -> Vec<&'a [u8]> {
        let has = |kind: u8| nals.iter().any(|nal| is(nal, kind));
        if !sample.sync && !has(nal_type::IDR_SLICE) {
            return Vec::new();
        }
        let of = |kind: u8, sets: &'a [Box<[u8]>]| if has(kind) { &[][..] } else { sets };
        let config = self.config;
        let sps = of(nal_type::SPS, &config.sps);
        sps.iter().chain(of(nal_type::PPS, &config.pps)).map(|set| &**set).collect()
    }

    /// The NAL units of a sample; empty ones are left out.
    fn nals(&mut self, sample: &Sample) -> Result<Vec<Nal>, TransportError> {
        let field = self.config.length_size.bytes();
        let number = sample.number;
        let too_long = |length| TransportError::NalTooLong { sample: number, length };
        let (mut nals, mut at) = (Vec::new(), 0_u32);
        while at < sample.size {
            let left = sample.size - at;
            if (left as usize) < field {
                return Err(too_long(0));
            }
            let offset = sample.offset + u64::from(at);
            // The header byte comes with the length where there is one.
            let front = self.window.get(offset, (left as usize).min(field + 1))?;
            let length = self.config.length_size.read(front).ok_or(too_long(0))?;
            let left = left - field as u32;
            if length > left {
                return Err(too_long(length));
            }
            if let Some(header) = front.get(field).filter(|_| length > 0) {
                nals.push(Nal { kind: header & 0x1f, offset: offset + field as u64, length });
            }
            if nals.len() > MAX_NALS {
                return Err(TransportError::TooManyNals { sample: number });
            }
            at += field as u32 + length;
        }
        Ok(nals)
    }
}

fn is(nal: &Nal, kind: u8) -> bool {
    nal.kind == kind
}

fn write_nal(nal: &Nal, mux: &mut Mux) {
    mux.inline(&START_CODE);
    mux.source(0, nal.offset, nal.length);
}
