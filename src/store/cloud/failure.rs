//! What is said of a request that failed: what went wrong, and the status and the code of the store's
//! answer. The rest of answers repeats signatures and credentials.

use std::cell::Cell;
use std::error::Error as _;
use std::io::{self, ErrorKind};

use memchr::memmem;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::{Error, HeaderMap, HeaderValue};

/// Longer codes no store has.
const MAX_CODE: usize = 64;
/// Where Azure has its code; it stands in the body too, but not in answers to HEAD.
const AZURE_CODE: &str = "x-ms-error-code";
/// What is wrong with a request that would go in the clear.
pub(super) const NO_TLS: &str = "http:// needs AWS_, AZURE_ or GOOGLE_ALLOW_HTTP=true";

tokio::task_local! {
    /// What the store answered last to the work of the task.
    static ANSWER: Cell<Option<Answer>>;
}

/// An answer that is no success.
struct Answer {
    status: u16,
    code: Option<String>,
}

/// Keeps what is told of an answer that is no success.
pub(super) fn note(status: u16, headers: &HeaderMap, body: &[u8]) {
    let header = headers.get(AZURE_CODE).map(HeaderValue::as_bytes);
    let code = header.or_else(|| code_of(body)).filter(|code| is_code(code));
    let code = code.map(|code| String::from_utf8_lossy(code).into_owned());
    // Outside of `told` nobody asks.
    let _ = ANSWER.try_with(|answer| answer.set(Some(Answer { status, code })));
}

/// The content of the element `Code`, as all three stores name it.
fn code_of(body: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(body, b"<Code>")? + b"<Code>".len();
    let rest = &body[start..];
    memchr::memchr(b'<', rest).map(|end| &rest[..end])
}

fn is_code(code: &[u8]) -> bool {
    !code.is_empty() && code.len() <= MAX_CODE && code.iter().all(u8::is_ascii_alphanumeric)
}

/// Does work on a store, and says what went wrong.
pub(super) async fn told<T>(work: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
    let told = async {
        let done = work.await;
        done.map_err(|error| failed(&error, ANSWER.with(Cell::take)))
    };
    ANSWER.scope(Cell::new(None), told).await
}

fn failed(error: &Error, answer: Option<Answer>) -> io::Error {
    let (kind, what) = match error {
        Error::NotFound { .. } => (ErrorKind::NotFound, "there is no such object or bucket"),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            (ErrorKind::PermissionDenied, "the store denies access")
        }
        Error::Precondition { .. } => (ErrorKind::InvalidData, super::read::CHANGED),
        error => lost(error),
    };
    let answer = answer.map_or_else(String::new, |Answer { status, code }| match code {
        Some(code) => format!(" ({status} {code})"),
        None => format!(" ({status})"),
    });
    io::Error::new(kind, format!("{what}{answer}"))
}

/// What happened on the way, if that is it.
fn lost(error: &Error) -> (ErrorKind, &'static str) {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            let insecure = error.source().is_some_and(|source| source.to_string() == NO_TLS);
            return match error.kind() {
                _ if insecure => (ErrorKind::InvalidInput, NO_TLS),
                HttpErrorKind::Timeout => {
                    (ErrorKind::TimedOut, "the store does not answer in time")
                }
                HttpErrorKind::Connect => (ErrorKind::NotConnected, "the store cannot be reached"),
                _ => (ErrorKind::Other, "the answer of the store was cut short"),
            };
        }
        cause = error.source();
    }
    (ErrorKind::Other, "the store failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn codes_are_told_and_nothing_else_of_answers() {
        let generic = || Error::Generic { store: "S3", source: "https://a/?sig=secret".into() };
        for (body, said) in [
            ("<Error><Code>SlowDown</Code><Key>secret</Key></Error>", "(503 SlowDown)"),
            ("<Error><Code>a secret</Code></Error>", "the store failed (503)"),
            ("secret", "the store failed (503)"),
        ] {
            let work = async {
                note(503, &HeaderMap::new(), body.as_bytes());
                Err::<(), _>(generic())
            };
            let error = told(work).await.unwrap_err().to_string();
            assert!(error.ends_with(said) && !error.contains("secret"), "{error}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(AZURE_CODE, "AuthenticationFailed".parse().unwrap());
        let denied = async {
            note(403, &headers, b"");
            Err::<(), _>(Error::PermissionDenied { path: String::new(), source: "".into() })
        };
        let error = told(denied).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(error.to_string(), "the store denies access (403 AuthenticationFailed)");
        let silent = told(async { Err::<(), _>(generic()) }).await.unwrap_err();
        assert_eq!(silent.to_string(), "the store failed");
    }
}
