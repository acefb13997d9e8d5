//! Orders that contradict themselves, or ask for what no format has, are refused before anything is
//! written.

use std::collections::HashSet;

use super::PackageError;
use super::job::Job;
use super::keys::{self, Keyed};
use super::order::{Form, LabelledKey, Order, Output, StreamOrder, TextKind, TextOrder};
use super::text::TextJob;
use crate::cenc::Scheme;
use crate::drm;
use crate::ids::KeyId;
use crate::isobmff::cenc::Pssh;
use crate::media::Rendition;
use crate::package::announced::System;
use crate::package::format::Format;
use crate::package::support::{self, Unsupported};
use crate::policy::UrlTemplate;
use crate::protection::Protection;
use crate::store::Location;

/// Everything that can be said without reading an input.
pub(super) fn order(order: &Order) -> Result<(), PackageError> {
    for stream in &order.streams {
        let named = |rule: &str| PackageError::refused(format!("{}: {rule}", stream.input));
        self::stream(order, stream).map_err(named)?;
    }
    forms(order).map_err(PackageError::refused)?;
    roots(order)?;
    boxes(order).map_err(PackageError::refused)?;
    protection(order).map_err(PackageError::refused)
}

fn stream(order: &Order, stream: &StreamOrder) -> Result<(), &'static str> {
    let transport = stream.form == Form::Transport;
    let enveloped = order.protection == Protection::Cbc && !stream.clear;
    let scheme = Scheme::of(order.protection).filter(|_| !stream.clear);
    let one = matches!(stream.output, Output::One(_));
    let listed_in_hls = stream.in_hls && order.multivariant.is_some();
    let listed_in_mpd = stream.in_mpd && order.mpd.is_some();
    let rules = [
        (
            !transport || scheme.is_none_or(|scheme| scheme == Scheme::Cbcs),
            "transport streams know SAMPLE-AES (--protection_scheme cbcs) and AES-128 only",
        ),
        (
            !(transport && listed_in_mpd),
            "an MPD lists no transport streams: say hls_only=1, or leave --mpd_output away",
        ),
        (
            !(enveloped && !transport && one),
            "AES-128 encrypts whole segments of fragmented MP4: say init_segment= and segment_template=",
        ),
        (
            !(enveloped && listed_in_mpd),
            "AES-128 is a form of HLS: say hls_only=1, or leave --mpd_output away",
        ),
        (
            !listed_in_hls || !matches!(scheme, Some(Scheme::Cens | Scheme::Cbc1)),
            "HLS has no word for cens and cbc1: say dash_only=1, or another scheme",
        ),
        (
            !listed_in_hls || scheme.is_none() || keys::has_line(order, format(stream.form)),
            "playlists name keys by system, and none that is announced has a line in those of this \
             form: name another in --protection_systems, or say dash_only=1",
        ),
        (
            stream.key_frames.is_none() || !(enveloped || (transport && scheme.is_some())),
            "iframe_playlist_name: key frames of AES-128 and of SAMPLE-AES in transport streams are \
             no byte ranges",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, rule)) => Err(rule),
        None => Ok(()),
    }
}

/// A box that names other keys alone would be nowhere.
fn boxes(order: &Order) -> Result<(), &'static str> {
    let is_used = |pssh: &Pssh| order.keys.iter().any(|key| drm::is_for(pssh, key.kid));
    match order.boxes.iter().all(is_used) {
        true => Ok(()),
        false => Err("--pssh: a box names none of the keys"),
    }
}

