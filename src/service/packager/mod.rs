//! The static packager: tracks of files, packaged once into files that any web server can serve.
//!
//! Everything that has to do with formats is done by the code that the origin runs: index and
//! timeline (`media`), plans and writers (`package`), ciphers (`cenc`, `crypto`). Here are orders,
//! threads and files.

mod check;
mod error;
mod inputs;
mod job;
mod keys;
mod manifests;
pub mod order;
mod output;
mod paths;
mod text;
mod work;
mod written;

use std::sync::Arc;

use serde::Serialize;

pub use error::PackageError;
pub use order::Order;

use self::inputs::Inputs;
use self::job::Job;
use self::keys::Keyed;
use self::manifests::All;
use self::order::Form;
use self::text::TextJob;
use self::written::Written;
use crate::ids::KeyId;
use crate::store::{Cloud, Location};

/// What was made.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Seconds that the presentation lasts.
    pub seconds: f64,
    /// The streams in the order of the descriptors, text behind the others.
    pub streams: Vec<StreamSummary>,
    /// The manifests and playlists.
    pub manifests: Vec<Location>,
}

/// What was made of one track.
#[derive(Debug, Serialize)]
pub struct StreamSummary {
    /// The file that it comes from.
    pub input: Location,
    /// Track id in the file, of pictures and sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<u32>,
    /// Codec string (RFC 6381).
    pub codec: String,
    /// Bits per second as manifests announce them.
    pub bandwidth: u64,
    /// The one file, or the template of segments.
    pub output: String,
    /// How many segments or fragments.
    pub segments: usize,
    /// Bytes that were written.
    pub bytes: u64,
    /// The keys, if it is encrypted: that of each crypto period, in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeySummary>,
}

/// A key of a track.
#[derive(Debug, Serialize)]
pub struct KeySummary {
    /// Its id.
    pub key_id: String,
    /// Its label.
    pub label: String,
    /// How it is used.
    pub scheme: &'static str,
}

/// Packages; `cloud` is asked for what lies, or will lie, in object stores. `expect` is told how many
/// bytes of samples there are, `progress` how many more bytes are written.
///
/// # Errors
/// [`PackageError`]. Each file is given its name when it is complete, manifests last.
pub fn run(
    order: &Order,
    cloud: &Arc<Cloud>,
    expect: impl FnOnce(u64),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Summary, PackageError> {
    check::order(order)?;
    let mut written = Written::of(order)?;
    let inputs = Inputs::open(order, cloud)?;
    let jobs = jobs(order, &inputs, cloud)?;
    check::jobs(order, &jobs)?;
    let text = TextJob::all(order, &inputs, cloud)?;
    check::text(order, &text)?;
    check::addresses(order, &jobs, &text)?;
    written.add_segments(&jobs, &text)?;
    expect(jobs.iter().flat_map(|job| &job.rendition.fragment_bytes).sum());
    work::run(&jobs, order.is_remote(), progress)?;
    jobs.iter().try_for_each(Job::finish)?;
    let written = text.iter().map(TextJob::write).collect::<Result<Vec<u64>, _>>()?;
    let all = All { asset: &inputs.asset, jobs: &jobs, text: &text, cloud };
    let manifests = manifests::write(order, &all)?;
    let media = jobs.iter().map(|job| StreamSummary::of(order, job));
    let text = text.iter().zip(written).map(|(job, bytes)| job.summary(order, bytes));
    Ok(Summary {
        seconds: inputs.asset.duration as f64 / f64::from(crate::time::WIRE_TIMESCALE),
        streams: media.chain(text).collect(),
        manifests,
    })
}

fn jobs<'a>(
    order: &'a Order,
    inputs: &'a Inputs,
    cloud: &'a Arc<Cloud>,
) -> Result<Vec<Job<'a>>, PackageError> {
    let job = |(n, stream): (usize, &'a order::StreamOrder)| {
        let file = || &stream.input;
        let rendition = inputs.rendition(n).ok_or_else(|| {
            PackageError::refused(format!("{}: nothing of the track is played", file()))
        })?;
        check::codec(order, stream, rendition)?;
        let source = inputs.source(rendition);
        let identity = inputs.asset.identity(rendition);
        let keyed = Keyed::of(order, stream, (&inputs.asset, rendition), &identity)?;
        let init = match stream.form {
            Form::Fragments => keyed.init_segment(rendition),
            Form::Transport => Vec::new(),
        };
        Job::new(stream, rendition, (source, cloud), keyed, init)
    };
    order.streams.iter().enumerate().map(job).collect()
}

impl KeySummary {
    /// Those of a track.
    fn all(order: &Order, keyed: &Keyed, label: &str) -> Vec<Self> {
        let scheme = order.protection.row().map_or("", |row| row.scheme);
        let one = |kid: KeyId| Self { key_id: kid.to_string(), label: label.to_owned(), scheme };
        keyed.key_ids().map(one).collect()
    }
}

impl StreamSummary {
    fn of(order: &Order, job: &Job<'_>) -> Self {
        let (stream, rendition) = (job.stream, job.rendition);
        Self {
            input: stream.input.clone(),
            track: Some(rendition.track.header.track_id),
            codec: rendition.track.codec_string(),
            bandwidth: rendition.bitrate,
            output: stream.output.name(),
            segments: rendition.cuts.len(),
            bytes: job.total(),
            keys: KeySummary::all(order, &job.keyed, &keys::label(stream, rendition)),
        }
    }
}
