//! The work on one stream: segments are planned, made piece by piece, and written where they belong.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PackageError;
use super::keys::Keyed;
use super::order::{Form, Output, StreamOrder};
use super::output::{Draft, write_whole};
use crate::bytes::ReadAt;
use crate::crypto::strands::LANES;
use crate::media::Rendition;
use crate::package::cmaf::{self, FragmentError, Shape};
use crate::package::heads;
use crate::package::media_file::{Front, MediaFile};
use crate::package::plan::{Plan, Producer, next_pieces};
use crate::package::presentation::Listed;
use crate::package::request::TrackRef;
use crate::package::template::Template;
use crate::package::ts::{self, Wanted};
use crate::store::source::MediaSource;
use crate::store::{Cloud, Location};

/// What is known of a segment that was made, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Made {
    pub(super) length: u64,
    /// Of its front up to the end of its key frame; 0 where nobody asks.
    pub(super) key_frame: u64,
}

/// The work on one stream.
pub(super) struct Job<'a> {
    pub(super) stream: &'a StreamOrder,
    pub(super) rendition: &'a Rendition,
    pub(super) keyed: Keyed,
    /// The init segment; empty where there is none.
    pub(super) init: Vec<u8>,
    source: &'a MediaSource,
    cloud: &'a Arc<Cloud>,
    target: Target<'a>,
    state: Mutex<State>,
}

/// Where segments go.
enum Target<'a> {
    One(Draft),
    /// Places of that kind under names of the template.
    Each(&'a Location, Template),
}

struct State {
    next: usize,
    /// Where the next segment starts in the one file.
    position: u64,
    made: Vec<Made>,
}

/// A segment that is being made.
pub(super) struct Making<'j> {
    n: usize,
    producer: Producer<Held>,
    /// What it will be.
    made: Made,
    file: Destination<'j>,
    /// Where its next piece goes in the file.
    position: u64,
}

/// The file that a segment is written into.
enum Destination<'j> {
    Shared(&'j Draft),
    Own(Draft),
}

impl<'a> Job<'a> {
    pub(super) fn new(
        stream: &'a StreamOrder,
        rendition: &'a Rendition,
        (source, cloud): (&'a MediaSource, &'a Arc<Cloud>),
        keyed: Keyed,
        init: Vec<u8>,
    ) -> Result<Self, PackageError> {
        let fragments = rendition.cuts.len();
        let target = match &stream.output {
            Output::One(place) => {
                let expected = rendition.fragment_bytes.iter().sum();
                Target::One(Draft::begin(place, cloud, expected)?)
            }
            Output::Each { template: place, .. } => {
                let template = Template::parse(&place.path(), rendition.bitrate);
                let refused = |error| PackageError::refused(format!("segment_template: {error}"));
                Target::Each(place, template.map_err(refused)?)
            }
        };
        let position = match (stream.form, &target) {
            (Form::Fragments, Target::One(_)) => {
                let front = Front::of(TrackRef::of(rendition), init.len(), fragments);
                front.init + front.index
            }
            _ => 0,
        };
        let made = vec![Made::default(); fragments];
        let state = Mutex::new(State { next: 0, position, made });
        Ok(Self { stream, rendition, keyed, init, source, cloud, target, state })
    }

    /// How many segments a thread makes at once, if there are so many for each of `cores`.
    pub(super) fn at_once(&self, cores: usize) -> usize {
        // Segments that wait for a store wait for no cipher, and each holds a part of what is sent.
        let remote = self.stream.output.places().any(Location::is_object);
        let most = if self.keyed.is_envelope() && !remote { LANES } else { 1 };
        self.rendition.cuts.len().div_ceil(cores).min(most)
    }

