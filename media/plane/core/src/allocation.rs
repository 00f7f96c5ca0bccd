//! What each viewer is sent when the way to it does not carry everything: decided here on ticks, carried out by
//! `forward.rs`. Who is not limited costs nothing.
//!
//! Voices are reserved first; `share.rs` divides the rest. What is too much goes down at once, unless it is so little that
//! the estimate may be wrong; up it goes with room to spare, and the later the oftener it was too much.

pub mod share;

use crate::consumer::Consumer;
use crate::event::Event;
use crate::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::transport::Transport;
use share::{Grant, Shared, Steps, Stream, share};

/// A limited viewer is looked at this often, and when its estimate falls.
const EVERY_US: u64 = 200_000;
/// Between two looks at any.
const SPACING_US: u64 = 20_000;
/// Kept for voices where there are any, though all may be silent now.
const VOICES_BPS_MIN: f64 = 40_000.0;
/// Sound that is sent twice is sent once where the second time takes more than this of the way, and again where it takes less
/// than that; nor where the path itself loses some of it.
const LEAN: f64 = 0.14;
const LEAN_NO_LONGER: f64 = 0.07;
const LEAN_LOSS_MAX: f64 = 0.02;
/// Where the voices alone are more than all of the way it is left out whatever is lost, for so long at least: more would be lost by
/// it, and signalling too.
const LEAN_US: u64 = 10_000_000;
/// A voice that fell silent is soon heard again.
const VOICES_HALVE_US: f64 = 10e6;
/// So much above the budget may be the estimate's error, for this long: a probe tells by then.
const SLIGHT: f64 = 1.25;
const SLIGHT_US: u64 = 2_500_000;
/// That is so as long as no more waits on the way than this; nor is anything raised then.
pub(crate) const CALM_QUEUE_US: i64 = 60_000;
/// Losses up to this are no reason to stop the last picture as long as nothing waits on the way: the way may lose so much
/// of itself, and voices are heard with it.
const LOSS_BORNE: f64 = 0.4;
/// What is sent goes on at its lowest, whatever the estimate says, until something has waited on the way for so long: then
/// voices suffer. The foremost picture goes on for longer.
const CROWDED_US: u64 = 2_000_000;
const CROWDED_US_FOREMOST: u64 = 4_000_000;
/// What is this far above the budget stops now rather than with the next key frame.
const FLOOD: f64 = 2.0;
/// After a step up, before the next one.
const RAISE_AGAIN_US: u64 = 500_000;
/// After a step down, before one up; twice as long each time that the step up was followed by another one down so soon.
const LOWERED_US: u64 = 2_000_000;
const LOWERED_US_MAX: u64 = 32_000_000;
const FAILED_US: u64 = 10_000_000;
/// With so much more than what was too much, there is no reason to wait.
const PLENTY: f64 = 1.5;
/// Added to the priority of pictures of whoever speaks.
const SPEAKS: u8 = 2;

/// What is remembered of one viewer.
#[derive(Debug, Default)]
pub struct Allotment {
    /// It is among those that the shard looks at.
    pub limited: bool,
    due_us: u64,
    looked_us: u64,
    voices_bps: f64,
    /// Redundant sound is left out.
    lean: bool,
    lean_until_us: u64,
    /// More is sent than the budget allows, and that is tolerated, since then.
    slight_since_us: Option<u64>,
    /// Something waits on the way since then.
    crowded_since_us: Option<u64>,
    /// Nothing is raised before.
    raise_us: u64,
    raised_us: Option<u64>,
    wait_us: u64,
    /// What was too much when a step up had failed.
    failed_bps: u64,
}

impl Allotment {
    /// Of the voices' bitrate now: it falls slowly.
    fn reserve(&mut self, voices_bps: Option<u64>, now_us: u64) -> u64 {
        let elapsed_us = now_us.saturating_sub(self.looked_us) as f64;
        self.looked_us = now_us;
        self.voices_bps *= 0.5_f64.powf(elapsed_us / VOICES_HALVE_US);
        let least = voices_bps.map_or(0.0, |bps| VOICES_BPS_MIN.max(bps as f64));
        self.voices_bps = self.voices_bps.max(least);
        self.voices_bps as u64
    }

