//! Reading what a server at hand sends.

use super::CliError;

/// More is not fetched from an address.
const MAX_FETCH: usize = 256 << 20;

/// More of a refusal is not read.
const MAX_REFUSAL: usize = 64 << 10;

/// Reads an address into memory. Plain http only: it is meant for servers at hand.
pub(super) async fn fetch(url: &str) -> Result<Vec<u8>, CliError> {
    if !url.starts_with("http://") {
        return Err(CliError::usage("files and http:// addresses are read"));
    }
    // The error of the library would repeat the address, with the token that may stand in it.
    let failed = |error: reqwest::Error| CliError::environment(error.without_url());
    let mut response = reqwest::get(url).await.map_err(failed)?;
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
    Ok(data)
}
