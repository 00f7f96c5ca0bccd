//! How long a viewer keeps pictures before it shows them. By itself a library (libwebrtc) keeps them as long as they arrive
//! unevenly, not counting those that had to be sent again: these are shown late. Of VP8 that tells its temporal layers in the payload
//! it leaves them out. So where the way to it, or the one from the publisher, loses packets it is told to wait for them, by a header
//! extension (`playout-delay` of WebRTC: twelve bits each of the least and the most, in units of 10 ms).

/// Share lost, as the viewer reports it, above which pictures wait for what is sent again.
const LOSS_FOR_ONE: f32 = 0.03;
/// The same where they would be left out: 2 to 5 of 100 pictures stayed away at 1 % of loss, with the wait one of 200.
const LITTLE_LOSS_FOR_ONE: f32 = 0.006;
/// So many of the last eight reports tell of it then: it is no single event.
const LOSSY_REPORTS: u32 = 3;
/// Above which they wait half of the time until it is sent a second time: what is lost twice comes so little late then that no
/// picture is seen to stand, which one of a hundred did at 5 %.
const LOSS_FOR_HALF: f32 = 0.04;
/// Above which they wait for what is sent a second time: at 10 % one picture of forty has a packet that is lost twice.
const LOSS_FOR_TWO: f32 = 0.08;
/// And a third time: at 30 % one of fifteen has a packet that is lost three times, at 20 % one of fifty.
const LOSS_FOR_THREE: f32 = 0.25;
const SMOOTHING: f32 = 0.3;
/// A report of fewer packets counts for so much less: of the few at the start of a call a handful lost is half of all.
const WHOLE_REPORT: f32 = 60.0;
/// It is seen with the next packet that one is missing, which may be of the next picture: 42 ms of 24 a second. And a library takes
/// a picture 10 ms before it is shown, and the time for decoding it.
const NOTICED_US: u64 = 65_000;
const KEEP_US_MAX: u64 = 600_000;
/// Less is wanted only after so long: each change makes pictures slower or faster for a moment.
const KEPT_US: u64 = 20_000_000;
/// A change smaller than this is none.
const STEP_US: u64 = 30_000;
const UNIT_US: u64 = 10_000;
/// What libraries take for the most without a word.
const MOST: u32 = 1_000;

#[derive(Clone, Copy, Debug, Default)]
pub struct Playout {
    down: Leg,
    up: Leg,
    keep_us: u64,
    until_us: u64,
    /// It was told something once, and from then on is told always.
    told: bool,
}

impl Playout {
    /// The viewer told what was lost on the way to it; what was on the way from the publisher is known here. `described`: the stream
    /// tells with each packet what its picture builds on, so that no library leaves out what comes late.
    pub fn note_loss(&mut self, down: Told, up: Told, described: bool, now_us: u64) {
        let wanted_us = (self.down.note(down, described) + self.up.note(up, described)).min(KEEP_US_MAX);
        if wanted_us + STEP_US > self.keep_us && wanted_us > 0 {
            self.until_us = now_us + KEPT_US;
        }
        if wanted_us > self.keep_us + STEP_US || now_us >= self.until_us {
            self.keep_us = wanted_us;
            self.told |= wanted_us > 0;
        }
    }

    /// The value of the extension; None: it is left out.
    #[inline]
    pub fn limits(&self) -> Option<[u8; 3]> {
        let [_, a, b, c] = ((self.keep_us.div_ceil(UNIT_US) as u32) << 12 | MOST).to_be_bytes();
        self.told.then_some([a, b, c])
    }
}

/// What is told of one way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub report: Report,
    pub rtt_us: u64,
    /// From one question for a packet to the next.
    pub again_us: u64,
}

/// What was lost of a stream since the report before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Share, 0 to 1 ...
    pub fraction: f32,
    /// ... of so many packets.
    pub packets: u32,
    /// When it was made: each counts once.
    pub at_us: u64,
}

/// One way, and what is lost on it.
#[derive(Clone, Copy, Debug, Default)]
struct Leg {
    loss: f32,
    /// Which of the last reports told of losses; the last one stands lowest.
    lossy: u8,
    /// The last report that counted is of then.
    told_us: u64,
}

