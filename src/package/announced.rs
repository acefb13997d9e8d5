//! Protection systems as streams announce them: a table of systems, with what each wants to find in
//! init segments, MPDs and playlists (packaging.md sections 2, 6 and 8.3; ams.md sections 6.3 and
//! 6.4; players.md section 3).

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::format::Format;
use crate::ids::SystemId;
use crate::isobmff::cenc::Pssh;

/// A protection system that streams can be announced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// PlayReady.
    PlayReady,
    /// Widevine.
    Widevine,
    /// FairPlay.
    FairPlay,
    /// Marlin.
    Marlin,
    /// One that only the streaming policy knows: see [`Custom`].
    Custom,
    /// ClearKey of the W3C.
    ClearKey,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The system.
    pub system: System,
    /// Its id in MPDs; `None` where [`Custom`] has it.
    pub id: Option<SystemId>,
    /// `value` of its descriptor in MPDs.
    pub value: Option<&'static str>,
    /// The children of its descriptor.
    pub children: &'static [Child],
    /// Its line in playlists; ClearKey has lines of its own, by the players that read them.
    pub line: Option<Line>,
}

/// Children of a descriptor in MPDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// `cenc:pssh`: the whole box.
    Pssh,
    /// `mspr:pro`: the data of the box.
    Pro,
    /// `ms:laurl`: the address of licences, as Azure Media Services wrote it.
    MsLaurl,
    /// `dashif:Laurl`: the same, of DASH-IF; AMS did not write it.
    Laurl,
    /// `dashif:Laurl` with the type that ClearKey players want.
    ClearKeyLaurl,
    /// `dashif:Certurl`: the address of the certificate, where the policy names one.
    Certurl,
    /// `mas:MarlinContentIds`: the key by its Marlin name.
    MarlinIds,
}

/// EXT-X-KEY of one system.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// KEYFORMAT; empty where [`Custom`] has it.
    pub format: &'static str,
    /// URI.
    pub uri: fn(&Announced) -> String,
    /// Whether KEYID names the key.
    pub names_key: bool,
    /// Whether clients of the system know SAMPLE-AES in transport streams.
    pub in_transport: bool,
}

/// Every system, in the order in which manifests list them: dash.js wants ClearKey behind others
/// (players.md section 3.2).
pub const TABLE: &[Row] = &[
    Row {
        system: System::PlayReady,
        id: Some(SystemId::PLAY_READY),
        value: Some("MSPR 2.0"),
        children: &[Child::Pro, Child::Pssh, Child::Laurl, Child::Certurl],
        line: Some(Line {
            format: "com.microsoft.playready",
            uri: |announced| data_uri("charset=UTF-16;", announced.object()),
            names_key: false,
            in_transport: false,
        }),
    },
    Row {
        system: System::Widevine,
        id: Some(SystemId::WIDEVINE),
        value: None,
        children: &[Child::Pssh, Child::MsLaurl, Child::Laurl, Child::Certurl],
        line: Some(Line {
            format: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
            uri: |announced| data_uri("", &announced.boxed()),
            names_key: true,
            in_transport: false,
        }),
    },
    Row {
        system: System::FairPlay,
        id: Some(SystemId::FAIR_PLAY),
        value: None,
        children: &[Child::Laurl, Child::Certurl],
        line: Some(Line {
            format: "com.apple.streamingkeydelivery",
            uri: |announced| announced.key_uri.clone(),
            names_key: false,
            in_transport: true,
        }),
    },
    Row {
        system: System::Marlin,
        id: Some(SystemId::MARLIN),
        value: None,
        children: &[Child::MarlinIds, Child::Laurl],
        line: None,
    },
    Row {
        system: System::Custom,
        id: None,
        value: None,
        children: &[Child::Pssh, Child::Laurl],
        line: Some(Line {
            format: "",
            uri: |announced| data_uri("", &announced.boxed()),
            names_key: false,
            in_transport: false,
        }),
    },
    Row {
        system: System::ClearKey,
        id: Some(SystemId::CLEAR_KEY),
        value: Some("ClearKey1.0"),
        // No box: with one, dash.js asks with the wrong type of initialization data.
        children: &[Child::ClearKeyLaurl],
        line: None,
    },
];

impl System {
    /// The row of the system.
    pub fn row(self) -> &'static Row {
        // A test holds the order.
        &TABLE[self as usize]
    }

    /// Whether playlists of a format can have a line of the system.
    pub fn has_line(self, format: Format) -> bool {
        let fits = |line: &Line| line.in_transport || !format.is_transport();
        self == Self::ClearKey || self.row().line.as_ref().is_some_and(fits)
    }
}

