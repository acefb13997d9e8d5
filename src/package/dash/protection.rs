//! ContentProtection as clear-key players want it (players.md section 3.2): the generic
//! descriptor with the key id, then one ClearKey descriptor with the licence URL and no `pssh`.

use std::io;

use crate::cenc::Scheme;
use crate::ids::SystemId;
use crate::package::presentation::{DeliveryUrls, RenditionKey};
use crate::package::xml::Xml;
use crate::protection::Protection;

/// Writes the descriptors of an adaptation set; nothing when its samples are clear.
pub(super) fn descriptors(
    xml: &mut Xml,
    protection: Protection,
    key: &RenditionKey,
    delivery: &DeliveryUrls,
) -> io::Result<()> {
    let Some(scheme) = Scheme::of(protection) else {
        return Ok(());
    };
    let scheme = scheme.row().fourcc.to_string();
    xml.empty(
        "ContentProtection",
        &[
            ("schemeIdUri", "urn:mpeg:dash:mp4protection:2011"),
            ("value", &scheme),
            ("cenc:default_KID", &key.kid.to_string()),
        ],
    )?;
    let system = format!("urn:uuid:{}", SystemId::CLEAR_KEY);
    let attributes = [("schemeIdUri", system.as_str()), ("value", "ClearKey1.0")];
    xml.element("ContentProtection", &attributes, |xml| {
        xml.text("dashif:Laurl", &[("Lic_type", "EME-1.0")], &delivery.clear_key())
    })
}
