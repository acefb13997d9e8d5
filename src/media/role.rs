//! What a track is for, where the server manifest does not say it (ISO/IEC 23009-1 section 5.8.5.5).

use std::collections::HashMap;

use super::Rendition;
use crate::codec::Family;

impl Rendition {
    /// What it is for, as manifests and conditions have it.
    pub fn role(&self) -> &str {
        self.traits.role.as_deref().unwrap_or(self.assumed_role)
    }
}

pub(super) const MAIN: &str = "main";
pub(super) const ALTERNATE: &str = "alternate";

/// In each language the first audio track is a main one, and what is that track in another codec: the
/// first of it in the language. A track that is said to be something else, or hidden, is no first.
/// Filters do not change it: keys may depend on it.
pub(super) fn assume(audio: &mut [Rendition]) {
    let kind = |rendition: &Rendition| (rendition.tag.clone(), rendition.track.codec.family());
    let mut first: HashMap<(Option<String>, Family), String> = HashMap::new();
    for rendition in audio.iter().filter(|rendition| may_be_first(rendition)) {
        first.entry(kind(rendition)).or_insert_with(|| rendition.name.clone());
    }
    for rendition in audio {
        if first.get(&kind(rendition)).is_some_and(|first| *first != rendition.name) {
            rendition.assumed_role = ALTERNATE;
        }
    }
}

fn may_be_first(rendition: &Rendition) -> bool {
    let is_main = rendition.traits.role.as_deref().is_none_or(|role| role == MAIN);
    !rendition.traits.hidden && rendition.traits.accessibility.is_none() && is_main
}
