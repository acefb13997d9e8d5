//! The database: one writer, a pool of readers, read caches in front (SQLite in WAL mode).
//!
//! Several processes may use one file: each write transaction takes the lock at its start and
//! waits for others up to [`BUSY_TIMEOUT`].

mod filters;
mod locators;
mod policies;
mod read;
mod schema;
mod write;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use self::write::Write;
use self::writer::Writer;
use super::cache::ReadCaches;
use super::private::tighten;
use super::{Asset, Kind, Locator, NewLocator, RotatedKeys, StoreError, durable, random};
use crate::ids::{KeyId, LocatorId};
use crate::keys::{KeyEncryptionKey, KeyRecord, Vault, WrappedKey};
use crate::policy::{ContentKeyPolicy, StreamingPolicy, predefined};

/// How long a write waits for another process.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const READERS: u32 = 4;

/// Pause before a busy database is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The store of assets, policies, locators and keys. Clones share everything.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    writer: Writer,
    readers: SqlitePool,
    caches: ReadCaches,
    vault: Vault,
}

impl Store {
    /// Opens the database file, makes it when there is none, closes it and its journals to
    /// everybody but their owner, brings
    /// its schema up to date and checks that it belongs to `kek`.
    ///
    /// # Errors
    /// [`StoreError::WrongKek`], [`StoreError::SchemaTooNew`], or a failure of file or database.
    pub async fn open(path: &Path, kek: &KeyEncryptionKey) -> Result<Self, StoreError> {
        create_private(path).map_err(|error| StoreError::io(path, error))?;
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let file = beside(path, suffix);
            tighten(&file).map_err(|error| StoreError::io(&file, error))?;
        }
        let connection = prepare(path).await?;
        let vault = Vault::new(kek);
        let writer = Writer::spawn(connection);
        writer.write(Write::BindKek(vault.fingerprint())).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_lazy_with(options(path).read_only(true));
        let caches = ReadCaches::new();
        Ok(Self(Arc::new(Inner { writer, readers, caches, vault })))
    }

    /// Seals and opens the keys that are stored here.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Transactions committed by this process since it opened the store.
    pub fn commits(&self) -> u64 {
        self.0.writer.commits()
    }

    /// How often this process changed what reads give. What was read before one of them may not be
    /// true any more; what another process changes is not counted.
    pub fn changes(&self) -> u64 {
        self.0.caches.changes.load(SeqCst)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// The failure that keeps it from answering.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.0.readers.acquire().await?.ping().await?)
    }

    /// Adds the asset, or gives an asset of that name another folder or fragment length.
    ///
    /// # Errors
    /// [`StoreError::PathNotUtf8`], or a failure of the database.
    pub async fn put_asset(&self, asset: Asset) -> Result<(), StoreError> {
        let name = asset.name.clone();
        let sealed = match &asset.storage_encryption {
            Some(encryption) => {
                let nonce = *random::bytes()?;
                let vault = &self.0.vault;
                Some(vault.seal_storage(&asset.name, encryption.document(), nonce))
            }
            None => None,
        };
        self.0.writer.write(Write::PutAsset(asset, sealed)).await?;
        self.0.caches.assets.forget(&name).await;
        Ok(())
    }

    /// The asset of that name (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn asset(&self, name: &str) -> Result<Arc<Asset>, StoreError> {
        let load = || read::asset(&self.0.readers, &self.0.vault, name);
        self.0.caches.assets.read(name.to_owned(), load).await
    }

    /// All assets by name.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn assets(&self) -> Result<Vec<Asset>, StoreError> {
        read::assets(&self.0.readers, &self.0.vault).await
    }

    /// Adds a custom streaming policy; streaming policies never change.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], also for reserved names, or a failure of the database.
    pub async fn create_streaming_policy(
        &self,
        policy: &StreamingPolicy,
    ) -> Result<(), StoreError> {
        let (name, properties) = (policy.name.clone(), policy.to_properties());
        self.0.writer.write(Write::CreateStreamingPolicy { name, properties }).await
    }

    /// The streaming policy of that name, predefined or custom (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn streaming_policy(&self, name: &str) -> Result<Arc<StreamingPolicy>, StoreError> {
        let load = async || match predefined::find(name) {
            Some(policy) => Ok(Arc::new(policy)),
            None => read::streaming_policy(&self.0.readers, name).await,
        };
        self.0.caches.streaming_policies.read(name.to_owned(), load).await
    }

    /// The predefined streaming policies in table order, then the custom ones by name.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn streaming_policies(&self) -> Result<Vec<StreamingPolicy>, StoreError> {
        let custom = read::streaming_policies(&self.0.readers).await?;
        Ok(predefined::TABLE.iter().map(predefined::Row::policy).chain(custom).collect())
    }

    /// Deletes a custom streaming policy.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`], or a failure of the database.
    pub async fn delete_streaming_policy(&self, name: &str) -> Result<(), StoreError> {
        self.0.writer.write(Write::DeleteStreamingPolicy(name.to_owned())).await?;
        self.0.caches.streaming_policies.forget(&name.to_owned()).await;
        Ok(())
    }

    /// Adds a content key policy; its secrets are stored sealed.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], or a failure of the database.
    pub async fn create_content_key_policy(
        &self,
        policy: &ContentKeyPolicy,
    ) -> Result<(), StoreError> {
        let (name, sealed) = self.seal(policy)?;
        self.0.writer.write(Write::CreateContentKeyPolicy { name, sealed }).await
    }

    /// Adds or replaces a content key policy; all locators that use it follow.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn put_content_key_policy(
        &self,
        policy: &ContentKeyPolicy,
    ) -> Result<(), StoreError> {
        let (name, sealed) = self.seal(policy)?;
        self.0.writer.write(Write::PutContentKeyPolicy { name, sealed }).await?;
        self.0.caches.content_key_policies.forget(&policy.name).await;
        self.0.caches.content_key_policies_in_use.forget(&()).await;
        Ok(())
    }

    /// Deletes a content key policy.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`], or a failure of the database.
    pub async fn delete_content_key_policy(&self, name: &str) -> Result<(), StoreError> {
        self.0.writer.write(Write::DeleteContentKeyPolicy(name.to_owned())).await?;
        self.0.caches.content_key_policies.forget(&name.to_owned()).await;
        self.0.caches.content_key_policies_in_use.forget(&()).await;
        Ok(())
    }

    /// The content key policy of that name, secrets included (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn content_key_policy(
        &self,
        name: &str,
    ) -> Result<Arc<ContentKeyPolicy>, StoreError> {
        let load = || read::content_key_policy(&self.0.readers, &self.0.vault, name);
        self.0.caches.content_key_policies.read(name.to_owned(), load).await
    }

    /// All content key policies by name, secrets included.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn content_key_policies(&self) -> Result<Vec<ContentKeyPolicy>, StoreError> {
        read::content_key_policies(&self.0.readers, &self.0.vault).await
    }

    /// Those of them under which there are keys (cached).
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn content_key_policies_in_use(
        &self,
    ) -> Result<Arc<Vec<Arc<ContentKeyPolicy>>>, StoreError> {
        let load = || read::content_key_policies_in_use(&self.0.readers, &self.0.vault);
        self.0.caches.content_key_policies_in_use.read((), load).await
    }

    /// Adds a locator together with its keys: all of them or nothing.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] for a taken name, identifier or KID,
    /// [`StoreError::NotFound`] for an asset or policy that is not there.
    pub async fn create_locator(&self, new: NewLocator) -> Result<(), StoreError> {
        let kids: Vec<KeyId> = new.keys.iter().map(|key| key.kid).collect();
        let name = new.locator.name.clone();
        self.0.writer.write(Write::CreateLocator(Box::new(new))).await?;
        self.0.caches.locator_names.forget(&name).await;
        self.0.caches.content_key_policies_in_use.forget(&()).await;
        for kid in &kids {
            self.0.caches.missing_keys.forget(kid).await;
        }
        Ok(())
    }

    /// Gives a locator new keys and the schedule that they are for: all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when its schedule is another one by now, [`StoreError::NotFound`],
    /// [`StoreError::AlreadyExists`] for a taken KID, or a failure of the database.
    pub async fn rotate_keys(&self, rotated: RotatedKeys) -> Result<(), StoreError> {
        let id = rotated.locator;
        let kids: Vec<KeyId> = rotated.keys.iter().map(|key| key.kid).collect();
        self.0.writer.write(Write::RotateKeys(Box::new(rotated))).await?;
        let caches = &self.0.caches;
        caches.locators.forget(&id).await;
        caches.locator_keys.forget(&id).await;
        for kid in &kids {
            caches.missing_keys.forget(kid).await;
        }
        Ok(())
    }

    /// Deletes a locator and its keys; the asset and the policies stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn delete_locator(&self, id: LocatorId) -> Result<(), StoreError> {
        let keys = read::keys_of(&self.0.readers, id).await?;
        self.0.writer.write(Write::DeleteLocator(id)).await?;
        self.0.caches.locators.forget(&id).await;
        self.0.caches.locator_keys.forget(&id).await;
        for key in keys.iter() {
            self.0.caches.keys.forget(&key.kid).await;
        }
        Ok(())
    }

    /// The locator of that identifier (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn locator(&self, id: LocatorId) -> Result<Arc<Locator>, StoreError> {
        self.0.caches.locators.read(id, || read::locator(&self.0.readers, id)).await
    }

    /// The locator of that name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn locator_by_name(&self, name: &str) -> Result<Locator, StoreError> {
        read::locator_by_name(&self.0.readers, name).await
    }

    /// All locators by name.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn locators(&self) -> Result<Vec<Locator>, StoreError> {
        read::locators(&self.0.readers).await
    }

    /// The keys of a locator, wrapped (cached); none for a locator that is not there.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn keys_of(&self, locator: LocatorId) -> Result<Arc<[KeyRecord]>, StoreError> {
        let load = || read::keys_of(&self.0.readers, locator);
        self.0.caches.locator_keys.read(locator, load).await
    }

    /// The keys of a locator, among them one of each crypto period below `periods`: another process
    /// may have made the last of them, and the cache not know.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn keys_up_to(
        &self,
        locator: LocatorId,
        periods: u32,
    ) -> Result<Arc<[KeyRecord]>, StoreError> {
        let found = self.keys_of(locator).await?;
        let is_new =
            |key: &KeyRecord| key.crypto_period.is_some_and(|period| period + 1 >= periods);
        if found.is_empty() || found.iter().any(is_new) {
            return Ok(found);
        }
        self.0.caches.locator_keys.forget(&locator).await;
        self.keys_of(locator).await
    }

    /// The key of that KID, wrapped (cached).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the database.
    pub async fn key(&self, kid: KeyId) -> Result<Arc<KeyRecord>, StoreError> {
        let found = self.keys(&[kid]).await?.pop();
        found.ok_or_else(|| StoreError::missing(Kind::ContentKey, kid))
    }

    /// Those of these keys that are there, wrapped (cached); one query for all that are not cached.
    ///
    /// # Errors
    /// A failure of the database.
    pub async fn keys(&self, kids: &[KeyId]) -> Result<Vec<Arc<KeyRecord>>, StoreError> {
        let ReadCaches { keys, missing_keys, .. } = &self.0.caches;
        let mut found = Vec::with_capacity(kids.len());
        let mut asked = Vec::new();
        for &kid in kids {
            if let Some(key) = keys.cached(&kid).await {
                found.push(key);
            } else if missing_keys.cached(&kid).await.is_none() {
                asked.push((kid, keys.epoch(&kid), missing_keys.epoch(&kid)));
            }
        }
        if asked.is_empty() {
            return Ok(found);
        }
        let loaded = read::keys(&self.0.readers, asked.iter().map(|(kid, ..)| *kid)).await?;
        for (kid, epoch, missing_epoch) in asked {
            match loaded.iter().find(|key| key.kid == kid) {
                Some(key) => keys.keep(kid, epoch, Arc::clone(key)).await,
                None => missing_keys.keep(kid, missing_epoch, Arc::new(())).await,
            }
        }
        found.extend(loaded);
        Ok(found)
    }

    fn seal(&self, policy: &ContentKeyPolicy) -> Result<(String, WrappedKey), StoreError> {
        let properties = policy.to_properties_with_secrets();
        let nonce = *random::bytes()?;
        let sealed = self.0.vault.seal_policy(&policy.name, properties.as_bytes(), nonce);
        Ok((policy.name.clone(), sealed))
    }
}

/// Connects and brings the schema up to date. Going over to WAL and the first migration do not wait
/// for another process as later writes do, so they are tried again.
async fn prepare(path: &Path) -> Result<SqliteConnection, StoreError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connect(path).await {
            Err(StoreError::Busy) if Instant::now() < deadline => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    let mut connection = options(path).connect().await?;
    schema::migrate(&mut connection).await?;
    Ok(connection)
}

/// SQLite gives its journal files the mode of the database file, so the mode is set before.
fn create_private(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.sync_all()?;
    durable::sync_parent(path)
}

/// SQLite's name for a file that belongs to the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging()
}
