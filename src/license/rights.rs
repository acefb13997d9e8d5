//! What a client may do with a key: one structure for all systems, a superset of the licence
//! templates of Azure Media Services (ams.md sections 11 to 13).
//!
//! [`super::terms`] makes it from the option of a policy that decided; the writer of each system
//! says as much of it as the system can express (docs/LICENCES.md has the table). Relative times of
//! templates are resolved against the time of the decision; durations that are left out have no
//! limit.

use std::time::Duration;

use jiff::Timestamp;

/// What a client may do with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Whether the content may be played at all.
    pub play: bool,
    /// Not to be used before.
    pub begin: Option<Timestamp>,
    /// Not to be used from then on.
    pub expiration: Option<Timestamp>,
    /// From the issue to the end of the licence: a lease.
    pub license_duration: Option<Duration>,
    /// From the issue to the last moment at which a first playback may begin: rental, storage.
    pub rental_duration: Option<Duration>,
    /// From the first playback to the last.
    pub playback_duration: Option<Duration>,
    /// How long a kept licence outlives its end while the client's clock is not trusted.
    pub grace_period: Option<Duration>,
    /// Whether the client may keep the licence.
    pub persistent: bool,
    /// Whether and how the licence is renewed.
    pub renewal: Option<Renewal>,
    /// The least security level of a device.
    pub security_level: Option<SecurityLevel>,
    /// What outputs of the device must do.
    pub output: OutputProtection,
    /// Text for the client that goes with the licence.
    pub custom_data: Option<String>,
}

/// How a licence is renewed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// Where, when not where it came from.
    pub server_url: Option<String>,
    /// From the start of the licence to the first renewal.
    pub delay: Duration,
    /// Between renewals that fail.
    pub retry_interval: Duration,
    /// How long playback goes on while renewals fail.
    pub recovery_duration: Duration,
    /// Whether to renew when playback begins.
    pub with_usage: bool,
}

/// How well a device keeps keys and pictures, in steps that hold the levels of all systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecurityLevel {
    /// Devices under development.
    Test,
    /// Keys in software.
    SoftwareCrypto,
    /// Keys and decoder in protected software.
    SoftwareDecode,
    /// Keys in hardware.
    HardwareCrypto,
    /// Keys and decoder in hardware.
    HardwareDecode,
    /// The whole way in hardware.
    HardwareAll,
}

impl SecurityLevel {
    /// The `level` of a Widevine key container, 1 to 5 (widevine.md section 7).
    pub fn widevine(self) -> u8 {
        match self {
            Self::Test | Self::SoftwareCrypto => 1,
            Self::SoftwareDecode => 2,
            Self::HardwareCrypto => 3,
            Self::HardwareDecode => 4,
            Self::HardwareAll => 5,
        }
    }

    /// From the `level` of a Widevine key container.
    pub fn of_widevine(level: u8) -> Option<Self> {
        match level {
            1 => Some(Self::SoftwareCrypto),
            2 => Some(Self::SoftwareDecode),
            3 => Some(Self::HardwareCrypto),
            4 => Some(Self::HardwareDecode),
            5 => Some(Self::HardwareAll),
            _ => None,
        }
    }

    /// The PlayReady security level: 150, 2000 or 3000 (playready.md section 6).
    pub fn playready(self) -> u16 {
        match self {
            Self::Test => 150,
            Self::SoftwareCrypto | Self::SoftwareDecode => 2000,
            Self::HardwareCrypto | Self::HardwareDecode | Self::HardwareAll => 3000,
        }
    }
}

/// What outputs of a device must do; the default demands nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputProtection {
    /// The least HDCP version on digital outputs.
    pub hdcp: Hdcp,
    /// CGMS-A on analogue outputs.
    pub cgms: Option<Cgms>,
    /// Least protection levels by kind of signal.
    pub levels: OutputLevels,
    /// No analogue outputs at all.
    pub digital_only: bool,
    /// Copies of digital sound (SCMS), 0 to 3.
    pub scms: Option<u8>,
    /// Automatic gain control and colour stripe on analogue outputs, 0 to 3.
    pub agc_color_stripe: Option<u8>,
    /// Less resolution on analogue component outputs.
    pub constrain_component: bool,
    /// Less resolution on analogue computer monitors.
    pub constrain_monitor: bool,
    /// What happens to outputs that the client cannot tell.
    pub unknown_output: UnknownOutput,
}

/// The least HDCP version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Hdcp {
    /// None is demanded.
    #[default]
    None,
    /// 1.x.
    V1,
    /// 2.0.
    V2,
    /// 2.1.
    V2_1,
    /// 2.2: what is called type 1 content.
    V2_2,
    /// 2.3.
    V2_3,
    /// No digital output at all.
    NoDigitalOutput,
}

/// CGMS-A on analogue outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cgms {
    /// 0 copies are free, 1 no more copies, 2 one copy, 3 no copy.
    pub configuration: u8,
    /// Whether outputs that cannot do it may be used.
    pub best_effort: bool,
}

