//! `portcullis serve`: production.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::instance::{self, MissingKek};
use super::{CliError, log, run};
use crate::config::Config;
use crate::service::streams::Catalog;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file (see docs/CONFIG.md)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Folder of the database
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let mut config = Config::load(args.config.as_deref(), std::env::vars())?;
    config.overlay(args.listen, args.data);
    log::start(&config.log)?;
    let listeners = run::bind(&config).await?;
    let (address, keys) = (listeners.address, listeners.keys_address);
    let store = instance::open(&config, MissingKek::Refuse).await?;
    let origin = run::origin(&store, &config);
    let catalog = Catalog::new(store.clone(), origin.clone(), config.origin(address));
    let key_delivery = keys.map(tracing::field::display);
    tracing::info!(%address, key_delivery, origin = catalog.origin(), "serving");
    run::serve(listeners, store, origin, catalog, (&config, run::Mode::Production)).await
}
