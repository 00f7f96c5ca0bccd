//! A test whether the path carries more. For a moment more is sent than media alone, and the bitrate that arrives is the
//! answer. `allocate.rs` decides when, and `pace.rs` with which bytes.

/// Microseconds of a probe (extra packets that test whether the path carries more). libwebrtc has 15 ms and 5 packets. Our
/// pacer sends each 5 ms, so it needs longer. Longer: on a narrow path the probe builds a long queue, and the viewer's audio is
/// late. Shorter: too few packets arrive for a result.
pub const LASTS_US: u64 = 100_000;
/// Packets of a probe (extra packets that test the path) that must arrive for a result (libwebrtc `kMinProbePacketsSent`).
/// Larger: on a narrow path most probes have no result, and pictures stay small. Smaller: jitter decides the result.
const PACKETS_MIN: u32 = 5;
/// The path is full if less than this share of a probe's bitrate arrives (libwebrtc `kMinRatioForUnsaturatedLink`). Larger:
/// jitter makes a wide path look full, and pictures stay small. Smaller: a full path looks wide, and the next pictures fill its
/// queue.
const UNSATURATED_SHARE_MIN: f64 = 0.9;
/// If a probe (extra packets that test the path) shows a full path, the bitrate rises to this share of what arrived (libwebrtc
/// `kTargetUtilizationFraction`). It never falls by a probe. Larger: a queue builds up, and the viewer's audio is late.
/// Smaller: a part of the path stays unused, and pictures are smaller.
const TARGET_USE_SHARE: f64 = 0.95;
/// Microseconds, plus a round trip, from the end of a probe until its missing feedback counts as lost. If all its packets
/// arrive, the result does not wait for this. A probe is extra packets that test the path. libwebrtc's largest feedback
/// interval is 250 ms. Longer: after a loss the next probe waits, and good pictures come back later. Shorter: packets whose
/// feedback is late look lost, and a wide path looks full.
const ANSWER_US: u64 = 400_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// The path carried the probe whole at this bitrate.
    Carried(f64),
    /// The path carries no more than this.
    Full(f64),
    /// The probe had too few packets or too little feedback.
    Unclear,
}

#[derive(Clone, Copy, Debug)]
struct Ends<T> {
    first: T,
    last: T,
}

#[derive(Clone, Copy, Debug)]
struct Cluster {
    target_bps: f64,
    began_us: u64,
    sent_bytes: usize,
    sent: Option<Ends<(u64, usize)>>,
    arrived: Option<Ends<(i64, usize)>>,
    arrived_bytes: usize,
    packets: u32,
}

#[derive(Debug, Default)]
pub struct Probe {
    cluster: Option<Cluster>,
    id: u8,
}

impl Probe {
    pub fn start(&mut self, target_bps: f64, now_us: u64) {
        self.id = self.id.checked_add(1).unwrap_or(1);
        self.cluster = Some(Cluster {
            target_bps,
            began_us: now_us,
            sent_bytes: 0,
            sent: None,
            arrived: None,
            arrived_bytes: 0,
            packets: 0,
        });
    }

    pub fn is_under_way(&self) -> bool {
        self.cluster.is_some()
    }

    /// Return the number of the probe that a packet sent now belongs to; 0 without one.
    #[inline]
    pub fn id(&self, now_us: u64) -> u8 {
        match &self.cluster {
            Some(cluster) if now_us < cluster.began_us + LASTS_US => self.id,
            _ => 0,
        }
    }

    pub fn note_sent(&mut self, bytes: usize, now_us: u64) {
        let Some(cluster) = &mut self.cluster else { return };
        cluster.sent_bytes += bytes;
        let first = cluster.sent.map_or((now_us, bytes), |ends| ends.first);
        cluster.sent = Some(Ends { first, last: (now_us, bytes) });
    }

    /// Return the bytes that the probe has not sent yet at its bitrate. None if the probe sends no more.
    pub fn due_bytes(&self, now_us: u64) -> Option<usize> {
        let cluster = self.cluster.as_ref().filter(|cluster| now_us < cluster.began_us + LASTS_US)?;
        // Plus one packet, so that the first packet is sent at once.
        let by_now = cluster.target_bps / 8e6 * (now_us - cluster.began_us) as f64 + 1_000.0;
        Some((by_now as usize).saturating_sub(cluster.sent_bytes))
    }

