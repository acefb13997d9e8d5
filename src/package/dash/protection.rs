//! ContentProtection: the generic descriptor with the key id, then one of each system that is
//! announced (packaging.md section 8.3); under AES-128 that of segment encryption.

use std::io;

use data_encoding::{BASE64, HEXLOWER};

use crate::cenc::Scheme;
use crate::package::announced::{Announced, Child};
use crate::package::compat::Compat;
use crate::package::envelope;
use crate::package::keyed::RenditionKey;
use crate::package::presentation::Presentation;
use crate::package::xml::Xml;
use crate::protection::Protection;

/// A namespace, and the children of descriptors that are in it.
struct Namespace {
    attribute: &'static str,
    uri: &'static str,
    children: &'static [Child],
}

/// That of key ids stands wherever samples are protected.
const KEY_IDS: Namespace =
    Namespace { attribute: "xmlns:cenc", uri: "urn:mpeg:cenc:2013", children: &[Child::Pssh] };

const NAMESPACES: &[Namespace] = &[
    Namespace {
        attribute: "xmlns:dashif",
        uri: "https://dashif.org/CPS",
        children: &[Child::Laurl, Child::ClearKeyLaurl, Child::Certurl],
    },
    Namespace { attribute: "xmlns:mspr", uri: "urn:microsoft:playready", children: &[Child::Pro] },
    Namespace { attribute: "xmlns:ms", uri: "urn:microsoft", children: &[Child::MsLaurl] },
    Namespace {
        attribute: "xmlns:mas",
        uri: "urn:marlin:mas:1-0:services:schemas:mpd",
        children: &[Child::MarlinIds],
    },
];

/// The namespaces that the descriptors of a presentation need.
pub(super) fn namespaces(presentation: &Presentation<'_>) -> Vec<(&'static str, &'static str)> {
    if Scheme::of(presentation.protection).is_none() {
        return Vec::new();
    }
    let keys: Vec<_> = presentation.listed.iter().flat_map(|listed| listed.keys.all()).collect();
    let systems = || keys.iter().flat_map(|key| key.systems.iter());
    let used = |space: &&Namespace| {
        systems().any(|system| {
            children(system, presentation.compat).any(|child| space.children.contains(&child))
        })
    };
    let key_ids = Some(&KEY_IDS).filter(|_| !keys.is_empty());
    let spaces = key_ids.into_iter().chain(NAMESPACES.iter().filter(used));
    spaces.map(|space| (space.attribute, space.uri)).collect()
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
    key.systems.iter().try_for_each(|system| descriptor(xml, presentation.compat, key, system))
}

fn descriptor(
    xml: &mut Xml,
    compat: Compat,
    key: &RenditionKey,
    announced: &Announced,
) -> io::Result<()> {
    // An empty descriptor tells nobody anything (packaging.md section 8.3).
    let (Some(id), Some(_)) = (announced.id(), children(announced, compat).next()) else {
        return Ok(());
    };
    let system = format!("urn:uuid:{id}");
    let mut attributes = vec![("schemeIdUri", system.as_str())];
    attributes.extend(announced.value().map(|value| ("value", value)));
    attributes.extend(announced.robustness.first().map(|label| ("robustness", label.as_str())));
    xml.element("ContentProtection", &attributes, |xml| {
        children(announced, compat).try_for_each(|child| write_child(xml, child, key, announced))
    })
}

/// The children that there is something to say in.
fn children(announced: &Announced, compat: Compat) -> impl Iterator<Item = Child> + use<'_> {
    let said = move |child: &Child| match child {
        Child::Pssh | Child::Pro => announced.pssh.is_some(),
        Child::Laurl => compat == Compat::Modern && !announced.url.is_empty(),
        Child::MsLaurl | Child::ClearKeyLaurl => !announced.url.is_empty(),
        Child::Certurl => !announced.certificate.is_empty(),
        Child::MarlinIds => true,
    };
    announced.row().children.iter().copied().filter(said)
}

fn write_child(
    xml: &mut Xml,
    child: Child,
    key: &RenditionKey,
    announced: &Announced,
) -> io::Result<()> {
    let Announced { url, certificate, .. } = announced;
    match child {
        Child::Pssh => xml.text("cenc:pssh", &[], &BASE64.encode(&announced.boxed())),
        Child::Pro => xml.text("mspr:pro", &[], &BASE64.encode(announced.object())),
        Child::MsLaurl => xml.empty("ms:laurl", &[("licenseUrl", url)]),
        Child::Laurl => xml.text("dashif:Laurl", &[], url),
        Child::ClearKeyLaurl => xml.text("dashif:Laurl", &[("Lic_type", "EME-1.0")], url),
        Child::Certurl => xml.text("dashif:Certurl", &[], certificate),
        Child::MarlinIds => xml.element("mas:MarlinContentIds", &[], |xml| {
            let id = format!("urn:marlin:kid:{}", HEXLOWER.encode(key.kid.as_bytes()));
            xml.text("mas:MarlinContentId", &[], &id)
        }),
    }
}
