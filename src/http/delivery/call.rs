//! A key request as it came in: query, headers and a body of bounded length.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use url::form_urlencoded;

use super::MAX_BODY_LEN;
use super::refused::Refused;
use crate::ids::KeyId;
use crate::license::recognize::text;
use crate::token::{Bearer, TokenError};

pub(super) struct Call {
    query: Vec<(String, String)>,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl<S: Sync> FromRequest<S> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        Ok(Self {
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: head.headers,
            body: to_bytes(body, MAX_BODY_LEN).await.map_err(|_| Refused::BodyTooLarge)?,
        })
    }
}

impl Call {
    /// Whether the body looks like JSON, which among the systems only ClearKey sends.
    pub(super) fn is_clearkey(&self) -> bool {
        text(&self.body).starts_with(b"{")
    }

    /// Names and values of the query.
    pub(super) fn query(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What the client says the body is.
    pub(super) fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    }

    /// The value of a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The one `kid`, in any case of the name.
    pub(super) fn kid(&self) -> Result<KeyId, Refused> {
        let mut kids = self.query.iter().filter(|(name, _)| name.eq_ignore_ascii_case("kid"));
        match (kids.next(), kids.next()) {
            (None, _) => Err(Refused::KidMissing),
            (Some(_), Some(_)) => Err(Refused::KidRepeated),
            (Some((_, value)), None) => value.parse().map_err(|_| Refused::KidMalformed),
        }
    }

    /// The token: from the headers or the query, else from a cookie.
    pub(super) fn token(&self) -> Result<Option<Bearer>, Refused> {
        let not_text = TokenError::Malformed("the Authorization header is not ASCII text");
        let authorization = self
            .headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .map(HeaderValue::to_str)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| Refused::Token(not_text))?;
        let query = self.query.iter().filter(|(name, _)| name == "token");
        let query = query.map(|(_, value)| value.as_str());
        match Bearer::find(authorization, query).map_err(Refused::Token)? {
            None if self.is_own_site() => {
                Bearer::find([], cookies(&self.headers)).map_err(Refused::Token)
            }
            found => Ok(found),
        }
    }

    /// The same request for what was found inside its body.
    pub(super) fn unwrapped(mut self, body: Bytes) -> Self {
        self.headers.remove(header::CONTENT_TYPE);
        Self { body, ..self }
    }

    /// Whether a page of our own site asks, or no page: browsers send cookies along for any page,
    /// and every page may read the answer.
    fn is_own_site(&self) -> bool {
        let text = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        match (text("sec-fetch-site"), text("origin"), text("host")) {
            (Some(site), ..) => ["same-origin", "same-site", "none"].contains(&site),
            (None, Some(origin), Some(host)) => {
                origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
            }
            (None, Some(_), None) => false,
            (None, None, _) => true,
        }
    }
}

/// The values of all cookies `token`.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| name.trim() == "token")
        .map(|(_, value)| value.trim().trim_matches('"'))
}
