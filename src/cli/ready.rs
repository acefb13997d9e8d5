//! The ready file: what scripts and tests need to know of a `dev` server (architecture, section 5).

use std::path::Path;

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::CliError;
use crate::service::streams::{KeyInfo, Stream};
use crate::service::test_page::Listed;
use crate::store::Store;
use crate::store::private::Draft;

/// Content of the ready file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ready {
    pub(super) origin: String,
    pub(super) key_delivery: String,
    pub(super) pid: u32,
    pub(super) streams: Vec<Listed<RevealedKey>>,
}

/// A key with its value, which leaves the process in this file only.
#[derive(Serialize)]
pub(super) struct RevealedKey {
    #[serde(flatten)]
    info: KeyInfo,
    key: String,
}

/// Adds the values of its keys to a stream.
pub(super) async fn reveal(
    store: &Store,
    stream: Stream<KeyInfo>,
) -> Result<Stream<RevealedKey>, CliError> {
    let records = store.keys_of(stream.locator_id).await?;
    let mut keys = Vec::new();
    for record in records.iter().filter(|record| !record.is_root()) {
        keys.push((record.kid, store.vault().unwrap(record)?));
    }
    stream.map_keys(|info| {
        let found = keys.iter().find(|(kid, _)| *kid == info.kid);
        let (_, key) = found.ok_or_else(|| {
            CliError::environment(format_args!("key {} went away meanwhile", info.kid))
        })?;
        Ok(RevealedKey { key: HEXLOWER.encode(key.expose()), info })
    })
}

impl Ready {
    /// Writes the file under its name only when it is complete, readable by the owner alone.
    pub(super) fn write(&self, path: &Path) -> Result<(), CliError> {
        let text = serde_json::to_vec_pretty(self).map_err(CliError::environment)?;
        let write = || {
            let mut draft = Draft::beside(path)?;
            draft.write(&text)?;
            draft.replace(path)
        };
        write().map_err(|error| CliError::file(path, &error))
    }
}
