//! The DASH on-demand profile: files that a foreign parser walks through, whose every range is a
//! slice of the whole, and whose fragments are those of the live profile.

use dash_mpd_core::AdaptationSet;
use mp4_atom::{Atom, Buf, Header, Moof, ReadFrom, Sidx};
use reqwest::{Client, Url};

use super::titles::{CLIP, CODECS, LADDER, MUXED, Title, open_streams};
use crate::support::boxes;
use crate::support::http::client;
use crate::support::origin::{get, get_with};
use crate::support::presentation::{
    dash, dash_key_frames, dash_text, fetch, fetch_range, fetch_text,
};
use crate::support::server::{Manifest, Stream};
use crate::support::text::{TTML, WEBVTT, film};

fn manifest<'a>(stream: &'a Stream, format: &str) -> Option<&'a Manifest> {
    stream.manifests.iter().find(|manifest| manifest.format == format)
}

/// The addresses of the files of a presentation, but for key frames and text.
async fn files(http: &Client, manifest: &str) -> Vec<Url> {
    let of_media = |set: &AdaptationSet| {
        set.essential_property.is_empty() && set.contentType.as_deref() != Some("text")
    };
    files_of(http, manifest, of_media).await
}

async fn files_of(
    http: &Client,
    manifest: &str,
    wanted: impl Fn(&AdaptationSet) -> bool,
) -> Vec<Url> {
    let base = Url::parse(manifest).expect("an address");
    let mpd = dash_mpd_core::parse(&fetch_text(http, manifest).await).expect("an MPD");
    let sets = mpd.periods.iter().flat_map(|period| &period.adaptations);
    let sets = sets.filter(|set| wanted(set));
    let representations = sets.flat_map(|set| &set.representations);
    let place = |url: &str| base.join(url).expect("an address");
    representations.map(|representation| place(&representation.BaseURL[0].base)).collect()
}

/// Bytes and times of the fragments of a file, as the boxes themselves have them.
struct Walked {
    sidx: Sidx,
    fragments: Vec<(usize, u64)>,
}

/// Walks over all boxes of a file.
fn walked(mut file: &[u8]) -> Walked {
    let (mut sidx, mut fragments, mut kinds) = (None, Vec::<(usize, u64)>::new(), Vec::new());
    while !file.is_empty() {
        let before = file.len();
        let header = Header::read_from(&mut file).expect("a box header");
        let head = before - file.len();
        let size = header.size.expect("a size");
        let mut body = &file[..size];
        kinds.push(header.kind.to_string());
        match &*header.kind.to_string() {
            "sidx" => sidx = Some(Sidx::decode_body(&mut body).expect("a sidx")),
            "moof" => {
                let moof = Moof::decode_body(&mut body).expect("a moof");
                let time = moof.traf[0].tfdt.as_ref().expect("a tfdt").base_media_decode_time;
                fragments.push((head + size, time));
            }
            "mdat" => fragments.last_mut().expect("a moof in front").0 += head + size,
            _ => {}
        }
        file.advance(size);
    }
    assert_eq!(kinds[..3], ["ftyp", "moov", "sidx"]);
    Walked { sidx: sidx.expect("a sidx"), fragments }
}

fn demand_index(url: &Url, file: &[u8]) {
    let Walked { sidx, fragments } = walked(file);
    assert_eq!(sidx.references.len(), fragments.len(), "{url}");
    let edit = u64::try_from(boxes::hidden(file)).expect("not negative");
    let mut time = sidx.earliest_presentation_time;
    for (n, (reference, (size, decoded))) in sidx.references.iter().zip(&fragments).enumerate() {
        assert_eq!(reference.referenced_size as usize, *size, "{url}");
        assert!(!reference.reference_type && reference.starts_with_sap && reference.sap_type == 1);
        // The first fragment of sound may begin with what an edit hides.
        let shown = decoded.saturating_sub(edit);
        assert_eq!(shown, time, "{url}: fragment {n}");
        time += u64::from(reference.subsegment_duration);
    }
}

async fn every_file_is_what_its_index_says(title: &Title) {
    let (http, server) = (client(), title.serve());
    let mut forms = 0;
    for stream in open_streams(&server) {
        let Some(on_demand) = manifest(stream, "mpd-ondemand") else { continue };
        let live = manifest(stream, "mpd-time-cmaf").expect("the live profile");
        let live = dash(&http, &live.url).await;
        let files = files(&http, &on_demand.url).await;
        assert_eq!(files.len(), live.len());
        for (url, live) in files.iter().zip(&live) {
            let file = fetch(&http, url).await;
            demand_index(url, &file);
            let fragments = live.segments.iter().flat_map(|segment| &segment.bytes);
            let fragments: Vec<u8> = fragments.copied().collect();
            assert!(file.starts_with(&live.init), "{url}");
            assert!(file.ends_with(&fragments), "{url}");
            let index = file.len() - live.init.len() - fragments.len();
            assert_eq!(index, 40 + 12 * live.segments.len(), "{url}");
        }
        forms += 1;
    }
    assert_eq!(forms, 3, "clear, cenc and cbcs");
}

#[tokio::test]
async fn every_file_of_the_clip_is_what_its_index_says() {
    every_file_is_what_its_index_says(&CLIP).await;
}

#[tokio::test]
async fn every_file_of_the_ladder_is_what_its_index_says() {
    every_file_is_what_its_index_says(&LADDER).await;
}

#[tokio::test]
async fn every_file_of_the_muxed_set_is_what_its_index_says() {
    every_file_is_what_its_index_says(&MUXED).await;
}

#[tokio::test]
async fn every_file_of_every_codec_is_what_its_index_says() {
    every_file_is_what_its_index_says(&CODECS).await;
}

