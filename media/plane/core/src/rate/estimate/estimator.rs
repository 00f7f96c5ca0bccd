//! The estimate of the bitrate that the path to one peer carries. The source is transport-wide feedback: delay gradient,
//! losses, probes. Without it, the source is the losses in receiver reports. REMB caps both. Each transport has one estimator.
//! Nothing is known, and nothing is limited, until the bitrate was too much once.
//!
//! Sources: draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-ietf-rmcat-gcc-02, draft-alvestrand-rmcat-remb-03.
//! `rate/ESTIMATION.md` explains the parts and where they depart from these.

use crate::rate::estimate::drain::{self, Drain};
use crate::rate::estimate::history::{self, History};
use crate::rate::estimate::loss::{Loss, Verdict};
use crate::rate::estimate::probe::{Answer, Probe};
use crate::rate::estimate::rate::{self, Rate, Seen};
use crate::rate::estimate::reports::Reports;
use crate::rate::estimate::throughput::Throughput;
use crate::rate::estimate::trend::{QUEUE_US_FULL, Trend, Usage};
use crate::wire::rtp::Malformed;
use crate::wire::transport_feedback;

/// Packets that one feedback may report: as many as the history of sent packets holds (4,096). A feedback with more is refused.
/// Larger: a hostile peer makes the thread loop for longer over unknown packets. Smaller: real feedback is refused, and the
/// bitrate of that viewer is not estimated.
const STATUSES_MAX: u16 = history::PACKETS_MAX as u16;
/// Microseconds without feedback after which the path was dead. Losses of that time do not lower the bitrate. Longer: a short
/// outage lowers the bitrate, and pictures lose quality. Shorter: feedback that is only late hides real losses, and a full path
/// loses the viewer's audio.
const DEAD_US: u64 = 1_000_000;
/// Microseconds, plus a round trip, without feedback after which all packets since then count as lost. When the peer can be
/// reached again, the server requests key frames. This is more than two feedback intervals. Longer: after a shorter outage the
/// server requests no key frame by itself, and the picture is frozen until the viewer requests one. Shorter: late feedback
/// causes needless key frames, which are large.
const UNTOLD_US: u64 = 600_000;
/// Microseconds without feedback after which the last measured queue and loss no longer count (libwebrtc `kStreamTimeOut`, 2
/// s). Longer: a queue that is gone keeps the viewer's pictures stopped. Shorter: late feedback hides a queue, and the viewer's
/// audio becomes later.
const STALE_US: u64 = 2_000_000;
/// Microseconds without a report after which the last loss no longer counts, for a peer that sends only receiver reports. They
/// arrive every 5 s if there is audio alone (RFC 3550 §6.2). Other peers have `STALE_US` (2 s). Longer: old loss keeps the
/// viewer's pictures stopped. Shorter: real loss is ignored between two reports, so pictures step up too soon.
const STALE_REPORTS_US: u64 = 7_000_000;
/// Microseconds. A longer queue, measured in only 150 ms (`GLANCE_SLOTS`), lowers the bitrate at once if many packets are lost
/// too. The lower bitrate is then computed from the last 0.2 s, not from 0.5 s. Chosen. It must be less than the full queue of
/// a network: those of `make bench-quality` with a limited bitrate hold 300 or 400 ms. Larger: the bitrate falls later and
/// less, so a full queue loses the viewer's audio for longer; above the full queue, this rule never acts. Smaller: a busy
/// receiver lowers the bitrate without need.
const QUEUE_US_FLOOD: i64 = 100_000;
/// Microseconds after the result of a probe (extra packets that test the path) in which a growing queue is blamed on the probe.
/// The bitrate then stays. Longer: a real queue is ignored, and the viewer's audio is late. Shorter: the probe's own queue
/// lowers the bitrate.
const AFTER_PROBE_US: u64 = 250_000;
/// Microseconds. No probe (extra packets that test the path) starts with a longer queue: half of a full queue (`QUEUE_US_FULL`,
/// 60 ms). The limit does not count while much less is sent than permitted (`IDLE_SHARE`, 0.7). Larger: a probe overflows the
/// queue, and the viewer loses packets. Smaller: jitter prevents probes, and pictures stay at a low quality.
const QUEUE_US_PROBE: i64 = 30_000;
/// Microseconds for which a REMB (the viewer's own estimate) limits the bitrate. libwebrtc repeats it each second. Longer: an
/// old limit keeps pictures at a low quality. Shorter: a few lost REMBs lift the limit, and the path is overfilled.
const REMB_US: u64 = 10_000_000;
/// Microseconds, plus a round trip and `TRIAL_US` (0.7 s), until receiver reports show the effect of a cut. It is the interval
/// of browsers (1 s) and one feedback (0.2 s). Only for peers without transport-wide feedback. Longer: a useless cut is undone
/// later, and pictures stay small. Shorter: a cut is judged by losses from before the cut, and a cut that helped is undone.
const REPORT_US: u64 = 1_200_000;
/// Microseconds. The unit of the reference time (transport-wide-cc-extensions-01 §3.1). Larger: each feedback seems to be later
/// than it is, and the estimator sees a queue that does not exist. Smaller: real queues are not seen.
const REFERENCE_US: i64 = 64_000;
/// Microseconds between two probes (extra packets that test whether the path carries more), as libwebrtc's
/// `kMaxWaitingTimeForProbingResult`. Row `step` of `make bench-quality`: 5.5 s until the capacity is back. Longer: after a
/// narrow time, good pictures come back later. Shorter: extra packets fill the path and delay the viewer's audio.
const PROBE_AGAIN_US: u64 = 1_000_000;
/// Microseconds. The wait after a probe (extra packets that test the path) that found no room doubles up to this. Row
/// `narrow-300` of `make bench-quality`. Longer: pictures stay small on a path that has recovered. Shorter: on a narrow path,
/// probes often delay the viewer's audio.
const PROBE_AGAIN_US_MAX: u64 = 6_000_000;
/// Microseconds, plus a round trip, from a lowering of the bitrate to a probe (extra packets that test the path). The queue is
/// empty then. Row `step` of `make bench-quality`. Longer: good pictures come back later. Shorter: the probe measures the old
/// queue and finds no room.
const PROBE_AFTER_LOWERING_US: u64 = 1_500_000;
/// A probe (extra packets that test whether the path carries more) tests at most this multiple of the bitrate. libwebrtc: 2
/// times at later probes. Larger: the probe overflows a narrow path, and the viewer loses packets. Smaller: good pictures come
/// back in more steps; below `PROBE_TIMES_MIN` (1.2), the first probe panics.
const PROBE_TIMES_MAX: f64 = 2.0;
/// A probe (extra packets that test whether the path carries more) tests at least this multiple of the bitrate. A smaller gain
/// is within the error of a probe (`rate::WIDER_RATIO`, 1.2). Larger: the probe overflows a narrow path; above
/// `PROBE_TIMES_MAX` (2.0), the first probe panics and ends the packet thread. Smaller: the probe proves nothing, so the
/// bitrate stays.
const PROBE_TIMES_MIN: f64 = 1.2;

