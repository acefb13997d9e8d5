//! The client that tests ask with: that of the product, so that none has a way to TLS of its own.

use portcullis::tls;
use reqwest::{Client, ClientBuilder};

pub(crate) fn client() -> Client {
    builder().build().unwrap()
}

pub(crate) fn builder() -> ClientBuilder {
    tls::http().unwrap()
}
