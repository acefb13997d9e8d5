//! Conditions on tracks. Types, languages and four-character codes are compared without case;
//! names, which stand in URLs as they are, with it.

use std::ops::RangeInclusive;

use super::{FilterError, FilterRule};
use crate::codec::MediaType;
use crate::isobmff::FourCc;
use crate::isobmff::moov::mdhd::Language;
use crate::media::track_class::TrackClass;
use crate::media::{Rendition, TextRendition, language};
use crate::package::text::TextForm;

/// An entry of `tracks`: keeps a track when all its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TrackSelection {
    /// The conditions.
    pub conditions: Vec<Condition>,
}

/// A condition on one property of a track.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Which property.
    pub property: Property,
    /// Whether it has to be equal, or not to be equal.
    pub equal: bool,
    /// The value as it was written.
    pub value: String,
    test: Test,
}

/// What conditions look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `None` stands for text.
    media_type: Option<MediaType>,
    name: &'a str,
    language: Language,
    four_cc: FourCc,
    bitrate: u64,
    /// Lines of the pictures.
    height: Option<u64>,
    class: Option<TrackClass>,
    role: &'a str,
}

impl<'a> Facts<'a> {
    /// Those of a video level or an audio track.
    pub fn of(rendition: &'a Rendition) -> Self {
        let media_type = rendition.track.media_type;
        let height = u64::from(rendition.track.size.1);
        Self {
            media_type: Some(media_type),
            name: &rendition.name,
            language: rendition.language,
            four_cc: rendition.track.entry.kind,
            bitrate: rendition.bitrate,
            height: Some(height).filter(|_| media_type == MediaType::Video),
            class: Some(TrackClass::of(&rendition.track)),
            role: rendition.role(),
        }
    }

    /// Those of a text track; its sample entry is that which DASH has.
    pub fn of_text(text: &'a TextRendition) -> Self {
        Self {
            media_type: None,
            name: &text.name,
            language: text.language,
            four_cc: TextForm::in_fragments(text).four_cc(),
            bitrate: text.bitrate,
            height: None,
            class: None,
            role: text.purpose.role(),
        }
    }
}

/// A property of tracks that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Property {
    /// Video, audio or text.
    Type,
    /// The name in URLs.
    Name,
    /// Language tag or code.
    Language,
    /// Type of the sample entry.
    FourCc,
    /// Bits per second, or a range of them with both ends in it.
    Bitrate,
    /// Lines of the pictures, or a range of them with both ends in it.
    Height,
    /// SD, HD, UHD1, UHD2 or AUDIO.
    TrackClass,
    /// The role that manifests announce.
    Role,
}

/// One row of the table of properties.
pub(super) struct Row {
    pub(super) property: Property,
    /// The name in documents.
    pub(super) name: &'static str,
    /// What a value has to be, for messages.
    expected: &'static str,
    read: fn(&str) -> Option<Test>,
}

/// Every property: those of ams.md section 15, then ours.
pub(super) const TABLE: &[Row] = &[
    Row {
        property: Property::Type,
        name: "Type",
        expected: "Video, Audio or Text",
        read: read_type,
    },
    Row {
        property: Property::Name,
        name: "Name",
        expected: "the name of a track",
        read: |value| Some(Test::Name(value.to_owned())),
    },
    Row {
        property: Property::Language,
        name: "Language",
        expected: "a language tag",
        read: |value| Some(Test::Language(language::tag(language::from_tag(value)?))),
    },
    Row {
        property: Property::FourCc,
        name: "FourCC",
        expected: "four characters, for example avc1",
        read: |value| Some(Test::FourCc(value.to_ascii_lowercase().as_bytes().try_into().ok()?)),
    },
    Row {
        property: Property::Bitrate,
        name: "Bitrate",
        expected: "bits per second, one number or lo-hi",
        read: |value| Some(Test::Bitrate(numbers(value)?)),
    },
    Row {
        property: Property::Height,
        name: "Height",
        expected: "lines of pictures, one number or lo-hi",
        read: |value| Some(Test::Height(numbers(value)?)),
    },
    Row {
        property: Property::TrackClass,
        name: "TrackClass",
        expected: "SD, HD, UHD1, UHD2 or AUDIO",
        read: |value| TrackClass::from_label(value).map(Test::TrackClass),
    },
    Row {
        property: Property::Role,
        name: "Role",
        expected: "a role, for example main",
        read: |value| Some(Test::Role(value.to_owned())),
    },
];

/// A value that has been read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Test {
    /// `None` stands for text.
    Type(Option<MediaType>),
    Name(String),
    /// The tag that manifests write, so that codes of two and of three letters are the same;
    /// `None` for `und`.
    Language(Option<String>),
    FourCc([u8; 4]),
    Bitrate(RangeInclusive<u64>),
    Height(RangeInclusive<u64>),
    TrackClass(TrackClass),
    Role(String),
}

