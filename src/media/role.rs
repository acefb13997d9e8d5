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

/// The first audio track is the main one, and what is that track in another codec: the first of it in
/// the same language. Filters do not change it: keys may depend on it.
pub(super) fn assume(audio: &mut [Rendition]) {
    let shown = || audio.iter().filter(|rendition| !rendition.traits.hidden);
    let Some(language) = shown().next().map(|first| first.language) else { return };
    let mut first_of_codec: HashMap<Family, String> = HashMap::new();
    for rendition in shown() {
        let family = rendition.track.codec.family();
        first_of_codec.entry(family).or_insert_with(|| rendition.name.clone());
    }
    for rendition in audio {
        let first = first_of_codec.get(&rendition.track.codec.family());
        let is_first = first.is_none_or(|first| *first == rendition.name);
        if !is_first || rendition.language != language {
            rendition.assumed_role = ALTERNATE;
        }
    }
}
