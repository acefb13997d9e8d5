//! Reading what a server at hand sends.

use std::ops::Range;

use reqwest::header::RANGE;
use reqwest::{RequestBuilder, StatusCode};

use super::CliError;

/// More is not fetched from an address.
const MAX_FETCH: usize = 256 << 20;

/// More of a refusal is not read.
const MAX_REFUSAL: usize = 64 << 10;

/// Reads an address into memory. Plain http only: it is meant for servers at hand.
pub(super) async fn fetch(url: &str) -> Result<Vec<u8>, CliError> {
    get(url, None).await
}

/// Reads some of the bytes of an address, also of a server that sends all of them.
pub(super) async fn fetch_part(url: &str, bytes: Range<u64>) -> Result<Vec<u8>, CliError> {
    get(url, Some(bytes)).await
}

async fn get(url: &str, bytes: Option<Range<u64>>) -> Result<Vec<u8>, CliError> {
    check(url)?;
    let mut request = reqwest::Client::new().get(url);
    if let Some(bytes) = &bytes {
        request = request.header(RANGE, format!("bytes={}-{}", bytes.start, bytes.end - 1));
    }
    let (status, data) = answer(request).await?;
    match bytes {
        Some(bytes) if status != StatusCode::PARTIAL_CONTENT => {
            let range = usize::try_from(bytes.start).ok().zip(usize::try_from(bytes.end).ok());
            let part = range.and_then(|(start, end)| data.get(start..end));
            part.map(<[u8]>::to_vec).ok_or(CliError::refused("the byte range lies outside"))
        }
        _ => Ok(data),
    }
}

/// Posts a licence request, with the token where there is one, and reads the answer.
pub(super) async fn post(
    url: &str,
    token: Option<&str>,
    body: Vec<u8>,
) -> Result<Vec<u8>, CliError> {
    check(url)?;
    let request = reqwest::Client::new().post(url).body(body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    answer(request).await.map(|(_, data)| data)
}

fn check(url: &str) -> Result<(), CliError> {
    let is_http = url.starts_with("http://");
    is_http.then_some(()).ok_or_else(|| CliError::usage("files and http:// addresses are read"))
}

/// What a server answers, when it is no refusal.
async fn answer(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), CliError> {
    // The error of the library would repeat the address, with the token that may stand in it.
    let failed = |error: reqwest::Error| CliError::environment(error.without_url());
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status();
    let limit = if status.is_success() { MAX_FETCH } else { MAX_REFUSAL };
    let mut data = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        data.extend_from_slice(&part);
        if data.len() > limit {
            return Err(CliError::refused("the answer is larger than is read"));
        }
    }
    if !status.is_success() {
        // What a stranger's server says must not steer the terminal.
        let said = String::from_utf8_lossy(&data);
        let said = said.escape_debug();
        return Err(CliError::refused(format_args!("the server answers {status}: {said}")));
    }
    Ok((status, data))
}
