//! What a licence allows, in the words of PlayReady.

use crate::drm::playready::guid_order;
use crate::ids::KeyId;

/// Ids of output protections (playready.md section 7).
pub mod output {
    /// HDCP of type 1 on digital video outputs; data `00000001`.
    pub const HDCP_TYPE_1: &str = "abb2c6f1-e663-4625-a945-972d17b231e7";
    /// The largest picture that may be decoded; data height, width.
    pub const MAXIMUM_DECODE_SIZE: &str = "9645e831-e01d-4fff-8342-0a720e3e028f";
    /// Serial copy management on digital audio; data 0 to 3.
    pub const SCMS: &str = "6d5cfa59-c250-4426-930e-fac72c8fcfa6";
    /// Copy generation management on analogue television; data 0 to 3.
    pub const CGMS_A: &str = "225cd36f-f132-49ef-ba8c-c91ea28e4369";
    /// CGMS-A where it can be had, not enforced; data 0 to 3.
    pub const CGMS_A_BEST_EFFORT: &str = "2098de8d-7ddd-4bab-96c6-32ebb6fabea3";
    /// Automatic gain control and colour stripe; data 0 to 3.
    pub const AGC_COLOUR_STRIPE: &str = "c3fd11c6-f8b7-4d20-b008-1db17d61f2da";
    /// At most 520,000 pixels a frame over component outputs.
    pub const IMAGE_CONSTRAINT_COMPONENT: &str = "811c5110-46c8-4c6e-8163-c0482a15d47e";
    /// At most 520,000 pixels a frame over computer monitors.
    pub const IMAGE_CONSTRAINT_MONITOR: &str = "d783a191-e083-4baf-b2da-e69f910b3772";
    /// No analogue video at all.
    pub const DIGITAL_VIDEO_ONLY: &str = "760ae755-682a-41e0-b1b3-dcdf836a7306";
    /// Play enabler: outputs of which nothing is known.
    pub const UNKNOWN_OUTPUT: &str = "786627d8-c2a6-44be-8f88-08ae255b01a7";
    /// Play enabler: the same with at most 520,000 pixels a frame.
    pub const UNKNOWN_OUTPUT_CONSTRAINED: &str = "b621d91f-edcc-4035-8d4b-dc71760d43e9";
}

/// The largest image over outputs that are constrained, where a protection takes it as data: 520,000
/// pixels a frame (Microsoft's compliance rules).
pub(super) const CONSTRAINED_PIXELS: u32 = 520_000;

/// The lowest of each of the five output levels: the object has no word for one that demands nothing.
pub const LOWEST_LEVELS: [u16; 5] = [400, 100, 100, 100, 100];

/// A protection that an output needs, or an output that is allowed, and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Which, in GUID order.
    pub id: [u8; 16],
    /// As the protection defines it.
    pub data: Vec<u8>,
}

impl Protection {
    /// A protection by its id in text; those of [`output`] always read.
    pub fn new(id: &str, data: Vec<u8>) -> Option<Self> {
        Some(Self { id: guid_order(id.parse::<KeyId>().ok()?), data })
    }

    /// One of [`output`] with a number of four bytes.
    pub fn level(id: &'static str, value: u32) -> Option<Self> {
        Self::new(id, value.to_be_bytes().to_vec())
    }

    /// An image constraint of [`output`].
    pub fn constrained(id: &'static str) -> Option<Self> {
        Self::level(id, CONSTRAINED_PIXELS)
    }
}

/// What a licence allows. The default is the right to play on a test device, now and for as long as
/// the session lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The client may store the licence.
    pub persistent: bool,
    /// The licence gives the right to play.
    pub play: bool,
    /// What the device must be at least: 150, 2000, 3000.
    pub security_level: u16,
    /// From when it holds, in seconds since 1970.
    pub begin: Option<u32>,
    /// Until when it holds.
    pub end: Option<u32>,
    /// Seconds that it holds once playing has begun.
    pub first_play_expiration: Option<u32>,
    /// Seconds that it stays usable after it ended.
    pub grace_period: Option<u32>,
    /// When the client may throw it away.
    pub removal_date: Option<u32>,
    /// Playing stops at the end, not only at the next start.
    pub real_time_expiration: bool,
    /// Where the content comes from.
    pub source_id: Option<u32>,
    /// Least levels of compressed and uncompressed digital video, analogue video, compressed and
    /// uncompressed digital audio; all or none are written.
    pub output_levels: Option<[u16; 5]>,
    /// What analogue video needs.
    pub analog_video: Vec<Protection>,
    /// What digital audio needs.
    pub digital_audio: Vec<Protection>,
    /// What digital video needs.
    pub digital_video: Vec<Protection>,
    /// Outputs that are allowed all the same, in GUID order.
    pub play_enablers: Vec<[u8; 16]>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            persistent: false,
            play: true,
            security_level: 150,
            begin: None,
            end: None,
            first_play_expiration: None,
            grace_period: None,
            removal_date: None,
            real_time_expiration: false,
            source_id: None,
            output_levels: None,
            analog_video: Vec::new(),
            digital_audio: Vec::new(),
            digital_video: Vec::new(),
            play_enablers: Vec::new(),
        }
    }
}
