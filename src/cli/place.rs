//! Files and addresses that commands read, and what manifests name relative to them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use super::CliError;
use super::fetch::{MAX_FETCH, fetch, fetch_part};
use crate::bytes::ReadAt;
use crate::drm::describe;
use crate::package::part::Part;
use crate::store::files::LocalFile;

/// A longer manifest is refused, in bytes: that of a day of two-second segments is shorter.
const MAX_MANIFEST: u64 = 64 << 20;

/// So many bytes tell a manifest from media.
const START: u64 = 64;

/// How far manifests of this machine lead.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Reach {
    /// Read also what a manifest that is a file names outside of its folder: other files, and addresses
    #[arg(long)]
    allow_outside: bool,
}

/// A file or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    File {
        path: PathBuf,
        /// The folder in which all lies that it may name; everything when absent.
        within: Option<Arc<Path>>,
    },
    /// What a manifest here names is an address too.
    Address(Url),
}

impl Place {
    /// What a user names.
    pub(super) fn of(input: &str, reach: &Reach) -> Result<Self, CliError> {
        if input.contains("://") {
            return address(input);
        }
        let path = PathBuf::from(input);
        let folder = folder_of(&path);
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let within = (!reach.allow_outside).then(|| folder.into());
        Ok(Self::File { path, within })
    }

    /// The file that it is.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Address(_) => None,
        }
    }

    /// All of it, or of a file that is no manifest its first bytes.
    pub(super) async fn look(&self) -> Result<Vec<u8>, CliError> {
        let data = match self {
            Self::Address(url) => fetch(url.as_str(), MAX_FETCH).await?,
            Self::File { path, .. } => head(path).map_err(|error| CliError::file(path, &error))?,
        };
        if data.len() as u64 > MAX_MANIFEST && crate::inspect::kind(&data).is_some() {
            return Err(CliError::refused(format_args!("{self}: a manifest of over 64 MiB")));
        }
        Ok(data)
    }

    /// How many bytes its name has.
    pub(super) fn name_len(&self) -> usize {
        match self {
            Self::File { path, .. } => path.as_os_str().len(),
            Self::Address(url) => url.as_str().len(),
        }
    }

    /// Some of its bytes, or all, up to `limit` of them.
    pub(super) async fn read(
        &self,
        bytes: Option<Range<u64>>,
        limit: u64,
    ) -> Result<Vec<u8>, CliError> {
        if bytes.as_ref().is_some_and(|bytes| bytes.end - bytes.start > limit) {
            return Err(CliError::refused(format_args!("{self}: more than {limit} bytes")));
        }
        match self {
            Self::Address(url) => match bytes {
                Some(bytes) => fetch_part(url.as_str(), bytes).await,
                None => fetch(url.as_str(), limit).await,
            },
            Self::File { path, .. } => {
                part(path, bytes, limit).map_err(|error| CliError::file(path, &error))
            }
        }
    }

    /// What a manifest here names.
    pub(super) fn resolve(&self, uri: &str) -> Result<Self, CliError> {
        self.allowed(self.joined(uri)?, uri)
    }

    /// The resource of a part that a manifest here names.
    pub(super) fn resolve_part(&self, part: &Part) -> Result<Self, CliError> {
        let (mut place, mut last) = (self.clone(), "");
        for uri in part.uris().filter(|uri| !uri.is_empty()) {
            place = place.joined(uri)?;
            // A folder: what is relative to it lies in it.
            if let (Self::File { path, .. }, true) = (&mut place, uri.ends_with('/')) {
                path.push("");
            }
            last = uri;
        }
        self.allowed(place, last)
    }

    fn joined(&self, uri: &str) -> Result<Self, CliError> {
        let refuse = |error: &dyn fmt::Display| CliError::refused(format_args!("{self}: {error}"));
        match self {
            Self::Address(base) => {
                base.join(uri).map(Self::Address).map_err(|error| refuse(&error))
            }
            Self::File { .. } if uri.contains("://") => address(uri),
            Self::File { path: list, within } => {
                let path = uri.split(['?', '#']).next().unwrap_or_default();
                let path =
                    percent_decode_str(path).decode_utf8().map_err(|error| refuse(&error))?;
                let path = folder_of(list).join(&*path);
                Ok(Self::File { path, within: within.clone() })
            }
        }
    }

    /// Refuses what lies outside of the folder of a manifest, also behind a link in it: a manifest
    /// may come from anybody.
    fn allowed(&self, found: Self, uri: &str) -> Result<Self, CliError> {
        let Self::File { within: Some(folder), .. } = self else { return Ok(found) };
        let is_inside = |path: &Path| match path.canonicalize() {
            Ok(path) => path.starts_with(folder),
            // What is not there is found out when it is opened.
            Err(_) => path.symlink_metadata().is_err(),
        };
        if found.file().is_some_and(is_inside) {
            return Ok(found);
        }
        let uri = describe::address(uri);
        Err(CliError::refused(format_args!(
            "{self}: '{}' leads out of its folder, which --allow-outside permits",
            uri.escape_debug()
        )))
    }
}

fn address(text: &str) -> Result<Place, CliError> {
    let parsed = Url::parse(text).map(Place::Address);
    parsed.map_err(|error| CliError::usage(format_args!("this is no address: {error}")))
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

impl fmt::Display for Place {
    /// Without the query: a token may stand there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => path.display().fmt(f),
            Self::Address(url) => f.write_str(url.path()),
        }
    }
}

/// The whole file when it is a manifest, or more of it than a manifest may have; else its first bytes.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut data = Vec::new();
    file.by_ref().take(START).read_to_end(&mut data)?;
    if crate::inspect::kind(&data).is_some() {
        file.take(MAX_MANIFEST).read_to_end(&mut data)?;
    }
    Ok(data)
}

fn part(path: &Path, bytes: Option<Range<u64>>, limit: u64) -> io::Result<Vec<u8>> {
    let file = LocalFile::open(path)?;
    let bytes = bytes.unwrap_or(0..file.len());
    if bytes.end > file.len() || bytes.end - bytes.start > limit {
        let what = format!("a part of {limit} bytes at most lies inside the file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut data = vec![0; (bytes.end - bytes.start) as usize];
    file.read_exact_at(bytes.start, &mut data)?;
    Ok(data)
}
