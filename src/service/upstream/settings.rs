//! `[upstream.NAME]` of the configuration: a server that makes licences in the place of this one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as text;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::license::at_hand::is_this_machine;
use crate::license::fairplay::Form;
use crate::license::upstream::Protocol;
use crate::policy::{NAME_RULE, is_legal_name};

/// Bytes of an answer at most: a licence for the most keys has some ten thousand.
const MAX_ANSWER: usize = 1 << 20;

/// The servers by their names, by which options of content key policies name them.
pub type All = BTreeMap<String, Settings>;

/// How one server is reached, and what it speaks. Secrets stand in files: a configuration is shown,
/// copied and committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the server speaks.
    pub protocol: Protocol,
    /// Where requests are posted.
    #[serde(serialize_with = "without_secrets")]
    pub url: Url,
    /// Whether `http` is meant where others may listen; to this machine it needs no word.
    #[serde(default)]
    pub plain_http: bool,
    /// File of what is shared with the server.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The account with the vendor; of `widevine-cloud` alone.
    #[serde(default)]
    pub provider: Option<String>,
    /// The form in which the module takes SPCs; of `fairplay` alone, raw when absent.
    #[serde(default)]
    pub body: Option<Form>,
    /// File of the certificate that clients need before they ask.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Header lines, as templates.
    #[serde(default, serialize_with = "names")]
    pub headers: BTreeMap<String, String>,
    /// File with the roots (PEM) that the server's certificate ends at, in the place of those of the
    /// system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// From the wish for a connection to its being there.
    #[serde(default = "connect_timeout", with = "text")]
    pub connect_timeout: Duration,
    /// From the wish for an answer to its last byte.
    #[serde(default = "timeout", with = "text")]
    pub timeout: Duration,
    /// Bytes of an answer at most.
    #[serde(default = "answer_bytes")]
    pub answer_bytes: usize,
    /// Requests under way at once.
    #[serde(default = "requests")]
    pub requests: usize,
    /// Failures in a row after which the server is left alone.
    #[serde(default = "failures")]
    pub failures: u32,
    /// How long it is left alone; then one request tries it.
    #[serde(default = "pause", with = "text")]
    pub pause: Duration,
}

/// What a configuration shows of an address: its query and who uses it may be secrets.
fn without_secrets<S: Serializer>(url: &Url, serializer: S) -> Result<S::Ok, S::Error> {
    let mut shown = url.clone();
    if shown.query().is_some() {
        shown.set_query(Some(HIDDEN));
    }
    // These fail for addresses without a host, which are refused.
    if shown.password().is_some() {
        let _ = shown.set_password(Some(HIDDEN));
    }
    if !shown.username().is_empty() {
        let _ = shown.set_username(HIDDEN);
    }
    serializer.serialize_str(shown.as_str())
}

/// What a configuration shows of header lines: what stands around the names of a template may be a
/// secret.
fn names<S: Serializer>(
    headers: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name, HIDDEN)))
}

const HIDDEN: &str = "hidden";

fn connect_timeout() -> Duration {
    Duration::from_secs(2)
}

fn timeout() -> Duration {
    Duration::from_secs(10)
}

fn answer_bytes() -> usize {
    64 * 1024
}

fn requests() -> usize {
    256
}

fn failures() -> u32 {
    5
}

fn pause() -> Duration {
    Duration::from_secs(10)
}

/// A server's settings are refused.
#[derive(Debug, thiserror::Error)]
#[error("upstream.{name}.{key}: {rule}")]
pub struct SettingsError {
    /// The server.
    pub name: String,
    /// The setting.
    pub key: &'static str,
    /// Its rule; never quotes a value, which may be a secret.
    pub rule: String,
}

