//! Protection systems as streams announce them: a table of systems, with what each wants to find in
//! init segments, MPDs and playlists (packaging.md sections 2, 6 and 8.3; ams.md sections 6.3 and
//! 6.4; players.md section 3).

use data_encoding::BASE64;

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
    /// ClearKey of the W3C.
    ClearKey,
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The system.
    pub system: System,
    /// Its id in MPDs.
    pub id: SystemId,
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
}

/// EXT-X-KEY of one system.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// KEYFORMAT.
    pub format: &'static str,
    /// URI.
    pub uri: fn(&Announced) -> String,
    /// Whether KEYID names the key.
    pub names_key: bool,
}

/// Every system, in the order in which manifests list them: dash.js wants ClearKey behind others
/// (players.md section 3.2).
pub const TABLE: &[Row] = &[
    Row {
        system: System::PlayReady,
        id: SystemId::PLAY_READY,
        value: Some("MSPR 2.0"),
        children: &[Child::Pro, Child::Pssh, Child::Laurl],
        line: Some(Line {
            format: "com.microsoft.playready",
            uri: |announced| data_uri("charset=UTF-16;", announced.object()),
            names_key: false,
        }),
    },
    Row {
        system: System::Widevine,
        id: SystemId::WIDEVINE,
        value: None,
        children: &[Child::Pssh, Child::MsLaurl, Child::Laurl],
        line: Some(Line {
            format: "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed",
            uri: |announced| data_uri("", &announced.boxed()),
            names_key: true,
        }),
    },
    Row {
        system: System::FairPlay,
        id: SystemId::FAIR_PLAY,
        value: None,
        children: &[Child::Laurl],
        line: Some(Line {
            format: "com.apple.streamingkeydelivery",
            uri: |announced| announced.url.clone(),
            names_key: false,
        }),
    },
    Row {
        system: System::ClearKey,
        id: SystemId::CLEAR_KEY,
        value: Some("ClearKey1.0"),
        // No box: with one, dash.js asks with the wrong type of initialization data.
        children: &[Child::ClearKeyLaurl],
        line: None,
    },
];

/// A system as the streams of one key announce it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The system.
    pub system: System,
    /// Where its licences are; of FairPlay the whole URI of key lines.
    pub url: String,
    /// Its box in init segments; FairPlay has none.
    pub pssh: Option<Pssh>,
}

impl Announced {
    /// The row of the system.
    pub fn row(&self) -> &'static Row {
        // A test holds the order.
        &TABLE[self.system as usize]
    }

    /// Where licences are for players that know no `skd` scheme (ams.md section 6.3).
    pub fn licence_url(&self) -> String {
        match self.url.strip_prefix("skd://") {
            Some(rest) => format!("https://{rest}"),
            None => self.url.clone(),
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

fn data_uri(parameters: &str, data: &[u8]) -> String {
    format!("data:text/plain;{parameters}base64,{}", BASE64.encode(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_system() {
        for row in TABLE {
            let announced = Announced { system: row.system, url: String::new(), pssh: None };
            assert_eq!(announced.row().system, row.system);
        }
    }

    #[test]
    fn keyformats_of_system_ids_are_those_ids() {
        let widevine = TABLE.iter().find(|row| row.system == System::Widevine).unwrap();
        let format = widevine.line.map(|line| line.format.to_owned());
        assert_eq!(format, Some(format!("urn:uuid:{}", SystemId::WIDEVINE)));
    }
}
