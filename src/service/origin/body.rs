//! A planned answer as a body: pieces are read, encrypted and handed over as the client takes
//! them. At most one piece of an answer is in memory.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::answer::Sources;
use super::pieces::Piece;
use super::together::{Chained, Filled, Ticket};
use crate::bytes::ReadAt;
use crate::package::plan::{Plan, Producer};
use crate::store::source::MediaSource;

/// Where the next piece comes from.
enum State {
    /// It can be asked for.
    Idle(Work),
    /// It waits to be encrypted beside others.
    Joining(Ticket),
    /// It waits for the disk.
    Reading(JoinHandle<(Work, io::Result<Bytes>)>),
    /// Nothing comes any more.
    Done,
}

impl State {
    /// What waits for a disk, or takes long, goes to a thread of its own.
    fn reading(mut work: Work) -> Self {
        Self::Reading(tokio::task::spawn_blocking(move || {
            let piece = work.piece(MediaSource::read_exact_at);
            (work, piece)
        }))
    }
}

/// What makes the pieces of an answer.
pub(super) struct Work {
    pub(super) producer: Producer<Arc<Plan>>,
    sources: Sources,
}

/// How bytes of a source are read.
type ReadWith = fn(&MediaSource, u64, &mut [u8]) -> io::Result<()>;

impl Work {
    /// Makes the next piece with one kind of reads.
    fn piece(&mut self, read: ReadWith) -> io::Result<Bytes> {
        let mut piece = Piece::for_answer(self.producer.remaining());
        piece.part = self.producer.next_piece(&mut piece.buffer, from(&self.sources, read))?;
        self.check_unchanged()?;
        Ok(Bytes::from_owner(piece))
    }

    /// The next piece before its chain is encrypted.
    fn filled(&mut self, read: ReadWith) -> io::Result<Piece> {
        let mut piece = Piece::for_answer(self.producer.remaining());
        piece.part = 0..self.producer.fill(&mut piece.buffer, from(&self.sources, read))?;
        self.check_unchanged()?;
        Ok(piece)
    }

    /// What was read before this check belongs to the version of the plan.
    fn check_unchanged(&self) -> io::Result<()> {
        self.sources.iter().try_for_each(|file| file.check_unchanged())
    }
}

fn from(sources: &Sources, read: ReadWith) -> impl FnMut(usize, u64, &mut [u8]) -> io::Result<()> {
    move |source, offset, part| match sources.get(source) {
        Some(file) => read(file, offset, part),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// The body of a planned answer.
pub struct PlanBody {
    state: State,
    remaining: u64,
    /// Where the answer is one chain.
    chained: Option<Chained>,
}

impl PlanBody {
    /// Sends a part of the answer, which lies inside it.
    pub fn new(plan: Arc<Plan>, sources: Sources, range: Range<u64>) -> Self {
        let chained = plan.is_one_chain().then(Chained::begin);
        let producer = Producer::new(plan, range);
        let remaining = producer.remaining();
        Self { remaining, state: State::Idle(Work { producer, sources }), chained }
    }

    /// Whether the next piece is encrypted beside those of others.
    fn joins(&self) -> bool {
        self.remaining > 0 && self.chained.as_ref().is_some_and(Chained::in_company)
    }

    fn deliver(&mut self, work: Work, piece: io::Result<Bytes>) -> Delivered {
        match piece {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => {
                self.remaining = work.producer.remaining();
                if self.remaining > 0 {
                    self.state = State::Idle(work);
                }
                Some(Ok(Frame::data(bytes)))
            }
            Err(error) => {
                tracing::warn!(%error, "an answer was broken off");
                Some(Err(error))
            }
        }
    }

    /// Begins the next piece; it is there, or the state tells what it waits for.
    fn begin(&mut self, mut work: Work, context: &Context<'_>) -> Option<Delivered> {
        if work.producer.is_catching_up() {
            self.state = State::reading(work);
            return None;
        }
        let made = if self.joins() {
            work.filled(MediaSource::read_cached_at).map(Made::Filled)
        } else {
            work.piece(MediaSource::read_cached_at).map(Made::Whole)
        };
        match made {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.state = State::reading(work);
                None
            }
            Err(error) => Some(self.deliver(work, Err(error))),
            Ok(Made::Whole(bytes)) => Some(self.deliver(work, Ok(bytes))),
            Ok(Made::Filled(piece)) => {
                self.state = State::Joining(Ticket::wait(Filled { work, piece }, context));
                None
            }
        }
    }
}

/// What a body gives; `None` at its end.
type Delivered = Option<io::Result<Frame<Bytes>>>;

/// A piece as it was made.
enum Made {
    Whole(Bytes),
    Filled(Piece),
}

impl Body for PlanBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Delivered> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(work) => {
                    if self.chained.as_mut().is_some_and(|chained| chained.gives_way(context)) {
                        self.state = State::Idle(work);
                        return Poll::Pending;
                    }
                    if let Some(delivered) = self.begin(work, context) {
                        return Poll::Ready(delivered);
                    }
                }
                State::Joining(mut ticket) => {
                    let Poll::Ready((work, piece)) = ticket.poll(context) else {
                        self.state = State::Joining(ticket);
                        return Poll::Pending;
                    };
                    return Poll::Ready(self.deliver(work, Ok(piece)));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(done) = Pin::new(&mut reading).poll(context) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (work, piece) = done.map_err(io::Error::other)?;
                    return Poll::Ready(self.deliver(work, piece));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
