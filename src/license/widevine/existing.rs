//! Renewals and releases (widevine.md section 8). Nothing is stored: what a renewal needs is sealed
//! into the licence and comes back with it, so any instance answers.

use jiff::Timestamp;
use prost::Message;
use ring::hmac;
use zeroize::Zeroizing;

use super::RequestError;
use super::derive::MacKeys;
use super::device::suits;
use super::issue::{IssueError, common_rights, last_renewal, policy, signed};
use super::proto::{License, LicenseIdentification};
use super::request::Existing;
use super::trust::{Standing, Trust};
use crate::crypto::random::Random;
use crate::crypto::seal::Sealer;
use crate::ids::KeyId;
use crate::license::GrantedKey;

/// What sealed state is for.
const PURPOSE: &[u8] = b"widevine";

/// What a licence keeps for its renewal. Its keys are wiped when dropped, and never printed.
#[derive(Debug, Clone)]
pub struct Kept {
    pub(super) kids: Vec<KeyId>,
    pub(super) macs: MacKeys,
    pub(super) device: Standing,
    /// The last moment at which it may be renewed, in seconds since 1970.
    pub(super) until: Option<i64>,
}

/// The form in which it is sealed.
#[derive(Clone, PartialEq, Eq, Message)]
struct State {
    #[prost(bytes = "vec", tag = "1")]
    kids: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    macs: Vec<u8>,
    #[prost(int64, optional, tag = "3")]
    until: Option<i64>,
    #[prost(message, optional, tag = "4")]
    device: Option<Standing>,
}

impl Kept {
    pub(super) fn seal(
        self,
        sealer: &Sealer,
        random: &mut Random<'_>,
    ) -> Result<Vec<u8>, RequestError> {
        let kids = self.kids.iter().flat_map(|kid| *kid.as_bytes()).collect();
        let macs = self.macs.expose().to_vec();
        let mut state = State { kids, macs, until: self.until, device: Some(self.device) };
        let text = Zeroizing::new(state.encode_to_vec());
        zeroize::Zeroize::zeroize(&mut state.macs);
        Ok(sealer.seal(random, PURPOSE, &text)?)
    }

    fn open(sealer: &Sealer, sealed: &[u8]) -> Option<Self> {
        let text = sealer.open(PURPOSE, sealed)?;
        let state = State::decode(&**text).ok()?;
        let macs = Zeroizing::new(state.macs);
        let macs = Zeroizing::new(<[u8; 64]>::try_from(&**macs).ok()?);
        let (kids, _) = state.kids.as_chunks::<16>();
        let kids = kids.iter().copied().map(KeyId::from_bytes).collect();
        Some(Self { kids, macs: MacKeys::new(macs), until: state.until, device: state.device? })
    }
}

/// A request about a licence of this service, from the client that has it.
#[derive(Debug)]
pub struct Opened<'a> {
    existing: &'a Existing,
    kept: Kept,
}

impl Existing {
    /// Finds what the licence kept, and that the client has its keys.
    ///
    /// # Errors
    /// [`RequestError::UnknownLicense`], [`RequestError::Signature`].
    pub fn open(&self, sealer: &Sealer) -> Result<Opened<'_>, RequestError> {
        let sealed = self.id.session_id.as_deref().unwrap_or_default();
        let kept = Kept::open(sealer, sealed).ok_or(RequestError::UnknownLicense)?;
        let verified = hmac::verify(&kept.macs.client(), &self.msg, &self.signature);
        verified.map_err(|_| RequestError::Signature)?;
        Ok(Opened { existing: self, kept })
    }
}

impl Opened<'_> {
    /// The keys of the licence: the policy decides anew on them.
    pub fn kids(&self) -> &[KeyId] {
        &self.kept.kids
    }

    /// More time, under the rights that the policy gives now on all of [the keys](Self::kids), to a
    /// device that would still get them: a licence has one time for all its keys.
    ///
    /// # Errors
    /// [`RequestError::Ended`], [`RequestError::Device`], [`IssueError::Level`],
    /// [`IssueError::Renewal`] when the policy lets nobody renew, and those of a licence.
    pub fn renew(
        self,
        trust: &Trust,
        keys: &[GrantedKey],
        now: Timestamp,
        sealer: &Sealer,
        random: &mut Random<'_>,
    ) -> Result<Vec<u8>, IssueError> {
        if self.kept.until.is_some_and(|until| until < now.as_second()) {
            return Err(RequestError::Ended.into());
        }
        let level = trust.level_of(&self.kept.device, now.as_second());
        let level = level.map_err(RequestError::from)?;
        if !keys.iter().all(|key| suits(level, &key.rights)) {
            return Err(IssueError::Level);
        }
        let rights = common_rights(keys).ok_or(IssueError::Level)?;
        if rights.renewal.is_none() {
            return Err(IssueError::Renewal);
        }
        let policy = policy(&rights, now)?;
        let macs = self.kept.macs.clone();
        let kept = Kept { until: last_renewal(&rights, now), ..self.kept };
        let license = License {
            id: Some(LicenseIdentification {
                session_id: Some(kept.seal(sealer, random)?),
                ..next(&self.existing.id)
            }),
            policy: Some(policy),
            license_start_time: Some(now.as_second()),
            ..License::default()
        };
        Ok(signed(&license, &macs, None))
    }

    /// Acknowledges that the client gives the licence back.
    pub fn release(&self) -> Vec<u8> {
        let license = License { id: Some(next(&self.existing.id)), ..License::default() };
        signed(&license, &self.kept.macs, None)
    }
}

fn next(id: &LicenseIdentification) -> LicenseIdentification {
    let version = id.version.unwrap_or(0).saturating_add(1);
    LicenseIdentification { version: Some(version), ..id.clone() }
}
