//! TLS towards other servers: one provider of cryptography, and whom to believe.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore};

/// A client that speaks TLS with `ring` and believes who has a certificate from one of `roots`.
///
/// # Errors
/// As the library says it; none is known with this provider.
pub fn client(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The roots of the operating system, or of the file and folder that `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name; none where there are none. Read once, some milliseconds.
#[must_use]
pub fn system_roots() -> RootCertStore {
    static ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    ROOTS.clone()
}

/// Connections of HTTP/1.1, with and without TLS, which take no longer than `limit` to come about. For clients of
/// one server, whose library shall follow no redirection and ask no proxy.
#[must_use]
pub fn connector(tls: ClientConfig, limit: Duration) -> HttpsConnector<HttpConnector> {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(limit));
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls);
    connector.https_or_http().enable_http1().wrap_connector(tcp)
}

/// HTTP to servers that users name, with and without TLS. It stands here because the library by itself
/// would look for a provider that nobody has installed.
///
/// # Errors
/// As [`client`].
pub fn http() -> Result<reqwest::ClientBuilder, rustls::Error> {
    Ok(reqwest::Client::builder().tls_backend_preconfigured(client(system_roots())?))
}
