//! Server CPU per megabyte of fragments.

use std::path::Path;
use std::time::Duration;

use portcullis::package::format::Container;

use crate::floor::Floor;
use crate::load::{Asked, in_turn, request, request_part, requests};
use crate::process::Process;
use crate::server::Server;
use crate::{against, asset, drop_from_page_cache, fragmented, read_into_page_cache};

/// Expected of clear content, in milliseconds of CPU a megabyte on a 2 GHz core.
const FRAGMENTS: f64 = 0.36;
const TRANSPORT_STREAM: f64 = 0.38;

const TIME: Duration = Duration::from_millis(800);

/// What is protected: stream, selectors, and what is expected.
pub(crate) const PROTECTED: &[(&str, &str, f64)] = &[
    ("cenc-open", "format=mpd-time-cmaf,encryption=cenc", 0.48),
    ("cbcs-open", "format=mpd-time-cmaf,encryption=cbcs-aapl", 0.45),
    ("aes-open", "format=m3u8-cmaf,encryption=cbc", ONE_CHAIN),
    ("aes-open", "format=m3u8-aapl,encryption=cbc", ONE_CHAIN),
    ("cbcs-open", "format=m3u8-aapl,encryption=cbcs-aapl", 0.65),
];
/// Of AES-128, whose chains cannot be parallel: for one request, and with eight in flight.
const ONE_CHAIN: f64 = 1.11;
const EIGHT_CHAINS: f64 = 0.65;

/// Clear fragments of every format and protected ones, of the highest level, about 5 MB each. Cold:
/// each asked for once after a start, no page of the files in memory.
pub(crate) fn cost_per_megabyte() {
    let folder = asset(1, 7000);
    println!(
        "\nserver CPU in ms per MB of fragments of about 5 MB, one after the other; beside it"
    );
    println!(
        "that of nginx for the same bytes in files in memory: copied as they must be when they"
    );
    println!("are packaged, and sent by the system; and that of a bare hyper server over bytes");
    println!(
        "{:38} {:>7} {:>7} {:>7} {:>7} {:>6} {:>7} {:>7}",
        "", "MB/s", "cold", "warm", "nginx", "ratio", "sent", "hyper"
    );
    let clear = fragmented().map(|row| {
        let limit = match row.container {
            Container::Transport { .. } => TRANSPORT_STREAM,
            _ => FRAGMENTS,
        };
        ("clear-open", format!("format={}", row.selector), Some(limit))
    });
    let protected = PROTECTED
        .iter()
        .map(|(stream, selectors, limit)| (*stream, (*selectors).into(), Some(*limit)));
    for (stream, selectors, limit) in clear.chain(protected) {
        let server = Server::start(&folder, &[]);
        let asked = requests(&server.fragments(stream, 0, &selectors));
        measure(&selectors, &folder, &server.process, &asked, limit);
        if limit == Some(ONE_CHAIN) {
            let eight = Asked { clients: 8, ..alone(&server.process, &asked) };
            let [eight] = in_turn([eight], TIME);
            let met = against(eight.per_megabyte, Some(EIGHT_CHAINS));
            println!(
                "{:38} {:7.0} {:7} {:7.3}  {met}",
                "  eight in flight", eight.megabytes, "", eight.per_megabyte
            );
        }
    }
    let server = Server::start(&folder, &[]);
    let asked = parts(&server);
    measure("format=mpd-ondemand, a range each", &folder, &server.process, &asked, Some(FRAGMENTS));
}

/// The fragments of the highest level as parts of its one file: they end it.
fn parts(server: &Server) -> Vec<String> {
    let fragments = requests(&server.fragments("clear-open", 0, "format=mpd-time-cmaf"));
    let (mut connection, file) = (server.process.connect(), server.file("clear-open"));
    let mut start = connection.get(&request(&file));
    let mut part = |asked: &String| {
        let end = start;
        start -= connection.get(asked);
        request_part(&file, &(start..end))
    };
    fragments.iter().rev().map(&mut part).collect()
}

fn measure(title: &str, folder: &Path, server: &Process, asked: &[String], limit: Option<f64>) {
    drop_from_page_cache(folder);
    let cold = once(server, asked);
    read_into_page_cache(folder);
    let floor = Floor::of(server, asked);
    let [warm, bare] = in_turn([alone(server, asked), alone(&floor.bare, &floor.copied)], TIME);
    print!("{title:38} {:7.0} {cold:7.3} {:7.3}", warm.megabytes, warm.per_megabyte);
    match &floor.nginx {
        None => print!(" {:>7} {:>6} {:>7}", "", "", ""),
        Some(nginx) => {
            let nginx = [&floor.copied, &floor.sent].map(|requests| alone(nginx, requests));
            let [warm, copied, sent] = in_turn([alone(server, asked), nginx[0], nginx[1]], TIME);
            let ratio = warm.per_megabyte / copied.per_megabyte;
            print!(" {:7.3} {ratio:6.2} {:7.3}", copied.per_megabyte, sent.per_megabyte);
        }
    }
    println!(" {:7.3}  {}", bare.per_megabyte, against(warm.per_megabyte, limit));
}

/// One client.
fn alone<'a>(server: &'a Process, requests: &'a [String]) -> Asked<'a> {
    Asked { clients: 1, server, requests }
}

/// Milliseconds of CPU a megabyte for asking once for each.
fn once(server: &Process, asked: &[String]) -> f64 {
    let mut connection = server.connect();
    let cpu = server.cpu();
    let bytes: usize = asked.iter().map(|request| connection.get(request)).sum();
    (server.cpu() - cpu) * 1e9 / bytes as f64
}

/// The cost of the last fragments of two hours against those of one minute.
pub(crate) fn long_against_short() {
    let selectors = "format=mpd-time-cmaf,encryption=cenc";
    let servers = [1, 120].map(|minutes| Server::start(&asset(minutes, 600), &[]));
    let last = servers.each_ref().map(|server| {
        let asked = requests(&server.fragments("cenc-open", 0, selectors));
        let last = asked[asked.len() - 9..].to_vec();
        once(&server.process, &last);
        last
    });
    let asked = std::array::from_fn::<_, 2, _>(|n| alone(&servers[n].process, &last[n]));
    let [short, long] = in_turn(asked, TIME).map(|load| load.micros);
    let ratio = long / short;
    println!("\nCPU per cenc fragment: {short:.0} us in one minute, {long:.0} us at minute 119");
    println!("ratio {ratio:.2}  {}", against(ratio, Some(1.05)));
}
