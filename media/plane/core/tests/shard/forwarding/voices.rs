//! The loudest voices: which voices are sent when more microphones are open than places, and what the other voices cost.

use crate::peer::{Got, Peer, Stage, voice};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::shard::tables::line::SILENT_US;
use plane_core::types::{Extension, PayloadMap};
use plane_core::wire::rtcp::Packet;
use plane_core::wire::rtp;
use proptest::prelude::*;

const SILENT: u8 = 127;
const NOISE: u8 = 75;
const SPEECH: u8 = 25;
const OPUS: PayloadMap = PayloadMap { from: 111, to: 111, rtx: None };
const SSRC: u32 = 0x9100;

/// Several microphones, and one listener that hears them all.
struct Assembly {
    stage: Stage,
    speakers: Vec<Peer>,
    listener: Peer,
}

impl Assembly {
    fn new(speakers: u32, most: u16) -> Self {
        let mut stage = Stage::new();
        stage.command(Command::SetVoices { router: 1, most });
        let listener = stage.join(99);
        let speakers = (0..speakers).map(|n| stage.join(1 + n)).collect();
        let mut assembly = Assembly { stage, speakers, listener };
        for n in 0..assembly.speakers.len() as u32 {
            assembly.stage.publish_audio(&assembly.speakers[n as usize], 10 + n);
            assembly.stage.consume_as(&assembly.listener, 100 + n, 10 + n, (SSRC + n, 0), OPUS);
        }
        assembly.stage.advance(10_000);
        assembly
    }

    /// Send one packet of each speaker and advance 20 ms. None means that the speaker sends nothing.
    fn say(&mut self, levels: &[Option<u8>]) {
        for (peer, level) in self.speakers.iter_mut().zip(levels) {
            if let Some(level) = level {
                let mut packet = voice(peer, *level, true);
                self.stage.shard.receive(peer.path, &mut packet, self.stage.now_us, &mut self.stage.out);
            } else {
                peer.rest(20);
            }
        }
        self.stage.settle();
        self.stage.advance(20_000);
    }

    fn say_for(&mut self, packets: usize, levels: &[u8]) {
        let levels: Vec<_> = levels.iter().copied().map(Some).collect();
        (0..packets).for_each(|_| self.say(&levels));
    }

    fn heard(&mut self, speaker: u32) -> Vec<Got> {
        self.stage.media(&mut self.listener, SSRC + speaker)
    }

    /// Return for each voice the number of packets since the last call.
    fn counts(&mut self) -> Vec<usize> {
        (0..self.speakers.len() as u32).map(|n| self.heard(n).len()).collect()
    }

    fn unheard(&mut self) -> u64 {
        self.stage.shard.snapshot(self.stage.now_us).totals.unheard_packets
    }
}

#[test]
fn with_places_for_all_silence_is_sent_too() {
    let mut assembly = Assembly::new(3, 3);
    assembly.say_for(50, &[SPEECH, SILENT, SILENT]);
    assert_eq!(assembly.counts(), [50, 50, 50]);
    let mut assembly = Assembly::new(3, 0);
    assembly.say_for(50, &[SPEECH, SILENT, SILENT]);
    assert_eq!(assembly.counts(), [50, 50, 50]);
}

#[test]
fn the_loudest_are_sent_and_silence_has_no_place() {
    let mut assembly = Assembly::new(6, 2);
    assembly.say_for(100, &[SPEECH, SILENT, NOISE, SILENT, SILENT, SILENT]);
    assembly.counts();
    let before = assembly.unheard();
    assembly.say_for(100, &[SPEECH, SILENT, NOISE, SILENT, SILENT, SILENT]);
    assert_eq!(assembly.counts(), [100, 0, 100, 0, 0, 0]);
    assert_eq!(assembly.unheard() - before, 400);
}

