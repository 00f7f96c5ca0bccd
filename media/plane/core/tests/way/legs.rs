//! Models of network links: random losses, single or in runs, and the uplink from a camera, on which lost packets are
//! retransmitted.

use std::collections::{BTreeMap, VecDeque};

use super::super::peer::Peer;
use super::CAMERA_VOICE_SSRC;
use plane_core::wire::rtcp_extended::{self, Delay};
use plane_core::wire::rtp::{self, Header};

/// The random losses of a link. They do not depend on the load.
#[derive(Clone, Copy)]
pub struct Losses {
    pub share: f64,
    /// Mean length of a run of losses. A value up to 1 means single losses.
    pub burst: f64,
    bad: bool,
    dice: u64,
}

/// The uplink from a camera to the server. Lost packets are retransmitted on request.
pub struct Uplink {
    pub losses: Losses,
    pub delay_us: u64,
    way: VecDeque<(u64, Vec<u8>)>,
    /// The packets of pictures, decrypted.
    sent: BTreeMap<(u32, u16), (Header, Vec<u8>)>,
    /// The time of the last retransmission of each packet. A packet is retransmitted at most once in a round-trip time
    /// (libwebrtc's `RtpPacketHistory`).
    again_us: BTreeMap<(u32, u16), u64>,
    pub asked: VecDeque<(u64, Wish)>,
    /// The answers to time reports, with their arrival times.
    pub asked_time: VecDeque<(u64, Wish)>,
}

#[derive(Clone, Copy)]
pub enum Wish {
    Packet(u32, u16),
    Key(u32),
    /// SSRC of the sender of the time report, and the middle bits of the time.
    Delay(u32, u32),
}

impl Losses {
    pub fn new(share: f64, burst: f64) -> Self {
        Losses { share, burst, bad: false, dice: 7 }
    }

    pub fn hit(&mut self) -> bool {
        let throw = self.throw();
        if self.burst <= 1.0 {
            return throw < self.share;
        }
        let begins = self.share / (self.burst * (1.0 - self.share));
        self.bad = if self.bad { throw >= 1.0 / self.burst } else { throw < begins };
        self.bad
    }

    /// Return a number from 0 to 1, the same in every run.
    pub fn throw(&mut self) -> f64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 40) as f64 / f64::from(1 << 24)
    }
}

impl Uplink {
    pub fn new(losses: Losses, delay_us: u64) -> Self {
        Uplink {
            losses,
            delay_us,
            way: VecDeque::new(),
            sent: BTreeMap::new(),
            again_us: BTreeMap::new(),
            asked: VecDeque::new(),
            asked_time: VecDeque::new(),
        }
    }

    /// Take the packets sent now, and return the packets that arrive now.
    pub fn pass(&mut self, peer: &mut Peer, packets: Vec<Vec<u8>>, now_us: u64) -> Vec<Vec<u8>> {
        for packet in packets {
            self.send(&packet, now_us);
            if rtp::parse(&packet).is_ok_and(|header| header.ssrc != CAMERA_VOICE_SSRC) {
                let (header, clear) = peer.open(packet);
                self.sent.insert((header.ssrc, header.sequence), (header, clear));
            }
        }
        let here = self.way.partition_point(|(at_us, _)| *at_us <= now_us);
        self.way.drain(..here).map(|(_, packet)| packet).collect()
    }

    fn send(&mut self, packet: &[u8], now_us: u64) {
        if !self.losses.hit() {
            self.way.push_back((now_us + self.delay_us, packet.to_vec()));
        }
    }

    pub fn answer(&mut self, peer: &mut Peer, key: &mut [bool], now_us: u64) {
        while self.asked.front().is_some_and(|(at_us, _)| *at_us <= now_us) {
            match self.asked.pop_front().unwrap().1 {
                Wish::Key(ssrc) => key[(ssrc - 0x1000) as usize] = true,
                Wish::Delay(..) => {}
                Wish::Packet(ssrc, sequence) => {
                    let Some((header, clear)) = self.sent.get(&(ssrc, sequence)) else { continue };
                    let last_us = self.again_us.entry((ssrc, sequence)).or_default();
                    if now_us < *last_us + 2 * self.delay_us {
                        continue;
                    }
                    *last_us = now_us;
                    let packet = peer.again(header, clear);
                    self.send(&packet, now_us);
                }
            }
        }
    }

    /// Return the camera's answers to time reports that arrive now.
    pub fn delays(&mut self, now_us: u64) -> Vec<Vec<u8>> {
        let here = self.asked_time.partition_point(|(at_us, _)| *at_us <= now_us);
        let told = self.asked_time.drain(..here).filter_map(|(_, wish)| match wish {
            Wish::Delay(ssrc, last_time) => Some(Delay { ssrc, last_time, since: 0 }),
            _ => None,
        });
        told.map(|delay| {
            let mut buffer = [0; 64];
            let len = rtcp_extended::write_delays(&mut buffer, CAMERA_VOICE_SSRC, &[delay]);
            buffer[..len].to_vec()
        })
        .collect()
    }
}
