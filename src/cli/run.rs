//! Running a server until a signal, for `dev` and `serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::CliError;
use crate::config::Config;
use crate::http::media::{AtHand, Lifetimes, Media};
use crate::http::router::{App, Services};
use crate::http::server::{Drained, Server};
use crate::license::Trust;
use crate::service;
use crate::service::delivery::{Delivery, system_clock};
use crate::service::origin::{CacheSizes, Origin};
use crate::service::streams::Catalog;
use crate::store::Store;

/// The ports, taken.
pub(super) struct Listeners {
    server: Server,
    /// The address of the one listener.
    pub(super) address: SocketAddr,
    /// The listener of keys and licences alone.
    keys: Option<Server>,
    /// Its address.
    pub(super) keys_address: Option<SocketAddr>,
}

/// Takes the ports.
pub(super) async fn bind(config: &Config) -> Result<Listeners, CliError> {
    let (server, address) = bind_one(config, config.listen).await?;
    let keys = match config.key_delivery.listen {
        Some(listen) => Some(bind_one(config, listen).await?),
        None => None,
    };
    let (keys, keys_address) = keys.unzip();
    Ok(Listeners { server, address, keys, keys_address })
}

async fn bind_one(config: &Config, listen: SocketAddr) -> Result<(Server, SocketAddr), CliError> {
    let failed = |error: std::io::Error| {
        CliError::environment(format_args!("cannot listen on {listen}: {error}"))
    };
    let server = Server::bind(listen, config.limits.clone()).await.map_err(failed)?;
    let address = server.local_addr().map_err(failed)?;
    Ok((server, address))
}

/// What makes the streams, and lists of them.
pub(super) fn origin(store: &Store, config: &Config) -> Origin {
    let caches = CacheSizes {
        indexes: config.media.index_cache_bytes,
        documents: config.media.document_cache_bytes,
        plans: config.media.plan_cache_bytes,
    };
    Origin::new(store.clone(), system_clock(), caches, config.steering.clone())
}

/// What a server is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// Requests of testers may pick what they get.
    Development,
    /// They may not.
    Production,
}

/// Serves until SIGTERM or SIGINT, then drains; a second signal ends the drain.
pub(super) async fn serve(
    listeners: Listeners,
    store: Store,
    origin: Origin,
    catalog: Catalog,
    (config, mode): (&Config, Mode),
) -> Result<(), CliError> {
    raise_descriptor_limit();
    let delivery = Delivery::new(store.clone(), system_clock(), config.delivery.clock_skew)
        .with_trust(trust(config)?)
        .with_upstreams(config.upstreams()?);
    let delivery = match mode {
        Mode::Development => delivery.for_testers(),
        Mode::Production => delivery,
    };
    let threads = Handle::current().metrics().num_workers();
    let media = Media {
        origin: Arc::new(origin),
        public_key_delivery: config.public_url.as_ref().map(|_| catalog.key_delivery()),
        default_key_delivery: catalog.key_delivery(),
        lifetimes: Lifetimes::new(config.origin.max_cache_age),
        at_hand: AtHand::new(config.media.document_cache_bytes, threads),
    };
    let policies = config.origin.policies()?;
    let delivery = Arc::new(delivery);
    let keys_app = App::of_keys(Arc::clone(&delivery), &config.limits);
    let catalog = Some(catalog).filter(|_| config.origin.pages);
    let services = Services { delivery, media, policies, catalog, store };
    let hosts = config.key_delivery.hosts.clone();
    let app = App::new(services, &config.limits).with_key_hosts(hosts);
    let Listeners { server, keys, .. } = listeners;
    let (first, keys_first, second) = (signals(1)?, signals(1)?, signals(2)?);
    let keys = async {
        if let Some(keys) = keys {
            report(keys.run(keys_app, keys_first).await);
        }
    };
    tokio::select! {
        (drained, ()) = async { tokio::join!(server.run(app, first), keys) } => report(drained),
        () = second => tracing::warn!("stopped by a second signal"),
    }
    Ok(())
}

/// Roots and credentials for licences, where there are any.
fn trust(config: &Config) -> Result<Trust, CliError> {
    let trust = match &config.drm.dir {
        None => Trust::default(),
        Some(dir) => service::trust::load(dir)
            .map_err(|error| CliError::usage(format_args!("drm.dir {}: {error}", dir.display())))?,
    };
    Ok(if config.drm.any_device { trust.for_any_device() } else { trust })
}

/// Ready when as many signals to stop have come.
fn signals(count: usize) -> Result<impl Future<Output = ()>, CliError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::environment)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::environment)?;
    Ok(async move {
        for _ in 0..count {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    })
}

fn report(drained: Drained) {
    match drained {
        Drained::Completely => tracing::info!("stopped, every answer was finished"),
        Drained::CutOff { connections } => {
            tracing::warn!(connections, "stopped, connections were cut off after the drain time");
        }
    }
}

/// Each connection takes a descriptor; many systems start processes with 1,024 and allow more.
fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the descriptor limit stays as it is");
    }
}
