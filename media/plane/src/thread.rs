//! The thread of one shard: it waits, reads, lets the shard work, sends and reports. It holds the sockets while it lives.

use crate::queues::{Commands, Events, Handed, Order, Outgoing};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::{Event, LineState};
use plane_core::seam::outbox::Outbox;
use plane_core::seam::snapshot::Snapshot;
use plane_core::shard::Shard;
use plane_core::wire::framing::write_frame;
use plane_udp::{
    Bell, Bounds, Counters, Found, Intake, Listener, Network, Poller, Ready, Receiver, Source, Tcp, UdpSocket,
};
use plane_udp::{now_us, sleep_us, thread_cpu_us};
use std::any::Any;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::SystemTime;

/// The input of a thread.
pub struct Seat {
    pub index: u8,
    pub udp: Vec<UdpSocket>,
    pub listeners: Vec<Listener>,
    pub bounds: Bounds,
    pub gather_us: u64,
    /// The queues of all shard threads, with the thread's own queue.
    pub commands: Vec<Arc<Commands>>,
    pub events: Arc<Events>,
    pub latest: Arc<Mutex<Arc<Published>>>,
}

/// The last figures that the thread published.
#[derive(Default)]
pub struct Published {
    pub snapshot: Snapshot,
    pub counters: Counters,
    /// Packets received and sent in the last second.
    pub packets_per_s: u64,
    /// Share of that second that the thread ran.
    pub busy: f32,
}

/// Microseconds between two snapshots of the statistics. Chosen: Python reads them once a second. Longer: the figures are
/// older. Shorter: more work.
const SNAPSHOT_US: u64 = 1_000_000;
/// Microseconds until events that found no place in the queue are offered to Python again. Chosen. Longer: the events are
/// later. Shorter: more rounds.
const BACKLOG_RETRY_US: u64 = 50_000;
/// Batches of up to 32 datagrams that the thread reads from one socket before it serves the next. Larger: under load, timers
/// and other sockets wait longer. Smaller: more rounds, and thus more work, for the same load.
const BATCHES_MAX: usize = 16;
/// Parcels (buffers with datagrams of other packet threads) that the thread takes in one round from each of two queues. No
/// effect with one packet thread. Larger: timers and sockets wait longer. Smaller: more rounds, and thus more work, for the
/// same load.
const HANDED_MAX: usize = 64;
/// Bytes that are read from a TCP connection at once. Chosen. Larger: more memory for each thread. Smaller: more reads for
/// the same data.
const TCP_READ_BYTES: usize = 64 << 10;
/// Microseconds. Chosen. A shorter wait found packets that had arrived before, so the thread did not sleep and need not gather
/// more. Larger: short sleeps count as no sleep, so frames leave in smaller pieces, with more work. Smaller: the thread waits
/// although packets have gathered already, and they leave later.
const AT_ONCE_US: u64 = 5;
/// Multiple of the gathering time (the wait for more packets before a read). Chosen. After a longer pause without datagrams the
/// thread does not wait. Larger: single packets are forwarded later. Smaller: more rounds, and thus more work.
const LULL: u64 = 2;

pub fn start(seat: Seat) -> io::Result<JoinHandle<()>> {
    let name = format!("plane-{}", seat.index);
    let poller = Poller::new()?;
    let shard = Shard::new(seat.index, wall_offset_us(), random()?).among(seat.commands.len());
    Builder::new().name(name.clone()).spawn(move || {
        let events = seat.events.clone();
        guard(&name, &events, || Rounds::new(seat, poller, shard)?.run());
    })
}

/// Run the thread's body. A panic or an error ends this thread, not the process. It is reported to Python, where every later
/// call fails.
fn guard(name: &str, events: &Events, body: impl FnOnce() -> io::Result<()>) {
    let reason = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic_text(panic.as_ref()),
    };
    eprintln!("{name} stopped: {reason}");
    events.die(format!("{name} stopped: {reason}"));
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}

/// Return the number to add to the monotonic clock to get Unix time.
pub fn wall_offset_us() -> i64 {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    unix.as_micros() as i64 - now_us() as i64
}

pub fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

struct Rounds {
    shard: Shard,
    outbox: Outbox<Network>,
    udp: Arc<[UdpSocket]>,
    receiver: Receiver,
    tcp_bytes: Box<[u8]>,
    poller: Rc<Poller>,
    commands: Arc<Commands>,
    /// The queues of all shard threads, or an empty list if there is only one thread.
    others: Vec<Arc<Commands>>,
    outgoing: Outgoing,
    latest: Arc<Mutex<Arc<Published>>>,
    gather_us: u64,
    now_us: u64,
    /// The time when UDP was last read to its end. 0 means that datagrams remained.
    drained_us: u64,
    snapshot_us: u64,
    /// The packets and the CPU time up to the last snapshot, and the time of that snapshot.
    counted: Counted,
    /// True if something happened since the last snapshot.
    busy: bool,
}

