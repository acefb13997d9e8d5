//! Pieces of different answers, encrypted together.
//!
//! An answer under AES-128 is one CBC chain, which cannot be parallel in itself; but chains of
//! several answers advance side by side at little more than the cost of one. So a filled piece waits
//! for those of others. Who completes their number, or has waited long enough, encrypts as many as
//! can advance side by side, its own among them. An answer that is alone does not wait at all, and
//! where nobody came the next pieces do not wait either: the others do not read.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep};

use super::body::Work;
use super::pieces::Piece;
use crate::crypto::strands::{self, LANES, Strand};

/// Answers under way that are one chain.
static CHAINS: AtomicUsize = AtomicUsize::new(0);

/// Pieces that can be joined, the oldest first.
static WAITING: Mutex<VecDeque<Arc<Slot>>> = Mutex::new(VecDeque::new());

/// So long a piece waits. Clients that read as fast as they are served come sooner.
const PATIENCE: Duration = Duration::from_millis(1);

/// How many pieces do not wait after one that has waited in vain: twice as many after each, until one is
/// joined.
const IMPATIENT: RangeInclusive<usize> = 4..=256;

/// How many it will be.
static NEXT_IMPATIENT: AtomicUsize = AtomicUsize::new(*IMPATIENT.start());

/// How many of these are left.
static NOT_WAITING: AtomicUsize = AtomicUsize::new(0);

/// Counts an answer that is one chain, until it is dropped.
pub(super) struct Chained {
    gave_way: bool,
}

impl Chained {
    pub(super) fn begin() -> Self {
        CHAINS.fetch_add(1, Relaxed);
        // The head and the first piece are sent at once.
        Self { gave_way: true }
    }

    /// Before each piece but the first others may begin: an answer whose client reads as fast as it is
    /// served would keep its thread until it ends, and all would be alone.
    pub(super) fn gives_way(&mut self, context: &mut Context<'_>) -> bool {
        self.gave_way = !self.gave_way;
        self.gave_way && pin!(yield_now()).poll(context).is_pending()
    }

    /// Whether the next piece waits for those of others, or is waited for.
    pub(super) fn in_company(&self) -> bool {
        let left = NOT_WAITING.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        CHAINS.load(Relaxed) > 1 && (left.is_err() || !queue().is_empty())
    }
}

impl Drop for Chained {
    /// Those that wait may have waited for this one alone.
    fn drop(&mut self) {
        CHAINS.fetch_sub(1, Relaxed);
        let queue = queue();
        let first = queue.front().filter(|_| is_complete(&queue)).cloned();
        drop(queue);
        if let Some(slot) = first {
            slot.wake();
        }
    }
}

/// A piece in the clear, and what continues behind it.
pub(super) struct Filled {
    pub(super) work: Work,
    pub(super) piece: Piece,
}

impl Filled {
    fn strand(&mut self) -> Option<Strand<'_>> {
        self.work.producer.strand(self.piece.bytes_mut())
    }

    /// Goes on behind the piece, which has been encrypted.
    fn finish(mut self, iv: Option<[u8; 16]>) -> (Work, Bytes) {
        self.piece.part = self.work.producer.finish(self.piece.part.len(), iv);
        (self.work, Bytes::from_owner(self.piece))
    }
}

/// How far a piece is.
enum Stage {
    /// Anybody may take it.
    Waiting(Filled, Waker),
    /// Somebody encrypts it.
    Taken(Waker),
    Done(Work, Bytes),
    /// Nobody wants it any more.
    Gone,
}

impl Stage {
    /// Whoever takes or finishes the piece wakes the task of `context`.
    fn wake_later(&mut self, context: &Context<'_>) {
        if let Self::Waiting(_, waker) | Self::Taken(waker) = self {
            waker.clone_from(context.waker());
        }
    }
}

struct Slot(Mutex<Stage>);

impl Slot {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if let Stage::Waiting(_, waker) = &*self.stage() {
            waker.wake_by_ref();
        }
    }

    /// Takes a piece that waits, to encrypt it.
    fn take(&self) -> Option<Filled> {
        let mut stage = self.stage();
        match std::mem::replace(&mut *stage, Stage::Gone) {
            Stage::Waiting(filled, waker) => {
                *stage = Stage::Taken(waker);
                Some(filled)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    fn put_back(&self, (work, bytes): (Work, Bytes)) {
        let mut stage = self.stage();
        if let Stage::Taken(waker) = std::mem::replace(&mut *stage, Stage::Gone) {
            *stage = Stage::Done(work, bytes);
            drop(stage);
            waker.wake();
        }
    }
}

/// A piece that waits to be encrypted.
pub(super) struct Ticket {
    slot: Arc<Slot>,
    patience: Pin<Box<Sleep>>,
}

impl Ticket {
    /// Lets others join.
    pub(super) fn wait(filled: Filled, context: &Context<'_>) -> Self {
        let slot = Arc::new(Slot(Mutex::new(Stage::Waiting(filled, context.waker().clone()))));
        queue().push_back(Arc::clone(&slot));
        Self { slot, patience: Box::pin(sleep(PATIENCE)) }
    }

    /// The piece, encrypted by whoever ended the wait.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Work, Bytes)> {
        let mut stage = self.slot.stage();
        match std::mem::replace(&mut *stage, Stage::Gone) {
            Stage::Done(work, bytes) => return Poll::Ready((work, bytes)),
            Stage::Waiting(own, waker) => {
                let is_complete = is_complete(&queue());
                if is_complete || self.patience.as_mut().poll(context).is_ready() {
                    drop(stage);
                    let others = others(&self.slot);
                    // Who is left alone by answers that ended has not waited in vain.
                    if !is_complete || !others.is_empty() {
                        learn(!others.is_empty());
                    }
                    return Poll::Ready(encrypt(own, others));
                }
                *stage = Stage::Waiting(own, waker);
            }
            other => *stage = other,
        }
        stage.wake_later(context);
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        withdraw(&self.slot);
        *self.slot.stage() = Stage::Gone;
    }
}

fn queue() -> MutexGuard<'static, VecDeque<Arc<Slot>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn withdraw(own: &Arc<Slot>) {
    queue().retain(|slot| !Arc::ptr_eq(slot, own));
}

