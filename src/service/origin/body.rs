//! A planned answer as a body: pieces are read, encrypted and handed over as the client takes
//! them. At most one piece of an answer is in memory.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::answer::Sources;
use crate::bytes::ReadAt;
use crate::package::plan::{PIECE, Plan, Producer};
use crate::store::source::MediaSource;

/// Buffers that are kept for the next piece; more are given back to the allocator.
const KEPT_BUFFERS: usize = 64;

static BUFFERS: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// The part of a recycled buffer that is sent; goes back when the last reader drops it.
struct Piece {
    buffer: Box<[u8]>,
    part: Range<usize>,
}

impl Piece {
    fn take_buffer() -> Box<[u8]> {
        let kept = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice())
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.part.clone()]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut kept = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_BUFFERS {
            kept.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// Where the next piece comes from.
enum State {
    /// It can be asked for.
    Idle(Work),
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

struct Work {
    producer: Producer<Arc<Plan>>,
    sources: Sources,
}

impl Work {
    /// Makes the next piece with one kind of reads.
    fn piece(
        &mut self,
        read: impl Fn(&MediaSource, u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Bytes> {
        let mut piece = Piece { buffer: Piece::take_buffer(), part: 0..0 };
        let sources = &self.sources;
        let read = |source: usize, offset, part: &mut [u8]| match sources.get(source) {
            Some(file) => read(file, offset, part),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        piece.part = self.producer.next_piece(&mut piece.buffer, read)?;
        // After the reads: what was read before this check belongs to the version of the plan.
        for file in sources.iter() {
            file.check_unchanged()?;
        }
        Ok(Bytes::from_owner(piece))
    }
}

/// The body of a planned answer.
pub struct PlanBody {
    state: State,
    remaining: u64,
}

impl PlanBody {
    /// Sends a part of the answer, which lies inside it.
    pub fn new(plan: Arc<Plan>, sources: Sources, range: Range<u64>) -> Self {
        let producer = Producer::new(plan, range);
        Self { remaining: producer.remaining(), state: State::Idle(Work { producer, sources }) }
    }

    fn deliver(
        &mut self,
        work: Work,
        piece: io::Result<Bytes>,
    ) -> Option<io::Result<Frame<Bytes>>> {
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
}

impl Body for PlanBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(mut work) if !work.producer.is_catching_up() => {
                    match work.piece(MediaSource::read_cached_at) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            self.state = State::reading(work);
                        }
                        piece => return Poll::Ready(self.deliver(work, piece)),
                    }
                }
                State::Idle(work) => self.state = State::reading(work),
                State::Reading(mut reading) => {
                    let Poll::Ready(done) = Pin::new(&mut reading).poll(context) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (work, piece) = ready!(Poll::Ready(done.map_err(io::Error::other)))?;
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
