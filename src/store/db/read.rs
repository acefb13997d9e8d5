//! Queries, and rows that become typed values or say what is wrong with them.

use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64;
use jiff::Timestamp;
use sqlx::{FromRow, QueryBuilder, SqlitePool};

use crate::ids::{KeyId, LocatorId};
use crate::keys::{KeyRecord, Schedule, StorageEncryption, Vault, WrappedKey};
use crate::policy::{ContentKeyPolicy, StreamingPolicy};
use crate::protection::Protection;
use crate::store::{Asset, Kind, Locator, StoreError};

type AssetRow = (String, String, i64, i64, Option<String>, String);
type PolicyRow = (String, String);
type LocatorRow = (
    String,
    String,
    String,
    String,
    Option<String>,
    String,
    Option<i64>,
    Option<i64>,
    i64,
    String,
    Option<String>,
    Option<String>,
);
type KeyRow = (String, String, String, String, Option<i64>, Option<String>, String);

macro_rules! select {
    (assets $($rest:literal)?) => {
        concat!("SELECT name, dir, segment_ms, created, storage_encryption, encrypted \
                 FROM assets ", $($rest)?)
    };
    (streaming_policies $($rest:literal)?) => {
        concat!("SELECT name, properties FROM streaming_policies ", $($rest)?)
    };
    (content_key_policies $($rest:literal)?) => {
        concat!("SELECT name, sealed FROM content_key_policies ", $($rest)?)
    };
    (locators $($rest:literal)?) => {
        concat!("SELECT id, name, asset, streaming_policy, content_key_policy, filters, \
                 start_time, end_time, created, compat, alternative_media_id, key_schedule \
                 FROM locators ", $($rest)?)
    };
    (content_keys $($rest:literal)?) => {
        concat!("SELECT kid, locator, label, key_type, crypto_period, policy, wrapped \
                 FROM content_keys ", $($rest)?)
    };
}

pub(super) async fn asset(
    db: &SqlitePool,
    vault: &Vault,
    name: &str,
) -> Result<Arc<Asset>, StoreError> {
    let row = one(db, select!(assets "WHERE name = $1"), Kind::Asset, name).await?;
    Ok(Arc::new(to_asset(vault, row)?))
}

pub(super) async fn assets(db: &SqlitePool, vault: &Vault) -> Result<Vec<Asset>, StoreError> {
    let rows = all(db, select!(assets "ORDER BY name"), "").await?;
    rows.into_iter().map(|row| to_asset(vault, row)).collect()
}

pub(super) async fn streaming_policy(
    db: &SqlitePool,
    name: &str,
) -> Result<Arc<StreamingPolicy>, StoreError> {
    let sql = select!(streaming_policies "WHERE name = $1");
    Ok(Arc::new(to_streaming_policy(one(db, sql, Kind::StreamingPolicy, name).await?)?))
}

pub(super) async fn streaming_policies(
    db: &SqlitePool,
) -> Result<Vec<StreamingPolicy>, StoreError> {
    let rows = all(db, select!(streaming_policies "ORDER BY name"), "").await?;
    rows.into_iter().map(to_streaming_policy).collect()
}

pub(super) async fn content_key_policy(
    db: &SqlitePool,
    vault: &Vault,
    name: &str,
) -> Result<Arc<ContentKeyPolicy>, StoreError> {
    let sql = select!(content_key_policies "WHERE name = $1");
    let row = one(db, sql, Kind::ContentKeyPolicy, name).await?;
    Ok(Arc::new(to_content_key_policy(vault, row)?))
}

pub(super) async fn content_key_policies(
    db: &SqlitePool,
    vault: &Vault,
) -> Result<Vec<ContentKeyPolicy>, StoreError> {
    let rows = all(db, select!(content_key_policies "ORDER BY name"), "").await?;
    rows.into_iter().map(|row| to_content_key_policy(vault, row)).collect()
}

pub(super) async fn content_key_policies_in_use(
    db: &SqlitePool,
    vault: &Vault,
) -> Result<Arc<Vec<Arc<ContentKeyPolicy>>>, StoreError> {
    let sql = select!(
        content_key_policies
        "WHERE name IN (SELECT content_key_policy FROM locators UNION SELECT policy FROM content_keys) \
         ORDER BY name"
    );
    let rows = all(db, sql, "").await?;
    let policies = rows.into_iter().map(|row| to_content_key_policy(vault, row).map(Arc::new));
    Ok(Arc::new(policies.collect::<Result<_, _>>()?))
}

pub(super) async fn locator(db: &SqlitePool, id: LocatorId) -> Result<Arc<Locator>, StoreError> {
    let sql = select!(locators "WHERE id = $1");
    Ok(Arc::new(to_locator(one(db, sql, Kind::Locator, &id.to_string()).await?)?))
}

pub(super) async fn locator_by_name(db: &SqlitePool, name: &str) -> Result<Locator, StoreError> {
    to_locator(one(db, select!(locators "WHERE name = $1"), Kind::Locator, name).await?)
}

pub(super) async fn locators(db: &SqlitePool) -> Result<Vec<Locator>, StoreError> {
    let rows = all(db, select!(locators "ORDER BY name"), "").await?;
    rows.into_iter().map(to_locator).collect()
}

pub(super) async fn keys(
    db: &SqlitePool,
    kids: impl Iterator<Item = KeyId>,
) -> Result<Vec<Arc<KeyRecord>>, StoreError> {
    let mut query = QueryBuilder::new(select!(content_keys "WHERE kid IN ("));
    let mut list = query.separated(", ");
    for kid in kids {
        list.push_bind(kid.to_string());
    }
    query.push(")");
    let rows: Vec<KeyRow> = query.build_query_as().fetch_all(db).await?;
    rows.into_iter().map(|row| Ok(Arc::new(to_key(row)?))).collect()
}

