//! The section `widevine`.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use serde_json::Value;

use super::{Files, TrustError, base64, section};
use crate::crypto::rsa::PrivateKey;
use crate::license::widevine::{self, SystemRow, Trust};

#[derive(Deserialize)]
struct Section {
    /// SignedDrmCertificate of the root in which device chains end.
    root_cert: String,
    /// SignedDrmCertificate of the service: the answer to a service certificate request.
    service_cert: String,
    /// File with the private key of the service certificate in PEM.
    service_key: String,
    /// The provider id in the service certificate.
    provider_id: String,
    /// What is known of models of devices, by system id.
    #[serde(default)]
    systems: BTreeMap<u32, DeviceModel>,
    /// Serial numbers of devices that are refused, in hexadecimal digits.
    #[serde(default)]
    revoked_serials: Vec<String>,
}

#[derive(Deserialize)]
struct DeviceModel {
    /// 1 (hardware) to 3 (software); no device says it of itself.
    level: u8,
    #[serde(default)]
    revoked: bool,
}

pub(super) fn read(value: Value, files: &dyn Files) -> Result<Trust, TrustError> {
    let section: Section = section("widevine", value)?;
    if let Some((id, _)) = section.systems.iter().find(|(_, m)| !(1..=3).contains(&m.level)) {
        return Err(TrustError::new(format!("widevine.systems.{id}.level"), "1 to 3"));
    }
    let serial = |text: &String| {
        HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| {
            TrustError::new("widevine.revoked_serials", "hexadecimal digits are expected")
        })
    };
    let serials = section.revoked_serials.iter().map(serial).collect::<Result<Vec<_>, _>>()?;
    let row = |(id, model): (&u32, &DeviceModel)| {
        (*id, SystemRow { level: model.level, revoked: model.revoked })
    };
    let root = base64("widevine.root_cert", &section.root_cert)?;
    let service = base64("widevine.service_cert", &section.service_cert)?;
    let key = files.read(&section.service_key)?;
    let key = std::str::from_utf8(key.expose()).ok().and_then(|pem| PrivateKey::from_pem(pem).ok());
    let key = key.ok_or_else(|| TrustError::new(section.service_key, "no RSA key in PEM"))?;
    let named = |error: widevine::TrustError| {
        TrustError::new(format!("widevine.{}", error.member()), error.to_string())
    };
    Trust::new(&root)
        .and_then(|trust| trust.with_service(&section.provider_id, &service, key))
        .map(|trust| trust.with_systems(section.systems.iter().map(row)).without_serials(serials))
        .map_err(named)
}