#[derive(Debug, Default)]
pub struct Estimator {
    history: History,
    trend: Trend,
    delivered: Throughput,
    sent: Throughput,
    /// Bytes sent since the last feedback.
    sent_bytes: usize,
    /// The time of the last sent packet.
    sent_us: u64,
    /// The time of the first packet since the last feedback.
    untold_us: Option<u64>,
    loss: Loss,
    rate: Rate,
    drain: Drain,
    probe: Probe,
    probe_again_us: u64,
    probe_wait_us: u64,
    /// The last reference time as received, and unwrapped.
    reference: Option<(u32, i64)>,
    heard_us: Option<u64>,
    /// The time of the last feedback or report.
    told_us: Option<u64>,
    /// The time at which the peer moved to another address. Packets to the old address are lost, and say nothing of the new
    /// path.
    moved_us: u64,
    remb: Option<(u64, u64)>,
    reports: Reports,
}

impl Estimator {
    /// Note a packet that is sent now, and return its transport-wide number.
    #[inline]
    pub fn note_sent(&mut self, bytes: usize, now_us: u64) -> u16 {
        self.sent_bytes += bytes;
        self.sent_us = now_us;
        self.untold_us.get_or_insert(now_us);
        let cluster = self.probe.id(now_us);
        if cluster != 0 {
            self.probe.note_sent(bytes, now_us);
        }
        self.history.push(bytes, cluster, now_us)
    }

    /// Return the number that the next packet gets.
    #[inline]
    pub fn next_number(&self) -> u16 {
        self.history.next()
    }

