//! Filters of the account and of assets (ams.md section 15).

use std::sync::Arc;

use sqlx::{SqliteConnection, SqlitePool};

use super::Store;
use super::write::{ASSET, Write, require};
use crate::package::filter::{Filter, FilterError};
use crate::store::{FilterKey, Kind, StoreError, StoredFilter};

type Row = (Option<String>, String, String);

/// Finds the name of a locator that uses a filter: of the account unless the asset has its own.
const USER: &str = "
    SELECT locators.name FROM locators, json_each(locators.filters) AS named
    WHERE EXISTS (SELECT 1 FROM filters WHERE COALESCE(asset, '') = $1 AND folded = $2)
    AND lower(named.value) = $2 AND (locators.asset = $1 OR $1 = '' AND NOT EXISTS (
        SELECT 1 FROM filters AS own WHERE own.asset = locators.asset AND own.folded = $2))
    ORDER BY locators.name LIMIT 1";

/// More filters of the account, and of each asset, are not stored (ams.md section 21).
const MAX_FILTERS: i64 = 100;

impl Store {
    /// Adds or replaces a filter of the account or of an asset.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an asset that is not there, [`StoreError::TooManyFilters`], or a
    /// failure of the database.
    pub async fn put_filter(&self, stored: StoredFilter) -> Result<(), StoreError> {
        let key = stored.key();
        self.0.writer.write(Write::PutFilter(stored)).await?;
        self.0.caches.filters.forget(&key).await;
        Ok(())
    }

    /// Deletes a filter that no locator uses.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`], or a failure of the database.
    pub async fn delete_filter(&self, key: FilterKey) -> Result<(), StoreError> {
        self.0.writer.write(Write::DeleteFilter(key.clone())).await?;
        self.0.caches.filters.forget(&key).await;
        Ok(())
    }

    /// The filter that an asset knows by that name: its own, else that of the account (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn filter(&self, asset: &str, name: &str) -> Result<Arc<Filter>, StoreError> {
        for keeper in [Some(asset), None] {
            let key = FilterKey::new(keeper, name);
            let load = async || {
                let found = find(&self.0.readers, &key).await?;
                Ok(Arc::new(found.map(|stored| Arc::new(stored.filter))))
            };
            let found = self.0.caches.filters.read(key.clone(), load).await?;
            if let Some(filter) = &*found {
                return Ok(Arc::clone(filter));
            }
        }
        Err(StoreError::missing(Kind::Filter, name))
    }

    /// The filter of exactly that key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Filter`], or a failure of the database.
    pub async fn stored_filter(&self, key: &FilterKey) -> Result<StoredFilter, StoreError> {
        let found = find(&self.0.readers, key).await?;
        found.ok_or_else(|| StoreError::missing(Kind::Filter, key))
    }

    /// All filters of the account, or those of all assets, by name. One that is damaged says so in
    /// its place.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn filters(
        &self,
        of_assets: bool,
    ) -> Result<Vec<Result<StoredFilter, FilterError>>, StoreError> {
        let sql = "SELECT asset, name, properties FROM filters WHERE (asset IS NOT NULL) = $1
                   ORDER BY COALESCE(asset, ''), folded";
        let rows: Vec<Row> = sqlx::query_as(sql).bind(of_assets).fetch_all(&self.0.readers).await?;
        Ok(rows.into_iter().map(read).collect())
    }
}

async fn find(db: &SqlitePool, key: &FilterKey) -> Result<Option<StoredFilter>, StoreError> {
    let sql = "SELECT asset, name, properties FROM filters
               WHERE COALESCE(asset, '') = $1 AND folded = $2";
    let query = sqlx::query_as(sql).bind(key.asset.as_deref().unwrap_or_default());
    let row: Option<Row> = query.bind(key.folded()).fetch_optional(db).await?;
    row.map(read).transpose().map_err(StoreError::Filter)
}

fn read((asset, name, properties): Row) -> Result<StoredFilter, FilterError> {
    match (Filter::from_properties(&name, &properties), asset) {
        (Ok(filter), asset) => Ok(StoredFilter { asset, filter }),
        (Err(error), Some(asset)) => Err(error.in_asset(&asset)),
        (Err(error), None) => Err(error),
    }
}

/// Filters that have the keeper of this one, without itself: it may be replaced.
async fn others(db: &mut SqliteConnection, key: &FilterKey) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM filters WHERE COALESCE(asset, '') = $1 AND folded <> $2";
    let query = sqlx::query_as(sql).bind(key.asset.as_deref().unwrap_or_default());
    let (count,): (i64,) = query.bind(key.folded()).fetch_one(db).await?;
    Ok(count)
}

pub(super) async fn put(
    db: &mut SqliteConnection,
    stored: &StoredFilter,
) -> Result<(), StoreError> {
    let StoredFilter { asset, filter } = stored;
    if let Some(asset) = asset {
        require(db, ASSET, asset).await?;
    }
    if others(db, &stored.key()).await? >= MAX_FILTERS {
        let of = asset.as_ref().map_or("the account".to_owned(), |asset| format!("asset {asset}"));
        return Err(StoreError::TooManyFilters { of, limit: MAX_FILTERS });
    }
    sqlx::query(
        "INSERT INTO filters (asset, folded, name, properties) VALUES ($1, $2, $3, $4)
         ON CONFLICT (COALESCE(asset, ''), folded)
         DO UPDATE SET name = excluded.name, properties = excluded.properties",
    )
    .bind(asset)
    .bind(stored.key().folded())
    .bind(&filter.name)
    .bind(filter.to_properties().to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn delete(db: &mut SqliteConnection, key: &FilterKey) -> Result<(), StoreError> {
    let asset = key.asset.as_deref().unwrap_or_default();
    let user = sqlx::query_as(USER).bind(asset).bind(key.folded());
    let user: Option<(String,)> = user.fetch_optional(&mut *db).await?;
    if let Some((by,)) = user {
        return Err(StoreError::InUse { kind: Kind::Filter, name: key.to_string(), by });
    }
    let deleted = sqlx::query("DELETE FROM filters WHERE COALESCE(asset, '') = $1 AND folded = $2")
        .bind(asset)
        .bind(key.folded())
        .execute(db)
        .await?;
    match deleted.rows_affected() {
        0 => Err(StoreError::missing(Kind::Filter, key)),
        _ => Ok(()),
    }
}
