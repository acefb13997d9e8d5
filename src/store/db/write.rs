//! What can be written. The database itself keeps names and identifiers unique.

use data_encoding::BASE64;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::{filters, policies};
use crate::ids::LocatorId;
use crate::keys::{KekFingerprint, KeyRecord, Schedule, WrappedKey};
use crate::policy::predefined;
use crate::store::{
    Asset, FilterKey, Kind, Locator, NewLocator, RotatedKeys, StoreError, StoredFilter,
};

pub(super) enum Write {
    BindKek(KekFingerprint),
    PutAsset(Asset, Option<WrappedKey>),
    CreateStreamingPolicy { name: String, properties: String },
    CreateContentKeyPolicy { name: String, sealed: WrappedKey },
    PutContentKeyPolicy { name: String, sealed: WrappedKey },
    DeleteStreamingPolicy(String),
    DeleteContentKeyPolicy(String),
    CreateLocator(Box<NewLocator>),
    RotateKeys(Box<RotatedKeys>),
    DeleteLocator(LocatorId),
    PutFilter(StoredFilter),
    DeleteFilter(FilterKey),
}

/// Carries a write out inside the transaction (or savepoint) of the connection.
pub(super) async fn apply(db: &mut SqliteConnection, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::BindKek(fingerprint) => bind_kek(db, *fingerprint).await,
        Write::PutAsset(asset, sealed) => put_asset(db, asset, sealed.as_ref()).await,
        Write::CreateStreamingPolicy { name, properties } => {
            policies::create_streaming(db, name, properties).await
        }
        Write::CreateContentKeyPolicy { name, sealed } => {
            policies::create_content_key(db, name, sealed).await
        }
        Write::PutContentKeyPolicy { name, sealed } => {
            policies::put_content_key(db, name, sealed).await
        }
        Write::DeleteStreamingPolicy(name) => policies::STREAMING.delete(db, name).await,
        Write::DeleteContentKeyPolicy(name) => policies::CONTENT_KEY.delete(db, name).await,
        Write::CreateLocator(new) => create_locator(db, new).await,
        Write::RotateKeys(rotated) => rotate_keys(db, rotated).await,
        Write::DeleteLocator(id) => delete_locator(db, *id).await,
        Write::PutFilter(stored) => filters::put(db, stored).await,
        Write::DeleteFilter(key) => filters::delete(db, key).await,
    }
}

async fn bind_kek(db: &mut SqliteConnection, given: KekFingerprint) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO settings (name, value) VALUES ('kek', $1) ON CONFLICT (name) DO NOTHING",
    )
    .bind(given.to_string())
    .execute(&mut *db)
    .await?;
    let (expected,): (String,) =
        sqlx::query_as("SELECT value FROM settings WHERE name = 'kek'").fetch_one(db).await?;
    if expected == given.to_string() {
        Ok(())
    } else {
        Err(StoreError::WrongKek { expected, given })
    }
}

async fn put_asset(
    db: &mut SqliteConnection,
    asset: &Asset,
    sealed: Option<&WrappedKey>,
) -> Result<(), StoreError> {
    let dir = asset.dir.to_str().ok_or_else(|| StoreError::PathNotUtf8(asset.dir.clone()))?;
    sqlx::query(
        "INSERT INTO assets (name, dir, segment_ms, created, storage_encryption, encrypted)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (name) DO UPDATE SET dir = excluded.dir, segment_ms = excluded.segment_ms,
         storage_encryption = excluded.storage_encryption, encrypted = excluded.encrypted",
    )
    .bind(&asset.name)
    .bind(dir)
    .bind(i64::from(asset.segment_ms))
    .bind(asset.created.as_millisecond())
    .bind(sealed.map(|sealed| BASE64.encode(sealed.as_bytes())))
    .bind(asset.encrypted.to_string())
    .execute(db)
    .await?;
    Ok(())
}

async fn create_locator(db: &mut SqliteConnection, new: &NewLocator) -> Result<(), StoreError> {
    let locator = &new.locator;
    require(db, ASSET, &locator.asset).await?;
    if predefined::find(&locator.streaming_policy).is_none() {
        require(db, STREAMING_POLICY, &locator.streaming_policy).await?;
    }
    let key_policies = new.keys.iter().filter_map(|key| key.policy.as_ref());
    for policy in locator.content_key_policy.iter().chain(key_policies) {
        require(db, CONTENT_KEY_POLICY, policy).await?;
    }
    insert_locator(db, locator).await?;
    insert_keys(db, &new.keys).await
}