    /// Return the bit/s that may be sent in all. None if no limit is known.
    pub fn available_bps(&self, now_us: u64) -> Option<u64> {
        let cap_bps = self.remb.filter(|(_, at_us)| now_us.saturating_sub(*at_us) < REMB_US).map(|(bps, _)| bps);
        let own_bps = self.rate.bps().map(|bps| bps as u64);
        own_bps.into_iter().chain(cap_bps).min()
    }

    /// Note that the peer has moved to another address, perhaps in another network.
    pub fn note_moved(&mut self, now_us: u64) {
        self.moved_us = now_us;
        self.untold_us = None;
        self.loss.forget(now_us);
        self.trend = Trend::default();
        self.drain.end();
        self.rate.note_moved();
    }

    /// Return the time of the last lowering; 0 without one.
    pub fn lowered_us(&self) -> u64 {
        self.rate.lowered_us()
    }

    /// Return the last time at which the path was narrow: it had a queue, or a REMB is the limit now.
    pub fn narrow_us(&self, now_us: u64) -> Option<u64> {
        let own_bps = self.rate.bps().map_or(u64::MAX, |bps| bps as u64);
        let is_told = self.available_bps(now_us).is_some_and(|bps| bps < own_bps);
        if is_told { Some(now_us) } else { self.rate.narrow_us() }
    }

    /// Return the time of the last cut for losses. None without a cut, or if the cut did not help.
    pub fn cut_us(&self) -> Option<u64> {
        self.rate.cut_us()
    }

    /// Return the number of loss windows since the cut that is on trial. None without a trial, or if feedback has stopped.
    pub fn trial_looks(&self, now_us: u64) -> Option<u32> {
        self.loss.trial_looks().filter(|_| !self.is_stale(now_us))
    }

    /// Return the share of packets lost in about the last second.
    pub fn loss(&self) -> f64 {
        self.loss.fraction()
    }

    /// Return the share of packets lost in the last window.
    pub fn last_loss(&self) -> f64 {
        self.loss.last()
    }

    /// Return the share of packets that the path loses by itself, as far as it is known.
    pub fn inherent_loss(&self) -> f64 {
        self.loss.inherent()
    }

    /// Report whether the loss is little more than the path's own loss. Without recent feedback the loss counts as little.
    pub fn loss_is_little(&self, now_us: u64) -> bool {
        self.is_stale(now_us) || self.loss.is_little()
    }

    /// Return the delay that a queue adds now, as far as it is seen. Without recent feedback the queue counts as empty.
    /// Otherwise an old queue would stop all sending, and no feedback could report the end of the queue.
    pub fn queue_us(&self, now_us: u64) -> i64 {
        if self.is_stale(now_us) { 0 } else { self.trend.queue_us() }
    }

    /// Report whether the last feedback is old, even if no packet was sent since.
    pub fn is_stale(&self, now_us: u64) -> bool {
        let stale_us = if self.heard_us.is_some() { STALE_US } else { STALE_REPORTS_US };
        self.told_us.is_some_and(|told_us| now_us.saturating_sub(told_us) > stale_us)
    }

    /// Note the peer's own estimate (REMB), which is a cap.
    pub fn note_remb(&mut self, bitrate_bps: u64, now_us: u64) {
        self.remb = Some((bitrate_bps.max(rate::FLOOR_BPS as u64), now_us));
    }

    /// Take a transport-wide feedback. `body` begins with the sender SSRC. Return true if the bitrate changed.
    pub fn note_feedback(&mut self, body: &[u8], rtt_us: u64, now_us: u64) -> Result<bool, Malformed> {
        if transport_feedback::told_in(body) > STATUSES_MAX {
            return Err(Malformed);
        }
        let told = transport_feedback::parse(body)?;
        let base_us = self.unwrap(told.reference);
        let was_dead = self.heard_us.is_some_and(|heard_us| now_us.saturating_sub(heard_us) > DEAD_US);
        self.heard_us = Some(now_us);
        self.told_us = Some(now_us);
        self.untold_us = None;
        self.sent.note(now_us as i64, std::mem::take(&mut self.sent_bytes));
        let mut newest_us = None;
        for (number, arrival) in told.arrivals() {
            if self.history.behind(number).is_none() {
                continue;
            }
            let arrived_us = arrival.map(|after_us| base_us + after_us);
            self.note_fate(number, arrived_us, now_us);
            newest_us = newest_us.max(arrived_us);
        }
        let over = self.trend.take_over() || self.trend.glance_us() > QUEUE_US_FLOOD && self.loss.is_flood();
        if was_dead {
            self.loss.forget(now_us);
            self.trend.restart();
            self.drain.end();
            return Ok(false);
        }
        let Some(newest_us) = newest_us else { return Ok(false) };
        let before = self.rate.bps();
        self.judge(over, newest_us, rtt_us, now_us);
        Ok(self.rate.bps() != before)
    }

