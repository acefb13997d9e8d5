//! What was answered a moment ago is answered again without being looked up, as long as a look-up
//! would give the same.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use portcullis::package::presentation::DeliveryUrls;
use portcullis::package::steering::Steering;
use portcullis::service::origin::{CacheSizes, Origin};
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
    async fn start(caches: CacheSizes) -> Self {
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
        let origin = Origin::new(service.store.clone(), now, caches, Steering::default());
        let delivery = DeliveryUrls { base: "https://keys.example".to_owned() };
        Self { service, media, clock, origin, locator, delivery }
    }

    fn manifest(&self) -> String {
        format!("/{}/asset.ism/manifest(format=m3u8-cmaf)", self.locator.id)
    }

    /// Asks as every first request does, until the answer is kept: the last look at the files may
    /// be over in the moment in which it is.
    async fn ask_until_kept(&self) {
        let url = self.manifest();
        for _ in 0..1000 {
            let asked = self.origin.answer(&url, &self.delivery).await.unwrap();
            if let Some(kept) = self.origin.recent(&url, &self.delivery) {
                assert_eq!((kept.etag, kept.cache), (asked.etag, asked.cache));
                return;
            }
        }
        panic!("never kept");
    }

    fn is_kept(&self) -> bool {
        self.origin.recent(&self.manifest(), &self.delivery).is_some()
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_its_url_and_key_delivery_alone() {
    let film = Published::start(CACHES).await;
    assert!(!film.is_kept());
    film.ask_until_kept().await;
    let other = DeliveryUrls { base: "https://other.example".to_owned() };
    assert!(film.origin.recent(&film.manifest(), &other).is_none());
    let longer = format!("{}?x=1", film.manifest());
    assert!(film.origin.recent(&longer, &film.delivery).is_none());
}

#[tokio::test]
async fn a_deleted_locator_is_not_answered_from_memory() {
    let film = Published::start(CACHES).await;
    film.ask_until_kept().await;
    film.service.store.delete_locator(film.locator.id).await.unwrap();
    assert!(!film.is_kept());
}

#[tokio::test]
async fn a_locator_that_has_ended_is_not_answered_from_memory() {
    let film = Published::start(CACHES).await;
    film.ask_until_kept().await;
    film.clock.store(NOW + 61, Relaxed);
    assert!(!film.is_kept());
}

#[tokio::test]
async fn an_answer_is_not_kept_longer_than_the_look_at_the_files_counts() {
    let film = Published::start(CACHES).await;
    film.ask_until_kept().await;
    fs::remove_file(film.media.path().join(CLIP)).unwrap();
    settled().await;
    assert!(!film.is_kept());
    film.origin.answer(&film.manifest(), &film.delivery).await.unwrap_err();
    assert!(!film.is_kept(), "a refusal is never kept");
}

#[tokio::test]
async fn without_room_for_documents_none_is_kept() {
    let film = Published::start(CacheSizes { documents: 0, ..CACHES }).await;
    for _ in 0..20 {
        film.origin.answer(&film.manifest(), &film.delivery).await.unwrap();
        assert!(!film.is_kept());
    }
}
