//! AVC and HEVC pictures as byte streams (ISO/IEC 14496-10 and 23008-2, annex B): a delimiter first,
//! parameter sets before every random access point, start codes in the place of lengths.

use std::ops::Range;

use super::{Stamps, TransportError, protect};
use crate::bytes::{ReadAt, Window};
use crate::codec::nal::NalUnits;
use crate::media::Rendition;
use crate::media::index::Sample;
use crate::mpegts::sample_aes::Place;
use crate::mpegts::{Mux, SampleAes, pes};

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// More NAL units in one picture are refused.
pub(super) const MAX_NALS: usize = 1 << 12;

/// A NAL unit in the file, its length field not included.
#[derive(Debug)]
struct Nal {
    kind: u8,
    offset: u64,
    length: u32,
    /// What of it is encrypted, and where bytes are put in for that.
    protected: Option<(Range<u32>, Vec<u32>)>,
}

impl Nal {
    /// Bytes in the byte stream.
    fn size(&self) -> usize {
        let escapes = self.protected.as_ref().map_or(0, |(_, escapes)| escapes.len());
        START_CODE.len() + self.length as usize + escapes
    }
}

/// A sample and what it is made of.
pub(super) struct Picture {
    sample: Sample,
    nals: Vec<Nal>,
}

/// Writes the pictures of a rendition.
pub(super) struct Pictures<'a, S: ?Sized> {
    stamps: Stamps<'a>,
    units: NalUnits<'a>,
    stream_id: u8,
    window: Window<'a, S>,
    source: &'a S,
}

impl<'a, S: ReadAt + ?Sized> Pictures<'a, S> {
    pub(super) fn new(
        rendition: &'a Rendition,
        units: NalUnits<'a>,
        stream_id: u8,
        source: &'a S,
    ) -> Self {
        Self { stamps: Stamps { rendition }, units, stream_id, window: Window::new(source), source }
    }

    /// Reads what samples are made of.
    pub(super) fn read(
        &mut self,
        samples: Vec<Sample>,
        sample_aes: Option<&SampleAes>,
    ) -> Result<Vec<Picture>, TransportError> {
        let picture = |sample| Ok(Picture { nals: self.nals(&sample)?, sample });
        let mut pictures: Vec<Picture> =
            samples.into_iter().map(picture).collect::<Result<_, TransportError>>()?;
        if let Some(sample_aes) = sample_aes {
            self.protect(&mut pictures, sample_aes)?;
        }
        Ok(pictures)
    }

    /// When a picture is decoded.
    pub(super) fn dts(&self, picture: &Picture) -> u64 {
        self.stamps.of(&picture.sample).dts
    }

    pub(super) fn write(&self, Picture { sample, nals }: &Picture, mux: &mut Mux) {
        let own = self.units.syntax.delimiter;
        let delimited = usize::from(nals.first().is_some_and(|nal| nal.kind == self.kind(own)));
        let (delimiter, nals) = nals.split_at(delimited);
        let mut inline = self.missing_sets(sample, nals);
        if delimiter.is_empty() {
            inline.insert(0, own);
        }
        let written = inline.iter().map(|unit| START_CODE.len() + unit.len());
        let stored = delimiter.iter().chain(nals).map(Nal::size);
        let size = written.sum::<usize>() + stored.sum::<usize>();
        let header = pes::header(self.stream_id, self.stamps.of(sample), size);
        mux.unit(0, self.stamps.access(sample), |mux| {
            mux.inline(&header);
            delimiter.iter().for_each(|nal| write_nal(nal, mux));
            for unit in inline {
                mux.inline(&START_CODE);
                mux.inline(unit);
            }
            nals.iter().for_each(|nal| write_nal(nal, mux));
        });
    }

    /// Looks where slices have to be escaped once they are encrypted.
    fn protect(
        &self,
        pictures: &mut [Picture],
        sample_aes: &SampleAes,
    ) -> Result<(), TransportError> {
        let first = pictures.first().map_or(0, |picture| picture.sample.number);
        let nals = pictures.iter_mut().flat_map(|picture| &mut picture.nals);
        let slices: Vec<&mut Nal> = nals
            .filter(|nal| protect::is_slice(nal.kind))
            .filter(|nal| !sample_aes.rule.protected(nal.length).is_empty())
            .collect();
        let places: Vec<Place> =
            slices.iter().map(|nal| Place { offset: nal.offset, length: nal.length }).collect();
        let escapes = sample_aes.escapes(self.source, &places)?;
        let escapes = escapes.ok_or(TransportError::TooManyEscapes { sample: first })?;
        for (nal, escapes) in slices.into_iter().zip(escapes) {
            nal.protected = Some((sample_aes.rule.protected(nal.length), escapes));
        }
        Ok(())
    }

    /// The parameter sets that a random access point lacks. A message of the configuration is not
    /// one that the sample has.
    fn missing_sets(&self, sample: &Sample, nals: &[Nal]) -> Vec<&'a [u8]> {
        let syntax = self.units.syntax;
        let random = |nal: &Nal| syntax.random_access.contains(&nal.kind);
        if !sample.sync && !nals.iter().any(random) {
            return Vec::new();
        }
        let missing = |set: &&[u8]| {
            let kind = self.kind(set);
            kind == syntax.message || nals.iter().all(|nal| nal.kind != kind)
        };
        self.units.sets.iter().copied().filter(missing).collect()
    }

    /// The type of a NAL unit in memory.
    fn kind(&self, nal: &[u8]) -> u8 {
        nal.first().map_or(0, |header| (self.units.syntax.kind)(*header))
    }

    /// The NAL units of a sample; empty ones are left out.
    fn nals(&mut self, sample: &Sample) -> Result<Vec<Nal>, TransportError> {
        let (size, kind) = (self.units.length_size, self.units.syntax.kind);
        let field = size.bytes();
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
            let length = size.read(front).ok_or(too_long(0))?;
            let left = left - field as u32;
            if length > left {
                return Err(too_long(length));
            }
            if let Some(header) = front.get(field).filter(|_| length > 0) {
                let (kind, offset) = (kind(*header), offset + field as u64);
                nals.push(Nal { kind, offset, length, protected: None });
            }
            if nals.len() > MAX_NALS {
                return Err(TransportError::TooManyNals { sample: number });
            }
            at += field as u32 + length;
        }
        Ok(nals)
    }
}

fn write_nal(nal: &Nal, mux: &mut Mux) {
    mux.inline(&START_CODE);
    match &nal.protected {
        None => mux.source(0, nal.offset, nal.length),
        Some((range, escapes)) => {
            mux.protected(0, nal.offset, nal.length, range, escapes);
        }
    }
}
