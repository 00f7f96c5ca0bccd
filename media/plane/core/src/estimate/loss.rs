//! Losses told by feedback, and whether they come of our sending too much. Loss that sending less did not cure is the
//! path's own and is not counted against the bitrate again (as long as it stays about so).

const WINDOW_US: u64 = 200_000;
const WINDOW_PACKETS: u32 = 20;
/// With fewer packets a window lasts up to this.
const WINDOW_US_MAX: u64 = 1_000_000;
const WINDOW_PACKETS_MIN: u32 = 8;
const SMOOTHING: f64 = 0.3;
/// Loss beyond the path's own above which less is sent.
const TOO_MUCH: f64 = 0.10;
/// So much in one window is not waited with.
const FLOOD: f64 = 0.4;
/// Below this the bitrate may grow.
const LITTLE: f64 = 0.05;
/// A cut that left at least this share of the loss has cured nothing.
const UNCURED: f64 = 0.7;
/// The sending bitrate must have fallen to this for a cut to prove anything.
const CUT_SEEN: f64 = 0.85;
const INHERENT_MAX: f64 = 0.6;
const INHERENT_DECAY: f64 = 0.03;
/// How long a cut gets to show what it does, beside the round trip.
const TRIAL_US: u64 = 800_000;
const TRIAL_US_MAX: u64 = 4_000_000;

/// What a window of packets says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Nothing,
    /// This share of what is delivered may go out.
    Cut(f64),
    /// The last cut cured nothing: what it took may be given back.
    Undo,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    loss: f64,
    sent_bps: f64,
    due_us: u64,
    gives_up_us: u64,
}

#[derive(Debug, Default)]
pub struct Loss {
    lost: u32,
    received: u32,
    since_us: u64,
    recent: f64,
    inherent: f64,
    trial: Option<Trial>,
}

impl Loss {
    pub fn note(&mut self, received: bool) {
        *(if received { &mut self.received } else { &mut self.lost }) += 1;
    }

    pub fn note_many(&mut self, lost: u32, received: u32) {
        (self.lost, self.received) = (self.lost.saturating_add(lost), self.received.saturating_add(received));
    }

    /// A packet that was counted as lost has come after all.
    pub fn note_late(&mut self) {
        self.received += 1;
        self.lost = self.lost.saturating_sub(1);
    }

    /// Share of packets lost lately.
    pub fn fraction(&self) -> f64 {
        self.recent
    }

    pub fn is_little(&self) -> bool {
        self.excess(self.recent) < LITTLE
    }

    /// What was lost while the path was dead says nothing of its bitrate.
    pub fn forget(&mut self, now_us: u64) {
        (self.lost, self.received, self.since_us, self.trial) = (0, 0, now_us, None);
    }

    pub fn judge(&mut self, sent_bps: f64, rtt_us: u64, now_us: u64) -> Verdict {
        let (count, lasted_us) = (self.lost.saturating_add(self.received), now_us.saturating_sub(self.since_us));
        let full = lasted_us >= WINDOW_US && count >= WINDOW_PACKETS;
        if !full && lasted_us < WINDOW_US_MAX {
            return Verdict::Nothing;
        }
        let loss = f64::from(self.lost) / f64::from(count.max(1));
        (self.lost, self.received, self.since_us) = (0, 0, now_us);
        if count < WINDOW_PACKETS_MIN {
            return Verdict::Nothing;
        }
        self.recent += SMOOTHING * (loss - self.recent);
        if self.recent < self.inherent {
            self.inherent += INHERENT_DECAY * (self.recent - self.inherent);
        }
        if let Some(trial) = self.trial {
            return self.judge_trial(trial, sent_bps, now_us);
        }
        // What was lost before is over when nothing is lost now.
        let lately = self.recent.min(2.0 * loss);
        let excess = self.excess(lately).max(if loss > FLOOD { self.excess(loss) } else { 0.0 });
        if excess <= TOO_MUCH {
            return Verdict::Nothing;
        }
        let due_us = now_us + TRIAL_US + rtt_us;
        let gives_up_us = now_us + TRIAL_US_MAX + rtt_us;
        self.trial = Some(Trial { loss: loss.max(self.recent), sent_bps, due_us, gives_up_us });
        Verdict::Cut(1.0 - 0.5 * excess)
    }

    fn judge_trial(&mut self, trial: Trial, sent_bps: f64, now_us: u64) -> Verdict {
        if now_us < trial.due_us {
            return Verdict::Nothing;
        }
        if sent_bps > trial.sent_bps * CUT_SEEN {
            // Nothing was taken away yet: a key frame is on its way, or there is nothing to take.
            if now_us >= trial.gives_up_us {
                self.trial = None;
                self.inherent = self.recent.min(INHERENT_MAX);
            }
            return Verdict::Nothing;
        }
        self.trial = None;
        if self.recent < trial.loss * UNCURED {
            return Verdict::Nothing;
        }
        self.inherent = self.recent.min(INHERENT_MAX);
        Verdict::Undo
    }

    fn excess(&self, loss: f64) -> f64 {
        ((loss - self.inherent) / (1.0 - self.inherent)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of `bps` in 20 windows of 50 packets, of which `loss(bps)` are lost. The cuts it led to.
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
    fn loss_that_less_cures_cuts_to_what_fits_and_stays_there() {
        let (mut loss, mut bps) = (Loss::default(), 2e6);
        let (cuts, undone) = seconds(&mut loss, 1, 60, &mut bps, |bps| (1.0 - 3e5 / bps).max(0.0));
        assert!((1..=3).contains(&cuts) && undone == 0, "{cuts} {undone}");
        assert!((1.2e5..=3.3e5).contains(&bps), "{bps}");
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
