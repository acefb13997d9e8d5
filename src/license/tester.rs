//! What testers may wish of an answer by the query of its address, on a development server only.
//!
//! [`TABLE`] is all there is to know of it: requests are read by it, docs/LICENCES.md shows it (a test
//! compares), and the player page makes its controls of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::rights::{Rights, SecurityLevel, after};
use super::system::System;
use crate::crypto::KeyMaterial;

/// What the names of all switches begin with; no other parameter of a key or licence address does.
pub const PREFIX: &str = "test-";

/// What is wished of one answer; the default wishes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// How long the answer waits.
    pub delay: Duration,
    /// This HTTP status instead of an answer.
    pub status: Option<u16>,
    /// Pages of other origins may not read the answer.
    pub hidden: bool,
    wrong_key: bool,
    ends_after: Option<Duration>,
    persistent: Option<bool>,
    level: Option<SecurityLevel>,
}

/// One thing to wish for.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Switch {
    /// Name of the parameter.
    pub name: &'static str,
    /// What it may say.
    pub values: Values,
    /// What becomes of the answer.
    pub does: &'static str,
    /// Where it has a meaning; elsewhere it is refused.
    #[serde(serialize_with = "names")]
    pub systems: &'static [System],
    #[serde(skip)]
    set: fn(&mut Wishes, usize),
}

/// What a switch may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// A number between two, both included.
    Number {
        /// The smallest.
        least: usize,
        /// The largest.
        most: usize,
    },
    /// One of these words; what is set is its place.
    Words(&'static [&'static str]),
}

/// The EME name, by which lists of licence addresses go, else our own.
fn names<S: Serializer>(systems: &&[System], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(systems.iter().map(|system| {
        let row = system.row();
        row.key_system.unwrap_or(row.name)
    }))
}

const ALL: &[System] =
    &[System::Raw, System::ClearKey, System::PlayReady, System::Widevine, System::FairPlay];
const LICENCES: &[System] =
    &[System::ClearKey, System::PlayReady, System::Widevine, System::FairPlay];
/// Those whose licences know times and levels.
const RIGHTS: &[System] = &[System::PlayReady, System::Widevine, System::FairPlay];

/// From the lowest up, in the order of `LEVELS`.
const LEVEL_NAMES: &[&str] =
    &["test", "sw-crypto", "sw-decode", "hw-crypto", "hw-decode", "hw-all"];
const LEVELS: [SecurityLevel; 6] = [
    SecurityLevel::Test,
    SecurityLevel::SoftwareCrypto,
    SecurityLevel::SoftwareDecode,
    SecurityLevel::HardwareCrypto,
    SecurityLevel::HardwareDecode,
    SecurityLevel::HardwareAll,
];

/// Every switch.
pub const TABLE: &[Switch] = &[
    Switch {
        name: "test-delay",
        values: Values::Number { least: 0, most: 30_000 },
        does: "the answer comes after so many milliseconds",
        systems: ALL,
        set: |wishes, number| wishes.delay = Duration::from_millis(number as u64),
    },
    Switch {
        name: "test-status",
        values: Values::Number { least: 400, most: 599 },
        does: "a refusal with this HTTP status, whatever was asked",
        systems: ALL,
        set: |wishes, number| wishes.status = u16::try_from(number).ok(),
    },
    Switch {
        name: "test-key",
        values: Values::Words(&["wrong"]),
        does: "keys that decrypt nothing, under the right names",
        systems: ALL,
        set: |wishes, _| wishes.wrong_key = true,
    },
    Switch {
        name: "test-expires",
        values: Values::Number { least: 0, most: 31_536_000 },
        does: "the licence ends after so many seconds; one that has ended (0) is refused",
        systems: RIGHTS,
        set: |wishes, number| wishes.ends_after = Some(Duration::from_secs(number as u64)),
    },
    Switch {
        name: "test-persistent",
        values: Values::Words(&["no", "yes"]),
        does: "clients may keep the licence, or not",
        systems: LICENCES,
        set: |wishes, word| wishes.persistent = Some(word == 1),
    },
    Switch {
        name: "test-level",
        values: Values::Words(LEVEL_NAMES),
        does: "the least security level of devices in the steps of Widevine; `test` is 150 of PlayReady",
        systems: RIGHTS,
        set: |wishes, word| wishes.level = LEVELS.get(word).copied(),
    },
    Switch {
        name: "test-cors",
        values: Values::Words(&["none"]),
        does: "pages of other origins may not read the answer; preflights are answered as always",
        systems: ALL,
        set: |wishes, _| wishes.hidden = true,
    },
];