pub(super) async fn keys_of(
    db: &SqlitePool,
    locator: LocatorId,
) -> Result<Arc<[KeyRecord]>, StoreError> {
    let sql = select!(content_keys "WHERE locator = $1");
    let rows = all(db, sql, &locator.to_string()).await?;
    let mut keys: Vec<KeyRecord> = rows.into_iter().map(to_key).collect::<Result<_, _>>()?;
    // Databases sort text by rules of their own.
    keys.sort_by(|a, b| a.place().cmp(&b.place()));
    Ok(keys.into())
}

async fn one<R>(db: &SqlitePool, sql: &'static str, kind: Kind, name: &str) -> Result<R, StoreError>
where
    R: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let row = sqlx::query_as(sql).bind(name).fetch_optional(db).await?;
    row.ok_or_else(|| StoreError::missing(kind, name))
}

async fn all<R>(db: &SqlitePool, sql: &'static str, argument: &str) -> Result<Vec<R>, StoreError>
where
    R: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let query = sqlx::query_as(sql);
    let query = if sql.contains("$1") { query.bind(argument) } else { query };
    Ok(query.fetch_all(db).await?)
}

fn to_asset(
    vault: &Vault,
    (name, dir, segment_ms, created, encryption, encrypted): AssetRow,
) -> Result<Asset, StoreError> {
    let field = Field { kind: Kind::Asset, name: &name };
    let segment_ms = field.number(segment_ms)?;
    let created = field.time(created)?;
    let open = |sealed: String| {
        let opened = vault.open_storage(&name, &field.sealed(&sealed)?);
        let document = opened.map_err(|error| field.damaged(error))?;
        StorageEncryption::parse(&document).map(Arc::new).map_err(|error| field.damaged(error))
    };
    let storage_encryption = encryption.map(open).transpose()?;
    let encrypted = field.parsed(&encrypted)?;
    Ok(Asset { dir: dir.into(), segment_ms, created, storage_encryption, encrypted, name })
}

fn to_streaming_policy((name, properties): PolicyRow) -> Result<StreamingPolicy, StoreError> {
    StreamingPolicy::stored(&name, &properties)
        .map_err(|error| StoreError::corrupt(Kind::StreamingPolicy, &name, error.rule))
}

fn to_content_key_policy(
    vault: &Vault,
    (name, sealed): PolicyRow,
) -> Result<ContentKeyPolicy, StoreError> {
    let field = Field { kind: Kind::ContentKeyPolicy, name: &name };
    let properties =
        vault.open_policy(&name, &field.sealed(&sealed)?).map_err(|error| field.damaged(error))?;
    ContentKeyPolicy::from_properties(&name, &properties).map_err(|error| field.damaged(error.rule))
}

fn to_locator(row: LocatorRow) -> Result<Locator, StoreError> {
    let (
        id,
        name,
        asset,
        streaming_policy,
        content_key_policy,
        filters,
        start,
        end,
        created,
        compat,
        alternative_media_id,
        schedule,
    ) = row;
    let field = Field { kind: Kind::Locator, name: &name };
    Ok(Locator {
        id: field.parsed(&id)?,
        asset,
        streaming_policy,
        content_key_policy,
        filters: serde_json::from_str(&filters).map_err(|error| field.damaged(error))?,
        start: start.map(|ms| field.time(ms)).transpose()?,
        end: end.map(|ms| field.time(ms)).transpose()?,
        created: field.time(created)?,
        compat: field.parsed(&compat)?,
        schedule: schedule.map(|text| field.schedule(&text)).transpose()?,
        alternative_media_id,
        name,
    })
}

fn to_key(row: KeyRow) -> Result<KeyRecord, StoreError> {
    let (kid, locator, label, key_type, crypto_period, policy, wrapped) = row;
    let field = Field { kind: Kind::ContentKey, name: &kid };
    Ok(KeyRecord {
        kid: field.parsed(&kid)?,
        locator: field.parsed(&locator)?,
        label,
        protection: Protection::from_key_type(&key_type)
            .ok_or_else(|| field.damaged("unknown key type"))?,
        crypto_period: crypto_period.map(|period| field.number(period)).transpose()?,
        policy,
        wrapped: field.sealed(&wrapped)?,
    })
}

/// Reads the columns of one row; what does not read is blamed on the row by name.
struct Field<'a> {
    kind: Kind,
    name: &'a str,
}

impl Field<'_> {
    fn parsed<T: FromStr<Err: ToString>>(&self, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|error: T::Err| self.damaged(error))
    }

    fn number(&self, value: i64) -> Result<u32, StoreError> {
        u32::try_from(value).map_err(|error| self.damaged(error))
    }

    fn time(&self, ms: i64) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(ms).map_err(|error| self.damaged(error))
    }

    fn schedule(&self, text: &str) -> Result<Schedule, StoreError> {
        Schedule::from_json(text).map_err(|error| self.damaged(error))
    }

    fn sealed(&self, text: &str) -> Result<WrappedKey, StoreError> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|error| self.damaged(error))?;
        WrappedKey::from_bytes(bytes).map_err(|error| self.damaged(error))
    }

    fn damaged(&self, why: impl ToString) -> StoreError {
        StoreError::corrupt(self.kind, self.name, why)
    }
}
