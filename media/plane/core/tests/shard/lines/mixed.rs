//! The packets that the mixer gets from many open microphones. The mixer gets the few loudest microphones of halls and browsers
//! together, each from before its first word. The audio that the mixer makes is always sent.

use std::net::SocketAddr;

use crate::peer::{Stage, voice};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::shard::tables::line::SILENT_US;
use plane_core::types::{Codec, Encoding, Payload, PayloadMap};
use plane_core::wire::rtp;

/// A-law codes of packets of 20 ms at -31, -50 and -72 dBov. The last code is the silence of A-law.
const SPEECH: u8 = 0x35;
const NOISE: u8 = 0xd3;
const SILENCE: u8 = 0xd5;
/// The line of the mixer. The lines of the halls are 1 and above.
const MIXER: u16 = 60;
const MIX: u32 = 900;

/// The sequence number and timestamp of a packet.
type Place = (u16, u32);

struct Assembly {
    stage: Stage,
    halls: u16,
    sent: u16,
}

fn remote(line: u16) -> SocketAddr {
    ([192, 0, 2, line as u8], 5_000).into()
}

fn path(line: u16) -> Path {
    Path::Udp { socket: 2 * line, remote: remote(line), local: None }
}

fn producer(line: u16) -> u32 {
    100 + u32::from(line)
}

fn open(stage: &mut Stage, line: u16) {
    stage.command(Command::OpenLine {
        router: 1,
        transport: u32::from(line),
        rtp_socket: 2 * line,
        rtcp_socket: Some(2 * line + 1),
        latch: true,
        silent_us: SILENT_US,
        cname: "bridge".into(),
    });
    stage.command(Command::SetLineRemote { transport: u32::from(line), rtp: Some(remote(line)), rtcp: None });
}

fn receive(stage: &mut Stage, line: u16, producer: u32, ssrc: u32) {
    stage.command(Command::OpenProducer {
        transport: u32::from(line),
        producer,
        video: false,
        mid: String::new(),
        encodings: vec![Encoding { ssrc, ..Encoding::default() }],
        payloads: vec![Payload { payload_type: 8, codec: Codec::Pcma, clock_hz: 8_000, rtx: None }],
    });
}

fn send(stage: &mut Stage, line: u16, consumer: u32, producer: u32, from: u8) {
    stage.command(Command::OpenConsumer {
        transport: u32::from(line),
        consumer,
        producer,
        mid: String::new(),
        ssrc: 0x9000 + consumer,
        rtx_ssrc: 0,
        payloads: vec![PayloadMap { from, to: from, rtx: None }],
        strip_red: false,
        red_blocks: vec![],
        paused: false,
        single_nal: false,
    });
}

impl Assembly {
    /// Make halls whose microphones go to the mixer, which mixes `most` of them.
    fn new(halls: u16, most: u16) -> Self {
        let mut stage = Stage::new();
        open(&mut stage, MIXER);
        stage.command(Command::SetMixedVoices { router: 1, most });
        for hall in 1..=halls {
            open(&mut stage, hall);
            receive(&mut stage, hall, producer(hall), 0);
            stage.command(Command::MeterVoice { producer: producer(hall) });
            send(&mut stage, MIXER, u32::from(hall), producer(hall), 8);
        }
        Assembly { stage, halls, sent: 0 }
    }

    /// Send one packet of each hall and advance 20 ms.
    fn say(&mut self, codes: &[u8]) {
        let number = self.sent;
        self.sent += 1;
        for (hall, code) in (1..=self.halls).zip(codes) {
            self.packet(hall, number, 0x700 + u32::from(hall), &[*code; 160]);
        }
        self.stage.settle();
        self.stage.advance(20_000);
    }

    fn packet(&mut self, line: u16, number: u16, ssrc: u32, payload: &[u8]) {
        let mut packet = vec![0; 12];
        rtp::write_header(&mut packet, false, 8, number, u32::from(number) * 160, ssrc, &[]);
        packet.extend_from_slice(payload);
        self.stage.deliver_from(path(line), &packet);
    }

    fn say_for(&mut self, packets: usize, codes: &[u8]) {
        (0..packets).for_each(|_| self.say(codes));
    }

