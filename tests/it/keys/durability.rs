//! An answer means it is on disk: a process that creates keys is killed a hundred times.
//!
//! The child is this test binary, run with one ignored test that creates keys in the real
//! store and prints the identifier of each key once its creation was acknowledged.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis::crypto::key::ContentKey;
use portcullis::ids::{KeyId, LocatorId};
use portcullis::keys::KeyRecord;
use portcullis::protection::Protection;
use portcullis::store::{Locator, NewLocator, Store, random};
use sqlx::{Connection, SqliteConnection};

use crate::support::keys::{KeyService, NOW, at, kek};

const KILLS: usize = 100;
const CHILD: &str = "keys::durability::child_creates_keys_until_it_is_killed";
const DATABASE: &str = "PORTCULLIS_TEST_DATABASE";
const ACKNOWLEDGED: &str = "acknowledged ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_key_is_lost_when_the_process_is_killed() {
    let service = KeyService::start().await;
    let mut acknowledged = HashSet::new();
    for round in 0..KILLS {
        let database = service.database();
        // Different rounds end at different points of the child's life.
        let lines = 1 + round * 7 % 40;
        let kids = tokio::task::spawn_blocking(move || kill_after(&database, lines));
        for kid in kids.await.unwrap() {
            assert!(acknowledged.insert(kid), "two keys for {kid}");
        }
    }
    assert!(acknowledged.len() >= KILLS, "{} keys", acknowledged.len());
    let reopened = Store::open(&service.database(), &kek(1)).await.unwrap();
    for kid in &acknowledged {
        let record = reopened.key(*kid).await.expect("an acknowledged key is lost");
        reopened.vault().unwrap(&record).expect("an acknowledged key does not open");
    }
    check_database(&service.database()).await;
    println!("{KILLS} kills, {} acknowledged keys, none lost", acknowledged.len());
}

/// Starts the child, kills it after some acknowledged keys, and gives all that it acknowledged.
fn kill_after(database: &Path, lines: usize) -> Vec<KeyId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--ignored", "--nocapture"])
        .env(DATABASE, database)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut kids = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // The kill may cut the last line; what was not printed whole was not acknowledged to us.
        if let Some(kid) = line.strip_prefix(ACKNOWLEDGED).and_then(|kid| kid.strip_suffix('\n')) {
            kids.push(kid.parse().unwrap());
        }
        if kids.len() == lines {
            child.kill().unwrap();
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && kids.len() >= lines, "the child ended by itself: {status}");
    kids
}

async fn check_database(path: &Path) {
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let (verdict,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut db).await.unwrap();
    assert_eq!(verdict, "ok");
    let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut db).await.unwrap();
    assert!(orphans.is_empty());
    let (keys, kids, locators): (i64, i64, i64) = sqlx::query_as(
        "SELECT COUNT(*), COUNT(DISTINCT kid), (SELECT COUNT(*) FROM locators) FROM content_keys",
    )
    .fetch_one(&mut db)
    .await
    .unwrap();
    assert_eq!((keys, kids), (kids, locators), "each locator has one key, each key its own KID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "child process of no_acknowledged_key_is_lost_when_the_process_is_killed"]
async fn child_creates_keys_until_it_is_killed() {
    let Some(database) = std::env::var_os(DATABASE) else {
        return;
    };
    let store = Store::open(Path::new(&database), &kek(1)).await.unwrap();
    let counter = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> =
        (0..8).map(|_| tokio::spawn(create_forever(store.clone(), Arc::clone(&counter)))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Prints what the store has answered for, not what can be read back: an answer that came before
/// the commit would read back too, and be lost in the kill.
async fn create_forever(store: Store, counter: Arc<AtomicU64>) {
    loop {
        let n = counter.fetch_add(1, Ordering::Relaxed);
        let new = new_locator(&store, format!("{}-{n}", std::process::id()));
        let kid = new.keys[0].kid;
        store.create_locator(new).await.unwrap();
        println!("{ACKNOWLEDGED}{kid}");
    }
}

fn new_locator(store: &Store, name: String) -> NewLocator {
    let (id, kid, protection) = (LocatorId::random(), KeyId::random(), Protection::Cbc);
    let key = ContentKey::from_bytes(*random::bytes().unwrap());
    let nonce = *random::bytes().unwrap();
    let wrapped = store.vault().wrap(kid, protection, &key.into(), nonce).unwrap();
    let locator = Locator {
        id,
        name,
        asset: "asset".into(),
        streaming_policy: "Predefined_ClearKey".into(),
        content_key_policy: Some("open".into()),
        filters: Vec::new(),
        compat: Default::default(),
        alternative_media_id: None,
        schedule: None,
        start: None,
        end: None,
        created: at(NOW),
    };
    let record = KeyRecord {
        kid,
        locator: id,
        label: "aesDefaultKey".into(),
        protection,
        crypto_period: Some(0),
        policy: None,
        wrapped,
    };
    NewLocator { locator, keys: vec![record] }
}
