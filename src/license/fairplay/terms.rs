//! What of the rights FairPlay can say (fairplay.md section 5).
//!
//! A right that limits and cannot be said to a client is refused, never left out: durations of a
//! session need a client that reports its playback. A right that gives is left out then: without
//! such a report nothing is kept.

use std::time::Duration;

use jiff::Timestamp;

use super::{Capabilities, FairPlayError, Session, tag};
use crate::license::Rights;
use crate::license::rights::{Hdcp, SecurityLevel};

/// What of the rights FairPlay can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    lease: Option<u32>,
    rental: Option<u32>,
    playback: Option<u32>,
    persistent: bool,
    hdcp: u64,
    level: Option<u64>,
}

/// A block `key duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyDuration {
    pub(super) lease: u32,
    pub(super) rental: u32,
    pub(super) kind: u32,
}

/// A block `offline key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfflineKey {
    pub(super) version: u32,
    pub(super) storage: u32,
    pub(super) playback: u32,
}

/// How long a key is good for, in the words of this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    Session,
    Limited(KeyDuration),
    Offline(OfflineKey),
}

impl Terms {
    /// What of rights to a key that is given out now can be said.
    ///
    /// # Errors
    /// [`FairPlayError::NotExpressed`] and [`FairPlayError::Over`].
    pub fn of(rights: &Rights, now: Timestamp) -> Result<Self, FairPlayError> {
        if !rights.play {
            return Err(FairPlayError::NotExpressed("the content may not be played"));
        }
        if rights.begin.is_some_and(|begin| begin > now) {
            return Err(FairPlayError::NotExpressed("they begin later"));
        }
        let lease = rights.lasts(now);
        if lease.is_some_and(|lease| lease.is_zero()) {
            return Err(FairPlayError::Over);
        }
        Ok(Self {
            lease: lease.map(seconds),
            rental: rights.rental_duration.map(seconds),
            playback: rights.playback_duration.map(seconds),
            persistent: rights.persistent,
            hdcp: hdcp(rights.output.hdcp)?,
            level: rights.security_level.map(level),
        })
    }

    pub(super) fn hdcp(&self) -> u64 {
        self.hdcp
    }

    pub(super) fn level(&self) -> Option<u64> {
        self.level
    }

    pub(super) fn lifetime(&self, session: &Session) -> Result<Lifetime, FairPlayError> {
        self.told(session.playback.is_some(), session.capabilities)
    }

    fn told(&self, reports: bool, can: Capabilities) -> Result<Lifetime, FairPlayError> {
        let limits = self.lease.or(self.rental).or(self.playback).is_some();
        match (self.persistent, reports) {
            (true, _) => self.kept(reports, can),
            (false, true) => Ok(self.of_session()?.map_or(Lifetime::Session, Lifetime::Limited)),
            (false, false) if limits => Err(UNREPORTED),
            (false, false) => Ok(Lifetime::Session),
        }
    }

    fn of_session(&self) -> Result<Option<KeyDuration>, FairPlayError> {
        if self.playback.is_some() {
            return Err(FairPlayError::NotExpressed(
                "a playback duration of a key that is not kept",
            ));
        }
        let kind = match (self.lease, self.rental) {
            (None, None) => return Ok(None),
            (Some(_), None) => tag::LEASE,
            (None, Some(_)) => tag::RENTAL,
            (Some(_), Some(_)) => tag::LEASE_AND_RENTAL,
        };
        let (lease, rental) = (self.lease.unwrap_or(0), self.rental.unwrap_or(0));
        Ok(Some(KeyDuration { lease, rental, kind }))
    }

    /// The end of the licence ends what is kept too. A client that cannot tell storage from playback
    /// keeps the key for the storage duration; one that does not report its playback either would
    /// play without end.
    fn kept(&self, reports: bool, can: Capabilities) -> Result<Lifetime, FairPlayError> {
        let storage = self.lease.into_iter().chain(self.rental).min();
        let limited = |rental, kind| Lifetime::Limited(KeyDuration { lease: 0, rental, kind });
        Ok(match (storage, self.playback) {
            (storage, Some(playback)) if can.offline_key() => {
                let version = if can.offline_key_v2() { 2 } else { 1 };
                Lifetime::Offline(OfflineKey { version, storage: storage.unwrap_or(0), playback })
            }
            _ if !reports && self.lease.or(self.playback).is_some() => return Err(UNREPORTED),
            _ if !reports => Lifetime::Session,
            (None, None) => limited(0, tag::PERSIST),
            (Some(rental), _) | (None, Some(rental)) => limited(rental, tag::PERSIST_LIMITED),
        })
    }
}

const UNREPORTED: FairPlayError = FairPlayError::NotExpressed("it does not report its playback");

/// At least one: none is no limit.
fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1)
}

fn hdcp(least: Hdcp) -> Result<u64, FairPlayError> {
    match least {
        Hdcp::None => Ok(tag::HDCP_NONE),
        Hdcp::V1 => Ok(tag::HDCP_TYPE_0),
        Hdcp::V2 | Hdcp::V2_1 | Hdcp::V2_2 => Ok(tag::HDCP_TYPE_1),
        Hdcp::V2_3 => Err(FairPlayError::NotExpressed("HDCP 2.3")),
        Hdcp::NoDigitalOutput => Err(FairPlayError::NotExpressed("no digital outputs")),
    }
}

