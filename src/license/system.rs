//! The systems in which keys are handed out: one table of their names.

use crate::policy::ConfigurationKind;

/// A form in which keys are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// The bytes of one key, as HLS players fetch them.
    Raw,
    /// ClearKey of Encrypted Media Extensions.
    ClearKey,
    /// PlayReady.
    PlayReady,
    /// Widevine.
    Widevine,
    /// FairPlay Streaming.
    FairPlay,
}

/// What is to be known of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The system.
    pub system: System,
    /// Its name in records of the audit and in reason codes.
    pub name: &'static str,
    /// The type of policy option that hands out its keys (ams.md section 8.1).
    pub kind: ConfigurationKind,
    /// The key system name of Encrypted Media Extensions by which `dev` and players list it.
    pub key_system: Option<&'static str>,
    /// The component of licence URLs behind the base of key delivery (ams.md section 10).
    pub path: &'static str,
}

/// All systems.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    Row { system: System::Raw, name: "raw", kind: ConfigurationKind::ClearKey, key_system: None, path: "" },
    Row { system: System::ClearKey, name: "clearkey", kind: ConfigurationKind::ClearKey, key_system: Some("org.w3.clearkey"), path: "ClearKey" },
    Row { system: System::PlayReady, name: "playready", kind: ConfigurationKind::PlayReady, key_system: Some("com.microsoft.playready"), path: "PlayReady" },
    Row { system: System::Widevine, name: "widevine", kind: ConfigurationKind::Widevine, key_system: Some("com.widevine.alpha"), path: "Widevine" },
    Row { system: System::FairPlay, name: "fairplay", kind: ConfigurationKind::FairPlay, key_system: Some("com.apple.fps"), path: "FairPlay" },
];

impl System {
    /// The row of the system.
    pub fn row(self) -> &'static Row {
        // In the order of the variants, which a test proves.
        &TABLE[self as usize]
    }

    /// The name in records and codes.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The type of policy option that hands out keys of the system.
    pub fn kind(self) -> ConfigurationKind {
        self.row().kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_finds_its_own_row() {
        for row in TABLE {
            assert_eq!(row.system.row(), row);
        }
    }
}
