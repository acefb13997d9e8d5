//! Refusals of key delivery as problem documents: every reason code, its status and its title.
//!
//! 401 when there is no good token; 403 when a good token does not cover the key, or nothing would.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{MAX_BODY_LEN, SERVICES, challenge};
use crate::http::problem::{Problem, TooEarly};
use crate::license::Refusal;
use crate::license::tester::WishError;
use crate::service::delivery::DeliveryError;
use crate::token::TokenError;

/// Why a request got no key.
#[derive(Debug)]
pub(super) enum Refused {
    BodyTooLarge,
    KidMissing,
    KidRepeated,
    KidMalformed,
    UnknownSystem,
    Token(TokenError),
    Delivery(DeliveryError),
    /// A switch for testers that is not to be had.
    Switch(WishError),
    /// A tester wants to see this status.
    Wanted(StatusCode),
    /// A refusal of one system's own, with a code of its `problems`.
    System {
        code: &'static str,
        detail: String,
    },
}

impl From<DeliveryError> for Refused {
    fn from(error: DeliveryError) -> Self {
        Self::Delivery(error)
    }
}

impl From<WishError> for Refused {
    fn from(error: WishError) -> Self {
        Self::Switch(error)
    }
}

impl Refused {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::BodyTooLarge => "body-too-large",
            Self::KidMissing => "kid-missing",
            Self::KidRepeated => "kid-repeated",
            Self::KidMalformed => "kid-malformed",
            Self::UnknownSystem => "license-request-unknown",
            Self::Token(error) => error.reason(),
            Self::Delivery(error) => error.reason(),
            Self::Switch(error) => error.reason(),
            Self::Wanted(_) => "test-status",
            Self::System { code, .. } => code,
        }
    }

    /// Whether the token is what is wrong.
    fn is_about_proof(&self) -> bool {
        let is_token = |refusal: &Refusal| matches!(refusal, Refusal::Token(_));
        match self {
            Self::Token(_) => true,
            Self::Delivery(DeliveryError::Refused(refusal)) => is_token(refusal),
            _ => false,
        }
    }

    /// What to tell the client; failures of ours tell nothing about themselves.
    fn detail(&self) -> String {
        match self {
            Self::BodyTooLarge => format!("The body may have {MAX_BODY_LEN} bytes."),
            Self::KidMissing => "Name the key: ?kid=<GUID>.".into(),
            Self::KidRepeated => "Ask for one key: the query has several `kid`.".into(),
            Self::KidMalformed => "`kid` must be a GUID: 32 hexadecimal digits.".into(),
            Self::UnknownSystem => {
                "No licence request of any system begins like this one: ClearKey sends JSON, PlayReady \
                 XML, Widevine and FairPlay messages of their own."
                    .into()
            }
            Self::Token(error) => sentence(&error.to_string()),
            Self::Delivery(error) if error.is_failure() => {
                "The request could not be finished; the log has the reason.".into()
            }
            Self::Delivery(error) => sentence(&error.to_string()),
            Self::Switch(error) => sentence(&error.to_string()),
            Self::Wanted(_) => "Nothing is wrong: the address asks for this status.".into(),
            Self::System { detail, .. } => sentence(detail),
        }
    }
}

/// The type of problem that DASH-IF defines for tokens that are missing, not good or not enough
/// (clearkey.md section 7).
const NO_PROOF: &str = "https://dashif.org/drm-problems/insufficient-proof-of-authorization";

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(chars).chain(std::iter::once('.')).collect()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let not_before = match &self {
            Self::Delivery(DeliveryError::NotYetValid(not_before)) => Some(*not_before),
            _ => None,
        };
        let about_proof = self.is_about_proof();
        self.in_form(|(code, status, title), detail| {
            let problem = Problem { status, code, title, detail };
            match not_before {
                Some(not_before) => TooEarly { problem, not_before }.into_response(),
                None if about_proof => problem.of_type(NO_PROOF),
                None => problem.into_response(),
            }
        })
    }
}

