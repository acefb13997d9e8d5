//! The database: grouped commits, uniqueness, other processes, secrets at rest.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use portcullis::ids::{KeyId, LocatorId};
use portcullis::keys::KeyRecord;
use portcullis::service::publish::Publisher;
use portcullis::store::{Asset, Kind, Locator, NewLocator, Store, StoreError};
use sqlx::{Connection, SqliteConnection};

use crate::support::keys::{KeyService, NOW, SECRET, at, kek, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writes_share_commits_and_a_refused_one_harms_no_other() {
    const WRITES: usize = 200;
    let service = KeyService::start().await;
    let before = service.store.commits();
    let tasks: Vec<_> = (0..WRITES)
        .map(|n| {
            let publisher = Publisher::new(service.store.clone());
            // Every tenth name is taken by the one before it.
            let name = if n % 10 == 9 { n - 1 } else { n };
            let request = request(&format!("s{name}"), "Predefined_ClearKey", "open");
            tokio::spawn(async move { publisher.publish(&request, at(NOW)).await.is_ok() })
        })
        .collect();
    let mut published = 0;
    for task in tasks {
        published += usize::from(task.await.unwrap());
    }
    assert_eq!(published, WRITES / 10 * 9);
    assert_eq!(service.store.locators().await.unwrap().len(), published);
    let commits = service.store.commits() - before;
    assert!(commits <= WRITES as u64 / 4, "{commits} commits for {WRITES} writes");
}

#[tokio::test]
async fn the_database_allows_one_key_for_a_kid() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    let id = LocatorId::random();
    let first = service.store.locator(record.locator).await.unwrap();
    let locator = Locator { id, name: "t".into(), ..Locator::clone(&first) };
    let mut key = record.clone();
    key.locator = id;
    let outcome = service.store.create_locator(NewLocator { locator, keys: vec![key] }).await;
    match outcome {
        Err(StoreError::AlreadyExists { kind: Kind::ContentKey, name }) => {
            assert_eq!(name, record.kid.to_string());
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(service.store.locator(id).await, Err(StoreError::NotFound { .. })));
    assert_eq!(*service.store.key(record.kid).await.unwrap(), record);
}

#[tokio::test]
async fn a_broken_constraint_fails_one_write_of_a_group() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    let first = service.store.locator(record.locator).await.unwrap();
    let id = LocatorId::random();
    let locator = Locator { id, name: "t".into(), ..Locator::clone(&first) };
    let mut homeless = record.clone();
    homeless.kid = KeyId::random();
    homeless.locator = LocatorId::random();
    let broken = NewLocator { locator, keys: vec![homeless] };
    let before = service.store.commits();
    let (broken, good) = tokio::join!(
        service.store.create_locator(broken),
        service.store.put_asset(asset("other")),
    );
    assert!(matches!(broken, Err(StoreError::Database(_))), "{broken:?}");
    assert!(good.is_ok(), "{good:?}");
    assert_eq!(service.store.commits(), before + 1, "both writes are one group");
    assert!(service.store.locator(id).await.is_err());
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let service = KeyService::start().await;
    let (record, key) = service.publish_key(&request("s", "Predefined_ClearKey", "token")).await;
    let reopened = Store::open(&service.database(), &kek(1)).await.unwrap();
    assert_eq!(*reopened.key(record.kid).await.unwrap(), record);
    assert_eq!(reopened.vault().unwrap(&record).unwrap(), key);
    assert_eq!(reopened.assets().await.unwrap(), service.store.assets().await.unwrap());
    let policies = reopened.content_key_policies().await.unwrap();
    assert_eq!(policies, service.store.content_key_policies().await.unwrap());
    assert_eq!(policies.len(), 2);
    assert_eq!(
        reopened.locator_by_name("s").await.unwrap(),
        *service.store.locator(record.locator).await.unwrap()
    );
}

