//! The work on tracks of text: made whole, for they are small, and always in the clear.

use std::sync::Arc;

use super::inputs::Inputs;
use super::manifests::each_file;
use super::order::{Form, Order, Output, TextKind, TextOrder};
use super::output::write_whole;
use super::paths::url;
use super::{PackageError, StreamSummary};
use crate::media::TextRendition;
use crate::package::files::{RenditionFiles, SegmentFiles};
use crate::package::format::{Container, Format};
use crate::package::keyed::KeyRuns;
use crate::package::media_file::Front;
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
        let job = |(n, order): (usize, &'a TextOrder)| {
            let text = inputs.text(n).ok_or_else(|| {
                let file = &order.input;
                PackageError::refused(format!("{file}: nothing of the text is shown"))
            })?;
            let (form, format) = match (order.kind, &order.output) {
                (TextKind::WebVtt, _) if transport => (TextForm::WebVtt, Format::HlsTs4),
                (TextKind::WebVtt, _) => (TextForm::WebVtt, Format::HlsCmaf),
                (_, Output::One(_)) => (TextForm::in_fragments(text), Format::DashOnDemand),
                (_, Output::Each { .. }) => (TextForm::in_fragments(text), Format::DashCmaf),
            };
            Ok(Self { order, text, cloud, form, row: form.fragments(), format })
        };
        order.text.iter().enumerate().map(job).collect()
    }

    /// Writes the files; gives their bytes.
    pub(super) fn write(&self) -> Result<u64, PackageError> {
        match &self.order.output {
            Output::One(place) => {
                let Some(row) = self.row else { return Ok(0) };
                let file = text_file::write(self.text, 0..self.segments(), row, self.format);
                self.part(place, &file.map_err(|error| self.failed(&error))?)
            }
            Output::Each { init, template } => {
                let names = self.template(template)?;
                let mut total = match init {
                    Some(place) => self.part(place, &self.init())?,
                    None => 0,
                };
                for (n, (start, _)) in self.text.cuts.spans().enumerate() {
                    let segment = text::segment(self.text, n, self.form, self.format);
                    let segment = segment.map_err(|error| self.failed(&error))?;
                    total += self.part(&template.with_path(names.name(n, start)), &segment)?;
                }
                Ok(total)
            }
        }
    }

    /// Whether MPDs list it, else playlists do.
    pub(super) fn is_in_mpd(&self) -> bool {
        self.row.is_some()
    }

    /// As manifests list it.
    pub(super) fn listed(&self) -> ListedText<'a> {
        let fragments = 0..self.segments();
        let keys = KeyRuns::same(fragments.clone(), None);
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
                (None, SegmentFiles::One { uri, first: 0, ends: Vec::new() })
            }
            Output::Each { init, template } => {
                each_file((init.as_ref(), template), self.text.bitrate, lister, base)?
            }
        };
        Ok(RenditionFiles { playlist, key_frames: None, group: None, init, segments })
    }

    pub(super) fn summary(&self, bytes: u64) -> StreamSummary {
        let codec = self.row.map_or("wvtt", |row| row.codecs);
        StreamSummary {
            input: self.order.input.clone(),
            track: None,
            codec: codec.to_owned(),
            bandwidth: self.text.bitrate,
            output: self.order.output.name(),
            segments: self.segments(),
            bytes,
            keys: Vec::new(),
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
