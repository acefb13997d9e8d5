//! Which option of a content key policy answers a request (ams.md section 8.1).

use crate::ids::KeyId;
use crate::policy::{ConfigurationKind, ContentKeyPolicy, Restriction, TokenRestriction};
use crate::token::{At, Bearer, Question, TokenError, verify};

/// What is asked of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The type of configuration that the request needs.
    pub kind: ConfigurationKind,
    /// The key that is asked for.
    pub kid: KeyId,
    /// The token of the request.
    pub token: Option<&'a Bearer>,
    /// When it is asked.
    pub at: At,
}

/// The right to one key. Only [`decide`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The key that may be handed out.
    pub kid: KeyId,
}

/// No option answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The policy delivers nothing of the type that is asked for.
    #[error("the content key policy has no option for this kind of key request")]
    NoOption,
    /// No option accepts the token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Refusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoOption => "policy-option-missing",
            Self::Token(error) => error.reason(),
        }
    }
}

/// The first option of the type whose restriction holds decides.
///
/// # Errors
/// [`Refusal`]. With several options, the refusal of one to which the token is valid counts more
/// than that of one for which it was not made.
pub fn decide(policy: &ContentKeyPolicy, ask: &Ask<'_>) -> Result<Grant, Refusal> {
    let mut refusal: Option<TokenError> = None;
    for option in policy.options.iter().filter(|option| option.configuration.kind() == ask.kind) {
        match admits(&option.restriction, ask) {
            Ok(()) => return Ok(Grant { kid: ask.kid }),
            Err(error) if refusal.as_ref().is_none_or(|kept| tells_more(&error, kept)) => {
                refusal = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(refusal.map_or(Refusal::NoOption, Refusal::Token))
}

fn admits(restriction: &Restriction, ask: &Ask<'_>) -> Result<(), TokenError> {
    match restriction {
        Restriction::Open {} => Ok(()),
        Restriction::Token(restriction) => admits_token(restriction, ask),
    }
}

fn admits_token(restriction: &TokenRestriction, ask: &Ask<'_>) -> Result<(), TokenError> {
    let token = ask.token.ok_or(TokenError::Missing)?;
    verify(token, &Question { restriction, kid: Some(ask.kid), at: ask.at })
}

fn tells_more(new: &TokenError, kept: &TokenError) -> bool {
    new.is_valid_token() && !kept.is_valid_token()
}
