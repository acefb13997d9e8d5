//! The PlayReady client.

use std::path::Path;

use data_encoding::BASE64;
use jiff::Timestamp;
use ring::rand::SystemRandom;

use super::{Asking, GENERATED, Keys, Request, load_trust};
use crate::cenc::Scheme;
use crate::cli::CliError;
use crate::cli::fetch::post;
use crate::drm::playready::{Header, HeaderKey, Object};
use crate::license::playready::client::{
    ClientDevice, ClientError, Question, acknowledgement, answer, challenge,
};
use crate::license::playready::maker::random_id;

pub(super) fn ask(request: &Request) -> Asking<'_> {
    Box::pin(licence(request))
}

async fn licence(request: &Request) -> Result<Keys, CliError> {
    if request.privacy || request.offline || request.renew || request.release {
        let flags = "--privacy, --offline, --renew and --release are not for PlayReady";
        return Err(CliError::usage(flags));
    }
    let device = device(request)?;
    let service = load_trust(request)?.playready;
    let service = service.ok_or_else(|| CliError::usage("--drm-dir: nothing for PlayReady"))?;
    let random = SystemRandom::new();
    let question = Question {
        header: &header(request)?.to_string(),
        custom_data: None,
        nonce: random_id(&random).map_err(CliError::environment)?,
        time: u64::try_from(Timestamp::now().as_second()).unwrap_or(0),
    };
    let body = challenge(&device, service.server_public(), &question, &random).map_err(refused)?;
    let send = |body: String| post(&request.url, request.token.as_deref(), body.into_bytes());
    let text = String::from_utf8(send(body).await?);
    let text = text.map_err(|_| CliError::refused("the answer is no text"))?;
    let opened = answer(&text, &device, service.trust(), &question).map_err(refused)?;
    if let Some(transaction) = &opened.transaction {
        send(acknowledgement(transaction)).await?;
    }
    Ok(opened.licences.into_iter().map(|licence| (licence.kid, licence.key)).collect())
}

fn refused(error: ClientError) -> CliError {
    CliError::refused(error)
}

fn header(request: &Request) -> Result<Header, CliError> {
    let Some(text) = &request.pssh else {
        // Without checksums: they take the keys that are asked for.
        let key = |kid| HeaderKey { checksum: None, ..HeaderKey::new(kid, Scheme::Cenc, [0; 8]) };
        return Ok(Header::new(request.kid.iter().copied().map(key).collect()));
    };
    let object = BASE64.decode(text.as_bytes()).ok();
    let header = object.and_then(|object| Object::read(&object).ok()?.header().ok());
    header.ok_or_else(|| CliError::usage("--pssh takes a PlayReady Object in base64"))
}

fn device(request: &Request) -> Result<ClientDevice, CliError> {
    if request.device == GENERATED {
        let rule = "--device is needed: a service for PlayReady takes no device of another root";
        return Err(CliError::usage(rule));
    }
    let path = Path::new(&request.device);
    let file = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
    ClientDevice::from_file(&file).map_err(refused)
}
