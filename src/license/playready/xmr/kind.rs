//! The objects of a licence: their numbers, and how clients have to treat them.

/// Flag: who does not know the object must not use the licence.
const MUST_UNDERSTAND: u16 = 1;
/// Flag: the data are objects.
const CONTAINER: u16 = 2;

/// The type of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// Holds everything.
    Outer,
    /// What holds for every use.
    GlobalPolicy,
    /// The right to play, and what holds for playing.
    PlaybackPolicy,
    /// How well outputs must be protected.
    OutputLevels,
    /// Protections of analogue video, each with an entry.
    AnalogVideo,
    /// One of them.
    AnalogVideoEntry,
    /// Holds the key.
    KeyMaterial,
    /// The key, encrypted to the device.
    ContentKey,
    /// Seals the licence.
    Signature,
    /// May it be stored?
    RightsSettings,
    /// From when until when it holds.
    Expiration,
    /// When it was made.
    IssueDate,
    /// How long a stored licence stays usable.
    GracePeriod,
    /// Where the content comes from.
    SourceId,
    /// Whose licence it is.
    DeviceKey,
    /// Protections of digital audio, each with an entry.
    DigitalAudio,
    /// One of them.
    DigitalAudioEntry,
    /// How long it may be played once it was started.
    FirstPlayExpiration,
    /// Which revocation data the device must know.
    RevocationVersion,
    /// Whether it may be put into content.
    Embedding,
    /// What the device must be at least.
    SecurityLevel,
    /// Outputs that are allowed although nothing is known of them, each with an entry.
    PlayEnablers,
    /// One of them.
    PlayEnabler,
    /// When clients may throw it away.
    RemovalDate,
    /// Playing ends at the end date, not only at the next start.
    RealTimeExpiration,
    /// Protections of digital video, each with an entry.
    DigitalVideo,
    /// One of them.
    DigitalVideoEntry,
}

use ObjectKind as K;

impl ObjectKind {
    /// Kind, number, flags.
    const TABLE: &[(Self, u16, u16)] = &[
        (K::Outer, 0x0001, CONTAINER | MUST_UNDERSTAND),
        (K::GlobalPolicy, 0x0002, CONTAINER | MUST_UNDERSTAND),
        (K::PlaybackPolicy, 0x0004, CONTAINER),
        (K::OutputLevels, 0x0005, MUST_UNDERSTAND),
        (K::AnalogVideo, 0x0007, CONTAINER | MUST_UNDERSTAND),
        (K::AnalogVideoEntry, 0x0008, MUST_UNDERSTAND),
        (K::KeyMaterial, 0x0009, CONTAINER | MUST_UNDERSTAND),
        (K::ContentKey, 0x000a, MUST_UNDERSTAND),
        (K::Signature, 0x000b, MUST_UNDERSTAND),
        (K::RightsSettings, 0x000d, MUST_UNDERSTAND),
        (K::Expiration, 0x0012, MUST_UNDERSTAND),
        (K::IssueDate, 0x0013, 0),
        (K::GracePeriod, 0x001a, MUST_UNDERSTAND),
        (K::SourceId, 0x0022, MUST_UNDERSTAND),
        (K::DeviceKey, 0x002a, 0),
        (K::DigitalAudio, 0x002e, CONTAINER | MUST_UNDERSTAND),
        (K::DigitalAudioEntry, 0x0031, MUST_UNDERSTAND),
        (K::FirstPlayExpiration, 0x0030, MUST_UNDERSTAND),
        (K::RevocationVersion, 0x0032, MUST_UNDERSTAND),
        (K::Embedding, 0x0033, 0),
        (K::SecurityLevel, 0x0034, MUST_UNDERSTAND),
        (K::PlayEnablers, 0x0036, CONTAINER | MUST_UNDERSTAND),
        (K::PlayEnabler, 0x0039, MUST_UNDERSTAND),
        (K::RemovalDate, 0x0050, MUST_UNDERSTAND),
        (K::RealTimeExpiration, 0x0055, MUST_UNDERSTAND),
        (K::DigitalVideo, 0x0058, CONTAINER | MUST_UNDERSTAND),
        (K::DigitalVideoEntry, 0x0059, MUST_UNDERSTAND),
    ];

    /// The kind of a number.
    pub fn of(number: u16) -> Option<Self> {
        Self::TABLE.iter().find(|(_, known, _)| *known == number).map(|(kind, ..)| *kind)
    }

    /// Number and flags on the wire.
    pub(super) fn wire(self) -> (u16, u16) {
        let row = Self::TABLE.iter().find(|(kind, ..)| *kind == self);
        row.map_or((0, 0), |(_, number, flags)| (*number, *flags))
    }

    /// Whether the data are objects.
    pub(super) fn is_container(self) -> bool {
        self.wire().1 & CONTAINER != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_there_once_and_lead_back() {
        for (kind, number, flags) in ObjectKind::TABLE {
            assert_eq!(ObjectKind::of(*number), Some(*kind));
            assert_eq!(kind.wire(), (*number, *flags));
        }
        assert_eq!(ObjectKind::of(0xffff), None);
    }
}
