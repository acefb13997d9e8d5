//! One client that reads, and several servers that are loaded in turn.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::crowd::{Load, run};
use crate::process::Process;

/// How often each load is applied: enough for one turn that nothing else disturbed.
const TURNS: usize = 7;

/// The request that all clients send.
pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

/// The same for a part, which is not empty.
pub(crate) fn request_part(path: &str, part: &Range<usize>) -> String {
    let range = format!("Range: bytes={}-{}\r\n\r\n", part.start, part.end - 1);
    request(path).replacen("\r\n\r\n", &format!("\r\n{range}"), 1)
}

/// Length of the head of an answer, and of its body, once the head is complete.
fn lengths(data: &[u8]) -> Option<(usize, usize)> {
    let head = data.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&data[..head]).expect("a head is ASCII");
    assert!(text.starts_with("HTTP/1.1 20"), "{text}");
    let mut fields = text.lines().filter_map(|line| line.split_once(": "));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Some((head, length.and_then(|(_, value)| value.parse().ok()).expect("a length")))
}

pub(crate) fn requests(paths: &[String]) -> Vec<String> {
    paths.iter().map(|path| request(path)).collect()
}

/// One connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        Self { stream, buffer: vec![0; 1024 * 1024] }
    }

    /// Asks and does not read.
    pub(crate) fn ask(&mut self, request: &str) {
        self.stream.write_all(request.as_bytes()).expect("asking works");
    }

    pub(crate) fn text(&mut self, path: &str) -> String {
        String::from_utf8(self.body(&request(path))).expect("text")
    }

    pub(crate) fn body(&mut self, request: &str) -> Vec<u8> {
        let mut body = Vec::new();
        self.read(request, |part| body.extend_from_slice(part));
        body
    }

    /// Reads an answer to its end; gives the number of bytes of its body.
    pub(crate) fn get(&mut self, request: &str) -> usize {
        self.lengths(request).1
    }

    /// Lengths of the head and of the body of an answer, which is read to its end.
    pub(crate) fn lengths(&mut self, request: &str) -> (usize, usize) {
        self.read(request, |_| ())
    }

    /// Reads so many bytes, awake all the time.
    fn fill(&mut self, mut room: &mut [u8]) {
        self.stream.set_nonblocking(true).expect("a socket");
        while !room.is_empty() {
            match self.stream.read(room) {
                Ok(0) => panic!("the connection ended early"),
                Ok(read) => room = &mut room[read..],
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        self.stream.set_nonblocking(false).expect("a socket");
    }

    /// Gives the lengths of the head and of the body.
    fn read(&mut self, request: &str, mut take: impl FnMut(&[u8])) -> (usize, usize) {
        self.ask(request);
        let mut filled = 0;
        let (head, length) = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).expect("an answer");
            assert!(read > 0, "{request}: no answer");
            filled += read;
            if let Some(lengths) = lengths(&self.buffer[..filled]) {
                break lengths;
            }
        };
        take(&self.buffer[head..filled]);
        let mut left = length - (filled - head);
        while left > 0 {
            let read = self.stream.read(&mut self.buffer).expect("the rest of the body");
            assert!(read > 0, "{request}: the body ended early");
            take(&self.buffer[..read]);
            left -= read;
        }
        (head, length)
    }
}

/// Server CPU in microseconds a request, of one client that asks again before it is answered: the server
/// neither sleeps between requests nor answers one with what it makes for another. Answers are of one
/// length. The least of several turns.
pub(crate) fn in_a_row(server: &Process, request: &str, time: Duration) -> f64 {
    /// More would wait for room at the client, and kept answers would cost more than made ones.
    const ROW_BYTES: usize = 256 * 1024;
    let mut connection = server.connect();
    let (head, body) = connection.lengths(request);
    let length = head + body;
    let count = (ROW_BYTES / length).clamp(2, 16);
    let (row, mut answers) = (request.repeat(count), vec![0; length * count]);
    let mut once = || {
        let mut rows = 0;
        let (start, cpu) = (Instant::now(), server.cpu());
        while start.elapsed() < time {
            connection.ask(&row);
            connection.fill(&mut answers);
            let last = lengths(&answers[length * (count - 1)..]);
            assert_eq!(last.map(|(head, body)| head + body), Some(length));
            rows += 1;
        }
        (server.cpu() - cpu) * 1e6 / (rows * count) as f64
    };
    (0..TURNS).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// What is asked of a server, and by how many clients.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) clients: usize,
    pub(crate) server: &'a Process,
    pub(crate) requests: &'a [String],
}

/// Applies several loads in turns, so that what else the machine does hits all alike; of each the best
/// that was seen.
pub(crate) fn in_turn<const N: usize>(loads: [Asked; N], time: Duration) -> [Load; N] {
    let run = |asked: Asked| run(asked.server, asked.clients, asked.requests, time);
    (1..TURNS).fold(loads.map(run), |best, _| {
        let next = loads.map(run);
        std::array::from_fn(|n| best[n].best(&next[n]))
    })
}
