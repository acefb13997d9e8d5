//! Writes licences (widevine.md sections 6 and 7).

use std::time::Duration;

use jiff::Timestamp;
use prost::Message;
use ring::hmac;
use zeroize::Zeroizing;

use super::RequestError;
use super::derive::{MacKeys, SessionKeys};
use super::device::{Device, hdcp_number};
use super::existing::Kept;
use super::proto::{
    KeyContainer, License, LicenseIdentification, OutputProtection, Policy, SignedMessage,
    key_type, message_type,
};
use super::request::{Challenge, LicenseType};
use crate::cenc::Scheme;
use crate::crypto::KeyMaterial;
use crate::crypto::random::{Random, array};
use crate::crypto::seal::Sealer;
use crate::license::GrantedKey;
use crate::license::rights::{OutputProtection as Output, Rights, SecurityLevel};
use crate::policy::Configuration;
use crate::policy::content_key::widevine::WidevineTemplate;

/// A licence that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Issue<'a> {
    /// The request.
    pub challenge: &'a Challenge,
    /// Who sent it.
    pub device: &'a Device,
    /// What it is granted and [suits](Device::suits) it, in the order of the request, of one
    /// scheme. Where a licence to be kept is asked for, all may be.
    pub keys: &'a [GrantedKey],
    /// When.
    pub now: Timestamp,
    /// Seals what renewals bring back.
    pub sealer: &'a Sealer,
}

/// Why a grant does not become a licence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// Every granted key is for better devices.
    #[error("the device keeps keys less safe than the content key policy demands")]
    Level,
    /// The keys are of another kind of protection.
    #[error("these keys encrypt whole segments and are delivered without licence")]
    OtherKind,
    /// The content says that it is protected otherwise.
    #[error("the keys were made for another scheme than the one that the content names")]
    OtherScheme,
    /// The licence is one that ends for good.
    #[error("the content key policy does not allow renewals")]
    Renewal,
    /// The format has no way to say when a licence begins.
    #[error("the licence would begin later: a Widevine licence begins when it is issued")]
    NotYet,
    /// It would be of no use.
    #[error("the time of the licence is over")]
    Over,
    /// The request, or the machine.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl IssueError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Level => "widevine-device-level-too-low",
            Self::OtherKind => "widevine-key-of-other-kind",
            Self::OtherScheme => "widevine-scheme-mismatch",
            Self::Renewal => "widevine-renewal-not-allowed",
            Self::NotYet => "widevine-license-not-yet-valid",
            Self::Over => "widevine-license-over",
            Self::Request(error) => error.reason(),
        }
    }
}

impl Issue<'_> {
    /// Writes the licence.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn license(&self, random: &mut Random<'_>) -> Result<Vec<u8>, IssueError> {
        let [first, ..] = self.keys else { return Err(IssueError::Level) };
        let rights = common_rights(self.keys).ok_or(IssueError::Level)?;
        let license_type = self.license_type(&rights);
        let policy = policy(&rights, self.now)?;

        let session_key = Zeroizing::new(array::<16>(random).map_err(RequestError::from)?);
        let session = SessionKeys::derive(&session_key, &self.challenge.msg);
        let signing = (rights.renewal.is_some() || license_type == LicenseType::Offline)
            .then(|| draw_macs(random))
            .transpose()?;
        let kept = signing.as_ref().map(|macs| Kept {
            kids: self.keys.iter().map(|key| key.kid).collect(),
            macs: macs.clone(),
            device: self.device.standing.clone(),
            until: last_renewal(&rights, self.now),
        });
        let mut containers = Vec::with_capacity(self.keys.len() + 1);
        if let Some(macs) = &signing {
            containers.push(container(&session, key_type::SIGNING, macs.expose(), random)?);
        }
        for key in self.keys {
            containers.push(granted_key(&session, key, random)?);
        }
        let wrapped = self.device.key.encrypt(random, &*session_key);
        let license = License {
            id: Some(self.identification(license_type, kept, first, random)?),
            policy: Some(policy),
            key: containers,
            license_start_time: Some(self.now.as_second()),
            provider_client_token: self.client_token(first),
            protection_scheme: scheme(first),
        };
        // A certified key that takes no 16 bytes has less than 1024 bits, which does not read.
        let session_key = wrapped.map_err(|_| RequestError::Malformed)?;
        Ok(signed(&license, &session.macs, Some(session_key)))
    }

    fn license_type(&self, rights: &Rights) -> LicenseType {
        match self.challenge.wanted.license_type {
            LicenseType::Automatic if rights.persistent => LicenseType::Offline,
            LicenseType::Automatic => LicenseType::Streaming,
            asked => asked,
        }
    }

    fn identification(
        &self,
        license_type: LicenseType,
        kept: Option<Kept>,
        key: &GrantedKey,
        random: &mut Random<'_>,
    ) -> Result<LicenseIdentification, RequestError> {
        let session_id = match kept {
            Some(kept) => kept.seal(self.sealer, random)?,
            None => array::<16>(random)?.to_vec(),
        };
        let token = template(key).and_then(|it| it.session_init.provider_session_token.as_ref());
        Ok(LicenseIdentification {
            request_id: Some(self.challenge.wanted.request_id.clone()),
            session_id: Some(session_id),
            purchase_id: None,
            kind: Some(license_type.number()),
            version: Some(0),
            provider_session_token: token.map(|token| token.expose().to_vec()),
        })
    }

    /// What the client is to keep; a client that keeps something keeps that, unless it is to be
    /// replaced.
    fn client_token(&self, key: &GrantedKey) -> Option<Vec<u8>> {
        let init = &template(key)?.session_init;
        let wanted = !self.device.keeps_token || init.override_provider_client_token;
        let token = init.provider_client_token.as_ref().filter(|_| wanted);
        token.map(|token| token.expose().to_vec())
    }
}

