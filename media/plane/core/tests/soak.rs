//! A call of two days in virtual time. Sequence numbers, SRTP indices, transport-wide numbers and timestamps wrap three times
//! each. Packets stay in order, a retransmission is the right packet, and the memory does not grow.

mod peer;

use peer::{Got, Peer, Stage};
use plane_core::wire::rtp;
use plane_core::wire::srtp::Inbound;
use plane_core::wire::srtp_profile::Profile;

/// Pictures at 30 a second.
const LIVELY: u32 = 23_000;
/// Packets of one such picture. Together with the slides there are more than three times 65,536.
const PACKETS: usize = 8;
/// Pictures, one in five seconds. At 90,000 ticks a second, 40 hours give three wraps.
const SLIDES: u32 = 28_800;
const SLIDE_US: u64 = 5_000_000;
const TICKS_PER_S: u64 = 90_000;
const RSS_GAIN_MAX: usize = 1 << 20;

struct Call {
    stage: Stage,
    publisher: Peer,
    viewer: Peer,
    sequence: u16,
    timestamp: u32,
    /// Ticks from the last picture to this picture.
    step: u32,
    picture: u16,
    last: Option<Got>,
    sent: u64,
    ticks: u64,
}

impl Call {
    fn new() -> Self {
        let mut stage = Stage::new();
        let publisher = stage.join(1);
        stage.publish(&publisher, 10, 1);
        let viewer = stage.join(2);
        stage.consume(&viewer, 100, 10);
        let (sequence, timestamp, step, picture, last) = (0, 0, 0, 0, None);
        Call { stage, publisher, viewer, sequence, timestamp, step, picture, last, sent: 0, ticks: 0 }
    }

    /// Send a picture, advance to the next picture, and check the packets that the viewer got.
    fn show(&mut self, packets: usize, us: u64) {
        let number = self.picture;
        for at in 0..packets {
            let start = if at == 0 { 0x90 } else { 0x80 };
            let delta = u8::from(number % 500 != 0);
            let mut payload = [at as u8; 60];
            payload[..5].copy_from_slice(&[start, 0x80, 0x80 | (number >> 8) as u8, number as u8, delta]);
            let about = (98, self.timestamp, at + 1 == packets);
            let packet = self.publisher.recorded(self.sequence, about, &[], &payload);
            self.stage.deliver(&self.publisher, &packet);
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.stage.advance(us);
        self.look(packets);
        self.step = (us * TICKS_PER_S / 1_000_000) as u32;
        self.timestamp = self.timestamp.wrapping_add(self.step);
        self.ticks += u64::from(self.step);
        self.sent += packets as u64;
        self.picture = (self.picture + 1) & 0x7fff;
    }

    fn look(&mut self, packets: usize) {
        let got = self.stage.media_of(&mut self.viewer);
        assert_eq!(got.len(), packets, "after {} packets", self.sent);
        for (at, one) in got.into_iter().enumerate() {
            if let Some(last) = &self.last {
                assert_eq!(one.sequence, last.sequence.wrapping_add(1), "after {} packets", self.sent);
                assert_eq!(one.wide, last.wide.map(|wide| wide.wrapping_add(1)), "after {} packets", self.sent);
                let passed = one.timestamp.wrapping_sub(last.timestamp);
                assert_eq!(passed, if at == 0 { self.step } else { 0 }, "after {} packets", self.sent);
                assert_eq!(one.picture_id.map(|id| id & 0x7fff), Some(self.picture & 0x7fff));
            }
            self.last = Some(one);
        }
    }

    /// Do the regular work of both sides: consent (RFC 7675), and sometimes a request for a lost packet.
    fn keep_up(&mut self, lost: bool) {
        self.stage.consent(&self.publisher);
        self.stage.consent(&self.viewer);
        if lost {
            let missing = self.last.as_ref().unwrap().clone();
            self.stage.nack(&mut self.viewer, &[missing.sequence]);
            let again = self.stage.rtx_of(&mut self.viewer);
            assert_eq!(again.len(), 1, "after {} packets", self.sent);
            assert_eq!((again[0].original, again[0].timestamp), (Some(missing.sequence), missing.timestamp));
            assert_eq!(again[0].payload_hash, missing.payload_hash);
            self.last.as_mut().unwrap().wide = again[0].wide;
        }
        self.stage.out.sink.datagrams.clear();
        self.stage.out.sink.runs.clear();
        self.stage.events.clear();
    }

    fn run(&mut self, pictures: u32, packets: usize, us: u64) {
        let every = (4_000_000 / us).max(1) as u32;
        for n in 0..pictures {
            self.show(packets, us);
            if n % every == 0 {
                self.keep_up(n % (every * 16) == 0);
            }
        }
    }

    fn memory(&mut self) -> (usize, usize) {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let resident: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
        (self.stage.shard.snapshot(self.stage.now_us).totals.memory_bytes as usize, resident * 4096)
    }
}

#[test]
fn three_wraps_of_every_counter_and_flat_memory() {
    let mut call = Call::new();
    call.run(LIVELY / 4, PACKETS, 33_333);
    let (own, resident) = call.memory();
    call.run(LIVELY - LIVELY / 4, PACKETS, 33_333);
    call.run(SLIDES, 1, SLIDE_US);
    let (own_after, resident_after) = call.memory();
    assert!(call.sent > 3 * 65_536, "{} packets", call.sent);
    assert!(call.ticks > 3 << 32, "{} ticks", call.ticks);
    assert!(call.stage.now_us > 40 * 3_600_000_000);
    assert!(own_after <= own, "{own} bytes in the middle, {own_after} at the end");
    assert!(resident_after <= resident + RSS_GAIN_MAX, "{resident} bytes resident, {resident_after} at the end");
}

/// A receiver that does not count the wraps cannot open a packet after a wrap.
#[test]
fn a_receiver_that_counts_no_wraps_reads_nothing_after_one() {
    let mut call = Call::new();
    let readable = |call: &mut Call| {
        let mut forgetful = Inbound::new(Profile::AeadAes128Gcm, &[2; 16], &[2; 12]).unwrap();
        let (at, number) = (call.sequence, [0x90, 0x80, 0x80, 1, 1, 7, 7]);
        let packet = call.publisher.recorded(at, (98, call.timestamp, true), &[], &number);
        call.sequence = at.wrapping_add(1);
        call.stage.deliver(&call.publisher, &packet);
        let mut sent = call.stage.sealed_media(&call.viewer).remove(0);
        let header = rtp::parse(&sent).unwrap();
        forgetful.open_rtp(&mut sent, &header).is_ok()
    };
    call.run(1, 1, 33_333);
    assert!(readable(&mut call));
    call.last = None;
    call.run(8_192, PACKETS, 33_333);
    assert!(!readable(&mut call));
}
