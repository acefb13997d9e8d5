//! The host that a request names: what tells a page of ours from a foreign name that was made to
//! resolve to our address (DNS rebinding).

use axum::http::{HeaderMap, HeaderValue, Uri, header};

/// The one host, with its port, that `:authority` and `Host` agree on.
pub(super) fn named<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = uri.authority().map(|authority| Ok(authority.as_str()));
    let fields = headers.get_all(header::HOST).iter();
    let mut names = authority.into_iter().chain(fields.map(HeaderValue::to_str));
    let first = names.next()?.ok()?;
    names.all(|name| name.is_ok_and(|name| name.eq_ignore_ascii_case(first))).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_once_or_alike() {
        for (uri, hosts, expected) in [
            ("/", &["a:1"][..], Some("a:1")),
            ("http://a:1/", &[], Some("a:1")),
            ("http://a:1/", &["A:1"], Some("a:1")),
            ("http://a:1/", &["b:1"], None),
            ("/", &["a:1", "b:1"], None),
            ("/", &["a:1", "\u{e9}"], None),
            ("/", &[], None),
        ] {
            let field =
                |host: &&str| (header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
            let headers = hosts.iter().map(field).collect();
            assert_eq!(named(&uri.parse().unwrap(), &headers), expected, "{uri} {hosts:?}");
        }
    }
}