/// Whether no more can join, or advance side by side.
fn is_complete(queue: &VecDeque<Arc<Slot>>) -> bool {
    queue.len() >= CHAINS.load(Relaxed).min(LANES)
}

/// Whether a piece that waited was joined tells whether the next ones are to wait.
fn learn(joined: bool) {
    let impatient = NEXT_IMPATIENT.load(Relaxed);
    let (now, next) = match joined {
        true => (0, *IMPATIENT.start()),
        false => (impatient, (2 * impatient).min(*IMPATIENT.end())),
    };
    NOT_WAITING.store(now, Relaxed);
    NEXT_IMPATIENT.store(next, Relaxed);
}

/// Takes those that have waited longest beside `own`, whose piece is taken and waits for nobody now.
fn others(own: &Arc<Slot>) -> Vec<(Arc<Slot>, Filled)> {
    withdraw(own);
    let mut others = Vec::with_capacity(LANES);
    while others.len() < LANES - 1 {
        let Some(slot) = queue().pop_front() else { break };
        // Not one that somebody else has taken.
        if let Some(filled) = slot.take() {
            others.push((slot, filled));
        }
    }
    others
}

/// Encrypts a piece, and those of others beside it.
fn encrypt(mut own: Filled, mut others: Vec<(Arc<Slot>, Filled)>) -> (Work, Bytes) {
    let all = std::iter::once(&mut own).chain(others.iter_mut().map(|(_, filled)| filled));
    let mut strands: Vec<Strand<'_>> = all.filter_map(Filled::strand).collect();
    strands::encrypt(&mut strands);
    let ivs: Vec<[u8; 16]> = strands.into_iter().map(|strand| strand.iv).collect();
    let mut ivs = ivs.into_iter();
    let own = own.finish(ivs.next());
    for (slot, filled) in others {
        slot.put_back(filled.finish(ivs.next()));
    }
    own
}

#[cfg(test)]
mod tests {
    use super::super::PlanBody;
    use crate::crypto::chains::seal_padded;
    use crate::crypto::{ContentKey, Expanded};
    use crate::package::plan::{Cipher, Extent, Plan};
    use crate::store::source::MediaSource;
    use http_body_util::BodyExt;
    use std::sync::{Arc, Mutex};

    const LENGTH: usize = 300_000;

    fn key(n: u8) -> Expanded {
        Expanded::new(&ContentKey::from_bytes([n; 16]))
    }

    /// A file.
    struct Media {
        source: Arc<MediaSource>,
        bytes: Vec<u8>,
        _dir: tempfile::TempDir,
    }

    impl Media {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("media");
            let bytes: Vec<u8> = (0..LENGTH).map(|n| (n * 131 + n / 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            let source = Arc::new(MediaSource::open(&[path], None).unwrap());
            Self { source, bytes, _dir: dir }
        }

        /// Answer `n` over it; two have each key.
        fn answer(&self, n: u8) -> PlanBody {
            let cipher = Cipher::Segment { key: key(n / 2), iv: [n; 16] };
            let extents = vec![Extent { offset: u64::from(n), length: (LENGTH - 50) as u64 }];
            let plan = Arc::new(Plan::new(vec![n; 33].into(), extents, cipher));
            let end = plan.length();
            PlanBody::new(plan, [Arc::clone(&self.source)].into(), 0..end)
        }

        /// What it is to be.
        fn expected(&self, n: u8) -> Vec<u8> {
            let start = usize::from(n);
            let mut expected = vec![n; 33];
            expected.extend(&self.bytes[start..start + LENGTH - 50]);
            seal_padded(&key(n / 2), [n; 16], &mut expected);
            expected
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn answers_in_company_are_encrypted_as_alone() {
        let media = Media::new();
        let answers = (0..24_u8).map(|n| {
            let mut body = media.answer(n);
            tokio::spawn(async move {
                if n % 5 == 4 {
                    // A client that leaves.
                    return body.frame().await.map(|_| Vec::new());
                }
                Some(body.collect().await.unwrap().to_bytes().to_vec())
            })
        });
        let answers: Vec<_> = answers.collect();
        for (n, answer) in (0_u8..).zip(answers) {
            let answer = answer.await.unwrap().unwrap();
            assert!(answer.is_empty() || answer == media.expected(n), "answer {n}");
        }
    }

    #[tokio::test]
    async fn on_one_thread_no_answer_waits_for_the_end_of_another() {
        let (media, order) = (Media::new(), Arc::new(Mutex::new(Vec::new())));
        let answers = (0..2).map(|n| {
            let (mut body, order) = (media.answer(n), Arc::clone(&order));
            tokio::spawn(async move {
                while body.frame().await.is_some() {
                    order.lock().unwrap().push(n);
                }
            })
        });
        for answer in answers.collect::<Vec<_>>() {
            answer.await.unwrap();
        }
        let order = order.lock().unwrap();
        let first_half = &order[..order.len() / 2];
        assert!(first_half.contains(&0) && first_half.contains(&1), "{order:?}");
    }
}
