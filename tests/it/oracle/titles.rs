//! The titles that are judged, and what their source files hold.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::oracle::{HexKey, Samples, samples_of_file};
use crate::support::origin::copy;
use crate::support::server::{DevServer, Manifest, Stream, media_dir};

/// A folder of source files: which tracks of which files must come out again.
pub(crate) struct Title {
    pub(crate) name: &'static str,
    sources: fn() -> PathBuf,
    /// Whether the binary has the files built in and needs no folder.
    built_in: bool,
    /// Part of a file's name, and the stream in each such file.
    wanted: &'static [(&'static str, &'static str)],
    /// Parts of the names of files that have no form under `cens` and `cbc1`.
    usual_schemes: &'static [&'static str],
    /// Parts of the names of files that playlists of transport streams do not list: HEVC is not, beside
    /// AVC.
    fragments_only: &'static [&'static str],
    /// Parts of the names of files for which Smooth Streaming has no name.
    not_smooth: &'static [&'static str],
}

pub(crate) const CLIP: Title = Title {
    name: "clip",
    sources: || Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo"),
    built_in: true,
    wanted: &[("_h264_", "v:0"), ("_aac_", "a:0")],
    usual_schemes: &[],
    fragments_only: &[],
    not_smooth: &[],
};

pub(crate) const LADDER: Title = Title {
    name: "ladder",
    sources: || media_dir().join("ladder"),
    built_in: false,
    wanted: &[("_h264_", "v:0"), ("_aac_", "a:0")],
    usual_schemes: &[],
    fragments_only: &[],
    not_smooth: &[],
};

pub(crate) const MUXED: Title = Title {
    name: "muxed",
    sources: || media_dir().join("muxed"),
    built_in: false,
    wanted: &[("_AACAudio_", "v:0"), ("_AACAudio_", "a:0")],
    usual_schemes: &[],
    fragments_only: &[],
    not_smooth: &[],
};

/// Every codec that ffmpeg encodes.
pub(crate) const CODECS: Title = Title {
    name: "codecs",
    sources: || made("codecs"),
    built_in: false,
    wanted: &[
        ("_h264_", "v:0"),
        ("_hevc_", "v:0"),
        ("_av1_", "v:0"),
        ("_vp9_", "v:0"),
        ("_aac_", "a:0"),
        ("_ac3_", "a:0"),
        ("_ec3_", "a:0"),
        ("_opus_", "a:0"),
        ("_flac_", "a:0"),
    ],
    usual_schemes: &["_av1_", "_vp9_"],
    fragments_only: &["_hevc_", "_av1_", "_vp9_", "_opus_", "_flac_"],
    not_smooth: &["_av1_", "_vp9_", "_ac3_", "_opus_", "_flac_"],
};

/// A folder of media that `tests/media/make.sh` made.
pub(crate) fn made(folder: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media/out").join(folder);
    assert!(folder.is_dir(), "no {}: run tests/media/make.sh", folder.display());
    folder
}

/// A track of a source file.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// The stream of the file, as ffmpeg names it.
    pub(crate) stream: &'static str,
    pub(crate) samples: Samples,
}

impl Source {
    /// From the decoding time of the last `count`th sample to that of the last, in seconds.
    pub(crate) fn span_from(&self, count: usize) -> f64 {
        let left_out = self.samples.list.len() - count;
        self.samples.span_from(left_out)
    }
}

impl Title {
    /// The folder of the source files.
    pub(crate) fn folder(&self) -> PathBuf {
        (self.sources)()
    }

    /// A folder of the files that have a form under `cens` and `cbc1`.
    pub(crate) fn folder_for_rare_schemes(&self) -> TempDir {
        let folder = TempDir::with_prefix(self.name).expect("a temporary folder");
        for file in std::fs::read_dir(self.folder()).expect("the folder of the sources") {
            let file = file.expect("a file").path();
            let name = file.file_name().expect("a name").to_string_lossy();
            if !self.usual_schemes.iter().any(|part| name.contains(part)) {
                copy(&file, &folder.path().join(&*name));
            }
        }
        folder
    }

    /// Every source track that has to be found in each presentation of the title.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let folder = self.folder();
        let files = std::fs::read_dir(&folder).expect("the folder of the sources");
        let mut names: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        names.sort();
        let mut sources = Vec::new();
        for file in names.iter().filter(|file| file.extension().is_some_and(|e| e == "mp4")) {
            let name = file.file_name().expect("a name").to_string_lossy();
            for (_, stream) in self.wanted.iter().filter(|(part, _)| name.contains(part)) {
                let samples = samples_of_file(file, stream);
                sources.push(Source {
                    name: format!("{name} {stream}"),
                    path: file.clone(),
                    stream,
                    samples,
                });
            }
        }
        assert!(sources.len() >= 5, "{} sources in {}", sources.len(), folder.display());
        sources
    }

    /// As [`Self::sources`], of presentations of transport streams.
    pub(crate) fn sources_in_transport(&self) -> Vec<Source> {
        let elsewhere =
            |source: &Source| self.fragments_only.iter().any(|part| source.name.contains(part));
        self.sources().into_iter().filter(|source| !elsewhere(source)).collect()
    }

    /// Whether a presentation of fragments has to hold a source, and otherwise must not.
    pub(crate) fn carries(&self, source: &Source, manifest: &Manifest) -> bool {
        let any = |parts: &[&str]| parts.iter().any(|part| source.name.contains(part));
        let rare = matches!(manifest.encryption.as_deref(), Some("cens" | "cbc1"));
        let smooth = manifest.protocol == "smooth";
        !(rare && any(self.usual_schemes) || smooth && any(self.not_smooth))
    }

    /// A server that serves this title and nothing else.
    pub(crate) fn serve(&self) -> DevServer {
        let builder = DevServer::builder();
        if self.built_in { builder.start() } else { builder.media(&self.folder()).start() }
    }
}

/// The streams of a server that need no token, each under one protection.
pub(crate) fn open_streams(server: &DevServer) -> impl Iterator<Item = &Stream> {
    let single = |stream: &&Stream| stream.policy == "open" && stream.keys.len() <= 1;
    server.ready.streams.iter().filter(single)
}

/// The one key of a stream, as the judges want it.
pub(crate) fn key_of(stream: &Stream) -> HexKey {
    let [key] = stream.keys.as_slice() else {
        panic!("{} keys in {}", stream.keys.len(), stream.name)
    };
    HexKey { kid: key.kid.replace('-', ""), key: key.key.clone() }
}