    pub fn note_arrived(&mut self, id: u8, bytes: usize, arrived_us: i64) {
        let Some(cluster) = self.cluster.as_mut().filter(|_| id == self.id) else { return };
        let here = (arrived_us, bytes);
        let ends = cluster.arrived.get_or_insert(Ends { first: here, last: here });
        if arrived_us > ends.last.0 {
            ends.last = here;
        }
        if arrived_us < ends.first.0 {
            ends.first = here;
        }
        cluster.arrived_bytes += bytes;
        cluster.packets += 1;
    }

    /// Return the answer once all feedback must have arrived. `arrives`: the share of packets that the path does not lose by
    /// itself.
    pub fn answer(&mut self, arrives: f64, rtt_us: u64, now_us: u64) -> Option<Answer> {
        let cluster = self.cluster?;
        let ended_us = cluster.began_us + LASTS_US;
        let all = now_us >= ended_us + rtt_us && cluster.arrived_bytes >= cluster.sent_bytes;
        if !all && now_us < ended_us + rtt_us + ANSWER_US {
            return None;
        }
        self.cluster = None;
        Some(cluster.judge(arrives))
    }
}

impl Cluster {
    fn judge(&self, arrives: f64) -> Answer {
        let (Some(sent), Some(arrived)) = (self.sent, self.arrived) else { return Answer::Unclear };
        let sent_us = (sent.last.0 - sent.first.0) as f64;
        let arrived_us = (arrived.last.0 - arrived.first.0) as f64;
        if self.packets < PACKETS_MIN || sent_us < LASTS_US as f64 / 3.0 || arrived_us <= 0.0 {
            return Answer::Unclear;
        }
        let sent_bps = (self.sent_bytes - sent.last.1) as f64 * 8e6 / sent_us;
        let arrived_bps = (self.arrived_bytes.saturating_sub(arrived.first.1)) as f64 * 8e6 / arrived_us / arrives;
        if arrived_bps < UNSATURATED_SHARE_MIN * sent_bps {
            return Answer::Full(arrived_bps * TARGET_USE_SHARE);
        }
        Answer::Carried(sent_bps.min(arrived_bps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Send a probe of 1 Mbit/s over a path of `path_bps`, and return the answer.
    fn probe(path_bps: f64) -> Option<Answer> {
        let mut probe = Probe::default();
        probe.start(1e6, 1_000_000);
        let mut free_us = 0.0_f64;
        for now_us in (1_000_000..1_000_000 + LASTS_US).step_by(5_000) {
            while probe.due_bytes(now_us).is_some_and(|due| due > 0) {
                probe.note_sent(500, now_us);
                free_us = free_us.max(now_us as f64) + 500.0 * 8e6 / path_bps;
                probe.note_arrived(probe.id(now_us), 500, free_us as i64 - 77_000_000);
            }
        }
        assert_eq!(probe.due_bytes(1_000_000 + LASTS_US), None);
        assert_eq!(probe.answer(1.0, 50_000, 1_000_000 + LASTS_US), None);
        probe.answer(1.0, 50_000, 1_000_000 + LASTS_US + 50_000)
    }

    #[test]
    fn a_wide_path_carries_it_and_a_narrow_one_tells_its_width() {
        let Some(Answer::Carried(bps)) = probe(5e6) else { panic!() };
        assert!((0.85e6..1.15e6).contains(&bps), "{bps}");
        let Some(Answer::Full(bps)) = probe(4e5) else { panic!() };
        assert!((3.4e5..4.1e5).contains(&bps), "{bps}");
    }

    #[test]
    fn without_feedback_it_ends_unclear() {
        let mut probe = Probe::default();
        probe.start(1e6, 0);
        (0..20).for_each(|i| probe.note_sent(600, i * 5_000));
        assert_eq!(probe.answer(1.0, 50_000, 500_000), None);
        assert_eq!(probe.answer(1.0, 50_000, 600_000), Some(Answer::Unclear));
        assert!(!probe.is_under_way());
    }
}