#[derive(Clone, Copy)]
struct Counted {
    packets: u64,
    cpu_us: u64,
    at_us: u64,
}

impl Counted {
    /// Return the packets per second, and the share of the time that the thread ran.
    fn since(self, before: Counted) -> (u64, f32) {
        let elapsed_us = self.at_us.saturating_sub(before.at_us);
        if elapsed_us < SNAPSHOT_US / 2 {
            // This is the first snapshot, right after the start.
            return (0, 0.0);
        }
        let packets_per_s = (self.packets - before.packets) * 1_000_000 / elapsed_us;
        (packets_per_s, (self.cpu_us - before.cpu_us) as f32 / elapsed_us as f32)
    }
}

impl Rounds {
    fn new(seat: Seat, poller: Poller, shard: Shard) -> io::Result<Self> {
        let poller = Rc::new(poller);
        let commands = seat.commands[usize::from(seat.index)].clone();
        poller.add(Bell::fd(&commands.bell), Source::Bell)?;
        for (index, socket) in seat.udp.iter().enumerate() {
            poller.add(socket.fd(), Source::Udp(index as u16))?;
        }
        let udp: Arc<[UdpSocket]> = seat.udp.into();
        let tcp = Tcp::new(poller.clone(), seat.listeners, seat.bounds)?;
        Ok(Rounds {
            shard,
            outbox: Outbox::new(Network::new(udp.clone(), tcp)),
            udp,
            receiver: Receiver::new(),
            tcp_bytes: vec![0; TCP_READ_BYTES].into_boxed_slice(),
            poller,
            commands,
            others: if seat.commands.len() > 1 { seat.commands } else { Vec::new() },
            outgoing: Outgoing::new(seat.events),
            latest: seat.latest,
            gather_us: seat.gather_us,
            now_us: now_us(),
            drained_us: 0,
            snapshot_us: 0,
            counted: Counted { packets: 0, cpu_us: thread_cpu_us(), at_us: now_us() },
            busy: false,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut found = Found::nothing();
        loop {
            let began_us = now_us();
            self.poller.wait(self.sleep_us(began_us), &mut found)?;
            self.set_now(now_us());
            let at_once = self.now_us - began_us < AT_ONCE_US;
            self.round(&found, at_once);
            if self.commands.is_stopped() {
                self.shard_commands();
                Self::send(&mut self.shard, &self.others, &mut self.outbox);
                return Ok(());
            }
        }
    }

    fn set_now(&mut self, now_us: u64) {
        self.now_us = now_us;
        self.outbox.sink.tcp.set_now(now_us);
    }

    /// Return how long nothing is due, or `None` to wait until something arrives.
    fn sleep_us(&self, now_us: u64) -> Option<u64> {
        let retry_us = if self.outgoing.has_backlog() { now_us + BACKLOG_RETRY_US } else { u64::MAX };
        let snapshot_us = if self.busy || self.snapshot_us == 0 { self.snapshot_us } else { u64::MAX };
        let due = [self.shard.deadline(), self.outbox.sink.tcp.deadline(), retry_us, snapshot_us];
        let due_us = due.into_iter().min().unwrap_or(u64::MAX);
        (due_us != u64::MAX).then(|| due_us.saturating_sub(now_us))
    }

    fn round(&mut self, found: &Found, at_once: bool) {
        let (mut datagrams, mut rung) = (false, false);
        for ready in found.iter() {
            self.busy = true;
            match ready.source {
                Source::Bell => {
                    self.commands.heard();
                    self.shard_commands();
                    rung = true;
                }
                Source::Listener(index) => self.outbox.sink.tcp.accept(index),
                Source::Connection(connection) => self.stream(connection, ready),
                Source::Udp(_) => datagrams = true,
            }
        }
        if datagrams {
            let gathered = self.gather_first(at_once);
            self.datagrams(found);
            if !gathered && !at_once && self.shard.is_mid_frame() {
                self.gather();
                self.datagrams(found);
            }
        } else if rung && self.take_handed() && self.shard.is_mid_frame() {
            self.gather();
            self.take_handed();
        }
        self.timers();
        self.shard.flush(self.now_us, &mut self.outbox);
        Self::send(&mut self.shard, &self.others, &mut self.outbox);
        self.report();
    }

    fn shard_commands(&mut self) {
        while let Some(order) = self.commands.pop() {
            match order {
                Order::Core(command) => self.shard.command(command, self.now_us, &mut self.outbox),
                Order::Line { command, rtp, rtcp } => self.open_line(*command, rtp, rtcp),
            }
            self.close_sockets();
        }
    }

    fn open_line(&mut self, mut command: Command, rtp: UdpSocket, rtcp: Option<UdpSocket>) {
        let Command::OpenLine { transport, rtp_socket, rtcp_socket, .. } = &mut command else { return };
        let (transport, wants_rtcp) = (*transport, rtcp.is_some());
        let numbers = (self.take_socket(rtp), rtcp.and_then(|socket| self.take_socket(socket)));
        match numbers {
            (Some(rtp), rtcp) if rtcp.is_some() == wants_rtcp => (*rtp_socket, *rtcp_socket) = (rtp, rtcp),
            // The system has no room. No packet will arrive on this line, so the event "silent" goes out at once.
            (rtp, rtcp) => {
                rtp.into_iter().chain(rtcp).for_each(|number| self.outbox.sink.close_line(number));
                return self.shard.events().push(Event::Line { transport, state: LineState::Silent });
            }
        }
        self.shard.command(command, self.now_us, &mut self.outbox);
    }

    /// Take a socket and return its number, or None if the system refuses. There are more numbers than the directory allows
    /// lines.
    fn take_socket(&mut self, socket: UdpSocket) -> Option<u16> {
        let fd = socket.fd();
        let number = self.outbox.sink.open_line(socket)?;
        if self.poller.add(fd, Source::Udp(number)).is_err() {
            self.outbox.sink.close_line(number);
            return None;
        }
        Some(number)
    }

    /// Close the sockets of closed lines, after their last packets were sent.
    fn close_sockets(&mut self) {
        if self.shard.released().is_empty() {
            return;
        }
        self.shard.flush(self.now_us, &mut self.outbox);
        Self::send(&mut self.shard, &self.others, &mut self.outbox);
        for number in self.shard.released().drain(..) {
            self.outbox.sink.close_line(number);
        }
    }

    fn stream(&mut self, connection: u32, ready: Ready) {
        if ready.writable {
            self.outbox.sink.tcp.write(connection);
        }
        if !ready.readable {
            return;
        }
        let mut bytes = std::mem::take(&mut self.tcp_bytes);
        if let Some(intake) = self.outbox.sink.tcp.read(connection, &mut bytes) {
            self.frames(intake, &mut bytes);
        }
        self.tcp_bytes = bytes;
    }

    fn frames(&mut self, mut intake: Intake, bytes: &mut [u8]) {
        let (shard, outbox, now_us) = (&mut self.shard, &mut self.outbox, self.now_us);
        let (mut count, mut first) = ((0, 0), intake.is_first());
        // The frames of a connection whose first check names another shard.
        let mut leaving: Option<(u8, Vec<u8>)> = None;
        let whole = intake.frames(bytes, |path: Path, frame| {
            if std::mem::take(&mut first) {
                leaving = shard.names_other(frame).map(|to| (to, Vec::new()));
            }
            match &mut leaving {
                Some((_, frames)) => write_frame(frames, frame),
                None => {
                    count = (count.0 + 1, count.1 + frame.len() as u64);
                    shard.receive(path, frame, now_us, outbox);
                }
            }
        });
        // Answers go first, because an answer turns a stranger into a proved connection.
        Self::send(shard, &self.others, outbox);
        outbox.sink.count_frames(count.0, count.1);
        match leaving.filter(|_| whole) {
            None => outbox.sink.tcp.give_back(intake, whole),
            Some((to, frames)) => {
                let connection = outbox.sink.tcp.let_go(intake, frames);
                // If the other shard has no room, the connection closes.
                connection.map(|connection| self.others[usize::from(to)].hand(Handed::Connection(connection)));
            }
        }
    }

    /// Take the data that other shards handed over. Return true if there was any.
    fn take_handed(&mut self) -> bool {
        if self.others.is_empty() {
            return false;
        }
        for taken in 0..HANDED_MAX {
            let handed = self.commands.take_handed();
            if handed.iter().all(Option::is_none) {
                return taken > 0;
            }
            // The commands that opened the things in the data were queued before the data was handed over. So execute the
            // commands first.
            self.shard_commands();
            handed.into_iter().flatten().for_each(|handed| self.accept(handed));
        }
        self.commands.ring();
        true
    }

    fn accept(&mut self, handed: Handed) {
        match handed {
            Handed::Parcel(parcel) => self.shard.unpack(parcel, self.now_us, &mut self.outbox),
            Handed::Connection(connection) => {
                if let Some((intake, mut bytes)) = self.outbox.sink.tcp.take_over(connection) {
                    self.frames(intake, &mut bytes);
                }
            }
        }
    }

    /// Give the other shards their data, and then send the waiting packets. No other code in this file empties the outbox, so
    /// this order always holds. A peer that gets an answer may send to another shard next, and that shard must already know the
    /// peer.
    fn send(shard: &mut Shard, others: &[Arc<Commands>], outbox: &mut Outbox<Network>) {
        Self::hand_over(shard, others);
        outbox.flush();
    }

    /// Give the other shards their data.
    fn hand_over(shard: &mut Shard, others: &[Arc<Commands>]) {
        for (to, other) in others.iter().enumerate() {
            while let Some(parcel) = shard.parcel(to) {
                let datagrams = parcel.datagrams();
                let taken = other.hand(Handed::Parcel(parcel));
                shard.note_handed(datagrams, taken);
            }
        }
    }

    /// Wait a gathering time before the read, and return true, if packets arrive in quick succession. Then one round for many
    /// packets is cheaper than one round for each. The function does not wait if the last round was so long that packets
    /// gathered already. It does not wait after a lull either: the wait would be a second sleep, and a frame sent at once is
    /// already here.
    fn gather_first(&mut self, at_once: bool) -> bool {
        let since_us = self.now_us.saturating_sub(self.drained_us);
        let wait = if at_once { since_us < self.gather_us } else { since_us < LULL * self.gather_us };
        if wait {
            self.gather();
        }
        wait
    }

    /// Wait for the rest of a frame, so that the frame leaves in long runs.
    fn gather(&mut self) {
        if self.gather_us > 0 {
            sleep_us(self.gather_us);
            self.set_now(now_us());
            // A transport that was opened in the meantime may have its first check among the datagrams.
            self.shard_commands();
        }
    }

    fn datagrams(&mut self, found: &Found) {
        // Another shard may have claimed a path whose datagrams are read now.
        self.take_handed();
        let mut all = true;
        for ready in found.iter() {
            if let Source::Udp(index) = ready.source {
                all &= self.drain(index);
            }
        }
        self.drained_us = if all { self.now_us } else { 0 };
    }

    /// Read a socket to its end. Return false if datagrams remain.
    fn drain(&mut self, index: u16) -> bool {
        let line = self.outbox.sink.line(index).cloned();
        let Some(socket) = self.udp.get(usize::from(index)).or(line.as_deref()) else { return true };
        let (shard, outbox, now_us) = (&mut self.shard, &mut self.outbox, self.now_us);
        for _ in 0..BATCHES_MAX {
            let take = |path: Path, datagram: &mut [u8]| shard.receive(path, datagram, now_us, outbox);
            // An error is a late notice about a packet that this thread sent. The read has cleared the error.
            let Ok(received) = self.receiver.receive(socket, index, take) else { return false };
            outbox.sink.count_received(&received);
            Self::hand_over(shard, &self.others);
            if received.drained {
                return true;
            }
        }
        false
    }

    fn timers(&mut self) {
        if self.outbox.sink.tcp.deadline() <= self.now_us {
            let shard = &self.shard;
            self.outbox.sink.tcp.timeout(|path| shard.uses(path));
        }
        if self.shard.deadline() <= self.now_us {
            self.busy = true;
            self.shard.timeout(self.now_us, &mut self.outbox);
        }
    }

    fn report(&mut self) {
        while let Some(connection) = self.outbox.sink.tcp.closed() {
            self.shard.tcp_closed(connection, self.now_us);
        }
        self.outgoing.send(self.shard.events());
        if self.snapshot_us <= self.now_us {
            self.busy = false;
            self.snapshot_us = self.now_us + SNAPSHOT_US;
            let counters = self.outbox.sink.counters();
            let packets = counters.received_packets + counters.sent_packets;
            let counted = Counted { packets, cpu_us: thread_cpu_us(), at_us: self.now_us };
            let (packets_per_s, busy) = counted.since(std::mem::replace(&mut self.counted, counted));
            let published = Published { snapshot: self.shard.snapshot(self.now_us), counters, packets_per_s, busy };
            *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(published);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_does_not_spread() {
        let events = Events::new().unwrap();
        guard("plane-7", &events, || panic!("the sky fell"));
        assert_eq!(events.death(), Some("plane-7 stopped: the sky fell"));
        guard("plane-8", &events, || Ok(()));
        assert_eq!(events.death(), Some("plane-7 stopped: the sky fell"));
    }

    #[test]
    fn a_rate_needs_time() {
        let at = |packets, cpu_us, at_us| Counted { packets, cpu_us, at_us };
        assert_eq!(at(3000, 600_000, 2_000_000).since(at(1000, 100_000, 1_000_000)), (2000, 0.5));
        assert_eq!(at(9, 200, 1_000_001).since(at(0, 0, 1_000_000)), (0, 0.0));
    }

    #[test]
    fn an_error_of_the_system_is_told() {
        let events = Events::new().unwrap();
        guard("plane-0", &events, || Err(io::ErrorKind::OutOfMemory.into()));
        assert_eq!(events.death(), Some("plane-0 stopped: out of memory"));
    }
}
