//! MPD and playlists over the files that were written.

use std::sync::Arc;

use super::PackageError;
use super::job::Job;
use super::order::{Form, Order, Output};
use super::output::write_all;
use super::paths::{front, relative, url};
use super::text::TextJob;
use crate::media::{Asset, Rendition};
use crate::package::compat::Compat;
use crate::package::figures::{AssetFigures, Figures};
use crate::package::files::{Files, RenditionFiles, SegmentFiles};
use crate::package::format::Format;
use crate::package::media_file::Front;
use crate::package::presentation::{Listed, Presentation};
use crate::package::request::{Query, Selectors, TrackRef};
use crate::package::steering::Steering;
use crate::package::template::Template;
use crate::package::{dash, hls};
use crate::store::{Cloud, Location};

/// Everything that manifests list.
pub(super) struct All<'a> {
    pub(super) asset: &'a Asset,
    pub(super) jobs: &'a [Job<'a>],
    pub(super) text: &'a [TextJob<'a>],
    pub(super) cloud: &'a Arc<Cloud>,
}

/// A manifest or a playlist, and where it goes.
type Document = (Location, Vec<u8>);

/// Writes MPD and playlists, if there are to be some, and the multivariant playlist when everything that
/// it lists is there. Gives their paths, that of the MPD and of the multivariant playlist first.
pub(super) fn write(order: &Order, all: &All<'_>) -> Result<Vec<Location>, PackageError> {
    let mpd = order.mpd.as_ref().map(|place| mpd(order, all, place)).transpose()?;
    let master = order.multivariant.as_ref().map(|place| playlists(order, all, place));
    let (master, listed) = master.transpose()?.unzip();
    // An MPD lists media alone, which are there.
    let first: Vec<Document> = mpd.into_iter().chain(listed.into_iter().flatten()).collect();
    write_all(&first, all.cloud)?;
    write_all(master.as_slice(), all.cloud)?;
    let (mpd, media) = first.split_at(usize::from(order.mpd.is_some()));
    Ok(mpd.iter().chain(&master).chain(media).map(|(place, _)| place.clone()).collect())
}

fn mpd(order: &Order, all: &All<'_>, path: &Location) -> Result<Document, PackageError> {
    let jobs: Vec<&Job<'_>> = all.jobs.iter().filter(|job| job.stream.in_mpd).collect();
    let text: Vec<&TextJob<'_>> = all.text.iter().filter(|text| text.is_in_mpd()).collect();
    let whole = jobs.iter().any(|job| matches!(job.stream.output, Output::One(_)));
    let format = if whole { Format::DashOnDemand } else { Format::DashCmaf };
    let of = |job: &&Job<'_>| {
        Ok((TrackRef::of(job.rendition), files_of(job, path, String::new(), None, "")?))
    };
    let of_text = |text: &&TextJob<'_>| Ok((text.track(), text.files(path, String::new(), "")?));
    let renditions = jobs.iter().map(of).chain(text.iter().map(of_text));
    let renditions: Named = renditions.collect::<Result<_, PackageError>>()?;
    let files = Files { base_urls: order.base_urls.clone(), renditions };
    let front = |job: &&Job<'_>| {
        Front::of(TrackRef::of(job.rendition), job.init.len(), job.rendition.cuts.len())
    };
    let fronts = jobs.iter().map(front).chain(text.iter().map(|text| text.front()));
    let fronts: Vec<Front> = fronts.collect();
    let around = (&Steering::default(), &Figures::default());
    let listed = (all.asset, &*jobs, &*text);
    let presentation = presentation(order, listed, format, &files, around);
    let text = dash::mpd(&presentation, &fronts).map_err(PackageError::write(path))?;
    Ok((path.clone(), text))
}

