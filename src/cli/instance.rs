//! What every command needs that works on stored things: data folder, key, database.

use std::path::Path;

use super::CliError;
use crate::config::{Config, KekSource};
use crate::keys::KeyEncryptionKey;
use crate::store::private::make_dir;
use crate::store::{DATABASE_FILE, Store, kek};

/// What to do when nobody named a key-encryption key and the data folder has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MissingKek {
    /// Make one.
    Create,
    /// Refuse: a new key could not read what another instance has stored.
    Refuse,
}

/// Opens the database in the data folder under the configured key.
pub(super) async fn open(config: &Config, missing: MissingKek) -> Result<Store, CliError> {
    make_private_dir(&config.data)?;
    let key = kek(config, missing)?;
    Ok(Store::open(&config.data.join(DATABASE_FILE), &key).await?)
}

/// Opens the database that is there, and makes none: a mistyped folder would look empty.
pub(super) async fn open_existing(config: &Config) -> Result<Store, CliError> {
    if !config.data.join(DATABASE_FILE).exists() {
        return Err(CliError::usage(format_args!(
            "there is no database in {}: name its folder with --data, or the configuration with --config",
            config.data.display()
        )));
    }
    open(config, MissingKek::Refuse).await
}

/// Creates a folder, and those above it, that only the owner may enter.
pub(super) fn make_private_dir(path: &Path) -> Result<(), CliError> {
    make_dir(path).map_err(|error| CliError::file(path, &error))
}

fn kek(config: &Config, missing: MissingKek) -> Result<KeyEncryptionKey, CliError> {
    let default = config.default_kek_file();
    match config.keys.source() {
        KekSource::Environment(key) => Ok(key.clone()),
        KekSource::File(path) => Ok(kek::load(path)?),
        KekSource::Default if missing == MissingKek::Create => Ok(kek::load_or_create(&default)?),
        KekSource::Default if default.exists() => Ok(kek::load(&default)?),
        KekSource::Default => Err(CliError::usage(format_args!(
            "no key-encryption key: set keys.kek_file or PORTCULLIS_KEK, or put one into {}",
            default.display()
        ))),
    }
}
