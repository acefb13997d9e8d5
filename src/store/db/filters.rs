//! Filters of the account and of assets (ams.md section 15).

use std::sync::Arc;

use sqlx::{SqliteConnection, SqlitePool};

use super::Store;
use super::write::{ASSET, Write, require};
use crate::package::filter::Filter;
use crate::store::{FilterKey, Kind, StoreError, StoredFilter};

type Row = (Option<String>, String, String);

impl Store {
    /// Adds or replaces a filter of the account or of an asset.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an asset that is not there, or a failure of the database.
    pub async fn put_filter(&self, stored: StoredFilter) -> Result<(), StoreError> {
        let key = stored.key();
        self.0.writer.write(Write::PutFilter(stored)).await?;
        self.0.caches.filters.forget(&key).await;
        Ok(())
    }

    /// Deletes a filter; locators that name it refuse to stream from then on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
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
            let load = async || Ok(Arc::new(find(&self.0.readers, &key).await?));
            let found = self.0.caches.filters.read(key.clone(), load).await?;
            if let Some(filter) = &*found {
                return Ok(Arc::clone(filter));
            }
        }
        Err(StoreError::missing(Kind::Filter, name))
    }

    /// All filters: those of the account, then those of the assets by name.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn filters(&self) -> Result<Vec<StoredFilter>, StoreError> {
        let sql =
            "SELECT asset, name, properties FROM filters ORDER BY COALESCE(asset, ''), folded";
        let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(&self.0.readers).await?;
        rows.into_iter().map(read).collect()
    }
}

async fn find(db: &SqlitePool, key: &FilterKey) -> Result<Option<Arc<Filter>>, StoreError> {
    let sql = "SELECT asset, name, properties FROM filters
               WHERE COALESCE(asset, '') = $1 AND folded = $2";
    let query = sqlx::query_as(sql).bind(key.asset.as_deref().unwrap_or_default());
    let row: Option<Row> = query.bind(key.folded()).fetch_optional(db).await?;
    Ok(row.map(read).transpose()?.map(|stored| Arc::new(stored.filter)))
}

fn read((asset, name, properties): Row) -> Result<StoredFilter, StoreError> {
    let filter = Filter::from_properties(&name, &properties).map_err(StoreError::Filter)?;
    Ok(StoredFilter { asset, filter })
}

pub(super) async fn put(
    db: &mut SqliteConnection,
    stored: &StoredFilter,
) -> Result<(), StoreError> {
    let StoredFilter { asset, filter } = stored;
    if let Some(asset) = asset {
        require(db, ASSET, asset).await?;
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
    let deleted = sqlx::query("DELETE FROM filters WHERE COALESCE(asset, '') = $1 AND folded = $2")
        .bind(key.asset.as_deref().unwrap_or_default())
        .bind(key.folded())
        .execute(db)
        .await?;
    match deleted.rows_affected() {
        0 => Err(StoreError::missing(Kind::Filter, key)),
        _ => Ok(()),
    }
}
