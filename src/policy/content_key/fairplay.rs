//! What a FairPlay option delivers (ams.md section 13).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::configuration::leave_to_upstream;
use crate::package::announced::HdcpLevel;
use crate::policy::duration::Seconds;
use crate::policy::secret::Secret;

/// What a FairPlay option delivers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FairPlayConfiguration {
    /// The application secret key, 16 bytes. When it is absent with the certificate, those of the
    /// server's own folder of credentials serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Secret>,
    /// Certificate and private key, PKCS#12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair_play_pfx: Option<Secret>,
    /// The password of `fair_play_pfx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair_play_pfx_password: Option<Password>,
    /// Whether and how long clients keep keys.
    pub rental_and_lease_key_type: RentalAndLeaseKeyType,
    /// How long keys are kept; counts for `PersistentLimited` only.
    #[serde(default)]
    pub rental_duration: Seconds,
    /// How long keys are kept; goes with `DualExpiry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_rental_configuration: Option<OfflineRental>,
    /// How long a session plays until the player must ask again; goes with `Undefined`. Ours: Azure
    /// Media Services had no such member.
    #[serde(default, skip_serializing_if = "Seconds::is_zero")]
    pub lease_duration: Seconds,
    /// What outputs must do; `TYPE-0` when it is absent, as clients have it. Ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hdcp_level: Option<HdcpLevel>,
}

/// Whether and how long clients keep keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RentalAndLeaseKeyType {
    /// Nothing is said about it.
    Undefined,
    /// For good.
    PersistentUnlimited,
    /// For `rentalDuration`.
    PersistentLimited,
    /// For the durations of `offlineRentalConfiguration`.
    DualExpiry,
}

/// How long keys are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OfflineRental {
    /// From the first playback on.
    pub playback_duration_seconds: Seconds,
    /// From the delivery to the last moment of a first playback.
    pub storage_duration_seconds: Seconds,
}

/// A password: wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The text, to open what it closes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Zeroizing::new).map(Self)
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

impl FairPlayConfiguration {
    /// Keys under the credentials of the server, with nothing to keep.
    pub fn of_the_server() -> Self {
        Self {
            ask: None,
            fair_play_pfx: None,
            fair_play_pfx_password: None,
            rental_and_lease_key_type: RentalAndLeaseKeyType::Undefined,
            rental_duration: Seconds::default(),
            offline_rental_configuration: None,
            lease_duration: Seconds::default(),
            hdcp_level: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.check_credentials().and_then(|()| self.check_rental()).map_err(str::to_owned)
    }

    pub(super) fn check_forwarded(&self) -> Result<(), String> {
        let key_type = self.rental_and_lease_key_type;
        leave_to_upstream(&[
            ("ask", self.ask.is_some()),
            ("fairPlayPfx", self.fair_play_pfx.is_some()),
            ("fairPlayPfxPassword", self.fair_play_pfx_password.is_some()),
            ("rentalAndLeaseKeyType", key_type != RentalAndLeaseKeyType::Undefined),
            ("rentalDuration", !self.rental_duration.is_zero()),
            ("offlineRentalConfiguration", self.offline_rental_configuration.is_some()),
            ("leaseDuration", !self.lease_duration.is_zero()),
            ("hdcpLevel", self.hdcp_level.is_some()),
        ])
    }

    fn check_credentials(&self) -> Result<(), &'static str> {
        const ASK: &str = "ask: FairPlay configuration must have ASK. ASK must be 16 bytes.";
        match (&self.ask, &self.fair_play_pfx) {
            (Some(ask), _) if ask.expose().len() != 16 => Err(ASK),
            (None, Some(_)) => Err(ASK),
            (_, Some(pfx)) if pfx.expose().is_empty() => Err("fairPlayPfx: empty"),
            (Some(_), None) => Err("fairPlayPfx: missing; ask and certificate go together"),
            (None, None) if self.fair_play_pfx_password.is_some() => {
                Err("fairPlayPfxPassword: there is no fairPlayPfx")
            }
            _ => Ok(()),
        }
    }

    fn check_rental(&self) -> Result<(), &'static str> {
        let is_session = self.rental_and_lease_key_type == RentalAndLeaseKeyType::Undefined;
        if !is_session && !self.lease_duration.is_zero() {
            return Err("leaseDuration: for Undefined only");
        }
        let dual = self.rental_and_lease_key_type == RentalAndLeaseKeyType::DualExpiry;
        match (dual, &self.offline_rental_configuration) {
            (true, None) => Err("offlineRentalConfiguration: needed for DualExpiry"),
            (false, Some(_)) => Err("offlineRentalConfiguration: for DualExpiry only"),
            _ => Ok(()),
        }
    }
}
