//! The real server over loopback HTTP on warm pages: server CPU per megabyte and fragments per
//! second for every protection, what a long asset costs, and what stalled readers hold.
//!
//! Prints one table a question. Media come from `scripts/long-asset.sh`, which keeps them in a
//! cache folder. Numbers are of the machine and the moment; ratios are what to compare.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis::media::FileIndex;
use portcullis::store::files::LocalFile;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");

/// Clock ticks of /proc per second, the same on all Linux systems that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() {
    cost_per_megabyte();
    long_asset();
    stalled_readers();
}

/// Server CPU for clear, cenc, cbcs and AES-128 fragments, and transport streams, of about 5 MB.
fn cost_per_megabyte() {
    let server = Server::start(&asset(1, 7000));
    println!("\nprotection   format          fragments/s   MB/s   server CPU ms per MB");
    for (stream, format) in [
        ("clear-open", "mpd-time-cmaf"),
        ("cenc-open", "mpd-time-cmaf"),
        ("cbcs-open", "mpd-time-cmaf"),
        ("aes-open", "m3u8-cmaf"),
        ("clear-open", "m3u8-aapl"),
        ("clear-open", "m3u8-aapl-v3"),
        ("aes-open", "m3u8-aapl"),
    ] {
        let fragments = server.top_level_fragments(stream, format);
        warm(&server, &fragments);
        let (cpu, start) = (server.cpu(), Instant::now());
        let (mut bytes, mut count) = (0, 0);
        while start.elapsed() < Duration::from_secs(4) {
            for url in &fragments {
                bytes += server.get(url);
                count += 1;
            }
        }
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), server.cpu() - cpu);
        let megabytes = bytes as f64 / 1e6;
        println!(
            "{stream:12} {format:15} {:11.0} {:6.0} {:22.3}",
            f64::from(count) / seconds,
            megabytes / seconds,
            cpu * 1000.0 / megabytes,
        );
    }
}

/// A two-hour asset: first manifest, index size, and the cost of its last fragments against those
/// of a one-minute asset.
fn long_asset() {
    let (long, short) = (asset(120, 1500), asset(1, 1500));
    let (mut bytes, mut samples) = (0, 0);
    for path in media_files(&long) {
        let file = LocalFile::open(&path).expect("the asset opens");
        let index = FileIndex::read(&file).expect("the asset is sound");
        bytes += index.heap_size();
        samples += index.tracks.iter().map(|track| track.index.len()).sum::<u32>();
    }
    let per_sample = bytes as f64 / f64::from(samples);
    println!(
        "\nindex of two hours, four tracks: {samples} samples, {per_sample:.2} bytes a sample"
    );
    let mut first = Vec::new();
    let mut server = Server::start(&long);
    for _ in 0..7 {
        let start = Instant::now();
        server.get(&server.manifest("cenc-open", "mpd-time-cmaf"));
        first.push(start.elapsed().as_secs_f64() * 1e3);
        server = Server::start(&long);
    }
    first.sort_by(f64::total_cmp);
    println!(
        "first manifest after a cold start, 7 starts: median {:.1} ms ({:.1} to {:.1})",
        first[3], first[0], first[6],
    );
    let short = Server::start(&short);
    let early = short.cpu_per_fragment(|fragments| fragments.to_vec());
    let late = server.cpu_per_fragment(|fragments| fragments[fragments.len() - 10..].to_vec());
    println!(
        "CPU per cenc fragment: {early:.3} ms in a one-minute asset, {late:.3} ms at minute 119"
    );
    println!("ratio: {:.2}", late / early);
}

/// 1,000 clients that ask for a fragment of 5 MB and stop reading.
fn stalled_readers() {
    const CLIENTS: usize = 1000;
    let server = Server::start(&asset(1, 7000));
    let fragments = server.top_level_fragments("cenc-open", "mpd-time-cmaf");
    let before = server.resident();
    let mut clients = Vec::with_capacity(CLIENTS);
    for n in 0..CLIENTS {
        let mut stream = server.connect();
        write!(stream, "{}", request(&fragments[n % fragments.len()])).expect("asking works");
        clients.push(stream);
    }
    let mut peak: f64 = 0.0;
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        peak = peak.max(server.resident());
    }
    println!("\n{CLIENTS} stalled readers of 5 MB fragments: resident memory");
    println!("before {:.0} MB, peak {:.0} MB", before / 1e6, peak / 1e6);
    drop(clients);
    std::thread::sleep(Duration::from_secs(15));
    println!("after they left {:.0} MB", server.resident() / 1e6);
}

/// Gets everything once.
fn warm(server: &Server, paths: &[String]) {
    for path in paths {
        server.get(path);
    }
}