/// The query wishes what is not to be had. No value is repeated: what stands there may be a slip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// The server is for viewers.
    #[error("`{0}` works on a development server only")]
    NotServed(String),
    /// No switch has this name.
    #[error("there is no switch `{0}`; there are {names}", names = known())]
    Unknown(String),
    /// A switch stands there twice.
    #[error("`{0}` stands there twice")]
    Repeated(&'static str),
    /// A switch says what it cannot.
    #[error("`{name}` takes {values}", values = .0.values, name = .0.name)]
    Value(&'static Switch),
    /// The system has no words for it.
    #[error("`{switch}` has no meaning for {system}", system = .1.name(), switch = .0)]
    NotExpressed(&'static str, System),
}

impl PartialEq for Switch {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Switch {}

impl std::fmt::Display for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number { least, most } => write!(f, "{least} to {most}"),
            Self::Words(words) => f.write_str(&words.join(", ")),
        }
    }
}

fn known() -> String {
    TABLE.iter().map(|switch| switch.name).collect::<Vec<_>>().join(", ")
}

impl WishError {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotServed(_) => "test-switch-not-served",
            Self::Unknown(_) => "test-switch-unknown",
            Self::Repeated(_) => "test-switch-repeated",
            Self::Value(_) => "test-switch-value",
            Self::NotExpressed(..) => "test-switch-not-expressed",
        }
    }
}

/// The longest name that an error repeats, in characters.
const MAX_NAME: usize = 32;

/// Names and values of those parameters of a query that are switches.
fn switches<'a>(
    query: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    query.into_iter().filter(|(name, _)| name.starts_with(PREFIX))
}

/// The answer to a query on a server that is for viewers: nobody is to believe that a switch worked.
///
/// # Errors
/// [`WishError::NotServed`] when there is a switch.
pub fn none<'a>(query: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), WishError> {
    switches(query).next().map_or(Ok(()), |(name, _)| Err(WishError::NotServed(clipped(name))))
}

fn clipped(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

impl Wishes {
    /// Reads the switches of a query for a request of `system`; other parameters are left alone.
    ///
    /// # Errors
    /// [`WishError`], which names the switch.
    pub fn read<'a>(
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
        system: System,
    ) -> Result<Self, WishError> {
        let mut wishes = Self::default();
        let mut seen = Vec::new();
        for (name, value) in switches(query) {
            let switch = TABLE.iter().find(|switch| switch.name == name);
            let switch = switch.ok_or_else(|| WishError::Unknown(clipped(name)))?;
            if seen.contains(&switch.name) {
                return Err(WishError::Repeated(switch.name));
            }
            seen.push(switch.name);
            if !switch.systems.contains(&system) {
                return Err(WishError::NotExpressed(switch.name, system));
            }
            let value = switch.values.read(value).ok_or(WishError::Value(switch))?;
            (switch.set)(&mut wishes, value);
        }
        Ok(wishes)
    }

    /// The rights that are given instead of those of the policy.
    #[must_use]
    pub fn rights(&self, rights: Rights, now: Timestamp) -> Rights {
        let rights = match self.ends_after {
            None => rights,
            Some(left) => {
                Rights { expiration: Some(after(now, left)), license_duration: None, ..rights }
            }
        };
        Rights {
            persistent: self.persistent.unwrap_or(rights.persistent),
            security_level: self.level.or(rights.security_level),
            ..rights
        }
    }

    /// The key that is given instead of the right one.
    #[must_use]
    pub fn key(&self, key: KeyMaterial) -> KeyMaterial {
        if !self.wrong_key {
            return key;
        }
        let wrong: Zeroizing<Vec<u8>> = Zeroizing::new(key.expose().iter().map(|it| !it).collect());
        // As long as before.
        KeyMaterial::from_slice(&wrong).unwrap_or(key)
    }
}

