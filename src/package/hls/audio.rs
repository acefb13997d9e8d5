//! Audio renditions and their groups (RFC 8216 section 4.3.4.1): one group for each codec, so that
//! a variant says exactly which decoders it needs (section 4.3.4.2).

use std::fmt::Write;

use super::quoted;
use crate::codec::{Codec, Family};
use crate::media::{Rendition, Track};
use crate::package::compat::Compat;
use crate::package::names;
use crate::package::presentation::{Listed, Presentation};

/// GROUP-ID of the first group, as AMS wrote it; the others have the codec behind it.
const GROUP: &str = "audio";

/// An audio rendition under the name that players show.
pub(super) struct Named<'a> {
    pub(super) listed: &'a Listed<'a>,
    pub(super) name: String,
    /// Whether players start with it: one in each group, the same sound in all.
    pub(super) default: bool,
}

/// The renditions of one codec.
pub(super) struct Group<'a> {
    pub(super) id: String,
    /// `None` for a group that was asked for by its id.
    family: Option<Family>,
    pub(super) members: Vec<Named<'a>>,
}

/// The groups in the order of their first tracks. Of a set that players switch in the first
/// rendition is listed: an HLS group has no levels. Of formats that mux it is the muxed track
/// alone, unless nothing of it is listed and there are no pictures to mux it into.
pub(super) fn groups<'a>(presentation: &'a Presentation<'a>) -> Vec<Group<'a>> {
    let muxes = presentation.selectors.format.muxes_audio();
    let muxed = presentation.muxed_audio;
    let is_muxed =
        |audio: &&Listed<'_>| muxed.is_some_and(|muxed| std::ptr::eq(audio.rendition, muxed));
    let alone =
        presentation.video().next().is_none() && !presentation.audio().any(|a| is_muxed(&a));
    let candidates = presentation.audio().filter(|audio| !muxes || alone || is_muxed(audio));
    let mut groups: Vec<Group<'a>> = Vec::new();
    for listed in candidates {
        let files = presentation.files_of(listed.rendition);
        let asked = files.and_then(|files| files.group.as_ref());
        let codec = listed.rendition.track.codec.family();
        let family = Some(codec).filter(|_| asked.is_none());
        let known = groups.iter_mut().find(|group| match asked {
            Some(id) => group.id == *id,
            None => group.family == family,
        });
        match known {
            Some(group) => group.add(presentation.compat, listed),
            None => {
                let id = match asked {
                    Some(id) => id.clone(),
                    None if groups.is_empty() => GROUP.to_owned(),
                    None => format!("{GROUP}_{}", codec.name()),
                };
                let mut group = Group { id, family, members: Vec::new() };
                group.add(presentation.compat, listed);
                groups.push(group);
            }
        }
    }
    match_with_first(&mut groups);
    groups
}

