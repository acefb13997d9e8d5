//! Reads transport streams with a foreign demultiplexer, and elementary streams by hand.

use mpeg2ts_reader::demultiplex::{
    Demultiplex, DemuxContext, FilterChangeset, FilterRequest, NullPacketFilter, PacketFilter,
    PatPacketFilter, PmtPacketFilter,
};
use mpeg2ts_reader::packet::Packet;
use mpeg2ts_reader::pes::{
    ElementaryStreamConsumer, PesContents, PesHeader, PesPacketFilter, PtsDts,
};
use mpeg2ts_reader::{StreamType, packet_filter_switch, psi};

/// E-AC-3 (ATSC A/53 part 3), which the reader has no name for.
const EAC3: StreamType = StreamType(0x87);

/// AVC and AAC under SAMPLE-AES.
const PROTECTED_AVC: StreamType = StreamType(0xdb);
const PROTECTED_AAC: StreamType = StreamType(0xcf);

/// A PES packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) kind: &'static str,
    pub(crate) pts: i64,
    pub(crate) dts: i64,
    pub(crate) payload: Vec<u8>,
    /// The clock reference of its first packet.
    pub(crate) clock: Option<u64>,
}

/// What the demultiplexer found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) units: Vec<Unit>,
    /// Clock references in ticks of 27 MHz.
    pub(crate) clock: Vec<u64>,
    pub(crate) continuity_errors: usize,
}

impl Found {
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Unit> {
        self.units.iter().filter(|unit| unit.kind == kind).collect()
    }
}

/// Demultiplexes one segment.
pub(crate) fn read(segment: &[u8]) -> Found {
    assert_eq!(segment.len() % 188, 0, "a segment is whole packets");
    let mut context = Context::default();
    let mut demultiplex = Demultiplex::new(&mut context);
    demultiplex.push(&mut context, segment);
    context.found
}

#[derive(Default)]
pub struct Context {
    changeset: FilterChangeset<Filter>,
    found: Found,
}

packet_filter_switch! {
    Filter<Context> {
        Pat: PatPacketFilter<Context>,
        Pmt: PmtPacketFilter<Context>,
        Null: NullPacketFilter<Context>,
        Stream: Stream,
    }
}

impl DemuxContext for Context {
    type F = Filter;

    fn filter_changeset(&mut self) -> &mut FilterChangeset<Filter> {
        &mut self.changeset
    }

    fn construct(&mut self, request: FilterRequest<'_, '_>) -> Filter {
        match request {
            FilterRequest::ByPid(psi::pat::PAT_PID) => Filter::Pat(PatPacketFilter::default()),
            FilterRequest::Pmt { pid, program_number } => {
                Filter::Pmt(PmtPacketFilter::new(pid, program_number))
            }
            FilterRequest::ByStream { stream_type, .. } => {
                let kind = match stream_type {
                    StreamType::H264 | StreamType::H265 | PROTECTED_AVC => "video",
                    StreamType::ADTS | StreamType::ATSC_DOLBY_DIGITAL_AUDIO | EAC3 => "audio",
                    PROTECTED_AAC => "audio",
                    other => panic!("stream type {other:?}"),
                };
                Filter::Stream(Stream(PesPacketFilter::new(Consumer { kind })))
            }
            FilterRequest::ByPid(pid) => panic!("packets of {pid:?}, which no table names"),
            FilterRequest::Nit { .. } => Filter::Null(NullPacketFilter::default()),
        }
    }
}

struct Stream(PesPacketFilter<Context, Consumer>);

impl PacketFilter for Stream {
    type Ctx = Context;

    fn consume(&mut self, context: &mut Context, packet: &Packet<'_>) {
        if let Some(Ok(pcr)) = packet.adaptation_field().map(|field| field.pcr()) {
            context.found.clock.push(u64::from(pcr));
        }
        let before = context.found.units.len();
        self.0.consume(context, packet);
        if let Some(unit) = context.found.units.get_mut(before) {
            let field = packet.adaptation_field();
            unit.clock = field.and_then(|field| field.pcr().ok()).map(u64::from);
        }
    }
}

