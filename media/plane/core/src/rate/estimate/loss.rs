//! The losses that feedback reports, and the question: does sending less reduce them? If not, the loss is the path's own. Such
//! a loss does not count against the bitrate again while it stays about equal.
//!
//! Two windows count packets. The short one shows how much is lost now, and the long one whether that is too much. Losses
//! arrive in runs, so a short window alone proves little.

/// Microseconds of the short loss window, which must also have 20 packets (`SHORT_PACKETS`). Its loss is the loss now. Chosen;
/// row `burst-10` of `make bench-quality`. Longer: the loss of a full path is seen later, and the viewer loses audio. Shorter:
/// one run of lost packets counts as heavy loss, and the bitrate falls without need.
const SHORT_US: u64 = 200_000;
/// Packets that the short loss window of 0.2 s (`SHORT_US`) needs, but it ends after 1 s (`SHORT_US_MAX`) anyway. Chosen. More:
/// in a call with few packets, the loss of a full path is seen later, and the viewer loses audio. Fewer: one run of lost
/// packets counts as heavy loss, and the bitrate falls without need.
const SHORT_PACKETS: u32 = 20;
/// Microseconds after which the short loss window ends even with fewer than 20 packets (`SHORT_PACKETS`). Longer: in a call
/// with few packets, loss is seen later. Shorter: windows have too few packets, so one lost packet counts as heavy loss.
const SHORT_US_MAX: u64 = 1_000_000;
/// Packets; a loss window with fewer is ignored. Larger: the loss of a call with few packets is not seen, and a full path loses
/// its audio. Smaller: one lost packet counts as heavy loss, and the bitrate falls without need.
const PACKETS_MIN: u32 = 8;
/// Weight of a new loss window (0.2 s or more) in the loss of about a second. Chosen; row `loss-20` of `make bench-quality`.
/// Larger: one run of lost packets counts as lasting loss, and pictures step down, or stop, without need. Smaller: loss is seen
/// late, and the viewer loses audio.
const SMOOTHING_SHARE: f64 = 0.3;
/// Weight of a new loss window (0.2 s or more) in the loss of a few seconds. Chosen; row `burst-10` of `make bench-quality`.
/// Larger: after one run of lost packets the bitrate does not grow, and pictures stay small. Smaller: the bitrate grows for
/// longer although packets are lost.
const SLOW_SMOOTHING_SHARE: f64 = 0.08;
/// Microseconds of the long loss window, which must also have 40 packets (`LONG_PACKETS`). Without a queue, only its loss can
/// lower the bitrate, because losses arrive in runs. Chosen; row `burst-10` of `make bench-quality`. Longer: the bitrate is cut
/// later, and a full path loses the viewer's audio. Shorter: one run of lost packets cuts the bitrate without need.
const LONG_US: u64 = 1_500_000;
/// Packets that the long loss window of 1.5 s (`LONG_US`) needs, but it ends after 4 s (`LONG_US_MAX`) anyway. Chosen. More: in
/// a call with few packets, the bitrate is cut later, and a full path loses its audio. Fewer: one run of lost packets cuts the
/// bitrate without need.
const LONG_PACKETS: u32 = 40;
/// Microseconds after which the long loss window ends even with fewer than 40 packets (`LONG_PACKETS`). Longer: in a call with
/// few packets, the bitrate is cut later. Shorter: windows have too few packets, and one run of lost packets cuts the bitrate
/// without need.
const LONG_US_MAX: u64 = 4_000_000;
/// Share of packets lost, beyond the loss that the path has at any bitrate. More than this in two long windows (1.5 s each)
/// cuts the bitrate. gcc-02 §6 has 0.1. With 0.2 the rows `loss-10` and `loss-20` of `make bench-quality` show whole pictures.
/// Larger: a full path loses the viewer's audio. Smaller: a radio path with much loss loses its pictures.
const TOO_MUCH_SHARE: f64 = 0.20;
/// Share of packets lost, beyond the loss that the path has at any bitrate. More than this cuts the bitrate after one long
/// window (1.5 s). Chosen; row `step` of `make bench-quality`. Larger: a path that becomes narrow loses the viewer's audio for
/// longer. Smaller: one run of lost packets cuts the bitrate without need.
const FLOOD_SHARE: f64 = 0.5;
/// Share of packets lost, beyond the loss that the path has at any bitrate. Below this the bitrate may grow. gcc-02 §6 has
/// 0.02. Chosen; row `loss-5` of `make bench-quality`. Larger: the bitrate of a full path grows until the viewer loses more
/// packets. Smaller: pictures stay small on a radio path with some loss.
const LITTLE_SHARE: f64 = 0.05;
/// A cut for losses keeps at least this share of the delivered bitrate. The cut itself keeps 1 - 0.5 x loss (gcc-02 §6).
/// Larger: a path that became narrow needs more cuts, and loses the viewer's audio until then. Smaller: one cut is so deep that
/// pictures stop.
const CUT_SHARE_MIN: f64 = 0.75;
/// A cut did not help, and is undone, if at least this share of the loss stays. Chosen; row `loss-30` of `make bench-quality`.
/// Larger: a useless cut stays, and pictures are small on a radio path with loss. Smaller: a cut that helped is undone, and
/// packets are lost again.
const UNCURED_SHARE: f64 = 0.7;
/// A cut is judged only when the sent bitrate has fallen to this share; a large key frame may keep the bitrate high. Larger:
/// loss that only the key frame caused makes a useful cut look useless, and the cut is undone. Smaller: most cuts are never
/// judged, and are undone after `TRIAL_US_MAX` (4 s).
const CUT_SEEN_SHARE: f64 = 0.85;
/// Share of packets lost. The most that counts as the path's own loss, which it has at any bitrate. Larger: on a path that
/// fails, the bitrate is not cut, and the viewer loses audio; from 1.0 on, the estimate may divide by zero. Smaller: on a path
/// with very much loss the bitrate stays cut, and pictures are small.
const INHERENT_SHARE_MAX: f64 = 0.6;
/// Share of packets lost. Up to this, loss counts as the path's own without a trial. A trial is a cut that tests whether the
/// loss falls. gcc-02 §6 does not blame congestion for loss below 0.1. Larger: loss by congestion is not cut, and the viewer
/// loses audio. Smaller: a radio path with loss needs a trial, in which pictures are small.
const INHERENT_UNPROVEN_SHARE_MAX: f64 = 0.10;
/// Weight of a new loss window (0.2 s or more) in the path's own loss, which it has at any bitrate. Chosen; row `loss-10` of
/// `make bench-quality`. Larger: loss by congestion is learned as the path's own, and is not cut. Smaller: pictures stay small
/// for longer on a radio path with loss.
const INHERENT_SMOOTHING_SHARE: f64 = 0.05;
/// Microseconds after a full queue (`QUEUE_US_FULL`, 60 ms) in which loss is not learned as the path's own. Longer: on a radio
/// path with loss, pictures stay small for longer. Shorter: loss that the queue caused counts as the path's own, and later loss
/// by congestion is not cut.
const CROWD_OVER_US: u64 = 1_000_000;
/// Microseconds, plus a round trip, until a cut shows whether it reduces the loss. Queues of the rows of `make bench-quality`
/// last up to 400 ms. Longer: a useless cut is undone later, and pictures stay small. Shorter: a cut is judged by losses from
/// before the cut, and a useful cut is undone.
const TRIAL_US: u64 = 700_000;
/// Microseconds, plus a round trip. A cut of the bitrate for losses has an effect only when the server really sends less to the
/// viewer. This means at most 85 % (`CUT_SEEN_SHARE`) of the bitrate at the cut. A large key frame, or pictures at their lowest
/// step, may prevent this. Then the estimate cannot tell whether the cut helps, and after this time the cut is undone. Longer:
/// the viewer's pictures stay small without reason. Shorter: while a large key frame is still sent, a useful cut is undone, and
/// losses go on.
const TRIAL_US_MAX: u64 = 4_000_000;
/// Microseconds between a cut for losses that did not help and the next cut, unless more than half is lost. Doubles each time,
/// up to `AGAIN_US_MAX` (80 s). Chosen; row `loss-30` of `make bench-quality`. Longer: later congestion is cut late, and the
/// viewer loses audio. Shorter: on a radio path with loss, pictures change their size often.
const AGAIN_US: u64 = 10_000_000;
/// Microseconds. The longest time between a cut for losses that did not help and the next cut; the time begins at `AGAIN_US`
/// (10 s) and doubles. Longer: later congestion is cut late (unless more than half is lost), and the viewer loses audio.
/// Shorter: on a radio path with loss, pictures change their size often; below `AGAIN_US`, the packet thread panics.
const AGAIN_US_MAX: u64 = 80_000_000;

