//! `ProtectionHeader` of a Smooth Streaming client manifest ([MS-SSTR] section 2.2.2.2).

use std::sync::Arc;

use roxmltree::Node;

use super::{Audience, MAX_TOLD, ReadError, Statement, Track, data, mpd};
use crate::ids::SystemId;
use crate::package::dash::read::{is, named};

/// The quality levels of a document. Smooth Streaming has no init segments: the headers stand for all.
///
/// # Errors
/// [`ReadError::TooMuch`].
pub fn tracks(source: &Arc<str>, root: Node<'_, '_>) -> Result<Vec<Track>, ReadError> {
    let headers = named(root, "Protection").flat_map(|node| named(node, "ProtectionHeader"));
    let statements: Vec<Statement> =
        headers.take(MAX_TOLD).flat_map(|header| read(source, header)).collect();
    let streams = root.children().filter(|node| is(*node, "StreamIndex"));
    let levels: usize = streams.map(|stream| named(stream, "QualityLevel").count()).sum();
    if levels.max(statements.len()) >= MAX_TOLD {
        return Err(ReadError::TooMuch);
    }
    let name = format!("all {levels} levels");
    Ok(vec![Track { name, statements, init: None, protects_samples: false, samples: Vec::new() }])
}

fn read(source: &Arc<str>, header: Node<'_, '_>) -> Vec<Statement> {
    let attribute = header.attributes().find(|attribute| attribute.name() == "SystemID");
    let id = attribute.map(|attribute| attribute.value().trim_matches(['{', '}']));
    let system = id.and_then(|id| id.parse::<SystemId>().ok());
    let named = system.map_or_else(|| id.unwrap_or_default().to_owned(), data::name);
    let element = format!("ProtectionHeader {}", named.replace(char::is_control, " "));
    let statement = Statement::new(source, element, Audience::System(named));
    if let Some(descriptor) = header.children().find(|node| is(*node, "ContentProtection")) {
        return vec![mpd::envelope(statement, descriptor)];
    }
    let text = header.text().unwrap_or_default();
    match system {
        Some(system) => {
            statement.of_base64(text, |statement, data| vec![statement.of_data(system, data)])
        }
        None => vec![statement.broken("SystemID is no GUID")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cenc::Scheme;
    use crate::drm::playready::{Header, HeaderKey, Object};
    use crate::ids::KeyId;
    use data_encoding::BASE64;

    #[test]
    fn headers_of_play_ready_name_their_keys() {
        let kid = KeyId::from_bytes([7; 16]);
        let header = Header::new(vec![HeaderKey::new(kid, Scheme::Cenc, [9; 8])]);
        let object = BASE64.encode(&Object::new(&header).to_vec().unwrap());
        let text = |id: &str, data: &str| {
            format!(
                "<SmoothStreamingMedia><Protection><ProtectionHeader SystemID='{id}'>{data}\
                 </ProtectionHeader></Protection><StreamIndex><QualityLevel/></StreamIndex>\
                 </SmoothStreamingMedia>"
            )
        };
        let read = |text: &str| {
            let document = crate::xml::parse(text).unwrap();
            tracks(&"film".into(), document.root_element()).unwrap().remove(0).statements.remove(0)
        };
        let said = read(&text("{9A04F079-9840-4286-AB92-E65BE0885F95}", &object));
        assert_eq!((said.kids, said.broken), (vec![kid], None));
        let cut = read(&text("9a04f079-9840-4286-ab92-e65be0885f95", &object[..8]));
        assert!(cut.broken.is_some());
        assert!(read(&text("x", &object)).broken.unwrap().contains("GUID"));
    }
}
