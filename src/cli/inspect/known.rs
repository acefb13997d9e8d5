//! The keys that are compared with what files say: given ones, or those of a locator.

use super::Args;
use crate::cenc::Scheme;
use crate::cli::instance;
use crate::cli::place::Place;
use crate::cli::{CliError, log};
use crate::config::Config;
use crate::crypto::Expanded;
use crate::ids::LocatorId;
use crate::inspect::consistency::{Known, KnownKeys};

/// All keys that should be named; `None` where nothing is known of them.
pub(super) async fn keys(args: &Args, place: &Place) -> Result<Option<KnownKeys>, CliError> {
    let mut known = KnownKeys::new();
    for (kid, key) in args.keys.keyring()?.iter() {
        known.insert(kid, Known { scheme: None, key: Some(key.clone()) });
    }
    if args.data.is_some() {
        known.extend(of_locator(args, place).await?);
    }
    Ok(Some(known).filter(|_| args.data.is_some() || !args.keys.is_empty()))
}

async fn of_locator(args: &Args, place: &Place) -> Result<KnownKeys, CliError> {
    let Some(id) = locator(place) else {
        return Err(CliError::usage("--data: the address has no locator in front of its path"));
    };
    let mut config = Config::load(None, std::env::vars())?;
    config.overlay(None, args.data.clone());
    log::start(&config.log)?;
    let store = instance::open_existing(&config).await?;
    let mut known = KnownKeys::new();
    let records = store.keys_of(store.locator(id).await?.id).await?;
    for record in records.iter().filter(|record| !record.is_root()) {
        let key = Some(Expanded::new(&store.vault().unwrap(record)?));
        known.insert(record.kid, Known { scheme: Scheme::of(record.protection), key });
    }
    Ok(known)
}

/// The locator of a streaming URL.
fn locator(place: &Place) -> Option<LocatorId> {
    match place {
        Place::Address(url) => url.path_segments()?.next()?.parse().ok(),
        Place::File(_) => None,
    }
}
