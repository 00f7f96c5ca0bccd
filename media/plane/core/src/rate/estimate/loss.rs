//! The losses that feedback reports, and the question: does sending less reduce them? If not, the loss is the path's own. Such
//! a loss does not count against the bitrate again while it stays about equal.
//!
//! Two windows count packets. The short one shows how much is lost now, and the long one whether that is too much. Losses
//! arrive in runs, so a short window alone proves little.

/// Window of the loss now: at least this time and `SHORT_PACKETS` packets. Chosen; row `burst-10`. Longer: a flood is seen
/// late. Shorter: one run of losses counts as a flood.
const SHORT_US: u64 = 200_000;
/// Packets that the window of `SHORT_US` must have. Chosen. More: a flood is seen late in a quiet call. Fewer: one run of
/// losses counts as a flood.
const SHORT_PACKETS: u32 = 20;
/// With fewer packets the window ends after this time. Longer: the loss of a quiet call shows late. Shorter: windows have too
/// few packets.
const SHORT_US_MAX: u64 = 1_000_000;
/// A window of fewer packets is ignored. Larger: the loss of a quiet call is not seen. Smaller: one lost packet counts as heavy
/// loss.
const PACKETS_MIN: u32 = 8;
/// Weight of a new window in the loss of about a second. Chosen; row `loss-20`. Larger: one run of losses counts as heavy loss.
/// Smaller: loss is seen late.
const SMOOTHING_SHARE: f64 = 0.3;
/// Weight of a new window in the loss of a few seconds. Chosen; row `burst-10`. Larger: one run of losses stops growth.
/// Smaller: loss is seen late.
const SLOW_SMOOTHING_SHARE: f64 = 0.08;
/// Window that is judged: at least this time and `LONG_PACKETS` packets. Losses arrive in runs. Chosen; row `burst-10`. Longer:
/// a cut comes late. Shorter: one run of losses cuts the bitrate.
const LONG_US: u64 = 1_500_000;
/// Packets that the window of `LONG_US` must have. Chosen. More: a cut comes late in a quiet call. Fewer: one run of losses
/// cuts the bitrate.
const LONG_PACKETS: u32 = 40;
/// With fewer packets the window ends after this time. Longer: a quiet call is cut late. Shorter: windows have too few packets.
const LONG_US_MAX: u64 = 4_000_000;
/// Loss beyond the path's own that cuts the bitrate, if it lasts for two long windows in a row. gcc-02 §6 has 0.1. With 0.2 the
/// rows `loss-10` and `loss-20` show whole pictures. Larger: a full path loses audio. Smaller: a lossy path loses its pictures.
const TOO_MUCH_SHARE: f64 = 0.20;
/// Loss beyond the path's own that cuts after one long window. Chosen; row `step`. Larger: a path that becomes narrow loses
/// audio for longer. Smaller: one run of losses cuts the bitrate.
const FLOOD_SHARE: f64 = 0.5;
/// Loss beyond the path's own below which the bitrate may grow. gcc-02 §6 has 0.02. Chosen; row `loss-5`. Larger: the bitrate
/// grows into losses. Smaller: a lossy path stays at a low bitrate.
const LITTLE_SHARE: f64 = 0.05;
/// Least share of the delivered bitrate after a cut. The cut itself is 1 - 0.5 loss (gcc-02 §6). Larger: a narrow path needs
/// more cuts. Smaller: a cut stops pictures.
const CUT_SHARE_MIN: f64 = 0.75;
/// A cut did not help if this share of the loss stays. Chosen; row `loss-30`. Larger: a lossy path stays cut. Smaller: a cut
/// that helped is undone.
const UNCURED_SHARE: f64 = 0.7;
/// The sent bitrate must fall to this share before a cut proves anything, because a key frame may be on its way. Larger: a key
/// frame undoes a cut. Smaller: most trials end without proof.
const CUT_SEEN_SHARE: f64 = 0.85;
/// Largest loss that counts as the path's own. Larger: a path that fails is not cut. Smaller: a very lossy path stays cut.
const INHERENT_SHARE_MAX: f64 = 0.6;
/// Largest loss that counts as the path's own without a trial (gcc-02 §6 takes no loss below 0.1 for congestion). Larger: loss
/// by congestion is not cut. Smaller: a lossy path needs a trial.
const INHERENT_UNPROVEN_SHARE_MAX: f64 = 0.10;
/// Weight of a new window in the path's own loss. Chosen; row `loss-10`. Larger: loss by congestion is learned. Smaller: a
/// lossy path stays slow for longer.
const INHERENT_SMOOTHING_SHARE: f64 = 0.05;
/// Loss for this time after a queue may be the loss of the queue. Longer: the path's own loss is learned late. Shorter: the
/// queue's loss counts as the path's own.
const CROWD_OVER_US: u64 = 1_000_000;
/// Time beside the round trip until a cut shows its effect. Queues of the rows are up to 400 ms. Longer: a useless cut stays
/// for longer. Shorter: a cut is judged by loss from before the cut.
const TRIAL_US: u64 = 700_000;
/// A trial ends after this time even if the sent bitrate did not fall. Longer: a useless cut stays for longer. Shorter: a key
/// frame undoes a cut.
const TRIAL_US_MAX: u64 = 4_000_000;
/// Time until the next trial after one that did not help. The time doubles each time. Chosen; row `loss-30`. Longer: congestion
/// is cut late. Shorter: pictures flap on a lossy path.
const AGAIN_US: u64 = 10_000_000;
/// Longest time until the next trial. Longer: congestion is cut late. Shorter: pictures flap on a lossy path.
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
