//! ICE-TCP (RFC 6544, passive side): connections with RFC 4571 frames. This module holds the streams and the bytes that wait in
//! them.
//!
//! A stranger is a connection that the server has not answered yet. An answer is the proof, because only a check with the
//! server's password gets an answer. A stranger must begin with bytes that look like STUN, and it must get its answer within a
//! few seconds. `Bounds` limits the number of strangers. One more stranger closes the oldest stranger of the network with the
//! most strangers (`strangers`). A proved connection lives as long as a peer uses its path and the server sends on it.

use crate::counters::Counters;
use crate::send::{count_dropped, pieces};
use crate::strangers::Strangers;
use crate::wait::{Poller, Source};
use plane_core::path::Path;
use plane_core::seam::outbox::Message;
use plane_core::wire::demux::{Class, classify};
use plane_core::wire::framing::{Deframer, prefix};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::rc::Rc;

/// The limits of one thread. Python gives them at the start.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections without an answer of the server.
    pub strangers: usize,
    /// The time that a stranger has until the first answer.
    pub first_answer_us: u64,
    /// Connections with an answer.
    pub proved: usize,
}

const SILENT_US: u64 = 60_000_000;
/// Microseconds between two searches for connections that have expired. Chosen. Longer: they are closed later. Shorter:
/// more work.
const SWEEP_US: u64 = 1_000_000;
/// Bytes that wait in one ICE-TCP connection. Chosen. Video may fill half, because late video is useless; when all is full, the
/// connection closes. Larger: a peer on a slow network costs more memory and gets older packets. Smaller: in a short stall a
/// peer loses video, or its connection closes.
const WAITING_BYTES_MAX: usize = 256 << 10;
const WAITING_VIDEO_BYTES_MAX: usize = WAITING_BYTES_MAX / 2;
/// Bytes of one TCP connection that the kernel may hold unsent. Chosen. Larger: on a slow network the viewer gets old video
/// late, because this module cannot drop bytes that the kernel holds. Smaller: more wake-ups to fill the socket.
const KERNEL_UNSENT_BYTES: u32 = 64 << 10;
/// Bytes of the buffer that an idle TCP connection keeps. Chosen. Larger: more memory for each idle connection. Smaller:
/// buffers are allocated again more often.
const IDLE_BYTES_MAX: usize = 16 << 10;
/// TCP connections that are accepted in one round of the thread. Chosen. Larger: a flood of connections delays the media of the
/// thread's peers. Smaller: after a restart, many peers connect later.
const ACCEPTED_AT_ONCE_MAX: usize = 64;
/// Microseconds without accepting TCP connections after file descriptors ran out. Chosen. Longer: new peers wait longer after a
/// shortage. Shorter: the thread tries more often without success.
const LISTENER_REST_US: u64 = 1_000_000;
/// Connections that the kernel completes before this thread accepts them. Chosen. Larger: a flood fills more memory of the
/// kernel. Smaller: after a restart, peers must try again.
const BACKLOG: i32 = 128;

/// The number of a closed connection that the thread must still report to the shard.
pub type Closed = u32;

pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    resting_until_us: Option<u64>,
}

impl Listener {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        use socket2::{Domain, Protocol, Socket, Type};
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Listener { socket, address, resting_until_us: None })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// No bytes arrived yet.
    Silent,
    /// Bytes that look like STUN arrived.
    Asking,
    /// The server answered.
    Proved,
}

struct Connection {
    stream: TcpStream,
    remote: SocketAddr,
    trust: Trust,
    expires_us: u64,
    deframer: Deframer,
    /// Framed bytes that the kernel has not taken yet, from `written` on.
    waiting: Vec<u8>,
    written: usize,
    /// True if the poller waits for room to write.
    blocked: bool,
}

/// All connections of one thread.
pub struct Tcp {
    poller: Rc<Poller>,
    listeners: Vec<Listener>,
    connections: HashMap<u32, Connection>,
    bounds: Bounds,
    strangers: Strangers,
    next_connection: u32,
    closed: Vec<Closed>,
    /// The connections that got frames in this round.
    fed: Vec<u32>,
    sweep_us: u64,
    now_us: u64,
}

/// Bytes that were just read from a connection. The caller must take their frames.
pub struct Intake {
    connection: u32,
    remote: SocketAddr,
    len: usize,
    silent: bool,
    deframer: Deframer,
}

/// A connection that moves to the thread of its peer, with the bytes that it brought.
pub struct Leaving {
    stream: TcpStream,
    remote: SocketAddr,
    bytes: Vec<u8>,
}

