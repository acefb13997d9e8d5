//! The titles that are judged, and what their source files hold.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::oracle::{HexKey, Samples, samples_of_file};
use crate::support::server::{DevServer, Ready, Stream, media_dir};

/// A folder of source files: which tracks of which files must come out again.
pub(crate) struct Title {
    /// Prefix of its streams' names; empty for the built-in clip.
    pub(crate) prefix: &'static str,
    folder: fn() -> PathBuf,
    /// Part of a file's name, and the stream in each such file.
    wanted: &'static [(&'static str, &'static str)],
}

pub(crate) const TITLES: &[Title] = &[
    Title {
        prefix: "",
        folder: || Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo"),
        wanted: &[("_h264_", "v:0"), ("_aac_", "a:0")],
    },
    Title {
        prefix: "ladder-",
        folder: || media_dir().join("ladder"),
        wanted: &[("_h264_", "v:0"), ("_aac_", "a:0")],
    },
    Title {
        prefix: "muxed-",
        folder: || media_dir().join("muxed"),
        wanted: &[("_AACAudio_", "v:0"), ("_AACAudio_", "a:0")],
    },
];

/// A track of a source file.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// The stream of the file, as ffmpeg names it.
    pub(crate) stream: &'static str,
    pub(crate) samples: Samples,
}

impl Title {
    /// Every source track that has to be found in each presentation of the title.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let folder = (self.folder)();
        let files = std::fs::read_dir(&folder).expect("the folder of the sources");
        let mut names: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        names.sort();
        let mut sources = Vec::new();
        for file in names
            .iter()
            .filter(|file| file.extension().is_some_and(|e| e == "mp4"))
        {
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
        assert!(
            sources.len() >= 5,
            "{} sources in {}",
            sources.len(),
            folder.display()
        );
        sources
    }

    /// The streams of the title that need no token.
    pub(crate) fn open_streams(&self) -> impl Iterator<Item = &'static Stream> {
        let is_mine = |stream: &&Stream| {
            let rest = stream.name.strip_prefix(self.prefix);
            let protection = rest.and_then(|rest| rest.strip_suffix("-open"));
            protection.is_some_and(|protection| !protection.contains('-'))
        };
        self.server().streams.iter().filter(is_mine)
    }

    fn server(&self) -> &'static Ready {
        if self.prefix.is_empty() {
            return DevServer::shared();
        }
        static CORPUS: OnceLock<DevServer> = OnceLock::new();
        let started = CORPUS.get_or_init(|| {
            let folders = TITLES[1..].iter().map(|title| (title.folder)());
            folders
                .fold(DevServer::builder(), |builder, dir| builder.media(&dir))
                .start()
        });
        &started.ready
    }
}

/// The one key of a stream, as the judges want it.
pub(crate) fn key_of(stream: &Stream) -> HexKey {
    let [key] = stream.keys.as_slice() else {
        panic!("{} keys in {}", stream.keys.len(), stream.name)
    };
    HexKey {
        kid: key.kid.replace('-', ""),
        key: key.key.clone(),
    }
}