    /// Where more is held than there is, what may go on for a moment; None: all fits, or the moment is over.
    fn tolerates(&mut self, budget: &Budget, calm: bool, now_us: u64) -> Option<u64> {
        if budget.held_bps <= budget.bps {
            self.slight_since_us = None;
            return None;
        }
        let since_us = *self.slight_since_us.get_or_insert(now_us);
        // The estimate is of all that is sent, and so is its error.
        let slight_bps = ((budget.bps + budget.voices_bps) as f64 * (SLIGHT - 1.0)) as u64;
        let tolerated_bps = budget.held_bps.min(budget.bps + slight_bps);
        (calm && now_us - since_us < SLIGHT_US).then_some(tolerated_bps)
    }

    /// How many of the pictures that are sent go on at least at their lowest. `flat`: nothing waits on the way.
    fn keeps(&mut self, flat: bool, loss: f64, loss_is_little: bool, now_us: u64) -> usize {
        if flat {
            self.crowded_since_us = None;
            return if loss_is_little { usize::MAX } else { usize::from(loss < LOSS_BORNE) };
        }
        match now_us - *self.crowded_since_us.get_or_insert(now_us) {
            0..CROWDED_US => usize::MAX,
            CROWDED_US..CROWDED_US_FOREMOST => 1,
            _ => 0,
        }
    }

    /// Whether redundant sound is left out: what the voices cost without it, and with it. `loss`: the path's own.
    fn turn_lean(&mut self, (plain_bps, whole_bps): (u64, u64), available_bps: u64, loss: f64, now_us: u64) -> bool {
        let part = (whole_bps - plain_bps) as f64 / available_bps.max(1) as f64;
        let least = if self.lean { LEAN_NO_LONGER } else { LEAN };
        if plain_bps > available_bps {
            self.lean_until_us = now_us + LEAN_US;
        }
        let lean = part > least && loss < LEAN_LOSS_MAX || now_us < self.lean_until_us;
        if lean != self.lean {
            (self.lean, self.voices_bps) = (lean, 0.0);
        }
        lean
    }

    fn may_raise(&self, budget_bps: u64, now_us: u64) -> bool {
        now_us >= self.raise_us || self.failed_bps > 0 && budget_bps as f64 > self.failed_bps as f64 * PLENTY
    }

    fn note_raised(&mut self, now_us: u64) {
        self.raised_us = Some(now_us);
        self.raise_us = now_us + RAISE_AGAIN_US;
    }

    fn note_lowered(&mut self, held_bps: u64, now_us: u64) {
        let failed = self.raised_us.take().is_some_and(|raised_us| now_us - raised_us < FAILED_US);
        self.wait_us = if failed { (self.wait_us * 2).clamp(LOWERED_US, LOWERED_US_MAX) } else { LOWERED_US };
        self.failed_bps = if failed { held_bps } else { 0 };
        self.raise_us = self.raise_us.max(now_us + self.wait_us);
    }
}

/// What a viewer's pictures may take, and how it stands.
#[derive(Clone, Copy)]
struct Budget {
    bps: u64,
    voices_bps: u64,
    /// Of what is sent, this share arrives.
    arrives: f64,
    held_bps: u64,
}

impl Shard {
    /// The estimate of this transport has changed.
    pub(crate) fn note_available(&mut self, key: usize, now_us: u64) {
        let transport = &mut self.transports[key];
        let known = transport.estimator.available_bps(now_us).is_some() && transport.line().is_none();
        let first = known && !transport.allotment.limited;
        if first {
            transport.allotment.limited = true;
            self.limited.push(key);
        }
        if first || self.transports[key].estimator.lowered_us() == now_us {
            self.allocate_soon(key, now_us);
        }
    }

    pub(crate) fn allocate_soon(&mut self, key: usize, now_us: u64) {
        let allotment = &mut self.transports[key].allotment;
        if allotment.limited {
            allotment.due_us = now_us;
            let spaced_us = now_us.max(allotment.looked_us + SPACING_US);
            self.allocate_us = self.allocate_us.min(spaced_us);
        }
    }

