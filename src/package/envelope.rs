//! Segment encryption of DASH (ISO/IEC 23009-4) as Azure Media Services wrote it, in Smooth Streaming
//! too (ams.md section 6.5; packaging.md sections 8.4 and 10): all segments, init segments included,
//! are encrypted as wholes with one key and one IV.

use std::io;

use data_encoding::HEXLOWER;

use super::keyed::RenditionKey;
use super::xml::Xml;

const SCHEME: &str = "urn:mpeg:dash:sea:2012";

/// Writes the `ContentProtection` element.
pub(super) fn descriptor(xml: &mut Xml, key: &RenditionKey) -> io::Result<()> {
    let attributes = [("schemeIdUri", SCHEME), ("xmlns:sea", "urn:mpeg:dash:schema:sea:2012")];
    xml.element("ContentProtection", &attributes, |xml| {
        let cipher = "urn:mpeg:dash:sea:aes128-cbc:2013";
        xml.empty("sea:SegmentEncryption", &[("schemeIdUri", cipher)])?;
        let system = "urn:mpeg:dash:sea:keysys:http:2013";
        xml.empty("sea:KeySystem", &[("keySystemUri", system)])?;
        let iv = format!("0x{}", HEXLOWER.encode(&key.ivs.constant()));
        xml.empty("sea:CryptoPeriod", &[("IV", &iv), ("keyUriTemplate", &key.uri)])
    })
}
