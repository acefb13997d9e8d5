//! `ContentProtection` of an MPD (ISO/IEC 23009-1 section 5.8.4.1; packaging.md section 8.3).

use std::collections::HashMap;
use std::sync::Arc;

use roxmltree::{Node, NodeId};

use super::{Audience, MAX_TOLD, ReadError, Statement, Track, data};
use crate::cenc::Scheme;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::FourCc;
use crate::package::dash::read::{Representation, is, named, representations};

const GENERIC: &str = "urn:mpeg:dash:mp4protection:2011";
const ENVELOPE: &str = "urn:mpeg:dash:sea:2012";

/// Elements that hold an address of licences, by their local names, with the attribute that is it; the
/// text of the element where there is none.
const ADDRESSES: &[(&str, Option<&str>)] =
    &[("laurl", Some("licenseUrl")), ("Laurl", None), ("Certurl", None), ("Authzurl", None)];

/// The representations of a document.
///
/// # Errors
/// [`ReadError`].
pub fn tracks(source: &Arc<str>, root: Node<'_, '_>) -> Result<Vec<Track>, ReadError> {
    let mut elements = Elements::default();
    let mut tracks = Vec::new();
    let mut told = 0;
    for representation in representations(root)? {
        let statements = elements.of(source, representation.node);
        told += statements.len();
        if told > MAX_TOLD {
            return Err(ReadError::TooMuch);
        }
        tracks.push(track(&representation, statements));
    }
    Ok(tracks)
}

fn track(representation: &Representation<'_, '_>, statements: Vec<Statement>) -> Track {
    let protects_samples =
        statements.iter().any(|said| said.element.contains(GENERIC) || !said.schemes.is_empty());
    let init = representation.init().or_else(|| representation.file());
    // Under segment encryption init segments are encrypted too.
    let init = init.filter(|_| !statements.iter().any(|said| said.audience == sealed()));
    let name = representation.name.clone();
    Track { name, statements, init, protects_samples, samples: Vec::new() }
}

/// Names samples of tracks of the document: the first segment and the last, as a clear lead may be in
/// front. What is one file has none, nor what cannot be listed.
///
/// # Errors
/// [`ReadError`].
pub fn name_samples(tracks: &mut [Track], root: Node<'_, '_>) -> Result<(), ReadError> {
    for (track, representation) in tracks.iter_mut().zip(representations(root)?) {
        if track.protects_samples && representation.file().is_none() {
            let mut segments = representation.segments().unwrap_or_default();
            let last = segments.split_off(segments.len().saturating_sub(1));
            segments.truncate(1);
            track.samples = [segments, last].concat();
        }
    }
    Ok(())
}

/// What elements say, so that each is read once.
#[derive(Default)]
struct Elements(HashMap<NodeId, Vec<Statement>>);

impl Elements {
    /// What a representation and its parents say, the farthest first.
    fn of(&mut self, source: &Arc<str>, representation: Node<'_, '_>) -> Vec<Statement> {
        let mut all: Vec<Vec<Statement>> = Vec::new();
        for node in representation.ancestors().filter(Node::is_element) {
            let said = self.0.entry(node.id()).or_insert_with(|| {
                let descriptors = named(node, "ContentProtection").take(MAX_TOLD);
                descriptors.flat_map(|descriptor| read(source, descriptor)).collect()
            });
            all.push(said.clone());
        }
        all.into_iter().rev().flatten().collect()
    }
}

/// What a descriptor says.
fn read(source: &Arc<str>, node: Node<'_, '_>) -> Vec<Statement> {
    let scheme = node.attribute("schemeIdUri").unwrap_or_default().to_ascii_lowercase();
    let system = scheme.strip_prefix("urn:uuid:").and_then(|id| id.parse::<SystemId>().ok());
    let named = system.map_or_else(|| scheme.clone(), data::name);
    let element = format!("ContentProtection {}", named.replace(char::is_control, " "));
    let audience = match system {
        Some(_) => Audience::System(named),
        None => Audience::Everybody,
    };
    let mut own = Statement::new(source, element, audience);
    if scheme == ENVELOPE {
        return vec![envelope(own, node)];
    }
    let value = node.attribute("value").unwrap_or_default();
    if scheme == GENERIC {
        own.tell("scheme", value);
        let known = value.as_bytes().first_chunk().filter(|_| value.len() == 4);
        own.schemes = known.and_then(|code| Scheme::of_fourcc(FourCc(*code))).into_iter().collect();
    }
    default_kids(&mut own, node);
    addresses(&mut own, node);
    let mut said = vec![own.clone()];
    for child in node.children().filter(Node::is_element) {
        said.extend(system_data(&own, system, child));
    }
    // A descriptor whose data are told, and that names nothing itself, is told by them.
    if said.len() > 1 && own.fields.is_empty() && own.broken.is_none() {
        said.remove(0);
    }
    said
}

