//! HLS playlists (RFC 8216, draft-pantos-hls-rfc8216bis) over CMAF fragments and transport streams.

use super::presentation::Presentation;
use crate::cenc::Scheme;

mod ams;
mod audio;
mod captions;
mod images;
mod keys;
mod media;
mod multivariant;
mod output;
pub mod read;
mod segments;
mod text;

pub use images::{images, is_listed};
pub use media::{key_frames, media};
pub use multivariant::multivariant;
pub use text::text;

/// The first EXT-X-VERSION that knows SAMPLE-AES (RFC 8216 section 7).
const KNOWS_SAMPLE_AES: u8 = 5;

/// EXT-X-VERSION of all playlists of a presentation; only HLS formats come here.
fn version(presentation: &Presentation<'_>) -> u8 {
    let version = presentation.selectors.format.playlist_version().unwrap_or(1);
    match Scheme::of(presentation.protection) {
        Some(_) => version.max(KNOWS_SAMPLE_AES),
        None => version,
    }
}

/// A quoted string must not hold quotes or line ends (RFC 8216 section 4.2).
fn quoted(text: &str) -> String {
    let clean = text.replace(['"', '\r', '\n'], "'");
    format!("\"{clean}\"")
}