/// The result of a window of packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Nothing,
    /// Only this share of the delivered bitrate may be sent.
    Cut(f64),
    /// The last cut did not help, and its bitrate may be given back.
    Undo,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    loss: f64,
    sent_bps: f64,
    due_us: u64,
    gives_up_us: u64,
    /// Short windows without a queue, since the cut can have an effect.
    looks: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    lost: u32,
    received: u32,
    since_us: u64,
}

impl Window {
    fn starting_at(since_us: u64) -> Self {
        Window { since_us, ..Window::default() }
    }

    fn count(&self) -> u32 {
        self.lost.saturating_add(self.received)
    }

    fn share(&self) -> f64 {
        f64::from(self.lost) / f64::from(self.count().max(1))
    }

    fn add(&mut self, other: &Window) {
        self.lost = self.lost.saturating_add(other.lost);
        self.received = self.received.saturating_add(other.received);
    }

    fn is_over(&self, (us, us_max): (u64, u64), packets: u32, now_us: u64) -> bool {
        let lasted_us = now_us.saturating_sub(self.since_us);
        lasted_us >= us_max || lasted_us >= us && self.count() >= packets
    }
}

#[derive(Debug, Default)]
pub struct Loss {
    short: Window,
    long: Window,
    recent: f64,
    slow: f64,
    /// The same as `slow`, but only since the path has no queue.
    uncrowded: f64,
    inherent: f64,
    /// The loss of the last short window.
    last: f64,
    /// The loss of the last long window, if it was too much.
    heavy: Option<f64>,
    /// True if the path has a queue. Its losses are not the path's own.
    pub crowded: bool,
    /// The time from which the path's own loss is learned again after a queue.
    learns_us: u64,
    trial: Option<Trial>,
    again_us: u64,
    wait_us: u64,
}

