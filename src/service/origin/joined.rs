//! What is made of a whole track: read once for all that ask, to its end even when nobody waits any
//! more, and never more of it at a time than the machine has use for.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use moka::future::Cache;
use tokio::sync::{Mutex, watch};

use super::OriginError;
use super::assets::reading_failed;
use super::turns::Turns;

type Made<T> = Result<Arc<T>, OriginError>;

/// Makers under way, by what they make.
type Makers<T> = Mutex<HashMap<String, watch::Receiver<Option<Made<T>>>>>;

/// Keeps what was made, and joins those who ask while it is made. Clones share everything.
pub(super) struct Joined<T> {
    kept: Cache<String, Arc<T>>,
    makers: Arc<Makers<T>>,
    /// How many makers work at a time.
    turns: Turns,
}

impl<T> Clone for Joined<T> {
    fn clone(&self) -> Self {
        let Self { kept, makers, turns } = self;
        Self { kept: kept.clone(), makers: Arc::clone(makers), turns: turns.clone() }
    }
}

impl<T: Send + Sync + 'static> Joined<T> {
    /// Keeps about `capacity` bytes, of which `weigh` tells those of a value.
    pub(super) fn new(capacity: u64, turns: Turns, weigh: fn(&T) -> usize) -> Self {
        let weigh = move |tag: &String, made: &Arc<T>| {
            u32::try_from(tag.len() + weigh(made)).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(capacity).weigher(weigh).build();
        Self { kept, makers: Arc::default(), turns }
    }

    /// What has that tag. A maker runs in a task of its own, so a request that is given up neither
    /// stops it nor lets the next one begin anew.
    pub(super) async fn get(
        &self,
        tag: String,
        make: impl Future<Output = Result<T, OriginError>> + Send + 'static,
    ) -> Made<T> {
        if let Some(made) = self.kept.get(&tag).await {
            return Ok(made);
        }
        let mut maker = self.join(tag, make).await;
        let made = maker.wait_for(Option::is_some).await.map_err(|_| reading_failed())?;
        made.clone().unwrap_or_else(|| Err(reading_failed()))
    }

    async fn join(
        &self,
        tag: String,
        make: impl Future<Output = Result<T, OriginError>> + Send + 'static,
    ) -> watch::Receiver<Option<Made<T>>> {
        let mut makers = self.makers.lock().await;
        // One whose task broke off is replaced.
        let under_way = makers.get(&tag).filter(|maker| maker.has_changed().is_ok());
        if let Some(maker) = under_way {
            return maker.clone();
        }
        let (told, maker) = watch::channel(None);
        makers.insert(tag.clone(), maker.clone());
        let joined = self.clone();
        tokio::spawn(async move {
            let made = joined.in_turn(make).await.map(Arc::new);
            if let Ok(made) = &made {
                joined.kept.insert(tag.clone(), Arc::clone(made)).await;
            }
            joined.makers.lock().await.remove(&tag);
            told.send_replace(Some(made));
        });
        maker
    }

    async fn in_turn(
        &self,
        make: impl Future<Output = Result<T, OriginError>>,
    ) -> Result<T, OriginError> {
        let _turn = self.turns.take().await?;
        make.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    fn joined(turns: usize) -> Joined<usize> {
        Joined::new(1 << 20, Turns::of(turns), |_| 8)
    }

    /// Makers that count themselves and are done when the gate opens.
    #[derive(Clone)]
    struct Makers {
        began: Arc<AtomicUsize>,
        gate: Arc<Semaphore>,
    }

    impl Makers {
        fn new() -> Self {
            Self { began: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
        }

        async fn make(self) -> Result<usize, OriginError> {
            let n = self.began.fetch_add(1, Relaxed) + 1;
            let _open = self.gate.acquire().await;
            Ok(n)
        }

        fn began(&self) -> usize {
            self.began.load(Relaxed)
        }
    }

    /// Asks, and gives it up after a moment.
    async fn give_up(joined: &Joined<usize>, film: usize, makers: &Makers) {
        let asked = joined.get(film.to_string(), makers.clone().make());
        assert!(tokio::time::timeout(Duration::from_millis(1), asked).await.is_err());
    }

    #[tokio::test]
    async fn requests_that_are_given_up_begin_nothing_anew() {
        let (joined, makers) = (joined(1), Makers::new());
        for _ in 0..5 {
            give_up(&joined, 0, &makers).await;
        }
        makers.gate.add_permits(1);
        for _ in 0..2 {
            let made = joined.get("0".to_owned(), makers.clone().make()).await;
            assert_eq!(*made.unwrap(), 1);
        }
        assert_eq!(makers.began(), 1);
    }

    #[tokio::test]
    async fn makers_that_nobody_waits_for_still_take_their_turns() {
        let (joined, makers) = (joined(2), Makers::new());
        for film in 0..5 {
            give_up(&joined, film, &makers).await;
        }
        assert_eq!(makers.began(), 2);
    }

    #[tokio::test]
    async fn a_maker_that_failed_or_broke_off_is_followed_by_another() {
        let joined = joined(1);
        let broken = async { panic!("broke off") };
        assert!(joined.get("film".to_owned(), broken).await.is_err());
        let failed = async { Err(reading_failed()) };
        assert!(joined.get("film".to_owned(), failed).await.is_err());
        assert_eq!(*joined.get("film".to_owned(), async { Ok(7) }).await.unwrap(), 7);
    }
}
