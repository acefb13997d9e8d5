//! How much work over whole tracks is done at a time: no more than the machine has use for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::OriginError;
use super::assets::{blocking, reading_failed};

/// So much is done at a time for each core: some of it waits for its disk.
const PER_CORE: usize = 2;

/// Work of one kind, which takes turns. Each kind has its own, so that none waits for the storage of
/// another. Clones share them.
#[derive(Clone)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    /// As many as the machine has use for.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of(PER_CORE * cores)
    }

    /// So many at a time.
    pub(super) fn of(turns: usize) -> Self {
        Self(Arc::new(Semaphore::new(turns)))
    }

    /// Waits for a turn, which lasts until what is given is dropped.
    pub(super) async fn take(&self) -> Result<OwnedSemaphorePermit, OriginError> {
        Arc::clone(&self.0).acquire_owned().await.map_err(|_| reading_failed())
    }

    /// Does in its turn what waits for a disk or takes long, apart from the threads that serve. Its
    /// turn ends with the work, also where nobody waits for it any more.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, OriginError> {
        let turn = self.take().await?;
        let work = move || {
            let _turn = turn;
            work()
        };
        blocking(work).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_keeps_its_turn() {
        let (turns, working) = (Turns::of(2), Arc::new(AtomicUsize::new(0)));
        let most = Arc::new(AtomicUsize::new(0));
        for n in 0..8 {
            let (working, most) = (Arc::clone(&working), Arc::clone(&most));
            let work = turns.blocking(move || {
                most.fetch_max(working.fetch_add(1, SeqCst) + 1, SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                working.fetch_sub(1, SeqCst);
            });
            match n % 2 {
                0 => drop(tokio::time::timeout(Duration::from_millis(1), work).await),
                _ => work.await.unwrap(),
            }
        }
        assert_eq!(most.load(SeqCst), 2);
    }
}
