//! The folder that comes with the program: RSA keys take seconds to make, and `dev` is to be ready
//! at once. Everybody has these keys (`keys/README.md`).

use std::path::{Path, PathBuf};

use crate::cli::CliError;
use crate::service::trust::{self, TRUST_FILE};

macro_rules! files {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_bytes!(concat!("../../../keys/dev/drm/", $file)))),*]
    };
}

/// The document is the last: whoever finds it has them all.
const FILES: &[(&str, &[u8])] = files![
    "widevine/service_key.pem",
    "widevine/device_l1.wvd",
    "widevine/device_l3.wvd",
    "widevine/device_chrome.wvd",
    "playready/server_key.bin",
    "playready/response_signing_key.bin",
    "playready/response_signing_chain.bin",
    "playready/device_sl150.prd",
    "playready/device_sl2000.prd",
    "playready/device_sl3000.prd",
    "fairplay/provider1024.der",
    "fairplay/provider1024_key.pem",
    "fairplay/provider2048.der",
    "fairplay/provider2048_key.pem",
    "trust.json",
];

/// Writes the folder below the data folder unless it is there.
pub(in crate::cli) fn unpack(data: &Path) -> Result<PathBuf, CliError> {
    let dir = data.join("drm");
    if !dir.join(TRUST_FILE).exists() {
        trust::write(&dir, FILES.iter().copied()).map_err(|error| CliError::file(&dir, &error))?;
    }
    Ok(dir)
}
