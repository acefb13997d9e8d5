//! HLS playlists (RFC 8216, draft-pantos-hls-rfc8216bis) over CMAF fragments, version 7.

mod keys;
mod media;
mod multivariant;

pub use media::media;
pub use multivariant::multivariant;

/// Version of all playlists: EXT-X-MAP in ordinary playlists needs 6, AMS and most packagers
/// write 7 for CMAF (ams.md section 3.3).
const VERSION: u8 = 7;

/// A quoted string must not hold quotes or line ends (RFC 8216 section 4.2).
fn quoted(text: &str) -> String {
    let clean = text.replace(['"', '\r', '\n'], "'");
    format!("\"{clean}\"")
}
