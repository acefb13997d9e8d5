//! A document says how long the same request gets it again: as long as nothing that it follows from
//! has changed.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use portcullis::package::presentation::DeliveryUrls;
use portcullis::package::steering::Steering;
use portcullis::service::origin::{CacheSizes, Origin, Standing};
use portcullis::store::Locator;
use tempfile::TempDir;

use crate::support::keys::{KeyService, NOW, at, request};
use crate::support::origin::{CLIP, copy, demo, settled};

const CACHES: CacheSizes = CacheSizes { indexes: 1 << 20, documents: 1 << 20, plans: 1 << 20 };

/// An origin over one published clip, with a clock that tests set.
struct Published {
    service: KeyService,
    media: TempDir,
    clock: Arc<AtomicI64>,
    origin: Origin,
    locator: Locator,
    delivery: DeliveryUrls,
}

impl Published {
    /// The locator ends a minute after [`NOW`].
    async fn start() -> Self {
        let (service, media) = (KeyService::start().await, TempDir::new().unwrap());
        copy(&demo(CLIP), &media.path().join(CLIP));
        let mut asset = service.store.asset("asset").await.unwrap().as_ref().clone();
        asset.dir = media.path().to_owned();
        service.store.put_asset(asset).await.unwrap();
        let mut request = request("film", "Predefined_ClearStreamingOnly", "open");
        request.end = Some(at(NOW + 60));
        let locator = service.publish(&request).await;
        let clock = Arc::new(AtomicI64::new(NOW));
        let reading = Arc::clone(&clock);
        let now = Arc::new(move || at(reading.load(Relaxed)));
        let origin = Origin::new(service.store.clone(), now, CACHES, Steering::default());
        let delivery = DeliveryUrls { base: "https://keys.example".to_owned() };
        Self { service, media, clock, origin, locator, delivery }
    }

    fn manifest(&self) -> String {
        format!("/{}/asset.ism/manifest(format=m3u8-cmaf)", self.locator.id)
    }

    async fn ask(&self) -> Standing {
        let answer = self.origin.answer(&self.manifest(), &self.delivery).await.unwrap();
        answer.standing.expect("a document")
    }

    /// The last look at the files may be over in the moment in which the answer is given.
    async fn ask_until_it_stands(&self) -> Standing {
        for _ in 0..1000 {
            let standing = self.ask().await;
            if standing.holds() {
                return standing;
            }
        }
        panic!("never");
    }
}

#[tokio::test]
async fn an_answer_stands_for_about_a_second() {
    let film = Published::start().await;
    let standing = film.ask_until_it_stands().await;
    let asked = Instant::now();
    while standing.holds() {
        assert!(
            asked.elapsed() < Duration::from_secs(10),
            "what other processes change is not seen"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(film.ask_until_it_stands().await.holds(), "but the next one does");
}

#[tokio::test]
async fn of_a_deleted_locator_it_does_not_stand() {
    let film = Published::start().await;
    let standing = film.ask_until_it_stands().await;
    film.service.store.delete_locator(film.locator.id).await.unwrap();
    assert!(!standing.holds());
}

#[tokio::test]
async fn of_a_locator_that_has_ended_it_does_not_stand() {
    let film = Published::start().await;
    let standing = film.ask_until_it_stands().await;
    film.clock.store(NOW + 61, Relaxed);
    assert!(!standing.holds());
}

#[tokio::test]
async fn it_stands_no_longer_than_the_look_at_the_files_counts() {
    let film = Published::start().await;
    let standing = film.ask_until_it_stands().await;
    fs::remove_file(film.media.path().join(CLIP)).unwrap();
    settled().await;
    assert!(!standing.holds());
    film.origin.answer(&film.manifest(), &film.delivery).await.unwrap_err();
}
