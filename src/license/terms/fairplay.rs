//! Rights of a FairPlay option (ams.md section 13, fairplay.md section 5).

use crate::license::Rights;
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
    Rights { persistent, rental_duration, playback_duration, ..Rights::PLAY }
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
}