    /// A stream that begins on a narrow way begins low; the next tick says what it may have.
    pub(crate) fn begin_low(&mut self, consumer: usize, now_us: u64) {
        let Consumer { transport, video, .. } = self.consumers[consumer];
        if video && self.transports[transport].allotment.limited {
            self.set_grant(consumer, Some(Grant::LOWEST));
            self.allocate_soon(transport, now_us);
        }
    }

    pub(crate) fn tick_allocations<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        let mut limited = std::mem::take(&mut self.limited);
        limited.retain(|key| {
            let Some(transport) = self.transports.get_mut(*key) else { return false };
            if now_us < transport.allotment.due_us {
                return true;
            }
            transport.allotment.due_us = now_us + EVERY_US;
            let Some(available_bps) = transport.estimator.available_bps(now_us) else {
                self.lift(*key, now_us, out);
                return false;
            };
            self.allocate(*key, available_bps, now_us, out);
            true
        });
        let next_us = limited.iter().map(|key| self.transports[*key].allotment.due_us).min();
        self.allocate_us = next_us.map_or(u64::MAX, |next_us| next_us.max(now_us + SPACING_US));
        self.limited = limited;
    }

    /// Nothing is known any more that would limit this viewer.
    fn lift<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        self.transports[key].allotment = Allotment::default();
        for at in 0..self.transports[key].consumers.len() {
            let consumer = self.transports[key].consumers[at];
            self.consumers[consumer].set_lean(false);
            self.grant(consumer, Some(Grant::ALL), false, now_us, out);
        }
    }

    fn allocate<S: Sink>(&mut self, key: usize, available_bps: u64, now_us: u64, out: &mut Outbox<S>) {
        let mut streams = std::mem::take(&mut self.streams);
        self.gather_streams(key, now_us, &mut streams);
        let budget = self.budget(key, available_bps, &streams, now_us);
        let Transport { allotment, estimator, .. } = &mut self.transports[key];
        let flat = estimator.queue_us(now_us) < CALM_QUEUE_US;
        let little = estimator.loss_is_little(now_us);
        let calm = flat && little;
        let dead = estimator.is_stale(now_us) && estimator.is_silent(now_us);
        let kept = allotment.keeps(flat, estimator.loss(), little, now_us);
        streams.iter_mut().filter(|stream| stream.is_held()).take(kept).for_each(|stream| stream.keeps = true);
        let tolerated_bps = allotment.tolerates(&budget, calm, now_us);
        let limit_bps = tolerated_bps.unwrap_or(budget.bps);
        let may_raise = tolerated_bps.is_none() && calm && !dead && allotment.may_raise(budget.bps, now_us);
        let shared = share(&mut streams, limit_bps, may_raise);
        if streams.iter().any(Stream::is_raised) {
            allotment.note_raised(now_us);
        }
        if budget.held_bps > limit_bps {
            allotment.note_lowered(budget.held_bps, now_us);
        }
        let flood = budget.held_bps as f64 > limit_bps as f64 * FLOOD;
        for stream in &streams {
            self.consumers[stream.consumer].lowered += u64::from(stream.is_lowered());
            self.grant(stream.consumer, stream.granted(), flood, now_us, out);
        }
        self.streams = streams;
        self.look_for_more(key, shared, tolerated_bps, budget, now_us);
    }

    /// The pictures that this viewer could be sent, the foremost first.
    fn gather_streams(&self, key: usize, now_us: u64, streams: &mut Vec<Stream>) {
        let transport = &self.transports[key];
        let dominant = self.routers[transport.router].speakers.dominant();
        let speaks = dominant.and_then(|id| Some(self.producers[*self.ids.producers.get(&id)?].transport));
        streams.clear();
        for at in &transport.consumers {
            let consumer = &self.consumers[*at];
            let producer = &self.producers[consumer.producer];
            if !consumer.video || consumer.paused || producer.paused {
                continue;
            }
            let steps = Steps::of(producer, consumer.wanted(), now_us);
            if steps.as_slice().is_empty() {
                continue;
            }
            let rank = consumer.priority + if speaks == Some(producer.transport) { SPEAKS } else { 0 };
            streams.push(Stream::new(*at, (rank, consumer.keeps), steps, consumer.grant));
        }
        streams.sort_by_key(|stream| std::cmp::Reverse(stream.rank));
    }

    fn budget(&mut self, key: usize, available_bps: u64, streams: &[Stream], now_us: u64) -> Budget {
        let Transport { consumers, allotment, estimator, .. } = &mut self.transports[key];
        let voices = consumers.iter().map(|at| &self.consumers[*at]).filter(|one| !one.video && !one.paused);
        let voices = voices.map(|one| &self.producers[one.producer]).filter(|one| !one.voice.is_unheard());
        let costs = voices.map(|one| &one.layers[0].bitrates);
        let costs = costs.map(|bitrates| (bitrates.plain_bps(), bitrates.total_bps()));
        let sum = costs.fold(None, |sum: Option<(u64, u64)>, (plain_bps, bps)| {
            let (plain_sum, whole_sum) = sum.unwrap_or_default();
            Some((plain_sum + plain_bps, whole_sum + bps))
        });
        let lean = allotment.turn_lean(sum.unwrap_or_default(), available_bps, estimator.inherent_loss(), now_us);
        for at in &*consumers {
            self.consumers[*at].set_lean(lean);
        }
        // What is lost goes out twice.
        let arrives = 1.0 - estimator.loss().min(0.5);
        let voices_bps = allotment.reserve(sum.map(|(plain_bps, bps)| if lean { plain_bps } else { bps }), now_us);
        let bps = ((available_bps as f64 * arrives) as u64).saturating_sub(voices_bps);
        Budget { bps, voices_bps, arrives, held_bps: streams.iter().map(Stream::held_bps).sum() }
    }

    /// Where something better is wanted than the estimate allows, or what is sent is in doubt, the way is probed.
    fn look_for_more(&mut self, key: usize, shared: Shared, in_doubt: Option<u64>, budget: Budget, now_us: u64) {
        let Some(wanted_bps) = in_doubt.or(shared.wanted_bps) else { return };
        let transport = &mut self.transports[key];
        let wanted_bps = (wanted_bps + budget.voices_bps) as f64 / budget.arrives;
        let rtt_us = transport.rtt_or_guess_us();
        if transport.estimator.look_for(wanted_bps as u64, rtt_us, now_us) {
            self.pace(key, now_us);
        }
    }

    /// `flood`: what is too much stops at once, though the picture stands until the next key frame.
    fn grant<S: Sink>(&mut self, key: usize, grant: Option<Grant>, flood: bool, now_us: u64, out: &mut Outbox<S>) {
        let before = self.consumers[key].grant;
        if !self.set_grant(key, grant) {
            return;
        }
        self.choose_target(key, now_us);
        if before.is_none() {
            self.start_from_cache(key, now_us, out);
        }
        let consumer = &mut self.consumers[key];
        if flood && consumer.current.is_some_and(|current| current > consumer.target) {
            consumer.stop();
        }
        let (producer, target) = (consumer.producer, consumer.target);
        let connected = self.transports[consumer.transport].outbound.is_some();
        if connected && consumer.wants_keyframe() {
            self.ask_keyframe(producer, target, now_us, out);
        }
    }

    /// False: it was so already.
    fn set_grant(&mut self, key: usize, grant: Option<Grant>) -> bool {
        let consumer = &mut self.consumers[key];
        let before = std::mem::replace(&mut consumer.grant, grant);
        if before.is_some() != grant.is_some() {
            let starved = grant.is_none();
            if starved {
                consumer.stop();
            }
            self.events.push(Event::Starved { consumer: consumer.id, starved });
        }
        before != grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_that_falls_silent_keeps_its_place_for_a_while() {
        let mut allotment = Allotment::default();
        assert_eq!(allotment.reserve(None, 1_000_000), 0);
        assert_eq!(allotment.reserve(Some(0), 2_000_000), 40_000);
        assert_eq!(allotment.reserve(Some(100_000), 3_000_000), 100_000);
        assert_eq!(allotment.reserve(Some(2_000), 13_000_000), 50_000);
        assert_eq!(allotment.reserve(Some(2_000), 60_000_000), 40_000);
    }

    #[test]
    fn sound_goes_out_once_where_twice_takes_much_of_the_way() {
        let mut allotment = Allotment::default();
        let mut lean = |voices, available_bps, loss, now_us| allotment.turn_lean(voices, available_bps, loss, now_us);
        let voices = (58_000, 116_000);
        assert!(!lean(voices, 600_000, 0.0, 1));
        assert!(!lean(voices, 300_000, 0.2, 2), "it is needed");
        assert!(lean(voices, 300_000, 0.0, 3));
        assert!(lean(voices, 600_000, 0.0, 4));
        assert!(!lean(voices, 900_000, 0.0, 5));
        assert!(!lean(voices, 60_000, 0.2, 6), "the estimate of a call of voices alone is little more than they are");
        assert!(lean(voices, 50_000, 0.2, 7), "it is the queue that loses");
        assert!(lean(voices, 900_000, 0.2, 6 + LEAN_US));
        assert!(!lean(voices, 900_000, 0.2, 7 + LEAN_US));
    }

    #[test]
    fn a_little_too_much_is_tolerated_for_a_moment_and_only_in_calm() {
        let mut allotment = Allotment::default();
        let mut ask = |held_bps, calm, now_us| {
            let budget = Budget { bps: 1_000, voices_bps: 200, arrives: 1.0, held_bps };
            allotment.tolerates(&budget, calm, now_us)
        };
        assert_eq!(ask(900, true, 1_000_000), None, "it fits");
        assert_eq!(ask(1_250, true, 2_000_000), Some(1_250));
        assert_eq!(ask(1_250, false, 2_100_000), None);
        assert_eq!(ask(3_000, true, 2_200_000), Some(1_300), "a quarter of all");
        assert_eq!(ask(1_250, true, 4_600_000), None);
        assert_eq!(ask(900, true, 5_000_000), None);
        assert_eq!(ask(1_250, true, 6_000_000), Some(1_250), "anew");
    }

    #[test]
    fn pictures_stop_when_something_has_waited_for_seconds() {
        let mut allotment = Allotment::default();
        assert_eq!(allotment.keeps(true, 0.0, true, 1_000_000), usize::MAX);
        assert_eq!(allotment.keeps(true, 0.3, false, 1_000_000), 1);
        assert_eq!(allotment.keeps(true, 0.6, false, 1_000_000), 0);
        assert_eq!(allotment.keeps(false, 0.6, false, 2_000_000), usize::MAX);
        assert_eq!(allotment.keeps(false, 0.6, false, 2_000_000 + CROWDED_US), 1);
        assert_eq!(allotment.keeps(false, 0.6, false, 2_000_000 + CROWDED_US_FOREMOST), 0);
        assert_eq!(allotment.keeps(true, 0.0, true, 9_000_000), usize::MAX);
        assert_eq!(allotment.keeps(false, 0.0, true, 10_000_000), usize::MAX, "anew");
    }

    #[test]
    fn steps_up_that_failed_are_tried_later_and_later() {
        let (mut allotment, mut now_us, mut waits) = (Allotment::default(), 1_000_000, Vec::new());
        for _ in 0..8 {
            allotment.note_raised(now_us);
            allotment.note_lowered(1_000, now_us + 3_000_000);
            waits.push((allotment.raise_us - now_us) / 1_000_000 - 3);
            now_us = allotment.raise_us;
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 32, 32, 32]);
        assert!(!allotment.may_raise(1_400, now_us - 1) && allotment.may_raise(1_600, now_us - 1));
        allotment.note_raised(now_us);
        allotment.note_lowered(1_000, now_us + 30_000_000);
        assert_eq!(allotment.raise_us, now_us + 32_000_000, "that one had held");
    }
}