    /// Take a receiver report of a peer without transport-wide feedback. The two counts are of one stream since its last
    /// report. `sent_bytes`: the total so far. Return true if the bitrate changed.
    pub fn note_report(&mut self, (lost, received): (u32, u32), sent_bytes: u64, rtt_us: u64, now_us: u64) -> bool {
        if self.heard_us.is_some() {
            return false;
        }
        self.told_us = Some(now_us);
        self.loss.note_many(lost, received);
        let Some((sent_bps, elapsed_us)) = self.reports.settle(sent_bytes, now_us) else { return false };
        let before = self.rate.bps();
        match self.loss.judge(sent_bps, rtt_us + REPORT_US, now_us) {
            Verdict::Cut(share) => self.rate.cut(sent_bps * (1.0 - self.loss.last()) * share, now_us),
            Verdict::Undo => self.rate.undo(),
            Verdict::Nothing if self.loss.is_little() => self.rate.creep(elapsed_us, now_us),
            Verdict::Nothing => {}
        }
        self.rate.bps() != before
    }

    fn note_fate(&mut self, number: u16, arrived_us: Option<i64>, now_us: u64) {
        let Some(told) = self.history.answer(number, arrived_us.is_some(), now_us) else { return };
        let went_astray = arrived_us.is_none() && told.sent_us < self.moved_us;
        if told.cluster == 0 && !went_astray {
            if told.was_lost { self.loss.note_late() } else { self.loss.note(arrived_us.is_some()) }
        }
        let Some(arrived_us) = arrived_us else { return };
        self.delivered.note(arrived_us, usize::from(told.bytes));
        if told.cluster != 0 {
            self.probe.note_arrived(told.cluster, usize::from(told.bytes), arrived_us);
        }
        self.trend.note(told.sent_us, arrived_us);
    }

    fn judge(&mut self, over: bool, newest_us: i64, rtt_us: u64, now_us: u64) {
        let (Some(delivered_bps), Some(sent_bps)) = (self.delivered.bps(newest_us), self.sent.bps(now_us as i64))
        else {
            return;
        };
        // Scale what arrives to what must be sent for it, because the path loses packets by itself.
        let arrives = 1.0 - self.loss.inherent();
        let delivered_now_bps = self.delivered.recent_bps(newest_us).unwrap_or(delivered_bps) / arrives;
        let delivered_bps = delivered_bps / arrives;
        let queue_us = self.trend.queue_us().max(self.trend.glance_us());
        self.loss.crowded = queue_us > QUEUE_US_FULL;
        let delivered_now_bps = if queue_us > QUEUE_US_FLOOD { delivered_now_bps } else { delivered_bps };
        let seen = Seen { now_us, rtt_us, delivered_bps, delivered_now_bps, sent_bps };
        match self.loss.judge(sent_bps, rtt_us, now_us) {
            Verdict::Cut(share) => {
                self.rate.cut(delivered_now_bps.min(delivered_bps) * share, now_us);
                self.drain.end();
            }
            Verdict::Undo => self.rate.undo(),
            Verdict::Nothing => {}
        }
        if let Some(answer) = self.probe.answer(arrives, rtt_us, now_us) {
            self.learn(answer, now_us);
        }
        let probed = self.probe.is_under_way() || now_us < self.probe_again_us.saturating_sub(self.probe_wait_us);
        let delay_us = self.trend.delay_us();
        let drained = drain::Seen {
            delay_us,
            at_us: self.trend.looked_us(),
            queue_us: self.trend.queue_us(),
            uneven_us: self.trend.uneven_us(),
            sent_bps,
        };
        let drained = if self.loss.is_much() {
            self.drain.interrupt();
            drain::Verdict::Nothing
        } else {
            self.drain.look(&drained, now_us)
        };
        match drained {
            drain::Verdict::Longer(least_us, gives_back) => {
                if gives_back {
                    self.rate.give_back(self.drain.before());
                }
                self.drain.end();
                self.trend.take_for_path(least_us, now_us);
            }
            drain::Verdict::Nothing if over && !probed => self.back_off(&seen, delay_us),
            drain::Verdict::Nothing => self.grow(&seen),
        }
    }

