//! The work on tracks of text: made whole, for they are small. Segments of WebVTT are encrypted as wholes
//! or not at all, fragments never.

use std::io;
use std::sync::Arc;

use super::inputs::Inputs;
use super::keys::{Keyed, text_label};
use super::manifests::each_file;
use super::order::{Form, Order, Output, TextKind, TextOrder};
use super::output::write_whole;
use super::paths::url;
use super::{KeySummary, PackageError, StreamSummary};
use crate::media::TextRendition;
use crate::package::files::{RenditionFiles, SegmentFiles};
use crate::package::format::{Container, Format};
use crate::package::media_file::Front;
use crate::package::plan::{PIECE, Plan, Producer};
use crate::package::presentation::ListedText;
use crate::package::request::TrackRef;
use crate::package::template::Template;
use crate::package::text::{self, Row, TextForm};
use crate::package::text_file;
use crate::store::{Cloud, Location};
use crate::text::TextError;

/// The work on one track of text.
pub(super) struct TextJob<'a> {
    pub(super) order: &'a TextOrder,
    text: &'a TextRendition,
    cloud: &'a Arc<Cloud>,
    pub(super) keyed: Keyed,
    form: TextForm,
    /// The row of fragments; none of WebVTT.
    row: Option<&'static Row>,
    /// Whether clocks are those of transport streams.
    format: Format,
}

impl<'a> TextJob<'a> {
    /// All text of an order.
    pub(super) fn all(
        order: &'a Order,
        inputs: &'a Inputs,
        cloud: &'a Arc<Cloud>,
    ) -> Result<Vec<Self>, PackageError> {
        let beside = order.streams.iter().filter(|stream| stream.in_hls);
        let transport = beside.map(|stream| stream.form).any(|form| form == Form::Transport);
        let job = |(n, wanted): (usize, &'a TextOrder)| {
            let text = inputs.text(n).ok_or_else(|| {
                let file = &wanted.input;
                PackageError::refused(format!("{file}: nothing of the text is shown"))
            })?;
            let (form, format) = match (wanted.kind, &wanted.output) {
                (TextKind::WebVtt, _) if transport => (TextForm::WebVtt, Format::HlsTs4),
                (TextKind::WebVtt, _) => (TextForm::WebVtt, Format::HlsCmaf),
                (TextKind::Document, _) => (TextForm::WebVtt, Format::DashCmaf),
                (_, Output::One(_)) => (TextForm::in_fragments(text), Format::DashOnDemand),
                (_, Output::Each { .. }) => (TextForm::in_fragments(text), Format::DashCmaf),
            };
            let keyed = Keyed::of_text(order, wanted, (&inputs.asset, text))?;
            let row = form.fragments();
            Ok(Self { order: wanted, text, cloud, keyed, form, row, format })
        };
        order.text.iter().enumerate().map(job).collect()
    }

    /// Writes the files; gives their bytes.
    pub(super) fn write(&self) -> Result<u64, PackageError> {
        match &self.order.output {
            Output::One(place) => {
                let Some(row) = self.row else {
                    return self.part(place, &text::document(self.text));
                };
                let file = text_file::write(self.text, 0..self.segments(), row, self.format);
                self.part(place, &file.map_err(|error| self.failed(&error))?)
            }
            Output::Each { init, .. } => {
                let places = self.places()?;
                let mut total = match init {
                    Some(place) => self.part(place, &self.init())?,
                    None => 0,
                };
                for (n, place) in places.iter().enumerate() {
                    let protect = self.keyed.protect(n);
                    let plan = text::plan(self.text, n, self.form, self.format, protect);
                    let plan = plan.map_err(|error| self.failed(&error))?;
                    let segment = whole(plan).map_err(PackageError::read(&self.order.input))?;
                    total += self.part(place, &segment)?;
                }
                Ok(total)
            }
        }
    }

