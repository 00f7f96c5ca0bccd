//! The bounded queues between Python and a shard thread, and among shard threads. Each thread and Python have a bell that rings
//! once until it is heard.

use crossbeam_queue::ArrayQueue;
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::shard::turn::parcel::Parcel;
use plane_udp::{Bell, Leaving, UdpSocket};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Commands of Python that wait for one packet thread; a further one is an OverflowError. Chosen. Larger: more memory, and
/// later commands. Smaller: when many people join at once, commands are refused.
pub const COMMANDS_MAX: usize = 4096;
/// Events that wait for Python. Further events wait in their thread (`BACKLOG_MAX`). Chosen. Larger: more memory. Smaller:
/// when Python is late, replaceable events are dropped earlier (`EVENTS_HIGH`).
pub const EVENTS_MAX: usize = 8192;
/// Events of all packet threads that wait for Python. Above three quarters of 8,192 (`EVENTS_MAX`), an event is dropped if a
/// later event replaces it. Larger: less room for the events that must not be lost. Smaller: reports of speakers and layers are
/// dropped earlier, and clients show an old speaker for longer.
const EVENTS_HIGH: usize = EVENTS_MAX * 3 / 4;
/// Bytes that other packet threads may hand to one thread, in each of two queues. Chosen: about the size of a socket buffer. No
/// effect with one packet thread. Larger: more memory and older packets; `HANDED_MAX` (1024 parcels) limits the queue too.
/// Smaller: in a burst, packets that arrive at the wrong thread are dropped, and their peers lose media.
pub const HANDED_BYTES_MAX: usize = 8 << 20;
/// Parcels (buffers with datagrams) of other packet threads that wait for one thread, in each of two queues. Chosen. No
/// effect with one packet thread. Larger: more memory and older packets. Smaller: in a burst, packets are dropped.
const HANDED_MAX: usize = 1024;
/// Events that a thread keeps beside the queue of 8,192 (`EVENTS_MAX`) while Python does not take them. Larger: more memory.
/// Smaller: when Python is late, events such as key presses or joins of peers are lost.
const BACKLOG_MAX: usize = 16_384;

/// An order from Python to a shard thread.
pub enum Order {
    Core(Command),
    /// `Command::OpenLine` without the numbers of its sockets, and the sockets.
    Line {
        command: Box<Command>,
        rtp: UdpSocket,
        rtcp: Option<UdpSocket>,
    },
}

/// The data that another shard thread hands over.
pub enum Handed {
    Parcel(Parcel),
    Connection(Leaving),
}

impl Handed {
    fn size(&self) -> usize {
        match self {
            Handed::Parcel(parcel) => parcel.size(),
            Handed::Connection(leaving) => leaving.size(),
        }
    }

    /// Report whether unauthenticated senders can cause this kind of data.
    fn is_foreign(&self) -> bool {
        match self {
            Handed::Parcel(parcel) => parcel.is_foreign(),
            Handed::Connection(_) => true,
        }
    }
}

/// A queue with two limits: number and bytes.
struct Lane {
    queue: ArrayQueue<Handed>,
    bytes: AtomicUsize,
}

impl Lane {
    fn new() -> Self {
        Lane { queue: ArrayQueue::new(HANDED_MAX), bytes: AtomicUsize::new(0) }
    }

    fn put(&self, handed: Handed) -> bool {
        let size = handed.size();
        // Each thread may see room for its own parcel at the same moment. A few parcels too many are harmless.
        if self.bytes.load(Ordering::Relaxed) + size > HANDED_BYTES_MAX {
            return false;
        }
        self.bytes.fetch_add(size, Ordering::Relaxed);
        let taken = self.queue.push(handed).is_ok();
        if !taken {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        taken
    }

    fn take(&self) -> Option<Handed> {
        let handed = self.queue.pop()?;
        self.bytes.fetch_sub(handed.size(), Ordering::Relaxed);
        Some(handed)
    }
}

/// The queues of one shard thread: its orders, and the data handed over to it.
pub struct Commands {
    queue: ArrayQueue<Order>,
    /// Messages that other threads make themselves. Strangers cannot fill this lane.
    own: Lane,
    foreign: Lane,
    rung: AtomicBool,
    stop: AtomicBool,
    pub bell: Bell,
}

impl Commands {
    pub fn new() -> io::Result<Self> {
        Ok(Commands {
            queue: ArrayQueue::new(COMMANDS_MAX),
            own: Lane::new(),
            foreign: Lane::new(),
            rung: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            bell: Bell::new()?,
        })
    }

    /// Queue an order. Return false if the queue is full and the command is lost.
    pub fn push(&self, order: Order) -> bool {
        let taken = self.queue.push(order).is_ok();
        self.ring();
        taken
    }

