//! The opening of a UDP socket. This module holds the descriptor; reading and writing are in `receive` and `send`.

use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Open the socket beside other sockets of the same port. The kernel distributes the peers over these sockets.
    pub reuse_port: bool,
    pub receive_buffer_bytes: usize,
    /// A socket on a non-loopback address accepts only datagrams whose source is the same address. Only this machine can send
    /// them, because systems refuse such datagrams from outside (RFC 1812 section 5.3.7).
    pub local_only: bool,
}

pub struct UdpSocket {
    socket: Socket,
    address: SocketAddr,
}

/// Bytes of a UDP socket's send buffer. Chosen: a second of video for a few hundred viewers (0.1 Mbit/s each for 300). Without
/// the permission CAP_NET_ADMIN the kernel gives at most `net.core.wmem_max`. Larger: under load, packets leave too late to be
/// useful. Smaller: in a burst, packets are dropped, and viewers see broken pictures.
const SEND_BUFFER_BYTES: usize = 4 << 20;

impl UdpSocket {
    pub fn open(address: SocketAddr, options: Options) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if options.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if options.local_only && !address.ip().is_loopback() {
            socket.attach_filter(&from_itself(address.ip()))?;
        }
        prepare(&socket, &address, options.receive_buffer_bytes)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(UdpSocket { socket, address })
    }

    /// Allow other sockets beside this socket from now on. Call it only after the bind, so that a second server on the same
    /// port is refused.
    pub fn share(&self) -> io::Result<()> {
        self.socket.set_reuse_port(true)
    }

    /// Adopt a socket that another part opened and bound. Its descriptor is duplicated.
    ///
    /// Return `InvalidInput` if the socket is not a UDP socket or is not bound.
    pub fn adopt(fd: RawFd, receive_buffer_bytes: usize) -> io::Result<Self> {
        let socket = Socket::from(duplicate(fd)?);
        let address = socket.local_addr().ok().and_then(|address| address.as_socket());
        let address = address.filter(|address| address.port() != 0).ok_or(io::ErrorKind::InvalidInput)?;
        if socket.r#type()? != Type::DGRAM {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        prepare(&socket, &address, receive_buffer_bytes)?;
        Ok(UdpSocket { socket, address })
    }

    pub fn is_connected(&self) -> bool {
        self.socket.peer_addr().is_ok()
    }

    /// Send one datagram on a connected socket. The datagram is lost if there is no room or the other end does not exist (yet).
    pub fn send(&self, datagram: &[u8]) {
        let _ = self.socket.send(datagram);
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Return how many datagrams the kernel dropped because the receive buffer was full. The counter wraps at 2^32.
    ///
    /// SO_RXQ_OVFL gives the same figure with each datagram. This query costs nothing per packet, and it works even when no
    /// datagram follows the loss.
    pub fn kernel_drops(&self) -> u32 {
        const SO_MEMINFO: libc::c_int = 55;
        const DROPS: usize = 8;
        let mut values = [0u32; DROPS + 1];
        let mut len = size_of_val(&values) as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes of `u32`s into `values`.
        let result =
            unsafe { libc::getsockopt(self.fd(), libc::SOL_SOCKET, SO_MEMINFO, values.as_mut_ptr().cast(), &mut len) };
        if result == 0 { values[DROPS] } else { 0 }
    }
}

/// Return a classic packet filter (Linux `socket(7)`, `SO_ATTACH_FILTER`) that accepts only datagrams with this source address.
pub(crate) fn from_itself(address: IpAddr) -> Vec<SockFilter> {
    /// The offset `SKF_NET_OFF` of Linux (`linux/filter.h`): later offsets count from the IP header. Only sockets with
    /// `local_only` have the filter. Larger or smaller: it reads other bytes and drops all their datagrams.
    const NETWORK_HEADER: u32 = -0x10_0000_i32 as u32;
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = SockFilter::new;
    let (source, octets) = match address {
        IpAddr::V4(address) => (12, address.octets().to_vec()),
        IpAddr::V6(address) => (8, address.octets().to_vec()),
    };
    let words: Vec<_> =
        octets.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]])).collect();
    let mut steps = Vec::with_capacity(2 * words.len() + 2);
    for (index, word) in words.iter().enumerate() {
        let left = (words.len() - index) as u8;
        steps.push(step(LOAD, 0, 0, NETWORK_HEADER + source + 4 * index as u32));
        steps.push(step(EQUAL, 0, 2 * left - 1, *word));
    }
    steps.extend([step(RETURN, 0, 0, u32::MAX), step(RETURN, 0, 0, 0)]);
    steps
}

fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: there are no pointers, and a number that is not a descriptor gives EBADF. Only this code has the copy.
    unsafe { crate::wait::owned(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0)) }
}

fn prepare(socket: &Socket, address: &SocketAddr, receive_buffer_bytes: usize) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    set_buffer(fd, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, receive_buffer_bytes)?;
    set_buffer(fd, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, SEND_BUFFER_BYTES)?;
    if address.ip().is_unspecified() {
        tell_local_address(fd, address)?;
    }
    // Older kernels do not have this option.
    let _ = set(fd, libc::SOL_UDP, libc::UDP_GRO, 1);
    socket.set_nonblocking(true)
}

/// Ask the kernel for the destination address of each datagram on a wildcard socket, so that the answer leaves from that
/// address.
fn tell_local_address(fd: RawFd, address: &SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => set(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        SocketAddr::V6(_) => set(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    }
}

/// Set the size of a buffer. The forced form may exceed the limit of the system, if the process has the permission.
fn set_buffer(fd: RawFd, forced: libc::c_int, plain: libc::c_int, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
    set(fd, libc::SOL_SOCKET, forced, bytes).or_else(|_| set(fd, libc::SOL_SOCKET, plain, bytes))
}

fn set(fd: RawFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the kernel reads one `c_int`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(fd, level, option, (&raw const value).cast(), size_of::<libc::c_int>() as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