/// Two who rotate at once must not both have made the same period.
async fn rotate_keys(db: &mut SqliteConnection, rotated: &RotatedKeys) -> Result<(), StoreError> {
    let RotatedKeys { locator, before, after, keys } = rotated;
    let changed = sqlx::query(
        "UPDATE locators SET key_schedule = $1
         WHERE id = $2 AND COALESCE(key_schedule, '') = $3",
    )
    .bind(after.to_json())
    .bind(locator.to_string())
    .bind(before.as_ref().map(Schedule::to_json).unwrap_or_default())
    .execute(&mut *db)
    .await?;
    if changed.rows_affected() == 0 {
        let id = locator.to_string();
        return match is_there(db, "SELECT 1 FROM locators WHERE id = $1", &id).await? {
            true => Err(StoreError::Changed { kind: Kind::Locator, name: id }),
            false => Err(StoreError::missing(Kind::Locator, id)),
        };
    }
    insert_keys(db, keys).await
}

async fn insert_locator(db: &mut SqliteConnection, locator: &Locator) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO locators (id, name, asset, streaming_policy, content_key_policy,
                               start_time, end_time, created, filters, compat,
                               alternative_media_id, key_schedule)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(locator.id.to_string())
    .bind(&locator.name)
    .bind(&locator.asset)
    .bind(&locator.streaming_policy)
    .bind(&locator.content_key_policy)
    .bind(locator.start.map(Timestamp::as_millisecond))
    .bind(locator.end.map(Timestamp::as_millisecond))
    .bind(locator.created.as_millisecond())
    .bind(serde_json::json!(locator.filters).to_string())
    .bind(locator.compat.to_string())
    .bind(&locator.alternative_media_id)
    .bind(locator.schedule.as_ref().map(Schedule::to_json))
    .execute(&mut *db)
    .await;
    let Err(error) = inserted else { return Ok(()) };
    if is_there(db, "SELECT 1 FROM locators WHERE name = $1", &locator.name).await? {
        return Err(taken(error, Kind::Locator, &locator.name));
    }
    Err(taken(error, Kind::Locator, locator.id))
}

async fn insert_keys(db: &mut SqliteConnection, keys: &[KeyRecord]) -> Result<(), StoreError> {
    for key in keys {
        let inserted = insert_key(db, key).await;
        inserted.map_err(|error| taken(error, Kind::ContentKey, key.kid))?;
    }
    Ok(())
}

async fn insert_key(db: &mut SqliteConnection, key: &KeyRecord) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO content_keys (kid, locator, label, key_type, crypto_period, policy, wrapped)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(key.kid.to_string())
    .bind(key.locator.to_string())
    .bind(&key.label)
    .bind(key.protection.row().map(|row| row.key_type))
    .bind(key.crypto_period.map(i64::from))
    .bind(&key.policy)
    .bind(BASE64.encode(key.wrapped.as_bytes()))
    .execute(db)
    .await?;
    Ok(())
}

async fn delete_locator(db: &mut SqliteConnection, id: LocatorId) -> Result<(), StoreError> {
    let deleted =
        sqlx::query("DELETE FROM locators WHERE id = $1").bind(id.to_string()).execute(db).await?;
    match deleted.rows_affected() {
        0 => Err(StoreError::missing(Kind::Locator, id)),
        _ => Ok(()),
    }
}

/// What a row refers to by name, and the query that finds it.
pub(super) type Reference = (Kind, &'static str);

pub(super) const ASSET: Reference = (Kind::Asset, "SELECT 1 FROM assets WHERE name = $1");
const STREAMING_POLICY: Reference =
    (Kind::StreamingPolicy, "SELECT 1 FROM streaming_policies WHERE name = $1");
const CONTENT_KEY_POLICY: Reference =
    (Kind::ContentKeyPolicy, "SELECT 1 FROM content_key_policies WHERE name = $1");

pub(super) async fn require(
    db: &mut SqliteConnection,
    (kind, sql): Reference,
    name: &str,
) -> Result<(), StoreError> {
    if is_there(db, sql, name).await? { Ok(()) } else { Err(StoreError::missing(kind, name)) }
}

async fn is_there(
    db: &mut SqliteConnection,
    sql: &'static str,
    name: &str,
) -> Result<bool, sqlx::Error> {
    Ok(sqlx::query(sql).bind(name).fetch_optional(db).await?.is_some())
}

/// Names what is in the way when the database refused a row for being there already.
pub(super) fn taken(error: sqlx::Error, kind: Kind, name: impl ToString) -> StoreError {
    match error.as_database_error() {
        Some(refusal) if refusal.is_unique_violation() => StoreError::exists(kind, name),
        _ => error.into(),
    }
}