/// Least output protection levels (playready.md section 7); `None` demands nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLevels {
    /// 400 or 500.
    pub compressed_digital_video: Option<u16>,
    /// 100, 250, 270 or 300.
    pub uncompressed_digital_video: Option<u16>,
    /// 100, 150 or 200.
    pub analog_video: Option<u16>,
    /// 100, 150, 200, 250 or 300.
    pub compressed_digital_audio: Option<u16>,
    /// 100, 150, 200, 250 or 300.
    pub uncompressed_digital_audio: Option<u16>,
}

/// What happens to outputs that the client cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum UnknownOutput {
    /// They may be used.
    #[default]
    Allowed,
    /// They may be used with less resolution.
    Constrained,
    /// They stay dark.
    NotAllowed,
}

impl Rights {
    /// To play now, without limit, and to keep nothing: what an option without template gives.
    pub const PLAY: Self = Self {
        play: true,
        begin: None,
        expiration: None,
        license_duration: None,
        rental_duration: None,
        playback_duration: None,
        grace_period: None,
        persistent: false,
        renewal: None,
        security_level: None,
        output: OutputProtection {
            hdcp: Hdcp::None,
            cgms: None,
            levels: OutputLevels {
                compressed_digital_video: None,
                uncompressed_digital_video: None,
                analog_video: None,
                compressed_digital_audio: None,
                uncompressed_digital_audio: None,
            },
            digital_only: false,
            scms: None,
            agc_color_stripe: None,
            constrain_component: false,
            constrain_monitor: false,
            unknown_output: UnknownOutput::Allowed,
        },
        custom_data: None,
    };

    /// When a licence issued at `now` ends, for systems that know absolute times only.
    pub fn ends(&self, now: Timestamp) -> Option<Timestamp> {
        let leased = self.license_duration.map(|duration| after(now, duration));
        earlier(self.expiration, leased)
    }

    /// How long a licence issued at `now` lasts, for systems that know durations only. Zero when
    /// it has ended.
    pub fn lasts(&self, now: Timestamp) -> Option<Duration> {
        let left = |end: Timestamp| Duration::try_from(end.duration_since(now)).unwrap_or_default();
        self.ends(now).map(left)
    }

    /// The rights that both sets give, for systems with one set for all keys of a licence: the
    /// later begin, the earlier end, the shorter duration. Levels and outputs belong to one key
    /// and stay those of `self`, as does what is only told to the client.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let shorter = |a: Option<Duration>, b: Option<Duration>| a.into_iter().chain(b).min();
        Self {
            play: self.play && other.play,
            begin: self.begin.into_iter().chain(other.begin).max(),
            expiration: earlier(self.expiration, other.expiration),
            license_duration: shorter(self.license_duration, other.license_duration),
            rental_duration: shorter(self.rental_duration, other.rental_duration),
            playback_duration: shorter(self.playback_duration, other.playback_duration),
            grace_period: self.grace_period.min(other.grace_period),
            persistent: self.persistent && other.persistent,
            renewal: self.renewal.clone().filter(|_| other.renewal.is_some()),
            ..self.clone()
        }
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// Saturates at the end of time.
pub(super) fn after(now: Timestamp, duration: Duration) -> Timestamp {
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
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

    #[test]
    fn the_earlier_of_date_and_lease_ends_a_licence() {
        let rights = |expiration: Option<i64>, license_duration| Rights {
            expiration: expiration.map(at),
            license_duration,
            ..Rights::PLAY
        };
        for (rights, ends, lasts) in [
            (rights(None, None), None, None),
            (rights(Some(1500), None), Some(1500), s(500)),
            (rights(None, s(100)), Some(1100), s(100)),
            (rights(Some(1500), s(100)), Some(1100), s(100)),
            (rights(Some(1050), s(100)), Some(1050), s(50)),
            (rights(Some(900), None), Some(900), s(0)),
        ] {
            assert_eq!(rights.ends(at(1000)), ends.map(at), "{rights:?}");
            assert_eq!(rights.lasts(at(1000)), lasts, "{rights:?}");
        }
        let long = rights(None, Some(Duration::MAX));
        assert_eq!(long.ends(at(1000)), Some(Timestamp::MAX));
    }

    #[test]
    fn rights_in_common_are_never_wider_than_either() {
        let one = Rights {
            begin: Some(at(5)),
            license_duration: s(10),
            grace_period: s(3),
            persistent: true,
            renewal: Some(Renewal::default()),
            ..Rights::PLAY
        };
        let other = Rights {
            begin: Some(at(7)),
            expiration: Some(at(90)),
            license_duration: s(20),
            playback_duration: s(1),
            ..Rights::PLAY
        };
        let common = one.and(&other);
        assert_eq!(common, other.and(&one));
        let expected = Rights { license_duration: s(10), ..other.clone() };
        assert_eq!(common, expected);
        assert_eq!(one.and(&one), one);
        assert!(!one.and(&Rights { play: false, ..Rights::PLAY }).play);
    }

    #[test]
    fn levels_of_widevine_come_back() {
        for level in 1..=5 {
            assert_eq!(SecurityLevel::of_widevine(level).unwrap().widevine(), level);
        }
        assert_eq!((SecurityLevel::of_widevine(0), SecurityLevel::of_widevine(6)), (None, None));
    }
}
