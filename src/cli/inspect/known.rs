//! The keys that are compared with what files say: given ones, or those of a locator.

use super::Args;
use crate::cenc::Scheme;
use crate::cli::instance;
use crate::cli::place::Place;
use crate::cli::{CliError, log};
use crate::config::Config;
use crate::ids::{KeyId, LocatorId};
use crate::inspect::consistency::{Known, KnownKeys};
use crate::keys::KeyRecord;

/// All keys that should be named; `None` where nothing is known of them.
pub(super) async fn keys(args: &Args, place: &Place) -> Result<Option<KnownKeys>, CliError> {
    let given = args.keys.keyring()?;
    let given = given.iter().map(|(kid, key)| {
        let key = Some(key.key().clone().into());
        (kid, Known { scheme: None, key })
    });
    let mut known: Vec<_> = given.collect();
    if args.data.is_some() {
        known.extend(of_locator(args, place).await?);
    }
    let any = args.data.is_some() || !args.keys.is_empty();
    Ok(any.then(|| known.into_iter().collect()))
}

async fn of_locator(args: &Args, place: &Place) -> Result<Vec<(KeyId, Known)>, CliError> {
    let Some(id) = locator(place) else {
        return Err(CliError::usage("--data: the address has no locator in front of its path"));
    };
    let mut config = Config::load(None, std::env::vars())?;
    config.overlay(None, args.data.clone());
    log::start(&config.log)?;
    let store = instance::open_existing(&config).await?;
    let records = store.keys_of(store.locator(id).await?.id).await?;
    let known = |record: &KeyRecord| {
        let key = Some(store.vault().material(record)?);
        Ok((record.kid, Known { scheme: Scheme::of(record.protection), key }))
    };
    records.iter().map(known).collect()
}

/// The locator of a streaming URL.
fn locator(place: &Place) -> Option<LocatorId> {
    match place {
        Place::Address(url) => url.path_segments()?.next()?.parse().ok(),
        Place::File { .. } => None,
    }
}