/// Players that go over to another group look for the name they had (RFC 8216 section 4.3.4.1.1): a
/// track without a title goes by the name of the track of the first group in the same language.
fn match_with_first(groups: &mut [Group<'_>]) {
    let Some((first, others)) = groups.split_first_mut() else { return };
    for group in others {
        for n in 0..group.members.len() {
            let Rendition { tag, title, .. } = group.members[n].listed.rendition;
            let taken = |name: &str| group.members.iter().any(|member| member.name == name);
            let counterpart = first
                .members
                .iter()
                .find(|member| member.listed.rendition.tag == *tag && !taken(&member.name));
            if let (None, Some(counterpart)) = (title, counterpart) {
                group.members[n].name.clone_from(&counterpart.name);
            }
        }
        if group.family.is_some() {
            group.borrow(first);
        }
        let leading = first.members.first().map(|member| member.name.clone());
        let default =
            group.members.iter().position(|member| Some(&member.name) == leading.as_ref());
        group.members[default.unwrap_or(0)].default = true;
    }
    first.members[0].default = true;
}

impl<'a> Group<'a> {
    /// NAME is unique in the group.
    fn add(&mut self, compat: Compat, listed: &'a Listed<'a>) {
        let rendition = listed.rendition;
        if self.members.iter().any(|known| known.listed.rendition.name == rendition.name) {
            return;
        }
        let free = |name: &String| self.members.iter().all(|known| known.name != *name);
        let difference = names::difference(rendition).filter(|_| compat == Compat::Modern);
        let name = names::free(names::of_audio(compat, rendition), difference, free);
        self.members.push(Named { listed, name, default: false });
    }

    /// Takes over what is in no language of its own: a viewer whose player likes the codec of a group
    /// is to find every language in it (RFC 8216 section 4.3.4.1.1).
    fn borrow(&mut self, first: &Self) {
        let spoken = |named: &Named<'a>| {
            let rendition = named.listed.rendition;
            (rendition.tag.as_deref(), rendition.traits.describes_video())
        };
        for member in &first.members {
            if self.members.iter().all(|own| spoken(own) != spoken(member)) {
                let Named { listed, name, .. } = member;
                self.members.push(Named { listed, name: name.clone(), default: false });
            }
        }
    }

    /// The EXT-X-MEDIA lines.
    pub(super) fn lines(&self, presentation: &Presentation<'_>) -> Vec<String> {
        self.members.iter().map(|named| self.line(presentation, named)).collect()
    }

    fn line(&self, presentation: &Presentation<'_>, named: &Named<'_>) -> String {
        let Named { listed: Listed { rendition, .. }, name, default } = named;
        let mut line =
            format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID={},NAME={}", quoted(&self.id), quoted(name));
        if let Some(tag) = &rendition.tag {
            let _ = write!(line, ",LANGUAGE={}", quoted(tag));
        }
        let default = if *default { "YES" } else { "NO" };
        let _ = write!(line, ",DEFAULT={default},AUTOSELECT=YES");
        if let Some(channels) = channels(&rendition.track) {
            let _ = write!(line, ",CHANNELS=\"{channels}\"");
        }
        line += characteristics(rendition);
        let uri = presentation.media_playlist_url(rendition);
        let _ = write!(line, ",URI=\"{uri}\"");
        line
    }
}

/// The attribute of a track that tells what is in the pictures, with a comma in front.
pub(super) fn characteristics(rendition: &Rendition) -> &'static str {
    if rendition.traits.describes_video() {
        return ",CHARACTERISTICS=\"public.accessibility.describes-video\"";
    }
    ""
}

/// Whether sound lies in playlists of its own that variants name: not where it is muxed in, nor where
/// there is nothing but one track.
pub(super) fn are_grouped(presentation: &Presentation<'_>, groups: &[Group<'_>]) -> bool {
    let pictures = presentation.video().next().is_some();
    let only_track = matches!(groups, [only] if only.members.len() == 1);
    !presentation.selectors.format.muxes_audio() && (pictures || !only_track)
}

/// What is heard with a variant.
#[derive(Default)]
pub(super) struct Sound<'a> {
    pub(super) listed: Vec<&'a Listed<'a>>,
    /// The attribute that names the group, with a comma in front; empty where the sound lies in
    /// the segments of the variant.
    pub(super) attribute: String,
}

impl<'a> Sound<'a> {
    /// What the variants have in turn: the groups, or nothing where there is no sound. `grouped`
    /// says whether sound lies in playlists of its own.
    pub(super) fn each_of(groups: &[Group<'a>], grouped: bool) -> Vec<Self> {
        if groups.is_empty() {
            return vec![Self::default()];
        }
        let attribute = |group: &Group<'_>| match grouped {
            true => format!(",AUDIO={}", quoted(&group.id)),
            false => String::new(),
        };
        let sound = |group: &Group<'a>| Self {
            listed: group.members.iter().map(|named| named.listed).collect(),
            attribute: attribute(group),
        };
        groups.iter().map(sound).collect()
    }
}

/// CHANNELS: how many, or how many objects Atmos has (RFC 8216bis section 4.4.6.1).
fn channels(track: &Track) -> Option<String> {
    if let Codec::Eac3(config) = &track.codec
        && let Some(objects) = config.objects
    {
        return Some(format!("{objects}/JOC"));
    }
    let sound = track.codec.sound().filter(|sound| sound.channels > 0)?;
    Some(sound.channels.to_string())
}
