//! The ClearKey client.

use data_encoding::BASE64;

use super::{Asking, GENERATED, Keys, Request};
use crate::cli::CliError;
use crate::cli::fetch::post;
use crate::ids::KeyId;
use crate::isobmff::cenc::Pssh;
use crate::license::clearkey::{SessionType, client};

pub(super) fn ask(request: &Request) -> Asking<'_> {
    Box::pin(licence(request))
}

async fn licence(request: &Request) -> Result<Keys, CliError> {
    let has_device = request.device != GENERATED || request.drm_dir.is_some();
    if has_device || request.privacy || request.renew || request.release {
        let flags = "--device, --drm-dir, --privacy, --renew and --release are not for ClearKey";
        return Err(CliError::usage(flags));
    }
    let session = match request.offline {
        true => SessionType::PersistentLicense,
        false => SessionType::Temporary,
    };
    let body = client::request(&kids(request)?, session);
    let answer = post(&request.url, request.token.as_deref(), body.into_bytes()).await?;
    client::keys(&answer, session).map_err(CliError::refused)
}

/// Those of the boxes, of whatever system: no other data name keys in one way.
fn kids(request: &Request) -> Result<Vec<KeyId>, CliError> {
    let Some(text) = &request.pssh else { return Ok(request.kid.clone()) };
    let boxes = BASE64.decode(text.as_bytes()).ok().and_then(|data| Pssh::read_row(&data).ok());
    let kids: Vec<_> = boxes.into_iter().flatten().flat_map(|pssh| pssh.key_ids).collect();
    let rule = "--pssh takes boxes of version 1, which list keys, in base64";
    (!kids.is_empty()).then_some(kids).ok_or_else(|| CliError::usage(rule))
}
