//! The packets received of one SSRC: loss and jitter for receiver reports, and the packets to request again (RFC 3550 A, RFC
//! 4585).

use crate::serial::is_before;
use crate::stream::playout::Report;
use crate::wire::rtcp::ReportBlock;

/// Packets. Missing packets in a larger gap are not requested; a key frame is requested. Larger: long lists of NACKs, and the
/// picture freezes for longer. Smaller: more key frames, which lower the quality.
const GAP_MAX: u16 = 256;
/// Packets. Chosen. After 0.6 s (`OUTAGE_US`) without a packet, missing packets in a larger gap are not requested, since they
/// would arrive too late. A key frame is requested. Larger: useless NACKs. Smaller: more key frames, which lower the quality.
const OUTAGE_GAP: u16 = 8;
/// Microseconds without a packet. Chosen. After this time a gap of more than 8 packets (`OUTAGE_GAP`) is not requested; a key
/// frame is requested. Longer: useless NACKs after an outage, and the picture freezes for longer. Shorter: a short outage
/// causes a key frame, although NACKs would be enough.
const OUTAGE_US: u64 = 600_000;
/// Missing packets of a layer that are remembered; the oldest are dropped. Chosen, equal to `GAP_MAX`. Larger: a hostile
/// publisher causes more work. Smaller: after two long losses, the first packets are never requested, and the picture freezes.
const MISSING_MAX: usize = 256;
/// Requests for one missing packet of a picture. After them a key frame is requested. Chosen. More: retransmissions that are
/// too late, and the picture freezes for longer. Fewer: more key frames on a lossy path, which lower the quality.
pub const ASKS_MAX: u8 = 8;
/// Requests for one missing packet of a voice, which cannot wait longer. More: retransmissions that are too late to be heard.
/// Fewer: on a lossy path, listeners miss more audio.
pub const VOICE_ASKS_MAX: u8 = 2;
/// Packets on a line (a hall's call). A packet at most this far behind the newest counts as late (RFC 3550 A.1, MAX_MISORDER;
/// larger here, as lost packets are sent again). Larger: after a terminal began its numbers again, its packets are dropped as
/// late. Smaller: a late retransmission looks like a source that began again.
const MISORDER_MAX: i16 = 300;
/// Packets on a line (a hall's call). A jump of the numbers by at most this counts as loss (RFC 3550 A.1, MAX_DROPOUT). Larger:
/// a terminal that began its numbers again is noticed late, and its picture freezes. Smaller: a long loss looks like a source
/// that began again.
const DROPOUT_MAX: i16 = 3_000;
/// Microseconds until a missing packet is requested. Most networks deliver a packet out of order within this time. Longer: a
/// lost packet is requested later, and the picture is repaired later. Longer than 6 ms (`ticks::GAP_TICK_US`): the first round
/// of work comes too early, so the request may wait 20 ms more (`ASKING_TICK_US`). Shorter: packets that are only out of order
/// are requested.
const REORDER_US: u64 = 5_000;
/// Microseconds. Chosen. The least time between two requests for a packet. Longer: on a near path, a lost resend is repaired
/// late. Shorter: packets are requested again before the answer can arrive.
const ASK_AGAIN_US_MIN: u64 = 30_000;
/// Microseconds. The assumed round-trip time until the peer's reports give it. Longer: if a retransmission is lost, the picture
/// is repaired later. Shorter: packets are requested twice without need.
pub const RTT_US_UNKNOWN: u64 = 60_000;
/// Microseconds. A packet that arrives sooner after its request, or sooner than three quarters of the round-trip time, was
/// already on its way. It does not count as lost. Longer: no effect on far paths; on near ones, real losses count as disorder,
/// and viewers do not wait for retransmissions. Shorter: disorder counts as loss, and viewers see pictures late.
const ANSWER_US_MIN: u64 = 10_000;
/// Microseconds. Chosen. The most time between two of the first requests for a packet. Longer: a wrong round-trip time delays
/// the repair of a picture. Shorter: on a very far path, packets are requested again before the answer can arrive.
const ASK_AGAIN_US_MAX: u64 = 1_500_000;
/// Requests for one packet that repeat at the same interval. After them the interval grows, because the path may be too full.
/// More: requests fill a full path further. Fewer: on a lossy path, packets arrive too late, and the picture freezes.
const EVENLY: u8 = 3;

