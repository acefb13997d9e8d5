//! `manifest(...)` and `QualityLevels(b)/leaf(...)`: a keyword with a parenthesis behind it.

use super::{Item, Selectors, TrackRef, UrlError};

const PARENTHESES: UrlError = UrlError::Syntax("the parentheses do not match");

/// `manifest`, with or without parameters and extension.
pub(super) fn manifest(component: &str) -> Result<(Item, Selectors), UrlError> {
    let (keyword, params, extension) = match component.split_once('(') {
        Some((keyword, rest)) => {
            let (params, extension) = rest.split_once(')').ok_or(PARENTHESES)?;
            (keyword, Some(params), extension)
        }
        None => match component.split_once('.') {
            Some((keyword, _)) => (keyword, None, &component[keyword.len()..]),
            None => (component, None, ""),
        },
    };
    if !keyword.eq_ignore_ascii_case("manifest") {
        return Err(UrlError::Syntax("a manifest is expected behind the .ism"));
    }
    let known = ["", ".m3u8", ".mpd"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    if !known {
        return Err(UrlError::Syntax("the manifest has an unknown extension"));
    }
    let params = params.into_iter().flat_map(|params| params.split(','));
    Ok((Item::Manifest, Selectors::parse(params)?))
}

/// `QualityLevels(b)` and the leaf below it.
pub(super) fn child(level: &str, leaf: &str) -> Result<(Item, Selectors), UrlError> {
    let (keyword, bitrate) = call(level)?;
    if !keyword.eq_ignore_ascii_case("QualityLevels") {
        return Err(UrlError::Syntax("QualityLevels(bitrate) is expected behind the .ism"));
    }
    let bitrate = decimal(bitrate).ok_or(UrlError::Syntax("the bitrate is no decimal number"))?;
    let (keyword, params) = call(leaf)?;
    let mut params = params.split(',');
    let first = params.next().unwrap_or_default();
    match keyword.to_ascii_lowercase().as_str() {
        "manifest" => whole(bitrate, first, params, [Item::MediaPlaylist, Item::KeyFramePlaylist]),
        "fragments" => fragment(bitrate, first, params),
        "keyframes" => key_frame(bitrate, first, params),
        "media" => whole(bitrate, first, params, [Item::Media, Item::KeyFrameMedia]),
        "fragmentinfo" => Err(UrlError::Format(keyword.to_owned())),
        _ => Err(UrlError::Syntax("Manifest, Fragments, KeyFrames or Media(...) is expected")),
    }
}

/// `Keyword(inside)`.
fn call(component: &str) -> Result<(&str, &str), UrlError> {
    let inside = component.strip_suffix(')').ok_or(PARENTHESES)?;
    inside.split_once('(').filter(|(_, inside)| !inside.contains(['(', ')'])).ok_or(PARENTHESES)
}

/// All of a track, or with `type=keyframes` of its key frames.
fn whole<'a>(
    bitrate: u64,
    name: &str,
    params: impl Iterator<Item = &'a str>,
    [media, key_frames]: [fn(TrackRef) -> Item; 2],
) -> Result<(Item, Selectors), UrlError> {
    let mut others = Vec::new();
    let mut item = media;
    for param in params {
        match param.trim().split_once('=') {
            Some((name, kind))
                if name.eq_ignore_ascii_case("type") && kind.eq_ignore_ascii_case("keyframes") =>
            {
                item = key_frames;
            }
            Some((name, _)) if name.eq_ignore_ascii_case("type") => {
                return Err(UrlError::Syntax("keyframes is the only type"));
            }
            _ => others.push(param),
        }
    }
    let selectors = Selectors::parse(others.into_iter())?;
    Ok((item(track(bitrate, name)?), selectors))
}

fn fragment<'a>(
    bitrate: u64,
    first: &str,
    params: impl Iterator<Item = &'a str>,
) -> Result<(Item, Selectors), UrlError> {
    let (track, time) = track_and_time(bitrate, first)?;
    let item = match time.strip_prefix(['i', 'I']) {
        Some("") => Item::Init(track, None),
        Some(period) => Item::Init(track, Some(crypto_period(period)?)),
        None => Item::Fragment { track, start: ticks(time)? },
    };
    Ok((item, Selectors::parse(params)?))
}

fn key_frame<'a>(
    bitrate: u64,
    first: &str,
    params: impl Iterator<Item = &'a str>,
) -> Result<(Item, Selectors), UrlError> {
    let (track, time) = track_and_time(bitrate, first)?;
    let start = ticks(time)?;
    Ok((Item::KeyFrame { track, start }, Selectors::parse(params)?))
}

fn track_and_time(bitrate: u64, text: &str) -> Result<(TrackRef, &str), UrlError> {
    let (name, time) = text.split_once('=').ok_or(UrlError::Syntax("track=time is expected"))?;
    Ok((track(bitrate, name)?, time))
}

fn ticks(time: &str) -> Result<u64, UrlError> {
    decimal(time).ok_or(UrlError::Syntax("the time is no tick count"))
}

fn crypto_period(number: &str) -> Result<u32, UrlError> {
    let number = decimal(number).and_then(|number| u32::try_from(number).ok());
    number.ok_or(UrlError::Syntax("the crypto period is no number"))
}

fn track(bitrate: u64, name: &str) -> Result<TrackRef, UrlError> {
    if name.is_empty() || name.contains('=') {
        return Err(UrlError::Syntax("the track has no name"));
    }
    Ok(TrackRef { bitrate, name: name.to_owned() })
}

/// A number as manifests write it: no sign and no leading zero, so that each URL has one spelling.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| plain)?;
    (text == "0" || !text.starts_with('0')).then_some(number)
}