#[test]
fn a_newcomer_is_heard_from_his_first_or_second_packet_on() {
    let mut assembly = Assembly::new(4, 2);
    assembly.say_for(250, &[SPEECH, NOISE, SILENT, SILENT]);
    assembly.counts();
    assembly.say_for(10, &[SPEECH, NOISE, SILENT, SPEECH]);
    let counts = assembly.counts();
    assert_eq!((counts[0], counts[2]), (10, 0));
    assert!(counts[3] >= 9, "{counts:?}");
    assert!(counts[1] <= 2, "the quietest gave way: {counts:?}");
}

#[test]
fn a_pause_between_words_costs_no_place_and_equals_do_not_take_turns() {
    let mut assembly = Assembly::new(3, 1);
    assembly.say_for(50, &[SPEECH, SILENT, SILENT]);
    assembly.counts();
    for _ in 0..10 {
        assembly.say_for(15, &[SILENT, NOISE, SILENT]);
        assembly.say_for(35, &[SPEECH, SPEECH, SILENT]);
    }
    let counts = assembly.counts();
    assert!(counts[0] + counts[1] == 500, "{counts:?}");
    assert!(counts[0] == 500 || counts[1] >= 400, "at most one change: {counts:?}");
}

#[test]
fn numbers_have_no_gap_where_somebody_was_left_out_and_times_keep_theirs() {
    let mut assembly = Assembly::new(3, 1);
    assembly.say_for(50, &[SPEECH, SILENT, SILENT]);
    assembly.say_for(300, &[SILENT, SPEECH, SILENT]);
    assembly.say_for(300, &[SPEECH, SILENT, SILENT]);
    let heard = assembly.heard(0);
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    let steps: Vec<_> = heard.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp)).collect();
    let jumps: Vec<_> = steps.iter().filter(|step| **step != 960).collect();
    assert_eq!(jumps.len(), 1, "one gap: {jumps:?}");
    assert_eq!(jumps[0] % 960, 0);
    assert!(*jumps[0] > 960 * 100, "as long as it was");
    let switched = assembly.stage.events.iter().filter(|event| matches!(event, Event::Switched { .. })).count();
    assert_eq!(switched, 2, "each began once; the control side hears of no coming and going");
}

#[test]
fn what_is_left_out_is_not_reported_on() {
    let mut assembly = Assembly::new(3, 0);
    let ntp = (2_208_988_800 + 1_600_000_000_u64) << 32;
    assembly.say_for(50, &[SPEECH, SILENT, SILENT]);
    for n in 0..3 {
        assembly.stage.voice_report(&mut assembly.speakers[n], ntp);
    }
    for (most, expected) in [(0, &[SSRC, SSRC + 1, SSRC + 2][..]), (1, &[SSRC])] {
        assembly.stage.command(Command::SetVoices { router: 1, most });
        assembly.say_for(10, &[SPEECH, SILENT, SILENT]);
        assembly.stage.rtcp_to::<()>(&mut assembly.listener, |_, ()| {});
        assembly.say_for(100, &[SPEECH, SILENT, SILENT]);
        let mut told = assembly.stage.rtcp_to(&mut assembly.listener, |packet, told: &mut Vec<u32>| {
            if let Packet::SenderReport { info, .. } = packet {
                told.push(info.ssrc);
            }
        });
        told.sort_unstable();
        told.dedup();
        assert_eq!(told, expected);
    }
}

#[test]
fn lost_packets_of_a_voice_that_is_left_out_are_not_asked_for() {
    let mut assembly = Assembly::new(2, 1);
    assembly.say_for(50, &[SPEECH, SILENT]);
    for n in 0..2 {
        assembly.stage.nacks_to(&mut assembly.speakers[n]);
        voice(&mut assembly.speakers[n], SILENT, true);
    }
    assembly.say_for(5, &[SPEECH, SILENT]);
    let asked: Vec<_> = (0..2).map(|n| assembly.stage.nacks_to(&mut assembly.speakers[n]).len()).collect();
    assert!(asked[0] > 0 && asked[1] == 0, "{asked:?}");
}

