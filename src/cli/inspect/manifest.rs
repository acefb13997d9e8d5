//! A manifest with the playlists and init segments that it names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use crate::cli::CliError;
use crate::cli::out::outln;
use crate::cli::place::Place;
use crate::inspect::consistency::{Difference, KnownKeys};
use crate::inspect::movie::Init;
use crate::inspect::{
    Kind, Part, ReadError, Statement, Track, fragment, mpd, playlists, smooth, verdict,
};
use crate::isobmff::describe::Fields;
use crate::xml;

/// Longer init segments are not read, in bytes.
const MAX_INIT: u64 = 64 << 20;

/// Longer segments are not looked into, in bytes.
const MAX_SEGMENT: u64 = 64 << 20;

/// More playlists of one are not read.
const MAX_PLAYLISTS: usize = 512;

/// More differences are not told.
const MAX_DIFFERENCES: usize = 4096;

/// What is told of a manifest.
#[derive(Debug, Default, Serialize)]
pub(super) struct Survey {
    manifest: &'static str,
    tracks: Vec<TrackReport>,
    differences: Vec<Difference>,
    /// What it names and what cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TrackReport {
    name: String,
    statements: Vec<StatementReport>,
}

#[derive(Debug, Serialize)]
struct StatementReport {
    source: String,
    element: String,
    fields: Fields,
}

/// A track, and the manifest or playlist that has it.
type Found = (Place, Track);

impl Survey {
    /// Reads what the manifest names and compares all of it.
    pub(super) async fn of(
        place: &Place,
        kind: Kind,
        data: Vec<u8>,
        known: Option<&KnownKeys>,
    ) -> Result<Self, CliError> {
        let refuse = |error: ReadError| CliError::refused(format_args!("{place}: {error}"));
        let text = String::from_utf8(data).map_err(|_| refuse(ReadError::Utf8))?;
        let mut survey = Self::default();
        let mut session = Vec::new();
        let found = match kind {
            Kind::Xml => {
                let (name, tracks) = of_xml(&source(place), &text).map_err(refuse)?;
                survey.manifest = name;
                tracks.into_iter().map(|track| (place.clone(), track)).collect()
            }
            Kind::Playlist => {
                survey.manifest = "HLS";
                let list = playlists::read(&source(place), &text).map_err(refuse)?;
                survey.playlists(place, list, &mut session).await
            }
        };
        let inits = survey.inits(&found).await;
        let (mut told, mut seen): (Vec<Statement>, _) = (Vec::new(), HashSet::new());
        for ((place, track), init) in found.iter().zip(&inits) {
            let mut differences = verdict::of_track(track, init.as_deref(), known);
            let mut own = Vec::new();
            if let (Some(init), false) = (init, differences.is_empty()) {
                own = survey.own_keys(place, track).await;
                if !own.is_empty() {
                    differences = verdict::of_fragments(track, init, &own, known);
                }
            }
            survey.differ(differences, &mut seen);
            let of_init = init.iter().flat_map(|init| init.statements());
            let all = track.statements.iter().chain(of_init).chain(&own);
            let all: Vec<Statement> = all.cloned().collect();
            survey.tracks.push(TrackReport::of(&track.name, &all));
            told.extend(all);
        }
        survey.differ(verdict::of_session(&session, told.iter()), &mut seen);
        if !session.is_empty() {
            survey.tracks.push(TrackReport::of("session keys", &session));
        }
        Ok(survey)
    }

    /// Adds differences, each once.
    fn differ(&mut self, found: Vec<Difference>, seen: &mut HashSet<Difference>) {
        let room = MAX_DIFFERENCES - self.differences.len();
        let new = found.into_iter().filter(|difference| seen.insert(difference.clone()));
        self.differences.extend(new.take(room));
    }

    /// The tracks of a playlist, or of all that it lists.
    async fn playlists(
        &mut self,
        place: &Place,
        list: playlists::Playlist,
        session: &mut Vec<Statement>,
    ) -> Vec<Found> {
        if list.children.is_empty() {
            return list.tracks.into_iter().map(|track| (place.clone(), track)).collect();
        }
        session.extend(list.tracks.into_iter().flat_map(|track| track.statements));
        let mut found = Vec::new();
        for child in list.children.iter().take(MAX_PLAYLISTS) {
            match self.playlist(place, &child.uri, &child.kind).await {
                Ok(tracks) => found.extend(tracks),
                Err(error) => self.unread.push(error.to_string()),
            }
        }
        if list.children.len() > MAX_PLAYLISTS {
            self.unread.push(format!("{place}: more than {MAX_PLAYLISTS} playlists"));
        }
        found
    }

