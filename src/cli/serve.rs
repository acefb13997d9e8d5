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
    let (server, address) = run::bind(&config).await?;
    let store = instance::open(&config, MissingKek::Refuse).await?;
    let origin = run::origin(&store, &config);
    let catalog = Catalog::new(store.clone(), origin.clone(), config.origin(address));
    tracing::info!(%address, origin = catalog.origin(), "serving");
    run::serve(server, store, origin, catalog, (&config, run::Mode::Production)).await
}
