//! Boxes, tracks and protection of one file.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::bytes::ReadAt;
use crate::cenc::check::check;
use crate::cli::CliError;
use crate::cli::out::{out, outln};
use crate::drm;
use crate::inspect::consistency::{Difference, KnownKeys, MAX_DIFFERENCES};
use crate::inspect::fragment;
use crate::inspect::movie::Init;
use crate::isobmff::BoxHeader;
use crate::isobmff::cenc::Pssh;
use crate::isobmff::describe::{Fields, PIFF, describe};
use crate::isobmff::dump::{Node, dump};
use crate::media::FileIndex;
use crate::store::files::LocalFile;

/// Larger fragment headers are not looked into, in bytes.
const MAX_MOOF: u64 = 64 << 20;

/// What is told of a file.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    boxes: Vec<BoxReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tracks: Vec<String>,
    /// Why the tracks of a whole file cannot be served, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    protection: Vec<String>,
    /// What does not go together in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contradictions: Vec<String>,
    /// Where it speaks of different keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize)]
struct BoxReport {
    depth: usize,
    #[serde(rename = "type")]
    kind: String,
    offset: u64,
    size: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<(&'static str, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Prints it, and fails when anything is wrong with it.
pub(super) fn conclude(report: &Report, json: bool) -> Result<(), CliError> {
    if json {
        let text = serde_json::to_string_pretty(report).map_err(CliError::environment)?;
        outln!("{text}");
    } else {
        report.print();
    }
    let broken = report.boxes.iter().find_map(|node| node.error.clone());
    let differs = || report.differences.first().map(ToString::to_string);
    match broken.or_else(|| report.contradictions.first().cloned()).or_else(differs) {
        Some(error) => Err(CliError::refused(error)),
        None => Ok(()),
    }
}

pub(super) fn of_file(
    source: &Arc<str>,
    path: &Path,
    known: Option<&KnownKeys>,
) -> Result<Report, CliError> {
    let named =
        |error: std::io::Error| CliError::refused(format_args!("{}: {error}", path.display()));
    let file = LocalFile::open(path).map_err(named)?;
    let mut report = Report::of(source, &file, known).map_err(named)?;
    if report.has("moov") {
        match FileIndex::read(&file) {
            Ok(index) => report.tracks = tracks(&index),
            Err(rule) => report.refused = Some(rule.to_string()),
        }
    }
    Ok(report)
}

/// What a file says of the protection of its samples, and what is wrong with it. An init segment has
/// none.
fn samples<S: ReadAt + ?Sized>(source: &S) -> (Vec<String>, Vec<String>) {
    let checked = match check(source) {
        Ok(checked) => checked,
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let protected = checked.tracks.iter().filter(|(_, track)| track.samples > 0);
    let told = protected.map(|(id, track)| {
        let (scheme, samples) = (track.scheme.row().fourcc, track.samples);
        let kids: Vec<String> = track.kids.iter().map(ToString::to_string).collect();
        format!("track {id}: {samples} samples under {scheme}, KID {}", kids.join(" "))
    });
    (told.collect(), checked.findings)
}

fn tracks(index: &FileIndex) -> Vec<String> {
    let packaged = index.tracks.iter().map(|track| {
        let samples = track.index.len();
        let seconds = track.index.dts(samples) as f64 / f64::from(track.timescale);
        let codec = track.codec_string();
        let (id, language) = (track.header.track_id, track.language.as_str());
        let rate = track.average_bitrate();
        format!("track {id}: {codec}, {language}, {samples} samples, {seconds:.3} s, {rate} bit/s")
    });
    let images = index.images.iter().map(|track| {
        let (id, codec, count) = (track.track_id, track.codec.row().name, track.index.len());
        let (width, height) = track.size;
        format!("track {id}: {count} {codec} images, {width}x{height}")
    });
    let skipped = index.skipped.iter();
    let skipped =
        skipped.map(|track| format!("track {}: left out: {}", track.track_id, track.reason));
    packaged.chain(images).chain(skipped).collect()
}

impl Report {
    pub(super) fn of<S: ReadAt + ?Sized>(
        name: &Arc<str>,
        source: &S,
        known: Option<&KnownKeys>,
    ) -> std::io::Result<Self> {
        let nodes = dump(source)?;
        let boxes: Vec<BoxReport> = nodes.iter().map(BoxReport::of).collect();
        let signals = ["frma", "schm", "tenc", "pssh", "senc"];
        let is_piff = |node: &BoxReport| node.fields.first().is_some_and(|(name, _)| *name == PIFF);
        let protection =
            boxes.iter().filter(|node| signals.contains(&node.kind.as_str()) || is_piff(node));
        let protection =
            protection.map(|node| format!("{}: {}", node.kind, text(&node.fields))).collect();
        let mut report = Self { boxes, protection, ..Self::default() };
        if report.has("moov") {
            let (told, contradictions) = samples(source);
            report.protection.extend(told);
            report.contradictions = contradictions;
        }
        if report.has("moov") {
            match Init::read(name, source) {
                Ok(init) => report.differences = init.check(known),
                Err(error) if report.contradictions.is_empty() => {
                    report.contradictions.push(error.to_string());
                }
                Err(_) => {}
            }
        }
        for moof in nodes.iter().filter(|node| node.depth == 0 && &node.kind.0 == b"moof") {
            if report.differences.len() >= MAX_DIFFERENCES || moof.error.is_some() {
                break;
            }
            let mut data = vec![0; usize::try_from(moof.size.min(MAX_MOOF)).unwrap_or(0)];
            source.read_exact_at(moof.offset, &mut data)?;
            // What is broken was named above.
            let found = fragment::differences(name, moof.offset, &data, known);
            report.differences.extend(found.unwrap_or_default());
        }
        Ok(report)
    }

    fn has(&self, kind: &str) -> bool {
        self.boxes.iter().any(|node| node.depth == 0 && node.kind == kind)
    }

    fn print(&self) {
        for node in &self.boxes {
            let indent = "  ".repeat(node.depth);
            let fields = text(&node.fields);
            out!("{indent}{} @{} {} bytes", node.kind, node.offset, node.size);
            outln!("{}{fields}", if fields.is_empty() { "" } else { "  " });
            if let Some(error) = &node.error {
                outln!("{indent}  broken: {error}");
            }
        }
        for track in &self.tracks {
            outln!("{track}");
        }
        if let Some(refused) = &self.refused {
            outln!("cannot be served: {refused}");
        }
        if self.protection.is_empty() {
            outln!("protection: none");
        } else {
            outln!("protection:\n  {}", self.protection.join("\n  "));
        }
        for contradiction in &self.contradictions {
            outln!("contradiction: {contradiction}");
        }
        for difference in &self.differences {
            outln!("mismatch: {difference}");
        }
    }
}

impl BoxReport {
    fn of(node: &Node) -> Self {
        let described = describe(node.kind, &node.body).filter(|_| node.error.is_none());
        let (fields, error) = match described {
            Some(Ok(fields)) => match system_data(node) {
                Ok(said) => ([fields, said].concat(), None),
                Err(error) => (fields, Some(error)),
            },
            Some(Err(error)) => (Vec::new(), Some(format!("box '{}': {error}", node.kind))),
            None => (Vec::new(), node.error.map(|error| error.to_string())),
        };
        let kind = node.kind.to_string();
        Self { depth: node.depth, kind, offset: node.offset, size: node.size, fields, error }
    }
}

/// What a `pssh` that is there as a whole says to its system.
fn system_data(node: &Node) -> Result<Fields, String> {
    let header = node.size.saturating_sub(node.body.len() as u64);
    if &node.kind.0 != b"pssh" || header > BoxHeader::MAX_LEN as u64 {
        return Ok(Fields::new());
    }
    let pssh = Pssh::read(&node.body).map_err(|error| error.to_string())?;
    let said = drm::describe::describe(pssh.system, &pssh.data).unwrap_or(Ok(Fields::new()));
    said.map_err(|error| format!("box 'pssh': {error}"))
}

/// Names and values in one line.
pub(super) fn text(fields: &[(&'static str, String)]) -> String {
    let parts: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    parts.join(", ")
}
