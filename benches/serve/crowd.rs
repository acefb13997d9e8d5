//! Many clients that ask again as soon as they are answered, and spend little on each answer, so that
//! the server is the limit: [`Load::busy`] tells whether it was.
//!
//! One thread looks after all. It never sleeps: who sends to a sleeping client on the same machine pays
//! for waking it, and real clients are on other machines. It reads heads, whose length it knows as it
//! knows that of bodies, and lets the system drop these unread.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::process::Process;

/// Nothing that is asked for takes that long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a load came to.
#[derive(Clone, Copy)]
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

impl Load {
    /// The higher rates and the lower costs of two.
    pub(crate) fn best(&self, other: &Self) -> Self {
        Self {
            rate: self.rate.max(other.rate),
            micros: self.micros.min(other.micros),
            per_megabyte: self.per_megabyte.min(other.per_megabyte),
            megabytes: self.megabytes.max(other.megabytes),
        }
    }

    /// How many cores the server used at the highest rate, at least.
    pub(crate) fn busy(&self) -> f64 {
        self.rate * self.micros / 1e6
    }
}

/// Lets `clients` connections send the requests in turn until `time` has passed. Each was answered once
/// before that: accepting them is not measured.
pub(crate) fn run(server: &Process, clients: usize, requests: &[String], time: Duration) -> Load {
    let wanted = Wanted::all(server, requests);
    let mut crowd = Crowd::gather(server, clients, &wanted);
    crowd.ask_until(Instant::now());
    let (start, cpu) = (Instant::now(), server.cpu());
    let (answers, bytes) = crowd.ask_until(start + time);
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), server.cpu() - cpu);
    let (requests, megabytes) = (answers as f64, bytes as f64 / 1e6);
    Load {
        rate: requests / seconds,
        micros: cpu * 1e6 / requests,
        per_megabyte: cpu * 1e3 / megabytes,
        megabytes: megabytes / seconds,
    }
}

/// A request, and the lengths of its answer.
struct Wanted {
    request: String,
    head: usize,
    body: usize,
}

impl Wanted {
    fn all(server: &Process, requests: &[String]) -> Vec<Self> {
        let mut connection = server.connect();
        let mut ask = |request: &String| {
            let (head, body) = connection.lengths(request);
            Self { request: request.clone(), head, body }
        };
        requests.iter().map(&mut ask).collect()
    }
}

struct Client {
    stream: TcpStream,
    /// Which request is under way, or next.
    next: usize,
    /// Bytes of the answer that are still to come, its head among them.
    left: usize,
}

struct Crowd<'a> {
    wanted: &'a [Wanted],
    clients: Vec<Client>,
    /// For heads. To drop something takes a buffer as well, into which the system writes nothing.
    room: Vec<u8>,
    ready: rustix::fd::OwnedFd,
    /// How many clients wait for an answer.
    waiting: usize,
}

impl<'a> Crowd<'a> {
    fn gather(server: &Process, clients: usize, wanted: &'a [Wanted]) -> Self {
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a place for events");
        let open = |n: usize| {
            let stream = TcpStream::connect(&server.address).expect("the server listens");
            stream.set_nonblocking(true).expect("a socket");
            stream.set_nodelay(true).expect("a socket");
            let (data, flags) = (epoll::EventData::new_u64(n as u64), epoll::EventFlags::IN);
            epoll::add(&ready, &stream, data, flags | epoll::EventFlags::ET).expect("a socket");
            Client { stream, next: n % wanted.len(), left: 0 }
        };
        let clients = (0..clients).map(open).collect();
        let room = vec![0; 1024 * 1024];
        Self { wanted, clients, room, ready, waiting: 0 }
    }

    /// Each client asks at least once. Gives the number of answers and the bytes of their bodies.
    fn ask_until(&mut self, end: Instant) -> (usize, usize) {
        let (mut answers, mut bytes) = (0, 0);
        for n in 0..self.clients.len() {
            self.ask(n);
        }
        let mut events = Vec::with_capacity(self.clients.len());
        while self.waiting > 0 {
            let now = Instant::now();
            assert!(now < end + PATIENCE, "{} clients got no whole answer", self.waiting);
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            epoll::wait(&self.ready, room, Some(&Timespec::default())).expect("events");
            for event in &events {
                let n = usize::try_from(event.data.u64()).expect("a number of ours");
                let Some(body) = self.hear(n) else { continue };
                (answers, bytes) = (answers + 1, bytes + body);
                if now < end {
                    self.ask(n);
                }
            }
        }
        (answers, bytes)
    }

    fn ask(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let wanted = &self.wanted[client.next];
        client.stream.write_all(wanted.request.as_bytes()).expect("asking works");
        client.left = wanted.head + wanted.body;
        self.waiting += 1;
    }

    /// Reads what is there; gives the length of the body when that was the end of an answer.
    fn hear(&mut self, n: usize) -> Option<usize> {
        let Client { stream, next, left } = &mut self.clients[n];
        let Wanted { request, head, body } = &self.wanted[*next];
        assert!(*left > 0, "{request}: the connection ended, or there is more than was asked for");
        while *left > 0 {
            let begins = *left == head + body;
            let flags = if begins { RecvFlags::empty() } else { RecvFlags::TRUNC };
            let most = if begins { *head } else { *left }.min(self.room.len());
            let read = match recv(&*stream, &mut self.room[..most], flags) {
                Ok((_, 0)) => panic!("{request}: the answer ended early"),
                Ok((_, read)) => read,
                Err(Errno::AGAIN) => return None,
                Err(error) => panic!("{request}: {error}"),
            };
            *left -= read;
            if begins {
                let seen = &self.room[..read];
                assert!(seen.starts_with(b"HTTP/1.1 20"), "{request}: another status");
                // One that came in parts is not looked at again.
                assert!(read < *head || seen.ends_with(b"\r\n\r\n"), "{request}: another length");
            }
        }
        *next = (*next + 1) % self.wanted.len();
        self.waiting -= 1;
        Some(*body)
    }
}
