//! Settings: defaults, then a TOML file, then `PORTCULLIS_*` variables, then flags.
//!
//! All of it is read and judged before a port is opened or a file is made. `docs/CONFIG.md`
//! describes every key; a test compares it with the types here.

mod delivery;
mod drm;
mod error;
mod key_delivery;
mod keys;
mod layers;
mod log;
mod media;
mod origin;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

pub use crate::http::limits::Limits;
pub use crate::package::steering::Steering;
pub use crate::service::upstream::Settings as Upstream;
use crate::service::upstream::Upstreams;
use crate::store::KEK_FILE;
pub use delivery::Delivery;
pub use drm::Drm;
pub use error::ConfigError;
pub use key_delivery::KeyDelivery;
pub use keys::{KekSource, Keys};
pub use log::{Format, Log};
pub use media::Media;
pub use origin::Origin;

/// The effective settings of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the one listener; port 0 takes a free port.
    pub listen: SocketAddr,
    /// How clients reach the listener, when a proxy stands in front; it goes into key URLs.
    pub public_url: Option<Url>,
    /// Folder of the database and of what `dev` generates.
    pub data: PathBuf,
    /// What one server and one connection may take.
    pub limits: Limits,
    /// The key-encryption key.
    pub keys: Keys,
    /// Key delivery.
    pub delivery: Delivery,
    /// Hosts of keys and licences.
    pub key_delivery: KeyDelivery,
    /// Roots and credentials of licence services.
    pub drm: Drm,
    /// Servers that make licences in the place of this one, by name. In the file alone: variables
    /// cannot spell names of one's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub upstream: BTreeMap<String, Upstream>,
    /// How assets are cut and cached.
    pub media: Media,
    /// What the streaming host says beside media.
    pub origin: Origin,
    /// Who steers players.
    pub steering: Steering,
    /// The log.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            data: PathBuf::from("portcullis-data"),
            limits: Limits::default(),
            keys: Keys::default(),
            delivery: Delivery::default(),
            key_delivery: KeyDelivery::default(),
            drm: Drm::default(),
            upstream: BTreeMap::new(),
            media: Media::default(),
            origin: Origin::default(),
            steering: Steering::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// Reads the file, if one is given, and the variables whose names begin with `PORTCULLIS_`.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let text = file.map(|path| Ok((path, layers::read(path)?))).transpose()?;
        let file = text.as_ref().map(|(path, text)| (*path, text.as_str()));
        let config = layers::merge(file, variables)?;
        config.check()?;
        Ok(config)
    }

    /// Lays flags over everything else.
    pub fn overlay(&mut self, listen: Option<SocketAddr>, data: Option<PathBuf>) {
        self.listen = listen.unwrap_or(self.listen);
        if let Some(data) = data {
            self.data = data;
        }
    }

    /// The base of all URLs that are handed out, without a trailing slash. A listener on all
    /// addresses is named by the loopback one, which is always among them.
    pub fn origin(&self, bound: SocketAddr) -> String {
        match (&self.public_url, bound) {
            (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
            (None, bound) if bound.ip().is_unspecified() => {
                format!("http://127.0.0.1:{}", bound.port())
            }
            (None, bound) => format!("http://{bound}"),
        }
    }

    /// The hosts under which a browser on this machine, or behind the configured proxy, knows the
    /// server. Any other name may be a foreign one that was made to resolve to our address.
    pub fn own_hosts(&self, bound: SocketAddr) -> Vec<String> {
        let port = bound.port();
        let names = ["localhost", "127.0.0.1", "[::1]"];
        let mut hosts: Vec<String> = names.map(|name| format!("{name}:{port}")).into();
        hosts.push(bound.to_string());
        if port == 80 {
            hosts.extend(names.map(str::to_owned));
        }
        hosts.extend(self.public_url.as_ref().map(|url| url.authority().to_owned()));
        hosts
    }

    /// The other servers, with what their files hold.
    ///
    /// # Errors
    /// [`ConfigError::Upstream`].
    pub fn upstreams(&self) -> Result<Upstreams, ConfigError> {
        Upstreams::open(&self.upstream).map_err(ConfigError::Upstream)
    }

    /// Where the key-encryption key lies when no other place is configured.
    pub fn default_kek_file(&self) -> PathBuf {
        self.data.join(KEK_FILE)
    }

    /// Rules that one value alone can break; types have refused the rest.
    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let web = self.public_url.as_ref().is_none_or(|url| {
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.has_host()
        });
        let rules = [
            ("public_url", web, "is an http or https address without a query"),
            ("limits.connections", limits.connections > 0, "is at least 1"),
            ("limits.connections_per_peer", limits.connections_per_peer > 0, "is at least 1"),
            ("limits.header_lines", limits.header_lines >= 16, "is at least 16"),
            ("limits.body_bytes", limits.body_bytes >= 1024, "is at least 1024"),
            ("limits.requests", limits.requests > 0, "is at least 1"),
            ("limits.streams", limits.streams > 0, "is at least 1"),
            ("limits.first_request", !limits.first_request.is_zero(), "is longer than 0s"),
            ("limits.idle", !limits.idle.is_zero(), "is longer than 0s"),
            ("limits.stall", !limits.stall.is_zero(), "is longer than 0s"),
            ("limits.body", !limits.body.is_zero(), "is longer than 0s"),
            ("media.segment", self.media.segment_in_range(), "is from 1s to 30s"),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((key, _, rule)) => Err(ConfigError::Value { key, rule }),
            None => {
                self.steering.check().map_err(|(key, rule)| ConfigError::Value { key, rule })?;
                self.upstreams()?;
                self.origin.policies().map(drop)
            }
        }
    }
}
