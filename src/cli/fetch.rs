//! Reading what a server at hand sends.

use std::ops::Range;

use reqwest::header::RANGE;

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
    if !url.starts_with("http://") {
        return Err(CliError::usage("files and http:// addresses are read"));
    }
    // The error of the library would repeat the address, with the token that may stand in it.
    let failed = |error: reqwest::Error| CliError::environment(error.without_url());
    let mut request = reqwest::Client::new().get(url);
    if let Some(bytes) = &bytes {
        request = request.header(RANGE, format!("bytes={}-{}", bytes.start, bytes.end - 1));
    }
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
    match bytes {
        Some(bytes) if status != reqwest::StatusCode::PARTIAL_CONTENT => {
            let range = usize::try_from(bytes.start).ok().zip(usize::try_from(bytes.end).ok());
            let part = range.and_then(|(start, end)| data.get(start..end));
            part.map(<[u8]>::to_vec).ok_or(CliError::refused("the byte range lies outside"))
        }
        _ => Ok(data),
    }
}