#[test]
fn a_muted_or_ended_voice_gives_its_place_away() {
    let mut assembly = Assembly::new(3, 2);
    assembly.say_for(50, &[SPEECH, SPEECH, NOISE]);
    assembly.counts();
    assembly.stage.command(Command::PauseProducer { producer: 10, paused: true });
    assembly.say_for(50, &[SPEECH, SPEECH, NOISE]);
    assert_eq!(assembly.counts(), [0, 50, 50], "two are open and both are heard");
    assembly.stage.command(Command::PauseProducer { producer: 10, paused: false });
    assembly.say_for(50, &[SPEECH, SPEECH, NOISE]);
    let counts = assembly.counts();
    assert!(counts[0] >= 49 && counts[2] <= 2, "{counts:?}");
    assembly.stage.command(Command::CloseProducer { producer: 11 });
    assembly.say_for(50, &[SPEECH, SPEECH, NOISE]);
    let counts = assembly.counts();
    assert_eq!((counts[0], counts[1], counts[2]), (50, 0, 50));
}

#[test]
fn a_microphone_that_falls_silent_at_its_source_leaves_by_itself() {
    for quiet in [Some(SILENT), None] {
        let mut assembly = Assembly::new(3, 2);
        assembly.say_for(100, &[SPEECH, SPEECH, SILENT]);
        for _ in 0..300 {
            assembly.say(&[Some(SPEECH), quiet, Some(SILENT)]);
        }
        assembly.counts();
        // Comfort noise, as DTX sends it.
        for _ in 0..5 {
            assembly.say(&[Some(SPEECH), Some(SILENT), Some(SILENT)]);
        }
        assert_eq!(assembly.counts(), [5, 0, 0], "{quiet:?}");
    }
}

