//! The limits for trying media from an unverified source, and the choice of the peers whose keys are tried. See
//! `unverified_source`.

use std::net::IpAddr;

use crate::bucket::Bucket;
use crate::keys::TransportKey;

/// Datagrams that are tried per second, on average. Further datagrams are dropped. With `PEERS_MAX` keys each, this is at most
/// 800 tries a second. Chosen: 200 is above the packet rate of a peer with audio and a small picture. Larger: a flood costs
/// more work. Smaller: a flood hides moving peers more easily.
const TRIED_PER_S: u64 = 200;
/// Datagrams that are tried in one burst. Chosen. Larger: a flood causes more work at once. Smaller: when several peers move at
/// once, some are found later.
const TRIED_BURST: u64 = 50;
/// Datagrams of one network that are tried per second. Chosen. A flood from one network, or from two (IPv4 and IPv6), leaves
/// some tries to the others. Larger: the flood leaves less. Smaller: many peers behind one address are found later.
const NEARBY_PER_S: u64 = TRIED_PER_S * 2 / 5;
/// Datagrams of one network that are tried in one burst. Chosen. Larger: a flood from one network leaves less to the others.
/// Smaller: many peers behind one address are found later.
const NEARBY_BURST: u64 = TRIED_BURST / 2;
/// Shares that are counted separately; networks with the same hash have one share together. A power of two. Larger: more
/// memory. Smaller: a flood hits more networks.
const NETWORKS: usize = 32;
/// 2^64 divided by the golden ratio. Its multiples are spread evenly (Knuth, The Art of Computer Programming, vol. 3, §6.4).
/// Larger or smaller: neighbouring networks may get the same bucket, and a flood from one hides peers of the other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Peers whose keys are tried for one datagram. Larger: a stranger's datagram costs more work. Smaller: with several quiet
/// peers the right one is found later.
const PEERS_MAX: usize = 4;
/// Places of `PEERS_MAX` for peers that only have the same IP address. Chosen. They also get the places that named peers leave
/// free. Larger: named peers are found later. Smaller: a peer whose SSRC is unknown is found later.
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
