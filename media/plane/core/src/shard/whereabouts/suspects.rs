//! The limits for trying media from an unverified source, and the choice of the peers whose keys are tried. See
//! `unverified_source`.

use std::net::IpAddr;

use crate::bucket::Bucket;
use crate::keys::TransportKey;

/// Media datagrams from unknown addresses per second, on average, that each shard tries with the keys of quiet peers. Further
/// ones are dropped. With 4 keys each (`PEERS_MAX`), this is at most 800 tries a second. Chosen: above the packet rate of a
/// peer with audio and a small picture. Larger: a flood costs more work. Smaller: a flood more easily prevents that a peer that
/// moved is found.
const TRIED_PER_S: u64 = 200;
/// Media datagrams from unknown addresses that are tried in one burst with the keys of quiet peers; the average is 200 a second
/// (`TRIED_PER_S`). Chosen. Larger: a flood causes more work at once. Smaller: when several peers move at once, some are found
/// later.
const TRIED_BURST: u64 = 50;
/// Media datagrams from unknown addresses of one network (IPv4 /24, IPv6 /56) that are tried per second: two fifths of
/// `TRIED_PER_S` (200). Chosen. A flood from two networks (IPv4 and IPv6) leaves one fifth to the others. Larger: the flood
/// leaves less, so peers that moved are found later. Smaller: many peers behind one address are found later.
const NEARBY_PER_S: u64 = TRIED_PER_S * 2 / 5;
/// Media datagrams from unknown addresses of one network that are tried in one burst: half of `TRIED_BURST` (50). Chosen.
/// Larger: a flood from one network leaves less to the others, and their moved peers are found later. Smaller: many peers
/// behind one address are found later.
const NEARBY_BURST: u64 = TRIED_BURST / 2;
/// Counters of tried datagrams; networks with the same hash share a counter. A power of two. Larger: more memory. Smaller: a
/// flood from one network shares its counter with more networks, and their moved peers are found later.
const NETWORKS: usize = 32;
/// 2^64 divided by the golden ratio. Its multiples are spread evenly (Knuth, The Art of Computer Programming, vol. 3, §6.4).
/// Larger or smaller: neighbouring networks may share a counter of tried datagrams, and a flood from one hides moved peers of
/// the other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Quiet peers whose keys are tried for one datagram from an unknown address. Larger: a stranger's datagram costs more work.
/// Smaller: if several peers are quiet, the peer that moved is found later.
const PEERS_MAX: usize = 4;
/// Of the 4 peers whose keys are tried (`PEERS_MAX`), this many may have only the datagram's IP address. The others have its
/// SSRC. These peers also get places that the others leave free. Chosen. Larger: a moved peer with a known SSRC is found later.
/// Smaller: a moved peer with an unknown SSRC is found later.
const NEAR_MIN: usize = PEERS_MAX / 2;

pub(crate) struct Suspects {
    allowance: Bucket,
    /// The buckets, by hash of the network.
    networks: [Bucket; NETWORKS],
    /// The rate limit of answers that match no question of this shard and are shown to the other shards.
    pub(crate) answers: Bucket,
    /// The number of tries so far.
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
        // The address range that one host can choose from freely counts as one network.
        let network = match from {
            IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
            IpAddr::V6(ip) => (ip.to_bits() >> 72) as u64,
        };
        let at = network.wrapping_mul(SPREAD) >> (u64::BITS - NETWORKS.ilog2());
        self.networks[at as usize].take(now_us) && self.allowance.take(now_us)
    }

    /// Return the last turn. A new peer starts behind the others, so joining repeatedly gains nothing.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    pub fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

/// The peers of one kind with their last turns. The peer with the oldest turn comes first. The group keeps `PEERS_MAX` of them
/// without a heap allocation, because any datagram of a stranger creates two groups.
#[derive(Clone, Copy, Default)]
pub(crate) struct Group {
    peers: [(u64, TransportKey); PEERS_MAX],
    len: usize,
}

impl Group {
    pub fn add(&mut self, tried: u64, key: TransportKey) {
        let at = self.peers[..self.len].partition_point(|peer| *peer < (tried, key));
        if at < PEERS_MAX {
            self.len = PEERS_MAX.min(self.len + 1);
            self.peers[at..self.len].rotate_right(1);
            self.peers[at] = (tried, key);
        }
    }

    fn first(self, count: usize) -> impl Iterator<Item = TransportKey> {
        (0..count.min(self.len)).map(move |at| self.peers[at].1)
    }
}

/// Return the peers whose keys are tried.
pub(crate) fn choose(named: Group, near: Group) -> impl Iterator<Item = TransportKey> {
    let nears = near.len.min(NEAR_MIN.max(PEERS_MAX - named.len));
    named.first(PEERS_MAX - nears).chain(near.first(nears))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;

    /// Create a group of peers at these places. The peer at the highest place has the oldest turn.
    fn group(places: std::ops::Range<usize>) -> Group {
        let mut group = Group::default();
        for place in places {
            group.add(1_000 - place as u64, TransportKey::new(place));
        }
        group
    }

    fn chosen(named: Group, near: Group) -> Vec<usize> {
        choose(named, near).map(Key::place).collect()
    }

    fn owns_no_heap<T>(_: &T) -> bool {
        !std::mem::needs_drop::<T>()
    }

    #[test]
    fn the_choice_for_a_datagram_of_a_stranger_owns_no_heap() {
        assert!(owns_no_heap(&choose(Default::default(), Default::default())));
    }

    #[test]
    fn a_group_of_a_thousand_keeps_the_four_that_were_tried_longest_ago() {
        let many = group(0..1_000);
        assert_eq!((many.peers.len(), many.len), (PEERS_MAX, PEERS_MAX));
        assert_eq!(chosen(many, Group::default()), [999, 998, 997, 996]);
    }

    #[test]
    fn a_group_takes_peers_of_the_same_turn_by_their_keys() {
        let mut group = Group::default();
        for place in [7, 3, 9, 1, 5, 2] {
            group.add(4, TransportKey::new(place));
        }
        assert_eq!(chosen(Group::default(), group), [1, 2, 3, 5]);
    }

    #[test]
    fn each_group_has_half_of_the_tries_and_what_the_other_leaves() {
        assert_eq!(chosen(group(0..9), group(10..19)), [8, 7, 18, 17]);
        assert_eq!(chosen(group(0..1), group(10..19)), [0, 18, 17, 16]);
        assert_eq!(chosen(group(0..9), group(10..11)), [8, 7, 6, 10]);
        assert_eq!(chosen(group(0..0), group(0..0)), [0; 0]);
    }
}
