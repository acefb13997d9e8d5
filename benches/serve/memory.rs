//! Memory: of an asset, and of readers that do not read.

use std::time::Duration;

use portcullis::media::FileIndex;
use portcullis::package::format::Container;
use portcullis::store::files::LocalFile;

use crate::load::{Connection, request};
use crate::server::Server;
use crate::{asset, fragmented, media_files};

/// Two hours in six levels: the index, and what the process takes more once it is loaded.
pub(crate) fn of_long_asset() {
    let folder = asset(120, 600);
    let (mut bytes, mut samples) = (0, 0);
    for path in media_files(&folder) {
        let file = LocalFile::open(&path).expect("the asset opens");
        let index = FileIndex::read(&file).expect("the asset is sound");
        bytes += index.heap_size();
        samples += index.tracks.iter().map(|track| track.index.len()).sum::<u32>();
    }
    let per_sample = bytes as f64 / f64::from(samples);
    println!("\nindex of two hours in six levels: {:.1} MB,", bytes as f64 / 1e6);
    println!("{samples} samples, {per_sample:.2} bytes a sample");
    let server = Server::start(&folder, &[]);
    let before = server.process.resident();
    server.process.connect().get(&request(&server.manifest("clear-open", "format=m3u8-cmaf")));
    std::thread::sleep(Duration::from_secs(1));
    println!(
        "resident before the first request {before:.0} MB, after {:.0} MB",
        server.process.resident()
    );
}

/// 1,000 clients that ask for a fragment of 5 MB and stop reading, for each kind of segment.
pub(crate) fn of_stalled_readers() {
    const CLIENTS: usize = 1000;
    let folder = asset(1, 7000);
    println!("\nresident memory in MB with {CLIENTS} readers of 5 MB that stopped");
    println!("{:38} {:>7} {:>7}", "", "before", "peak");
    let mut seen: Vec<&Container> = Vec::new();
    let cenc = [("cenc-open", "format=mpd-time-cmaf,encryption=cenc".to_owned())];
    let clear = fragmented().filter(|row| {
        let new = !seen.contains(&&row.container);
        seen.push(&row.container);
        new
    });
    let clear = clear.map(|row| ("clear-open", format!("format={}", row.selector)));
    for (stream, selectors) in clear.chain(cenc) {
        let server = Server::start(&folder, &[]);
        let paths = server.fragments(stream, 0, &selectors);
        let before = server.process.resident();
        let mut clients: Vec<Connection> = (0..CLIENTS).map(|_| server.process.connect()).collect();
        for (client, path) in clients.iter_mut().zip(paths.iter().cycle()) {
            client.ask(&request(path));
        }
        let mut peak: f64 = 0.0;
        for _ in 0..30 {
            std::thread::sleep(Duration::from_millis(100));
            peak = peak.max(server.process.resident());
        }
        println!("{selectors:38} {before:7.0} {peak:7.0}");
    }
}
