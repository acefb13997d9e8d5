//! How everything is encrypted ([MS-SSTR] section 2.2.2.2; ams.md sections 3.5 and 6.5).

use std::io;

use data_encoding::BASE64;

use crate::drm::playready::{Header, Object, PlayReadyError};
use crate::ids::{KeyId, SystemId};
use crate::package::announced::{Announced, System};
use crate::package::envelope;
use crate::package::keyed::RenditionKey;
use crate::package::presentation::{Presentation, Set};
use crate::package::xml::Xml;
use crate::protection::Protection;

/// The system that AMS gave envelope encryption (packaging.md section 2).
const ENVELOPE: &str = "B47B251A-2409-4B42-958E-08DBAE7B4EE9";

/// Writes the `Protection` element; nothing when all streams are clear.
pub(super) fn element(
    xml: &mut Xml,
    presentation: &Presentation<'_>,
    sets: &[Set<'_>],
) -> io::Result<()> {
    let keys: Vec<&RenditionKey> = sets.iter().filter_map(Set::key).collect();
    let Some(first) = keys.first() else { return Ok(()) };
    if presentation.protection == Protection::Cbc {
        // AMS put the element of DASH into the header as it is.
        return header(xml, ENVELOPE, |xml, header| {
            xml.element("ProtectionHeader", header, |xml| envelope::descriptor(xml, first))
        });
    }
    let objects: Vec<&Announced> = keys.iter().filter_map(|key| play_ready(key)).collect();
    let Some(object) = joint(&objects).map_err(io::Error::other)? else { return Ok(()) };
    let system = SystemId::PLAY_READY.to_string().to_uppercase();
    header(xml, &system, |xml, header| {
        xml.text("ProtectionHeader", header, &BASE64.encode(&object))
    })
}

fn header(
    xml: &mut Xml,
    system: &str,
    body: impl FnOnce(&mut Xml, &[(&str, &str)]) -> io::Result<()>,
) -> io::Result<()> {
    xml.element("Protection", &[], |xml| body(xml, &[("SystemID", system)]))
}

fn play_ready(key: &RenditionKey) -> Option<&Announced> {
    key.systems.iter().find(|system| system.system == System::PlayReady)
}

/// One object for all keys. What it says beside them is what that of the first key says.
fn joint(systems: &[&Announced]) -> Result<Option<Vec<u8>>, PlayReadyError> {
    let Some((first, others)) = systems.split_first() else { return Ok(None) };
    let mut header = Object::read(first.object())?.header()?;
    for other in others {
        for key in Object::read(other.object())?.header()?.keys {
            let known: Vec<KeyId> = header.keys.iter().map(|key| key.kid).collect();
            header.keys.extend(Some(key).filter(|key| !known.contains(&key.kid)));
        }
    }
    if header.keys.len() == 1 {
        return Ok(Some(first.object().to_vec()));
    }
    let Header { custom_attributes, la_url, .. } = header;
    let header = Header { custom_attributes, la_url, ..Header::new(header.keys) };
    Object::new(&header).pssh().map(|pssh| Some(pssh.data))
}
