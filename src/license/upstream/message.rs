//! What goes to a server and comes back, in terms of HTTP.

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::license::playready;
use crate::license::playready::passed::{Kind, kind};

/// A message to a server; posted.
#[derive(Debug)]
pub struct Outgoing {
    /// What the body is.
    pub content_type: Option<String>,
    /// Header lines beside it that the protocol demands.
    pub headers: &'static [(&'static str, &'static str)],
    /// May hold keys.
    pub body: Zeroizing<Vec<u8>>,
}

/// What a server answers.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What it says the body is.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// What goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// The HTTP status when the server refuses in the system's own form.
    pub refusal: Option<u16>,
    /// What the body is, one of those that licences are sent as.
    pub content_type: &'static str,
    /// The licence, or the refusal in the system's form.
    pub body: Bytes,
}

/// An answer is no licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The server refuses this client or this request; with what it says, as far as that is known
    /// here.
    #[error("the licence server refuses the request")]
    Refused(&'static str),
    /// The server fails, or does not take us for who we are.
    #[error("the licence server does not do its work")]
    Failed(&'static str),
    /// The server, or what stands before it, says that it is away.
    #[error("the licence server is away")]
    Away,
    /// The answer does not read.
    #[error("the licence server's answer is no licence")]
    Malformed,
}

impl AnswerError {
    /// What the server says of it, for the log.
    pub fn said(self) -> &'static str {
        match self {
            Self::Refused(said) | Self::Failed(said) => said,
            Self::Away | Self::Malformed => "",
        }
    }
}

impl Outgoing {
    /// A body, and what it is.
    pub(super) fn new(content_type: Option<&str>, body: Vec<u8>) -> Self {
        let content_type = content_type.map(str::to_owned);
        Self { content_type, headers: &[], body: Zeroizing::new(body) }
    }
}

impl Licence {
    pub(super) fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { refusal: None, content_type, body: body.into() }
    }
}

/// What licences are sent as. A server may say what it likes, but no browser is to take its answer for
/// a page of this one.
const CONTENT_TYPES: [&str; 5] = [
    "application/octet-stream",
    "application/json",
    "text/xml; charset=utf-8",
    "application/vnd.ms-playready.license",
    "text/plain",
];

impl Answer {
    /// The answer of a server that has licences and nothing around them.
    pub(super) fn verbatim(self) -> Result<Licence, AnswerError> {
        self.check_status()?;
        if self.body.is_empty() {
            return Err(AnswerError::Malformed);
        }
        let said = self.content_type.as_deref().unwrap_or_default();
        let kind = |text: &str| text.split(';').next().unwrap_or_default().trim().to_owned();
        let known =
            CONTENT_TYPES.into_iter().find(|one| kind(one).eq_ignore_ascii_case(&kind(said)));
        let content_type = known.unwrap_or(CONTENT_TYPES[0]);
        Ok(Licence::new(content_type, self.body))
    }

    /// The answer of a server that speaks SOAP. Its faults are for the client, whose player shows their
    /// codes; they go back with the status that they came with.
    pub(super) fn soap(self) -> Result<Licence, AnswerError> {
        let kind = kind(&self.body);
        if kind == Some(Kind::Fault) && self.status >= 400 {
            let licence = Licence::new(playready::CONTENT_TYPE, self.body);
            return Ok(Licence { refusal: Some(self.status), ..licence });
        }
        self.check_status()?;
        match kind {
            Some(Kind::Response) => Ok(Licence::new(playready::CONTENT_TYPE, self.body)),
            Some(Kind::Fault) => Err(AnswerError::Refused("a fault")),
            None => Err(AnswerError::Malformed),
        }
    }

    /// What the status alone says. A redirection is followed nowhere: whoever could make the server
    /// send one would choose who sees the request.
    pub(super) fn check_status(&self) -> Result<(), AnswerError> {
        match self.status {
            200 => Ok(()),
            // Time-outs and rates are the server's trouble, the others ours or the client's.
            408 | 429 => Err(AnswerError::Failed("")),
            400..=499 => Err(AnswerError::Refused("")),
            502..=504 => Err(AnswerError::Away),
            _ => Err(AnswerError::Failed("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: Option<&str>, body: &'static str) -> Answer {
        let content_type = content_type.map(str::to_owned);
        Answer { status, content_type, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn an_answer_is_passed_back_under_the_name_of_a_licence() {
        for (said, told) in [
            (None, "application/octet-stream"),
            (Some("application/json"), "application/json"),
            (Some("Text/XML"), "text/xml; charset=utf-8"),
            (Some("text/plain; charset=us-ascii"), "text/plain"),
            (Some("text/html"), "application/octet-stream"),
            (Some(""), "application/octet-stream"),
        ] {
            let licence = answer(200, said, "licence").verbatim().unwrap();
            assert_eq!((licence.refusal, licence.content_type), (None, told), "{said:?}");
            assert_eq!(licence.body, "licence");
        }
    }

    #[test]
    fn each_status_means_one_thing() {
        for (status, expected) in [
            (200, None),
            (201, Some(AnswerError::Failed(""))),
            (302, Some(AnswerError::Failed(""))),
            (400, Some(AnswerError::Refused(""))),
            (403, Some(AnswerError::Refused(""))),
            (408, Some(AnswerError::Failed(""))),
            (429, Some(AnswerError::Failed(""))),
            (500, Some(AnswerError::Failed(""))),
            (502, Some(AnswerError::Away)),
            (503, Some(AnswerError::Away)),
            (504, Some(AnswerError::Away)),
        ] {
            assert_eq!(answer(status, None, "x").verbatim().err(), expected, "{status}");
        }
        assert_eq!(answer(200, None, "").verbatim().err(), Some(AnswerError::Malformed));
    }
}
