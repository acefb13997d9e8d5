//! EXT-X-KEY lines (players.md section 3.3; packaging.md sections 4 and 6).
//!
//! Clear-key players disagree: Shaka takes KEYFORMAT `identity` and fetches 16 raw bytes, hls.js
//! takes `org.w3.clearkey` and asks a licence server. For `cenc` both lines stand side by side;
//! for `cbcs` hls.js would choose the wrong one, so only `identity` is written.

use data_encoding::{BASE64, HEXLOWER};

use crate::package::presentation::{DeliveryUrls, RenditionKey};
use crate::protection::Protection;

/// The lines that stand before all segments of a rendition.
pub(super) fn for_all_segments(
    protection: Protection,
    key: &RenditionKey,
    delivery: &DeliveryUrls,
) -> Vec<String> {
    let identity = |method: &str, iv: &str| {
        let uri = delivery.raw_key(key.kid);
        format!(
            "#EXT-X-KEY:METHOD={method},URI=\"{uri}\"{iv},KEYFORMAT=\"identity\",\
             KEYFORMATVERSIONS=\"1\""
        )
    };
    match protection {
        // The formats of HLS carry none of the last two.
        Protection::Clear | Protection::Cbc | Protection::Cens | Protection::Cbc1 => Vec::new(),
        Protection::Cenc => {
            let kid = BASE64.encode(key.kid.as_bytes());
            let clear_key = format!(
                "#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"data:text/plain;base64,{kid}\",\
                 KEYFORMAT=\"org.w3.clearkey\",KEYFORMATVERSIONS=\"1\""
            );
            vec![identity("SAMPLE-AES-CTR", ""), clear_key]
        }
        Protection::Cbcs => {
            let iv = format!(",IV=0x{}", HEXLOWER.encode(&key.ivs.constant()));
            vec![identity("SAMPLE-AES", &iv)]
        }
    }
}

/// The line before each segment under AES-128. Each has its own IV: under one line all segments
/// would share one, and without IV all renditions of a key would use the same numbers.
pub(super) struct SegmentLine {
    front: String,
}

impl SegmentLine {
    pub(super) fn new(key: &RenditionKey, delivery: &DeliveryUrls) -> Self {
        let uri = delivery.raw_key(key.kid);
        Self { front: format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\",IV=0x") }
    }

    pub(super) fn push(&self, out: &mut String, iv: [u8; 16]) {
        out.push_str(&self.front);
        HEXLOWER.encode_append(&iv, out);
        out.push('\n');
    }
}