impl Leaving {
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl Intake {
    /// Report whether no frame arrived before.
    pub fn is_first(&self) -> bool {
        self.silent
    }

    /// Call `take` with each complete frame. `bytes` is the buffer that `Tcp::read` filled. Return false if the stream is
    /// broken.
    pub fn frames(&mut self, bytes: &mut [u8], mut take: impl FnMut(Path, &mut [u8])) -> bool {
        let path = Path::Tcp { connection: self.connection, remote: self.remote };
        let (mut silent, mut strange) = (self.silent, false);
        let fed = self.deframer.feed(&mut bytes[..self.len], |frame| {
            strange |= silent && classify(frame) != Class::Stun;
            silent = false;
            if !strange {
                take(path, frame);
            }
        });
        self.silent = silent;
        fed.is_ok() && !strange
    }
}

impl Tcp {
    pub fn new(poller: Rc<Poller>, listeners: Vec<Listener>, bounds: Bounds) -> io::Result<Self> {
        for (index, listener) in listeners.iter().enumerate() {
            poller.add(listener.socket.as_raw_fd(), Source::Listener(index as u8))?;
        }
        Ok(Tcp {
            poller,
            listeners,
            connections: HashMap::new(),
            bounds,
            strangers: Strangers::default(),
            next_connection: 1,
            closed: Vec::new(),
            fed: Vec::new(),
            sweep_us: u64::MAX,
            now_us: 0,
        })
    }

    pub fn len(&self) -> usize {
        self.connections.len()
    }