/// The folder of an asset that the script makes.
fn asset(minutes: u32, kbit: u32) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/long-asset.sh");
    let output = Command::new("bash")
        .arg(script)
        .args([minutes.to_string(), kbit.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "scripts/long-asset.sh failed; run make setup");
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    for path in media_files(&folder) {
        // Into the page cache.
        io::copy(&mut fs::File::open(path).expect("readable"), &mut io::sink()).expect("readable");
    }
    folder
}

fn media_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths.filter(|path| path.extension().is_some_and(|ext| ext == "mp4")).collect()
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

/// A `dev` server over one asset; ends with the value.
struct Server {
    child: Child,
    _data: tempfile::TempDir,
    origin: String,
    /// Manifest paths by (stream, format).
    manifests: BTreeMap<(String, String), String>,
    connection: std::cell::RefCell<TcpStream>,
}

impl Server {
    fn start(media: &Path) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let ready = data.path().join("ready.json");
        let child = Command::new(BINARY)
            .args(["dev", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(data.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .arg("--media")
            .arg(media)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let text = wait_for(&ready);
        let ready: serde_json::Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let origin = ready["origin"].as_str().expect("an origin").to_owned();
        let mut manifests = BTreeMap::new();
        for stream in ready["streams"].as_array().expect("streams") {
            for manifest in stream["manifests"].as_array().expect("manifests") {
                let text =
                    |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let path = text(&manifest["url"]).replacen(&origin, "", 1);
                manifests.insert((text(&stream["name"]), text(&manifest["format"])), path);
            }
        }
        let connection = connect(&origin).into();
        Self { child, _data: data, origin, manifests, connection }
    }

    fn connect(&self) -> TcpStream {
        connect(&self.origin)
    }

    fn manifest(&self, stream: &str, format: &str) -> String {
        self.manifests[&(stream.to_owned(), format.to_owned())].clone()
    }

    /// Paths of all fragments of the highest level, which lies first in an MPD and last in HLS.
    fn top_level_fragments(&self, stream: &str, format: &str) -> Vec<String> {
        // Every stream has HLS with the same fragments, and playlists are easy to read.
        let listed = match format {
            "mpd-time-cmaf" => "m3u8-cmaf",
            other => other,
        };
        let manifest = self.manifest(stream, listed);
        let base = &manifest[..=manifest.rfind('/').expect("a path")];
        let text = self.text(&manifest);
        let playlist = text.lines().rfind(|line| !line.starts_with('#')).expect("a level");
        let level = &playlist[..=playlist.rfind('/').expect("a level path")];
        let fragments = self.text(&format!("{base}{playlist}"));
        let paths = fragments.lines().filter(|line| line.starts_with("Fragments("));
        let paths = paths.map(|leaf| format!("{base}{level}{leaf}"));
        paths.map(|path| path.replace(listed, format)).collect()
    }

    fn text(&self, path: &str) -> String {
        let mut body = Vec::new();
        self.read(path, |part| body.extend_from_slice(part));
        String::from_utf8(body).expect("text")
    }

    /// Gets a path over the one connection; gives the bytes of the body.
    fn get(&self, path: &str) -> usize {
        let mut bytes = 0;
        self.read(path, |part| bytes += part.len());
        bytes
    }

    fn read(&self, path: &str, mut take: impl FnMut(&[u8])) {
        let mut stream = self.connection.borrow_mut();
        write!(stream, "{}", request(path)).expect("asking works");
        let mut buffer = vec![0; 256 * 1024];
        let mut filled = 0;
        let head = loop {
            filled += stream.read(&mut buffer[filled..]).expect("an answer");
            if let Some(at) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{path}: {text}");
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
        take(&buffer[head..filled]);
        let mut left = length - (filled - head);
        while left > 0 {
            let read = stream.read(&mut buffer).expect("the rest of the body");
            assert!(read > 0, "{path}: the body ended early");
            take(&buffer[..read]);
            left -= read;
        }
    }

    /// CPU seconds, user and system.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("alive");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / TICKS_PER_SECOND
    }

    /// Milliseconds of CPU per fragment, cenc, for a choice of the top level's fragments.
    fn cpu_per_fragment(&self, choose: impl Fn(&[String]) -> Vec<String>) -> f64 {
        let fragments = choose(&self.top_level_fragments("cenc-open", "mpd-time-cmaf"));
        warm(self, &fragments);
        let (cpu, start, mut count) = (self.cpu(), Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(5) {
            warm(self, &fragments);
            count += fragments.len();
        }
        (self.cpu() - cpu) * 1000.0 / count as f64
    }

    /// Resident memory in bytes.
    fn resident(&self) -> f64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("alive");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).expect("kB") * 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(origin: &str) -> TcpStream {
    TcpStream::connect(origin.trim_start_matches("http://")).expect("the server listens")
}

fn wait_for(path: &Path) -> String {
    let start = Instant::now();
    loop {
        match fs::read_to_string(path) {
            Ok(text) => return text,
            Err(_) if start.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("no ready file: {error}"),
        }
    }
}