    fn back_off(&mut self, seen: &Seen, delay_us: i64) {
        if self.drain.is_tried(delay_us) && !self.loss.is_flood() {
            return;
        }
        let before = self.rate.bps();
        if self.rate.back_off(seen) {
            self.drain.note_lowered(before, seen.delivered_now_bps.min(seen.delivered_bps), delay_us, seen.now_us);
        }
    }

    fn grow(&mut self, seen: &Seen) {
        if self.trend.usage() == Usage::Normal && self.trend.queue_us() < QUEUE_US_FULL && self.loss.is_little() {
            self.rate.grow(seen);
        }
    }

    fn learn(&mut self, answer: Answer, now_us: u64) {
        let raised = match answer {
            Answer::Carried(bps) | Answer::Full(bps) => self.rate.raise(bps),
            Answer::Unclear => false,
        };
        let carried = raised && matches!(answer, Answer::Carried(_));
        let longer_us = (self.probe_wait_us * 2).min(PROBE_AGAIN_US_MAX);
        self.probe_wait_us = if carried { PROBE_AGAIN_US } else { longer_us.max(PROBE_AGAIN_US) };
        self.probe_again_us = now_us + AFTER_PROBE_US + self.probe_wait_us;
        self.trend.restart();
    }

    /// Report whether packets are sent and no feedback arrives. True also before the first feedback. Without packets there is
    /// nothing to report.
    pub fn is_silent(&self, now_us: u64) -> bool {
        let sends = now_us.saturating_sub(self.sent_us) < STALE_US;
        self.heard_us.is_none_or(|heard_us| now_us.saturating_sub(heard_us) > DEAD_US && sends)
    }

    /// Return the time since when all packets are lost: a peer that used to send feedback has sent none since. None if feedback
    /// arrives, or if the time is too short.
    pub fn cut_off_since_us(&self, rtt_us: u64, now_us: u64) -> Option<u64> {
        self.untold_since_us(0).filter(|since_us| now_us.saturating_sub(*since_us) > UNTOLD_US + rtt_us)
    }

    /// Return the time since when packets wait for feedback, but at least `begin_us`. None if no packet was sent after
    /// `begin_us`, or if the peer never sends feedback.
    pub fn untold_since_us(&self, begin_us: u64) -> Option<u64> {
        let tells = self.heard_us.is_some() && self.sent_us > begin_us;
        self.untold_us.filter(|_| tells).map(|since_us| since_us.max(begin_us))
    }

    /// Start a probe for `wanted_bps` in all, unless no limit is known, the last probe is too recent, or the path is not calm.
    /// Return true if the probe starts.
    pub fn look_for(&mut self, wanted_bps: u64, rtt_us: u64, now_us: u64) -> bool {
        let Some(bps) = self.rate.bps() else { return false };
        let calm_us = self.rate.lowered_us() + PROBE_AFTER_LOWERING_US + rtt_us;
        // A delay while much less is sent than the path carried is not our queue: the path has become longer.
        let idle = self.sent.bps(now_us as i64).is_some_and(|sent_bps| self.rate.is_idle(sent_bps));
        let busy = self.probe.is_under_way() || self.queue_us(now_us) > QUEUE_US_PROBE && !idle;
        if self.is_silent(now_us) || busy || now_us < self.probe_again_us || now_us < calm_us {
            return false;
        }
        self.probe.start((wanted_bps as f64).clamp(PROBE_TIMES_MIN * bps, PROBE_TIMES_MAX * bps), now_us);
        true
    }

    /// Return the bytes of padding that a probe needs now. None without a probe.
    pub fn padding_bytes(&self, now_us: u64) -> Option<usize> {
        self.probe.due_bytes(now_us)
    }

    pub fn memory_bytes(&self) -> usize {
        self.history.memory_bytes()
    }

    /// Unwrap a reference time: 24 bits in units of 64 ms.
    fn unwrap(&mut self, reference: u32) -> i64 {
        let at = match self.reference {
            Some((before, at)) => {
                let step = (reference.wrapping_sub(before) << 8) as i32 >> 8;
                at + i64::from(step)
            }
            None => i64::from(reference),
        };
        self.reference = Some((reference, at));
        at * REFERENCE_US
    }
}

#[cfg(test)]
#[path = "estimator_tests.rs"]
mod tests;