/// The lines by which ClearKey players find keys (players.md section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClearKeyLine {
    /// The bytes of the key are at the URI: Shaka, hls.js over transport streams.
    #[serde(rename = "identity")]
    Identity,
    /// The URI names the key, a licence server has it: hls.js.
    #[serde(rename = "org.w3.clearkey")]
    ClearKey,
}

/// The copy protection that outputs of a client must have (RFC 8216bis section 4.4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HdcpLevel {
    /// None.
    #[serde(rename = "NONE")]
    None,
    /// HDCP of any version.
    #[serde(rename = "TYPE-0")]
    Type0,
    /// HDCP 2.2 or later.
    #[serde(rename = "TYPE-1")]
    Type1,
}

impl HdcpLevel {
    /// As playlists write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Type0 => "TYPE-0",
            Self::Type1 => "TYPE-1",
        }
    }
}

/// What a system that has no row says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Its id.
    pub id: SystemId,
    /// `value` of its descriptor in MPDs.
    pub value: Option<String>,
    /// KEYFORMAT of its line in playlists; without one there is no line.
    pub key_format: Option<String>,
}

/// A system as the streams of one key announce it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The system.
    pub system: System,
    /// Where its licences are; empty where nobody is said to have them.
    pub url: String,
    /// The whole URI of key lines, of systems that have one: FairPlay and ClearKey.
    pub key_uri: String,
    /// Its box in init segments; FairPlay and Marlin have none.
    pub pssh: Option<Pssh>,
    /// Where its certificate is; empty where nothing is said.
    pub certificate: String,
    /// How well clients of the system must be protected, in its own words; none = any client.
    pub robustness: Vec<String>,
    /// Of ClearKey: the lines that are written, in order.
    pub clear_key_lines: Vec<ClearKeyLine>,
    /// Of [`System::Custom`].
    pub custom: Option<Custom>,
}

impl Announced {
    /// A system of which nothing is said but its name.
    pub fn new(system: System) -> Self {
        Self {
            system,
            url: String::new(),
            key_uri: String::new(),
            pssh: None,
            certificate: String::new(),
            robustness: Vec::new(),
            clear_key_lines: Vec::new(),
            custom: None,
        }
    }

    /// The row of the system.
    pub fn row(&self) -> &'static Row {
        self.system.row()
    }

    /// The id of the system.
    pub fn id(&self) -> Option<SystemId> {
        self.row().id.or(self.custom.as_ref().map(|custom| custom.id))
    }

    /// `value` of the descriptor in MPDs.
    pub fn value(&self) -> Option<&str> {
        self.row().value.or(self.custom.as_ref().and_then(|custom| custom.value.as_deref()))
    }

    /// KEYFORMAT and line of the system in playlists of a format; `None` where it has no line, and
    /// for ClearKey, which has several.
    pub fn line(&self, format: Format) -> Option<(&str, Line)> {
        let line = self.row().line.filter(|_| self.system.has_line(format))?;
        match &self.custom {
            Some(custom) => Some((custom.key_format.as_deref()?, line)),
            None => Some((line.format, line)),
        }
    }

    /// The whole box.
    pub fn boxed(&self) -> Vec<u8> {
        self.pssh.as_ref().map_or_else(Vec::new, Pssh::to_vec)
    }

    /// The data of the box.
    pub fn object(&self) -> &[u8] {
        self.pssh.as_ref().map_or(&[], |pssh| &pssh.data)
    }
}

/// Where licences are for players that know no `skd` scheme (ams.md section 6.3).
pub fn without_skd(uri: &str) -> String {
    match uri.strip_prefix("skd://") {
        Some(rest) => format!("https://{rest}"),
        None => uri.to_owned(),
    }
}

fn data_uri(parameters: &str, data: &[u8]) -> String {
    format!("data:text/plain;{parameters}base64,{}", BASE64.encode(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_system() {
        for row in TABLE {
            assert_eq!(Announced::new(row.system).row().system, row.system);
        }
    }

    #[test]
    fn keyformats_of_system_ids_are_those_ids() {
        let widevine = System::Widevine.row();
        let format = widevine.line.map(|line| line.format.to_owned());
        assert_eq!(format, Some(format!("urn:uuid:{}", SystemId::WIDEVINE)));
    }
}