#[test]
fn comfort_noise_passes_where_there_is_place_and_is_no_loss() {
    let mut assembly = Assembly::new(2, 6);
    assembly.say_for(25, &[SPEECH, SPEECH]);
    for n in 0..100 {
        assembly.say(&[Some(SPEECH), (n % 20 == 0).then_some(SILENT)]);
    }
    assembly.say_for(25, &[SPEECH, SPEECH]);
    let heard = assembly.heard(1);
    assert_eq!(heard.len(), 55);
    assert!(heard.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(heard[54].timestamp.wrapping_sub(heard[0].timestamp), 149 * 960);
    assert_eq!(assembly.stage.nacks_to(&mut assembly.speakers[1]), [] as [u16; 0]);
    let lost = assembly.stage.rtcp_to(&mut assembly.speakers[1], |packet, lost: &mut i32| {
        if let Packet::ReceiverReport { reports, .. } = packet {
            reports.for_each(|block| *lost += block.cumulative_lost + i32::from(block.fraction_lost));
        }
    });
    assert_eq!(lost, 0);
    let last = assembly.stage.events.iter().rev().find_map(|event| match event {
        Event::Speakers { speakers, .. } => Some(speakers.iter().map(|one| one.0).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(last, Some(vec![10, 11]), "it speaks again, the other one went on");
}

#[test]
fn what_is_no_microphone_is_sent_and_takes_no_place() {
    let mut assembly = Assembly::new(3, 1);
    assembly.stage.command(Command::KeepVoice { producer: 12 });
    assembly.say_for(50, &[SPEECH, SILENT, NOISE]);
    assert_eq!(assembly.counts(), [50, 0, 50]);
    assembly.stage.command(Command::SetVoices { router: 1, most: 0 });
    assembly.say_for(50, &[SPEECH, SILENT, NOISE]);
    assert_eq!(assembly.counts(), [50, 50, 50]);
    assembly.stage.command(Command::SetVoices { router: 1, most: 1 });
    assembly.say_for(50, &[SPEECH, SILENT, NOISE]);
    assert_eq!(assembly.counts(), [50, 0, 50]);
}

#[test]
fn without_levels_nobody_is_left_out() {
    let mut assembly = Assembly::new(3, 1);
    for transport in 1..=3 {
        assembly.stage.command(Command::SetExtensions { transport, extensions: vec![(0, Extension::AudioLevel)] });
    }
    assembly.say_for(20, &[SPEECH, SILENT, SILENT]);
    assert_eq!(assembly.counts(), [20, 20, 20]);
}

#[test]
fn who_mixes_gets_all_without_a_seam() {
    let mut assembly = Assembly::new(3, 1);
    let remote = ([192, 0, 2, 7], 5_000).into();
    assembly.stage.command(Command::OpenLine {
        router: 1,
        transport: 50,
        rtp_socket: 7,
        rtcp_socket: None,
        latch: false,
        silent_us: SILENT_US,
        cname: String::new(),
    });
    assembly.stage.command(Command::SetLineRemote { transport: 50, rtp: Some(remote), rtcp: None });
    assembly.stage.advance(10_000);
    for n in 0..3 {
        let ssrcs = (SSRC + n, 0);
        assembly.stage.consume_at(50, 200 + n, 10 + n, ssrcs, OPUS);
    }
    assembly.say_for(100, &[SPEECH, SILENT, SILENT]);
    assembly.say_for(300, &[SILENT, SPEECH, SILENT]);
    assembly.say_for(50, &[SPEECH, SILENT, SILENT]);
    let taken = assembly.stage.take_to(Path::Udp { socket: 7, remote, local: None });
    let headers: Vec<_> = taken.iter().filter(|d| d[1] & 0x7f == 111).map(|d| rtp::parse(d).expect("RTP")).collect();
    for n in 0..3 {
        let got: Vec<_> = headers.iter().filter(|header| header.ssrc == SSRC + n).collect();
        assert_eq!(got.len(), 450);
        let follows = |a: &rtp::Header, b: &rtp::Header| {
            b.sequence == a.sequence.wrapping_add(1) && b.timestamp == a.timestamp.wrapping_add(960)
        };
        assert!(got.windows(2).all(|pair| follows(pair[0], pair[1])));
    }
    let counts = assembly.counts();
    assert!(counts[2] == 0 && counts[0] < 450 && counts[1] < 450, "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Speakers talk, mute, join and leave at random. Never more voices than places are forwarded at once. A viewer's numbers
    /// have no gap. No number is used twice, because the viewer could not open such packets.
    #[test]
    fn places_are_kept_and_numbers_go_on(
        most in 1u16..4,
        steps in proptest::collection::vec((0u8..8, 0usize..6, 1usize..30), 1..40),
    ) {
        let mut assembly = Assembly::new(6, most);
        let mut levels = [SILENT; 6];
        let mut muted = [false; 6];
        let mut last: [Option<Got>; 6] = Default::default();
        let mut before = [false; 6];
        assembly.say_for(1, &levels);
        assembly.counts();
        for (what, who, packets) in steps {
            match what {
                0..=3 => levels[who] = [SILENT, SPEECH, NOISE, 50][usize::from(what)],
                4 => {
                    muted[who] = !muted[who];
                    assembly.stage.command(Command::PauseProducer { producer: 10 + who as u32, paused: muted[who] });
                }
                5 => assembly.speakers[who].rest(200),
                _ => {}
            }
            for _ in 0..packets {
                assembly.say_for(1, &levels);
                let mut heard = 0;
                let mut now = [false; 6];
                for (n, last) in (0..).zip(&mut last) {
                    let got = assembly.heard(n);
                    heard += got.len();
                    now[n as usize] = !got.is_empty();
                    for one in got {
                        if let Some(before) = last.replace(one.clone()) {
                            prop_assert_eq!(one.sequence, before.sequence.wrapping_add(1));
                            prop_assert!(one.timestamp.wrapping_sub(before.timestamp) < 0x8000_0000);
                        }
                    }
                }
                let open = muted.iter().filter(|muted| !**muted).count();
                // A voice that takes the place of another voice may be heard in the same round. Voices that rise together take
                // one place one after the other.
                let entered = (0..6).filter(|n| now[*n] && !before[*n]).count();
                before = now;
                prop_assert!(heard <= open.min(usize::from(most)) + entered, "{heard} heard, {entered} of them new");
            }
        }
    }
}
