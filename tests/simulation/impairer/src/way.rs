//! One direction of the link as a state machine. The inputs are packets and time, the outputs are packets and the next
//! deadline. It has no I/O and no clock.
//!
//! A packet first waits for the limited rate (drop-tail queue), then it travels. On the way it may be lost, duplicated or
//! delayed. Its fate depends only on the seed and on the number of packets before it, not on the conditions in the meantime.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use crate::chance::{Chance, fraction_at};
use crate::conditions::{Conditions, Nanos, S};

/// Packets on the way. More: a forgotten delay uses up the memory of the machine. Fewer: a fast link with a long delay drops
/// packets.
pub const TRAVELLING_MAX: usize = 1 << 16;

/// The counts of packets, and of bytes of IP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub arrived: u64,
    pub arrived_bytes: u64,
    pub delivered: u64,
    pub delivered_bytes: u64,
    /// Packets lost by chance on the way.
    pub lost: u64,
    /// Packets that found the queue full.
    pub overflowed: u64,
    /// Packets that arrived while the way was cut.
    pub cut: u64,
    pub duplicated: u64,
    pub reordered: u64,
    /// Packets dropped because of `TRAVELLING_MAX`.
    pub refused: u64,
    pub queue_max_bytes: u64,
}

pub struct Way {
    conditions: Conditions,
    chance: Chance,
    drift_seed: u64,
    is_bad: bool,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// The remaining bits of the packet in transmission, times 10^9, at the time `since`.
    left: u64,
    since: Nanos,
    travelling: BinaryHeap<Reverse<Travelling>>,
    /// The due time of the last packet that was not reordered.
    last_due: Nanos,
    number: u64,
    counts: Counts,
}

/// The random decisions on a packet.
struct Fate {
    lost: bool,
    duplicated: bool,
    reordered: bool,
}

struct Waiting {
    packet: Vec<u8>,
    fate: Fate,
}

struct Travelling {
    due: Nanos,
    number: u64,
    packet: Vec<u8>,
}

impl Way {
    pub fn new(conditions: Conditions, seed: u64) -> Self {
        Way {
            conditions,
            chance: Chance::new(seed),
            drift_seed: seed.rotate_left(32) ^ 0xD1F7,
            is_bad: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            left: 0,
            since: 0,
            travelling: BinaryHeap::new(),
            last_due: 0,
            number: 0,
            counts: Counts::default(),
        }
    }

    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Change the conditions now. A packet in transmission continues at the new rate. A travelling packet keeps its time of
    /// arrival.
    pub fn change(&mut self, conditions: Conditions, now: Nanos) {
        self.transmit(now);
        if !self.waiting.is_empty() {
            self.left = self.left.saturating_sub((now - self.since).saturating_mul(self.conditions.rate_bps));
            self.since = now;
        }
        self.conditions = conditions;
        self.transmit(now);
    }

    /// Take a packet. `is_udp`: loss, duplication and reordering affect it even with `udp_only`.
    pub fn arrive(&mut self, packet: Vec<u8>, is_udp: bool, now: Nanos) {
        self.transmit(now);
        let fate = self.draw(is_udp || !self.conditions.udp_only);
        self.counts.arrived += 1;
        self.counts.arrived_bytes += packet.len() as u64;
        if self.conditions.cut {
            self.counts.cut += 1;
        } else if self.conditions.rate_bps == 0 {
            self.travel(packet, fate, now);
        } else if self.waiting_bytes + packet.len() > self.conditions.queue_bytes && !self.waiting.is_empty() {
            self.counts.overflowed += 1;
        } else {
            self.wait(Waiting { packet, fate }, now);
        }
    }

    /// Return the next packet that has arrived at the other end, and its time of arrival.
    pub fn depart(&mut self, now: Nanos) -> Option<(Nanos, Vec<u8>)> {
        self.transmit(now);
        if self.travelling.peek()?.0.due > now {
            return None;
        }
        let Travelling { due, packet, .. } = self.travelling.pop()?.0;
        self.counts.delivered += 1;
        self.counts.delivered_bytes += packet.len() as u64;
        Some((due, packet))
    }

