//! The Widevine client.

use std::path::Path;

use data_encoding::BASE64;
use jiff::Timestamp;
use prost::Message;

use super::{Asking, GENERATED, Keys, Request};
use crate::cli::CliError;
use crate::cli::fetch::post;
use crate::crypto::random::System;
use crate::drm::widevine::PsshData;
use crate::ids::SystemId;
use crate::isobmff::cenc::Pssh;
use crate::license::widevine::LicenseType;
use crate::license::widevine::maker::{MakeError, Maker, Subject};
use crate::license::widevine::test_device::{
    Ask, ClientError, Content, Kind, SERVICE_CERTIFICATE_REQUEST, TestDevice,
};

/// System id of generated devices, and their level.
const GENERATED_SYSTEM: u32 = 61443;
const GENERATED_LEVEL: u8 = 3;

pub(super) fn ask(request: &Request) -> Asking<'_> {
    Box::pin(licence(request))
}

async fn licence(request: &Request) -> Result<Keys, CliError> {
    let random = &mut System::new();
    let (device, now) = (device(request)?, Timestamp::now().as_second());
    let send = |body| post(&request.url, request.token.as_deref(), body);
    let certificate = match request.privacy {
        true => Some(send(SERVICE_CERTIFICATE_REQUEST.to_vec()).await?),
        false => None,
    };
    let data = data(request)?;
    let ask = Ask {
        content: Content::PsshData(&data),
        license_type: if request.offline { LicenseType::Offline } else { LicenseType::Streaming },
        privacy: certificate.as_deref(),
        time: now,
    };
    let session = device.ask(&ask, random).map_err(refused)?;
    let mut opened = session.open(&send(session.body.clone()).await?).map_err(refused)?;
    for (wanted, release) in [(request.renew, false), (request.release, true)] {
        if wanted {
            let body = opened.again(release, now).map_err(refused)?;
            opened.renewed(&send(body).await?).map_err(refused)?;
        }
    }
    // What is asked with may hold keys that open only now.
    let entitled = wrapped(&data).map_or_else(Vec::new, |data| opened.entitled(&data));
    let keys: Keys = opened.keys.into_iter().chain(entitled).collect();
    match keys.is_empty() {
        true => Err(CliError::refused(
            "the licence has root keys alone: ask with the box that holds keys under them (--pssh)",
        )),
        false => Ok(keys),
    }
}

/// What a box says, or data alone.
fn wrapped(data: &[u8]) -> Option<PsshData> {
    let boxed = Pssh::read_row(data).ok();
    let own = |boxes: Vec<Pssh>| boxes.into_iter().find(|pssh| pssh.system == SystemId::WIDEVINE);
    let own = boxed.and_then(own).map(|pssh| pssh.data);
    PsshData::read(own.as_deref().unwrap_or(data)).ok()
}

fn refused(error: ClientError) -> CliError {
    CliError::refused(error)
}

fn data(request: &Request) -> Result<Vec<u8>, CliError> {
    match &request.pssh {
        Some(text) => {
            let data = BASE64.decode(text.as_bytes());
            data.map_err(|_| CliError::usage("--pssh takes base64"))
        }
        None => {
            let key_ids = request.kid.iter().map(|kid| kid.as_bytes().to_vec()).collect();
            Ok(PsshData { key_ids, ..PsshData::default() }.encode_to_vec())
        }
    }
}

fn device(request: &Request) -> Result<TestDevice, CliError> {
    if request.device == GENERATED {
        return generated().map_err(CliError::environment);
    }
    let path = Path::new(&request.device);
    let file = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
    TestDevice::from_wvd(&file).map_err(refused)
}

fn generated() -> Result<TestDevice, MakeError> {
    let mut random = System::new();
    let mut maker = Maker { random: &mut random, now: Timestamp::now().as_second() };
    let root = maker.root()?;
    let model = maker.model(&root, GENERATED_SYSTEM)?;
    let subject = Subject { system_id: Some(GENERATED_SYSTEM), ..Subject::default() };
    let certified = maker.device_certificate(&model, subject)?;
    Ok(maker.device(certified, Kind::Android, GENERATED_LEVEL, GENERATED))
}
