//! Server CPU and requests per second of manifests, playlists and small fragments.

use std::time::Duration;

use portcullis::package::format::{Protocol, TABLE};

use crate::load::run;
use crate::server::Server;
use crate::{against, asset, fragmented};

/// Expected, in microseconds of CPU on a 2 GHz core, HTTP included.
const CACHED: f64 = 8.0;
const GENERATED: f64 = 75.0;
/// Of a media playlist of two hours.
const LONG_PLAYLIST: f64 = 50.0;

const SECONDS: Duration = Duration::from_secs(2);

/// With this the server makes every document anew.
const NO_CACHE: (&str, &str) = ("PORTCULLIS_MEDIA_DOCUMENT_CACHE_BYTES", "0");

/// What is asked for, and what making it may cost.
struct Document {
    title: String,
    path: String,
    expected: f64,
}

/// The manifest of every format, and the media playlist of the highest level where there are any.
fn documents(server: &Server, minutes: u32) -> Vec<Document> {
    let mut documents = Vec::new();
    for row in TABLE {
        let selectors = format!("format={}", row.selector);
        let path = server.manifest("clear-open", &selectors);
        let title = format!("{minutes} min {} manifest", row.selector);
        documents.push(Document { title, path, expected: GENERATED });
        if row.protocol == Protocol::Hls {
            let path = server.playlists("clear-open", &selectors).pop().expect("a level");
            let title = format!("{minutes} min {} playlist", row.selector);
            documents.push(Document { title, path, expected: LONG_PLAYLIST });
        }
    }
    documents
}

/// Ten minutes and two hours, from the cache and made anew.
pub(crate) fn cost_per_request() {
    println!("\nserver CPU in us per request over 64 connections; requests/s at 64 and 512");
    println!(
        "{:32} {:>6} {:>9} {:>8} {:>8} {:>6}",
        "", "cached", "made anew", "64", "512", "ratio"
    );
    for minutes in [10, 120] {
        let folder = asset(minutes, 600);
        let (keeping, making) = (Server::start(&folder, &[]), Server::start(&folder, &[NO_CACHE]));
        let made_anew = documents(&making, minutes);
        for (document, made) in documents(&keeping, minutes).into_iter().zip(made_anew) {
            let Document { title, path, expected } = document;
            let few = run(&keeping, 64, std::slice::from_ref(&path), SECONDS);
            let many = run(&keeping, 512, &[path], SECONDS);
            let anew = run(&making, 64, &[made.path], SECONDS);
            // Of long text sending costs most: only making it is held against what is expected,
            // and a long manifest has no expectation.
            let long = minutes > 10;
            let cost = anew.micros - if long { few.micros } else { 0.0 };
            let expected = Some(expected).filter(|_| !long || title.ends_with("playlist"));
            let cached = Some(CACHED).filter(|_| !long);
            println!(
                "{title:32} {:6.1} {:9.1} {:8.0} {:8.0} {:6.2}  cached {}; anew {}; rates {}",
                few.micros,
                anew.micros,
                few.rate,
                many.rate,
                many.rate / few.rate,
                against(few.micros, cached),
                against(cost, expected),
                if many.rate >= 0.85 * few.rate { "met" } else { "MISSED" },
            );
        }
    }
    small_fragments();
}

/// Fragments of the lowest level: requests rather than bytes.
fn small_fragments() {
    let server = Server::start(&asset(10, 600), &[]);
    for row in fragmented() {
        let paths = server.fragments("clear-open", 5, &format!("format={}", row.selector));
        let few = run(&server, 64, &paths, SECONDS);
        let many = run(&server, 512, &paths, SECONDS);
        println!(
            "{:32} {:6.1} {:>9} {:8.0} {:8.0} {:6.2}  rates {}",
            format!("{} fragment of 40 kB", row.selector),
            few.micros,
            "",
            few.rate,
            many.rate,
            many.rate / few.rate,
            if many.rate >= 0.85 * few.rate { "met" } else { "MISSED" },
        );
    }
}
