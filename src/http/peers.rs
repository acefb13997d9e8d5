//! How many connections one peer address may hold, so that no single client takes them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bits of an IPv6 address that its host cannot choose (RFC 4291 section 2.5.4).
const IPV6_NETWORK: u128 = u128::MAX << 64;

/// Connections by peer.
#[derive(Debug)]
pub(super) struct Peers {
    most: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of a peer, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    /// At most `most` connections for each peer.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// A seat, unless the peer has all that it may.
    pub(super) fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let peer = peer(address);
        let mut held = self.lock();
        let count = held.entry(peer).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(held);
        Some(Seat { peers: Arc::clone(self), peer })
    }

    /// Nothing that holds the lock can panic halfway.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.peers.lock();
        if let Some(count) = held.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.peer);
            }
        }
    }
}

/// The address as far as its host cannot choose it: the network of an IPv6 address.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            Ipv6Addr::from_bits(v6.to_bits() & IPV6_NETWORK).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_seats_and_others_have_theirs() {
        let peers = Peers::new(2);
        let seat = |text: &str| peers.seat(text.parse().unwrap());
        let held = (seat("192.0.2.1"), seat("::ffff:192.0.2.1"));
        assert!(held.0.is_some() && held.1.is_some());
        assert!(seat("192.0.2.1").is_none());
        assert!(seat("192.0.2.2").is_some());
        drop(held.0);
        assert!(seat("192.0.2.1").is_some());
        drop(held.1);
        assert!(peers.lock().is_empty());
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_peer() {
        let peers = Peers::new(1);
        let seat = |text: &str| peers.seat(text.parse().unwrap());
        let _held = seat("2001:db8::1").unwrap();
        assert!(seat("2001:db8::ffff:1").is_none());
        assert!(seat("2001:db8:0:1::1").is_some());
    }
}
