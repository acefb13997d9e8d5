//! Identifiers that travel in URLs, boxes and licences.
//!
//! All are 16 bytes in GUID text order (ISO/IEC 23001-7 section 8.2: the order of `tenc` and
//! `pssh`); only PlayReady headers swap bytes, and they do it where they are written.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The text is not a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID: 32 hexadecimal digits, with or without hyphens, are expected")]
pub struct ParseGuidError;

macro_rules! guid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Takes the 16 bytes in GUID text order.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes in GUID text order.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// A new random (version 4) identifier.
            pub fn random() -> Self {
                Self(Uuid::new_v4().into_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Uuid::from_bytes(self.0).as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseGuidError;

            /// Reads a GUID in any case, with or without hyphens; braces and URN forms are refused.
            fn from_str(text: &str) -> Result<Self, ParseGuidError> {
                if text.len() != 36 && text.len() != 32 {
                    return Err(ParseGuidError);
                }
                Uuid::try_parse(text).map(|id| Self(id.into_bytes())).map_err(|_| ParseGuidError)
            }
        }
    };
}

guid_type!(
    /// Names a content key (KID).
    KeyId
);
guid_type!(
    /// Names a streaming locator: the first path component of every streaming URL.
    LocatorId
);
guid_type!(
    /// Names a protection system in `pssh` boxes and manifests (packaging.md section 2).
    SystemId
);

/// Protection systems with a name (packaging.md section 2).
const SYSTEMS: &[(SystemId, &str)] = &[
    (SystemId::COMMON, "W3C common"),
    (SystemId::CLEAR_KEY, "ClearKey"),
    (SystemId::WIDEVINE, "Widevine"),
    (SystemId::PLAY_READY, "PlayReady"),
    (SystemId::FAIR_PLAY, "FairPlay"),
    (SystemId::MARLIN, "Marlin"),
];

impl SystemId {
    /// W3C common system: `pssh` version 1 with KIDs and no data.
    pub const COMMON: Self = Self(0x1077efec_c0b2_4d02_ace3_3c1e52e2fb4b_u128.to_be_bytes());
    /// DASH-IF ClearKey: labels the MPD descriptor only, never a `pssh`.
    pub const CLEAR_KEY: Self = Self(0xe2719d58_a985_b3c9_781a_b030af78d30e_u128.to_be_bytes());
    /// Widevine.
    pub const WIDEVINE: Self = Self(0xedef8ba9_79d6_4ace_a3c8_27dcd51d21ed_u128.to_be_bytes());
    /// PlayReady.
    pub const PLAY_READY: Self = Self(0x9a04f079_9840_4286_ab92_e65be0885f95_u128.to_be_bytes());
    /// FairPlay: in manifests only, never a `pssh`.
    pub const FAIR_PLAY: Self = Self(0x94ce86fb_07ff_4f43_adb8_93d2fa968ca2_u128.to_be_bytes());
    /// Marlin.
    pub const MARLIN: Self = Self(0x5e629af5_38da_4063_8977_97ffbd9902d4_u128.to_be_bytes());

    /// The name of a known system.
    pub fn name(self) -> Option<&'static str> {
        SYSTEMS.iter().find(|(system, _)| *system == self).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_read_in_any_case_and_print_in_lower_case_with_hyphens() {
        let text = "9EB4050D-E44B-4802-932E-27D75083E266";
        let kid: KeyId = text.parse().unwrap();
        assert_eq!(kid.to_string(), text.to_lowercase());
        assert_eq!(text.replace('-', "").parse::<KeyId>().unwrap(), kid);
    }

    #[test]
    fn other_uuid_spellings_are_refused() {
        for text in ["", "{9eb4050d-e44b-4802-932e-27d75083e266}", "urn:uuid:x", "9eb4050d"] {
            assert_eq!(text.parse::<KeyId>(), Err(ParseGuidError), "{text}");
        }
    }
}
