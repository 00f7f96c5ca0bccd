//! Tests with two shards: datagrams that reach the wrong shard, claims of paths, and the limits of parcels and claims.

use super::*;
use crate::ice::limits::DISCONNECTED_US;
use crate::seam::command::Command;
use crate::seam::event::{Event, IceState};
use crate::seam::outbox::{Message, Outbox};
use crate::shard::Shard;
use crate::shard::turn::parcel::{PARCEL_BYTES_MAX, SLIPS_MAX, UNPROVED_BYTES_MAX, UNPROVED_MAX};
use crate::shard::whereabouts::claims::{CLAIM_US, CLAIMS_MIN};
use crate::wire::demux::Class;
use crate::wire::stun::Request;

const PWD: &str = "0123456789012345678901";
const THEIR_PWD: &str = "a-password-of-the-peer";
const NOW_US: u64 = 1_000_000;

#[derive(Default)]
struct Wire(Vec<(Path, Vec<u8>)>);

impl Sink for Wire {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for message in messages {
            self.0.push((message.path, arena[message.start as usize..][..message.len as usize].to_vec()));
        }
    }
}

struct Pair {
    shards: [Shard; 2],
    outs: [Outbox<Wire>; 2],
    now_us: u64,
    /// True if no peer answers our questions.
    mute: bool,
}

fn path(port: u16) -> Path {
    Path::Udp { socket: 0, remote: ([127, 0, 0, 1], port).into(), local: None }
}

fn check(username: &str, pwd: &str, transaction: u8) -> Vec<u8> {
    let mut out = vec![0; 600];
    let request = Request {
        transaction: [transaction; 12],
        username: username.as_bytes(),
        priority: 1,
        use_candidate: true,
        controlling: Some(1),
        controlled: None,
        nomination: None,
    };
    let len = stun::write_request(&mut out, &request, pwd.as_bytes());
    out.truncate(len);
    out
}

const DTLS: [u8; 20] = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7];

impl Pair {
    /// Create transport 1 on shard 0 and transport 2 on shard 1.
    fn new() -> Self {
        let shard = |index| Shard::new(index, 0, 7).among(2);
        let outs = [Outbox::new(Wire::default()), Outbox::new(Wire::default())];
        let mut pair = Pair { shards: [shard(0), shard(1)], outs, now_us: NOW_US, mute: false };
        for (at, name) in ["aone", "btwo"].into_iter().enumerate() {
            let (router, transport) = (at as u32 + 1, at as u32 + 1);
            pair.command(at, Command::OpenRouter { router });
            pair.command(at, Command::OpenTransport { router, transport, ufrag: name.into(), pwd: PWD.into() });
            let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
            pair.command(at, Command::SetRemoteCredentials { transport, ufrag, pwd });
        }
        pair
    }

    fn command(&mut self, at: usize, command: Command) {
        self.shards[at].command(command, self.now_us, &mut self.outs[at]);
    }

    /// Deliver a datagram from the kernel to the shard `at`. Then exchange parcels until none is left, and answer the
    /// questions.
    fn deliver(&mut self, at: usize, path: Path, datagram: &[u8]) {
        self.shards[at].receive(path, &mut datagram.to_vec(), self.now_us, &mut self.outs[at]);
        self.settle();
        for (path, transaction) in self.questions() {
            if !self.mute {
                let mut answer = [0; stun::REPLY_MAX];
                let len = stun::write_success(&mut answer, transaction, path.remote(), THEIR_PWD.as_bytes());
                self.shards[at].receive(path, &mut answer[..len], self.now_us, &mut self.outs[at]);
                self.settle();
            }
        }
    }

    /// Deliver the check often enough to pay for a question.
    fn persist(&mut self, at: usize, path: Path, check: &[u8]) {
        (0..4).for_each(|_| self.deliver(at, path, check));
    }