/// Return the time between two requests for a packet. libwebrtc does not send a packet twice within its estimate of the
/// round-trip time.
pub fn ask_again_us(rtt_us: u64) -> u64 {
    (rtt_us + rtt_us / 8).clamp(ASK_AGAIN_US_MIN, ASK_AGAIN_US_MAX)
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: u16,
    asked: u8,
    /// The time of the first request.
    asked_us: u64,
    due_us: u64,
}

/// The place of a packet in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The packet is the newest so far.
    Next,
    /// The packet is older than the newest.
    Late,
    /// The gap before the packet is too large to request.
    Jump,
}

/// A sender report as received: the publisher's clock.
#[derive(Clone, Copy, Debug)]
pub struct SenderClock {
    /// The publisher's NTP time, 32.32.
    pub ntp: u64,
    pub rtp: u32,
    pub arrived_us: u64,
}

#[derive(Default)]
pub struct Reception {
    started: bool,
    pub highest: u16,
    /// The arrival time of the newest packet.
    newest_us: u64,
    cycles: u32,
    base: u32,
    pub received: u32,
    expected_before: u32,
    received_before: u32,
    transit: i64,
    jitter_q4: u32,
    pub clock: Option<SenderClock>,
    missing: Vec<Missing>,
    /// The share lost in the last report.
    pub fraction_lost: f32,
    /// The share of packets that were requested again in the interval of the last report. A requested packet that arrives in
    /// the end is not lost, but late.
    pub losses: Report,
    /// Packets requested since the last report, each counted once.
    asked: u32,
    /// The least time between the last requests and an answer.
    answer_us: u64,
    clock_hz: u32,
}

impl Reception {
    pub fn new(clock_hz: u32) -> Self {
        Reception { clock_hz, ..Reception::default() }
    }

    pub fn clock_hz(&self) -> u32 {
        self.clock_hz
    }

    /// Begin to count. The sender's clock and the losses of the last report stay.
    pub fn start(&mut self, clock_hz: u32) {
        *self = Reception { clock: self.clock, losses: self.losses, ..Reception::new(clock_hz) };
    }

    pub fn started(&self) -> bool {
        self.started
    }

    /// Count a packet that arrived on the media SSRC.
    pub fn count(&mut self, sequence: u16, timestamp: u32, now_us: u64) -> Arrival {
        self.received = self.received.wrapping_add(1);
        self.measure_jitter(timestamp, now_us);
        self.place(sequence, now_us)
    }

    /// Note a packet recovered from RTX. It is not missing any more, and does not count as received.
    pub fn recover(&mut self, sequence: u16) {
        self.forget(sequence);
    }

    fn place(&mut self, sequence: u16, now_us: u64) -> Arrival {
        if !self.started {
            self.started = true;
            (self.highest, self.newest_us) = (sequence, now_us);
            self.base = u32::from(sequence);
            return Arrival::Next;
        }
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead == 0 || ahead >= 0x8000 {
            if let Some(late) = self.forget(sequence) {
                self.take_back(late, now_us);
            }
            return Arrival::Late;
        }
        if sequence < self.highest {
            self.cycles = self.cycles.wrapping_add(1 << 16);
        }
        let from = self.highest.wrapping_add(1);
        self.highest = sequence;
        let silent_us = now_us.saturating_sub(std::mem::replace(&mut self.newest_us, now_us));
        if ahead > GAP_MAX || ahead > OUTAGE_GAP && silent_us > OUTAGE_US {
            self.missing.clear();
            return Arrival::Jump;
        }
        self.miss(from, usize::from(ahead) - 1, now_us);
        Arrival::Next
    }

    /// Note missing packets. The oldest of the list are dropped, all in one step, because a publisher may leave a gap before
    /// each packet.
    fn miss(&mut self, from: u16, count: usize, now_us: u64) {
        let excess = (self.missing.len() + count).saturating_sub(MISSING_MAX);
        self.missing.drain(..excess.min(self.missing.len()));
        let due_us = now_us + REORDER_US;
        let sequences = (0..count as u16).map(|i| from.wrapping_add(i));
        self.missing.extend(sequences.map(|sequence| Missing { sequence, asked: 0, asked_us: 0, due_us }));
    }