fn level(least: SecurityLevel) -> u64 {
    match least {
        SecurityLevel::Test | SecurityLevel::SoftwareCrypto => tag::LEVEL_AUDIO,
        SecurityLevel::SoftwareDecode | SecurityLevel::HardwareCrypto => tag::LEVEL_BASELINE,
        SecurityLevel::HardwareDecode | SecurityLevel::HardwareAll => tag::LEVEL_MAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn s(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    fn rights(
        persistent: bool,
        license: Option<Duration>,
        rental: Option<Duration>,
        playback: Option<Duration>,
    ) -> Rights {
        Rights {
            persistent,
            license_duration: license,
            rental_duration: rental,
            playback_duration: playback,
            ..Rights::PLAY
        }
    }

    #[test]
    fn each_set_of_durations_has_its_key_type() {
        let limited =
            |lease, rental, kind| Ok(Lifetime::Limited(KeyDuration { lease, rental, kind }));
        let offline = |version, storage, playback| {
            Ok(Lifetime::Offline(OfflineKey { version, storage, playback }))
        };
        let dual = rights(true, None, s(600), s(60));
        for (rights, reports, capabilities, expected) in [
            (rights(false, None, None, None), true, 0, Ok(Lifetime::Session)),
            (rights(false, None, None, None), false, 0, Ok(Lifetime::Session)),
            (rights(false, s(9), None, None), true, 0, limited(9, 0, tag::LEASE)),
            (rights(false, None, s(8), None), true, 0, limited(0, 8, tag::RENTAL)),
            (rights(false, s(9), s(8), None), true, 0, limited(9, 8, tag::LEASE_AND_RENTAL)),
            (rights(false, s(9), None, None), false, 0, Err(UNREPORTED)),
            (rights(false, None, s(8), None), false, 0, Err(UNREPORTED)),
            (rights(true, s(9), s(8), None), false, 2, Err(UNREPORTED)),
            (rights(true, None, None, s(7)), false, 0, Err(UNREPORTED)),
            (rights(true, None, None, None), true, 0, limited(0, 0, tag::PERSIST)),
            (rights(true, None, None, None), false, 0, Ok(Lifetime::Session)),
            (rights(true, None, s(8), None), true, 2, limited(0, 8, tag::PERSIST_LIMITED)),
            (rights(true, s(5), s(8), None), true, 2, limited(0, 5, tag::PERSIST_LIMITED)),
            (rights(true, None, None, s(7)), true, 0, limited(0, 7, tag::PERSIST_LIMITED)),
            (dual.clone(), true, 0, limited(0, 600, tag::PERSIST_LIMITED)),
            (dual.clone(), false, 0, Err(UNREPORTED)),
            (dual.clone(), false, 2, offline(1, 600, 60)),
            (dual.clone(), true, 2, offline(1, 600, 60)),
            (dual, true, 2 | 8, offline(2, 600, 60)),
        ] {
            let terms = Terms::of(&rights, at(1000)).unwrap();
            assert_eq!(terms.told(reports, Capabilities(capabilities)), expected, "{rights:?}");
        }
        let long = Terms::of(&rights(false, Some(Duration::MAX), None, None), at(1000)).unwrap();
        assert!(long.lease.unwrap() > 1_000_000_000);
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let playback = Terms::of(&rights(false, None, None, s(7)), at(1000)).unwrap();
        assert!(matches!(
            playback.told(true, Capabilities(2)),
            Err(FairPlayError::NotExpressed(_))
        ));
        let refused = |rights: &Rights| Terms::of(rights, at(1000)).unwrap_err().reason();
        let mut hdcp = Rights::PLAY;
        for level in [Hdcp::V2_3, Hdcp::NoDigitalOutput] {
            hdcp.output.hdcp = level;
            assert_eq!(refused(&hdcp), "fairplay-rights-not-expressed");
        }
        let later = Rights { begin: Some(at(1001)), ..Rights::PLAY };
        assert_eq!(refused(&later), "fairplay-rights-not-expressed");
        assert!(Terms::of(&later, at(1001)).is_ok());
        let silent = Rights { play: false, ..Rights::PLAY };
        assert_eq!(refused(&silent), "fairplay-rights-not-expressed");
        let over = Rights { expiration: Some(at(999)), ..Rights::PLAY };
        assert_eq!(refused(&over), "fairplay-rights-over");
    }

    #[test]
    fn outputs_and_levels_have_their_numbers() {
        for (least, number) in [
            (Hdcp::None, 0xef72_894c_a789_5b78),
            (Hdcp::V1, 0x4079_1ac7_8bd5_c571),
            (Hdcp::V2_2, 0x285a_0863_bba8_e1d3),
        ] {
            let mut rights = Rights::PLAY;
            rights.output.hdcp = least;
            assert_eq!(Terms::of(&rights, at(0)).unwrap().hdcp(), number);
        }
        for (least, number) in [
            (SecurityLevel::SoftwareCrypto, 0x17d9_9d57_4eed_567d),
            (SecurityLevel::HardwareCrypto, 0x32f0_0049_66a5_c4f8),
            (SecurityLevel::HardwareAll, 0x4e7f_d924_21d5_88b4),
        ] {
            let rights = Rights { security_level: Some(least), ..Rights::PLAY };
            assert_eq!(Terms::of(&rights, at(0)).unwrap().level(), Some(number));
        }
    }
}
