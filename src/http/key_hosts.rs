//! Hosts that serve keys and licences alone, under the addresses of Azure Media Services: what lies
//! below `/keydelivery` elsewhere lies at the root there (ams.md section 10).

use std::sync::Arc;

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use super::host;

/// The prefix of key delivery on all other hosts.
const PREFIX: &str = "/keydelivery";

/// The hosts, each with its port where it is not the usual one.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyHosts(Arc<[String]>);

impl KeyHosts {
    pub(super) fn new(hosts: Vec<String>) -> Self {
        Self(hosts.into())
    }

    /// Makes of the request what it would be on any other host.
    pub(super) fn lead(&self, request: &mut Request) {
        if self.serve(request)
            && let Some(uri) = prefixed(request.uri())
        {
            *request.uri_mut() = uri;
        }
    }

    fn serve(&self, request: &Request) -> bool {
        let named = || host::named(request.uri(), request.headers());
        !self.0.is_empty()
            && named().is_some_and(|host| self.0.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }
}

/// The address with the prefix, unless it has it.
fn prefixed(uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix(PREFIX);
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    // Too long together: the address stays as it is, and leads nowhere.
    parts.path_and_query = Some(format!("{PREFIX}{path}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header;

    use super::*;

    fn led(host: &str, uri: &str) -> String {
        let hosts = KeyHosts::new(vec!["keys.example".into(), "keys.example:8443".into()]);
        let request = Request::post(uri).header(header::HOST, host).body(Body::empty());
        let mut request = request.unwrap();
        hosts.lead(&mut request);
        request.uri().to_string()
    }

    #[test]
    fn a_key_host_serves_keys_at_its_root() {
        for (host, uri, expected) in [
            ("keys.example", "/?kid=x", "/keydelivery/?kid=x"),
            ("KEYS.example", "/Widevine/?kid=x&token=y", "/keydelivery/Widevine/?kid=x&token=y"),
            ("keys.example:8443", "/PlayReady/", "/keydelivery/PlayReady/"),
            ("keys.example", "/keydelivery/license", "/keydelivery/license"),
            ("keys.example", "/keydeliveryx", "/keydelivery/keydeliveryx"),
            ("keys.example:1", "/PlayReady/", "/PlayReady/"),
            ("other.example", "/?kid=x", "/?kid=x"),
        ] {
            assert_eq!(led(host, uri), expected, "{host} {uri}");
        }
        let http2 = "https://keys.example/Widevine/";
        assert_eq!(led("keys.example", http2), "https://keys.example/keydelivery/Widevine/");
        assert_eq!(led("other.example", http2), http2);
    }
}