/// Files of key frames and of text.
#[tokio::test]
async fn every_file_beside_the_media_is_what_its_index_says() {
    let shelf = film(&[("film_eng.vtt", WEBVTT.as_bytes()), ("film_deu.ttml", TTML.as_bytes())]);
    let http = client();
    for form in ["clear", "cenc", "cbcs"] {
        let stream = shelf.stream("film", form);
        let on_demand = manifest(stream, "mpd-ondemand").expect("the on-demand profile");
        let live = &manifest(stream, "mpd-time-cmaf").expect("the live profile").url;
        let beside =
            |set: &AdaptationSet| set.Role.iter().all(|role| role.value.as_deref() != Some("main"));
        let files = files_of(&http, &on_demand.url, beside).await;
        let key_frames = dash_key_frames(&http, live).await;
        let live = key_frames.into_iter().chain(dash_text(&http, live).await).collect::<Vec<_>>();
        assert_eq!((files.len(), live.len()), (3, 3), "{form}");
        for (url, live) in files.iter().zip(&live) {
            let file = fetch(&http, url).await;
            demand_index(url, &file);
            let fragments = live.segments.iter().flat_map(|segment| &segment.bytes);
            assert!(file.starts_with(&live.init), "{url}");
            assert!(file.ends_with(&fragments.copied().collect::<Vec<u8>>()), "{url}");
            let part = fetch_range(&http, url, "100-1099").await;
            assert!(part == file[100..1100], "{url}");
        }
    }
}

/// Also those that begin or end at the border of two fragments, or reach over several.
#[tokio::test]
async fn every_range_is_a_slice_of_the_whole() {
    let (http, server) = (client(), CLIP.serve());
    for stream in open_streams(&server) {
        let Some(on_demand) = manifest(stream, "mpd-ondemand") else { continue };
        let url = files(&http, &on_demand.url).await.pop().expect("files");
        let whole = fetch(&http, &url).await;
        let first = whole.len() - walked(&whole).fragments.iter().map(|f| f.0).sum::<usize>();
        let (second, end) = (first + walked(&whole).fragments[0].0, whole.len());
        let ranges = [
            (0, 1),
            (first - 1, first + 1),
            (first, second),
            (second - 1, second),
            (second - 1, second + 1),
            (second + 4_000, second + 70_000),
            (3, end - 3),
            (end - 1, end),
        ];
        for (from, to) in ranges {
            let part = fetch_range(&http, &url, &format!("{from}-{}", to - 1)).await;
            assert!(part == whole[from..to], "{url}: {from}..{to}");
        }
        let etag = get(url.as_str()).await.header("etag").to_owned();
        let unchanged = get_with(url.as_str(), &[("if-none-match", &etag)]).await;
        assert_eq!(unchanged.status, 304);
        let behind = get_with(url.as_str(), &[("range", &format!("bytes={end}-"))]).await;
        assert_eq!(behind.status, 416);
    }
}

#[tokio::test]
async fn a_file_holds_what_the_query_chose() {
    let (http, server) = (client(), CLIP.serve());
    let mut forms = 0;
    for stream in open_streams(&server) {
        let Some(on_demand) = manifest(stream, "mpd-ondemand") else { continue };
        let live = manifest(stream, "mpd-time-cmaf").expect("the live profile");
        let whole = dash(&http, &live.url).await;
        let seconds = whole[0].ends()[0] + 0.5;
        let [on_demand, live] =
            [on_demand, live].map(|manifest| format!("{}?start={seconds}&token=x", manifest.url));
        let (found, live) = (dash(&http, &on_demand).await, dash(&http, &live).await);
        assert_eq!(found.len(), live.len());
        for (found, live) in found.iter().zip(&live) {
            assert!(found.media() == live.media(), "{on_demand}");
        }
        for (url, found) in files(&http, &on_demand).await.iter().zip(&found) {
            let file = fetch(&http, url).await;
            assert!(file.ends_with(&found.segments.last().expect("segments").bytes));
            assert_eq!(walked(&file).fragments.len(), found.segments.len(), "{url}");
        }
        assert!(found[0].segments.len() < whole[0].segments.len());
        forms += 1;
    }
    assert_eq!(forms, 3, "clear, cenc and cbcs");
}

#[tokio::test]
async fn files_are_a_matter_of_their_format() {
    let server = CLIP.serve();
    let stream = open_streams(&server).find(|stream| stream.keys.is_empty()).expect("clear");
    let file = files(&client(), &manifest(stream, "mpd-ondemand").expect("it").url).await;
    let url = file.last().expect("a file").as_str();
    for (wrong, status, code) in [
        (url.replace("mpd-ondemand", "mpd-time-cmaf"), 400, "MPE_BAD_URL_SYNTAX"),
        (url.replace("mpd-ondemand", "m3u8-aapl"), 400, "MPE_BAD_URL_SYNTAX"),
        (url.replace("Media(video", "Media(nobody"), 404, "MPE_EGRESS_TRACK_NOT_FOUND"),
        (
            url.replace("QualityLevels(", "QualityLevels(9"),
            404,
            "MPE_MANIFEST_MEDIA_ENTRY_NOT_FOUND",
        ),
        (url.replace("Media(video", "Media("), 400, "MPE_BAD_URL_SYNTAX"),
        (
            url.replace("ondemand", "ondemand,encryption=cbc"),
            415,
            "MPE_OUTPUT_PROTECTION_FORMAT_NOT_SUPPORTED",
        ),
    ] {
        let answer = get(&wrong).await;
        let (found, name, _) = answer.refusal();
        assert_eq!((found, name), (status, code), "{wrong}");
    }
}