    #[cfg(test)]
    pub fn numbers(&self) -> Vec<u32> {
        self.connections.keys().copied().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Return a connection that ended since the last call. Each connection is returned once.
    pub fn closed(&mut self) -> Option<Closed> {
        self.closed.pop()
    }

    /// Set the time of this round. `send` extends connections from this time.
    pub fn set_now(&mut self, now_us: u64) {
        self.now_us = now_us;
    }

    /// Return the time of the next call of `timeout`.
    pub fn deadline(&self) -> u64 {
        self.listeners.iter().filter_map(|listener| listener.resting_until_us).fold(self.sweep_us, u64::min)
    }

    pub fn accept(&mut self, index: u8) {
        for _ in 0..ACCEPTED_AT_ONCE_MAX {
            let listener = &mut self.listeners[usize::from(index)];
            match listener.socket.accept() {
                Ok((stream, remote)) => {
                    self.admit(stream, remote);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if is_shortage(&error) => {
                    // The listener stays readable, so without a rest the thread would loop.
                    listener.resting_until_us = Some(self.now_us + LISTENER_REST_US);
                    let fd = listener.socket.as_raw_fd();
                    let _ = self.poller.change(fd, Source::Listener(index), false, false);
                    return;
                }
                Err(_) => {}
            }
        }
    }

    /// Admit a connection and return its number. Return None if the limit of proved connections is reached or the system
    /// refuses.
    fn admit(&mut self, stream: TcpStream, remote: SocketAddr) -> Option<u32> {
        if self.connections.len() - self.strangers.len() >= self.bounds.proved {
            return None;
        }
        if self.strangers.len() >= self.bounds.strangers {
            let oldest = self.strangers.most_dispensable()?;
            self.close(oldest);
        }
        let connection = self.free_number();
        prepare(&stream).ok()?;
        self.poller.add(stream.as_raw_fd(), Source::Connection(connection)).ok()?;
        self.strangers.insert(connection, &remote);
        let expires_us = self.now_us + self.bounds.first_answer_us;
        self.connections.insert(
            connection,
            Connection {
                stream,
                remote,
                trust: Trust::Silent,
                expires_us,
                deframer: Deframer::default(),
                waiting: Vec::new(),
                written: 0,
                blocked: false,
            },
        );
        self.sweep_us = self.sweep_us.min(self.now_us + SWEEP_US);
        Some(connection)
    }

    /// Return an unused number. Numbers are not used again soon, so that a late message cannot reach another peer.
    fn free_number(&mut self) -> u32 {
        loop {
            let number = self.next_connection;
            self.next_connection = number.wrapping_add(1).max(1);
            if !self.connections.contains_key(&number) {
                return number;
            }
        }
    }

    /// Read once. The caller must take the frames and give the intake back.
    pub fn read(&mut self, number: u32, buffer: &mut [u8]) -> Option<Intake> {
        let connection = self.connections.get_mut(&number)?;
        match connection.stream.read(buffer) {
            Ok(len) if len > 0 => Some(Intake {
                connection: number,
                remote: connection.remote,
                len,
                silent: connection.trust == Trust::Silent,
                deframer: std::mem::take(&mut connection.deframer),
            }),
            Err(error) if is_passing(&error) => None,
            _ => {
                self.close(number);
                None
            }
        }
    }

    /// Finish the work of `read`. `whole` is the result of `Intake::frames`.
    pub fn give_back(&mut self, intake: Intake, whole: bool) {
        if !whole {
            return self.close(intake.connection);
        }
        if let Some(connection) = self.connections.get_mut(&intake.connection) {
            connection.deframer = intake.deframer;
            if connection.trust == Trust::Silent && !intake.silent {
                connection.trust = Trust::Asking;
            }
        }
    }

    /// Give the connection to another thread, instead of calling `give_back`. The other thread begins with `frames` (with their
    /// prefixes). No bytes were sent on the connection yet.
    pub fn let_go(&mut self, intake: Intake, mut frames: Vec<u8>) -> Option<Leaving> {
        let Connection { stream, remote, .. } = self.connections.remove(&intake.connection)?;
        self.strangers.remove(intake.connection);
        self.poller.remove(stream.as_raw_fd()).ok()?;
        frames.append(&mut intake.deframer.into_rest());
        Some(Leaving { stream, remote, bytes: frames })
    }

    /// Take over a connection from another thread. It is a stranger here too. The caller must take its first frames as if they
    /// had just been read.
    pub fn take_over(&mut self, leaving: Leaving) -> Option<(Intake, Vec<u8>)> {
        let Leaving { stream, remote, bytes } = leaving;
        let connection = self.admit(stream, remote)?;
        let intake = Intake { connection, remote, len: bytes.len(), silent: true, deframer: Deframer::default() };
        Some((intake, bytes))
    }

    /// Write waiting bytes, because the connection has room again.
    pub fn write(&mut self, number: u32) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        if connection.write().is_err() {
            return self.close(number);
        }
        let blocked = !connection.waiting.is_empty();
        if blocked != connection.blocked {
            connection.blocked = blocked;
            let fd = connection.stream.as_raw_fd();
            if self.poller.change(fd, Source::Connection(number), true, blocked).is_err() {
                self.close(number);
            }
        }
    }

    /// Frame those of `messages` that leave over TCP. Each connection gets one write.
    pub fn send(&mut self, arena: &[u8], messages: &[Message], counters: &mut Counters) {
        for message in messages {
            if let Path::Tcp { connection, .. } = message.path {
                self.put(connection, arena, message, counters);
            }
        }
        while let Some(number) = self.fed.pop() {
            if self.connections.get(&number).is_some_and(|connection| !connection.blocked) {
                counters.send_calls += 1;
                self.write(number);
            }
        }
    }

    fn put(&mut self, number: u32, arena: &[u8], message: &Message, counters: &mut Counters) {
        let Some(connection) = self.connections.get_mut(&number) else { return count_dropped(message, counters) };
        let waiting = connection.waiting.len() - connection.written;
        let framed = pieces(message).map(|piece| piece.len as usize + 2).sum::<usize>();
        let room = if message.video { WAITING_VIDEO_BYTES_MAX } else { WAITING_BYTES_MAX };
        if waiting + framed > room {
            count_dropped(message, counters);
            if !message.video {
                self.close(number);
            }
            return;
        }
        for piece in pieces(message) {
            let datagram = &arena[piece.start as usize..][..piece.len as usize];
            connection.waiting.extend_from_slice(&prefix(datagram.len()));
            connection.waiting.extend_from_slice(datagram);
            counters.sent_packets += 1;
            counters.sent_bytes += u64::from(piece.len);
        }
        if self.fed.last() != Some(&number) && !self.fed.contains(&number) {
            self.fed.push(number);
        }
        connection.expires_us = self.now_us + SILENT_US;
        if std::mem::replace(&mut connection.trust, Trust::Proved) != Trust::Proved {
            self.strangers.remove(number);
        }
    }

    /// Close the connections whose time is over, and the proved connections whose path no peer uses (`is_used`). Wake the
    /// resting listeners.
    pub fn timeout(&mut self, is_used: impl Fn(Path) -> bool) {
        let now_us = self.now_us;
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            if listener.resting_until_us.is_some_and(|until_us| until_us <= now_us) {
                listener.resting_until_us = None;
                let fd = listener.socket.as_raw_fd();
                let _ = self.poller.change(fd, Source::Listener(index as u8), true, false);
            }
        }
        if self.sweep_us <= now_us {
            let is_old = |number: &u32, one: &Connection| {
                let path = Path::Tcp { connection: *number, remote: one.remote };
                one.expires_us <= now_us || (one.trust == Trust::Proved && !is_used(path))
            };
            let old = self.connections.iter().filter(|(number, one)| is_old(number, one));
            for number in old.map(|(number, _)| *number).collect::<Vec<_>>() {
                self.close(number);
            }
            self.sweep_us = if self.connections.is_empty() { u64::MAX } else { now_us + SWEEP_US };
        }
    }

    fn close(&mut self, number: u32) {
        if self.connections.remove(&number).is_some() {
            self.strangers.remove(number);
            self.closed.push(number);
        }
    }
}

impl Connection {
    /// Give the kernel as many bytes as it accepts.
    fn write(&mut self) -> io::Result<()> {
        while self.written < self.waiting.len() {
            match self.stream.write(&self.waiting[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.waiting.drain(..self.written);
        self.written = 0;
        if self.waiting.is_empty() && self.waiting.capacity() > IDLE_BYTES_MAX {
            self.waiting = Vec::new();
        }
        Ok(())
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(KERNEL_UNSENT_BYTES);
    Ok(())
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Report whether descriptors or memory ran out, so that an immediate retry is useless.
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
