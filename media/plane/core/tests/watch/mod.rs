//! A model of how a viewer's library handles lost packets. It decides which packets it requests again, which pictures it can
//! decode, and when it shows them. The rules come from libwebrtc (`modules/video_coding`: `NackRequester`, `FrameBuffer`,
//! `VCMTiming`), in simulated time.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, BTreeSet};

/// Microseconds. The viewer asks again after the round-trip time. A viewer that sends no media never learns the real round-trip
/// time.
const ASK_AGAIN_US: u64 = 100_000;
const ASKS_MAX: u8 = 10;
const LOOK_US: u64 = 20_000;
/// Microseconds. Pictures are kept at least this long, so that they play smoothly.
const SMOOTH_US: u64 = 30_000;
/// Microseconds. A picture is decoded this long before it is shown: the time to decode and to draw (`VCMTiming`).
const DECODES_US: u64 = 17_000;
/// Microseconds without a picture before a key frame is requested. After that it is requested every `STUCK_AGAIN_US`.
const STUCK_US: u64 = 3_000_000;
const STUCK_AGAIN_US: u64 = 200_000;

/// One packet of a picture that `layered` of `peer` made.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The watcher extends this number.
    pub sequence: u16,
    pub frame: u16,
    pub layer: u8,
    pub first: bool,
    pub last: bool,
    pub key: bool,
    /// The smallest time that pictures must be kept, if the packet has this value.
    pub keep_us: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Whole {
    layer: u8,
    key: bool,
    end: i64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    asked_us: u64,
    asks: u8,
}

#[derive(Debug, Default)]
pub struct Watcher {
    highest: Option<i64>,
    missing: BTreeMap<i64, Missing>,
    parts: BTreeMap<i64, Part>,
    /// The complete frames that are not decoded yet, by frame number.
    whole: BTreeMap<u16, Whole>,
    decoded: BTreeMap<u16, u8>,
    keys: BTreeSet<u16>,
    last: Option<u16>,
    /// The shortest delay from the camera to the viewer.
    way_us: Option<u64>,
    keep_us: u64,
    looked_us: u64,
    stuck_us: u64,
    /// The time when each picture was shown: (frame, time).
    pub shown: Vec<(u16, u64)>,
    /// The requests since the last take: packets to request, and whether a key frame is needed.
    asks: Vec<u16>,
    wants_key: bool,
    pub asked: u64,
    pub keys_asked: u64,
}

impl Watcher {
    /// Take a packet that arrived. `again` means that it was retransmitted.
    pub fn take(&mut self, part: Part, again: bool, taken_us: u64, now_us: u64) {
        let sequence = self.unwrap(part.sequence);
        let highest = *self.highest.get_or_insert(sequence);
        self.missing.remove(&sequence);
        if sequence > highest && !again {
            (highest + 1..sequence).for_each(|one| {
                self.missing.insert(one, Missing { asked_us: now_us, asks: 1 });
                self.asks.push(one as u16);
            });
            self.highest = Some(sequence);
        }
        self.keep_us = part.keep_us.unwrap_or(self.keep_us);
        self.parts.insert(sequence, part);
        if self.join(sequence) && !again {
            let way_us = now_us - taken_us;
            self.way_us = Some(self.way_us.map_or(way_us, |least| least.min(way_us)));
        }
    }

    fn unwrap(&self, sequence: u16) -> i64 {
        let Some(highest) = self.highest else { return i64::from(sequence) };
        highest + i64::from(sequence.wrapping_sub(highest as u16) as i16)
    }

    /// Report whether the picture of this packet is complete now.
    fn join(&mut self, sequence: i64) -> bool {
        let frame = self.parts[&sequence].frame;
        let mine = |at: &i64| self.parts.get(at).is_some_and(|part| part.frame == frame);
        let begin = (0..).map(|back| sequence - back).take_while(mine).last().unwrap();
        let end = (sequence..).take_while(mine).last().unwrap();
        let (first, last) = (self.parts[&begin], self.parts[&end]);
        if !first.first || !last.last {
            return false;
        }
        self.whole.insert(frame, Whole { layer: first.layer, key: first.key, end });
        true
    }

    /// Show the next picture that is due. `taken_us` gives the time when the camera took a frame.
    pub fn look(&mut self, taken_us: impl Fn(u16) -> u64, now_us: u64) {
        let decodable = |(frame, whole): &(&u16, &Whole)| {
            self.last.is_none_or(|last| **frame > last) && self.stands(**frame, whole)
        };
        let next = self.whole.iter().find(decodable).map(|(frame, whole)| (*frame, *whole));
        if let (Some((frame, whole)), Some(way_us)) = (next, self.way_us) {
            let kept_us = self.keep_us.saturating_sub(DECODES_US).max(SMOOTH_US);
            if now_us >= taken_us(frame) + way_us + kept_us {
                self.show(frame, &whole, now_us);
            }
        }
        if self.last.is_some() && now_us >= self.stuck_us {
            (self.wants_key, self.stuck_us) = (true, now_us + STUCK_AGAIN_US);
            self.keys_asked += 1;
        }
        if now_us >= self.looked_us + LOOK_US {
            self.looked_us = now_us;
            self.missing.retain(|_, one| one.asks < ASKS_MAX);
            for (sequence, one) in self.missing.iter_mut().filter(|(_, one)| now_us >= one.asked_us + ASK_AGAIN_US) {
                *one = Missing { asked_us: now_us, asks: one.asks + 1 };
                self.asks.push(*sequence as u16);
            }
        }
    }

    /// Report whether the frame that this frame depends on was decoded. The pattern is `way::TEMPORAL`.
    fn stands(&self, frame: u16, whole: &Whole) -> bool {
        if whole.key {
            return true;
        }
        let back = [4, 1, 2, 1][usize::from(frame % 4)];
        let base = frame.saturating_sub(back);
        let base = self.keys.range(base..frame).next_back().copied().unwrap_or(base);
        self.decoded.get(&base) == Some(&whole.layer)
    }

    fn show(&mut self, frame: u16, whole: &Whole, now_us: u64) {
        self.decoded.insert(frame, whole.layer);
        if whole.key {
            self.keys.insert(frame);
        }
        self.last = Some(frame);
        self.shown.push((frame, now_us));
        self.stuck_us = now_us + STUCK_US;
        self.whole = self.whole.split_off(&frame);
        self.missing = self.missing.split_off(&whole.end);
        self.parts = self.parts.split_off(&(whole.end - 1_000));
    }

    /// Return the requests of this moment.
    pub fn take_asks(&mut self) -> (Vec<u16>, bool) {
        self.asked += self.asks.len() as u64;
        (std::mem::take(&mut self.asks), std::mem::take(&mut self.wants_key))
    }
}
