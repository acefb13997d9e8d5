//! What one server and one connection may take, with the defaults that an operator starts from.

use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as text;
use serde::{Deserialize, Serialize};

/// The `[limits]` section of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections served at once; more wait in the listen queue of the system.
    pub connections: usize,
    /// Connections of one peer address (of an IPv6 /64 network); more are closed unanswered. All
    /// clients behind a proxy are one peer.
    pub connections_per_peer: usize,
    /// From accept to the end of the first request head. A client that says nothing, or says it
    /// too slowly, is cut off.
    #[serde(with = "text")]
    pub first_request: Duration,
    /// From the end of one answer to the end of the next request head.
    #[serde(with = "text")]
    pub idle: Duration,
    /// How long a client may take next to nothing of any one answer before it is cut off.
    #[serde(with = "text")]
    pub stall: Duration,
    /// What "next to nothing" means: bytes per second, on average over `stall`; answers that wait
    /// at once on one connection share it.
    pub stall_rate: u64,
    /// Lines of a request head (its bytes are limited to 64 KiB).
    pub header_lines: usize,
    /// Bytes of a request body (licence requests are a few hundred).
    pub body_bytes: usize,
    /// From the end of the head to the end of the request body.
    #[serde(with = "text")]
    pub body: Duration,
    /// Requests that one HTTP/2 connection may have open.
    pub streams: u32,
    /// Answers under way at once, over all connections; beyond it the answer is 503.
    pub requests: usize,
    /// From the signal to stop until answers that are still under way are cut off.
    #[serde(with = "text")]
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_peer: 4096,
            first_request: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            stall_rate: 2048,
            header_lines: 64,
            body_bytes: 64 * 1024,
            body: Duration::from_secs(10),
            streams: 32,
            requests: 8192,
            drain: Duration::from_secs(20),
        }
    }
}