    fn questions(&mut self) -> Vec<(Path, [u8; 12])> {
        let read =
            |datagram: &[u8]| stun::parse_request(datagram, THEIR_PWD.as_bytes()).ok().map(|one| one.transaction);
        let mut asked = Vec::new();
        for out in &mut self.outs {
            out.sink.0.retain(|(path, datagram)| {
                let question = read(datagram);
                asked.extend(question.map(|transaction| (*path, transaction)));
                question.is_none()
            });
        }
        asked
    }

    fn settle(&mut self) {
        for _ in 0..8 {
            for from in 0..2 {
                while let Some(parcel) = self.shards[from].parcel(1 - from) {
                    self.shards[from].note_handed(parcel.datagrams(), true);
                    self.shards[1 - from].unpack(parcel, self.now_us, &mut self.outs[1 - from]);
                }
            }
        }
        assert!((0..2).all(|from| self.shards[from].parcel(1 - from).is_none()), "it goes round and round");
        self.outs.iter_mut().for_each(Outbox::flush);
    }

    fn answers(&mut self, at: usize) -> Vec<(Path, Vec<u8>)> {
        std::mem::take(&mut self.outs[at].sink.0)
    }

    fn events(&mut self, at: usize) -> Vec<Event> {
        self.shards[at].events().drain(..).collect()
    }

    fn dtls_events(&mut self, at: usize) -> usize {
        self.events(at).iter().filter(|event| matches!(event, Event::Dtls { .. })).count()
    }

    fn handed(&self, at: usize) -> u64 {
        self.shards[at].totals.handed_over
    }
}

#[test]
fn the_first_character_names_the_shard() {
    assert_eq!(
        (shard_of(b"a"), shard_of(b"z9"), shard_of(b"A"), shard_of(b"9")),
        (Some(0), Some(25), Some(26), Some(61))
    );
    assert_eq!((shard_of(b""), shard_of(b"+"), shard_of(b"\xff")), (None, None, None));
}

#[test]
fn a_check_and_what_follows_reach_the_shard_that_the_user_name_names() {
    let mut pair = Pair::new();
    pair.persist(0, path(9), &check("btwo:them", PWD, 1));
    assert_eq!(pair.answers(1).len(), 4, "answered by its own shard");
    assert!(pair.answers(0).is_empty());
    assert!(matches!(pair.events(1)[..], [Event::Ice { transport: 2, state: IceState::Connected, .. }]));
    for _ in 0..3 {
        pair.deliver(0, path(9), &DTLS);
    }
    assert_eq!((pair.dtls_events(1), pair.dtls_events(0)), (3, 0));
    assert_eq!((pair.handed(0), pair.handed(1)), (8, 0), "with the answer to what it was asked");
    assert_eq!(pair.shards[0].totals.stranger_datagrams, 0);
}

#[test]
fn what_reaches_its_own_shard_is_handed_to_nobody() {
    let mut pair = Pair::new();
    pair.deliver(1, path(9), &check("btwo:them", PWD, 1));
    pair.deliver(1, path(9), &DTLS);
    assert_eq!((pair.dtls_events(1), pair.handed(0) + pair.handed(1)), (1, 0));
    assert!(pair.shards[0].whereabouts.claims.claims.is_empty());
}

#[test]
fn without_the_password_nobody_claims_a_path() {
    let mut pair = Pair::new();
    pair.deliver(0, path(9), &check("aone:them", PWD, 1));
    pair.events(0);
    pair.now_us += DISCONNECTED_US;
    // A stranger sends from the same address, or forges it.
    pair.deliver(0, path(9), &check("btwo:them", "another-password-than-ours", 2));
    pair.deliver(0, path(9), &check("bnobody:them", PWD, 3));
    pair.deliver(0, path(9), &DTLS);
    assert_eq!((pair.dtls_events(0), pair.dtls_events(1)), (1, 0));
    assert!(pair.shards[0].whereabouts.claims.claims.is_empty());
    let totals = pair.shards[1].totals;
    assert_eq!((totals.bad_stun, totals.stranger_datagrams), (1, 1), "counted once, where it was looked at");
}

