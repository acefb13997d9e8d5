//! TLS in front of a server without it, as a proxy in production is.

use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate for `localhost` that is its own root, with its key.
pub(crate) fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// Shows `shown` and passes on to `address`; where it is to be reached. It ends with the runtime.
pub(crate) async fn front(shown: &CertifiedKey<KeyPair>, address: &str) -> String {
    let key = PrivateKeyDer::try_from(shown.signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![shown.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(tls.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let address = address.to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(acceptor.clone(), stream, address.clone()));
        }
    });
    origin
}

/// Who does not believe the certificate breaks off here.
async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, address: String) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut server = TcpStream::connect(address).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}