impl Loss {
    pub fn note(&mut self, received: bool) {
        *(if received { &mut self.short.received } else { &mut self.short.lost }) += 1;
    }

    pub fn note_many(&mut self, lost: u32, received: u32) {
        self.short.add(&Window { lost, received, since_us: 0 });
    }

    /// Note that a packet counted as lost has arrived.
    pub fn note_late(&mut self) {
        self.short.received += 1;
        self.short.lost = self.short.lost.saturating_sub(1);
    }

    /// Return the share of packets lost in about the last second.
    pub fn fraction(&self) -> f64 {
        self.recent
    }

    /// Return the share of packets lost in the last window.
    pub fn last(&self) -> f64 {
        self.last
    }

    /// Return the share of packets that the path loses at any bitrate, as far as it is known.
    pub fn inherent(&self) -> f64 {
        self.inherent
    }

    /// Report whether too many packets are lost in the current window.
    pub fn is_flood(&self) -> bool {
        self.short.count() >= PACKETS_MIN && self.excess(self.short.share()) > TOO_MUCH_SHARE
    }

    /// Report whether the loss beyond the path's own has been too much for seconds.
    pub fn is_much(&self) -> bool {
        self.excess(self.slow.min(self.recent)) > TOO_MUCH_SHARE
    }

    pub fn is_little(&self) -> bool {
        self.excess(self.slow.min(self.recent)) < LITTLE_SHARE
    }

    /// Return the number of short windows since the cut that is on trial. None without a trial.
    pub fn trial_looks(&self) -> Option<u32> {
        self.trial.map(|trial| trial.looks)
    }

    /// Forget the loss of a dead path, which says nothing of the bitrate.
    pub fn forget(&mut self, now_us: u64) {
        (self.short, self.long) = (Window::starting_at(now_us), Window::starting_at(now_us));
        (self.heavy, self.trial) = (None, None);
    }

    pub fn judge(&mut self, sent_bps: f64, rtt_us: u64, now_us: u64) -> Verdict {
        if !self.short.is_over((SHORT_US, SHORT_US_MAX), SHORT_PACKETS, now_us) {
            return Verdict::Nothing;
        }
        self.follow(now_us);
        if let Some(trial) = self.trial {
            return self.judge_trial(trial, sent_bps, now_us);
        }
        let Some(loss) = self.close_long(now_us) else { return Verdict::Nothing };
        let excess = self.excess(loss);
        let before = std::mem::replace(&mut self.heavy, (excess > TOO_MUCH_SHARE).then_some(loss));
        let too_much = self.heavy.is_some() && before.is_some() || excess > FLOOD_SHARE;
        if !too_much || now_us < self.again_us && excess <= FLOOD_SHARE {
            return Verdict::Nothing;
        }
        self.trial = Some(Trial {
            loss: before.map_or(loss, |before| (loss + before) / 2.0),
            sent_bps,
            due_us: now_us + TRIAL_US + rtt_us,
            gives_up_us: now_us + TRIAL_US_MAX + rtt_us,
            looks: 0,
        });
        Verdict::Cut((1.0 - 0.5 * excess).max(CUT_SHARE_MIN))
    }

