//! Many clients that ask as fast as they are answered, and cost their own core as little as can be: what
//! they can take is what the server can give.
//!
//! One thread looks after all. It never sleeps: who sends to a sleeping client on the same machine pays
//! for waking it, and those of a server are elsewhere. It reads the head of an answer, and lets the
//! system drop the body unread, whose length it knows.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::process::Process;

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

/// Lets `clients` connections send the requests in turn until `time` has passed. Each was answered once
/// before that: what it costs to take them in is not of it.
pub(crate) fn run(server: &Process, clients: usize, requests: &[String], time: Duration) -> Load {
    let asked = Asked::all(server, requests);
    let mut crowd = Crowd::gather(server, clients, &asked);
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
struct Asked {
    request: String,
    head: usize,
    body: usize,
}

impl Asked {
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
    /// Which request is next.
    next: usize,
    /// Bytes of the answer that are still to come, its head among them.
    left: usize,
}

struct Crowd<'a> {
    asked: &'a [Asked],
    clients: Vec<Client>,
    /// For heads. What is dropped needs room as well, which the system does not touch.
    room: Vec<u8>,
    ready: rustix::fd::OwnedFd,
    /// How many clients wait for an answer.
    waiting: usize,
}

impl<'a> Crowd<'a> {
    fn gather(server: &Process, clients: usize, asked: &'a [Asked]) -> Self {
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a place for events");
        let open = |n: usize| {
            let stream = TcpStream::connect(&server.address).expect("the server listens");
            stream.set_nonblocking(true).expect("a socket");
            stream.set_nodelay(true).expect("a socket");
            let (data, flags) = (epoll::EventData::new_u64(n as u64), epoll::EventFlags::IN);
            epoll::add(&ready, &stream, data, flags | epoll::EventFlags::ET).expect("a socket");
            Client { stream, next: n % asked.len(), left: 0 }
        };
        let clients = (0..clients).map(open).collect();
        let room = vec![0; 1024 * 1024];
        Self { asked, clients, room, ready, waiting: 0 }
    }

    /// Each client asks at least once. Gives the number of answers and the bytes of their bodies.
    fn ask_until(&mut self, end: Instant) -> (usize, usize) {
        let (mut answers, mut bytes) = (0, 0);
        for n in 0..self.clients.len() {
            self.ask(n);
        }
        let mut events = Vec::with_capacity(self.clients.len());
        while self.waiting > 0 {
            let more = Instant::now() < end;
            events.clear();
            let room = rustix::buffer::spare_capacity(&mut events);
            epoll::wait(&self.ready, room, Some(&Timespec::default())).expect("events");
            for event in &events {
                let n = usize::try_from(event.data.u64()).expect("a number of ours");
                let Some(body) = self.hear(n) else { continue };
                (answers, bytes) = (answers + 1, bytes + body);
                if more {
                    self.ask(n);
                }
            }
        }
        (answers, bytes)
    }

    fn ask(&mut self, n: usize) {
        let client = &mut self.clients[n];
        let asked = &self.asked[client.next];
        client.stream.write_all(asked.request.as_bytes()).expect("asking works");
        client.left = asked.head + asked.body;
        self.waiting += 1;
    }

    /// Reads what is there; gives the length of the body when that was the end of an answer.
    fn hear(&mut self, n: usize) -> Option<usize> {
        let Client { stream, next, left } = &mut self.clients[n];
        let asked = &self.asked[*next];
        while *left > 0 {
            let begins = *left == asked.head + asked.body;
            let flags = if begins { RecvFlags::empty() } else { RecvFlags::TRUNC };
            let most = if begins { asked.head } else { *left }.min(self.room.len());
            match recv(&*stream, &mut self.room[..most], flags) {
                Ok((_, 0)) => panic!("{}: the answer ended early", asked.request),
                Ok((_, read)) => *left -= read,
                Err(Errno::AGAIN) => return None,
                Err(error) => panic!("{}: {error}", asked.request),
            }
            assert!(!begins || self.room.starts_with(b"HTTP/1.1 20"), "{}", asked.request);
        }
        *next = (*next + 1) % self.asked.len();
        self.waiting -= 1;
        Some(asked.body)
    }
}
