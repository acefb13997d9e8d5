//! Challenges of refusals (RFC 6750 section 3): only where another token would help. A stream that is
//! over, a device of no trust or a policy without an option are refused to every token alike.

use axum::http::HeaderValue;

/// Nobody showed a token: no error is told (section 3.1).
const BARE: &str = r#"Bearer realm="portcullis""#;
/// The token came in several ways at once, or several did.
const INVALID_REQUEST: &str = r#"Bearer realm="portcullis", error="invalid_request""#;
/// The token is none, is over, or is not for this service.
const INVALID_TOKEN: &str = r#"Bearer realm="portcullis", error="invalid_token""#;
/// The token is good and gives other rights.
const INSUFFICIENT_SCOPE: &str = r#"Bearer realm="portcullis", error="insufficient_scope""#;

/// Reason codes with their challenge. `token-use-limit` has none: its token is valid, gives the
/// right, and is refused because nobody here counts.
pub(super) const TABLE: &[(&str, &str)] = &[
    ("token-missing", BARE),
    ("token-ambiguous", INVALID_REQUEST),
    ("token-too-long", INVALID_TOKEN),
    ("token-malformed", INVALID_TOKEN),
    ("token-algorithm-not-allowed", INVALID_TOKEN),
    ("token-critical-header", INVALID_TOKEN),
    ("token-signature-invalid", INVALID_TOKEN),
    ("token-expiry-missing", INVALID_TOKEN),
    ("token-expired", INVALID_TOKEN),
    ("token-not-yet-valid", INVALID_TOKEN),
    ("token-issuer-mismatch", INVALID_TOKEN),
    ("token-audience-mismatch", INVALID_TOKEN),
    ("token-claim-missing", INSUFFICIENT_SCOPE),
    ("token-claim-mismatch", INSUFFICIENT_SCOPE),
    ("token-key-identifier-mismatch", INSUFFICIENT_SCOPE),
];

/// The challenge that goes with a refusal, if any does.
pub(super) fn of(code: &str) -> Option<HeaderValue> {
    let row = TABLE.iter().find(|(known, _)| *known == code);
    row.map(|(_, challenge)| HeaderValue::from_static(challenge))
}
