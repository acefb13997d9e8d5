//! Cross-origin rules, the same for every answer that players read (Fetch standard; players.md
//! sections 1 and 2). The pages are not among them: their list may hold a token.
//!
//! Players show the reason of a refusal only when the refusal itself may be read, so errors carry
//! the headers too. The origin is echoed with credentials allowed, because dash.js turns
//! credentials on as soon as it sends a token. The one cookie that is read, of a token, counts for pages
//! of our own site only (`delivery::call`), so nothing is given away.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::encoding;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
const DEFAULT_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, range, soapaction");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Date, Content-Length, Content-Range, Accept-Ranges, ETag, WWW-Authenticate, X-Request-Id",
);
const EVERYBODY: HeaderValue = HeaderValue::from_static("*");
/// What answers depend on that come in codings.
const CODED: HeaderValue = HeaderValue::from_static("Accept-Encoding, Origin");
/// One day; browsers lower it to what they allow.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");
/// Header names echoed to a preflight, in bytes; far above what any player asks for.
const MAX_ECHO: usize = 1024;

/// Goes with an answer that other origins are not to read: testers want to see what players make of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hidden;

/// Marks an answer as readable by all.
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, EVERYBODY);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // Also without an origin: a cache must not hand the `*` answer to a request with credentials.
    if headers.get(header::VARY) == Some(&encoding::VARY) {
        // Two lines would need room of their own in every copy.
        headers.insert(header::VARY, CODED);
    } else {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// Lets the origin that asked read a marked answer with credentials.
pub(super) fn name(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
}

/// Answers `OPTIONS` on every path. Needs no token: browsers never send one with a preflight.
pub(super) fn options(headers: &HeaderMap) -> Response {
    let answer = [
        (header::ALLOW, METHODS),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(headers)),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        (header::VARY, HeaderValue::from_static("Access-Control-Request-Headers")),
    ];
    (StatusCode::NO_CONTENT, answer).into_response()
}

/// The names that were asked for, as far as they are header names; else the usual ones.
fn allowed_headers(headers: &HeaderMap) -> HeaderValue {
    let asked: Vec<String> = headers
        .get_all(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse::<HeaderName>().ok())
        .map(|name| name.to_string())
        .collect();
    let list = asked.join(", ");
    match HeaderValue::try_from(list) {
        Ok(list) if (1..=MAX_ECHO).contains(&list.len()) => list,
        _ => DEFAULT_HEADERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_header_names_are_echoed_when_they_are_names() {
        let long = "x,".repeat(2000);
        for (asked, expected) in [
            (&["authorization"][..], "authorization"),
            (&["Authorization,Content-Type"], "authorization, content-type"),
            (&["x-a", "x-b"], "x-a, x-b"),
            (&["x-a, not a name, x-b"], "x-a, x-b"),
            (&["", " , "], "authorization, content-type, range, soapaction"),
            (&[], "authorization, content-type, range, soapaction"),
            (&[long.as_str()], "authorization, content-type, range, soapaction"),
        ] {
            let name = header::ACCESS_CONTROL_REQUEST_HEADERS;
            let headers = asked.iter().map(|v| (name.clone(), v.parse().unwrap())).collect();
            assert_eq!(allowed_headers(&headers), expected, "{asked:?}");
        }
    }
}
