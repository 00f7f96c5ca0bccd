//! What each viewer is sent when the way to it does not carry everything: decided here on ticks, carried out by
//! `forward.rs`. Who is not limited costs nothing.
//!
//! Voices are reserved first; `share.rs` divides the rest. What is too much goes down at once, unless it is so little that
//! the estimate may be wrong; up it goes with room to spare, and the later the oftener it was too much.

mod lean;
pub mod share;

use crate::consumer::Consumer;
use crate::event::Event;
use crate::loudest::Audience;
use crate::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::transport::Transport;
use lean::{Finding, Lean, Voices, Way};
use share::{Grant, Shared, Steps, Stream, share};

/// A limited viewer is looked at this often, and when its estimate falls.
const EVERY_US: u64 = 200_000;
/// Between two looks at any.
const SPACING_US: u64 = 20_000;
/// Kept for voices where there are any, though all may be silent now.
const VOICES_BPS_MIN: f64 = 40_000.0;
/// More than Opus has (RFC 6716, 2.1.1), and no more than that again is reserved for what is redundant of one voice.
const VOICE_BPS_MAX: u64 = 600_000;
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
    /// Of what is redundant of them.
    more_bps: f64,
    lean: Lean,
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
    /// Of the voices' bitrate now: it falls slowly, but for what is redundant where that is left out.
    fn reserve(&mut self, voices: Option<Voices>, now_us: u64) -> u64 {
        let elapsed_us = now_us.saturating_sub(self.looked_us) as f64;
        self.looked_us = now_us;
        let left = 0.5_f64.powf(elapsed_us / VOICES_HALVE_US);
        let least = voices.map_or(0.0, |voices| VOICES_BPS_MIN.max(voices.plain_bps as f64));
        let more = voices.map_or(0.0, |voices| (voices.sent_bps - voices.plain_bps) as f64);
        self.voices_bps = (self.voices_bps * left).max(least);
        self.more_bps = if self.lean.is_on() { 0.0 } else { (self.more_bps * left).max(more) };
        (self.voices_bps + self.more_bps) as u64
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
        let sounds = consumers.iter().map(|at| &self.consumers[*at]).filter(|one| !one.video && !one.paused);
        let voices = sounds.map(|one| (one, &self.producers[one.producer]));
        let heard = voices.filter(|(_, producer)| !producer.paused && !producer.voice.is_unheard(Audience::Viewers));
        let sum = heard.fold(None, |sum: Option<Voices>, (one, producer)| {
            let (bitrates, sum) = (&producer.layers[0].bitrates, sum.unwrap_or_default());
            let plain_bps = bitrates.plain_bps().min(VOICE_BPS_MAX);
            let came_bps = if one.strip_red { 0 } else { bitrates.total_bps().saturating_sub(bitrates.plain_bps()) };
            let made_bps = one.copies_bps(bitrates) as u64;
            Some(Voices {
                plain_bps: sum.plain_bps + plain_bps,
                whole_bps: sum.whole_bps + plain_bps + came_bps.min(VOICE_BPS_MAX),
                sent_bps: sum.sent_bps + plain_bps + came_bps.max(made_bps).min(VOICE_BPS_MAX),
            })
        });
        let held_bps = streams.iter().map(Stream::held_bps).sum();
        let way = Way {
            available_bps,
            narrow_us: estimator.narrow_us(now_us),
            has_voices_alone: held_bps == 0,
            cut_us: estimator.cut_us(),
            trial_looks: estimator.trial_looks(now_us),
            eased_us: estimator.eased_us(),
            loss: estimator.loss(),
            last_loss: estimator.last_loss(),
            own_loss: estimator.inherent_loss(),
        };
        let voices = sum.unwrap_or_default();
        let finding = allotment.lean.note_trial(voices, way, now_us);
        let lean = match sum {
            Some(voices) => allotment.lean.turn(voices, way, allotment.voices_bps, now_us),
            None => allotment.lean.is_on(),
        };
        for at in &*consumers {
            self.consumers[*at].set_lean(lean);
            let redundancy = &mut self.consumers[*at].redundancy;
            match finding {
                Finding::Nothing => {}
                Finding::Cured => redundancy.forget(now_us),
                Finding::Vain => redundancy.recall(now_us),
            }
        }
        // What is lost goes out twice.
        let arrives = 1.0 - estimator.loss().min(0.5);
        let voices_bps = allotment.reserve(sum, now_us);
        let bps = ((available_bps as f64 * arrives) as u64).saturating_sub(voices_bps);
        Budget { bps, voices_bps, arrives, held_bps }
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
            self.pad_until_keyframe(key, now_us, out);
        }
        let consumer = &mut self.consumers[key];
        if flood && consumer.current.is_some_and(|current| current > consumer.target) {
            consumer.stop();
        }
        let (producer, target) = (consumer.producer, consumer.target);
        if self.transports[consumer.transport].is_reached() && consumer.wants_keyframe() {
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
        let of = |plain_bps| Some(Voices { plain_bps, whole_bps: plain_bps, sent_bps: 2 * plain_bps });
        assert_eq!(allotment.reserve(None, 1_000_000), 0);
        assert_eq!(allotment.reserve(of(0), 2_000_000), 40_000);
        assert_eq!(allotment.reserve(of(100_000), 3_000_000), 200_000);
        assert_eq!(allotment.reserve(of(2_000), 13_000_000), 100_000, "and so do its copies");
        allotment.lean = Lean::turned_on();
        assert_eq!(allotment.reserve(of(2_000), 13_000_000), 50_000, "which are left out now");
        assert_eq!(allotment.reserve(of(2_000), 60_000_000), 40_000);
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