/// What all of these keys allow; `None` for no key.
pub(super) fn common_rights(keys: &[GrantedKey]) -> Option<Rights> {
    let (first, others) = keys.split_first()?;
    Some(others.iter().fold(first.rights.clone(), |rights, key| rights.and(&key.rights)))
}

/// The template of the option that decided.
pub(super) fn template(key: &GrantedKey) -> Option<&WidevineTemplate> {
    match key.by.configuration() {
        Configuration::Widevine(configuration) => Some(&configuration.template),
        _ => None,
    }
}

fn draw_macs(random: &mut Random<'_>) -> Result<MacKeys, RequestError> {
    Ok(MacKeys::new(Zeroizing::new(array(random)?)))
}

/// The last moment at which a licence may be renewed, in seconds since 1970: its end, and the time
/// that a client plays on while it tries.
pub(super) fn last_renewal(rights: &Rights, now: Timestamp) -> Option<i64> {
    let recovery = rights.renewal.as_ref().map_or(Duration::ZERO, |it| it.recovery_duration);
    let end = rights.ends(now)?;
    Some(end.checked_add(recovery).unwrap_or(Timestamp::MAX).as_second())
}

/// The policy; durations that are absent have no limit.
pub(super) fn policy(rights: &Rights, now: Timestamp) -> Result<Policy, IssueError> {
    if rights.begin.is_some_and(|begin| begin > now) {
        return Err(IssueError::NotYet);
    }
    let lasts = rights.lasts(now);
    // Less than a second would be written as 0, which means for ever.
    if lasts.is_some_and(|lasts| lasts < Duration::from_secs(1)) {
        return Err(IssueError::Over);
    }
    let renewal = rights.renewal.as_ref();
    let stated = |duration: Duration| Some(seconds(duration)).filter(|seconds| *seconds > 0);
    Ok(Policy {
        can_play: Some(rights.play),
        can_persist: Some(rights.persistent),
        can_renew: Some(renewal.is_some()),
        rental_duration_seconds: rights.rental_duration.map(seconds),
        playback_duration_seconds: rights.playback_duration.map(seconds),
        license_duration_seconds: lasts.map(seconds),
        renewal_recovery_duration_seconds: renewal.and_then(|it| stated(it.recovery_duration)),
        renewal_server_url: renewal.and_then(|it| it.server_url.clone()),
        renewal_delay_seconds: renewal.and_then(|it| stated(it.delay)),
        renewal_retry_interval_seconds: renewal.and_then(|it| stated(it.retry_interval)),
        renew_with_usage: renewal.map(|it| it.with_usage),
    })
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn container(
    session: &SessionKeys,
    kind: i32,
    key: &[u8],
    random: &mut Random<'_>,
) -> Result<KeyContainer, RequestError> {
    let iv = array(random)?;
    Ok(KeyContainer {
        iv: Some(iv.to_vec()),
        key: Some(session.seal(iv, key)),
        kind: Some(kind),
        ..KeyContainer::default()
    })
}

fn granted_key(
    session: &SessionKeys,
    granted: &GrantedKey,
    random: &mut Random<'_>,
) -> Result<KeyContainer, RequestError> {
    let kind = match granted.key {
        KeyMaterial::Content(_) => key_type::CONTENT,
        KeyMaterial::Root(_) => key_type::ENTITLEMENT,
    };
    Ok(KeyContainer {
        id: Some(granted.kid.as_bytes().to_vec()),
        level: granted.rights.security_level.map(SecurityLevel::widevine).map(i32::from),
        required_protection: protection(&granted.rights.output),
        track_label: Some(granted.label.clone()),
        ..container(session, kind, granted.key.expose(), random)?
    })
}

/// What outputs must do, as far as the format can say it; `None` when nothing is demanded.
fn protection(output: &Output) -> Option<OutputProtection> {
    let protection = OutputProtection {
        hdcp: hdcp_number(output.hdcp).filter(|number| *number != 0),
        cgms_flags: output.cgms.map(|cgms| match cgms.configuration {
            0 => 0,
            2 => 2,
            // "No more copies" has no number of its own.
            _ => 3,
        }),
        disable_analog_output: output.digital_only.then_some(true),
    };
    (protection != OutputProtection::default()).then_some(protection)
}

/// Said of all but `cenc`, which is what nothing means.
fn scheme(key: &GrantedKey) -> Option<u32> {
    let scheme = Scheme::of(key.protection).filter(|scheme| *scheme != Scheme::Cenc);
    scheme.map(|scheme| u32::from_be_bytes(scheme.row().fourcc.0))
}

/// The envelope of a licence.
pub(super) fn signed(license: &License, macs: &MacKeys, session_key: Option<Vec<u8>>) -> Vec<u8> {
    let msg = license.encode_to_vec();
    let signature = hmac::sign(&macs.server(), &msg).as_ref().to_vec();
    let message = SignedMessage {
        kind: Some(message_type::LICENSE),
        msg: Some(msg),
        signature: Some(signature),
        session_key,
        oemcrypto_core_message: None,
    };
    message.encode_to_vec()
}
