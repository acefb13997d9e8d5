//! Predefined streaming policies: always there, read-only, names reserved (ams.md section 7.1).
//!
//! AMS had no predefined name for ClearKey over Common Encryption; those two are ours.

use super::streaming::{
    Drm, EnabledProtocols, EncryptedBlock, FairPlay, NoEncryption, PlayReady, StreamingPolicy,
    Widevine,
};

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// Name of the policy.
    pub name: &'static str,
    clear: EnabledProtocols,
    envelope: EnabledProtocols,
    cenc: EnabledProtocols,
    cbcs: EnabledProtocols,
    /// Whether systems are announced: PlayReady and Widevine for `cenc`, FairPlay for `cbcs`;
    /// else ClearKey is.
    drm: bool,
}

const OFF: EnabledProtocols =
    EnabledProtocols { download: false, dash: false, hls: false, smooth_streaming: false };
const DOWNLOAD: EnabledProtocols = EnabledProtocols { download: true, ..OFF };
const STREAM: EnabledProtocols =
    EnabledProtocols { dash: true, hls: true, smooth_streaming: true, ..OFF };
const EVERYTHING: EnabledProtocols = EnabledProtocols { download: true, ..STREAM };
const CMAF: EnabledProtocols = EnabledProtocols { dash: true, hls: true, ..OFF };
const CENC: EnabledProtocols = EnabledProtocols { dash: true, smooth_streaming: true, ..OFF };
const HLS: EnabledProtocols = EnabledProtocols { hls: true, ..OFF };

const NONE: Row = Row { name: "", clear: OFF, envelope: OFF, cenc: OFF, cbcs: OFF, drm: false };

/// Every predefined policy that is served.
pub const TABLE: &[Row] = &[
    Row { name: "Predefined_DownloadOnly", clear: DOWNLOAD, ..NONE },
    Row { name: "Predefined_ClearStreamingOnly", clear: STREAM, ..NONE },
    Row { name: "Predefined_DownloadAndClearStreaming", clear: EVERYTHING, ..NONE },
    Row { name: "Predefined_ClearKey", envelope: STREAM, ..NONE },
    Row { name: "Predefined_MultiDrmCencStreaming", cenc: CENC, drm: true, ..NONE },
    Row { name: "Predefined_MultiDrmStreaming", cenc: CENC, cbcs: HLS, drm: true, ..NONE },
    Row { name: "Portcullis_CencClearKey", cenc: CMAF, ..NONE },
    Row { name: "Portcullis_CbcsClearKey", cbcs: CMAF, ..NONE },
];

const RESERVED_PREFIXES: [&str; 2] = ["predefined_", "portcullis_"];

/// Whether no custom policy may have the name.
pub fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The predefined policy of that name.
pub fn find(name: &str) -> Option<StreamingPolicy> {
    TABLE.iter().find(|row| row.name == name).map(Row::policy)
}

impl Row {
    /// The policy that the row stands for.
    pub fn policy(&self) -> StreamingPolicy {
        StreamingPolicy {
            name: self.name.to_owned(),
            no_encryption: self
                .clear
                .any()
                .then_some(NoEncryption { enabled_protocols: self.clear }),
            envelope_encryption: encrypted(self.envelope, None),
            common_encryption_cenc: encrypted(self.cenc, self.drm.then(cenc_systems)),
            common_encryption_cbcs: encrypted(self.cbcs, self.drm.then(cbcs_systems)),
            ..StreamingPolicy::default()
        }
    }
}

fn encrypted(enabled_protocols: EnabledProtocols, drm: Option<Drm>) -> Option<EncryptedBlock> {
    let block = EncryptedBlock { enabled_protocols, drm, ..EncryptedBlock::default() };
    enabled_protocols.any().then_some(block)
}

fn cenc_systems() -> Drm {
    Drm {
        play_ready: Some(PlayReady::default()),
        widevine: Some(Widevine::default()),
        ..Drm::default()
    }
}

fn cbcs_systems() -> Drm {
    Drm { fair_play: Some(FairPlay::default()), ..Drm::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::format::Protocol;
    use crate::protection::Protection::{self, Cbc, Cbcs, Cenc, Clear};

    #[test]
    fn the_table_serves_what_its_names_say() {
        let expected: [(&str, Protocol, &[Protection]); 13] = [
            ("Predefined_DownloadOnly", Protocol::Download, &[Clear]),
            ("Predefined_DownloadOnly", Protocol::Hls, &[]),
            ("Predefined_ClearStreamingOnly", Protocol::Dash, &[Clear]),
            ("Predefined_ClearStreamingOnly", Protocol::Download, &[]),
            ("Predefined_DownloadAndClearStreaming", Protocol::Download, &[Clear]),
            ("Predefined_ClearKey", Protocol::Hls, &[Cbc]),
            ("Predefined_MultiDrmCencStreaming", Protocol::Smooth, &[Cenc]),
            ("Predefined_MultiDrmCencStreaming", Protocol::Hls, &[]),
            ("Predefined_MultiDrmStreaming", Protocol::Dash, &[Cenc]),
            ("Predefined_MultiDrmStreaming", Protocol::Hls, &[Cbcs]),
            ("Predefined_MultiDrmStreaming", Protocol::Download, &[]),
            ("Portcullis_CencClearKey", Protocol::Dash, &[Cenc]),
            ("Portcullis_CbcsClearKey", Protocol::Hls, &[Cbcs]),
        ];
        for (name, protocol, protections) in expected {
            assert_eq!(find(name).unwrap().protections(protocol), protections, "{name}");
        }
    }

    #[test]
    fn every_predefined_name_is_reserved_and_none_other_is_found() {
        assert!(TABLE.iter().all(|row| is_reserved(row.name) && find(row.name).is_some()));
        assert_eq!(find("Predefined_SecureStreaming"), None);
    }
}
