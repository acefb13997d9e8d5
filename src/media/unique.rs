//! What tells the renditions of an asset apart in URLs.

use super::Rendition;
use super::asset::VIDEO;
use crate::codec::MediaType;

/// Name and bitrate are the identity of a rendition in URLs. A name stands for a set that players
/// switch in, so a track that does not fit the set gets a name of its own; of equal bitrates in a
/// set the later gets one bit per second more (ams.md section 23, trap 4).
pub(super) fn make_unique(renditions: &mut [Rendition], others: &[Rendition]) {
    for n in 0..renditions.len() {
        let (before, rest) = renditions.split_at_mut(n);
        let Some(own) = rest.first_mut() else { return };
        let fits = |name: &str, own: &Rendition| {
            let reserved = own.track.media_type == MediaType::Audio && name == VIDEO;
            let taken = others.iter().any(|other| other.name == name);
            let mut set = before.iter().filter(|known| known.name == name);
            !reserved && !taken && set.all(|known| switchable(known, own))
        };
        let names = (2..).map(|k| format!("{}_{k}", own.name));
        let name = std::iter::once(own.name.clone()).chain(names).find(|name| fits(name, own));
        own.name = name.unwrap_or_default();
        let taken = |bitrate: u64| {
            before.iter().any(|known| known.name == own.name && known.bitrate == bitrate)
        };
        own.bitrate = (own.bitrate..).find(|bitrate| !taken(*bitrate)).unwrap_or(own.bitrate);
    }
}

/// Whether players can switch between two renditions: codec, form of the sample entry and cuts
/// agree (ISO/IEC 23000-19 section 7.3.4), and what is seen or heard.
fn switchable(a: &Rendition, b: &Rendition) -> bool {
    let starts = |rendition: &Rendition| {
        rendition.cuts.starts.iter().map(|cut| cut.start).collect::<Vec<_>>()
    };
    let look = |rendition: &Rendition| {
        let picture = &rendition.track.picture;
        (picture.range(), picture.dolby_vision.map(|vision| vision.profile), picture.turned)
    };
    let form = |rendition: &Rendition| {
        let track = &rendition.track;
        (track.codec.family(), track.entry.kind, track.codec.sound())
    };
    let language = |rendition: &'_ Rendition| {
        rendition.track.codec.sound().map(|_| (rendition.language, rendition.tag.clone()))
    };
    // Made names of sound have the bitrate in them: tracks that share one are no levels of one sound.
    let is_level =
        |rendition: &Rendition| rendition.named || rendition.track.media_type == MediaType::Video;
    is_level(a)
        && is_level(b)
        && a.traits == b.traits
        && form(a) == form(b)
        && look(a) == look(b)
        && language(a) == language(b)
        && starts(a) == starts(b)
}