/// What one manifest lists is of one kind.
fn forms(order: &Order) -> Result<(), &'static str> {
    let differ = |kinds: Vec<bool>| kinds.windows(2).any(|pair| pair[0] != pair[1]);
    let in_mpd = order.streams.iter().filter(|stream| stream.in_mpd && order.mpd.is_some());
    let fragments = order.text.iter().filter(|text| text.kind == TextKind::Fragments);
    let outputs = in_mpd.map(|stream| &stream.output);
    let outputs = outputs.chain(fragments.filter(|_| order.mpd.is_some()).map(|text| &text.output));
    if differ(outputs.map(|output| matches!(output, Output::One(_))).collect()) {
        return Err("an MPD lists files with an index (output=) or segments (segment_template=), \
                    not both");
    }
    let whole = order.streams.iter().any(|stream| {
        stream.in_mpd && order.mpd.is_some() && matches!(stream.output, Output::One(_))
    });
    if order.crypto_period.is_some() && whole {
        return Err("an MPD names keys that change by its periods, which one index cannot be \
                    divided into: say segment_template=, or hls_only=1");
    }
    let document = order.text.iter().any(|text| text.kind == TextKind::Document);
    if order.crypto_period.is_some() && document && order.mpd.is_some() {
        return Err(
            "an MPD names keys that change by its periods, which a file of WebVTT cannot be \
                    divided into: say output= or segment_template= with .mp4 or .m4s",
        );
    }
    let hls = order.multivariant.is_some();
    let in_hls = order.streams.iter().filter(|stream| stream.in_hls && hls);
    if differ(in_hls.map(|stream| stream.form == Form::Transport).collect()) {
        return Err(
            "one multivariant playlist lists transport streams or fragmented MP4, not both: \
                    say dash_only=1 for one of them",
        );
    }
    Ok(())
}

/// Manifests name their files by relative URLs, which lead into no other bucket.
fn roots(order: &Order) -> Result<(), PackageError> {
    let media = order.streams.iter().map(|s| (&s.output, s.in_mpd, s.in_hls));
    let webvtt = |text: &TextOrder| text.kind == TextKind::WebVtt;
    let text = order.text.iter().map(|text| (&text.output, !webvtt(text), webvtt(text)));
    for (output, in_mpd, in_hls) in media.chain(text) {
        let mpd = order.mpd.iter().filter(|_| in_mpd);
        let mut listers = mpd.chain(order.multivariant.iter().filter(|_| in_hls));
        let apart = |lister: &&Location| output.places().any(|place| !lister.shares_root(place));
        if let Some(lister) = listers.find(apart) {
            let output = output.name();
            return Err(PackageError::refused(format!(
                "{output}: lies in another bucket, or on another machine, than what lists it, {lister}"
            )));
        }
    }
    Ok(())
}

fn protection(order: &Order) -> Result<(), String> {
    if order.protection == Protection::Clear {
        return Ok(());
    }
    let rotates = order.crypto_period.is_some();
    for (n, key) in order.keys.iter().enumerate() {
        let before = &order.keys[..n];
        if !rotates && before.iter().any(|other| other.label == key.label) {
            return Err(format!(
                "--keys: two keys have the label {}, and no --crypto_period_duration says when they \
                 take turns",
                key.label
            ));
        }
        if before.iter().any(|other| other.kid == key.kid && other.key != key.key) {
            return Err(format!("--keys: the key id {} stands for two keys", key.kid));
        }
    }
    let takes_turns = |key: &LabelledKey| {
        order.keys.iter().filter(|other| other.label == key.label).nth(1).is_some()
    };
    if rotates && !order.keys.iter().any(takes_turns) {
        return Err(
            "--crypto_period_duration: no label has a second key: give those of a label in \
                    the order in which they take turns"
                .to_owned(),
        );
    }
    let scheme = Scheme::of(order.protection);
    if order.iv.is_some() && scheme.is_some_and(|scheme| scheme.row().per_sample_iv_size > 0) {
        return Err(
            "--iv: samples under this scheme have an IV each, and one to start from would \
                    repeat under a key; IVs are derived from key id, file and sample"
                .to_owned(),
        );
    }
    let is_other = scheme.is_some_and(|scheme| scheme != Scheme::Cbcs);
    if is_other && keys::announces(order, System::FairPlay) {
        return Err("--protection_systems: FairPlay knows cbcs only".to_owned());
    }
    let announced = order.systems.iter().any(|system| *system != System::ClearKey);
    if order.protection == Protection::Cbc && (announced || !order.boxes.is_empty()) {
        let rule = "no system knows AES-128: players fetch its keys from --hls_key_uri";
        return Err(format!("--protection_systems, --pssh: {rule}"));
    }
    let hls = order.multivariant.is_some();
    let media = order.streams.iter().any(|stream| stream.in_hls && !stream.clear);
    let listed = hls && (media || order.text.iter().any(|text| text.is_encrypted(order)));
    if fetches(order) && listed && order.key_uri.is_none() {
        return Err("--hls_key_uri is missing: players of HLS fetch the key from it".to_owned());
    }
    Ok(())
}

