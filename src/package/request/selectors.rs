//! The parameters of a manifest URL, which every child URL repeats (ams.md section 2.5).

use std::fmt;

use super::UrlError;
use crate::media::Rendition;
use crate::package::format::{Container, Format};
use crate::package::support;
use crate::protection::Protection;

/// The value of `encryption=` that means `cenc` in the boxes of PIFF 1.1; of Smooth Streaming only.
const PIFF: &str = "piff";

/// What the parameters select. Prints as the parameters of child URLs, a comma before each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selectors {
    /// `format=`.
    pub format: Format,
    /// `encryption=`; `None` when it is left out.
    pub encryption: Option<Protection>,
    /// Whether fragments have the boxes of PIFF.
    pub piff: bool,
    /// `audio-only=`: HLS adds a variant without pictures.
    pub audio_only: bool,
    /// `audioTrack=` of formats that mux; the others list all tracks whatever it says.
    pub audio_track: Option<String>,
    /// `filter=`: names of filters, each once, in the order of the URL.
    pub filters: Vec<String>,
}

impl Selectors {
    /// Of a manifest in a format under a protection.
    pub fn of(format: Format, protection: Protection) -> Self {
        let encryption = Some(protection).filter(|it| *it != Protection::Clear);
        let (audio_only, audio_track, filters) = (false, None, Vec::new());
        Self { format, encryption, piff: false, audio_only, audio_track, filters }
    }

    /// Reads parameters, each at most once.
    pub(super) fn parse<'a>(params: impl Iterator<Item = &'a str>) -> Result<Self, UrlError> {
        let mut given = Given::default();
        for param in params {
            let (name, value) =
                param.split_once('=').ok_or(UrlError::Syntax("a parameter has no value"))?;
            given.set(name.trim(), value.trim())?;
        }
        let format = given.format.map_or(Ok(Format::DEFAULT), |name| {
            Format::from_selector(name).ok_or_else(|| UrlError::Format(name.to_owned()))
        })?;
        let audio_track = given.audio_track.filter(|_| format.muxes_audio());
        let piff = given.encryption.filter(|value| value.eq_ignore_ascii_case(PIFF));
        if let Some(value) = piff.filter(|_| format.row().container != Container::Smooth) {
            return Err(UrlError::Encryption(value.to_owned()));
        }
        Ok(Self {
            format,
            audio_track: audio_track.map(str::to_owned),
            encryption: given.encryption.map(encryption).transpose()?,
            piff: piff.is_some(),
            audio_only: given.audio_only.map(boolean).transpose()?.unwrap_or(false),
            filters: given.filter.map(names).transpose()?.unwrap_or_default(),
        })
    }

    /// The audio track that goes into video segments: the one that is named, else the first that
    /// is not hidden, of those of `audio` that can be carried. `None` also for formats that do not
    /// mux.
    pub fn muxed_audio<'a>(
        &self,
        mut audio: impl Iterator<Item = &'a Rendition>,
    ) -> Option<&'a Rendition> {
        let fits = |rendition: &&Rendition| {
            let named = match &self.audio_track {
                Some(name) => rendition.name == *name,
                None => !rendition.traits.hidden,
            };
            let carried = support::check(&rendition.track, self.format, Protection::Clear).is_ok();
            named && carried
        };
        let muxes = self.format.muxes_audio();
        audio.find(fits).filter(|_| muxes)
    }
}

const UNKNOWN: &str =
    "a parameter is unknown: format, encryption, filter, audio-only and audioTrack are known";

/// The values as written.
#[derive(Default)]
struct Given<'a> {
    format: Option<&'a str>,
    encryption: Option<&'a str>,
    audio_only: Option<&'a str>,
    audio_track: Option<&'a str>,
    filter: Option<&'a str>,
}

impl<'a> Given<'a> {
    fn set(&mut self, name: &str, value: &'a str) -> Result<(), UrlError> {
        let slot = match name.to_ascii_lowercase().as_str() {
            "format" => &mut self.format,
            "encryption" => &mut self.encryption,
            "audio-only" => &mut self.audio_only,
            "audiotrack" => &mut self.audio_track,
            "filter" => &mut self.filter,
            _ => return Err(UrlError::Syntax(UNKNOWN)),
        };
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(UrlError::Syntax("a parameter stands twice")),
        }
    }
}

fn encryption(value: &str) -> Result<Protection, UrlError> {
    if value.eq_ignore_ascii_case(PIFF) {
        return Ok(Protection::Cenc);
    }
    // What the scheme is called everywhere else; AMS had this name for it alone.
    if value.eq_ignore_ascii_case("cbcs") {
        return Ok(Protection::Cbcs);
    }
    let unknown = "the encryption is unknown: cbc, cenc, cbcs-aapl, cens, cbc1 and piff are known";
    Protection::from_url_value(value).ok_or(UrlError::Syntax(unknown))
}

/// Names between semicolons. Asset and account keep their names without case.
fn names(value: &str) -> Result<Vec<String>, UrlError> {
    let mut names: Vec<String> = Vec::new();
    for name in value.split(';').map(str::trim) {
        if name.is_empty() {
            return Err(UrlError::Syntax("a filter has no name"));
        }
        if names.iter().all(|known| !known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn boolean(value: &str) -> Result<bool, UrlError> {
    value
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| UrlError::Syntax("audio-only is neither true nor false"))
}

impl fmt::Display for Selectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.format != Format::DEFAULT {
            write!(f, ",format={}", self.format.row().selector)?;
        }
        if let Some(row) = self.encryption.and_then(Protection::row) {
            let value = if self.piff { PIFF } else { row.url_value };
            write!(f, ",encryption={value}")?;
        }
        if !self.filters.is_empty() {
            write!(f, ",filter={}", self.filters.join(";"))?;
        }
        Ok(())
    }
}