    /// Return the packets that the mixer got since the last call, by hall.
    fn mixed(&mut self) -> Vec<Vec<Place>> {
        let mut found = vec![Vec::new(); usize::from(self.halls)];
        for datagram in self.stage.take_to(path(MIXER)) {
            let header = rtp::parse(&datagram).expect("RTP");
            let hall = (header.ssrc - 0x9000) as usize;
            found.get_mut(hall.wrapping_sub(1)).expect("a hall").push((header.sequence, header.timestamp));
        }
        found
    }

    fn counts(&mut self) -> Vec<usize> {
        self.mixed().iter().map(Vec::len).collect()
    }
}

#[test]
fn of_many_open_microphones_the_loudest_are_mixed() {
    let mut assembly = Assembly::new(6, 2);
    let codes = [NOISE, SPEECH, NOISE, NOISE, SPEECH, NOISE];
    assembly.say_for(10, &codes);
    assembly.mixed();
    assembly.say_for(100, &codes);
    assert_eq!(assembly.counts(), [0, 100, 0, 0, 100, 0]);
}

#[test]
fn with_places_for_all_everybody_is_mixed() {
    for most in [0, 3] {
        let mut assembly = Assembly::new(3, most);
        assembly.say_for(50, &[SPEECH, NOISE, SILENCE]);
        assert_eq!(assembly.counts(), [50, 50, 50], "{most}");
    }
}

#[test]
fn a_first_word_is_mixed_from_before_it_began_without_a_gap() {
    let mut assembly = Assembly::new(4, 2);
    assembly.say_for(20, &[NOISE, NOISE, SPEECH, SPEECH]);
    let (last, time) = *assembly.mixed()[3].last().expect("it spoke");
    let clock = time.wrapping_sub(u32::from(assembly.sent - 1) * 160);
    assembly.say_for(20, &[0xaa, 0xaa, NOISE, NOISE]);
    let last = assembly.mixed()[3].last().map_or(last, |place| place.0);
    assembly.say_for(250, &[SPEECH, NOISE, NOISE, NOISE]);
    assert!(assembly.mixed()[3].is_empty(), "the noise of another hall has the place");
    let word = assembly.sent;
    assembly.say_for(10, &[SPEECH, NOISE, NOISE, SPEECH]);
    let mixed = assembly.mixed();
    assert_eq!(mixed[3].len(), 13, "three packets of history, and every one of the word");
    for (n, (sequence, timestamp)) in (0u32..).zip(&mixed[3]) {
        assert_eq!(*sequence, last.wrapping_add(1 + n as u16), "the numbers go on");
        let time = (u32::from(word) - 3 + n) * 160;
        assert_eq!(timestamp.wrapping_sub(clock), time, "and times are those of the hall");
    }
    assert_eq!(mixed[0].len(), 10, "who spoke goes on");
}

#[test]
fn who_comes_back_at_once_is_not_sent_twice() {
    let mut assembly = Assembly::new(3, 1);
    assembly.say_for(50, &[NOISE, NOISE, NOISE]);
    assembly.mixed();
    let mut all = [0; 3];
    for speaker in [0, 1, 2, 0, 1, 2, 0, 1, 2] {
        // Each speaker is much louder than the speaker before.
        let mut codes = [SILENCE; 3];
        codes[speaker] = if speaker == 1 { 0xaa } else { SPEECH };
        assembly.say_for(2, &codes);
        let mixed = assembly.mixed();
        for (sum, places) in all.iter_mut().zip(&mixed) {
            *sum += places.len();
            assert!(places.windows(2).all(|pair| pair[1].1.wrapping_sub(pair[0].1) == 160), "{places:?}");
        }
    }
    assert!(all.iter().all(|sum| *sum <= 18), "no more than each has sent: {all:?}");
}

#[test]
fn silence_has_no_place_and_equals_do_not_take_turns() {
    let mut assembly = Assembly::new(5, 2);
    assembly.say_for(300, &[SILENCE; 5]);
    assembly.mixed();
    assembly.say_for(100, &[SILENCE; 5]);
    assert_eq!(assembly.counts(), [0; 5]);
    assembly.say_for(100, &[NOISE; 5]);
    let counts = assembly.counts();
    assert_eq!(counts.iter().filter(|count| **count >= 100).count(), 2, "{counts:?}");
    assert_eq!(counts.iter().filter(|count| **count == 0).count(), 3, "{counts:?}");
}

