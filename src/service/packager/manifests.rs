//! MPD and playlists over the files that were written.

use std::sync::Arc;

use super::PackageError;
use super::job::Job;
use super::order::{Form, Order, Output};
use super::output::write_whole;
use super::paths::{relative, url};
use super::text::TextJob;
use crate::media::Asset;
use crate::package::compat::Compat;
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

/// Writes the MPD, if there is to be one.
pub(super) fn write_mpd(order: &Order, all: &All<'_>) -> Result<(), PackageError> {
    let Some(path) = &order.mpd else { return Ok(()) };
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
    let steering = Steering::default();
    let listed = (all.asset, &*jobs, &*text);
    let presentation = presentation(order, listed, format, &files, &steering);
    let text = dash::mpd(&presentation, &fronts).map_err(PackageError::write(path))?;
    write_whole(path, all.cloud, &text).map(drop)
}

/// Writes the playlists, if there are to be some; gives their paths, the multivariant one first.
pub(super) fn write_playlists(order: &Order, all: &All<'_>) -> Result<Vec<Location>, PackageError> {
    let Some(master) = &order.multivariant else { return Ok(Vec::new()) };
    let jobs: Vec<&Job<'_>> = all.jobs.iter().filter(|job| job.stream.in_hls).collect();
    let text: Vec<&TextJob<'_>> = all.text.iter().filter(|text| !text.is_in_mpd()).collect();
    let transport = jobs.iter().any(|job| job.stream.form == Form::Transport);
    let format = if transport { Format::HlsTs4 } else { Format::HlsCmaf };
    let base = &order.hls_base_url;
    let place = |name: &str| master.beside(name);
    let write = |place: &Location, text: &str| write_whole(place, all.cloud, text.as_bytes());
    let names = playlist_names(&jobs, &text);
    let (of_jobs, of_text) = names.split_at(jobs.len());
    let uri = |name: &str| url(base, master, &place(name));
    let mut renditions = Vec::new();
    for (job, name) in jobs.iter().zip(of_jobs) {
        let key_frames = job.stream.key_frames.as_deref().map(uri);
        let files = files_of(job, &place(name), uri(name), key_frames, base)?;
        renditions.push((TrackRef::of(job.rendition), files));
    }
    for (text, name) in text.iter().zip(of_text) {
        renditions.push((text.track(), text.files(&place(name), uri(name), base)?));
    }
    let files = Files { base_urls: Vec::new(), renditions };
    let steering = Steering::default();
    let listed = (all.asset, &*jobs, &*text);
    let presentation = presentation(order, listed, format, &files, &steering);
    let mut written = vec![master.clone()];
    for (job, name) in jobs.iter().zip(of_jobs) {
        let same = |listed: &&Listed<'_>| std::ptr::eq(listed.rendition, job.rendition);
        let Some(listed) = presentation.listed.iter().find(same) else { continue };
        write(&place(name), &hls::media(&presentation, listed))?;
        written.push(place(name));
        if let Some(name) = &job.stream.key_frames {
            let lengths: Vec<u64> = job.made().iter().map(|made| made.key_frame).collect();
            let text = hls::key_frames(&presentation, listed, &lengths);
            write(&place(name), &text)?;
            written.push(place(name));
        }
    }
    for (listed, name) in presentation.text.iter().zip(of_text) {
        write(&place(name), &hls::text(&presentation, listed))?;
        written.push(place(name));
    }
    write(master, &hls::multivariant(&presentation))?;
    Ok(written)
}

/// The names that were given, else one by number.
fn playlist_names(jobs: &[&Job<'_>], text: &[&TextJob<'_>]) -> Vec<String> {
    let given = jobs.iter().map(|job| &job.stream.playlist);
    let given = given.chain(text.iter().map(|text| &text.order.playlist)).enumerate();
    given.map(|(n, name)| name.clone().unwrap_or_else(|| format!("stream_{n}.m3u8"))).collect()
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
    let template = Template::parse(&relative(lister, template), bitrate);
    let refused = |error| PackageError::refused(format!("segment_template: {error}"));
    let template = template.map_err(refused)?.encoded().behind(base);
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
    steering: &'a Steering,
) -> Presentation<'a> {
    let listed = asset.renditions().filter_map(|rendition| {
        let job = jobs.iter().find(|job| std::ptr::eq(job.rendition, rendition))?;
        let fragments = 0..rendition.cuts.len();
        let keys = job.keyed.runs(fragments.clone());
        Some(Listed { rendition, keys, fragments })
    });
    let listed: Vec<Listed<'a>> = listed.collect();
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
        listed,
        muxed_audio: None,
        text: text.iter().map(|text| text.listed()).collect(),
        images: Vec::new(),
        start: 0,
        led: false,
        steering,
        files: Some(files),
        period: None,
    }
}