    fn forget(&mut self, sequence: u16) -> Option<Missing> {
        let at = self.missing.iter().position(|m| m.sequence == sequence)?;
        Some(self.missing.remove(at))
    }

    /// Do not count a packet as lost if it arrived sooner than an answer could: it was out of order.
    fn take_back(&mut self, late: Missing, now_us: u64) {
        let is_counted = late.asked > 0 && late.asked_us > self.losses.at_us;
        if is_counted && now_us < late.asked_us + self.answer_us {
            self.asked -= 1;
        }
    }

    fn measure_jitter(&mut self, timestamp: u32, now_us: u64) {
        let arrival = (now_us as u128 * u128::from(self.clock_hz) / 1_000_000) as i64;
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp) as i32);
        if self.started {
            let d = (transit - self.transit).unsigned_abs().min(u64::from(u32::MAX >> 5)) as u32;
            self.jitter_q4 = self.jitter_q4 + d - ((self.jitter_q4 + 8) >> 4);
        }
        self.transit = transit;
    }

    pub fn is_missing_any(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Write the sequence numbers to request now into `asked`, oldest first. Return `true` if a packet was given up. `rtt_us`:
    /// None until it is measured.
    pub fn ask(&mut self, now_us: u64, rtt_us: Option<u64>, asks_max: u8, asked: &mut Vec<u16>) -> bool {
        // The measured round-trip time is a mean, so some answers arrive sooner.
        self.answer_us = ANSWER_US_MIN.max(rtt_us.unwrap_or(0) * 3 / 4);
        let again = ask_again_us(rtt_us.unwrap_or(RTT_US_UNKNOWN));
        let before = self.missing.len();
        self.missing.retain(|m| m.asked < asks_max || now_us < m.due_us);
        for m in self.missing.iter_mut().filter(|m| now_us >= m.due_us) {
            asked.push(m.sequence);
            if m.asked == 0 {
                self.asked += 1;
                m.asked_us = now_us;
            }
            m.asked += 1;
            m.due_us = now_us + again * u64::from(m.asked.saturating_sub(EVENLY).max(1));
        }
        self.missing.len() < before
    }

    /// Forget all missing packets, because no source can send them again. A viewer that misses them requests a key frame.
    pub fn give_up(&mut self) {
        self.missing.clear();
    }

    /// Return the sequence number of a packet near the newest one, extended by the rollovers.
    pub fn extended(&self, sequence: u16) -> u32 {
        let ahead = sequence.wrapping_sub(self.highest) as i16;
        (self.cycles | u32::from(self.highest)).wrapping_add_signed(ahead.into())
    }

    /// Report whether a packet is so far from the newest one that its source must have begun again (RFC 3550 A.1).
    pub fn is_far_off(&self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest) as i16;
        self.started && !(-MISORDER_MAX..=DROPOUT_MAX).contains(&ahead)
    }

    /// Forget the missing packets before this one, because it begins a key frame.
    pub fn give_up_before(&mut self, sequence: u16) {
        self.missing.retain(|m| !is_before(m.sequence, sequence));
    }

    pub fn jitter_us(&self) -> u64 {
        u64::from(self.jitter_q4 >> 4) * 1_000_000 / u64::from(self.clock_hz.max(1))
    }

    /// Return the report block of this interval (RFC 3550 A.3). `ssrc` is the media source.
    pub fn report(&mut self, ssrc: u32, now_us: u64) -> ReportBlock {
        let highest = self.cycles | u32::from(self.highest);
        let expected = highest.wrapping_sub(self.base).wrapping_add(1);
        let lost = i64::from(expected) - i64::from(self.received);
        let expected_now = expected.wrapping_sub(self.expected_before);
        let received_now = self.received.wrapping_sub(self.received_before);
        self.expected_before = expected;
        self.received_before = self.received;
        let lost_now = i64::from(expected_now) - i64::from(received_now);
        let fraction = if expected_now == 0 || lost_now <= 0 {
            0
        } else {
            (lost_now * 256 / i64::from(expected_now)).min(255) as u8
        };
        self.fraction_lost = f32::from(fraction) / 256.0;
        let asked = (std::mem::take(&mut self.asked) as f32 / expected_now.max(1) as f32).min(1.0);
        self.losses = Report { fraction: asked, packets: expected_now, at_us: now_us };
        let (last_sr, delay_since_sr) = self.clock.map_or((0, 0), |clock| {
            let delay = now_us.saturating_sub(clock.arrived_us) * 65_536 / 1_000_000;
            ((clock.ntp >> 16) as u32, delay as u32)
        });
        ReportBlock {
            ssrc,
            fraction_lost: fraction,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest,
            jitter: self.jitter_q4 >> 4,
            last_sr,
            delay_since_sr,
        }
    }
}

