//! The bitrate of one stream for each layer and temporal id, as the publisher sends it now. The value is smoothed over about a
//! second. The allocation takes it as the cost of forwarding the stream.

use crate::codec::selection::Place;

/// Temporal ids (steps of the frame rate) whose bitrate is counted separately; higher ids count with the last. Chosen: browsers
/// send at most three. Larger: only more memory for each layer. Smaller than three: two ids become one step, so a viewer on a
/// narrow path loses both at once.
pub const TEMPORALS: usize = 4;
/// Spatial layers (steps of the picture size) whose bitrate is counted separately; higher layers count with the last. Chosen:
/// browsers send at most three. Larger: only more memory for each layer. Smaller than three: two layers become one step, so a
/// viewer on a narrow path loses both at once.
pub const SPATIALS: usize = 4;
/// Bytes of one packet beside its payload, about: RTP header (12), extensions, and the tag of SRTP (10 or 16). Larger: streams
/// seem to need more bitrate than they do, and viewers get smaller pictures. Smaller: granted streams exceed the estimate, a
/// queue builds up, and the viewer's audio is late.
pub const OVERHEAD_BYTES: usize = 40;
/// Microseconds. Chosen. The least time over which the bitrate of a stream is measured once. Longer: the first bitrate of a new
/// picture is known later, and viewers on a narrow path see its lowest layer until then. Shorter: the first measurement has few
/// packets and may be wrong for about a second. Later measurements are smoothed (`SMOOTHING_US`), so they hardly change.
const WINDOW_US: u64 = 200_000;
/// Microseconds. Chosen. The time constant of the smoothed bitrate of a stream. Longer: a stream that grows exceeds the
/// viewer's path for longer, and audio is late. Shorter: each key frame looks like a higher bitrate, and pictures change their
/// size often.
const SMOOTHING_US: f64 = 1e6;
/// A layer or temporal id with a smaller share of all bytes counts as not sent. Larger: a small layer that is really sent is
/// never offered to viewers. Smaller: a few stray packets count as a layer, and a viewer may be switched to a layer without
/// pictures.
const SHARE_MIN: f64 = 0.02;

#[derive(Debug, Default)]
pub struct Bitrates {
    bytes: [[usize; TEMPORALS]; SPATIALS],
    since_us: Option<u64>,
    bps: [[f64; TEMPORALS]; SPATIALS],
    packets: usize,
    packets_per_s: f64,
    measured: bool,
}

impl Bitrates {
    /// Count one packet.
    #[inline]
    pub fn note(&mut self, place: Option<Place>, payload_bytes: usize) {
        self.packets += 1;
        let (spatial, temporal) =
            place.map_or((0, 0), |place| (usize::from(place.spatial), usize::from(place.temporal)));
        self.bytes[spatial.min(SPATIALS - 1)][temporal.min(TEMPORALS - 1)] += payload_bytes + OVERHEAD_BYTES;
    }

    /// Count bytes of copies of older audio (RED) in a packet.
    #[inline]
    pub fn note_redundant(&mut self, bytes: usize) {
        self.bytes[0][1] += bytes;
    }

    /// Return the bit/s without copies.
    pub fn plain_bps(&self) -> u64 {
        self.bps[0][0] as u64
    }

    /// Return the packets per second and the mean payload bytes of one packet, both without copies.
    pub fn packets(&self) -> (f64, f64) {
        let bytes = self.bps[0][0] / 8.0 / self.packets_per_s.max(1.0) - OVERHEAD_BYTES as f64;
        (self.packets_per_s, bytes.max(0.0))
    }

    /// Update the bitrates with the packets since the last update. The caller repeats this at short intervals.
    pub fn settle(&mut self, now_us: u64) {
        let since_us = *self.since_us.get_or_insert(now_us);
        let elapsed_us = now_us.saturating_sub(since_us);
        if elapsed_us < WINDOW_US {
            return;
        }
        self.since_us = Some(now_us);
        let elapsed_us = elapsed_us as f64;
        let share = if self.measured { elapsed_us / (elapsed_us + SMOOTHING_US) } else { 1.0 };
        for (bps, bytes) in self.bps.as_flattened_mut().iter_mut().zip(self.bytes.as_flattened_mut()) {
            *bps += share * (std::mem::take(bytes) as f64 * 8e6 / elapsed_us - *bps);
        }
        let packets_per_s = std::mem::take(&mut self.packets) as f64 * 1e6 / elapsed_us;
        self.packets_per_s += share * (packets_per_s - self.packets_per_s);
        self.measured = self.measured || self.total_bps() > 0;
    }

    pub fn total_bps(&self) -> u64 {
        self.all_bps() as u64
    }

    fn all_bps(&self) -> f64 {
        self.bps.as_flattened().iter().sum()
    }

