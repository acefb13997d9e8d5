//! Which option of a content key policy answers a request, and what it gives (ams.md section 8.1).
//!
//! Nothing here costs more than the signatures of one token.

use std::sync::Arc;

use super::terms::{self, Wanted};
use super::{Rights, System};
use crate::ids::KeyId;
use crate::policy::{Configuration, ContentKeyPolicy, Restriction};
use crate::token::{Accepted, At, Bearer, TokenError, accept};

/// What is asked of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The system in which the keys are wanted.
    pub system: System,
    /// The token of the request.
    pub token: Option<&'a Bearer>,
    /// When it is asked.
    pub at: At,
}

/// The right to one key. Only [`Admission::grant`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The key that may be handed out.
    pub kid: KeyId,
    /// What may be done with it.
    pub rights: Rights,
    /// What decided.
    pub by: DecidedBy,
}

/// The option of a policy that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedBy {
    policy: Arc<ContentKeyPolicy>,
    option: usize,
}

impl DecidedBy {
    /// What the option delivers: what of a template only its own system knows stands there.
    pub fn configuration(&self) -> &Configuration {
        &self.policy.options[self.option].configuration
    }

    /// The server that makes the licences, when it is not this one.
    pub fn upstream(&self) -> Option<&str> {
        self.policy.options[self.option].upstream.as_deref()
    }
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
    /// The option that decides gives other keys only.
    #[error("the content key policy gives this kind of client other keys only")]
    KeyNotGiven,
}

impl Refusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoOption => "policy-option-missing",
            Self::Token(error) => error.reason(),
            Self::KeyNotGiven => "policy-key-not-given",
        }
    }
}

/// The options of a policy that a request may come under, whatever keys it asks for.
pub struct Admission {
    policy: Arc<ContentKeyPolicy>,
    at: At,
    options: Vec<(usize, Holder)>,
    refusal: Refusal,
}

/// Who an option delivers to.
enum Holder {
    Anybody,
    Bearer(Accepted),
}

impl Holder {
    fn covers(&self, wanted: &Wanted<'_>) -> Result<(), TokenError> {
        match self {
            Self::Anybody => Ok(()),
            Self::Bearer(accepted) => accepted.covers(wanted.kid, Some(wanted.label)),
        }
    }

    fn covers_all(&self) -> bool {
        match self {
            Self::Anybody => true,
            Self::Bearer(accepted) => accepted.covers_all(),
        }
    }
}

impl Admission {
    /// Holds the restrictions of the options of the asked type against the token, each at most
    /// once for any number of keys.
    pub fn new(policy: Arc<ContentKeyPolicy>, ask: &Ask<'_>) -> Self {
        let mut options = Vec::new();
        let mut refusal = Refusal::NoOption;
        let of_kind = policy.options.iter().enumerate();
        for (n, option) in
            of_kind.filter(|(_, option)| option.configuration.kind() == ask.system.kind())
        {
            match admit(&option.restriction, ask) {
                Ok(holder) => {
                    let last = holder.covers_all();
                    options.push((n, holder));
                    // No later option can decide for any key.
                    if last {
                        break;
                    }
                }
                Err(error) => refusal = telling(refusal, error),
            }
        }
        Self { policy, at: ask.at, options, refusal }
    }

    /// The first option whose restriction holds for the key decides.
    ///
    /// # Errors
    /// [`Refusal`]. With several options, the refusal of one to which the token is valid counts
    /// more than that of one for which it was not made.
    pub fn grant(&self, wanted: &Wanted<'_>) -> Result<Grant, Refusal> {
        let mut refusal = self.refusal.clone();
        for (option, holder) in &self.options {
            match holder.covers(wanted) {
                Ok(()) => return self.give(*option, wanted),
                Err(error) => refusal = telling(refusal, error),
            }
        }
        Err(refusal)
    }

    fn give(&self, option: usize, wanted: &Wanted<'_>) -> Result<Grant, Refusal> {
        let by = DecidedBy { policy: Arc::clone(&self.policy), option };
        let rights = terms::rights(by.configuration(), wanted, self.at.now);
        let rights = rights.ok_or(Refusal::KeyNotGiven)?;
        Ok(Grant { kid: wanted.kid, rights, by })
    }
}

/// Whether any of these policies would give a key to who asks, where none is named yet.
///
/// # Errors
/// [`Refusal`], that which tells most.
pub fn admits(policies: &[Arc<ContentKeyPolicy>], ask: &Ask<'_>) -> Result<(), Refusal> {
    let mut refusal = Refusal::NoOption;
    for policy in policies {
        let admission = Admission::new(Arc::clone(policy), ask);
        match admission.refusal {
            _ if !admission.options.is_empty() => return Ok(()),
            Refusal::Token(error) => refusal = telling(refusal, error),
            _ => {}
        }
    }
    Err(refusal)
}

fn admit(restriction: &Restriction, ask: &Ask<'_>) -> Result<Holder, TokenError> {
    match restriction {
        Restriction::Open {} => Ok(Holder::Anybody),
        Restriction::Token(restriction) => {
            let token = ask.token.ok_or(TokenError::Missing)?;
            accept(token, restriction, ask.at).map(Holder::Bearer)
        }
    }
}

/// The refusal that tells more: the first, unless only the new one is of a valid token.
fn telling(kept: Refusal, new: TokenError) -> Refusal {
    match kept {
        Refusal::Token(kept) if kept.is_valid_token() || !new.is_valid_token() => kept.into(),
        _ => new.into(),
    }
}