    /// Close the short window, and learn the path's own loss.
    fn follow(&mut self, now_us: u64) {
        let short = std::mem::replace(&mut self.short, Window::starting_at(now_us));
        self.long.add(&short);
        if short.count() < PACKETS_MIN {
            return;
        }
        self.last = short.share();
        if let Some(trial) = self.trial.as_mut().filter(|trial| now_us + TRIAL_US >= trial.due_us && !self.crowded) {
            trial.looks = trial.looks.saturating_add(1);
        }
        self.recent += SMOOTHING_SHARE * (short.share() - self.recent);
        self.slow += SLOW_SMOOTHING_SHARE * (short.share() - self.slow);
        if self.crowded {
            (self.uncrowded, self.learns_us) = (self.inherent, now_us + CROWD_OVER_US);
        } else if now_us >= self.learns_us {
            self.uncrowded += SLOW_SMOOTHING_SHARE * (short.share() - self.uncrowded);
        }
        let own = self.slow.min(self.uncrowded);
        if own < self.inherent {
            self.inherent += INHERENT_SMOOTHING_SHARE * (own - self.inherent);
        } else if self.trial.is_none() && now_us >= self.learns_us && self.inherent < INHERENT_UNPROVEN_SHARE_MAX {
            self.inherent += INHERENT_SMOOTHING_SHARE * (own.min(INHERENT_UNPROVEN_SHARE_MAX) - self.inherent);
        }
    }

    fn close_long(&mut self, now_us: u64) -> Option<f64> {
        if !self.long.is_over((LONG_US, LONG_US_MAX), LONG_PACKETS, now_us) {
            return None;
        }
        let long = std::mem::replace(&mut self.long, Window::starting_at(now_us));
        (long.count() >= PACKETS_MIN).then(|| long.share())
    }

    fn judge_trial(&mut self, trial: Trial, sent_bps: f64, now_us: u64) -> Verdict {
        // The sent bitrate has not fallen yet: a key frame is on its way, or less cannot be sent.
        let unseen = sent_bps > trial.sent_bps * CUT_SEEN_SHARE;
        if now_us < trial.due_us || unseen && now_us < trial.gives_up_us {
            self.long = Window::starting_at(now_us);
            return Verdict::Nothing;
        }
        let loss = if unseen { Some(self.slow) } else { self.close_long(now_us) };
        let Some(loss) = loss else { return Verdict::Nothing };
        (self.trial, self.heavy) = (None, None);
        if loss < trial.loss * UNCURED_SHARE && !unseen {
            self.wait_us = 0;
            return Verdict::Nothing;
        }
        self.inherent = loss.min(INHERENT_SHARE_MAX);
        self.uncrowded = self.uncrowded.max(self.inherent);
        self.wait_us = (self.wait_us * 2).clamp(AGAIN_US, AGAIN_US_MAX);
        self.again_us = now_us + self.wait_us;
        Verdict::Undo
    }

