//! Clients: one that reads, and many that ask as fast as they are answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::Server;

/// The request that all clients send.
pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

/// Length of the head of an answer, and of its body, once the head is complete.
fn lengths(data: &[u8]) -> Option<(usize, usize)> {
    let head = data.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&data[..head]).expect("a head is ASCII");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    Some((head, length.and_then(|length| length.parse().ok()).expect("a length")))
}

/// One connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        Self { stream, buffer: vec![0; 256 * 1024] }
    }

    /// Asks and does not read.
    pub(crate) fn ask(&mut self, path: &str) {
        write!(self.stream, "{}", request(path)).expect("asking works");
    }

    pub(crate) fn text(&mut self, path: &str) -> String {
        let mut body = Vec::new();
        self.read(path, |part| body.extend_from_slice(part));
        String::from_utf8(body).expect("text")
    }

    /// Reads an answer to its end; gives the bytes of its body.
    pub(crate) fn get(&mut self, path: &str) -> usize {
        let mut bytes = 0;
        self.read(path, |part| bytes += part.len());
        bytes
    }

    fn read(&mut self, path: &str, mut take: impl FnMut(&[u8])) {
        self.ask(path);
        let mut filled = 0;
        let (head, length) = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).expect("an answer");
            assert!(read > 0, "{path}: no answer");
            filled += read;
            if let Some(lengths) = lengths(&self.buffer[..filled]) {
                break lengths;
            }
        };
        take(&self.buffer[head..filled]);
        let mut left = length - (filled - head);
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).expect("the rest of the body");
            assert!(read > 0, "{path}: the body ended early");
            take(&self.buffer[..read]);
            left -= read;
        }
    }
}

/// What a load came to.
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Server CPU in microseconds a request.
    pub(crate) micros: f64,
    /// Server CPU in milliseconds a megabyte.
    pub(crate) per_megabyte: f64,
    /// Megabytes a second.
    pub(crate) megabytes: f64,
}

/// Lets `clients` connections ask for the paths in turn until `time` has passed.
pub(crate) fn run(server: &Server, clients: usize, paths: &[String], time: Duration) -> Load {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let paths: Arc<[String]> = paths.iter().map(|path| request(path)).collect();
    let (start, cpu, done) = runtime.block_on(async {
        let mut streams = Vec::with_capacity(clients);
        for _ in 0..clients {
            let stream = tokio::net::TcpStream::connect(&server.address).await;
            streams.push(stream.expect("the server listens"));
        }
        let (start, cpu) = (Instant::now(), server.cpu());
        let asking = streams
            .into_iter()
            .enumerate()
            .map(|(n, stream)| tokio::spawn(client(stream, Arc::clone(&paths), n, start + time)));
        let mut done = (0, 0);
        for asked in asking.collect::<Vec<_>>() {
            let (requests, bytes) = asked.await.expect("every answer is 200");
            done = (done.0 + requests, done.1 + bytes);
        }
        (start, cpu, done)
    });
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), server.cpu() - cpu);
    let (requests, megabytes) = (done.0 as f64, done.1 as f64 / 1e6);
    Load {
        rate: requests / seconds,
        micros: cpu * 1e6 / requests,
        per_megabyte: cpu * 1e3 / megabytes,
        megabytes: megabytes / seconds,
    }
}

/// Gives the number of answers and their bytes, heads not counted.
async fn client(
    mut stream: tokio::net::TcpStream,
    requests: Arc<[String]>,
    first: usize,
    until: Instant,
) -> (usize, usize) {
    let mut buffer = vec![0; 128 * 1024];
    let (mut count, mut bytes) = (0, 0);
    while Instant::now() < until {
        let request = &requests[(first + count) % requests.len()];
        stream.write_all(request.as_bytes()).await.expect("asking works");
        let mut filled = 0;
        let mut left = loop {
            let read = stream.read(&mut buffer[filled..]).await.expect("an answer");
            assert!(read > 0, "no answer");
            filled += read;
            if let Some((head, length)) = lengths(&buffer[..filled]) {
                bytes += length;
                break length - (filled - head);
            }
        };
        while left > 0 {
            let read = stream.read(&mut buffer).await.expect("the rest of the body");
            assert!(read > 0, "the body ended early");
            left -= read;
        }
        count += 1;
    }
    (count, bytes)
}