struct Consumer {
    kind: &'static str,
}

impl Consumer {
    fn append(&self, context: &mut Context, data: &[u8]) {
        let mut units = context.found.units.iter_mut().rev();
        let unit = units.find(|unit| unit.kind == self.kind);
        unit.expect("a PES packet has begun").payload.extend(data);
    }
}

impl ElementaryStreamConsumer<Context> for Consumer {
    fn start_stream(&mut self, _: &mut Context) {}

    fn begin_packet(&mut self, context: &mut Context, header: PesHeader<'_>) {
        let PesContents::Parsed(Some(parsed)) = header.contents() else {
            panic!("a PES header without its fields");
        };
        let (pts, dts) = match parsed.pts_dts() {
            Ok(PtsDts::PtsOnly(Ok(pts))) => (pts, pts),
            Ok(PtsDts::Both { pts: Ok(pts), dts: Ok(dts) }) => (pts, dts),
            other => panic!("time stamps {other:?}"),
        };
        context.found.units.push(Unit {
            kind: self.kind,
            pts: pts.value().cast_signed(),
            dts: dts.value().cast_signed(),
            payload: parsed.payload().to_vec(),
            clock: None,
        });
    }

    fn continue_packet(&mut self, context: &mut Context, data: &[u8]) {
        self.append(context, data);
    }

    fn end_packet(&mut self, _: &mut Context) {}

    fn continuity_error(&mut self, context: &mut Context) {
        context.found.continuity_errors += 1;
    }
}

/// The NAL units of a byte stream.
pub(crate) fn nals(stream: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> = stream
        .windows(3)
        .enumerate()
        .filter_map(|(at, three)| (three == [0, 0, 1]).then_some(at))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    let unit = |(start, end): (&usize, usize)| {
        let unit = &stream[start + 3..end];
        let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
        &unit[..unit.len() - zeros]
    };
    starts.iter().zip(ends).map(unit).collect()
}

/// The NAL units that hold pictures and messages: delimiters and parameter sets may be added. HEVC
/// has its type in other bits of the header, which has a second byte.
pub(crate) fn essential_nals<'s>(codec: &str, stream: &'s [u8]) -> Vec<&'s [u8]> {
    let added = |nal: &[u8]| match (codec, nal.first()) {
        ("hevc", Some(header)) => (32..=35).contains(&(header >> 1 & 0x3f)),
        (_, Some(header)) => (7..=9).contains(&(header & 0x1f)),
        _ => false,
    };
    nals(stream).into_iter().filter(|nal| !added(nal)).collect()
}

/// How many frames of sound lie one behind the other.
pub(crate) fn frames(stream: &[u8]) -> usize {
    match stream {
        [0x0b, 0x77, ..] => dolby_frames(stream),
        _ => adts_frames(stream),
    }
}

/// AC-3 frames of 48 kHz, and E-AC-3 frames, which say their length.
fn dolby_frames(stream: &[u8]) -> usize {
    const KILOBITS: [usize; 19] =
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
    let (mut at, mut count) = (0, 0);
    while at < stream.len() {
        let header = &stream[at..at + 6];
        assert_eq!(header[..2], [0x0b, 0x77], "a sync word at {at}");
        at += match header[5] >> 3 {
            ..=10 => 4 * KILOBITS[usize::from(header[4] & 0x3f) / 2],
            _ => 2 * ((usize::from(header[2] & 7) << 8 | usize::from(header[3])) + 1),
        };
        count += 1;
    }
    assert_eq!(at, stream.len(), "whole frames");
    count
}

/// How many ADTS frames lie one behind the other.
fn adts_frames(stream: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < stream.len() {
        let header = &stream[at..at + 7];
        assert_eq!(header[..2], [0xff, 0xf1], "an ADTS header at {at}");
        let bits = |n: usize, shift: u32| usize::from(header[n]) << shift;
        at += (bits(3, 11) | bits(4, 3) | usize::from(header[5]) >> 5) & 0x1fff;
        count += 1;
    }
    assert_eq!(at, stream.len(), "whole frames");
    count
}
