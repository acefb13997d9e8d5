//! Hosts and listeners of keys and licences, under the addresses of Azure Media Services: what lies
//! below `/keydelivery` elsewhere lies at the root there (ams.md section 10).

use std::sync::Arc;

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use super::host;

/// The prefix of key delivery on all other hosts.
const PREFIX: &str = "/keydelivery";

/// The hosts.
#[derive(Debug, Clone)]
pub(super) enum KeyHosts {
    /// These, each with its port where it is not the usual one.
    Named(Arc<[String]>),
    /// Whatever host a request names.
    All,
}

impl KeyHosts {
    pub(super) fn new(hosts: Vec<String>) -> Self {
        Self::Named(hosts.into())
    }

    /// Makes of the request what it would be on any other host.
    pub(super) fn lead(&self, request: &mut Request) {
        if self.serve(request)
            && let Some(uri) = prefixed(request.uri())
        {
            *request.uri_mut() = uri;
        }
    }

    /// Whether keys and licences are served to the request, and nothing else.
    pub(super) fn serve<B>(&self, request: &axum::http::Request<B>) -> bool {
        let Self::Named(hosts) = self else { return true };
        let named = || host::named(request.uri(), request.headers());
        !hosts.is_empty()
            && named().is_some_and(|host| hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
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
        led_by(&KeyHosts::new(vec!["keys.example".into(), "keys.example:8443".into()]), host, uri)
    }

    fn led_by(hosts: &KeyHosts, host: &str, uri: &str) -> String {
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

    #[test]
    fn a_listener_of_keys_does_not_ask_for_the_host() {
        for host in ["keys.example", "10.0.0.1:8443", ""] {
            assert_eq!(led_by(&KeyHosts::All, host, "/?kid=x"), "/keydelivery/?kid=x");
        }
    }
}
