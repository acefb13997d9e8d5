//! Text tracks of MP4 files (ISO/IEC 14496-30): `wvtt` and `stpp` samples become cues.

use std::sync::Arc;

use ring::digest::{Context, SHA256};

use super::fragments::Fragments;
use super::index::Room;
use super::opened::Opened;
use super::text::TextTrack;
use super::{MediaRule, SampleIndex};
use crate::bytes::ReadAt;
use crate::isobmff::moov::trak::Trak;
use crate::isobmff::{BoxRef, entry, find};
use crate::text::ttml::Sources;
use crate::text::wvtt::{self, SampleCue};
use crate::text::{self, Builder, Cue, Document, MAX_AT_ONCE, MAX_SIZE, Preamble, TextError};
use crate::time::to_wire;

/// Handlers of text tracks.
pub(super) const HANDLERS: &[&[u8; 4]] = &[b"text", b"subt", b"sbtl"];

/// Bytes in front of the child boxes of a plain sample entry.
const ENTRY_FIELDS: usize = 8;

/// A track with more samples is refused: each is read by itself.
const MAX_SAMPLES: u32 = 200_000;

/// What all documents of a track may take in memory, in bytes.
const MAX_DOCUMENTS: usize = 64 << 20;

/// How samples of a sample entry type become cues.
/// The last value is what the clock of the track showed at its start, in wire ticks.
type Read = fn(&BoxRef<'_>, &[TextSample], i64) -> Result<Document, MediaRule>;

const KINDS: &[(&[u8; 4], Read)] = &[(b"wvtt", webvtt), (b"stpp", ttml)];

/// One sample on the timeline of the file, in wire ticks.
pub(super) struct TextSample {
    start: i64,
    end: i64,
    data: Vec<u8>,
}

/// Reads a text track whole; `None` for kinds of text that are not read.
///
/// # Errors
/// Broken boxes, samples outside the file, more than 200,000 or 16 MiB of them, text that is none.
pub(super) fn read<S: ReadAt + ?Sized>(
    trak: &BoxRef<'_>,
    movie_timescale: u32,
    fragments: &mut Fragments,
    room: &mut Room,
    source: &S,
) -> Result<Option<TextTrack>, MediaRule> {
    let trak = Trak::parse(trak)?;
    let entries = entry::entries(&trak.stbl.require(b"stsd")?)?;
    let kind = |entry: &BoxRef<'_>| KINDS.iter().find(|(kind, _)| **kind == entry.kind.0);
    let Some((entry, (_, read))) = entries.first().and_then(|e| Some((e, kind(e)?))) else {
        return Ok(None);
    };
    let Opened { index, timescale, shift, clock } =
        Opened::of(&trak, movie_timescale, fragments, room)?;
    let time = |ticks: i64| to_wire(ticks.saturating_add(shift.offset), timescale);
    check_size(&index)?;
    let mut samples = Vec::new();
    for sample in index.samples(0..index.len()) {
        let mut data = vec![0; sample.size as usize];
        let failed = |error| MediaRule::Scan(crate::isobmff::ScanError::Io(error));
        source.read_exact_at(sample.offset, &mut data).map_err(failed)?;
        let end = sample.dts.saturating_add(i64::from(sample.duration));
        samples.push(TextSample { start: time(sample.dts), end: time(end), data });
    }
    Ok(Some(TextTrack {
        clock,
        track_id: trak.tkhd.track_id,
        language: trak.mdhd.language,
        digest: digest(entry, clock, &samples),
        document: Arc::new(read(entry, &samples, clock)?),
    }))
}

/// All samples of a track become one document: that takes no more memory than a text file.
fn check_size(index: &SampleIndex) -> Result<(), TextError> {
    match index.len() {
        more if more > MAX_SAMPLES => Err(TextError::TooManySamples),
        all if index.bytes(0..all) > MAX_SIZE as u64 => Err(TextError::TooLarge),
        _ => Ok(()),
    }
}

/// Everything that cues are read from: sample entry, clock, samples and their times.
fn digest(entry: &BoxRef<'_>, clock: i64, samples: &[TextSample]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&(entry.body.len() as u64).to_be_bytes());
    context.update(entry.body);
    context.update(&clock.to_be_bytes());
    for sample in samples {
        context.update(&sample.start.to_be_bytes());
        context.update(&sample.end.to_be_bytes());
        context.update(&(sample.data.len() as u64).to_be_bytes());
        context.update(&sample.data);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Cues of `wvtt`: what goes on in the next sample is one cue.
fn webvtt(entry: &BoxRef<'_>, samples: &[TextSample], _: i64) -> Result<Document, MediaRule> {
    let mut joined = Joined::default();
    for sample in samples {
        for cue in wvtt::read(&sample.data) {
            let SampleCue { source, id, settings, text } = cue?;
            let cue = Cue {
                start: sample.start,
                end: sample.end,
                id: id.into(),
                settings: settings.into(),
                text: text.into(),
                paragraph: None,
            };
            joined.push(cue, source);
        }
    }
    Ok(joined.finish(Preamble::WebVtt { blocks: blocks(entry)? }))
}

/// STYLE and REGION blocks of the configuration.
fn blocks(entry: &BoxRef<'_>) -> Result<String, MediaRule> {
    let children = entry.body.get(ENTRY_FIELDS..).unwrap_or_default();
    let Some(config) = find(crate::isobmff::children(entry.kind, children), b"vttC")? else {
        return Ok(String::new());
    };
    let text = String::from_utf8_lossy(config.body);
    let header = text::webvtt::parse(text.trim_end_matches('\0'));
    Ok(match header.map(|header| header.preamble) {
        Ok(Preamble::WebVtt { blocks }) => blocks,
        _ => String::new(),
    })
}

/// Cues of `stpp`: each sample is a document whose times are those of the track's clock, and which
/// is shown while the sample lasts.
fn ttml(_: &BoxRef<'_>, samples: &[TextSample], clock: i64) -> Result<Document, MediaRule> {
    let samples = || samples.iter().filter(|sample| !sample.data.is_empty());
    let (mut documents, mut size) = (Vec::<Document>::new(), 0);
    for sample in samples() {
        let document = text::parse(&sample.data)?;
        size += document.heap_size();
        if size > MAX_DOCUMENTS {
            return Err(MediaRule::Limit("the documents of a text track take at most 64 MiB"));
        }
        documents.push(document);
    }
    let mut sources = Sources::of(&documents);
    let mut joined = Joined::default();
    for (n, (sample, document)) in samples().zip(&documents).enumerate() {
        for cue in document.cues() {
            let (start, end) = (cue.start.saturating_sub(clock), cue.end.saturating_sub(clock));
            let (start, end) = (start.max(sample.start), end.min(sample.end));
            if start < end {
                let own = cue.paragraph.as_ref();
                let paragraph = own.and_then(|paragraph| sources.paragraph(n, paragraph));
                joined.push(Cue { start, end, paragraph, ..cue.clone() }, None);
            }
        }
    }
    let mut document = joined.finish(sources.preamble());
    document.language = documents.into_iter().next().and_then(|first| first.language);
    Ok(document)
}

/// Puts cues together that samples cut.
#[derive(Default)]
struct Joined {
    builder: Builder,
    open: Vec<(Cue, Option<[u8; 4]>)>,
}

impl Joined {
    fn push(&mut self, cue: Cue, source: Option<[u8; 4]>) {
        for (ended, _) in self.open.extract_if(.., |(known, _)| known.end < cue.start) {
            self.builder.push(ended);
        }
        let same = |(known, from): &&mut (Cue, Option<[u8; 4]>)| {
            let alike =
                (&known.id, &known.settings, &known.text) == (&cue.id, &cue.settings, &cue.text);
            known.end == cue.start && *from == source && alike
        };
        let shown = self.open.iter().filter(|(known, _)| known.end > cue.start).count();
        match self.open.iter_mut().find(same) {
            Some((known, _)) => known.end = cue.end,
            None if shown >= MAX_AT_ONCE => self.builder.leave_out_of_crowd(cue.start),
            None => self.open.push((cue, source)),
        }
    }

    fn finish(mut self, preamble: Preamble) -> Document {
        self.open.into_iter().for_each(|(cue, _)| self.builder.push(cue));
        self.builder.finish(preamble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Writer;
    use crate::isobmff::{FourCc, boxed, children, full_box};
    use crate::media::FileIndex;

    /// Samples of a document in segments of two seconds, as this product writes them.
    fn samples_of(document: &Document) -> Vec<TextSample> {
        let mut samples = Vec::new();
        for start in (0..20_000_000 * 5).step_by(20_000_000) {
            let made = wvtt::samples(&document.slice(start, start + 20_000_000, 0)).unwrap();
            let (mut time, mut rest) = (start, made.data.as_slice());
            for (duration, size) in made.samples {
                let (data, behind) = rest.split_at(size as usize);
                let end = time + i64::from(duration);
                samples.push(TextSample { start: time, end, data: data.to_vec() });
                (time, rest) = (end, behind);
            }
        }
        samples
    }

    #[test]
    fn cues_that_samples_cut_are_put_together() {
        let text = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\na\n00:00.500 --> 00:07.000 line:0\nx\n\n\
            00:03.000 --> 00:05.000\ny\n\n00:05.000 --> 00:06.000\ny\n";
        let document = text::parse(text.as_bytes()).unwrap();
        let mut w = Writer::default();
        boxed(&mut w, b"wvtt", |w| {
            w.zeros(8);
            boxed(w, b"vttC", |w| w.bytes(b"WEBVTT\n\nSTYLE\n::cue { color: red }"));
        });
        let entry = w.into_vec();
        let entry = children(FourCc(*b"stsd"), &entry).next().unwrap().unwrap();
        assert_eq!(webvtt(&entry, &samples_of(&document), 0).unwrap(), document);
    }

    #[test]
    fn a_crowd_is_thinned_out_while_it_is_read() {
        let mut joined = Joined::default();
        let cue = |start: i64| Cue { start, end: 1000, text: "x".into(), ..Cue::default() };
        (0..500).for_each(|start| joined.push(cue(start), None));
        assert_eq!(joined.open.len(), MAX_AT_ONCE);
        let document = joined.finish(Preamble::WebVtt { blocks: String::new() });
        assert!(document.note.unwrap().starts_with("436 cues are left out"));
        // As many as there may be, each of which goes on.
        let mut joined = Joined::default();
        for start in [0, 10] {
            for n in 0..MAX_AT_ONCE {
                let text = n.to_string().into();
                joined.push(Cue { start, end: start + 10, text, ..Cue::default() }, None);
            }
        }
        let document = joined.finish(Preamble::WebVtt { blocks: String::new() });
        assert!(document.note.is_none());
        assert_eq!(document.cues().iter().map(|cue| cue.end).min(), Some(20));
    }

    #[test]
    fn a_track_of_many_or_large_samples_is_refused() {
        let index = |count: u32, size: u32| {
            let tables: [(&[u8; 4], &[u32]); 4] = [
                (b"stsz", &[size, count]),
                (b"stsc", &[1, 1, count, 1]),
                (b"stco", &[1, 0]),
                (b"stts", &[1, count, 1]),
            ];
            let mut w = Writer::default();
            boxed(&mut w, b"stbl", |w| {
                for (kind, fields) in tables {
                    full_box(w, kind, 0, 0, |w| fields.iter().for_each(|field| w.u32(*field)));
                }
            });
            let stbl = w.into_vec();
            let stbl = children(FourCc(*b"minf"), &stbl).next().unwrap().unwrap();
            SampleIndex::build(&stbl, None, &mut Room::of(u64::MAX)).unwrap()
        };
        assert_eq!(check_size(&index(MAX_SAMPLES, 1)), Ok(()));
        assert_eq!(check_size(&index(MAX_SAMPLES + 1, 1)), Err(TextError::TooManySamples));
        assert_eq!(check_size(&index(2, MAX_SIZE as u32)), Err(TextError::TooLarge));
    }

    #[test]
    fn whatever_changes_the_cues_changes_the_digest() {
        let entry = |text: &'static [u8]| BoxRef { kind: FourCc(*b"wvtt"), raw: text, body: text };
        let sample = |end| TextSample { start: 0, end, data: b"x".to_vec() };
        let digests = [
            digest(&entry(b"a"), 0, &[sample(1)]),
            digest(&entry(b"b"), 0, &[sample(1)]),
            digest(&entry(b"a"), 1, &[sample(1)]),
            digest(&entry(b"a"), 0, &[sample(2)]),
        ];
        for (n, digest) in digests.iter().enumerate() {
            assert!(!digests[..n].contains(digest), "{n}");
        }
    }

    #[test]
    fn tracks_of_other_makers_are_read() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media/public");
        let pairs = [(2520, 4120), (2520, 4120), (4520, 6000), (4520, 6000)];
        for (name, times) in [
            ("androidx-media/text/wvtt_in_mp4.mp4", &[(0, 234), (345, 456)][..]),
            ("androidx-media/text/stpp_in_mp4.mp4", &[(20, 500), (250, 400), (700, 950)]),
            ("mp4ff/stpp_prog.mp4", &pairs),
            ("mp4ff/stpp_combined.mp4", &pairs),
        ] {
            let Ok(data) = std::fs::read(root.join(name)) else {
                eprintln!("skipped: no {name}");
                continue;
            };
            let index = FileIndex::read(data.as_slice()).unwrap();
            let [track] = index.text.as_slice() else { panic!("{:?}", index.skipped) };
            let cues = track.document.cues().iter();
            let found: Vec<_> = cues.map(|cue| (cue.start / 10_000, cue.end / 10_000)).collect();
            assert_eq!(found, times, "{name}: {:?}", track.document.note);
        }
    }
}
