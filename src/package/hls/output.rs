//! What a variant demands of whoever plays it: HDCP-LEVEL and ALLOWED-CPC (RFC 8216bis section
//! 4.4.6.2).

use std::fmt::Write;

use crate::package::announced::Announced;
use crate::package::format::Format;
use crate::package::presentation::Listed;

/// The attributes of a variant whose pictures, or else whose sound, are these. Each begins with a
/// comma.
pub(super) fn attributes(format: Format, listed: Option<&Listed<'_>>) -> String {
    let Some(key) = listed.and_then(|listed| listed.keys.first()) else { return String::new() };
    let mut attributes = String::new();
    // Writing to a string cannot fail.
    if let Some(level) = key.hdcp {
        let _ = write!(attributes, ",HDCP-LEVEL={}", level.as_str());
    }
    let entry = |system: &Announced| {
        let (key_format, _) = system.line(format).filter(|_| !system.robustness.is_empty())?;
        Some(format!("{key_format}:{}", system.robustness.join("/")))
    };
    let allowed: Vec<String> = key.systems.iter().filter_map(entry).collect();
    if !allowed.is_empty() {
        let _ = write!(attributes, ",ALLOWED-CPC=\"{}\"", allowed.join(","));
    }
    attributes
}