/// The multivariant playlist, and those that it lists.
fn playlists(
    order: &Order,
    all: &All<'_>,
    master: &Location,
) -> Result<(Document, Vec<Document>), PackageError> {
    let jobs: Vec<&Job<'_>> = all.jobs.iter().filter(|job| job.stream.in_hls).collect();
    let text: Vec<&TextJob<'_>> = all.text.iter().filter(|text| !text.is_in_mpd()).collect();
    let transport = jobs.iter().any(|job| job.stream.form == Form::Transport);
    let format = if transport { Format::HlsTs4 } else { Format::HlsCmaf };
    let base = &order.hls_base_url;
    let place = |name: &str| master.beside(name);
    let uri = |name: &str| url(base, master, &place(name));
    // Behind a base, everything is named as the multivariant playlist does, wherever playlists lie.
    let lister = |name: &str| if base.is_empty() { place(name) } else { master.clone() };
    let names = order.playlist_names();
    let (of_jobs, of_text) = names.split_at(jobs.len());
    // Playlists of key frames may lie in other folders, from where files have other names.
    let (mut files, mut seen_from_key_frames) = (Files::default(), Files::default());
    for (job, name) in jobs.iter().zip(of_jobs) {
        let named = |name: &str, key_frames| {
            let files = files_of(job, &lister(name), uri(name), key_frames, base)?;
            Ok::<_, PackageError>((TrackRef::of(job.rendition), files))
        };
        let key_frames = job.stream.key_frames.as_deref();
        files.renditions.push(named(name, key_frames.map(uri))?);
        if let Some(name) = key_frames {
            seen_from_key_frames.renditions.push(named(name, None)?);
        }
    }
    for (text, name) in text.iter().zip(of_text) {
        files.renditions.push((text.track(), text.files(&lister(name), uri(name), base)?));
    }
    let around = (&Steering::default(), &Figures::default());
    let listed = (all.asset, &*jobs, &*text);
    let key_frames = presentation(order, listed, format, &seen_from_key_frames, around);
    let presentation = presentation(order, listed, format, &files, around);
    let document = |place, text: String| (place, text.into_bytes());
    let mut documents = Vec::new();
    for listed in &presentation.listed {
        let mut named = jobs.iter().zip(of_jobs);
        let Some((_, name)) = named.find(|(job, _)| job.is_listed_as(listed)) else { continue };
        documents.push(document(place(name), hls::media(&presentation, listed)));
    }
    for listed in key_frames.listed.iter().chain(&key_frames.thinned) {
        let Some(job) = jobs.iter().find(|job| job.is_listed_as(listed)) else { continue };
        let Some(name) = &job.stream.key_frames else { continue };
        let lengths: Vec<u64> = job.made().iter().map(|made| made.key_frame).collect();
        documents.push(document(place(name), hls::key_frames(&key_frames, listed, &lengths)));
    }
    for (listed, name) in presentation.text.iter().zip(of_text) {
        documents.push(document(place(name), hls::text(&presentation, listed)));
    }
    Ok((document(master.clone(), hls::multivariant(&presentation)), documents))
}

type Named = Vec<(TrackRef, RenditionFiles)>;

/// The files of a job as `lister`, the MPD or a media playlist, names them.
fn files_of(
    job: &Job<'_>,
    lister: &Location,
    playlist: String,
    key_frames: Option<String>,
    base: &str,
) -> Result<RenditionFiles, PackageError> {
    let group = job.stream.group.clone();
    let (init, segments) = match &job.stream.output {
        Output::One(path) => one_file(job, url(base, lister, path))?,
        Output::Each { init, template } => {
            each_file((init.as_ref(), template), job.rendition.bitrate, lister, base)?
        }
    };
    Ok(RenditionFiles { playlist, key_frames, group, init, segments })
}

type Init = Option<(String, Option<std::ops::Range<u64>>)>;

/// The files of an init segment, if there is one, and of segments.
pub(super) fn each_file(
    (init, template): (Option<&Location>, &Location),
    bitrate: u64,
    lister: &Location,
    base: &str,
) -> Result<(Init, SegmentFiles), PackageError> {
    let init = init.map(|init| (url(base, lister, init), None));
    let path = relative(lister, template);
    let refused = |error| PackageError::refused(format!("segment_template: {error}"));
    let template = Template::parse(&path, bitrate).map_err(refused)?;
    let template = template.encoded().behind(front(base, &path));
    Ok((init, SegmentFiles::Each(template)))
}

fn one_file(job: &Job<'_>, uri: String) -> Result<(Init, SegmentFiles), PackageError> {
    if let Some(layout) = job.layout()? {
        let init = Some((uri.clone(), Some(0..job.init.len() as u64)));
        let (first, ends) = (layout.front.len() as u64, layout.ends().to_vec());
        return Ok((init, SegmentFiles::One { uri, first, ends }));
    }
    let mut end = 0;
    let ends = job.made().into_iter().map(|made| {
        end += made.length;
        end
    });
    Ok((None, SegmentFiles::One { uri, first: 0, ends: ends.collect() }))
}

/// What the jobs made, in the order of the asset.
fn presentation<'a>(
    order: &Order,
    (asset, jobs, text): (&'a Asset, &[&'a Job<'a>], &[&TextJob<'a>]),
    format: Format,
    files: &'a Files,
    (steering, figures): (&'a Steering, &'a Figures),
) -> Presentation<'a> {
    let listed = |rendition: &'a Rendition| {
        let job = jobs.iter().find(|job| std::ptr::eq(job.rendition, rendition))?;
        let fragments = 0..rendition.cuts.len();
        let keys = job.keyed.runs(fragments.clone());
        Some(Listed { rendition, keys, fragments })
    };
    let selectors = Selectors {
        format,
        encryption: None,
        audio_only: false,
        audio_track: None,
        piff: false,
        filters: Vec::new(),
    };
    Presentation {
        selectors,
        protection: order.protection,
        compat: Compat::Modern,
        query: Query::default(),
        listed: asset.renditions().filter_map(listed).collect(),
        thinned: asset.thinned.iter().filter_map(listed).collect(),
        muxed_audio: None,
        text: text.iter().map(|text| text.listed()).collect(),
        images: Vec::new(),
        start: 0,
        led: false,
        steering,
        figures: AssetFigures { figures, asset: 0 },
        files: Some(files),
        period: None,
    }
}