    fn excess(&self, loss: f64) -> f64 {
        ((loss - self.inherent) / (1.0 - self.inherent)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Send seconds of `bps`, each with four times 50 packets. The share `lost(bps)` of them is lost. Return the cuts, and the
    /// cuts that were undone.
    fn seconds(loss: &mut Loss, from_s: u64, count: u64, bps: &mut f64, lost: impl Fn(f64) -> f64) -> (u32, u32) {
        let (mut cuts, mut undone, mut before) = (0, 0, *bps);
        for i in 0..count * 4 {
            let now_us = from_s * 1_000_000 + i * 250_000;
            let share = lost(*bps);
            (0..50).for_each(|at| loss.note(f64::from(at) >= 50.0 * share));
            match loss.judge(*bps, 50_000, now_us) {
                Verdict::Cut(part) => {
                    before = *bps;
                    *bps *= part * (1.0 - share);
                    cuts += 1;
                }
                Verdict::Undo => {
                    *bps = before;
                    undone += 1;
                }
                Verdict::Nothing => {}
            }
        }
        (cuts, undone)
    }

    #[test]
    fn losses_in_runs_cost_little() {
        let (mut loss, mut cuts, mut undone) = (Loss::default(), 0, 0);
        let (mut random, mut bad) = (3_u64, false);
        for i in 0..5 * 600_u64 {
            for _ in 0..22 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let chance = (random >> 40) as f64 / f64::from(1 << 24);
                bad = if bad { chance >= 0.2 } else { chance < 0.1 / (5.0 * 0.9) };
                loss.note(!bad);
            }
            match loss.judge(5e5, 50_000, i * 200_000) {
                Verdict::Cut(_) => cuts += 1,
                Verdict::Undo => undone += 1,
                Verdict::Nothing => {}
            }
        }
        assert!(cuts <= 5 && undone + 1 >= cuts, "{cuts} {undone} in ten minutes");
    }

    #[test]
    fn a_little_loss_of_the_path_costs_nothing() {
        let (mut loss, mut bps) = (Loss::default(), 1e6);
        assert_eq!(seconds(&mut loss, 1, 60, &mut bps, |_| 0.06), (0, 0));
    }

    #[test]
    fn much_loss_of_the_path_is_found_out_by_one_cut_and_given_back() {
        let (mut loss, mut bps) = (Loss::default(), 1e6);
        let (cuts, undone) = seconds(&mut loss, 1, 60, &mut bps, |_| 0.3);
        assert_eq!((cuts, undone, bps), (1, 1, 1e6));
        assert!(loss.is_little());
    }

    #[test]
    fn a_trial_is_looked_at_when_less_can_be_seen_to_be_sent_and_nothing_waits() {
        let (mut loss, mut at) = (Loss::default(), 0);
        let mut second = |loss: &mut Loss, lost: u32| {
            for _ in 0..4 {
                at += 250_000;
                loss.note_many(lost, 50 - lost);
                loss.judge(1e6, 400_000, at);
            }
            loss.trial_looks()
        };
        assert_eq!(second(&mut loss, 0), None);
        assert_eq!(second(&mut loss, 35), None);
        assert_eq!(second(&mut loss, 35), Some(0), "a round trip has not passed since it began");
        assert_eq!(second(&mut loss, 35), Some(3));
        loss.crowded = true;
        assert_eq!(second(&mut loss, 35), Some(3));
    }

    #[test]
    fn loss_that_less_cures_cuts_to_what_fits_and_stays_there() {
        let (mut loss, mut bps) = (Loss::default(), 2e6);
        let (cuts, undone) = seconds(&mut loss, 1, 60, &mut bps, |bps| (1.0 - 3e5 / bps).max(0.0));
        assert!((1..=3).contains(&cuts) && undone == 0, "{cuts} {undone}");
        assert!((1.2e5..=3.3e5).contains(&bps), "{bps}");
    }

    #[test]
    fn a_trial_that_leaves_less_loss_is_not_undone_though_some_is_left() {
        for left in [0.0, 0.18] {
            let (mut loss, mut bps) = (Loss::default(), 1e6);
            let (cuts, undone) = seconds(&mut loss, 1, 12, &mut bps, |bps| if bps < 9e5 { left } else { 0.35 });
            assert_eq!((cuts, undone), (1, 0));
        }
    }

    #[test]
    fn what_a_full_queue_loses_is_not_the_path_s_own() {
        let mut loss = Loss::default();
        // Each quarter of a second: the share that is lost, and whether a queue is seen. The queue is seen late.
        let shares = [(0.2, false), (0.3, true), (0.35, true), (0.2, true), (0.1, false), (0.05, false)];
        let mut most = 0.0_f64;
        for at in 0..100_u64 {
            let (share, crowded) = shares.get(at as usize).copied().unwrap_or((0.0, false));
            (0..30).for_each(|n| loss.note(f64::from(n) >= 30.0 * share));
            loss.crowded = crowded;
            loss.judge(3e5, 50_000, 1_000_000 + at * 250_000);
            most = most.max(loss.inherent());
        }
        assert!(most < 0.02, "{most}");
    }

    #[test]
    fn the_path_may_get_better_and_worse_again() {
        let (mut loss, mut bps) = (Loss::default(), 1e6);
        seconds(&mut loss, 1, 20, &mut bps, |_| 0.3);
        seconds(&mut loss, 21, 60, &mut bps, |_| 0.0);
        let (cuts, _) = seconds(&mut loss, 81, 5, &mut bps, |bps| (1.0 - 3e5 / bps).max(0.0));
        assert!(cuts >= 1);
    }
}
