//! From the option of a content key policy to the rights of one key.

mod fairplay;
mod playready;
mod widevine;

use jiff::Timestamp;

use super::Rights;
use crate::ids::KeyId;
use crate::policy::Configuration;

/// The key that rights are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Names the key.
    pub kid: KeyId,
    /// The handle by which the streaming policy assigns it: rights differ by label.
    pub label: &'a str,
}

/// What the configuration gives for a key at `now`; `None` when it gives nothing for this key.
pub fn rights(
    configuration: &Configuration,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Option<Rights> {
    match configuration {
        Configuration::ClearKey { allow_persistent_license: persistent } => {
            Some(Rights { persistent: *persistent, ..Rights::PLAY })
        }
        Configuration::PlayReady(configuration) => playready::rights(configuration, wanted, now),
        Configuration::Widevine(configuration) => widevine::rights(&configuration.template, wanted),
        Configuration::FairPlay(configuration) => Some(fairplay::rights(configuration)),
    }
}
