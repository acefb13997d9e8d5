//! Schema versions: ordered texts, each applied once.

use sqlx::{Connection, SqliteConnection};

use crate::store::StoreError;

/// Migration n brings the database from schema n to n + 1; texts that were released never change.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001-first-light.sql"),
    include_str!("migrations/0002-filters.sql"),
    include_str!("migrations/0003-compat.sql"),
    include_str!("migrations/0004-storage-encryption.sql"),
    include_str!("migrations/0005-alternative-media-id.sql"),
    include_str!("migrations/0006-key-rotation.sql"),
    include_str!("migrations/0007-encrypted-files.sql"),
    include_str!("migrations/0008-root-keys.sql"),
];

/// Brings the database to the latest schema, in one transaction.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        .execute(&mut *tx)
        .await?;
    let (found,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(version), 0) FROM schema_version")
        .fetch_one(&mut *tx)
        .await?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    for (version, text) in (1_i64..).zip(MIGRATIONS).skip(found as usize) {
        sqlx::raw_sql(*text).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *tx)
            .await?;
    }
    Ok(tx.commit().await?)
}
