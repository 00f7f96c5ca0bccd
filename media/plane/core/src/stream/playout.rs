//! The time that a viewer keeps a picture before it shows the picture. By itself libwebrtc keeps pictures for as long as
//! packets arrive unevenly. It does not count retransmissions, so it shows retransmitted pictures late. It even drops them for
//! VP8 with temporal layers in the payload. So if one of the two paths, from publisher or to viewer, loses packets, the server
//! tells the viewer how long to wait. It uses the header extension `playout-delay` of WebRTC: least and most time, twelve bits
//! each, in units of 10 ms.

/// Share of loss of a path, from the publisher or to the viewer, smoothed. From this loss on, the viewer keeps pictures until
/// the first retransmission has arrived. Larger: pictures of a viewer with losses stutter; no effect above `LOSS_FOR_HALF`
/// (0.04), which waits even longer. Smaller: pictures are shown late without need.
const LOSS_FOR_ONE: f32 = 0.03;
/// As `LOSS_FOR_ONE` (0.03), for a stream whose late pictures the viewer's library drops. At 1 % of loss, 2 to 5 of 100
/// pictures were dropped; with the wait, 1 of 200. Larger: the viewer misses pictures. Smaller: pictures are shown late without
/// need.
const LITTLE_LOSS_FOR_ONE: f32 = 0.006;
/// Reports with losses, of the last eight, before pictures wait at a loss of `LITTLE_LOSS_FOR_ONE` (0.006). More: the wait
/// begins late, and the viewer misses pictures. Fewer: one burst of losses makes pictures late.
const LOSSY_REPORTS: u32 = 3;
/// Share of loss from which pictures also wait half of the time until the second retransmission. A picture with a packet lost
/// twice is then only a little late, and no stop is seen. Without this wait, 1 of 100 pictures stopped at 5 % of loss. Larger:
/// the viewer sees such stops; from `LOSS_FOR_TWO` (0.08) on, the full wait applies. Smaller: pictures are shown late without
/// need.
const LOSS_FOR_HALF: f32 = 0.04;
/// Share of loss above which the viewer keeps pictures until the second retransmission has arrived. At 10 %, 1 packet of 100 is
/// lost twice: 1 picture of 40 with 2.5 packets each. Larger: these pictures freeze. Smaller: all pictures are shown late
/// without need.
const LOSS_FOR_TWO: f32 = 0.08;
/// Share of loss above which the viewer keeps pictures until the third retransmission has arrived. With 2.5 packets each, 1
/// picture of 15 has a packet that is lost three times at 30 %, and 1 of 50 at 20 %. Larger: these pictures freeze. Smaller:
/// all pictures are shown late without need.
const LOSS_FOR_THREE: f32 = 0.25;
/// Weight of a new report in the loss of a path, which decides how long the viewer keeps pictures. Chosen. Larger: one bad
/// report makes pictures late. Smaller: lasting loss is seen late, and pictures stutter until then.
const SMOOTHING: f32 = 0.3;
/// Packets. A report on fewer packets has less weight in the loss of a path. In the first report of a call, a few lost packets
/// may be half. Larger: loss of a stream with few packets is seen late, and its pictures stutter. Smaller: a few lost packets
/// make pictures late at the start.
const WHOLE_REPORT: f32 = 60.0;
/// Microseconds that a picture waits for a retransmission beyond the round-trip time, only while a path loses packets (twice if
/// both paths do). The viewer notices a loss at the next packet, up to 42 ms later (24 pictures a second). Decoding takes 13
/// ms, and the display takes its picture 10 ms ahead. Longer: pictures are shown late. Shorter: the retransmission arrives too
/// late, and pictures stutter.
const NOTICED_US: u64 = 65_000;
/// Microseconds. Chosen. The longest wait of a picture. Longer: on a far and lossy path, the talk is delayed too much. Shorter:
/// pictures there are shown before the retransmission arrives, and they stutter.
const KEEP_US_MAX: u64 = 600_000;
/// Microseconds for which the viewer keeps pictures before a shorter wait is set, because each change plays pictures slower or
/// faster for a moment. Longer: after losses end, pictures stay late. Shorter: pictures often change their speed.
const KEPT_US: u64 = 20_000_000;
/// Microseconds. A smaller change of the time that the viewer keeps pictures is not sent. Larger: the time does not fit the
/// loss, so pictures stutter or are late. Smaller: pictures often change their speed.
const STEP_US: u64 = 30_000;
/// Microseconds. The unit of the header extension `playout-delay` (WebRTC). Larger: viewers keep pictures for less time than
/// necessary, and pictures stutter. Smaller: viewers show pictures too late.
const UNIT_US: u64 = 10_000;
/// Units of 10 ms. The largest delay of pictures that the extension permits: 10 s, as libraries assume without the extension.
/// Larger: a viewer may show pictures later; above 4,095 (12 bits) the least delay is overwritten. Smaller: a viewer on a path
/// with much jitter may not wait long enough, and pictures stutter.
const MOST: u32 = 1_000;

#[derive(Clone, Copy, Debug, Default)]
pub struct Playout {
    down: Leg,
    up: Leg,
    keep_us: u64,
    until_us: u64,
    /// True after the first wait. From then on the extension is always sent.
    told: bool,
}

impl Playout {
    /// Take the losses of the path to the viewer and of the path from the publisher. `described`: each packet says what its
    /// picture depends on, so no library drops a late picture.
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

    /// Return the value of the extension. None if it is not sent.
    #[inline]
    pub fn limits(&self) -> Option<[u8; 3]> {
        let [_, a, b, c] = ((self.keep_us.div_ceil(UNIT_US) as u32) << 12 | MOST).to_be_bytes();
        self.told.then_some([a, b, c])
    }
}

/// The report about one path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub report: Report,
    pub rtt_us: u64,
    /// Time between two requests for the same packet.
    pub again_us: u64,
}

/// The losses of a stream since the last report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Share, 0 to 1.
    pub fraction: f32,
    /// Number of packets that `fraction` is a share of.
    pub packets: u32,
    /// The time of the report. Each report counts once.
    pub at_us: u64,
}

/// One path, and its losses.
#[derive(Clone, Copy, Debug, Default)]
struct Leg {
    loss: f32,
    /// One bit for each of the last reports, set if it had losses. The last report is the lowest bit.
    lossy: u8,
    /// The time of the last report that counted.
    told_us: u64,
}

impl Leg {
    /// Note a report, and return how long pictures must wait for lost packets of this path. 0 if it loses few packets.
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