    /// Begins the next segment that nobody works on. In one file it is known where it starts only
    /// when those before it are planned, so others wait.
    pub(super) fn begin(&self) -> Result<Option<Making<'_>>, PackageError> {
        let mut state = self.lock();
        let n = state.next;
        if n == state.made.len() {
            return Ok(None);
        }
        state.next += 1;
        let (plan, file, position) = match &self.target {
            Target::One(draft) => {
                let plan = self.plan(n)?;
                let position = state.position;
                state.position += plan.length();
                drop(state);
                (plan, Destination::Shared(draft), position)
            }
            Target::Each(place, template) => {
                drop(state);
                let start = self.rendition.cuts.span(n).map_or(0, |(start, _)| start);
                let plan = self.plan(n)?;
                let place = place.with_path(template.name(n, start));
                let draft = Draft::begin(&place, self.cloud, plan.length())?;
                (plan, Destination::Own(draft), 0)
            }
        };
        let made = Made { length: plan.length(), key_frame: self.key_frame(n, &plan)? };
        let producer = Producer::new(Held(plan), 0..made.length);
        Ok(Some(Making { n, producer, made, file, position }))
    }

    /// Makes the next piece of each of these segments, in equal parts of `buffer`, and ends those that
    /// are complete.
    pub(super) fn go_on(
        &self,
        segments: &mut Vec<Making<'_>>,
        buffer: &mut [u8],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), PackageError> {
        let input = &self.stream.input;
        let room = buffer.len() / segments.len().max(1);
        let mut answers: Vec<_> = segments
            .iter_mut()
            .zip(buffer.chunks_exact_mut(room.max(1)))
            .map(|(segment, room)| (&mut segment.producer, room))
            .collect();
        let read = |_, offset, part: &mut [u8]| self.source.read_exact_at(offset, part);
        let parts = next_pieces(&mut answers, read).map_err(PackageError::read(input))?;
        let pieces = buffer.chunks_exact(room.max(1)).zip(parts).map(|(room, part)| &room[part]);
        for (segment, piece) in segments.iter_mut().zip(pieces) {
            segment.write(piece)?;
            progress(piece.len() as u64);
        }
        for segment in segments.extract_if(.., |segment| segment.producer.remaining() == 0) {
            self.source.check_unchanged().map_err(PackageError::read(input))?;
            segment.end()?;
            self.lock().made[segment.n] = segment.made;
        }
        Ok(())
    }

    /// Writes what stands in front of segments and gives the one file its name.
    pub(super) fn finish(&self) -> Result<(), PackageError> {
        match (&self.target, &self.stream.output) {
            (Target::One(draft), _) => {
                if let Some(file) = self.layout()? {
                    draft.write(&file.front, 0)?;
                }
                draft.finish()
            }
            (Target::Each(..), Output::Each { init: Some(place), .. }) => {
                write_whole(place, self.cloud, &self.init).map(drop)
            }
            (Target::Each(..), _) => Ok(()),
        }
    }

    /// The layout of the one file of fragments.
    pub(super) fn layout(&self) -> Result<Option<MediaFile>, PackageError> {
        if self.init.is_empty() || !matches!(self.target, Target::One(_)) {
            return Ok(None);
        }
        let made = self.made();
        let size = |n: usize| made.get(n).map_or(0, |made| made.length);
        let file = MediaFile::of_sizes(self.rendition, 0..made.len(), size, &self.init);
        file.map(Some).map_err(|error| self.failed(error))
    }

    /// Whether manifests list its rendition so.
    pub(super) fn is_listed_as(&self, listed: &Listed<'_>) -> bool {
        std::ptr::eq(self.rendition, listed.rendition)
    }

    /// What was made, segment by segment.
    pub(super) fn made(&self) -> Vec<Made> {
        self.lock().made.clone()
    }

    /// Bytes of everything.
    pub(super) fn total(&self) -> u64 {
        let state = self.lock();
        match &self.target {
            Target::One(_) => state.position,
            Target::Each(..) => {
                self.init.len() as u64 + state.made.iter().map(|made| made.length).sum::<u64>()
            }
        }
    }

    fn plan(&self, n: usize) -> Result<Plan, PackageError> {
        let protect = self.keyed.protect(n);
        let plan = match self.stream.form {
            Form::Fragments => cmaf::fragment(self.rendition, n, Shape::Cmaf, protect, self.source),
            Form::Transport => ts::segment(&self.wanted(n), protect, self.source),
        };
        plan.map_err(|error| self.failed(error))
    }

    fn key_frame(&self, n: usize, plan: &Plan) -> Result<u64, PackageError> {
        if self.stream.key_frames.is_none() {
            return Ok(0);
        }
        match self.stream.form {
            Form::Fragments => Ok(plan.head_len() + heads::key_frame_bytes(self.rendition, n)),
            Form::Transport => {
                let length = ts::key_frame_length(self.rendition, n, self.source);
                length.map_err(|error| self.failed(error))
            }
        }
    }

    fn wanted(&self, n: usize) -> Wanted<'_> {
        Wanted { main: self.rendition, muxed: None, n, key_frame: false }
    }

    fn failed(&self, error: FragmentError) -> PackageError {
        PackageError::Fragment { file: self.stream.input.to_string(), error }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Making<'_> {
    fn write(&mut self, piece: &[u8]) -> Result<(), PackageError> {
        let draft = match &self.file {
            Destination::Shared(draft) => *draft,
            Destination::Own(draft) => draft,
        };
        draft.write(piece, self.position)?;
        self.position += piece.len() as u64;
        Ok(())
    }

    /// Gives a file of its own its name.
    fn end(&self) -> Result<(), PackageError> {
        match &self.file {
            Destination::Shared(_) => Ok(()),
            Destination::Own(draft) => draft.finish(),
        }
    }
}

/// A plan that its producer owns.
struct Held(Plan);

impl AsRef<Plan> for Held {
    fn as_ref(&self) -> &Plan {
        &self.0
    }
}
