//! Outgoing datagrams. They are collected in one arena, handed to a [`Sink`], and then the arena is used again.

use crate::path::Path;

/// A datagram in the arena, or a run of datagrams of one size for one destination (UDP GSO).
#[derive(Clone, Copy, Debug)]
pub struct Message {
    pub path: Path,
    pub start: u32,
    pub len: u32,
    /// Bytes of each datagram of the run. The last datagram may be shorter. For a single datagram the value equals `len`.
    pub segment: u16,
    /// The datagram may be dropped before any other when the socket is full.
    pub video: bool,
}

/// The receiver of messages: the network, or a test.
pub trait Sink {
    fn send(&mut self, arena: &[u8], messages: &[Message]);
}

/// Bytes of one run: datagrams that the kernel takes in one piece (UDP GSO). It segments a UDP payload of at most 65,507 bytes.
/// Larger: the kernel refuses long runs, and their packets are sent one by one, with more work. Smaller: large frames need more
/// runs, and thus more work.
pub const RUN_BYTES_MAX: usize = 64_000;
/// Datagrams in one run, which the kernel takes in one piece (UDP GSO). `UDP_MAX_SEGMENTS` of Linux is 128 now, and 64 in older
/// kernels. Larger: an older kernel refuses the run, and its packets are sent one by one. Smaller: more system calls.
pub const RUN_SEGMENTS_MAX: usize = 64;

pub struct Outbox<S: Sink> {
    arena: Box<[u8]>,
    used: usize,
    messages: Vec<Message>,
    pub sink: S,
}

/// Bytes. Chosen. The space for outgoing datagrams until a packet thread hands all of them to the kernel. Larger: more memory
/// for each packet thread. Smaller: more system calls; below the packets of one frame for one viewer, the write panics.
const ARENA_BYTES: usize = 1 << 20;
/// Outgoing datagrams (or runs of datagrams) until a packet thread hands all of them to the kernel. Chosen. Larger: more
/// memory, and the first datagrams leave later. Smaller: more system calls.
const MESSAGES_MAX: usize = 1024;

impl<S: Sink> Outbox<S> {
    pub fn new(sink: S) -> Self {
        Outbox {
            arena: vec![0; ARENA_BYTES].into_boxed_slice(),
            used: 0,
            messages: Vec::with_capacity(MESSAGES_MAX),
            sink,
        }
    }

    /// Return at least `bytes` of free space. Flush first if the arena is too full. The bytes written there are sent only after
    /// `push`.
    pub fn reserve(&mut self, bytes: usize) -> &mut [u8] {
        debug_assert!(bytes <= ARENA_BYTES);
        if self.used + bytes > ARENA_BYTES || self.messages.len() == MESSAGES_MAX {
            self.flush();
        }
        &mut self.arena[self.used..]
    }

    /// Return the rest of the space that was reserved last, after the messages that were pushed since.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.arena[self.used..]
    }

    /// Add the first `len` bytes of the space reserved last as one message.
    pub fn push(&mut self, path: Path, len: usize, segment: usize, video: bool) {
        debug_assert!(len <= RUN_BYTES_MAX && segment <= len);
        self.messages.push(Message { path, start: self.used as u32, len: len as u32, segment: segment as u16, video });
        self.used += len;
    }

    /// Copy one datagram into the arena as one message.
    pub fn put(&mut self, path: Path, datagram: &[u8]) {
        self.reserve(datagram.len())[..datagram.len()].copy_from_slice(datagram);
        self.push(path, datagram.len(), datagram.len(), false);
    }

    pub fn flush(&mut self) {
        if !self.messages.is_empty() {
            self.sink.send(&self.arena[..self.used], &self.messages);
            self.messages.clear();
        }
        self.used = 0;
    }
}
