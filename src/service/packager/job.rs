//! The work on one stream: segments are planned, made piece by piece, and written where they belong.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::PackageError;
use super::keys::Keyed;
use super::order::{Form, Output, StreamOrder};
use crate::bytes::ReadAt;
use crate::crypto::strands::LANES;
use crate::media::Rendition;
use crate::package::cmaf::{self, FragmentError, Shape};
use crate::package::heads;
use crate::package::media_file::{Front, MediaFile};
use crate::package::plan::{Plan, Producer, next_pieces};
use crate::package::request::TrackRef;
use crate::package::template::Template;
use crate::package::ts::{self, Wanted};
use crate::store::private::Draft;
use crate::store::source::MediaSource;

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
    target: Target,
    state: Mutex<State>,
}

/// Where segments go.
enum Target {
    One { draft: Draft, path: PathBuf },
    Each(Template),
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
    Shared(&'j Draft, &'j Path),
    Own(Draft, PathBuf),
}

impl<'a> Job<'a> {
    pub(super) fn new(
        stream: &'a StreamOrder,
        rendition: &'a Rendition,
        source: &'a MediaSource,
        keyed: Keyed,
        init: Vec<u8>,
    ) -> Result<Self, PackageError> {
        let fragments = rendition.cuts.len();
        let target = match &stream.output {
            Output::One(path) => {
                make_folder(path)?;
                let draft = Draft::public_beside(path).map_err(PackageError::write(path))?;
                Target::One { draft, path: path.clone() }
            }
            Output::Each { template, .. } => {
                let template = Template::parse(template, rendition.bitrate);
                let refused = |error| PackageError::refused(format!("segment_template: {error}"));
                Target::Each(template.map_err(refused)?)
            }
        };
        let position = match (stream.form, &target) {
            (Form::Fragments, Target::One { .. }) => {
                let front = Front::of(TrackRef::of(rendition), init.len(), fragments);
                front.init + front.index
            }
            _ => 0,
        };
        let made = vec![Made::default(); fragments];
        let state = Mutex::new(State { next: 0, position, made });
        Ok(Self { stream, rendition, keyed, init, source, target, state })
    }

    /// How many segments a thread makes at once, if there are so many for each of `cores`.
    pub(super) fn at_once(&self, cores: usize) -> usize {
        let most = if self.keyed.is_envelope() { LANES } else { 1 };
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
            Target::One { draft, path } => {
                let plan = self.plan(n)?;
                let position = state.position;
                state.position += plan.length();
                drop(state);
                (plan, Destination::Shared(draft, path), position)
            }
            Target::Each(template) => {
                drop(state);
                let start = self.rendition.cuts.span(n).map_or(0, |(start, _)| start);
                let path = PathBuf::from(template.name(n, start));
                make_folder(&path)?;
                (self.plan(n)?, Destination::Own(new_draft(&path)?, path), 0)
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
            (Target::One { draft, path }, _) => {
                if let Some(file) = self.layout()? {
                    let written = draft.shared().write_all_at(&file.front, 0);
                    written.map_err(PackageError::write(path))?;
                }
                draft.replace(path).map_err(PackageError::write(path))
            }
            (Target::Each(_), Output::Each { init: Some(path), .. }) => {
                write_file(path, &self.init)
            }
            (Target::Each(_), _) => Ok(()),
        }
    }

    /// The layout of the one file of fragments.
    pub(super) fn layout(&self) -> Result<Option<MediaFile>, PackageError> {
        if self.init.is_empty() || !matches!(self.target, Target::One { .. }) {
            return Ok(None);
        }
        let made = self.made();
        let size = |n: usize| made.get(n).map_or(0, |made| made.length);
        let file = MediaFile::of_sizes(self.rendition, 0..made.len(), size, &self.init);
        file.map(Some).map_err(|error| self.failed(error))
    }

    /// What was made, segment by segment.
    pub(super) fn made(&self) -> Vec<Made> {
        self.lock().made.clone()
    }

    /// Bytes of everything.
    pub(super) fn total(&self) -> u64 {
        let state = self.lock();
        match &self.target {
            Target::One { .. } => state.position,
            Target::Each(_) => {
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
        PackageError::Fragment { file: self.stream.input.display().to_string(), error }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Making<'_> {
    fn write(&mut self, piece: &[u8]) -> Result<(), PackageError> {
        let (draft, path) = match &self.file {
            Destination::Shared(draft, path) => (*draft, *path),
            Destination::Own(draft, path) => (draft, path.as_path()),
        };
        let written = draft.shared().write_all_at(piece, self.position);
        written.map_err(PackageError::write(path))?;
        self.position += piece.len() as u64;
        Ok(())
    }

    /// Gives a file of its own its name.
    fn end(&self) -> Result<(), PackageError> {
        match &self.file {
            Destination::Shared(..) => Ok(()),
            Destination::Own(draft, path) => draft.replace(path).map_err(PackageError::write(path)),
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

/// Writes a whole file.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), PackageError> {
    make_folder(path)?;
    let draft = new_draft(path)?;
    draft.shared().write_all_at(content, 0).map_err(PackageError::write(path))?;
    draft.replace(path).map_err(PackageError::write(path))
}

fn new_draft(path: &Path) -> Result<Draft, PackageError> {
    Draft::public_beside(path).map_err(PackageError::write(path))
}

fn make_folder(path: &Path) -> Result<(), PackageError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| fs::create_dir_all(folder).map_err(PackageError::write(folder)))
}
