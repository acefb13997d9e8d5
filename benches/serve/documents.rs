//! Server CPU and requests per second of manifests, playlists and small fragments.

use std::time::{Duration, Instant};

use portcullis::package::format::{Protocol, TABLE};

use crate::crowd::Load;
use crate::floor::Floor;
use crate::fragments::PROTECTED;
use crate::load::{Asked, in_a_row, in_turn, request, requests};
use crate::process::Process;
use crate::server::Server;
use crate::{against, asset, fragmented};

/// Expected, in microseconds of CPU on a 2 GHz core, HTTP included.
const CACHED: f64 = 8.0;
const GENERATED: f64 = 75.0;
/// Of a media playlist of two hours.
const LONG_PLAYLIST: f64 = 50.0;

const TIME: Duration = Duration::from_millis(300);

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
    println!("\nserver CPU in us per request over 64 connections, and what nginx and a bare hyper");
    println!(
        "server need for the same bytes in memory; requests/s at 512 by those at 64, of clients that"
    );
    println!(
        "never wait, and the share of a core that both left us busy at least; made anew for one"
    );
    println!("client, when the index and the figures of its tracks are known");
    heading("made anew");
    for minutes in [10, 120] {
        let folder = asset(minutes, 600);
        let (keeping, making) = (Server::start(&folder, &[]), Server::start(&folder, &[NO_CACHE]));
        let made_anew = documents(&making, minutes);
        for (document, anew) in documents(&keeping, minutes).into_iter().zip(made_anew) {
            let Document { title, path, expected } = document;
            let cached = Compared::of(&keeping.process, &[request(&path)]);
            let made = in_a_row(&making.process, &request(&anew.path), TIME);
            let kept = in_a_row(&keeping.process, &request(&path), TIME);
            // Of long text sending costs most: only making it is held against what is expected,
            // and a long manifest has no expectation.
            let long = minutes > 10;
            let cost = made - if long { kept } else { 0.0 };
            let expected = Some(expected).filter(|_| !long || title.ends_with("playlist"));
            let limit = Some(CACHED).filter(|_| !long);
            cached.print(&title, &format!("{made:.1}"));
            println!(
                "  cached {}; anew {}",
                against(cached.few.micros, limit),
                against(cost, expected)
            );
        }
    }
}

/// Manifests of two hours, each the first request for media after a start of `serve`: files are read and
/// figures of tracks worked out for it.
pub(crate) fn first_after_start() {
    const STARTS: usize = 5;
    println!(
        "\nms until the first manifest of two hours after a start of serve, of {STARTS} starts"
    );
    println!("{:38} {:>7} {:>7} {:>7}", "", "least", "median", "most");
    let mut server = Server::start(&asset(120, 600), &[]);
    for row in TABLE {
        let selectors = format!("format={}", row.selector);
        let manifest = request(&server.manifest("clear-open", &selectors));
        let mut times = [0.0; STARTS];
        for time in &mut times {
            server = server.again();
            let (mut connection, start) = (server.process.connect(), Instant::now());
            connection.get(&manifest);
            *time = start.elapsed().as_secs_f64() * 1e3;
        }
        times.sort_by(f64::total_cmp);
        let [least, .., most] = times;
        println!("{selectors:38} {least:7.1} {:7.1} {most:7.1}", times[STARTS / 2]);
    }
}

/// Fragments of the lowest level: requests rather than bytes.
pub(crate) fn small_fragments() {
    println!("\nthe same for fragments of 40 kB");
    heading("");
    let server = Server::start(&asset(10, 600), &[]);
    let clear = fragmented().map(|row| ("clear-open", format!("format={}", row.selector)));
    let protected = PROTECTED.iter().map(|(stream, selectors, _)| (*stream, (*selectors).into()));
    for (stream, selectors) in clear.chain(protected) {
        let paths = server.fragments(stream, 5, &selectors);
        Compared::of(&server.process, &requests(&paths)).print(&selectors, "");
        println!();
    }
}

fn heading(anew: &str) {
    println!(
        "{:41} {:>6} {:>6} {:>6} {:>6} {:>9} {:>8} {:>8} {:>5} {:>6} {:>6} {:>6}",
        "",
        "ours",
        "nginx",
        "ratio",
        "hyper",
        anew,
        "at 64",
        "us, 512",
        "busy",
        "512/64",
        "nginx",
        "hyper"
    );
}

/// Our server and others over the same bytes, with few clients and with many.
struct Compared {
    few: Load,
    many: Load,
    bare: [Load; 2],
    nginx: Option<[Load; 2]>,
}

impl Compared {
    fn of(server: &Process, asked: &[String]) -> Self {
        let floor = Floor::of(server, asked);
        let load = |server, requests| [64, 512].map(|clients| Asked { clients, server, requests });
        let [ours, bare] = [load(server, asked), load(&floor.bare, &floor.copied)];
        // All in one turn: what disturbs 512 clients and not 64 would look like what 512 cost.
        match &floor.nginx {
            None => {
                let [few, many, bare @ ..] = in_turn([ours[0], ours[1], bare[0], bare[1]], TIME);
                Self { few, many, bare, nginx: None }
            }
            Some(nginx) => {
                let nginx = load(nginx, &floor.copied);
                let asked = [ours[0], ours[1], bare[0], bare[1], nginx[0], nginx[1]];
                let [few, many, bare_few, bare_many, nginx @ ..] = in_turn(asked, TIME);
                Self { few, many, bare: [bare_few, bare_many], nginx: Some(nginx) }
            }
        }
    }

    /// All but the end of a line.
    fn print(&self, title: &str, anew: &str) {
        let rates = |[few, many]: [Load; 2]| many.rate / few.rate;
        let Self { few, many, bare, nginx } = self;
        let column = |value: Option<f64>, digits: usize| {
            value.map_or_else(String::new, |value| format!("{value:.digits$}"))
        };
        let kept = rates([*few, *many]);
        print!(
            "{title:41} {:6.1} {:>6} {:>6} {:6.1} {anew:>9} {:8.0} {:8.1} {:5.2} {kept:6.2} {:>6} {:6.2}  rates {}",
            few.micros,
            column(nginx.map(|nginx| nginx[0].micros), 1),
            column(nginx.map(|nginx| few.micros / nginx[0].micros), 2),
            bare[0].micros,
            few.rate,
            many.micros,
            few.busy().min(many.busy()),
            column(nginx.map(rates), 2),
            rates(*bare),
            if kept >= 0.85 { "met" } else { "MISSED" },
        );
    }
}
