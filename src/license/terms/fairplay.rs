//! Rights of a FairPlay option (ams.md section 13, fairplay.md section 5).

use crate::license::Rights;
use crate::license::rights::{Hdcp, OutputProtection};
use crate::package::announced::HdcpLevel;
use crate::policy::content_key::fairplay::{FairPlayConfiguration, RentalAndLeaseKeyType};

/// Kept with neither duration is kept for good; with a rental duration, for that; with both, for
/// the one until the first playback and for the other from then on.
pub(super) fn rights(configuration: &FairPlayConfiguration) -> Rights {
    let offline = configuration.offline_rental_configuration.as_ref();
    let limited = configuration.rental_duration.limit();
    let (persistent, rental_duration, playback_duration) =
        match configuration.rental_and_lease_key_type {
            RentalAndLeaseKeyType::Undefined => (false, None, None),
            RentalAndLeaseKeyType::PersistentUnlimited => (true, None, None),
            RentalAndLeaseKeyType::PersistentLimited => (true, limited, None),
            RentalAndLeaseKeyType::DualExpiry => (
                true,
                offline.and_then(|offline| offline.storage_duration_seconds.limit()),
                offline.and_then(|offline| offline.playback_duration_seconds.limit()),
            ),
        };
    let output = OutputProtection { hdcp: hdcp(configuration.hdcp_level), ..Rights::PLAY.output };
    let license_duration = configuration.lease_duration.limit();
    Rights {
        persistent,
        license_duration,
        rental_duration,
        playback_duration,
        output,
        ..Rights::PLAY
    }
}

/// Clients take an answer that says nothing for type 0.
fn hdcp(level: Option<HdcpLevel>) -> Hdcp {
    match level {
        Some(HdcpLevel::None) => Hdcp::None,
        Some(HdcpLevel::Type0) | None => Hdcp::V1,
        Some(HdcpLevel::Type1) => Hdcp::V2_2,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn each_key_type_limits_what_it_names() {
        let s = |seconds| Some(Duration::from_secs(seconds));
        let offline = json!({"playbackDurationSeconds": 60, "storageDurationSeconds": 600});
        for (name, offline, expected) in [
            ("Undefined", None, (false, None, None)),
            ("PersistentUnlimited", None, (true, None, None)),
            ("PersistentLimited", None, (true, s(9), None)),
            ("DualExpiry", Some(offline), (true, s(600), s(60))),
        ] {
            let mut json = json!({"rentalAndLeaseKeyType": name, "rentalDuration": 9});
            if let Some(offline) = offline {
                json["offlineRentalConfiguration"] = offline;
            }
            let rights = rights(&serde_json::from_value(json).unwrap());
            let found = (rights.persistent, rights.rental_duration, rights.playback_duration);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn leases_and_outputs_are_those_of_the_option() {
        for (member, value, lease, hdcp) in [
            ("rentalDuration", json!(0), None, Hdcp::V1),
            ("leaseDuration", json!(90), Some(Duration::from_secs(90)), Hdcp::V1),
            ("hdcpLevel", json!("NONE"), None, Hdcp::None),
            ("hdcpLevel", json!("TYPE-0"), None, Hdcp::V1),
            ("hdcpLevel", json!("TYPE-1"), None, Hdcp::V2_2),
        ] {
            let mut json = json!({"rentalAndLeaseKeyType": "Undefined"});
            json[member] = value;
            let rights = rights(&serde_json::from_value(json).unwrap());
            assert_eq!((rights.license_duration, rights.output.hdcp), (lease, hdcp), "{member}");
        }
    }
}
