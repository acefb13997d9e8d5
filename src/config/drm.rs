//! Roots and credentials of licence services.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The `[drm]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drm {
    /// Folder with `trust.json`. Without it there are no Widevine, PlayReady and FairPlay licences.
    pub dir: Option<PathBuf>,
    /// Whether devices of strangers are served too: a flag of `dev`, never configured.
    #[serde(skip)]
    pub any_device: bool,
}