    /// Where its segments go, if they go into files of their own.
    pub(super) fn places(&self) -> Result<Vec<Location>, PackageError> {
        let Output::Each { template, .. } = &self.order.output else { return Ok(Vec::new()) };
        let names = self.template(template)?;
        let spans = self.text.cuts.spans().enumerate();
        Ok(spans.map(|(n, (start, _))| template.with_path(names.name(n, start))).collect())
    }

    /// Whether MPDs list it, else playlists do.
    pub(super) fn is_in_mpd(&self) -> bool {
        self.order.kind != TextKind::WebVtt
    }

    /// Whether the other is of the same track and listed by the same manifest.
    pub(super) fn is_listed_with(&self, other: &Self) -> bool {
        std::ptr::eq(self.text, other.text) && self.is_in_mpd() == other.is_in_mpd()
    }

    /// As manifests list it.
    pub(super) fn listed(&self) -> ListedText<'a> {
        let fragments = 0..self.segments();
        let keys = self.keyed.runs(fragments.clone());
        ListedText { text: self.text, keys, fragments }
    }

    /// What its one file begins with.
    pub(super) fn front(&self) -> Front {
        Front::of(self.track(), self.init().len(), self.segments())
    }

    pub(super) fn track(&self) -> TrackRef {
        TrackRef::of_text(self.text)
    }

    /// Its files as `lister`, the MPD or a media playlist, names them.
    pub(super) fn files(
        &self,
        lister: &Location,
        playlist: String,
        base: &str,
    ) -> Result<RenditionFiles, PackageError> {
        let (init, segments) = match &self.order.output {
            Output::One(path) => {
                let uri = url(base, lister, path);
                match self.order.kind {
                    TextKind::Document => (None, SegmentFiles::Document(uri)),
                    _ => (None, SegmentFiles::One { uri, first: 0, ends: Vec::new() }),
                }
            }
            Output::Each { init, template } => {
                each_file((init.as_ref(), template), self.text.bitrate, lister, base)?
            }
        };
        Ok(RenditionFiles { playlist, key_frames: None, group: None, init, segments })
    }

    pub(super) fn summary(&self, order: &Order, bytes: u64) -> StreamSummary {
        let codec = self.row.map_or("wvtt", |row| row.codecs);
        StreamSummary {
            input: self.order.input.clone(),
            track: None,
            codec: codec.to_owned(),
            bandwidth: self.text.bitrate,
            output: self.order.output.name(),
            segments: if self.order.kind == TextKind::Document { 1 } else { self.segments() },
            bytes,
            keys: KeySummary::all(order, &self.keyed, text_label(self.order)),
        }
    }

    fn part(&self, place: &Location, content: &[u8]) -> Result<u64, PackageError> {
        write_whole(place, self.cloud, content)
    }

    fn template(&self, template: &Location) -> Result<Template, PackageError> {
        let refused = |error| PackageError::refused(format!("segment_template: {error}"));
        Template::parse(&template.path(), self.text.bitrate).map_err(refused)
    }

    fn init(&self) -> Vec<u8> {
        self.row.map_or_else(Vec::new, |row| text::init_segment(self.text, row, Container::Cmaf))
    }

    fn segments(&self) -> usize {
        self.text.cuts.len()
    }

    fn failed(&self, error: &TextError) -> PackageError {
        PackageError::refused(format!("{}: {error}", self.order.input))
    }
}

/// All that a plan makes, which reads nothing.
fn whole(plan: Plan) -> io::Result<Vec<u8>> {
    let length = plan.length();
    let mut producer = Producer::new(Arc::new(plan), 0..length);
    let (mut piece, mut content) = (vec![0; PIECE], Vec::new());
    while producer.remaining() > 0 {
        let read = |_, _, _: &mut [u8]| Err(io::ErrorKind::UnexpectedEof.into());
        let part = producer.next_piece(&mut piece, read)?;
        content.extend_from_slice(&piece[part]);
    }
    Ok(content)
}
