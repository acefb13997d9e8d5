//! Builders and clients that the tests share; files are named by the area that owns them.

pub(crate) mod boxes;
pub(crate) mod documents;
pub(crate) mod drm_clients;
pub(crate) mod fairplay;
pub(crate) mod filters;
pub(crate) mod golden;
pub(crate) mod http;
pub(crate) mod images;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod objects;
pub(crate) mod oracle;
pub(crate) mod origin;
pub(crate) mod piff;
pub(crate) mod playready;
pub(crate) mod policies;
pub(crate) mod presentation;
pub(crate) mod results;
pub(crate) mod rotation;
pub(crate) mod server;
pub(crate) mod text;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod upstream;
pub(crate) mod widevine;
pub(crate) mod wire;