    /// Hand data to this thread. Return false if there is no room and the data is lost.
    pub fn hand(&self, handed: Handed) -> bool {
        let lane = if handed.is_foreign() { &self.foreign } else { &self.own };
        let taken = lane.put(handed);
        if taken {
            self.ring();
        }
        taken
    }

    /// Take the next item of each lane.
    pub fn take_handed(&self) -> [Option<Handed>; 2] {
        [self.own.take(), self.foreign.take()]
    }

    /// End the thread after the commands that are already queued.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.ring();
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Acknowledge the bell. Call this after a ring and before `pop`, so that later pushes ring again.
    pub fn heard(&self) {
        self.bell.silence();
        self.rung.store(false, Ordering::SeqCst);
    }

    pub fn pop(&self) -> Option<Order> {
        self.queue.pop()
    }

    /// Ring the bell, because there is (still) something to take.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.bell.ring();
        }
    }
}

/// The events of all shards.
pub struct Events {
    queue: ArrayQueue<Event>,
    rung: AtomicBool,
    dropped: AtomicU64,
    death: OnceLock<String>,
    pub bell: Bell,
}

impl Events {
    pub fn new() -> io::Result<Self> {
        Ok(Events {
            queue: ArrayQueue::new(EVENTS_MAX),
            rung: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            death: OnceLock::new(),
            bell: Bell::new()?,
        })
    }

    /// Return up to `limit` events. The bell keeps ringing while events remain.
    pub fn poll(&self, limit: usize) -> Vec<Event> {
        self.bell.silence();
        self.rung.store(false, Ordering::SeqCst);
        let events: Vec<_> = std::iter::from_fn(|| self.queue.pop()).take(limit).collect();
        if !self.queue.is_empty() {
            self.ring();
        }
        events
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Record that a thread died from an error of the plane. The bell then rings for good, so that no caller waits for a dead
    /// thread.
    pub fn die(&self, reason: String) {
        let _ = self.death.set(reason);
        self.bell.ring();
    }

    pub fn death(&self) -> Option<&str> {
        self.death.get().map(String::as_str)
    }

    fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.bell.ring();
        }
    }
}

/// The sending end of the event queue in a shard thread. It keeps events that must not be lost until there is room.
pub struct Outgoing {
    events: Arc<Events>,
    backlog: VecDeque<Event>,
}

impl Outgoing {
    pub fn new(events: Arc<Events>) -> Self {
        Outgoing { events, backlog: VecDeque::new() }
    }

    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Pass on as many events as possible, in order.
    pub fn send(&mut self, fresh: &mut Vec<Event>) {
        let had_any = self.has_backlog() || !fresh.is_empty();
        while let Some(event) = self.backlog.pop_front() {
            if let Err(event) = self.events.queue.push(event) {
                self.backlog.push_front(event);
                break;
            }
        }
        for event in fresh.drain(..) {
            self.put(event);
        }
        if had_any {
            self.events.ring();
        }
    }

    fn put(&mut self, event: Event) {
        let crowded = self.has_backlog() || self.events.queue.len() >= EVENTS_HIGH;
        if crowded && is_made_good_later(&event) {
            return self.drop_one();
        }
        if self.has_backlog() {
            return self.keep(event);
        }
        if let Err(event) = self.events.queue.push(event) {
            self.keep(event);
        }
    }

    fn keep(&mut self, event: Event) {
        if self.backlog.len() < BACKLOG_MAX { self.backlog.push_back(event) } else { self.drop_one() }
    }

