//! Makes all that `trust.json` is about, for tests and for a first look: roots, what services prove
//! themselves by, and devices.

use ring::rand::SystemRandom;
use serde_json::json;
use zeroize::Zeroizing;

use super::TRUST_FILE;
use crate::crypto::ecc::EccError;
use crate::crypto::rsa::RsaError;
use crate::license::widevine::maker::Maker;
use crate::license::{fairplay, playready, widevine};

/// Names and contents of files; the document is the last, so that whoever finds it has them all.
pub type Files = Vec<(String, Zeroizing<Vec<u8>>)>;

/// The files could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// Those of Widevine.
    #[error("Widevine: {0}")]
    Widevine(#[from] widevine::maker::MakeError),
    /// Those of PlayReady.
    #[error("PlayReady: {0}")]
    PlayReady(#[from] EccError),
    /// Those of FairPlay.
    #[error("FairPlay: {0}")]
    FairPlay(#[from] RsaError),
}

/// Makes the folder's files at the time of the maker.
///
/// # Errors
/// [`MakeError`].
pub fn make(maker: &mut Maker<'_>, random: &SystemRandom) -> Result<Files, MakeError> {
    let now = u64::try_from(maker.now).unwrap_or(0);
    let widevine = widevine::test_set::make(maker)?;
    let playready = playready::maker::make(now, random)?;
    let fairplay = fairplay::maker::make(maker.random)?;
    let document = json!({
        "purpose": "drm-test-roots",
        "version": 1,
        "widevine": widevine.section("widevine"),
        "playready": playready.section("playready"),
        "fairplay": fairplay.section,
    });
    let inside = |folder: &'static str, files: Files| {
        files.into_iter().map(move |(name, content)| (format!("{folder}/{name}"), content))
    };
    let mut files: Files = inside("widevine", widevine.files).collect();
    files.extend(inside("playready", playready.files));
    files.extend(fairplay.files);
    files.push((TRUST_FILE.to_owned(), Zeroizing::new(format!("{document:#}\n").into_bytes())));
    Ok(files)
}