    async fn playlist(
        &self,
        parent: &Place,
        uri: &str,
        kind: &str,
    ) -> Result<Vec<Found>, CliError> {
        let place = parent.resolve(uri)?;
        let refuse = |error: ReadError| CliError::refused(format_args!("{place}: {error}"));
        let text = String::from_utf8(place.look().await?);
        let text = text.map_err(|_| refuse(ReadError::Utf8))?;
        let list = playlists::read(&source(&place), &text).map_err(refuse)?;
        let named = |mut track: Track| {
            track.name = format!("{kind} {place} {}", track.name).trim_end().to_owned();
            (place.clone(), track)
        };
        Ok(list.tracks.into_iter().map(named).collect())
    }

    /// The init segments of the tracks; many tracks may have one.
    async fn inits(&mut self, found: &[Found]) -> Vec<Option<Arc<Init>>> {
        let mut read = HashMap::new();
        let mut inits = Vec::new();
        for (place, track) in found {
            let Some(part) = &track.init else {
                inits.push(None);
                continue;
            };
            let key = (place.resolve_part(part).ok(), part.bytes.clone());
            if !read.contains_key(&key) {
                let init = init(place, track).await;
                let init = init.map_err(|error| self.unread.push(error.to_string())).ok();
                read.insert(key.clone(), init.flatten().map(Arc::new));
            }
            inits.push(read[&key].clone());
        }
        inits
    }

    /// The keys that the fragments of a track name themselves, as far as samples show it.
    async fn own_keys(&mut self, manifest: &Place, track: &Track) -> Vec<Statement> {
        let mut own: Vec<Statement> = Vec::new();
        for part in &track.samples {
            match own_keys(manifest, part).await {
                Ok(found) => {
                    for said in found {
                        if own.iter().all(|known| known.kids != said.kids) {
                            own.push(said);
                        }
                    }
                }
                Err(error) => self.unread.push(error.to_string()),
            }
        }
        own
    }

    /// Prints it, and fails when anything is wrong with it.
    pub(super) fn conclude(&self, json: bool) -> Result<(), CliError> {
        if json {
            let text = serde_json::to_string_pretty(self).map_err(CliError::environment)?;
            outln!("{text}");
        } else {
            self.print();
        }
        let first = self.differences.first().map(ToString::to_string);
        match first.or(self.unread.first().cloned()) {
            Some(error) => Err(CliError::refused(error)),
            None => Ok(()),
        }
    }

    fn print(&self) {
        outln!("{}, {} tracks", self.manifest, self.tracks.len());
        for track in &self.tracks {
            outln!("{}", track.name);
            for said in &track.statements {
                outln!("  {}: {}: {}", said.source, said.element, super::boxes::text(&said.fields));
            }
            if track.statements.is_empty() {
                outln!("  not protected");
            }
        }
        self.unread.iter().for_each(|error| outln!("not read: {error}"));
        self.differences.iter().for_each(|difference| outln!("mismatch: {difference}"));
    }
}

fn source(place: &Place) -> Arc<str> {
    place.to_string().into()
}

fn of_xml(source: &Arc<str>, text: &str) -> Result<(&'static str, Vec<Track>), ReadError> {
    let document = xml::parse(text)?;
    let root = document.root_element();
    match root.tag_name().name() {
        "MPD" => {
            let mut tracks = mpd::tracks(source, root)?;
            mpd::name_samples(&mut tracks, root)?;
            Ok(("DASH", tracks))
        }
        "SmoothStreamingMedia" => Ok(("Smooth Streaming", smooth::tracks(source, root)?)),
        other => Err(ReadError::Root(other.chars().take(64).collect())),
    }
}

/// What the init segment of a track says; `None` for files of text that are no MP4.
async fn init(manifest: &Place, track: &Track) -> Result<Option<Init>, CliError> {
    let Some(part) = &track.init else { return Ok(None) };
    let place = manifest.resolve_part(part)?;
    let data = place.read(part.bytes.clone(), MAX_INIT).await?;
    if !crate::isobmff::is_mp4(&data) && track.statements.is_empty() {
        return Ok(None);
    }
    let init = Init::read(&source(&place), data.as_slice());
    init.map(Some).map_err(|error| CliError::refused(format_args!("{place}: {error}")))
}

/// The keys that the fragments of a segment name themselves.
async fn own_keys(manifest: &Place, segment: &Part) -> Result<Vec<Statement>, CliError> {
    let place = manifest.resolve_part(segment)?;
    let data = place.read(segment.bytes.clone(), MAX_SEGMENT).await?;
    let own = fragment::own_statements(&source(&place), &data);
    own.map_err(|error| CliError::refused(format_args!("{place}: {error}")))
}

impl TrackReport {
    fn of(name: &str, statements: &[Statement]) -> Self {
        let statement = |said: &Statement| StatementReport {
            source: said.source.to_string(),
            element: said.element.clone(),
            fields: said.fields.clone(),
        };
        let name = name.replace(char::is_control, " ");
        Self { name, statements: statements.iter().map(statement).collect() }
    }
}
