//! Content steering: which server players ask from where they shall load. It stands in manifests as
//! it is configured; steering servers are other programs (RFC 8216bis section 7, ETSI TS 103 998).

use serde::{Deserialize, Serialize};

/// The `[steering]` section of the configuration. URLs may be relative to the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Steering {
    /// Steering server for HLS players.
    pub hls_server: Option<String>,
    /// The pathway that this origin's variants are of; `.` when absent.
    pub hls_pathway: Option<String>,
    /// Steering server for DASH players.
    pub dash_server: Option<String>,
    /// The service location that this origin's URLs are of.
    pub dash_service_location: Option<String>,
}

impl Steering {
    /// The first setting that cannot stand in a manifest, and the rule it breaks.
    ///
    /// # Errors
    /// Key and rule.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let url =
            |url: &str| !url.is_empty() && !url.contains(|c: char| c == '"' || c.is_control());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let id = |id: &str| !id.is_empty() && id.chars().all(plain);
        let (hls, dash) = (self.hls_server.as_deref(), self.dash_server.as_deref());
        let (pathway, location) =
            (self.hls_pathway.as_deref(), self.dash_service_location.as_deref());
        const URL: &str = "is a URL without quotes";
        const ID: &str = "has letters, digits, '.', '-' and '_' only";
        let rules = [
            ("steering.hls_server", hls.is_none_or(url), URL),
            ("steering.dash_server", dash.is_none_or(url), URL),
            ("steering.hls_pathway", pathway.is_none_or(id), ID),
            ("steering.hls_pathway", pathway.is_none() || hls.is_some(), "needs hls_server"),
            ("steering.dash_service_location", location.is_none_or(id), ID),
            (
                "steering.dash_service_location",
                location.is_none() || dash.is_some(),
                "needs dash_server",
            ),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((key, _, rule)) => Err((key, rule)),
            None => Ok(()),
        }
    }
}