/// A setting with its rule, when it is broken.
pub(super) type Broken = (&'static str, String);

impl Settings {
    /// A server with the defaults of all that can be left out.
    pub fn new(protocol: Protocol, url: Url) -> Self {
        Self {
            protocol,
            url,
            plain_http: false,
            secret_file: None,
            provider: None,
            body: None,
            certificate_file: None,
            headers: BTreeMap::new(),
            ca_file: None,
            connect_timeout: connect_timeout(),
            timeout: timeout(),
            answer_bytes: answer_bytes(),
            requests: requests(),
            failures: failures(),
            pause: pause(),
        }
    }

    /// The rules that values alone can break.
    pub(super) fn check(&self, name: &str) -> Result<(), Broken> {
        let url = &self.url;
        let bare = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https") && url.fragment().is_none();
        let safe = url.scheme() != "http" || self.plain_http || is_this_machine(url);
        let is_cloud = self.protocol == Protocol::WidevineCloud;
        let is_module = self.protocol == Protocol::FairPlay;
        let has_certificate = is_cloud || is_module;
        let rules = [
            ("NAME", is_legal_name(name), NAME_RULE),
            ("url", web, "is an http or https address"),
            ("url", bare, "holds no credentials; secret_file is for them"),
            ("url", safe, "is https, unless the server is on this machine or plain_http is true"),
            (
                "provider",
                self.provider.is_some() == is_cloud,
                "is for widevine-cloud, which needs it",
            ),
            (
                "secret_file",
                self.secret_file.is_some() || !is_cloud,
                "is needed for widevine-cloud",
            ),
            ("body", self.body.is_none() || is_module, "is for fairplay"),
            (
                "certificate_file",
                self.certificate_file.is_none() || has_certificate,
                "is for widevine-cloud and fairplay",
            ),
            ("connect_timeout", !self.connect_timeout.is_zero(), "is longer than 0s"),
            ("timeout", !self.timeout.is_zero(), "is longer than 0s"),
            ("answer_bytes", (1..=MAX_ANSWER).contains(&self.answer_bytes), "is 1 to 1048576"),
            ("requests", (1..=65_536).contains(&self.requests), "is 1 to 65536"),
            ("failures", self.failures > 0, "is at least 1"),
            ("pause", !self.pause.is_zero(), "is longer than 0s"),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            None => Ok(()),
            Some((key, _, rule)) => Err((key, rule.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(url: &str, change: impl FnOnce(&mut Settings)) -> Option<&'static str> {
        let mut settings = Settings::new(Protocol::Https, url.parse().unwrap());
        change(&mut settings);
        settings.check("vendor").err().map(|(key, _)| key)
    }

    #[test]
    fn plain_http_goes_to_this_machine_or_where_it_is_told_to() {
        for (url, expected) in [
            ("https://license.example/a?b=c", None),
            ("http://127.0.0.1:9/x", None),
            ("http://localhost/", None),
            ("http://[::1]/", None),
            ("http://license.example/", Some("url")),
            ("http://10.0.0.1/", Some("url")),
            ("http://localhost.example/", Some("url")),
            ("ftp://license.example/", Some("url")),
            ("https://user@license.example/", Some("url")),
            ("https://:word@license.example/", Some("url")),
        ] {
            assert_eq!(broken(url, |_| {}), expected, "{url}");
        }
        assert_eq!(broken("http://10.0.0.1/", |settings| settings.plain_http = true), None);
    }

    #[test]
    fn values_that_would_never_answer_are_refused() {
        type Change = (&'static str, fn(&mut Settings));
        let changes: [Change; 6] = [
            ("connect_timeout", |settings| settings.connect_timeout = Duration::ZERO),
            ("timeout", |settings| settings.timeout = Duration::ZERO),
            ("answer_bytes", |settings| settings.answer_bytes = MAX_ANSWER + 1),
            ("requests", |settings| settings.requests = 0),
            ("failures", |settings| settings.failures = 0),
            ("pause", |settings| settings.pause = Duration::ZERO),
        ];
        for (key, change) in changes {
            assert_eq!(broken("https://license.example/", change), Some(key));
        }
        let settings = Settings::new(Protocol::Https, "https://a.example/".parse().unwrap());
        assert_eq!(settings.check("a name").map_err(|(key, _)| key), Err("NAME"));
    }
}