/// Microseconds. Above this round-trip time a lost packet of a voice is neither requested nor sent again, because it would
/// arrive too late. Larger: useless retransmissions. Smaller: listeners miss more audio.
pub(crate) const VOICE_RTT_US_MAX: u64 = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_a_gap_across_the_wrap_then_gives_up() {
        let mut r = Reception::new(90_000);
        r.count(65_534, 0, 0);
        assert_eq!(r.count(1, 0, 1_000), Arrival::Next);
        let mut asked = Vec::new();
        assert!(!r.ask(1_000, Some(0), ASKS_MAX, &mut asked));
        assert!(asked.is_empty());
        r.ask(7_000, Some(0), ASKS_MAX, &mut asked);
        assert_eq!(asked, [65_535, 0]);
        assert_eq!(r.count(0, 0, 8_000), Arrival::Late);
        let mut now = 7_000;
        let mut given_up = false;
        let mut asks = 0;
        for _ in 0..1_000 {
            now += 20_000;
            asked.clear();
            given_up |= r.ask(now, Some(0), ASKS_MAX, &mut asked);
            asks += asked.len();
        }
        assert!(given_up);
        assert_eq!(asks, usize::from(ASKS_MAX) - 1);
        assert!(!r.is_missing_any());
    }

    #[test]
    fn what_is_missing_is_bounded_and_the_newest() {
        let mut r = Reception::new(90_000);
        let mut sequence = 65_000u16;
        for i in 0..100u64 {
            assert_eq!(r.count(sequence, 0, i), Arrival::Next);
            assert!(r.missing.len() <= MISSING_MAX);
            sequence = sequence.wrapping_add(GAP_MAX);
        }
        let newest = sequence.wrapping_sub(GAP_MAX).wrapping_sub(1);
        assert_eq!(r.missing.last().map(|m| m.sequence), Some(newest));
        assert!(r.missing.windows(2).all(|pair| is_before(pair[0].sequence, pair[1].sequence)));
    }

    #[test]
    fn what_no_network_makes_of_a_stream_is_far_off() {
        let mut r = Reception::new(90_000);
        assert!(!r.is_far_off(7), "nothing came yet");
        for newest in [5_000u16, 100, 65_500] {
            r.start(90_000);
            r.count(newest, 0, 0);
            let ahead = |steps: i32| newest.wrapping_add(steps as u16);
            for near in [0, 1, -1, -MISORDER_MAX, DROPOUT_MAX] {
                assert!(!r.is_far_off(ahead(near.into())), "{near} from {newest}");
            }
            for far in [-MISORDER_MAX - 1, DROPOUT_MAX + 1, i16::MIN, i16::MAX] {
                assert!(r.is_far_off(ahead(far.into())), "{far} from {newest}");
            }
        }
    }

    #[test]
    fn a_jump_asks_for_nothing() {
        let mut r = Reception::new(90_000);
        r.count(10, 0, 0);
        assert_eq!(r.count(10 + GAP_MAX + 1, 0, 0), Arrival::Jump);
        assert!(!r.is_missing_any());
    }

    #[test]
    fn reports_loss_and_the_extended_sequence() {
        let mut r = Reception::new(90_000);
        let mut sequence = 65_500u16;
        for i in 0..100u32 {
            if i % 4 != 3 {
                r.count(sequence, i * 3_000, u64::from(i) * 33_333);
            }
            sequence = sequence.wrapping_add(1);
        }
        let block = r.report(9, 4_000_000);
        assert_eq!(block.cumulative_lost, 24);
        assert_eq!(block.highest, (1 << 16) | 62);
        assert_eq!([r.extended(65_500), r.extended(62), r.extended(70)], [65_500, (1 << 16) | 62, (1 << 16) | 70]);
        assert!((60..=64).contains(&block.fraction_lost));
        assert_eq!(r.report(9, 4_000_000).fraction_lost, 0);
    }

    #[test]
    fn what_came_when_it_was_asked_for_was_late() {
        let mut r = Reception::new(90_000);
        for i in (0..100_u16).filter(|i| i % 10 != 5) {
            let now_us = u64::from(i) * 20_000;
            r.count(i, u32::from(i) * 1_800, now_us);
            let mut asked = Vec::new();
            r.ask(now_us + 10_000, Some(0), ASKS_MAX, &mut asked);
            asked.iter().for_each(|sequence| {
                r.count(*sequence, u32::from(*sequence) * 1_800, now_us + 30_000);
            });
        }
        assert_eq!((r.report(9, 4_000_000).fraction_lost, r.losses.fraction), (0, 0.1));
        r.report(9, 5_000_000);
        assert_eq!(r.losses.fraction, 0.0);
    }

    const RTT_US: Option<u64> = Some(50_000);

    /// Deliver every tenth packet this time after its request, or over RTX if `again`. Return the share of requested packets.
    fn share_asked(after_us: u64, again: bool, rtt_us: Option<u64>) -> f32 {
        let mut r = Reception::new(90_000);
        for i in (0..200_u16).filter(|i| i % 10 != 5) {
            let now_us = u64::from(i) * 100_000;
            r.count(i, 0, now_us);
            let mut asked = Vec::new();
            r.ask(now_us + 10_000, rtt_us, ASKS_MAX, &mut asked);
            for sequence in asked {
                match again {
                    true => r.recover(sequence),
                    false => _ = r.count(sequence, 0, now_us + 10_000 + after_us),
                }
                r.count(sequence, 0, now_us + 12_000 + after_us);
            }
            if i % 50 == 0 {
                r.report(9, now_us + 11_000);
            }
        }
        r.report(9, 20_000_000);
        r.losses.fraction
    }

    #[test]
    fn what_came_sooner_than_an_answer_was_out_of_order_and_not_lost() {
        assert_eq!(share_asked(5_000, false, RTT_US), 0.0);
        assert!((0.09..0.11).contains(&share_asked(50_000, false, RTT_US)));
        assert!((0.09..0.11).contains(&share_asked(42_000, false, RTT_US)), "the round trip is a mean");
        assert!((0.09..0.11).contains(&share_asked(5_000, true, RTT_US)), "an answer, though it be early");
        assert!(
            (0.09..0.11).contains(&share_asked(20_000, false, None)),
            "no round trip is known that would speak against it"
        );
        assert_eq!(share_asked(5_000, false, None), 0.0);
        assert_eq!(share_asked(5_000, false, Some(2_000)), 0.0, "on the same network nobody waits anyway");
    }

    #[test]
    fn what_was_asked_for_before_a_report_is_not_taken_from_the_next_one() {
        let mut r = Reception::new(90_000);
        let mut asked = Vec::new();
        [0, 2].iter().for_each(|i| _ = r.count(*i, 0, 1_000));
        r.ask(7_000, Some(50_000), ASKS_MAX, &mut asked);
        r.report(9, 7_000);
        assert_eq!(r.losses.fraction, 1.0 / 3.0);
        r.count(4, 0, 8_000);
        r.ask(14_000, Some(50_000), ASKS_MAX, &mut asked);
        r.count(1, 0, 15_000);
        r.report(9, 1_000_000);
        assert_eq!((asked, r.losses.fraction), (vec![1, 3], 0.5));
    }

    #[test]
    fn jitter_survives_the_timestamp_wrap() {
        let mut r = Reception::new(90_000);
        for i in 0..200u32 {
            r.count(i as u16, (u32::MAX - 100_000).wrapping_add(i * 3_000), u64::from(i) * 33_333);
        }
        assert!(r.jitter_us() < 100);
    }
}
