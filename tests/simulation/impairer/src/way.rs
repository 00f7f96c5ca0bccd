//! One direction of the link as a state machine: packets and time in, packets and the next deadline out. No I/O, no clock.
//!
//! A packet first waits for the limited rate (drop-tail queue), then travels: there it may be lost, doubled, held back. Its
//! fate depends on the seed and on how many came before it alone, whatever the conditions were meanwhile.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use crate::chance::{Chance, fraction_at};
use crate::conditions::{Conditions, Nanos, S};

/// Packets under way at most, so that a forgotten delay cannot eat the memory of the machine.
pub const TRAVELLING_MAX: usize = 1 << 16;

/// Packets, and bytes of IP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub arrived: u64,
    pub arrived_bytes: u64,
    pub delivered: u64,
    pub delivered_bytes: u64,
    /// On the way, by chance.
    pub lost: u64,
    /// Found the queue full.
    pub overflowed: u64,
    /// Came while nothing passed.
    pub cut: u64,
    pub duplicated: u64,
    pub reordered: u64,
    /// More were under way than this program keeps.
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
    /// Of the packet in transmission: bit nanoseconds that are left, counted at `since`.
    left: u64,
    since: Nanos,
    travelling: BinaryHeap<Reverse<Travelling>>,
    /// Of the last packet that kept its turn.
    last_due: Nanos,
    number: u64,
    counts: Counts,
}

/// What chance has decided for a packet.
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

    /// From now on; a packet in transmission goes on at the new rate, what travels arrives when it would have.
    pub fn change(&mut self, conditions: Conditions, now: Nanos) {
        self.transmit(now);
        if !self.waiting.is_empty() {
            self.left = self.left.saturating_sub((now - self.since).saturating_mul(self.conditions.rate_bps));
            self.since = now;
        }
        self.conditions = conditions;
        self.transmit(now);
    }

    /// `is_udp`: chance may strike it even with `udp_only`.
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

    /// The next packet that has arrived at the other end, and when.
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

    /// When the next packet departs or leaves the queue.
    pub fn deadline(&self) -> Option<Nanos> {
        let arrival = self.travelling.peek().map(|first| first.0.due);
        [self.transmitted(), arrival].into_iter().flatten().min()
    }

    /// Four numbers for each packet whatever the conditions, so that a change of one does not change the rest.
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

    /// When the packet in transmission is out.
    fn transmitted(&self) -> Option<Nanos> {
        self.waiting.front()?;
        match self.conditions.rate_bps {
            0 => Some(self.since),
            rate => Some(self.since + self.left.div_ceil(rate)),
        }
    }

    /// Moves what has been transmitted until now from the queue to the line.
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

    /// What jitter adds at this time, at most what the delay can bear.
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