impl Values {
    fn read(self, text: &str) -> Option<usize> {
        match self {
            Self::Number { least, most } => {
                text.parse().ok().filter(|number| (least..=most).contains(number))
            }
            Self::Words(words) => words.iter().position(|word| *word == text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn wishes_change_rights_and_keys() {
        let query = [
            ("kid", "x"),
            ("test-delay", "1500"),
            ("test-status", "503"),
            ("test-key", "wrong"),
            ("test-expires", "60"),
            ("test-persistent", "yes"),
            ("test-level", "hw-all"),
            ("test-cors", "none"),
        ];
        let wishes = Wishes::read(query, System::Widevine).unwrap();
        assert_eq!(
            (wishes.delay.as_millis(), wishes.status, wishes.hidden),
            (1500, Some(503), true)
        );
        let lease = Rights { license_duration: Some(Duration::from_secs(9)), ..Rights::PLAY };
        let rights = wishes.rights(lease.clone(), at(1000));
        assert_eq!(rights.ends(at(1000)), Some(at(1060)));
        assert!(rights.persistent && rights.security_level == Some(SecurityLevel::HardwareAll));
        for length in [16, 32] {
            let key = KeyMaterial::from_slice(&[7; 32][..length]).unwrap();
            assert_eq!(wishes.key(key).expose(), &[!7; 32][..length]);
        }
        let key = KeyMaterial::from_slice(&[7; 16]).unwrap();
        let nothing = Wishes::read([("token", "x"), ("Test-key", "x")], System::Raw).unwrap();
        assert_eq!(nothing, Wishes::default());
        assert_eq!(
            (nothing.rights(lease.clone(), at(1000)), nothing.key(key.clone())),
            (lease, key)
        );
    }

    #[test]
    fn refusals_name_the_switch() {
        for (name, value, system, reason, told) in [
            ("test-", "1", System::Raw, "test-switch-unknown", "`test-`"),
            ("test-dealy", "1", System::Raw, "test-switch-unknown", "`test-dealy`"),
            (
                "test-delay",
                "30001",
                System::Raw,
                "test-switch-value",
                "`test-delay` takes 0 to 30000",
            ),
            ("test-delay", "-1", System::Raw, "test-switch-value", "`test-delay`"),
            (
                "test-status",
                "200",
                System::Raw,
                "test-switch-value",
                "`test-status` takes 400 to 599",
            ),
            ("test-key", "Wrong", System::Raw, "test-switch-value", "`test-key` takes wrong"),
            (
                "test-level",
                "6",
                System::Widevine,
                "test-switch-value",
                "`test-level` takes test, sw-",
            ),
            ("test-level", "test", System::ClearKey, "test-switch-not-expressed", "for clearkey"),
            (
                "test-persistent",
                "no",
                System::Raw,
                "test-switch-not-expressed",
                "`test-persistent`",
            ),
        ] {
            let error = Wishes::read([(name, value)], system).unwrap_err();
            assert_eq!(error.reason(), reason, "{name}={value}");
            assert!(error.to_string().contains(told), "{error}");
        }
        let twice = [("test-key", "wrong"), ("test-key", "wrong")];
        assert_eq!(Wishes::read(twice, System::Raw), Err(WishError::Repeated("test-key")));
        assert_eq!(none([("kid", "1")]), Ok(()));
        assert_eq!(none(twice), Err(WishError::NotServed("test-key".into())));
    }

    #[test]
    fn the_table_is_consistent() {
        assert_eq!(LEVEL_NAMES.len(), LEVELS.len());
        for switch in TABLE {
            assert!(switch.name.starts_with(PREFIX) && !switch.systems.is_empty());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_queries_never_panic(name in ".{0,40}", value in ".{0,40}") {
            let name = format!("{PREFIX}{name}");
            let error = Wishes::read([(&*name, &*value)], System::FairPlay).map(|_| ());
            prop_assert!(error.err().is_none_or(|error| error.to_string().len() < 400));
        }
    }
}
