//! The FairPlay client.

use jiff::Timestamp;
use url::Url;

use super::{Asking, GENERATED, Keys, Request, load_trust};
use crate::cli::CliError;
use crate::cli::fetch::post;
use crate::crypto::ContentKey;
use crate::crypto::random::{System, array};
use crate::ids::KeyId;
use crate::license::fairplay::client::{ClientError, Device, Draft, Wish};
use crate::license::fairplay::{
    Capabilities, Credentials, DFunction, PlaybackState, Seed, SpcVersion,
};
use crate::service::d_function::device_key;

/// Reads offline key blocks, of version 2 too.
const OFFLINE: Capabilities = Capabilities(1 << 1 | 1 << 3);

pub(super) fn ask(request: &Request) -> Asking<'_> {
    Box::pin(licence(request))
}

/// A request is for one key, so there is one for each.
async fn licence(request: &Request) -> Result<Keys, CliError> {
    if request.privacy || request.release || request.device != GENERATED {
        return Err(CliError::usage("--privacy, --release and --device are not for FairPlay"));
    }
    if request.pssh.is_some() {
        return Err(CliError::usage("--pssh is not for FairPlay: name keys by --kid"));
    }
    let service = load_trust(request)?.fairplay;
    let service = service.ok_or_else(|| CliError::usage("--drm-dir: nothing for FairPlay"))?;
    let credentials = service.credentials.as_deref();
    let credentials = credentials
        .ok_or_else(|| CliError::usage("--drm-dir: no certificate and ask for FairPlay"))?;
    let certificate = certificate(request, credentials)?;
    let device = device(credentials, &service.function).await?;
    let mut keys = Keys::new();
    for kid in &request.kid {
        let mut states = vec![PlaybackState::Ready];
        states.extend(request.renew.then_some(PlaybackState::Renewing));
        for state in states {
            let key = (*kid, key(request, (certificate, &device), *kid, state).await?);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

fn certificate<'c>(request: &Request, credentials: &'c Credentials) -> Result<&'c [u8], CliError> {
    let Some(number) = request.spc_version else { return Ok(credentials.certificate()) };
    let version = if number == 1 { SpcVersion::V1 } else { SpcVersion::V2 };
    let found = credentials.certificate_for(version);
    found.ok_or_else(|| CliError::usage("--drm-dir: no certificate for --spc-version"))
}

/// A device of this run.
async fn device(credentials: &Credentials, function: &DFunction) -> Result<Device, CliError> {
    let r2 = array(&mut System::new()).map_err(CliError::environment)?;
    let seed = Seed { ask: credentials.ask().clone(), r2 };
    let key = device_key(function, &seed).await.map_err(CliError::environment)?;
    Ok(Device { r2, key })
}

async fn key(
    request: &Request,
    (certificate, device): (&[u8], &Device),
    kid: KeyId,
    state: PlaybackState,
) -> Result<ContentKey, CliError> {
    let (asset, random) = (kid.to_string(), &mut System::new());
    let date = u32::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let capabilities = if request.offline { OFFLINE } else { Capabilities::default() };
    let wish = Wish { asset: asset.as_bytes(), playback: Some((date, state)), capabilities };
    let draft = Draft::new(certificate, device, &wish, random).map_err(refused)?;
    let (spc, opener) = draft.seal(random).map_err(refused)?;
    let url = address(&request.url, kid)?;
    let answer = post(&url, request.token.as_deref(), spc).await?;
    Ok(opener.open(&answer).map_err(refused)?.key)
}

/// The address for a key, which must be named outside of what is encrypted.
fn address(url: &str, kid: KeyId) -> Result<String, CliError> {
    let mut url = Url::parse(url).map_err(|_| CliError::usage("--url is no address"))?;
    let is_named = url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("kid"));
    if !is_named {
        url.query_pairs_mut().append_pair("kid", &kid.to_string());
    }
    Ok(url.into())
}

fn refused(error: ClientError) -> CliError {
    CliError::refused(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_the_key_once() {
        let kid: KeyId = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
        for (url, expected) in [
            ("http://h/FairPlay/", format!("http://h/FairPlay/?kid={kid}")),
            ("http://h/FairPlay/?a=b", format!("http://h/FairPlay/?a=b&kid={kid}")),
            ("http://h/FairPlay/?KID=x", "http://h/FairPlay/?KID=x".to_owned()),
        ] {
            assert_eq!(address(url, kid).unwrap(), expected);
        }
        assert!(address("FairPlay", kid).is_err());
    }
}