/// What a child says that holds data of a system.
fn system_data(own: &Statement, system: Option<SystemId>, child: Node<'_, '_>) -> Vec<Statement> {
    let name = child.tag_name().name();
    let blank = |element: String| Statement::new(&own.source, element, own.audience.clone());
    let statement = blank(format!("{}/{name}", own.element));
    let text = child.text().unwrap_or_default();
    match (name, system) {
        ("pssh", _) => statement.of_base64(text, |statement, data| {
            let mut said = statement.of_boxes(data);
            said.iter_mut().for_each(|said| expect_system(said, &own.audience));
            said
        }),
        ("pro", _) => statement.of_base64(text, |mut statement, data| {
            statement.audience = Audience::System(data::name(SystemId::PLAY_READY));
            vec![statement.of_data(SystemId::PLAY_READY, data)]
        }),
        _ => Vec::new(),
    }
}

/// A box below the descriptor of another system is found by no player.
fn expect_system(said: &mut Statement, descriptor: &Audience) {
    if let (Audience::System(expected), Audience::System(system)) = (descriptor, &said.audience)
        && expected != system
        // Players of ClearKey take the common box.
        && !(expected == "ClearKey" && system == "W3C common")
        && said.broken.is_none()
    {
        said.broken = Some(format!("the box is of {system}, the descriptor of {expected}"));
    }
}

/// `cenc:default_KID`: one key, or several with spaces between.
fn default_kids(statement: &mut Statement, node: Node<'_, '_>) {
    let mut attributes = node.attributes();
    let Some(listed) = attributes.find(|attribute| attribute.name() == "default_KID") else {
        return;
    };
    statement.tell("default_KID", listed.value());
    let kids: Result<Vec<KeyId>, _> = listed.value().split_whitespace().map(str::parse).collect();
    match kids {
        Ok(kids) => statement.name_keys(kids),
        Err(error) => statement.broken = Some(format!("default_KID: {error}")),
    }
}

fn addresses(statement: &mut Statement, node: Node<'_, '_>) {
    for (name, attribute) in ADDRESSES {
        for child in named(node, name) {
            let url = match attribute {
                Some(attribute) => child.attribute(*attribute),
                None => child.text(),
            };
            statement.tell_url(name, url.unwrap_or_default().trim());
        }
    }
}

/// Those who decrypt segments as wholes.
pub fn sealed() -> Audience {
    Audience::System("segment encryption".to_owned())
}

/// Segment encryption (ISO/IEC 23009-4): key and IV of whole segments.
pub(super) fn envelope(mut statement: Statement, node: Node<'_, '_>) -> Statement {
    statement.audience = sealed();
    for period in node.children().filter(|child| is(*child, "CryptoPeriod")) {
        if let Some(iv) = period.attribute("IV") {
            statement.tell_iv(iv);
        }
        statement.ask_at(period.attribute("keyUriTemplate").unwrap_or_default());
    }
    statement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_of_a_statement_are_bounded() {
        let of = |count: u32| {
            let kids = (0..count).map(|n| KeyId::from_bytes(u128::from(n).to_be_bytes()));
            let kids = kids.map(|kid| kid.to_string()).collect::<Vec<_>>().join(" ");
            let text = format!("<ContentProtection schemeIdUri='{GENERIC}' default_KID='{kids}'/>");
            let document = crate::xml::parse(&text).unwrap();
            read(&"film.mpd".into(), document.root_element()).remove(0)
        };
        let most = of(256);
        assert_eq!((most.kids.len(), most.broken), (256, None));
        let more = of(257);
        assert_eq!(more.kids.len(), 256);
        assert_eq!(more.broken.as_deref(), Some("it names more than 256 keys"));
        assert!(more.fields.iter().all(|(_, value)| value.len() <= super::super::MAX_VALUE));
    }
}