    /// Return the time at which the next packet arrives or leaves the queue.
    pub fn deadline(&self) -> Option<Nanos> {
        let arrival = self.travelling.peek().map(|first| first.0.due);
        [self.transmitted(), arrival].into_iter().flatten().min()
    }

    /// Draw four numbers for each packet under all conditions, so that a change of one condition does not change the rest.
    fn draw(&mut self, may_strike: bool) -> Fate {
        let [turn, loss, duplicate, reorder] = std::array::from_fn(|_| self.chance.fraction());
        let conditions = &self.conditions;
        self.is_bad = if self.is_bad { turn >= conditions.good } else { turn < conditions.bad };
        let lost = loss < if self.is_bad { conditions.bad_loss } else { conditions.loss };
        Fate {
            lost: may_strike && lost,
            duplicated: may_strike && duplicate < conditions.duplicate,
            reordered: may_strike && reorder < conditions.reorder,
        }
    }

    fn wait(&mut self, waiting: Waiting, now: Nanos) {
        if self.waiting.is_empty() {
            self.begin(waiting.packet.len(), now);
        }
        self.waiting_bytes += waiting.packet.len();
        self.waiting.push_back(waiting);
        self.counts.queue_max_bytes = self.counts.queue_max_bytes.max(self.waiting_bytes as u64);
    }

    fn begin(&mut self, bytes: usize, now: Nanos) {
        self.left = bytes as u64 * 8 * S;
        self.since = now;
    }

    /// Return the time at which the packet in transmission is complete.
    fn transmitted(&self) -> Option<Nanos> {
        self.waiting.front()?;
        match self.conditions.rate_bps {
            0 => Some(self.since),
            rate => Some(self.since + self.left.div_ceil(rate)),
        }
    }

    /// Move the packets that were transmitted until now from the queue to the line.
    fn transmit(&mut self, now: Nanos) {
        while let Some(end) = self.transmitted().filter(|end| *end <= now) {
            let Some(Waiting { packet, fate }) = self.waiting.pop_front() else { return };
            self.waiting_bytes -= packet.len();
            if let Some(next) = self.waiting.front() {
                self.begin(next.packet.len(), end);
            }
            self.travel(packet, fate, end);
        }
    }

    fn travel(&mut self, packet: Vec<u8>, fate: Fate, from: Nanos) {
        if fate.lost {
            self.counts.lost += 1;
            return;
        }
        if self.travelling.len() + 1 >= TRAVELLING_MAX {
            self.counts.refused += 1;
            return;
        }
        let mut due = from.saturating_add_signed(self.conditions.delay as i64 + self.drift(from)).max(self.last_due);
        if fate.reordered {
            self.counts.reordered += 1;
            due += self.conditions.reorder_by;
        } else {
            self.last_due = due;
        }
        if fate.duplicated {
            self.counts.duplicated += 1;
            self.launch(packet.clone(), due);
        }
        self.launch(packet, due);
    }

    fn launch(&mut self, packet: Vec<u8>, due: Nanos) {
        self.travelling.push(Reverse(Travelling { due, number: self.number, packet }));
        self.number += 1;
    }

    /// Return the delay that jitter adds at this time. A negative value is at most the delay itself.
    fn drift(&self, now: Nanos) -> i64 {
        let Conditions { delay, jitter, jitter_every, .. } = self.conditions;
        if jitter == 0 {
            return 0;
        }
        let (slot, part) = (now / jitter_every, (now % jitter_every) as f64 / jitter_every as f64);
        let [from, to] = [slot, slot + 1].map(|slot| fraction_at(self.drift_seed, slot) * 2.0 - 1.0);
        let drift = (from + (to - from) * part) * jitter as f64;
        (drift as i64).max(-(delay as i64))
    }
}

impl Ord for Travelling {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl PartialOrd for Travelling {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Travelling {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Travelling {}

#[cfg(test)]
#[path = "way_tests.rs"]
mod tests;
