//! Reception of many datagrams in one call (recvmmsg). Datagrams that the kernel merged (UDP_GRO) are separated again.

use crate::address::{self, STORAGE_LEN, Storage};
use crate::control::{self, Control};
use crate::udp::UdpSocket;
use plane_core::path::Path;
use std::io;
use std::net::SocketAddr;

/// Bytes. Chosen. Longer datagrams are neither media nor DTLS. They are counted and ignored. Larger: useless datagrams cause
/// more work. Smaller: below 1,500, real packets are ignored.
pub const DATAGRAM_MAX: usize = 2048;

/// Datagrams of one call of the kernel (`recvmmsg`). Chosen. Larger: more memory for each thread. Smaller: more calls for
/// the same load.
const BATCH: usize = 32;
/// Bytes of the buffer for one received datagram: the largest datagram that the kernel merges (64 KiB), and 33 cache lines
/// more. With a power of two, all buffers would compete for the same few cache sets. Larger: more memory for each thread.
/// Smaller than 64 KiB: the kernel cuts merged datagrams, and packets are lost.
const SLOT_BYTES: usize = (1 << 16) + 33 * 64;

/// The result of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub datagrams: u64,
    pub bytes: u64,
    /// Datagrams that are too long, empty, or from port 0, where no answer can go.
    pub refused: u64,
    /// True if no datagram remains to read.
    pub drained: bool,
}

/// The memory for arriving datagrams. All sockets of a thread share it.
pub struct Receiver {
    arena: Box<[u8]>,
    names: [Storage; BATCH],
    controls: [Control; BATCH],
}

impl Receiver {
    #[allow(clippy::new_without_default, reason = "2 MiB are nothing to make by accident")]
    pub fn new() -> Self {
        Receiver {
            arena: vec![0; BATCH * SLOT_BYTES].into_boxed_slice(),
            names: [address::empty(); BATCH],
            controls: [Control::EMPTY; BATCH],
        }
    }

    /// Call recvmmsg once on `socket`, which has number `index` in its thread. `take` gets each datagram with its path.
    pub fn receive(
        &mut self,
        socket: &UdpSocket,
        index: u16,
        mut take: impl FnMut(Path, &mut [u8]),
    ) -> io::Result<Received> {
        let slots = self.arena.as_mut_ptr();
        // SAFETY: these are plain C structures, and zeros are valid values.
        let mut vectors: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        for (i, header) in headers.iter_mut().enumerate() {
            // SAFETY: the slot lies inside the arena.
            vectors[i] = libc::iovec { iov_base: unsafe { slots.add(i * SLOT_BYTES) }.cast(), iov_len: SLOT_BYTES };
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut self.names[i]).cast();
            header.msg_namelen = STORAGE_LEN;
            header.msg_iov = &raw mut vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = self.controls[i].0.len() as _;
        }
        let count = read_batch(socket, &mut headers)?;
        let mut received = Received { drained: count < BATCH, ..Received::default() };
        for (i, header) in headers[..count].iter().enumerate() {
            let told = control::read(&header.msg_hdr);
            let slot = i * SLOT_BYTES;
            let bytes = &mut self.arena[slot..slot + header.msg_len as usize];
            let Some(remote) = address::decode(&self.names[i]).filter(answerable) else {
                received.refused += 1;
                continue;
            };
            cut(Path::Udp { socket: index, remote, local: told.local }, bytes, told.segment, &mut received, &mut take);
        }
        Ok(received)
    }
}

/// Report whether the sender can get an answer. No datagram can go to port 0, and the kernel's error for port 0 looks like a
/// refusal of GSO.
fn answerable(remote: &SocketAddr) -> bool {
    remote.port() != 0
}

fn read_batch(socket: &UdpSocket, headers: &mut [libc::mmsghdr; BATCH]) -> io::Result<usize> {
    loop {
        // SAFETY: every header points to memory that lives through the call, with correct lengths.
        let count = unsafe {
            libc::recvmmsg(
                socket.fd(),
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        if count >= 0 {
            return Ok(count as usize);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            error if error.kind() == io::ErrorKind::Interrupted => {}
            error => return Err(error),
        }
    }
}

fn cut(path: Path, bytes: &mut [u8], segment: usize, received: &mut Received, take: &mut impl FnMut(Path, &mut [u8])) {
    received.bytes += bytes.len() as u64;
    let segment = if segment == 0 { bytes.len().max(1) } else { segment };
    if bytes.is_empty() {
        received.refused += 1;
    }
    for datagram in bytes.chunks_mut(segment) {
        received.datagrams += 1;
        if datagram.len() > DATAGRAM_MAX {
            received.refused += 1;
        } else {
            take(path, datagram);
        }
    }
}