impl TrackSelection {
    /// Whether the entry keeps a track.
    pub fn keeps(&self, track: &Facts<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.holds(track))
    }
}

impl TrackSelection {
    /// Two conditions, by their numbers, that no track fulfils together.
    pub fn contradiction(&self) -> Option<(usize, usize)> {
        let pairs = (0..self.conditions.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let mut pairs = pairs.take(MAX_PAIRS);
        pairs.find(|(a, b)| self.conditions[*a].contradicts(&self.conditions[*b]))
    }

    /// The names that tracks must have, with the numbers of the conditions.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.conditions.iter().enumerate().filter_map(|(n, condition)| match &condition.test {
            Test::Name(name) if condition.equal => Some((n, name.as_str())),
            _ => None,
        })
    }
}

/// More pairs of conditions are not compared.
const MAX_PAIRS: usize = 4096;

impl Condition {
    fn contradicts(&self, other: &Self) -> bool {
        match (self.equal, other.equal) {
            (true, true) => self.test.excludes(&other.test),
            (false, false) => false,
            _ => self.test == other.test,
        }
    }

    /// Reads the value of a condition.
    ///
    /// # Errors
    /// A value that the property cannot have.
    pub fn new(property: Property, equal: bool, value: &str) -> Result<Self, FilterError> {
        let row = property.row();
        let test = (row.read)(value).filter(|_| !value.is_empty()).ok_or_else(|| {
            let (name, expected) = (row.name, row.expected);
            let detail = format!("the value {value:?} of {name} is not {expected}");
            FilterError::new(FilterRule::Track, detail)
        })?;
        Ok(Self { property, equal, value: value.to_owned(), test })
    }

    fn holds(&self, track: &Facts<'_>) -> bool {
        self.test.is_met(track) == self.equal
    }
}

impl Property {
    pub(super) fn row(self) -> &'static Row {
        // A test holds the order.
        &TABLE[self as usize]
    }
}

impl Test {
    /// Whether no track passes both.
    fn excludes(&self, other: &Self) -> bool {
        use MediaType::{Audio, Video};
        let disjoint = |a: &RangeInclusive<u64>, b: &RangeInclusive<u64>| {
            a.end() < b.start() || b.end() < a.start()
        };
        match (self, other) {
            (Self::Bitrate(a), Self::Bitrate(b)) | (Self::Height(a), Self::Height(b)) => {
                disjoint(a, b)
            }
            (Self::Role(a), Self::Role(b)) => !a.eq_ignore_ascii_case(b),
            (Self::Type(kind), Self::TrackClass(class))
            | (Self::TrackClass(class), Self::Type(kind)) => {
                let own = if *class == TrackClass::Audio { Audio } else { Video };
                *kind != Some(own)
            }
            (Self::Type(kind), Self::Height(_)) | (Self::Height(_), Self::Type(kind)) => {
                *kind != Some(Video)
            }
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b) && a != b,
        }
    }

    fn is_met(&self, track: &Facts<'_>) -> bool {
        match self {
            Self::Type(wanted) => *wanted == track.media_type,
            Self::Name(name) => track.name == *name,
            Self::Language(tag) => language::tag(track.language) == *tag,
            Self::FourCc(code) => track.four_cc.0.eq_ignore_ascii_case(code),
            Self::Bitrate(range) => range.contains(&track.bitrate),
            Self::Height(range) => track.height.is_some_and(|height| range.contains(&height)),
            Self::TrackClass(class) => track.class == Some(*class),
            Self::Role(role) => track.role.eq_ignore_ascii_case(role),
        }
    }
}

fn read_type(value: &str) -> Option<Test> {
    let types =
        [("video", Some(MediaType::Video)), ("audio", Some(MediaType::Audio)), ("text", None)];
    let found = types.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
    found.map(|(_, media_type)| Test::Type(*media_type))
}

/// One number, or two with a hyphen between.
fn numbers(value: &str) -> Option<RangeInclusive<u64>> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (low, high) = match value.split_once('-') {
        Some((low, high)) => (number(low)?, number(high)?),
        None => (number(value)?, number(value)?),
    };
    (low <= high).then_some(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_property() {
        for row in TABLE {
            assert_eq!(row.property.row().property, row.property);
        }
    }

    #[test]
    fn roles_are_compared_in_any_case() {
        let track = |role| Facts {
            media_type: None,
            name: "t",
            language: Language::UND,
            four_cc: FourCc(*b"mp4a"),
            bitrate: 1,
            height: None,
            class: None,
            role,
        };
        let condition = Condition::new(Property::Role, true, "Alternate").unwrap();
        assert!(condition.holds(&track("alternate")));
        assert!(!condition.holds(&track("main")));
        assert!(Condition::new(Property::Role, true, "").is_err());
    }
}
