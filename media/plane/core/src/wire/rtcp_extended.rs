//! Extended reports (RFC 3611): only the two blocks that measure the round-trip time to a peer that only sends. The server
//! sends its time (receiver reference time, §4.4). The peer answers how long ago it received that time (DLRR, §4.5). Browsers
//! answer even when the session description does not ask for the answer.

use crate::wire::rtcp_header::{HEADER, finish, put};
use crate::wire::rtp::{u16_at, u32_at};

pub(super) const EXTENDED: u8 = 207;
const RECEIVER_TIME: u8 = 4;
const DELAYS: u8 = 5;
const DELAY: usize = 12;

/// One entry of a DLRR block: the last time report that its sender received, and the delay since then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// SSRC of the peer that sent the time report.
    pub ssrc: u32,
    /// The middle 32 bits of the NTP time in the report. 0 means that no report arrived.
    pub last_time: u32,
    /// Delay since the report arrived, in 1/65536 s.
    pub since: u32,
}

/// The content of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// NTP time (32.32) of the peer that sends the report.
    Time(u64),
    Delay(Delay),
}

/// The contents of the blocks of a packet, up to the first incomplete block. Blocks of other types are skipped.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    blocks: &'a [u8],
    delays: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(super) fn new(blocks: &'a [u8]) -> Self {
        Blocks { blocks, delays: &[] }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Told;

    fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((delay, rest)) = self.delays.split_at_checked(DELAY) {
                self.delays = rest;
                let (last_time, since) = (u32_at(delay, 4), u32_at(delay, 8));
                return Some(Told::Delay(Delay { ssrc: u32_at(delay, 0), last_time, since }));
            }
            let (head, rest) = self.blocks.split_at_checked(4)?;
            let (body, rest) = rest.split_at_checked(4 * usize::from(u16_at(head, 2)))?;
            self.blocks = rest;
            match (head[0], body.len()) {
                (RECEIVER_TIME, 8) => {
                    return Some(Told::Time(u64::from(u32_at(body, 0)) << 32 | u64::from(u32_at(body, 4))));
                }
                (DELAYS, _) => self.delays = body,
                _ => {}
            }
        }
    }
}

/// Write a receiver reference time block with our NTP time (32.32). `out` must hold 20 bytes.
pub fn write_receiver_time(out: &mut [u8], ssrc: u32, ntp: u64) -> usize {
    put(out, 4, ssrc);
    put(out, 8, u32::from(RECEIVER_TIME) << 24 | 2);
    put(out, 12, (ntp >> 32) as u32);
    put(out, 16, ntp as u32);
    finish(out, 0, EXTENDED, 20)
}

/// Write a DLRR block. `out` must hold 12 bytes, and 12 more for each entry.
pub fn write_delays(out: &mut [u8], ssrc: u32, delays: &[Delay]) -> usize {
    put(out, 4, ssrc);
    put(out, HEADER + 4, u32::from(DELAYS) << 24 | (3 * delays.len()) as u32);
    for (at, delay) in (12..).step_by(DELAY).zip(delays) {
        put(out, at, delay.ssrc);
        put(out, at + 4, delay.last_time);
        put(out, at + 8, delay.since);
    }
    finish(out, 0, EXTENDED, 12 + DELAY * delays.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rtcp::{Packet, packets};

    fn told(compound: &[u8]) -> Vec<Told> {
        let Some(Ok(Packet::Extended { blocks, .. })) = packets(compound).next() else { panic!("another packet") };
        blocks.collect()
    }

    #[test]
    fn delays_round_trip() {
        let all = [Delay { ssrc: 7, last_time: 0x0203_0405, since: 65_536 }, Delay { ssrc: 8, last_time: 0, since: 0 }];
        let mut out = [0xff; 64];
        let len = write_delays(&mut out, 1, &all);
        assert_eq!((len, told(&out[..len])), (36, all.map(Told::Delay).to_vec()));
    }

    #[test]
    fn our_time_is_what_the_standard_says() {
        let mut out = [0xff; 20];
        assert_eq!(write_receiver_time(&mut out, 7, 0x0102_0304_0506_0708), 20);
        assert_eq!(out, [0x80, 207, 0, 4, 0, 0, 0, 7, 4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(told(&out), [Told::Time(0x0102_0304_0506_0708)]);
    }

    #[test]
    fn other_blocks_are_passed_over_and_what_is_cut_off_ends_it() {
        let mut out = [0; 64];
        let first = write_receiver_time(&mut out, 1, 5);
        // Add one more block to the same packet.
        out[20..36].copy_from_slice(&[DELAYS, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 3]);
        finish(&mut out, 0, EXTENDED, first + 16);
        let whole = Told::Delay(Delay { ssrc: 9, last_time: 2, since: 3 });
        assert_eq!(told(&out[..36]), [Told::Time(5), whole]);
        out[8] = 77;
        assert_eq!(told(&out[..36]), [whole]);
        out[23] = 4;
        assert_eq!(told(&out[..36]), [], "longer than the packet");
        out[23] = 2;
        assert_eq!(told(&out[..36]), [], "no whole delay");
    }
}