/// The user names of two peers on the first shard (packet thread) and two on the second shard, with their transports. With more
/// peers, the tests use only the first four. With fewer peers, the tests panic.
const PEERS: [(&str, u32); 4] = [("aone:them", 1), ("btwo:them", 2), ("athree:them", 3), ("bfour:them", 4)];

impl Pair {
    /// Create two peers on each shard.
    fn of_four() -> Self {
        let mut pair = Pair::new();
        for (at, name) in [(0, "athree"), (1, "bfour")] {
            let (router, transport) = (at as u32 + 1, at as u32 + 3);
            pair.command(at, Command::OpenTransport { router, transport, ufrag: name.into(), pwd: PWD.into() });
            let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
            pair.command(at, Command::SetRemoteCredentials { transport, ufrag, pwd });
        }
        pair
    }

    /// Return the transports that receive DTLS from this path if the kernel delivers it to the shard `at`.
    fn reached(&mut self, at: usize, path: Path) -> Vec<u32> {
        (0..2).for_each(|shard| drop(self.events(shard)));
        self.deliver(at, path, &DTLS);
        let told = (0..2).flat_map(|shard| self.events(shard)).collect::<Vec<_>>();
        told.iter()
            .filter_map(|event| if let Event::Dtls { transport, .. } = event { Some(*transport) } else { None })
            .collect()
    }
}

/// Run the test for each two peers, and for each shard that the kernel may choose.
fn each_two_peers(mut test: impl FnMut(Pair, usize, (&str, u32), (&str, u32))) {
    for (first, second) in (0..4).flat_map(|first| (0..4).map(move |second| (first, second))) {
        for at in (0..2).filter(|_| first != second) {
            let mut pair = Pair::of_four();
            pair.persist(at, path(9), &check(PEERS[first].0, PWD, 1));
            (0..2).for_each(|shard| drop(pair.answers(shard)));
            test(pair, at, PEERS[first], PEERS[second]);
        }
    }
}

#[test]
fn a_path_in_use_is_taken_by_no_other_peer() {
    each_two_peers(|mut pair, at, (first, one), (second, _)| {
        let forged = check(second, PWD, 2);
        for seconds in 0..30 {
            pair.persist(at, path(9), &forged);
            assert!((0..2).all(|shard| pair.answers(shard).is_empty()), "nor is anything sent there");
            assert_eq!(pair.reached(at, path(9)), [one]);
            pair.now_us += 1_000_000;
            if seconds % 3 == 2 {
                pair.persist(at, path(9), &check(first, PWD, 3 + seconds));
                (0..2).for_each(|shard| drop(pair.answers(shard)));
            }
        }
    });
}

#[test]
fn a_path_is_held_by_none_that_does_not_get_what_is_sent_there() {
    for (first, second) in (0..4).flat_map(|first| (0..4).map(move |second| (first, second))) {
        for at in (0..2).filter(|_| first != second) {
            let mut pair = Pair::of_four();
            // A peer repeats checks with the forged address of another peer.
            pair.mute = true;
            for transaction in 1..9 {
                pair.persist(at, path(9), &check(PEERS[first].0, PWD, transaction));
                pair.now_us += DISCONNECTED_US / 2;
            }
            pair.mute = false;
            pair.persist(at, path(9), &check(PEERS[second].0, PWD, 9));
            assert_eq!(pair.reached(at, path(9)), [PEERS[second].1]);
            pair.persist(at, path(9), &check(PEERS[first].0, PWD, 10));
            assert_eq!(pair.reached(at, path(9)), [PEERS[second].1], "and now it is held");
        }
    }
}

