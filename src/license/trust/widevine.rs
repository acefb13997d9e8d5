//! The section `widevine`.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;
use serde_json::Value;

use super::{Files, TrustError, base64, section};
use crate::policy::Secret;

/// What a Widevine licence service trusts and proves itself by.
#[derive(Debug, Clone)]
pub struct WidevineTrust {
    /// SignedDrmCertificate of the root in which device chains end.
    pub root_cert: Vec<u8>,
    /// SignedDrmCertificate of the service: the answer to a service certificate request.
    pub service_cert: Vec<u8>,
    /// The private key of the service certificate, PKCS#8 in PEM.
    pub service_key: Secret,
    /// The provider id in the service certificate.
    pub provider_id: String,
    /// What is known of models of devices, by system id.
    pub systems: BTreeMap<u32, DeviceModel>,
    /// Serial numbers of devices that are refused.
    pub revoked_serials: BTreeSet<Vec<u8>>,
}

/// What is known of a model of devices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeviceModel {
    /// 1 (hardware) to 3 (software); no device says it of itself.
    pub level: u8,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Whether all its devices are refused.
    #[serde(default)]
    pub revoked: bool,
}

#[derive(Deserialize)]
struct Section {
    root_cert: String,
    service_cert: String,
    service_key: String,
    provider_id: String,
    #[serde(default)]
    systems: BTreeMap<u32, DeviceModel>,
    #[serde(default)]
    revoked_serials: Vec<String>,
}

impl WidevineTrust {
    pub(super) fn read(value: Value, files: &dyn Files) -> Result<Self, TrustError> {
        let section: Section = section("widevine", value)?;
        if let Some((id, _)) = section.systems.iter().find(|(_, m)| !(1..=3).contains(&m.level)) {
            return Err(TrustError::new(format!("widevine.systems.{id}.level"), "1 to 3"));
        }
        let serial = |text: &String| {
            HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| {
                TrustError::new("widevine.revoked_serials", "hexadecimal digits are expected")
            })
        };
        Ok(Self {
            root_cert: base64("widevine.root_cert", &section.root_cert)?,
            service_cert: base64("widevine.service_cert", &section.service_cert)?,
            service_key: files.read(&section.service_key)?,
            provider_id: section.provider_id,
            systems: section.systems,
            revoked_serials: section
                .revoked_serials
                .iter()
                .map(serial)
                .collect::<Result<_, _>>()?,
        })
    }
}
