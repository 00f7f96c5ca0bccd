//! Three shards on one port with one peer each. The fuzz bytes decide what arrives from where. The kernel always gives one
//! address to the same shard. DTLS must reach the peer that proved itself there last, and no datagram may circulate forever.

use std::collections::HashMap;

use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::seam::outbox::{Message, Outbox, Sink};
use plane_core::shard::Shard;
use plane_core::wire::stun;

const SHARDS: usize = 3;
const PATHS: u8 = 6;
const NAMES: [&str; SHARDS] = ["a-one", "b-two", "c-three"];
const THEIR_PWD: &str = "a-password-of-the-peer";
const DTLS: [u8; 20] = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7];
const STEPS_MAX: usize = 200;
/// Rounds. A datagram is handed over once, a claim answers it, and the shard of the previous peer is notified.
const ROUNDS_MAX: usize = 4;

/// The questions that peers get, with their paths.
#[derive(Default)]
struct Questions(Vec<(Path, [u8; 12])>);

impl Sink for Questions {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for message in messages {
            let datagram = &arena[message.start as usize..][..message.len as usize];
            let question = stun::parse_request(datagram, THEIR_PWD.as_bytes()).ok();
            self.0.extend(question.map(|question| (message.path, question.transaction)));
        }
    }
}

/// Microseconds. A path belongs to its peer for this long after the last check (`ice::agent`).
const HELD_US: u64 = 10_000_000;

struct World {
    shards: Vec<(Shard, Outbox<Questions>)>,
    /// The peer that proved itself last at each address, and the time.
    owners: HashMap<u8, (usize, u64)>,
    /// The address that each peer nominated last.
    selected: [Option<u8>; SHARDS],
    now_us: u64,
    transaction: u32,
}

pub fn handover(data: &[u8]) {
    let mut world = World::new();
    let mut steps = data.chunks(2).take(STEPS_MAX);
    while let Some([what, from]) = steps.next() {
        world.step(*what, *from % PATHS, data);
    }
}

impl World {
    fn new() -> Self {
        let shards =
            (0..SHARDS).map(|index| (Shard::new(index as u8, 0, 1).among(SHARDS), Outbox::new(Questions::default())));
        let mut world = World {
            shards: shards.collect(),
            owners: HashMap::new(),
            selected: [None; SHARDS],
            now_us: 1_000_000,
            transaction: 0,
        };
        for (index, name) in NAMES.iter().enumerate() {
            assert!(name.len() > 2);
            world.command(index, Command::OpenRouter { router: 1 });
            world.open(index);
        }
        world
    }

    fn open(&mut self, peer: usize) {
        let (ufrag, pwd) = (NAMES[peer].to_string(), super::PWD.to_string());
        let transport = 1 + peer as u32;
        self.command(peer, Command::OpenTransport { router: 1, transport, ufrag, pwd });
        let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
        self.command(peer, Command::SetRemoteCredentials { transport, ufrag, pwd });
    }

    /// Close a peer and open another peer under the same name.
    fn reopen(&mut self, peer: usize) {
        self.command(peer, Command::CloseTransport { transport: 1 + peer as u32 });
        self.owners.retain(|_, owner| owner.0 != peer);
        self.selected[peer] = None;
        self.open(peer);
        self.exchange();
    }

    /// Record a check, if no other peer owns the address.
    fn note_checked(&mut self, from: u8, peer: usize) {
        match self.owners.get(&from) {
            Some((owner, at_us)) if *owner != peer && self.selected[*owner] == Some(from) => {
                if self.now_us - at_us < HELD_US {
                    return;
                }
                self.selected[*owner] = None;
            }
            _ => {}
        }
        self.owners.insert(from, (peer, self.now_us));
        self.selected[peer] = Some(from);
    }

    fn command(&mut self, at: usize, command: Command) {
        let (shard, out) = &mut self.shards[at];
        shard.command(command, self.now_us, out);
    }

    fn step(&mut self, what: u8, from: u8, data: &[u8]) {
        let peer = usize::from(what >> 3) % SHARDS;
        match what & 7 {
            0..=2 => {
                self.check(from, &format!("{}:them", NAMES[peer]));
                self.note_checked(from, peer);
            }
            3 if what & 0x80 != 0 => self.reopen(peer),
            3 => self.check(from, "b-nobody:them"),
            4 => self.deliver(from, &data[..data.len().min(1_500)]),
            5 => self.now_us += u64::from(from) * 1_500_000,
            _ => {
                self.deliver(from, &DTLS);
                let told = self.events();
                let owner = self.owners.get(&from).map(|(owner, _)| 1 + *owner as u32);
                assert_eq!(told, owner.into_iter().collect::<Vec<_>>());
            }
        }
        self.events();
    }

    fn check(&mut self, from: u8, username: &str) {
        self.transaction += 1;
        // Answers that reach the wrong shard are shown to the other shards only at a limited rate.
        self.now_us += 5_000;
        // Four checks give enough credit for a question.
        let check = super::check(username.as_bytes(), self.transaction, true);
        (0..4).for_each(|_| self.deliver(from, &check));
        self.answer(from);
    }

    /// Answer the questions. A peer gets the datagrams for the address from which it checks.
    fn answer(&mut self, from: u8) {
        let asked = self.shards.iter_mut().flat_map(|(_, out)| {
            out.flush();
            std::mem::take(&mut out.sink.0)
        });
        for (path, transaction) in asked.collect::<Vec<_>>() {
            assert_eq!(path, Self::path(from));
            let mut answer = [0; stun::REPLY_MAX];
            let len = stun::write_success(&mut answer, transaction, path.remote(), THEIR_PWD.as_bytes());
            self.deliver(from, &answer[..len]);
        }
    }

    fn path(from: u8) -> Path {
        super::udp(1 + u16::from(from))
    }

    fn deliver(&mut self, from: u8, datagram: &[u8]) {
        let (shard, out) = &mut self.shards[usize::from(from) % SHARDS];
        shard.receive(Self::path(from), &mut datagram.to_vec(), self.now_us, out);
        self.exchange();
    }

    fn exchange(&mut self) {
        for _ in 0..ROUNDS_MAX {
            for from in 0..SHARDS {
                for to in 0..SHARDS {
                    while let Some(parcel) = self.shards[from].0.parcel(to) {
                        assert_ne!(from, to);
                        let (shard, out) = &mut self.shards[to];
                        shard.unpack(parcel, self.now_us, out);
                    }
                }
            }
        }
        let waits = |(shard, _): &mut (Shard, _)| (0..SHARDS).any(|to| shard.parcel(to).is_some());
        assert!(!self.shards.iter_mut().any(waits), "it goes round and round");
    }

    /// Return the transports that got DTLS.
    fn events(&mut self) -> Vec<u32> {
        let all = self.shards.iter_mut().flat_map(|(shard, _)| shard.events().drain(..).collect::<Vec<_>>());
        all.filter_map(|event| if let Event::Dtls { transport, .. } = event { Some(transport) } else { None }).collect()
    }
}