impl Refused {
    /// The refusal in a form of a system's own, made of its row and a sentence; status and
    /// challenge are the same in every form.
    pub(super) fn in_form(self, form: impl FnOnce(Row, String) -> Response) -> Response {
        let (code, status, title) = match self {
            Self::Wanted(status) => (self.code(), status, "A tester wants this status"),
            _ => row(self.code()),
        };
        let retry_after = self.retry_after();
        if status.is_server_error() && !matches!(self, Self::Wanted(_)) {
            tracing::error!(code, error = ?self, "key request failed");
        }
        let mut response = form((code, status, title), self.detail());
        *response.status_mut() = status;
        if let Some(challenge) = challenge::of(code) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(retry_after) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after);
        }
        response
    }
}

impl Refused {
    /// When to ask again, where that is known: whole seconds, never zero.
    fn retry_after(&self) -> Option<HeaderValue> {
        let Self::Delivery(DeliveryError::Upstream(error)) = self else { return None };
        let seconds = error.retry_after()?.as_secs_f64().ceil().max(1.0);
        HeaderValue::try_from(seconds.to_string()).ok()
    }
}

/// Reason code, status, title.
pub(super) type Row = (&'static str, StatusCode, &'static str);

const TOKEN_BAD: &str = "The token is not accepted";
const TOKEN_NOT_ENOUGH: &str = "The token does not cover this key";
pub(super) const REQUEST_BAD: &str = "The licence request does not read";
const KID_BAD: &str = "The request does not name a key";
const SWITCH_BAD: &str = "The switch for testers does not work";
const OTHER_SERVER: &str = "Another server gives out this key";
const UPSTREAM_FAILED: &str = "The licence server failed";
pub(super) const FAILED: &str = "The server failed";