#[tokio::test]
async fn another_key_encryption_key_is_refused_when_opening() {
    let service = KeyService::start().await;
    match Store::open(&service.database(), &kek(2)).await.err() {
        Some(StoreError::WrongKek { expected, given }) => {
            assert_eq!(expected, kek(1).fingerprint().to_string());
            assert_eq!(given, kek(2).fingerprint());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let service = KeyService::start().await;
    let mut db = connect(&service.database()).await;
    sqlx::query("INSERT INTO schema_version (version) VALUES (99)").execute(&mut db).await.unwrap();
    let refusal = Store::open(&service.database(), &kek(1)).await.err();
    assert!(matches!(refusal, Some(StoreError::SchemaTooNew { found: 99, .. })), "{refusal:?}");
}

/// As it was before there were root keys.
const BEFORE_ROOTS: &str = "
    DELETE FROM schema_version WHERE version > 7;
    DROP INDEX content_keys_by_place;
    ALTER TABLE content_keys RENAME TO later;
    CREATE TABLE content_keys (
        kid TEXT NOT NULL PRIMARY KEY,
        locator TEXT NOT NULL REFERENCES locators (id) ON DELETE CASCADE,
        label TEXT NOT NULL,
        key_type TEXT NOT NULL,
        crypto_period BIGINT NOT NULL,
        policy TEXT REFERENCES content_key_policies (name),
        wrapped TEXT NOT NULL,
        UNIQUE (locator, key_type, label, crypto_period)
    );
    INSERT INTO content_keys SELECT * FROM later;
    DROP TABLE later;";

#[tokio::test]
async fn keys_of_an_older_database_are_what_they_were() {
    let service = KeyService::start().await;
    let (record, key) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    let mut db = connect(&service.database()).await;
    sqlx::raw_sql(BEFORE_ROOTS).execute(&mut db).await.unwrap();
    let store = Store::open(&service.database(), &kek(1)).await.unwrap();
    assert_eq!(*store.key(record.kid).await.unwrap(), record);
    assert_eq!(store.vault().unwrap(&record).unwrap(), key);
    let again = "INSERT INTO content_keys SELECT 'other', locator, label, key_type, crypto_period,
                 policy, wrapped FROM content_keys";
    let refused = sqlx::query(again).execute(&mut db).await.unwrap_err();
    assert!(refused.as_database_error().unwrap().is_unique_violation(), "{refused}");
    store.delete_locator(record.locator).await.unwrap();
    assert!(store.keys_of(record.locator).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    fs::write(&path, "this is no database, but long enough to look like one".repeat(100)).unwrap();
    assert!(matches!(Store::open(&path, &kek(1)).await.err(), Some(StoreError::Database(_))));
    let missing = dir.path().join("no/such/folder/db");
    assert!(matches!(Store::open(&missing, &kek(1)).await.err(), Some(StoreError::Io { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_open_and_write_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let tasks: Vec<_> = (0..4)
        .map(|process| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = Store::open(&path, &kek(1)).await.unwrap();
                for n in 0..25 {
                    store.put_asset(asset(&format!("a{process}-{n}"))).await.unwrap();
                }
                store
            })
        })
        .collect();
    let mut stores = Vec::new();
    for task in tasks {
        stores.push(task.await.unwrap());
    }
    assert_eq!(stores[0].assets().await.unwrap().len(), 100);
    assert!(stores[3].asset("a0-24").await.is_ok());
}

#[tokio::test]
async fn hot_reads_do_not_touch_the_database() {
    let service = KeyService::start().await;
    let (record, _) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    let read = async || {
        service.store.asset("asset").await.unwrap();
        service.store.locator(record.locator).await.unwrap();
        service.store.key(record.kid).await.unwrap();
        service.store.keys_of(record.locator).await.unwrap();
        service.store.content_key_policy("open").await.unwrap();
    };
    read().await;
    let mut db = connect(&service.database()).await;
    for table in ["content_keys", "locators", "content_key_policies", "assets"] {
        let sql = sqlx::AssertSqlSafe(format!("DELETE FROM {table}"));
        sqlx::query(sql).execute(&mut db).await.unwrap();
    }
    read().await;
}

#[tokio::test]
async fn a_key_that_was_missed_is_found_at_once_here_and_soon_by_others() {
    let service = KeyService::start().await;
    let other = Store::open(&service.database(), &kek(1)).await.unwrap();
    let (template, _) = service.publish_key(&request("s", "Predefined_ClearKey", "open")).await;
    let (id, kid) = (LocatorId::random(), KeyId::random());
    for store in [&service.store, &other] {
        let missed = store.key(kid).await;
        assert!(matches!(missed, Err(StoreError::NotFound { .. })));
    }
    let locator = service.store.locator(template.locator).await.unwrap();
    let locator = Locator { id, name: "t".into(), ..Locator::clone(&locator) };
    let key = KeyRecord { kid, locator: id, ..template };
    let keys = vec![key.clone()];
    let new = NewLocator { locator, keys };
    service.store.create_locator(new).await.unwrap();
    assert_eq!(*service.store.key(kid).await.unwrap(), key);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(*other.key(kid).await.unwrap(), key);
}

#[tokio::test]
async fn many_keys_are_read_together_and_those_that_are_not_there_left_out() {
    let service = KeyService::start().await;
    let asked = request("s", "Predefined_ClearKey", "open");
    let (one, _) = service.publish_key(&asked).await;
    let asked = request("t", "Predefined_ClearKey", "open");
    let (two, _) = service.publish_key(&asked).await;
    let kids = [one.kid, KeyId::random(), two.kid];
    let fresh = Store::open(&service.database(), &kek(1)).await.unwrap();
    for _ in 0..2 {
        let found = fresh.keys(&kids).await.unwrap();
        let mut found: Vec<_> = found.iter().map(|key| key.kid).collect();
        found.sort_by_key(|kid| *kid != one.kid);
        assert_eq!(found, [one.kid, two.kid]);
    }
}

#[tokio::test]
async fn assets_can_move_and_keep_their_first_date() {
    let service = KeyService::start().await;
    assert_eq!(service.store.asset("asset").await.unwrap().segment_ms, 6000);
    let moved = Asset { segment_ms: 2000, created: at(NOW + 9), ..asset("asset") };
    service.store.put_asset(moved.clone()).await.unwrap();
    let expected = Asset { created: at(NOW), ..moved };
    assert_eq!(*service.store.asset("asset").await.unwrap(), expected);
}

#[tokio::test]
async fn files_hold_no_secret_and_belong_to_their_owner() {
    let service = KeyService::start().await;
    let mut secrets = vec![SECRET.to_vec()];
    for n in 0..30 {
        let asked = request(&format!("s{n}"), "Portcullis_CencClearKey", "token");
        secrets.push(service.publish_key(&asked).await.1.expose().to_vec());
    }
    let mut files = 0;
    for entry in fs::read_dir(service.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
        assert_holds_none(&path, &secrets);
        files += 1;
    }
    assert!(files >= 2, "database and write-ahead log are expected");
}

#[tokio::test]
async fn files_that_were_open_to_others_are_closed_to_them() {
    let service = KeyService::start().await;
    let files = || fs::read_dir(service.dir.path()).unwrap();
    for entry in files() {
        let wide = fs::Permissions::from_mode(0o666);
        fs::set_permissions(entry.unwrap().path(), wide).unwrap();
    }
    let _again = Store::open(&service.database(), &kek(1)).await.unwrap();
    for entry in files() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

/// One way to write bytes down.
type Form = fn(&[u8]) -> Vec<u8>;

fn assert_holds_none(path: &Path, secrets: &[Vec<u8>]) {
    let content = fs::read(path).unwrap();
    let forms: [Form; 5] = [
        <[u8]>::to_vec,
        |secret| HEXLOWER.encode(secret).into(),
        |secret| HEXUPPER.encode(secret).into(),
        |secret| BASE64.encode(secret).trim_end_matches('=').into(),
        |secret| BASE64URL_NOPAD.encode(secret).into(),
    ];
    for needle in secrets.iter().flat_map(|secret| forms.map(|form| form(secret))) {
        let found = content.windows(needle.len()).any(|window| window == needle);
        assert!(!found, "{path:?} holds a secret");
    }
}

fn asset(name: &str) -> Asset {
    Asset {
        name: name.into(),
        dir: format!("/media/{name}").into(),
        segment_ms: 6000,
        created: at(NOW),
        storage_encryption: None,
        encrypted: Default::default(),
    }
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap()
}
