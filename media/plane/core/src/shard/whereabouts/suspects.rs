//! How often media from an unverified source is tried, and with whose keys first. See `unverified_source`.

use std::net::IpAddr;

use crate::bucket::Bucket;
use crate::keys::TransportKey;
use crate::path::Path;
use crate::shard::tables::Transports;
use crate::shard::tables::transport::Transport;
use crate::wire::stun;

/// Datagrams that are tried in a second, and at once; the rest is dropped as ever.
const TRIED_PER_S: u64 = 200;
const TRIED_BURST: u64 = 50;
/// Of one network: whoever floods from one, or from two by IPv4 and IPv6, leaves some to the others.
const NEARBY_PER_S: u64 = TRIED_PER_S * 2 / 5;
const NEARBY_BURST: u64 = TRIED_BURST / 2;
/// Networks that have a share each; more of them share.
const NETWORKS: usize = 32;
/// 2^64 by the golden ratio: its multiples spread evenly (Knuth, The Art of Computer Programming, vol. 3, §6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Whose keys one datagram is tried with at most.
const PEERS_MAX: usize = 4;
/// Those that are only near have so many of these places, and what the others do not need.
const NEAR_MIN: usize = PEERS_MAX / 2;
/// Questions that may be open in a shard.
const OPEN_MAX: usize = 64;

pub(crate) struct Suspects {
    allowance: Bucket,
    /// By the hash of the network.
    networks: [Bucket; NETWORKS],
    /// Answers to nobody's question here that are shown to other shards.
    pub(crate) answers: Bucket,
    /// Where which transport was asked, the last one last.
    pub(crate) asked: Vec<(Path, TransportKey)>,
    /// Peers tried so far.
    pub(crate) turn: u64,
}

/// Those whose last turn is longest ago, that one first.
#[derive(Clone, Copy, Default)]
pub(crate) struct Queue {
    /// The last turn and the transport of each.
    pub(crate) places: [(u64, TransportKey); PEERS_MAX],
    pub(crate) len: usize,
}

impl Queue {
    pub(crate) fn add(&mut self, turn: u64, key: TransportKey) {
        let at = self.places[..self.len].partition_point(|place| place.0 <= turn);
        if at < PEERS_MAX {
            self.len = PEERS_MAX.min(self.len + 1);
            self.places[at..self.len].rotate_right(1);
            self.places[at] = (turn, key);
        }
    }

    /// As many of them as there is room for beside so many `near`.
    pub(crate) fn beside(mut self, near: &Queue) -> Self {
        let nears = near.len.min(NEAR_MIN.max(PEERS_MAX - self.len));
        self.len = self.len.min(PEERS_MAX - nears);
        self.places[self.len..][..nears].copy_from_slice(&near.places[..nears]);
        self.len += nears;
        self
    }
}

impl Suspects {
    pub fn new() -> Self {
        Suspects {
            allowance: Bucket::per_second(TRIED_PER_S, TRIED_BURST, 0),
            networks: [Bucket::per_second(NEARBY_PER_S, NEARBY_BURST, 0); NETWORKS],
            answers: Bucket::per_second(TRIED_PER_S, TRIED_BURST, 0),
            asked: Vec::new(),
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

    /// The last one. Whoever comes now has its own behind the others: coming again and again gains none.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    pub fn note_asked(&mut self, key: TransportKey, path: Path) {
        if !self.asked.contains(&(path, key)) {
            if self.asked.len() == OPEN_MAX {
                self.asked.remove(0);
            }
            self.asked.push((path, key));
        }
    }

    /// The transport whose question at a path which nobody has checked this answers. Others may have been asked there too: whoever
    /// sends own media in the name of an address takes no answers from the peer that comes there.
    pub fn asked_at(&mut self, transports: &Transports, path: Path, datagram: &[u8]) -> Option<TransportKey> {
        let transaction = stun::answered(datagram)?;
        let agent = |key: TransportKey| transports.get(key).and_then(Transport::ice);
        self.asked.retain(|(_, key)| agent(*key).is_some());
        let is_its =
            |(_, key): &&(Path, TransportKey)| agent(*key).is_some_and(|agent| agent.has_asked(path, transaction));
        self.asked.iter().filter(|(asked, _)| *asked == path).find(is_its).map(|(_, key)| *key)
    }

    pub fn forget_asked(&mut self, path: Path) {
        self.asked.retain(|(asked, _)| *asked != path);
    }
}