/// Whether players of HLS fetch keys from addresses.
fn fetches(order: &Order) -> bool {
    let by_uri = [System::ClearKey, System::FairPlay];
    order.protection == Protection::Cbc
        || by_uri.iter().any(|system| keys::announces(order, *system))
}

/// Playlists do not name one address for several keys.
pub(super) fn addresses(
    order: &Order,
    jobs: &[Job<'_>],
    text: &[TextJob<'_>],
) -> Result<(), PackageError> {
    let names_key = order.key_uri.as_ref().is_none_or(UrlTemplate::names_key);
    if names_key || order.multivariant.is_none() || !fetches(order) {
        return Ok(());
    }
    let media = jobs.iter().filter(|job| job.stream.in_hls).map(|job| &job.keyed);
    let text = text.iter().filter(|text| !text.is_in_mpd()).map(|text| &text.keyed);
    let kids: HashSet<KeyId> = media.chain(text).flat_map(Keyed::key_ids).collect();
    match kids.len() {
        0 | 1 => Ok(()),
        _ => Err(PackageError::refused(
            "--hls_key_uri: several keys would have one address: {ContentKeyId} is needed",
        )),
    }
}

/// A format whose segments have the form.
fn format(form: Form) -> Format {
    match form {
        Form::Fragments => Format::DashCmaf,
        Form::Transport => Format::HlsTs4,
    }
}

/// Whether the form of a stream carries its codec, and protects it.
pub(super) fn codec(
    order: &Order,
    stream: &StreamOrder,
    rendition: &Rendition,
) -> Result<(), PackageError> {
    let format = format(stream.form);
    let protection = if stream.clear { Protection::Clear } else { order.protection };
    let refused = support::check(&rendition.track, format, protection).err();
    let rule = match refused {
        None => return Ok(()),
        Some(Unsupported::Codec) => "this form does not carry the codec",
        Some(Unsupported::Protection) => "this protection is not defined for the codec",
    };
    let (file, codec) = (&stream.input, rendition.track.codec_string());
    Err(PackageError::refused(format!("{file}: {rule} {codec}")))
}

/// No manifest lists a track of text twice.
pub(super) fn text(order: &Order, jobs: &[TextJob<'_>]) -> Result<(), PackageError> {
    for (n, job) in jobs.iter().enumerate() {
        let lister = if job.is_in_mpd() { &order.mpd } else { &order.multivariant };
        if lister.is_some() && jobs[..n].iter().any(|other| job.is_listed_with(other)) {
            let (file, rule) = (&job.order.input, "a manifest would list a track twice");
            return Err(PackageError::refused(format!("{file}: {rule}")));
        }
    }
    Ok(())
}

/// No manifest lists a track twice, or less pictures without all.
pub(super) fn jobs(order: &Order, jobs: &[Job<'_>]) -> Result<(), PackageError> {
    let in_mpd = |job: &Job<'_>| job.stream.in_mpd && order.mpd.is_some();
    let in_hls = |job: &Job<'_>| job.stream.in_hls && order.multivariant.is_some();
    for lists in [&in_mpd as &dyn Fn(&Job<'_>) -> bool, &in_hls] {
        let listed: Vec<&Job<'_>> = jobs.iter().filter(|job| lists(job)).collect();
        for (n, job) in listed.iter().enumerate() {
            let again = |other: &&Job<'_>| std::ptr::eq(other.rendition, job.rendition);
            let is_whole = |other: &&Job<'_>| other.rendition.thinned.is_none();
            let mut whole = listed.iter().filter(|other| is_whole(other));
            let rule = match &job.rendition.thinned {
                _ if listed[..n].iter().any(again) => "a manifest would list a track twice",
                Some(thinned) if !whole.any(|job| job.rendition.name == thinned.main) => {
                    "trick_play_factor: a manifest would list trick play of pictures that it does not \
                     list: give a descriptor without it too"
                }
                _ => continue,
            };
            return Err(PackageError::refused(format!("{}: {rule}", job.stream.input)));
        }
    }
    Ok(())
}
