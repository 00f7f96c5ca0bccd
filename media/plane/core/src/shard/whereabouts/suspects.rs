//! How often media from an unverified source is tried, and which peers' keys open it. See `unverified_source`.

use std::net::IpAddr;

use crate::bucket::Bucket;
use crate::keys::TransportKey;

/// Datagrams that are tried in a second, and at once; the rest is dropped. With `PEERS_MAX` keys each these are at most 800 tries.
/// No experiment chose the number: 200 is above the packets in a second of a peer with sound and a small picture.
const TRIED_PER_S: u64 = 200;
const TRIED_BURST: u64 = 50;
/// The share of one network. A flood from one network, or from two by IPv4 and IPv6, leaves some tries to the others.
const NEARBY_PER_S: u64 = TRIED_PER_S * 2 / 5;
const NEARBY_BURST: u64 = TRIED_BURST / 2;
/// Shares that are counted apart: networks with the same hash have one share together. A power of two.
const NETWORKS: usize = 32;
/// 2^64 by the golden ratio: its multiples spread evenly (Knuth, The Art of Computer Programming, vol. 3, §6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Peers whose keys one datagram is tried with.
const PEERS_MAX: usize = 4;
/// Places of these for peers that are only near. They also get the places that named peers leave free.
const NEAR_MIN: usize = PEERS_MAX / 2;

pub(crate) struct Suspects {
    allowance: Bucket,
    /// By the hash of the network.
    networks: [Bucket; NETWORKS],
    /// Answers to nobody's question here that are shown to other shards.
    pub(crate) answers: Bucket,
    /// Tries so far.
    turn: u64,
}

impl Suspects {
    pub fn new() -> Self {
        Suspects {
            allowance: Bucket::per_second(TRIED_PER_S, TRIED_BURST, 0),
            networks: [Bucket::per_second(NEARBY_PER_S, NEARBY_BURST, 0); NETWORKS],
            answers: Bucket::per_second(TRIED_PER_S, TRIED_BURST, 0),
            turn: 0,
        }
    }

    pub(crate) fn may_try(&mut self, from: IpAddr, now_us: u64) -> bool {
        // What one host may choose freely is one network.
        let network = match from {
            IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
            IpAddr::V6(ip) => (ip.to_bits() >> 72) as u64,
        };
        let at = network.wrapping_mul(SPREAD) >> (u64::BITS - NETWORKS.ilog2());
        self.networks[at as usize].take(now_us) && self.allowance.take(now_us)
    }

    /// The last turn. A new peer has its turn behind the others: joining again and again gains nothing.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    pub fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

/// The peers whose keys are tried, each with its last turn. Those whose last turn is longest ago come first.
pub(crate) fn choose(
    mut named: Vec<(u64, TransportKey)>,
    mut near: Vec<(u64, TransportKey)>,
) -> impl Iterator<Item = TransportKey> + use<> {
    named.sort_unstable();
    near.sort_unstable();
    let nears = near.len().min(NEAR_MIN.max(PEERS_MAX.saturating_sub(named.len())));
    named.truncate(PEERS_MAX - nears);
    named.into_iter().chain(near.into_iter().take(nears)).map(|(_, key)| key)
}
