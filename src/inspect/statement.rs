//! One thing that is said of keys, and where.

use std::sync::Arc;

use super::{MAX_KIDS, MAX_VALUE};
use crate::cenc::Scheme;
use crate::crypto::root::Wrapped;
use crate::drm::describe::address;
use crate::ids::KeyId;
use crate::isobmff::describe::Fields;
pub use crate::package::part::Part;

/// To whom something is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// To everybody: this is the key of the track.
    Everybody,
    /// To clients of one protection system, by its name: ask for these keys.
    System(String),
}

/// One thing that is said of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The file or the address, without its query.
    pub source: Arc<str>,
    /// The box, element or line in it.
    pub element: String,
    /// To whom it is said.
    pub audience: Audience,
    /// The keys that it names; none where it names no key.
    pub kids: Vec<KeyId>,
    /// The schemes that it allows; none where it says nothing of them.
    pub schemes: Vec<Scheme>,
    /// The IV of all samples, where it is said.
    pub iv: Option<[u8; 16]>,
    /// Checksums of PlayReady over keys.
    pub checksums: Vec<(KeyId, Vec<u8>)>,
    /// Keys that it holds wrapped: their KID, that of the root key, the bytes.
    pub wrapped: Vec<(KeyId, KeyId, Wrapped)>,
    /// All that it says, for people. Neither keys nor secrets in addresses.
    pub fields: Fields,
    /// Why it cannot be read, if that is so.
    pub broken: Option<String>,
}

/// A track of a manifest with all that is said of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its name in the manifest.
    pub name: String,
    /// What the manifest says.
    pub statements: Vec<Statement>,
    /// Where its init segment is.
    pub init: Option<Part>,
    /// Whether the manifest says that samples are protected, so that the init segment has to say how.
    pub protects_samples: bool,
    /// Some of its segments, which show what keys its fragments name themselves.
    pub samples: Vec<Part>,
}

impl Statement {
    /// A statement that names nothing yet.
    pub fn new(source: &Arc<str>, element: impl Into<String>, audience: Audience) -> Self {
        Self {
            source: Arc::clone(source),
            element: element.into(),
            audience,
            kids: Vec::new(),
            schemes: Vec::new(),
            iv: None,
            checksums: Vec::new(),
            wrapped: Vec::new(),
            fields: Fields::new(),
            broken: None,
        }
    }

    /// Where it stands, for messages.
    pub fn place(&self) -> String {
        format!("{}: {}", self.source, self.element)
    }

    /// Adds keys that it names, each once.
    pub(super) fn name_keys(&mut self, kids: impl IntoIterator<Item = KeyId>) {
        for kid in kids {
            if self.kids.contains(&kid) {
                continue;
            }
            if self.kids.len() == MAX_KIDS {
                self.broken = Some(format!("it names more than {MAX_KIDS} keys"));
                return;
            }
            self.kids.push(kid);
        }
    }

    /// Adds what is said for people, without what would steer a terminal.
    pub(super) fn tell(&mut self, name: &'static str, value: impl AsRef<str>) {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let value = value.as_ref().chars().take(MAX_VALUE).map(plain);
        self.fields.push((name, value.collect()));
    }

    /// Adds an address, without what may be secret in it. In `data:` a key may stand.
    pub(super) fn tell_url(&mut self, name: &'static str, url: &str) {
        match url.trim_start().get(..5) {
            Some(scheme) if scheme.eq_ignore_ascii_case("data:") => self.tell(name, "data"),
            _ => self.tell(name, address(url)),
        }
    }

    /// Adds the key that an address asks for, if it says so as addresses of this project do.
    pub(super) fn ask_at(&mut self, url: &str) {
        let named = url.split(['?', '&', '#']).find_map(|part| part.strip_prefix("kid="));
        self.name_keys(named.and_then(|kid| kid.parse().ok()));
        self.tell_url("URI", url);
    }
}
