//! Roots, a service and devices of one's own, in the files that tools for tests read.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::maker::{Certified, MakeError, Maker, Subject};
use super::test_device::Kind;
use crate::crypto::random::array;

/// The name of the service in its certificate.
const PROVIDER: &str = "portcullis.test";

const SERVICE_KEY: &str = "service_key.pem";

/// System ids of models: in hardware, in software, and of one that is not served any more.
const L1: u32 = 61441;
const L3: u32 = 61443;
const GONE: u32 = 61449;

/// System id, level, name, whether it is revoked.
const MODELS: [(u32, u8, &str, bool); 3] =
    [(L1, 1, "test L1", false), (L3, 3, "test L3", false), (GONE, 3, "test revoked", true)];

/// The files of roots, a service and devices.
#[derive(Debug)]
pub struct Made {
    /// Name in the folder and content.
    pub files: Vec<(String, Zeroizing<Vec<u8>>)>,
    root: Vec<u8>,
    rogue_root: Vec<u8>,
    service: Vec<u8>,
    revoked_serial: [u8; 16],
}

impl Made {
    /// The section `widevine` of `trust.json`, the files lying in `folder`. The second root is in it
    /// for test clients alone.
    pub fn section(&self, folder: &str) -> Value {
        let system = |(id, level, name, revoked): (u32, u8, &str, bool)| {
            (id.to_string(), json!({ "level": level, "name": name, "revoked": revoked }))
        };
        json!({
            "root_cert": BASE64.encode(&self.root),
            "rogue_root_cert": BASE64.encode(&self.rogue_root),
            "provider_id": PROVIDER,
            "service_cert": BASE64.encode(&self.service),
            "service_key": format!("{folder}/{SERVICE_KEY}"),
            "systems": MODELS.map(system).into_iter().collect::<serde_json::Map<_, _>>(),
            "revoked_serials": [HEXLOWER.encode(&self.revoked_serial)],
        })
    }
}

/// Makes a root, a service, devices to be accepted and refused, and a second root that a service
/// must not believe. It takes seconds: each of them has an RSA key of its own.
///
/// # Errors
/// [`MakeError`].
pub fn make(maker: &mut Maker<'_>) -> Result<Made, MakeError> {
    let (root, rogue) = (maker.root()?, maker.root()?);
    let service = maker.service(&root, PROVIDER)?;
    let rogue_service = maker.service(&rogue, "rogue.test")?;
    let revoked_serial = array(maker.random)?;
    let pem = |it: &Certified| Ok::<_, MakeError>(it.key.to_pem()?.as_bytes().to_vec());
    let mut files = vec![
        ("root_key.pem".to_owned(), pem(&root)?),
        ("root_cert.bin".to_owned(), root.certificate.clone()),
        (SERVICE_KEY.to_owned(), pem(&service)?),
        ("service_cert.bin".to_owned(), service.certificate.clone()),
        ("rogue_service_cert.bin".to_owned(), rogue_service.certificate),
    ]
    .into_iter()
    .map(|(name, content)| (name, Zeroizing::new(content)))
    .collect::<Vec<_>>();
    files.extend(devices(maker, (&root, &rogue), &revoked_serial)?);
    Ok(Made {
        files,
        root: root.certificate,
        rogue_root: rogue.certificate,
        service: service.certificate,
        revoked_serial,
    })
}

type Files = Vec<(String, Zeroizing<Vec<u8>>)>;

fn devices(
    maker: &mut Maker<'_>,
    (root, rogue): (&Certified, &Certified),
    revoked_serial: &[u8],
) -> Result<Files, MakeError> {
    let (l1, l3) = (maker.model(root, L1)?, maker.model(root, L3)?);
    // The strange model has a known system id, so that only its chain gives it away.
    let (gone, strange) = (maker.model(root, GONE)?, maker.model(rogue, L3)?);
    let of = |system_id| Subject { system_id: Some(system_id), ..Subject::default() };
    let device = maker.device_certificate(&l3, of(L3))?;
    // Says to be the model, but has another key.
    let pretender = Certified { key: strange.key.clone(), certificate: l3.certificate.clone() };
    let ended = Subject { expires: Some(maker.now - 86_400), ..of(L3) };
    let revoked = Subject { serial: Some(revoked_serial), ..of(L3) };
    let devices = [
        ("l1", &l1, of(L1), Kind::Android),
        ("l3", &l3, of(L3), Kind::Android),
        ("chrome", &l3, of(L3), Kind::Chrome),
        ("expired", &l3, ended, Kind::Android),
        ("revoked_system", &gone, of(GONE), Kind::Android),
        ("revoked_serial", &l3, revoked, Kind::Android),
        ("badsig", &pretender, of(L3), Kind::Android),
        ("forged", &device, of(L3), Kind::Android),
        ("wrongsystem", &l3, of(L1), Kind::Android),
        ("rogue", &strange, of(L3), Kind::Android),
    ];
    let mut files = Vec::with_capacity(devices.len());
    for (name, signer, subject, kind) in devices {
        let certified = maker.device_certificate(signer, subject)?;
        let level = if subject.system_id == Some(L1) { 1 } else { 3 };
        let name = format!("device_{name}");
        let device = maker.device(certified, kind, level, &name);
        files.push((format!("{name}.wvd"), device.to_wvd()?));
    }
    Ok(files)
}
