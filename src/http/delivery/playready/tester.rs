//! Licences that testers pick by the query, as Microsoft's test server gives them; on a development
//! server only.

use std::sync::Arc;

use ring::rand::SystemRandom;

use super::{Failure, cipher_of, grant};
use crate::crypto::ContentKey;
use crate::http::delivery::call::Call;
use crate::http::delivery::refused::Refused;
use crate::ids::KeyId;
use crate::license::playready::test_server::{TestConfig, TestKey, content_key};
use crate::license::playready::xmr::{Cipher, Terms};
use crate::license::playready::{Challenge, Device, Extras, Grantable, MAX_KIDS, Service};
use crate::service::delivery::{Delivery, DeliveryError, Granted};
use crate::store::StoreError;
use crate::token::Bearer;

/// What a tester wants, if he may want something.
pub(super) fn config(delivery: &Delivery, call: &Call) -> Result<Option<TestConfig>, Failure> {
    let text = call.parameter("cfg").filter(|_| delivery.is_for_testers());
    let config = text.map(TestConfig::parse).transpose();
    config.map_err(|error| {
        let code = "playready-test-configuration-malformed";
        Refused::System { code, detail: error.to_string() }.into()
    })
}

/// As without configuration, but for the terms. Keys that the tester brings are his, and need no
/// policy; the others do.
pub(super) async fn acquire(
    delivery: &Delivery,
    service: Arc<Service>,
    config: &TestConfig,
    challenge: Challenge,
    token: Option<&Bearer>,
) -> Result<String, Failure> {
    if let Some(code) = config.error {
        return Err(Failure::Wanted(code));
    }
    let wanted = wanted(config, &challenge);
    let own: Vec<KeyId> =
        wanted.iter().filter(|one| one.brought.is_none()).map(|one| one.kid).collect();
    let granted = match own.as_slice() {
        [] => None,
        own => Some(grant(delivery, own, token).await?),
    };
    let grants = wanted.into_iter().filter_map(|one| one.grantable(granted.as_ref()));
    let grants: Vec<Grantable> = grants.collect();
    let now = delivery.now();
    let transaction = config.transaction.map(|id| service.transaction(id));
    let info = config.client_info;
    let made = tokio::task::spawn_blocking(move || {
        let device = service.open(&challenge, now)?;
        let custom_data = info.then(|| client_info(&challenge, &device));
        let extras = Extras { custom_data: custom_data.as_deref(), transaction };
        service.respond((&challenge, &device), &grants, extras, now, &SystemRandom::new())
    });
    let made = made.await.map_err(|_| DeliveryError::Store(StoreError::Closed))?;
    match (&made, granted) {
        (Ok(_), Some(granted)) => granted.delivered(),
        (Err(error), Some(granted)) => granted.refused(error.reason()),
        _ => {}
    }
    made.map_err(Failure::PlayReady)
}

/// A licence that the tester wants for one key.
struct Wanted {
    kid: KeyId,
    /// The key, when it is the tester's own.
    brought: Option<ContentKey>,
    cipher: Option<Cipher>,
    /// What the header says of the key.
    header_cipher: Option<Cipher>,
    terms: Terms,
}

fn wanted(config: &TestConfig, challenge: &Challenge) -> Vec<Wanted> {
    let header = challenge.kids();
    let licences = config.licences.iter().flat_map(|licence| {
        let kids = licence.kid.map_or_else(|| header.clone(), |kid| vec![kid]);
        kids.into_iter().map(move |kid| Wanted {
            kid,
            header_cipher: challenge.cipher(kid),
            brought: match &licence.key {
                TestKey::Own => None,
                TestKey::Given(key) => Some(key.clone()),
                TestKey::Seed(seed) => content_key(seed, kid),
            },
            cipher: licence.cipher,
            terms: licence.terms.clone(),
        })
    });
    licences.take(MAX_KIDS).collect()
}

impl Wanted {
    /// With the tester's key, or that of the service if it was granted.
    fn grantable(self, granted: Option<&Granted>) -> Option<Grantable> {
        let Self { kid, brought, cipher, header_cipher, terms } = self;
        if let Some(key) = brought {
            let cipher = cipher.or(header_cipher).unwrap_or(Cipher::AesCtr);
            return Some(Grantable { kid, key, cipher, terms });
        }
        let own = granted?.keys().iter().find(|key| key.kid == kid)?;
        let cipher = cipher.or(header_cipher).unwrap_or_else(|| cipher_of(own.protection));
        Some(Grantable { kid, key: own.key.content()?.clone(), cipher, terms })
    }
}

fn client_info(challenge: &Challenge, device: &Device) -> String {
    let names = device.names.as_ref().map(|names| names.join("/")).unwrap_or_default();
    let version = challenge.client_version.as_deref().unwrap_or_default();
    format!("SecurityLevel={};ClientVersion={version};Device={names}", device.security_level)
}