#[test]
fn a_path_whose_peer_is_gone_goes_to_the_next() {
    each_two_peers(|mut pair, at, _, (second, other)| {
        pair.now_us += DISCONNECTED_US;
        pair.persist(at, path(9), &check(second, PWD, 2));
        assert_eq!(pair.reached(at, path(9)), [other], "no longer heard");
    });
    each_two_peers(|mut pair, at, (first, one), (second, other)| {
        pair.command(usize::from(first.starts_with('b')), Command::CloseTransport { transport: one });
        pair.settle();
        pair.persist(at, path(9), &check(second, PWD, 2));
        assert_eq!(pair.reached(at, path(9)), [other], "closed");
    });
    each_two_peers(|mut pair, at, (first, one), (second, other)| {
        pair.persist(1 - at, path(10), &check(first, PWD, 2));
        pair.persist(at, path(9), &check(second, PWD, 3));
        assert_eq!(pair.reached(at, path(9)), [other], "moved");
        assert_eq!(pair.reached(1 - at, path(10)), [one]);
    });
}

#[test]
fn a_path_whose_release_was_lost_goes_to_the_next_when_its_claim_is_old() {
    each_two_peers(|mut pair, at, (first, one), (second, other)| {
        let from = usize::from(first.starts_with('b'));
        pair.command(from, Command::CloseTransport { transport: one });
        while pair.shards[from].parcel(1 - from).is_some() {}
        pair.now_us += DISCONNECTED_US;
        pair.persist(at, path(9), &check(second, PWD, 2));
        assert_eq!(pair.reached(at, path(9)), [other]);
    });
}

#[test]
fn a_path_that_a_peer_came_back_to_is_held() {
    let mut pair = Pair::new();
    pair.persist(0, path(9), &check("btwo:them", PWD, 1));
    pair.persist(0, path(10), &check("btwo:them", PWD, 2));
    pair.persist(0, path(9), &check("btwo:them", PWD, 3));
    let is_held = |port| pair.shards[0].whereabouts.claims.is_held(path(port), 0, pair.now_us);
    assert!(is_held(9) && !is_held(10));
}

#[test]
fn a_client_that_goes_to_another_shard_takes_its_path_along() {
    let mut pair = Pair::new();
    pair.persist(0, path(9), &check("aone:them", PWD, 1));
    pair.now_us += DISCONNECTED_US;
    pair.persist(0, path(9), &check("btwo:them", PWD, 2));
    pair.events(1);
    pair.deliver(0, path(9), &DTLS);
    assert_eq!((pair.dtls_events(0), pair.dtls_events(1)), (0, 1));
    assert!(pair.shards[0].whereabouts.paths.is_empty());
    // The client returns to the first shard.
    pair.now_us += DISCONNECTED_US;
    pair.persist(0, path(9), &check("aone:them", PWD, 3));
    pair.deliver(0, path(9), &DTLS);
    assert_eq!((pair.dtls_events(0), pair.dtls_events(1)), (1, 0));
    assert!(pair.shards[1].whereabouts.paths.is_empty() && pair.shards[0].whereabouts.claims.claims.is_empty());
}

#[test]
fn what_nobody_knows_is_shown_to_the_others_once_and_counted_once() {
    let mut pair = Pair::new();
    let mut media = vec![0x80; 40];
    media[1] = 111;
    assert_eq!(crate::wire::demux::classify(&media), Class::Rtp);
    pair.deliver(0, path(9), &media);
    let strangers = pair.shards.each_ref().map(|shard| shard.totals.stranger_datagrams);
    assert_eq!((strangers, pair.handed(0), pair.handed(1)), ([1, 0], 1, 0));
    for _ in 0..1000 {
        pair.deliver(0, path(9), &media);
    }
    assert!(pair.handed(0) <= 50, "within the allowance");
    assert_eq!(pair.shards[0].totals.stranger_datagrams, 1001);
}

