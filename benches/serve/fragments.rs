//! Server CPU per megabyte of fragments.

use std::time::{Duration, Instant};

use portcullis::package::format::Container;

use crate::load::run;
use crate::server::Server;
use crate::{against, asset, drop_from_page_cache, fragmented, read_into_page_cache};

/// Expected of clear content, in milliseconds of CPU a megabyte on a 2 GHz core.
const FRAGMENTS: f64 = 0.36;
const TRANSPORT_STREAM: f64 = 0.38;

/// What is protected: stream and selectors.
const PROTECTED: &[(&str, &str)] = &[
    ("cenc-open", "format=mpd-time-cmaf,encryption=cenc"),
    ("cbcs-open", "format=mpd-time-cmaf,encryption=cbcs-aapl"),
    ("aes-open", "format=m3u8-cmaf,encryption=cbc"),
    ("aes-open", "format=m3u8-aapl,encryption=cbc"),
    ("cbcs-open", "format=m3u8-aapl,encryption=cbcs-aapl"),
];

/// Clear fragments of every format and protected ones, of the highest level, about 5 MB each. Cold:
/// each asked for once after a start, no page of the files in memory.
pub(crate) fn cost_per_megabyte() {
    let folder = asset(1, 7000);
    println!("\nserver CPU in ms per MB of fragments of about 5 MB");
    println!("{:38} {:>7} {:>7} {:>7}", "", "cold", "warm", "MB/s");
    let clear = fragmented().map(|row| {
        let limit = match row.container {
            Container::Transport { .. } => TRANSPORT_STREAM,
            _ => FRAGMENTS,
        };
        ("clear-open", format!("format={}", row.selector), Some(limit))
    });
    let protected =
        PROTECTED.iter().map(|(stream, selectors)| (*stream, (*selectors).into(), None));
    for (stream, selectors, limit) in clear.chain(protected) {
        let server = Server::start(&folder, &[]);
        let paths = server.fragments(stream, 0, &selectors);
        drop_from_page_cache(&folder);
        let cold = once(&server, &paths);
        read_into_page_cache(&folder);
        let warm = run(&server, 1, &paths, Duration::from_secs(3));
        println!(
            "{selectors:38} {cold:7.3} {:7.3} {:7.0}  {}",
            warm.per_megabyte,
            warm.megabytes,
            against(warm.per_megabyte, limit),
        );
    }
}

/// Milliseconds of CPU a megabyte for asking once for each.
fn once(server: &Server, paths: &[String]) -> f64 {
    let mut connection = server.connect();
    let cpu = server.cpu();
    let bytes: usize = paths.iter().map(|path| connection.get(path)).sum();
    (server.cpu() - cpu) * 1e9 / bytes as f64
}

/// The cost of the last fragments of two hours against those of one minute.
pub(crate) fn long_against_short() {
    let selectors = "format=mpd-time-cmaf,encryption=cenc";
    let per_fragment = |minutes| {
        let server = Server::start(&asset(minutes, 600), &[]);
        let paths = server.fragments("cenc-open", 0, selectors);
        let last = &paths[paths.len() - 9..];
        once(&server, last);
        run(&server, 1, last, Duration::from_secs(3)).micros
    };
    let (short, long) = (per_fragment(1), per_fragment(120));
    let ratio = long / short;
    println!("\nCPU per cenc fragment: {short:.0} us in one minute, {long:.0} us at minute 119");
    println!("ratio {ratio:.2}  {}", against(ratio, Some(1.05)));
    first_manifest();
}

fn first_manifest() {
    let folder = asset(120, 600);
    let mut first: Vec<f64> = (0..7)
        .map(|_| {
            let server = Server::start(&folder, &[]);
            let (mut connection, start) = (server.connect(), Instant::now());
            connection.get(&server.manifest("cenc-open", "format=mpd-time-cmaf,encryption=cenc"));
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    first.sort_by(f64::total_cmp);
    let (least, median, most) = (first[0], first[3], first[6]);
    println!(
        "first manifest of two hours after a start: {median:.1} ms ({least:.1} to {most:.1} in 7)"
    );
}
