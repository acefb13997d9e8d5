//! Policies: streaming policies never change, content key policies are replaced as a whole, and
//! neither goes away under a locator.

use data_encoding::BASE64;
use sqlx::SqliteConnection;

use super::write::taken;
use crate::keys::WrappedKey;
use crate::policy::predefined;
use crate::store::{Kind, StoreError};

/// How one kind of policies is deleted.
pub(super) struct Deletion {
    kind: Kind,
    /// Finds the name of a locator that uses the policy.
    user: &'static str,
    delete: &'static str,
}

pub(super) const STREAMING: Deletion = Deletion {
    kind: Kind::StreamingPolicy,
    user: "SELECT name FROM locators WHERE streaming_policy = $1 ORDER BY name LIMIT 1",
    delete: "DELETE FROM streaming_policies WHERE name = $1",
};

pub(super) const CONTENT_KEY: Deletion = Deletion {
    kind: Kind::ContentKeyPolicy,
    user: "SELECT name FROM locators WHERE content_key_policy = $1
           OR id IN (SELECT locator FROM content_keys WHERE policy = $1) ORDER BY name LIMIT 1",
    delete: "DELETE FROM content_key_policies WHERE name = $1",
};

impl Deletion {
    pub(super) async fn delete(
        &self,
        db: &mut SqliteConnection,
        name: &str,
    ) -> Result<(), StoreError> {
        let user: Option<(String,)> =
            sqlx::query_as(self.user).bind(name).fetch_optional(&mut *db).await?;
        if let Some((by,)) = user {
            return Err(StoreError::InUse { kind: self.kind, name: name.to_owned(), by });
        }
        match sqlx::query(self.delete).bind(name).execute(db).await?.rows_affected() {
            0 => Err(StoreError::missing(self.kind, name)),
            _ => Ok(()),
        }
    }
}

pub(super) async fn create_streaming(
    db: &mut SqliteConnection,
    name: &str,
    properties: &str,
) -> Result<(), StoreError> {
    if predefined::is_reserved(name) {
        return Err(StoreError::exists(Kind::StreamingPolicy, name));
    }
    sqlx::query("INSERT INTO streaming_policies (name, properties) VALUES ($1, $2)")
        .bind(name)
        .bind(properties)
        .execute(db)
        .await
        .map_err(|error| taken(error, Kind::StreamingPolicy, name))?;
    Ok(())
}

pub(super) async fn create_content_key(
    db: &mut SqliteConnection,
    name: &str,
    sealed: &WrappedKey,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO content_key_policies (name, sealed) VALUES ($1, $2)")
        .bind(name)
        .bind(BASE64.encode(sealed.as_bytes()))
        .execute(db)
        .await
        .map_err(|error| taken(error, Kind::ContentKeyPolicy, name))?;
    Ok(())
}

pub(super) async fn put_content_key(
    db: &mut SqliteConnection,
    name: &str,
    sealed: &WrappedKey,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO content_key_policies (name, sealed) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
    )
    .bind(name)
    .bind(BASE64.encode(sealed.as_bytes()))
    .execute(db)
    .await?;
    Ok(())
}