impl Leg {
    /// How long a packet takes that was lost.
    fn note(&mut self, Told { report, rtt_us, again_us }: Told, described: bool) -> u64 {
        if report.at_us > self.told_us {
            let weight = SMOOTHING * (report.packets as f32 / WHOLE_REPORT).min(1.0);
            self.loss += weight * (report.fraction - self.loss);
            self.lossy = self.lossy << 1 | u8::from(report.fraction > 0.0);
            self.told_us = report.at_us;
        }
        let once_us = rtt_us + NOTICED_US;
        let lasts = !described && self.lossy.count_ones() >= LOSSY_REPORTS;
        match self.loss {
            loss if loss >= LOSS_FOR_THREE => once_us + 2 * again_us,
            loss if loss >= LOSS_FOR_TWO => once_us + again_us,
            loss if loss >= LOSS_FOR_HALF => once_us + again_us / 2,
            loss if loss >= LOSS_FOR_ONE => once_us,
            loss if loss >= LITTLE_LOSS_FOR_ONE && lasts => once_us,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep_ms(playout: &Playout) -> Option<u32> {
        playout.limits().map(|[a, b, _]| (u32::from(a) << 4 | u32::from(b) >> 4) * 10)
    }

    fn of(packets: u32, fraction: f32, at_us: u64) -> Report {
        Report { fraction, packets, at_us }
    }

    const NOTHING: Told = Told { report: Report { fraction: 0.0, packets: 0, at_us: 0 }, rtt_us: 0, again_us: 0 };

    fn told(report: Report, rtt_us: u64) -> Told {
        Told { report, rtt_us, again_us: 120_000 }
    }

    #[test]
    fn pictures_wait_for_what_is_sent_again_and_no_longer_than_it_is_lost() {
        let (mut playout, mut now_us) = (Playout::default(), 0);
        let mut seconds = |playout: &mut Playout, count: u64, fraction: f32| {
            for _ in 0..count {
                now_us += 1_000_000;
                playout.note_loss(told(of(60, fraction, now_us), 50_000), NOTHING, false, now_us);
            }
            keep_ms(playout)
        };
        assert_eq!(seconds(&mut playout, 60, 0.004), None, "now and then one picture");
        assert_eq!(seconds(&mut playout, 5, 0.01), Some(120));
        assert_eq!(seconds(&mut playout, 5, 0.03), Some(120));
        assert_eq!(seconds(&mut playout, 5, 0.06), Some(180), "what needs two tries shall come little late");
        assert_eq!(seconds(&mut playout, 10, 0.1), Some(240), "of a picture's packets one often needs them");
        assert_eq!(seconds(&mut playout, 10, 0.3), Some(360), "or three");
        assert_eq!(seconds(&mut playout, 15, 0.0), Some(360));
        assert_eq!(seconds(&mut playout, 30, 0.0), Some(0));
        assert_eq!(playout.limits(), Some([0, 3, 0xe8]), "10 s at most");
    }

    #[test]
    fn of_a_stream_that_describes_itself_little_is_not_waited_for() {
        for (described, kept_ms) in [(true, None), (false, Some(120))] {
            let mut playout = Playout::default();
            for second in 1..60 {
                playout.note_loss(
                    told(of(60, 0.02, second * 1_000_000), 50_000),
                    NOTHING,
                    described,
                    second * 1_000_000,
                );
            }
            assert_eq!(keep_ms(&playout), kept_ms, "described: {described}");
            for second in 60..70 {
                playout.note_loss(
                    told(of(60, 0.035, second * 1_000_000), 50_000),
                    NOTHING,
                    described,
                    second * 1_000_000,
                );
            }
            assert_eq!(keep_ms(&playout), Some(120), "described: {described}");
        }
    }

    #[test]
    fn a_handful_lost_of_the_first_packets_delays_nothing() {
        for (packets, fraction) in [(4, 1.0), (8, 0.5), (40, 0.1)] {
            let mut playout = Playout::default();
            let first = of(packets, fraction, 1_000_000);
            playout.note_loss(told(first, 100_000), told(first, 100_000), false, 1_000_000);
            for second in 2..20 {
                let none = of(60, 0.0, second * 1_000_000);
                playout.note_loss(told(none, 50_000), told(none, 50_000), false, second * 1_000_000);
            }
            assert_eq!(keep_ms(&playout), None, "of {packets}");
        }
    }

    #[test]
    fn real_loss_of_a_thin_stream_counts_with_its_second_report() {
        let mut playout = Playout::default();
        for now_us in [1_000_000, 2_000_000] {
            playout.note_loss(told(of(36, 0.1, now_us), 50_000), NOTHING, false, now_us);
        }
        assert_eq!(keep_ms(&playout), Some(120));
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut playout = Playout::default();
        playout.note_loss(told(of(60, 0.9, 1), 29_000_000), NOTHING, false, 1);
        assert_eq!(keep_ms(&playout), Some(600));
    }

    #[test]
    fn both_ways_count() {
        let mut playout = Playout::default();
        for second in 1..10 {
            let loss = of(60, 0.035, second * 1_000_000);
            playout.note_loss(told(loss, 50_000), told(loss, 30_000), false, second * 1_000_000);
        }
        assert_eq!(keep_ms(&playout), Some(210));
    }

    #[test]
    fn a_report_counts_once() {
        let mut playout = Playout::default();
        let once = of(60, 0.09, 1_000_000);
        (1..30).for_each(|second| playout.note_loss(NOTHING, told(once, 50_000), false, second * 1_000_000));
        assert_eq!(keep_ms(&playout), None);
        (2..5).for_each(|second| {
            let again = of(60, 0.045, second * 1_000_000);
            playout.note_loss(NOTHING, told(again, 50_000), false, 30_000_000 + second);
        });
        assert_eq!(keep_ms(&playout), Some(120));
    }
}
