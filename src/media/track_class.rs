//! Classes of tracks by what their keys are worth: key services and packagers give each its own key
//! (key-exchange.md section 5: the bounds of shaka-packager).

use super::Track;
use crate::codec::MediaType;

/// A class of tracks that one key usually covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackClass {
    /// Sound.
    Audio,
    /// Pictures of up to 768x576.
    Sd,
    /// Pictures of up to 1920x1080.
    Hd,
    /// Pictures of up to 4096x2160.
    Uhd1,
    /// Larger pictures.
    Uhd2,
}

/// Classes with their labels; of pictures also the most pixels, from the fewest up.
const TABLE: &[(TrackClass, &str, Option<u64>)] = &[
    (TrackClass::Audio, "AUDIO", None),
    (TrackClass::Sd, "SD", Some(768 * 576)),
    (TrackClass::Hd, "HD", Some(1920 * 1080)),
    (TrackClass::Uhd1, "UHD1", Some(4096 * 2160)),
    (TrackClass::Uhd2, "UHD2", Some(u64::MAX)),
];

impl TrackClass {
    /// The class of a track.
    pub fn of(track: &Track) -> Self {
        match track.media_type {
            MediaType::Audio => Self::Audio,
            MediaType::Video => Self::of_size(track.size),
        }
    }

    /// The class of pictures of that width and height.
    pub fn of_size((width, height): (u16, u16)) -> Self {
        let pixels = u64::from(width) * u64::from(height);
        let fits = |(_, _, most): &&(Self, &str, Option<u64>)| most.is_some_and(|m| pixels <= m);
        TABLE.iter().find(fits).map_or(Self::Uhd2, |(class, ..)| *class)
    }

    /// Its label.
    pub fn label(self) -> &'static str {
        TABLE.iter().find(|(class, ..)| *class == self).map_or("", |(_, label, _)| label)
    }

    /// Reads a label, in any case.
    pub fn from_label(label: &str) -> Option<Self> {
        let named = |(_, name, _): &&(Self, &str, _)| name.eq_ignore_ascii_case(label);
        TABLE.iter().find(named).map(|(class, ..)| *class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_the_packager() {
        for (size, class) in [
            ((768, 576), TrackClass::Sd),
            ((768, 577), TrackClass::Hd),
            ((1920, 1080), TrackClass::Hd),
            ((1920, 1088), TrackClass::Uhd1),
            ((4096, 2160), TrackClass::Uhd1),
            ((7680, 4320), TrackClass::Uhd2),
        ] {
            assert_eq!(TrackClass::of_size(size), class, "{size:?}");
        }
        assert_eq!(TrackClass::from_label("uhd1"), Some(TrackClass::Uhd1));
        assert_eq!(TrackClass::from_label("4K"), None);
    }
}