    /// Return the highest layer that is sent.
    pub fn top_spatial(&self) -> u8 {
        let least_bps = self.all_bps() * SHARE_MIN;
        self.bps.iter().rposition(|bps| bps.iter().sum::<f64>() > least_bps).unwrap_or(0) as u8
    }

    /// Return each temporal id that is sent in the layers up to `spatial`, with the bit/s of all packets up to both. Return
    /// nothing if the bitrate is not measured yet or the layer is not sent.
    pub fn steps(&self, spatial: u8) -> impl Iterator<Item = (u8, u64)> {
        let layers = usize::from(spatial).min(SPATIALS - 1) + 1;
        let least_bps = self.all_bps() * SHARE_MIN;
        let is_sent = self.measured && self.bps[layers - 1].iter().sum::<f64>() > least_bps;
        let mut sum = 0.0;
        (0..TEMPORALS).filter_map(move |temporal| {
            let bps: f64 = self.bps[..layers].iter().map(|layer| layer[temporal]).sum();
            sum += bps;
            (is_sent && bps > least_bps).then_some((temporal as u8, sum as u64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::selection::Rise;

    fn place(spatial: u8, temporal: u8) -> Place {
        Place { spatial, temporal, starts_frame: true, ends_frame: true, fresh: false, rise: Rise::No }
    }

    /// Add seconds of 30 frames of 960 bytes with the temporal ids 0 2 1 2.
    fn run(bitrates: &mut Bitrates, from_s: u64, seconds: u64) {
        for n in from_s * 30..(from_s + seconds) * 30 {
            bitrates.note(Some(place(0, [0, 2, 1, 2][n as usize % 4])), 960);
            bitrates.settle(n * 33_333);
        }
    }

    #[test]
    fn each_temporal_id_has_its_share() {
        let mut bitrates = Bitrates::default();
        run(&mut bitrates, 0, 10);
        let steps: Vec<_> = bitrates.steps(0).collect();
        let near = |bps: u64, wanted: f64| (bps as f64 - wanted).abs() < 0.15 * wanted;
        assert_eq!(steps.iter().map(|step| step.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(near(steps[0].1, 6e4) && near(steps[1].1, 12e4) && near(steps[2].1, 24e4), "{steps:?}");
    }

    #[test]
    fn a_layer_costs_what_lies_below_it_too() {
        let mut bitrates = Bitrates::default();
        for n in 0..300 {
            let temporal = n as u8 % 2;
            bitrates.note(Some(place(0, temporal)), 85);
            bitrates.note(Some(place(1, temporal)), 460);
            bitrates.settle(n * 33_333);
        }
        let steps = |spatial| bitrates.steps(spatial).collect::<Vec<_>>();
        let near = |step: (u8, u64), temporal: u8, wanted: f64| {
            step.0 == temporal && (step.1 as f64 - wanted).abs() < 0.15 * wanted
        };
        assert_eq!(bitrates.top_spatial(), 1);
        assert!(matches!(steps(0)[..], [a, b] if near(a, 0, 15e3) && near(b, 1, 30e3)), "{:?}", steps(0));
        assert!(matches!(steps(1)[..], [a, b] if near(a, 0, 75e3) && near(b, 1, 150e3)), "{:?}", steps(1));
        assert_eq!(steps(2), []);
    }

    #[test]
    fn without_temporal_ids_there_is_one_step_and_none_before_it_is_measured() {
        let mut bitrates = Bitrates::default();
        bitrates.note(None, 960);
        bitrates.settle(1_000_000);
        assert_eq!(bitrates.steps(0).count(), 0);
        (0..30).for_each(|_| bitrates.note(None, 960));
        bitrates.settle(2_000_000);
        assert_eq!(bitrates.steps(0).collect::<Vec<_>>(), [(0, 248_000)]);
    }

    #[test]
    fn what_is_redundant_is_told_apart() {
        let mut bitrates = Bitrates::default();
        for n in 0..500 {
            bitrates.note(None, 60);
            bitrates.note_redundant(64);
            bitrates.settle(n * 20_000);
        }
        let near = |bps: u64, wanted: u64| bps.abs_diff(wanted) < 2_000;
        assert!(near(bitrates.plain_bps(), 40_000) && near(bitrates.total_bps(), 65_600), "{bitrates:?}");
        let (packets_per_s, bytes) = bitrates.packets();
        assert!((packets_per_s - 50.0).abs() < 0.5 && (bytes - 60.0).abs() < 1.0, "{bitrates:?}");
    }

    #[test]
    fn what_falls_silent_fades() {
        let mut bitrates = Bitrates::default();
        run(&mut bitrates, 0, 10);
        (0..100).for_each(|n| bitrates.settle(10_000_000 + n * 100_000));
        assert!(bitrates.total_bps() < 1_000);
    }
}