    fn drop_one(&self) {
        self.events.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Report whether a later event or the statistics replace this event. The next list of speakers replaces the last list, and the
/// statistics hold the layers.
fn is_made_good_later(event: &Event) -> bool {
    matches!(event, Event::Speakers { .. } | Event::Layer { .. } | Event::Switched { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use plane_core::path::Path;
    use plane_core::seam::outbox::{Message, Outbox, Sink};
    use plane_core::shard::Shard;
    use plane_core::wire::stun::{self, Request};
    use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

    const HERE: Path =
        Path::Udp { socket: 0, remote: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9)), local: None };

    struct Nowhere;

    impl Sink for Nowhere {
        fn send(&mut self, _: &[u8], _: &[Message]) {}
    }

    fn byes(count: usize) -> Vec<Event> {
        (0..count).map(|producer| Event::Bye { producer: producer as u32 }).collect()
    }

    #[test]
    fn what_is_handed_over_is_bounded_and_rings() {
        let (mut shard, mut out) = (Shard::new(0, 0, 1).among(2), Outbox::new(Nowhere));
        let mut parcel = || {
            // Media of unknown peers is shown to the other shard, at most 50 datagrams at once.
            for now_us in 0..50 {
                let mut datagram = [0; 1200];
                datagram[0] = 0x80;
                shard.receive(HERE, &mut datagram, 1_000_000_000 * now_us, &mut out);
            }
            shard.parcel(1).unwrap()
        };
        let commands = Commands::new().unwrap();
        let (size, mut taken) = (parcel().size(), 0);
        while commands.hand(Handed::Parcel(parcel())) {
            taken += 1;
        }
        assert!(size > 50 * 1200 && taken == HANDED_BYTES_MAX / size);
        assert!(commands.rung.load(Ordering::SeqCst));
        assert!(commands.foreign.take().is_some() && commands.hand(Handed::Parcel(parcel())));
        // Messages that the other thread makes itself still have room.
        assert!(!commands.hand(Handed::Parcel(parcel())) && commands.hand(Handed::Parcel(claim())));
        assert!(matches!(commands.take_handed(), [Some(_), Some(_)]));
        assert_eq!(std::iter::from_fn(|| commands.foreign.take()).count(), taken - 1);
        assert!(matches!(commands.take_handed(), [None, None]));
        let left = [&commands.own, &commands.foreign].map(|lane| lane.bytes.load(Ordering::SeqCst));
        assert_eq!(left, [0, 0]);
    }

    /// Return a parcel in which a shard proves a check that another shard received, and claims the path.
    fn claim() -> Parcel {
        let shard = |index| Shard::new(index, 0, 1).among(2);
        let (mut first, mut second, mut out) = (shard(0), shard(1), Outbox::new(Nowhere));
        second.command(Command::OpenRouter { router: 1 }, 1, &mut out);
        let (ufrag, pwd) = ("b-ours".to_string(), "a-password-of-22-chars".to_string());
        let mut check = vec![0; 256];
        let request = Request {
            transaction: [1; 12],
            username: b"b-ours:theirs",
            priority: 1,
            use_candidate: true,
            controlling: Some(1),
            controlled: None,
            nomination: None,
        };
        let len = stun::write_request(&mut check, &request, pwd.as_bytes());
        second.command(Command::OpenTransport { router: 1, transport: 1, ufrag, pwd }, 1, &mut out);
        first.receive(HERE, &mut check[..len], 1, &mut out);
        second.unpack(first.parcel(1).unwrap(), 1, &mut out);
        second.parcel(0).unwrap()
    }

    #[test]
    fn what_must_not_be_lost_waits_and_keeps_its_order() {
        let events = Arc::new(Events::new().unwrap());
        let mut outgoing = Outgoing::new(events.clone());
        outgoing.send(&mut byes(EVENTS_MAX + 10));
        assert!(outgoing.has_backlog());
        outgoing.send(&mut vec![Event::Layer { producer: 1, layer: 0 }]);
        assert_eq!(events.dropped(), 1);
        let first = events.poll(usize::MAX);
        outgoing.send(&mut Vec::new());
        let rest = events.poll(usize::MAX);
        let numbers: Vec<_> = first
            .iter()
            .chain(&rest)
            .map(|event| if let Event::Bye { producer } = event { *producer } else { u32::MAX })
            .collect();
        assert_eq!(numbers, (0..EVENTS_MAX as u32 + 10).collect::<Vec<_>>());
        assert!(!outgoing.has_backlog());
    }

    #[test]
    fn speakers_give_way_before_the_queue_is_full() {
        let events = Arc::new(Events::new().unwrap());
        let mut outgoing = Outgoing::new(events.clone());
        outgoing.send(&mut byes(EVENTS_HIGH));
        outgoing.send(&mut vec![Event::Speakers { router: 1, speakers: Vec::new() }]);
        assert_eq!((events.dropped(), events.queue.len()), (1, EVENTS_HIGH));
    }

    #[test]
    fn the_backlog_is_bounded() {
        let events = Arc::new(Events::new().unwrap());
        let mut outgoing = Outgoing::new(events.clone());
        outgoing.send(&mut byes(EVENTS_MAX + BACKLOG_MAX + 1));
        assert_eq!(events.dropped(), 1);
    }

    #[test]
    fn a_full_command_queue_refuses() {
        let commands = Commands::new().unwrap();
        let order = || Order::Core(Command::OpenRouter { router: 1 });
        assert!((0..COMMANDS_MAX).all(|_| commands.push(order())));
        assert!(!commands.push(order()));
        commands.heard();
        assert_eq!(std::iter::from_fn(|| commands.pop()).count(), COMMANDS_MAX);
        assert!(commands.push(order()));
    }
}
