//! ContentProtection: the generic descriptor with the key id, then one of each system that is
//! announced (packaging.md section 8.3); under AES-128 that of segment encryption.

use std::io;

use data_encoding::BASE64;

use crate::cenc::Scheme;
use crate::package::announced::{Announced, Child, System};
use crate::package::compat::Compat;
use crate::package::envelope;
use crate::package::presentation::{Presentation, RenditionKey};
use crate::package::xml::Xml;
use crate::protection::Protection;

/// Namespaces with the systems that need them; those of ClearKey stand wherever content is protected.
const NAMESPACES: &[(&str, &str, Option<System>)] = &[
    ("xmlns:cenc", "urn:mpeg:cenc:2013", None),
    ("xmlns:dashif", "https://dashif.org/CPS", None),
    ("xmlns:mspr", "urn:microsoft:playready", Some(System::PlayReady)),
    ("xmlns:ms", "urn:microsoft", Some(System::Widevine)),
];

/// The namespaces that the descriptors of a presentation need.
pub(super) fn namespaces(presentation: &Presentation<'_>) -> Vec<(&'static str, &'static str)> {
    let by_samples = Scheme::of(presentation.protection).is_some();
    let listed = || presentation.listed.iter().filter(|_| by_samples);
    let keys = || listed().filter_map(|listed| listed.key.as_ref());
    let announced =
        |system| keys().any(|key| key.systems.iter().any(|known| known.system == system));
    let needed = |system: &Option<System>| match system {
        Some(system) => announced(*system),
        None => keys().next().is_some(),
    };
    let needed = NAMESPACES.iter().filter(|(.., system)| needed(system));
    needed.map(|(name, value, _)| (*name, *value)).collect()
}

/// Writes the descriptors of an adaptation set; nothing when its samples are clear.
pub(super) fn descriptors(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    key: &RenditionKey,
) -> io::Result<()> {
    if presentation.protection == Protection::Cbc {
        return envelope::descriptor(xml, key);
    }
    let Some(scheme) = Scheme::of(presentation.protection) else {
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
    key.systems.iter().try_for_each(|system| descriptor(xml, presentation.compat, system))
}

fn descriptor(xml: &mut Xml, compat: Compat, announced: &Announced) -> io::Result<()> {
    let row = announced.row();
    let system = format!("urn:uuid:{}", row.id);
    let mut attributes = vec![("schemeIdUri", system.as_str())];
    attributes.extend(row.value.map(|value| ("value", value)));
    let written = |child: &&Child| **child != Child::Laurl || compat == Compat::Modern;
    let children: Vec<&Child> = row.children.iter().filter(written).collect();
    // An empty descriptor tells nobody anything (packaging.md section 8.3).
    if children.is_empty() {
        return Ok(());
    }
    xml.element("ContentProtection", &attributes, |xml| {
        children.into_iter().try_for_each(|child| write_child(xml, *child, announced))
    })
}

fn write_child(xml: &mut Xml, child: Child, announced: &Announced) -> io::Result<()> {
    let url = announced.licence_url();
    match child {
        Child::Pssh => xml.text("cenc:pssh", &[], &BASE64.encode(&announced.boxed())),
        Child::Pro => xml.text("mspr:pro", &[], &BASE64.encode(announced.object())),
        Child::MsLaurl => xml.empty("ms:laurl", &[("licenseUrl", &url)]),
        Child::Laurl => xml.text("dashif:Laurl", &[], &url),
        Child::ClearKeyLaurl => xml.text("dashif:Laurl", &[("Lic_type", "EME-1.0")], &url),
    }
}