#[test]
fn tcp_connections_are_told_apart_by_their_first_check() {
    let pair = Pair::new();
    assert_eq!(pair.shards[0].names_other(&check("btwo:them", PWD, 1)), Some(1));
    assert_eq!(pair.shards[1].names_other(&check("btwo:them", PWD, 1)), None);
    assert_eq!(pair.shards[0].names_other(&check("ccc:them", PWD, 1)), None, "there is no third");
    assert_eq!(pair.shards[0].names_other(&DTLS), None);
    // Later checks stay on the shard: a connection is handed over once.
    let mut pair = pair;
    let stream = Path::Tcp { connection: 1, remote: ([127, 0, 0, 1], 5).into() };
    pair.deliver(0, stream, &check("btwo:them", PWD, 1));
    assert_eq!(pair.handed(0), 0);
}

#[test]
fn a_lone_shard_hands_over_nothing() {
    let mut shard = Shard::new(0, 0, 7).among(1);
    let mut out = Outbox::new(Wire::default());
    shard.receive(path(9), &mut check("btwo:them", PWD, 1), NOW_US, &mut out);
    shard.receive(path(9), &mut DTLS.to_vec(), NOW_US, &mut out);
    assert!(shard.parcel(0).is_none() && shard.parcel(1).is_none());
    assert_eq!(shard.totals.stranger_datagrams, 2);
}

#[test]
fn parcels_and_claims_are_bounded() {
    let mut pair = Pair::new();
    let out = &mut pair.outs[0];
    let request = check("bnobody:them", PWD, 1);
    for _ in 0..=UNPROVED_MAX {
        pair.shards[0].receive(path(9), &mut request.clone(), NOW_US, out);
    }
    let parcel = pair.shards[0].parcel(1).unwrap();
    assert!(parcel.is_foreign());
    assert_eq!((parcel.datagrams(), pair.shards[0].totals.handover_drops), (UNPROVED_MAX as u64, 1));
    // Datagrams on a claimed path have their own room, and their own limits.
    pair.shards[0].whereabouts.claims.note_claim(path(10), (1, true), NOW_US);
    let out = &mut pair.outs[0];
    for n in 0..=SLIPS_MAX {
        if n <= UNPROVED_MAX {
            pair.shards[0].receive(path(9), &mut request.clone(), NOW_US, out);
        }
        pair.shards[0].receive(path(10), &mut DTLS.to_vec(), NOW_US, out);
    }
    let parcel = pair.shards[0].parcel(1).unwrap();
    assert_eq!(parcel.datagrams(), (UNPROVED_MAX + SLIPS_MAX) as u64);
    assert_eq!(pair.shards[0].totals.handover_drops, 3);
    // Long datagrams fill the parcel sooner. Datagrams of strangers fill only a part.
    let mut stranger = request.clone();
    stranger.resize(1500, 0);
    for _ in 0..UNPROVED_MAX {
        let (whereabouts, _, mut turn) = pair.shards[0].split(NOW_US, out);
        show_others(whereabouts, path(9), &stranger, &mut turn);
    }
    let long = vec![22; 1400];
    for _ in 0..1000 {
        pair.shards[0].receive(path(10), &mut long.clone(), NOW_US, out);
    }
    let parcel = pair.shards[0].parcel(1).unwrap();
    let (few, rest) = (UNPROVED_BYTES_MAX / 1500, PARCEL_BYTES_MAX - UNPROVED_BYTES_MAX);
    let claimed = (PARCEL_BYTES_MAX - few * 1500) / 1400;
    assert!(rest > 800 << 10 && claimed >= rest / 1400);
    assert_eq!(parcel.datagrams(), (few + claimed) as u64);
    let claims = &mut pair.shards[0].whereabouts.claims;
    for n in 0..100_000u32 {
        let remote = (n.to_be_bytes(), 5).into();
        let now_us = NOW_US + u64::from(n) * CLAIM_US / 1000;
        claims.note_claim(Path::Udp { socket: 0, remote, local: None }, (1, true), now_us);
    }
    assert!(claims.claims.len() <= 2 * 1000 + CLAIMS_MIN);
}
