//! Why a token was not accepted.

/// What is wrong with a token. No variant holds any part of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The policy asks for a token and the request has none.
    #[error("a token is needed: send `Authorization: Bearer <token>`, or `token=` in the query")]
    Missing,
    /// The request carries more than one token.
    #[error("the request carries more than one token; send one")]
    Ambiguous,
    /// The token is longer than [`super::unverified::MAX_LEN`].
    #[error("the token has more than {} characters", super::unverified::MAX_LEN)]
    TooLong,
    /// The token is not of the form that the policy names.
    #[error("the token does not read: {0}")]
    Malformed(&'static str),
    /// No key of the policy is for the algorithm that the header names.
    #[error("the policy has no key for the signature algorithm of the token")]
    AlgorithmNotAllowed,
    /// The header lists extensions that must be understood (RFC 7515 section 4.1.11).
    #[error("the token demands header extensions (`crit`); none is supported")]
    CriticalHeader,
    /// No key of the policy verifies the signature.
    #[error("the signature of the token does not verify with any key of the policy")]
    SignatureInvalid,
    /// There is no `exp`.
    #[error("the token has no expiry time (`exp`)")]
    ExpiryMissing,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is yet to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` differs from the policy's issuer.
    #[error("the token is of another issuer than the policy names")]
    IssuerMismatch,
    /// `aud` does not hold the policy's audience.
    #[error("the token is for another audience than the policy names")]
    AudienceMismatch,
    /// The token limits how often it may be used; the service keeps no count.
    #[error("the token limits the number of its uses, which is not supported")]
    UseLimit,
    /// A required claim is not there.
    #[error("the token lacks the claim `{0}`")]
    ClaimMissing(String),
    /// A required claim has another value.
    #[error("the token has another value for the claim `{0}` than the policy requires")]
    ClaimMismatch(String),
    /// The key-identifier claim names another key.
    #[error("the token is for another key than the one that is asked for")]
    KeyIdentifierMismatch,
}

impl TokenError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Ambiguous => "token-ambiguous",
            Self::TooLong => "token-too-long",
            Self::Malformed(_) => "token-malformed",
            Self::AlgorithmNotAllowed => "token-algorithm-not-allowed",
            Self::CriticalHeader => "token-critical-header",
            Self::SignatureInvalid => "token-signature-invalid",
            Self::ExpiryMissing => "token-expiry-missing",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::IssuerMismatch => "token-issuer-mismatch",
            Self::AudienceMismatch => "token-audience-mismatch",
            Self::UseLimit => "token-use-limit",
            Self::ClaimMissing(_) => "token-claim-missing",
            Self::ClaimMismatch(_) => "token-claim-mismatch",
            Self::KeyIdentifierMismatch => "token-key-identifier-mismatch",
        }
    }

    /// Whether the token itself is good and only does not cover what is asked for.
    pub fn is_valid_token(&self) -> bool {
        matches!(
            self,
            Self::UseLimit
                | Self::ClaimMissing(_)
                | Self::ClaimMismatch(_)
                | Self::KeyIdentifierMismatch
        )
    }
}
