//! What a token must prove: one table of rules, for decisions and for explanations.

use std::time::Duration;

use jiff::Timestamp;

use super::{Bearer, TokenError, Unverified, claims};
use crate::ids::KeyId;
use crate::policy::TokenRestriction;

/// The time of a decision and how far clocks may differ.
#[derive(Debug, Clone, Copy)]
pub struct At {
    /// The present.
    pub now: Timestamp,
    /// Allowed difference between the issuer's clock and ours.
    pub skew: Duration,
}

impl At {
    pub(super) fn now_s(self) -> f64 {
        self.now.as_duration().as_secs_f64()
    }

    pub(super) fn skew_s(self) -> f64 {
        self.skew.as_secs_f64()
    }
}

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The restriction of the policy's option.
    pub restriction: &'a TokenRestriction,
    /// The key that is asked for; `None` leaves the key-identifier claim's value unchecked.
    pub kid: Option<KeyId>,
    /// The label of that key, where it is known: the claim may name keys by it.
    pub label: Option<&'a str>,
    /// When it is asked.
    pub at: At,
}

/// One rule: a name for people, and the check.
pub struct Rule {
    /// Short name, as `token check` prints it.
    pub name: &'static str,
    check: fn(&Unverified<'_>, &Question<'_>) -> Result<(), TokenError>,
}

/// What one rule says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the rule.
    pub rule: &'static str,
    /// Whether the token keeps it.
    pub outcome: Result<(), TokenError>,
}

/// The rules in the order in which they are applied. The signature comes first: what is not
/// signed learns nothing about the others.
pub const RULES: &[Rule] = &[
    Rule { name: "signature", check: |token, ask| token.check_signature(ask.restriction.keys()) },
    Rule { name: "expiry", check: |token, ask| claims::check_expiry(token.claims(), ask.at) },
    Rule {
        name: "not before",
        check: |token, ask| claims::check_not_before(token.claims(), ask.at),
    },
    Rule {
        name: "issuer",
        check: |token, ask| claims::check_issuer(token.claims(), &ask.restriction.issuer),
    },
    Rule {
        name: "audience",
        check: |token, ask| claims::check_audience(token.claims(), &ask.restriction.audience),
    },
    Rule { name: "use limit", check: |token, _| claims::check_use_limit(token.claims()) },
    Rule {
        name: "required claims",
        check: |token, ask| {
            let required = &ask.restriction.required_claims;
            claims::check_required(token.claims(), required)
        },
    },
    Rule {
        name: "key identifier",
        check: |token, ask| claims::check_key_identifier(token.claims(), ask.kid, ask.label),
    },
];

/// A token that was accepted; which keys it is for remains to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What the token says of the keys it was made for.
    keys: Option<claims::KeyNames>,
}

impl Accepted {
    /// Whether the token is for this key.
    ///
    /// # Errors
    /// [`TokenError::KeyIdentifierMismatch`].
    pub fn covers(&self, kid: KeyId, label: Option<&str>) -> Result<(), TokenError> {
        match &self.keys {
            Some(named) if !named.hold(kid, label) => Err(TokenError::KeyIdentifierMismatch),
            _ => Ok(()),
        }
    }

    /// Whether the token is for every key.
    pub fn covers_all(&self) -> bool {
        self.keys.is_none()
    }
}

/// Accepts a token as far as it does not depend on the key, or says which rule it breaks first.
///
/// # Errors
/// [`TokenError`].
pub fn accept(
    token: &Bearer,
    restriction: &TokenRestriction,
    at: At,
) -> Result<Accepted, TokenError> {
    let token = Unverified::read(token, restriction.restriction_token_type)?;
    let question = Question { restriction, kid: None, label: None, at };
    RULES.iter().try_for_each(|rule| (rule.check)(&token, &question))?;
    Ok(Accepted { keys: claims::key_names(token.claims()) })
}

/// Accepts a token for one key, or says which rule it breaks first.
///
/// # Errors
/// [`TokenError`].
pub fn verify(token: &Bearer, question: &Question<'_>) -> Result<(), TokenError> {
    let accepted = accept(token, question.restriction, question.at)?;
    question.kid.map_or(Ok(()), |kid| accepted.covers(kid, question.label))
}

/// The verdict of every rule, for `token check`.
///
/// # Errors
/// [`TokenError`] when the text is no token at all.
pub fn explain(token: &Bearer, question: &Question<'_>) -> Result<Vec<Verdict>, TokenError> {
    let token = Unverified::read(token, question.restriction.restriction_token_type)?;
    let verdict =
        |rule: &Rule| Verdict { rule: rule.name, outcome: (rule.check)(&token, question) };
    Ok(RULES.iter().map(verdict).collect())
}