/// Every reason code of key delivery with its status and title.
const PROBLEMS: &[Row] = &[
    ("token-missing", StatusCode::UNAUTHORIZED, "A token is needed"),
    ("token-ambiguous", StatusCode::BAD_REQUEST, TOKEN_BAD),
    ("token-too-long", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-malformed", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-algorithm-not-allowed", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-critical-header", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-signature-invalid", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-expiry-missing", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-expired", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-not-yet-valid", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-issuer-mismatch", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-audience-mismatch", StatusCode::UNAUTHORIZED, TOKEN_BAD),
    ("token-use-limit", StatusCode::FORBIDDEN, TOKEN_NOT_ENOUGH),
    ("token-claim-missing", StatusCode::FORBIDDEN, TOKEN_NOT_ENOUGH),
    ("token-claim-mismatch", StatusCode::FORBIDDEN, TOKEN_NOT_ENOUGH),
    ("token-key-identifier-mismatch", StatusCode::FORBIDDEN, TOKEN_NOT_ENOUGH),
    ("policy-option-missing", StatusCode::FORBIDDEN, "The policy does not deliver this"),
    ("policy-key-not-given", StatusCode::FORBIDDEN, "The policy does not deliver this"),
    ("license-persistence-not-allowed", StatusCode::FORBIDDEN, "The policy does not deliver this"),
    ("locator-not-active", StatusCode::FORBIDDEN, "The stream is not available now"),
    ("key-not-yet-valid", StatusCode::FORBIDDEN, "The key is not given out yet"),
    ("key-is-root", StatusCode::FORBIDDEN, "The key is not given out in this form"),
    ("key-unknown", StatusCode::NOT_FOUND, "There is no such key"),
    ("kid-missing", StatusCode::BAD_REQUEST, KID_BAD),
    ("kid-repeated", StatusCode::BAD_REQUEST, KID_BAD),
    ("kid-malformed", StatusCode::BAD_REQUEST, KID_BAD),
    ("test-switch-not-served", StatusCode::BAD_REQUEST, SWITCH_BAD),
    ("test-switch-unknown", StatusCode::BAD_REQUEST, SWITCH_BAD),
    ("test-switch-repeated", StatusCode::BAD_REQUEST, SWITCH_BAD),
    ("test-switch-value", StatusCode::BAD_REQUEST, SWITCH_BAD),
    ("test-switch-not-expressed", StatusCode::BAD_REQUEST, SWITCH_BAD),
    ("license-request-unknown", StatusCode::UNSUPPORTED_MEDIA_TYPE, REQUEST_BAD),
    ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large"),
    ("license-system-not-served", StatusCode::NOT_IMPLEMENTED, "There is no such service here"),
    ("license-made-elsewhere", StatusCode::FORBIDDEN, OTHER_SERVER),
    ("license-of-several-servers", StatusCode::FORBIDDEN, OTHER_SERVER),
    ("license-of-other-content", StatusCode::FORBIDDEN, OTHER_SERVER),
    ("upstream-refused", StatusCode::FORBIDDEN, "The licence server gives no licence"),
    ("upstream-rights-not-expressed", StatusCode::FORBIDDEN, "The policy does not deliver this"),
    ("upstream-token-unfit", StatusCode::BAD_REQUEST, TOKEN_BAD),
    ("upstream-unknown", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
    ("upstream-unfit", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
    ("upstream-unreachable", StatusCode::BAD_GATEWAY, UPSTREAM_FAILED),
    ("upstream-failed", StatusCode::BAD_GATEWAY, UPSTREAM_FAILED),
    ("upstream-answer-malformed", StatusCode::BAD_GATEWAY, UPSTREAM_FAILED),
    ("upstream-answer-too-large", StatusCode::BAD_GATEWAY, UPSTREAM_FAILED),
    ("upstream-timeout", StatusCode::GATEWAY_TIMEOUT, UPSTREAM_FAILED),
    ("upstream-unavailable", StatusCode::SERVICE_UNAVAILABLE, UPSTREAM_FAILED),
    ("upstream-busy", StatusCode::SERVICE_UNAVAILABLE, UPSTREAM_FAILED),
    ("store-busy", StatusCode::SERVICE_UNAVAILABLE, "The server is busy"),
    ("store-failed", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
    ("key-unreadable", StatusCode::INTERNAL_SERVER_ERROR, FAILED),
];

fn row(code: &'static str) -> Row {
    let own = SERVICES.iter().flat_map(|service| service.problems);
    let found = PROBLEMS.iter().chain(own).find(|(known, ..)| *known == code).copied();
    found.unwrap_or((code, StatusCode::INTERNAL_SERVER_ERROR, FAILED))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::keys::VaultError;
    use crate::license::System;
    use crate::license::tester::TABLE;
    use crate::license::upstream::AnswerError;
    use crate::service::upstream::UpstreamError;
    use crate::store::StoreError;

    fn every_refusal() -> Vec<Refused> {
        let tokens = [
            TokenError::Missing,
            TokenError::Ambiguous,
            TokenError::TooLong,
            TokenError::Malformed("x"),
            TokenError::AlgorithmNotAllowed,
            TokenError::CriticalHeader,
            TokenError::SignatureInvalid,
            TokenError::ExpiryMissing,
            TokenError::Expired,
            TokenError::NotYetValid,
            TokenError::IssuerMismatch,
            TokenError::AudienceMismatch,
            TokenError::UseLimit,
            TokenError::ClaimMissing("x".into()),
            TokenError::ClaimMismatch("x".into()),
            TokenError::KeyIdentifierMismatch,
        ];
        let deliveries = [
            DeliveryError::UnknownKey,
            DeliveryError::Refused(Refusal::NoOption),
            DeliveryError::Refused(Refusal::KeyNotGiven),
            DeliveryError::RootKey,
            DeliveryError::NotServed,
            DeliveryError::LocatorNotActive,
            DeliveryError::NotYetValid(jiff::Timestamp::UNIX_EPOCH),
            DeliveryError::PersistenceNotAllowed,
            DeliveryError::MadeElsewhere,
            DeliveryError::SeveralServers,
            DeliveryError::OtherContent,
            DeliveryError::Store(StoreError::Busy),
            DeliveryError::Store(StoreError::Closed),
            DeliveryError::Vault(VaultError::Truncated),
        ];
        let upstreams = [
            UpstreamError::Unknown,
            UpstreamError::Unfit,
            UpstreamError::Rights,
            UpstreamError::Header,
            UpstreamError::Open { retry_after: Duration::from_millis(1) },
            UpstreamError::Busy,
            UpstreamError::Unreachable,
            UpstreamError::Timeout,
            UpstreamError::TooLarge,
            UpstreamError::Answer(AnswerError::Refused("")),
            UpstreamError::Answer(AnswerError::Failed("")),
            UpstreamError::Answer(AnswerError::Away),
            UpstreamError::Answer(AnswerError::Malformed),
        ];
        let deliveries = deliveries.into_iter().chain(upstreams.map(DeliveryError::Upstream));
        let own = [
            Refused::BodyTooLarge,
            Refused::KidMissing,
            Refused::KidRepeated,
            Refused::KidMalformed,
            Refused::UnknownSystem,
        ];
        let name = "test-delay";
        let switches = [
            WishError::NotServed(name.into()),
            WishError::Unknown(name.into()),
            WishError::Repeated(name),
            WishError::Value(&TABLE[0]),
            WishError::NotExpressed(name, System::Raw),
        ];
        let tokens = tokens.map(Refused::Token).into_iter();
        tokens
            .chain(deliveries.map(Refused::Delivery))
            .chain(switches.map(Refused::Switch))
            .chain(own)
            .collect()
    }

    #[test]
    fn every_reason_has_one_row_and_every_row_a_reason() {
        let mut codes: Vec<_> = every_refusal().iter().map(Refused::code).collect();
        let mut rows: Vec<_> = PROBLEMS.iter().map(|(code, ..)| *code).collect();
        codes.sort_unstable();
        // A server that fails and one that is away are one to clients.
        codes.dedup();
        rows.sort_unstable();
        assert_eq!(codes, rows);
    }

    #[test]
    fn a_token_that_is_valid_is_forbidden_and_any_other_unauthorized() {
        for refusal in every_refusal() {
            let Refused::Token(error) = &refusal else {
                continue;
            };
            let expected = match error {
                TokenError::Ambiguous => StatusCode::BAD_REQUEST,
                error if error.is_valid_token() => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            };
            assert_eq!(row(refusal.code()).1, expected, "{refusal:?}");
        }
    }

    /// RFC 6750 section 3.1 says which status goes with which error.
    #[test]
    fn challenges_stand_where_another_token_would_help() {
        for refusal in every_refusal() {
            let (code, status) = (refusal.code(), row(refusal.code()).1);
            let response = refusal.into_response();
            let challenge = response.headers().get(header::WWW_AUTHENTICATE);
            let challenge = challenge.map(|value| value.to_str().unwrap());
            let error = challenge.map(|text| text.split_once("error=").map(|(_, error)| error));
            let expected = match (code, status) {
                ("token-missing", _) => Some(None),
                ("token-ambiguous", _) => Some(Some("\"invalid_request\"")),
                (_, StatusCode::UNAUTHORIZED) => Some(Some("\"invalid_token\"")),
                (
                    "token-claim-missing"
                    | "token-claim-mismatch"
                    | "token-key-identifier-mismatch",
                    StatusCode::FORBIDDEN,
                ) => Some(Some("\"insufficient_scope\"")),
                _ => None,
            };
            assert_eq!(error, expected, "{code}");
            assert!(challenge.is_none_or(|text| text.starts_with("Bearer realm=")), "{code}");
        }
        let known = |code: &str| every_refusal().iter().any(|refusal| refusal.code() == code);
        assert!(challenge::TABLE.iter().all(|(code, _)| known(code)), "a row of no refusal");
    }

    #[test]
    fn our_own_failures_tell_nothing_about_themselves() {
        let failure = Refused::Delivery(DeliveryError::Store(StoreError::Closed));
        assert!(!failure.detail().contains("closed"));
        assert_eq!(failure.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
