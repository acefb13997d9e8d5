//! Why a server gave no licence.

use std::time::Duration;

use crate::license::upstream::AnswerError;

/// Why a server gave no licence. Says neither where it is nor what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// The policy names a server that this one does not know.
    #[error("the content key policy names a licence server that is not configured")]
    Unknown,
    /// The server has no licences of the system.
    #[error("the licence server that the content key policy names does not serve such requests")]
    Unfit,
    /// The server cannot be told what the option of the policy allows.
    #[error("the licence server cannot be told what the content key policy allows")]
    Rights,
    /// It failed too often and is left alone.
    #[error("the licence server failed and is left alone for a while")]
    Open {
        /// Until it is tried again.
        retry_after: Duration,
    },
    /// The token of the client, which is to be passed on, cannot stand in a header line.
    #[error("the token has characters that cannot be passed on")]
    Header,
    /// Too many requests wait for it.
    #[error("too many requests wait for the licence server")]
    Busy,
    /// No connection, or it broke off.
    #[error("the licence server cannot be reached")]
    Unreachable,
    /// No answer in time.
    #[error("the licence server does not answer in time")]
    Timeout,
    /// More than an answer may have.
    #[error("the licence server's answer is too large")]
    TooLarge,
    /// The answer is no licence.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl UpstreamError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "upstream-unknown",
            Self::Unfit => "upstream-unfit",
            Self::Rights => "upstream-rights-not-expressed",
            Self::Open { .. } => "upstream-unavailable",
            Self::Header => "upstream-token-unfit",
            Self::Busy => "upstream-busy",
            Self::Unreachable => "upstream-unreachable",
            Self::Timeout => "upstream-timeout",
            Self::TooLarge => "upstream-answer-too-large",
            Self::Answer(AnswerError::Refused(_)) => "upstream-refused",
            Self::Answer(AnswerError::Failed(_) | AnswerError::Away) => "upstream-failed",
            Self::Answer(AnswerError::Malformed) => "upstream-answer-malformed",
        }
    }

    /// After how long to ask again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Open { retry_after } => Some(*retry_after),
            Self::Busy => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Whether the server is away: enough of these in a row, and it is left alone. What it says of a
    /// request is no such thing, even that it failed: whoever sends what makes it fail would shut it to
    /// all others.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Answer(AnswerError::Away))
    }
}