#[test]
fn a_muted_hall_takes_no_place_however_loud_it_is() {
    let mut assembly = Assembly::new(3, 1);
    assembly.say_for(50, &[0xaa, SPEECH, NOISE]);
    assembly.mixed();
    assembly.stage.command(Command::PauseConsumer { consumer: 1, paused: true });
    assembly.say_for(50, &[0xaa, SPEECH, NOISE]);
    let counts = assembly.counts();
    assert_eq!((counts[0], counts[2]), (0, 0));
    assert!(counts[1] >= 50, "{counts:?}");
    assembly.stage.command(Command::PauseConsumer { consumer: 1, paused: false });
    assembly.say_for(50, &[0xaa, SPEECH, NOISE]);
    let counts = assembly.counts();
    assert!(counts[0] >= 50 && counts[1] == 0, "{counts:?}");
    // A hall whose feed has ended also gives up its place.
    assembly.stage.command(Command::CloseConsumer { consumer: 1 });
    assembly.say_for(50, &[0xaa, SPEECH, NOISE]);
    assert!(assembly.counts()[1] >= 50);
}

#[test]
fn browsers_and_halls_share_the_places_of_the_mixer_and_of_viewers_halls_take_none() {
    let mut assembly = Assembly::new(2, 1);
    assembly.stage.command(Command::SetVoices { router: 1, most: 1 });
    let (mut first, mut second, mut viewer) =
        (assembly.stage.join(70), assembly.stage.join(71), assembly.stage.join(72));
    for (n, peer) in [(80, &first), (81, &second)] {
        assembly.stage.publish_audio(peer, n);
        send(&mut assembly.stage, MIXER, n, n, 111);
        let opus = PayloadMap { from: 111, to: 111, rtx: None };
        assembly.stage.consume_as(&viewer, 100 + n, n, (0x9100 + n, 0), opus);
    }
    assembly.stage.advance(10_000);
    let mut turn = |assembly: &mut Assembly, levels: [u8; 2], codes: [u8; 2]| {
        for (peer, level) in [&mut first, &mut second].into_iter().zip(levels) {
            let mut packet = voice(peer, level, true);
            assembly.stage.shard.receive(peer.path, &mut packet, assembly.stage.now_us, &mut assembly.stage.out);
        }
        assembly.say(&codes);
    };
    for _ in 0..50 {
        turn(&mut assembly, [20, 60], [0xaa, NOISE]);
    }
    assembly.stage.take_to(path(MIXER));
    assembly.stage.media(&mut viewer, 0x9100 + 80);
    for _ in 0..50 {
        turn(&mut assembly, [20, 60], [0xaa, NOISE]);
    }
    let ssrcs: Vec<u32> =
        assembly.stage.take_to(path(MIXER)).iter().map(|datagram| rtp::parse(datagram).unwrap().ssrc).collect();
    assert!(ssrcs.iter().all(|ssrc| *ssrc == 0x9001), "the hall is the loudest of all");
    assert_eq!(ssrcs.len(), 50);
    assert_eq!(assembly.stage.media(&mut viewer, 0x9100 + 80).len(), 50, "viewers hear the loudest browser");
    assert_eq!(assembly.stage.media(&mut viewer, 0x9100 + 81).len(), 0);
}

#[test]
fn what_the_mixer_makes_is_sent_whoever_speaks() {
    let mut assembly = Assembly::new(3, 1);
    for hall in 1..=3 {
        let mix = MIX + u32::from(hall);
        receive(&mut assembly.stage, MIXER, mix, mix);
        send(&mut assembly.stage, hall, 500 + u32::from(hall), mix, 8);
    }
    let mut got = [0; 3];
    for number in 0..100u16 {
        for hall in 1..=3u16 {
            let code = if hall == 1 { 0xaa } else { SILENCE };
            assembly.packet(MIXER, number, MIX + u32::from(hall), &[code; 160]);
        }
        assembly.say(&[SPEECH, NOISE, SILENCE]);
        for hall in 1..=3u16 {
            got[usize::from(hall) - 1] += assembly.stage.take_to(path(hall)).len();
        }
    }
    assert_eq!(got, [100; 3]);
}
