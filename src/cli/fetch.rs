//! Reading what servers send. Certificates are held against the roots of the system.

use std::error::Error;
use std::ops::Range;

use reqwest::header::RANGE;
use reqwest::{Client, RequestBuilder, StatusCode};

use super::CliError;
use crate::tls;

/// More is not fetched from an address, in bytes.
pub(super) const MAX_FETCH: u64 = 256 << 20;

/// More of a refusal is not read.
const MAX_REFUSAL: u64 = 64 << 10;

/// Reads an address into memory, up to `limit` bytes.
pub(super) async fn fetch(url: &str, limit: u64) -> Result<Vec<u8>, CliError> {
    answer(client(url)?.get(url), limit).await.map(|(_, data)| data)
}

/// Reads some of the bytes of an address, also of a server that sends all of them.
pub(super) async fn fetch_part(url: &str, bytes: Range<u64>) -> Result<Vec<u8>, CliError> {
    if bytes.is_empty() {
        return Err(CliError::refused("the byte range is empty"));
    }
    let range = format!("bytes={}-{}", bytes.start, bytes.end - 1);
    let (status, data) = answer(client(url)?.get(url).header(RANGE, range), MAX_FETCH).await?;
    part_of(status, data, bytes)
}

/// The asked part of an answer, which is all of it when the server says so and sends as much.
fn part_of(status: StatusCode, data: Vec<u8>, bytes: Range<u64>) -> Result<Vec<u8>, CliError> {
    if status == StatusCode::PARTIAL_CONTENT {
        let is_whole = data.len() as u64 == bytes.end - bytes.start;
        let refuse =
            || CliError::refused("the server sends another length than the byte range has");
        return is_whole.then_some(data).ok_or_else(refuse);
    }
    let range = usize::try_from(bytes.start).ok().zip(usize::try_from(bytes.end).ok());
    let part = range.and_then(|(start, end)| data.get(start..end));
    part.map(<[u8]>::to_vec).ok_or_else(|| CliError::refused("the byte range lies outside"))
}

/// Posts a licence request, with the token where there is one, and reads the answer.
pub(super) async fn post(
    url: &str,
    token: Option<&str>,
    body: Vec<u8>,
) -> Result<Vec<u8>, CliError> {
    let request = client(url)?.post(url).body(body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    answer(request, MAX_FETCH).await.map(|(_, data)| data)
}

fn client(url: &str) -> Result<Client, CliError> {
    let is_address = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
    if !is_address {
        return Err(CliError::usage("files and addresses of http:// and https:// are read"));
    }
    let builder = tls::http().map_err(CliError::environment)?;
    builder.build().map_err(CliError::environment)
}

/// What a server answers in up to `limit` bytes, when it is no refusal.
async fn answer(request: RequestBuilder, limit: u64) -> Result<(StatusCode, Vec<u8>), CliError> {
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    let limit = if status.is_success() { limit.min(MAX_FETCH) } else { MAX_REFUSAL };
    let mut data = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        if (data.len() + part.len()) as u64 > limit {
            return Err(CliError::refused("the answer is larger than is read"));
        }
        data.extend_from_slice(&part);
    }
    if !status.is_success() {
        // What a stranger's server says must not steer the terminal.
        let said = problem(&data).unwrap_or_else(|| String::from_utf8_lossy(&data).into_owned());
        let said = said.escape_debug();
        return Err(CliError::refused(format_args!("the server answers {status}: {said}")));
    }
    Ok((status, data))
}

/// What a problem document says (RFC 9457).
fn problem(data: &[u8]) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(data).ok()?;
    let member = |name| document.get(name).and_then(serde_json::Value::as_str);
    Some(format!("{} ({})", member("detail")?, member("code")?))
}

/// With the causes, which say what of a certificate is not believed. The error itself would repeat the
/// address, with the token that may stand in it.
fn failed(error: reqwest::Error) -> CliError {
    let error = error.without_url();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    CliError::environment(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_documents_are_told_in_words() {
        let document = br#"{"code":"key-unknown","detail":"There is no \"key\"","status":404}"#;
        assert_eq!(problem(document).unwrap(), "There is no \"key\" (key-unknown)");
        assert!(problem(b"<Error/>").is_none() && problem(br#"{"detail":5}"#).is_none());
    }

    #[tokio::test]
    async fn parts_have_the_length_that_was_asked_for() {
        let part = |status, range| part_of(status, b"abcdef".to_vec(), range).ok();
        assert_eq!(part(StatusCode::PARTIAL_CONTENT, 10..16).as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(part(StatusCode::PARTIAL_CONTENT, 10..15), None);
        assert_eq!(part(StatusCode::PARTIAL_CONTENT, 10..17), None);
        assert_eq!(part(StatusCode::OK, 1..3).as_deref(), Some(&b"bc"[..]));
        assert_eq!(part(StatusCode::OK, 1..7), None);
        let empty = fetch_part("http://127.0.0.1:1/", 0..0).await.unwrap_err();
        assert!(empty.to_string().contains("is empty"));
    }
}
