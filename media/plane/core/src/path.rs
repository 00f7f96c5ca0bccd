//! A path: our socket or TCP connection, and the remote address.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// The path of a datagram. Two paths are equal if socket (or connection) and remote address are equal. `local` is information
/// only.
#[derive(Clone, Copy, Debug)]
pub enum Path {
    Udp { socket: u16, remote: SocketAddr, local: Option<IpAddr> },
    Tcp { connection: u32, remote: SocketAddr },
}

impl Path {
    pub fn remote(&self) -> SocketAddr {
        match *self {
            Path::Udp { remote, .. } | Path::Tcp { remote, .. } => remote,
        }
    }

    #[inline]
    fn identity(&self) -> (bool, u32, SocketAddr) {
        match *self {
            Path::Udp { socket, remote, .. } => (false, u32::from(socket), remote),
            Path::Tcp { connection, remote } => (true, connection, remote),
        }
    }
}

impl PartialEq for Path {
    #[inline]
    fn eq(&self, other: &Path) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Path {}

impl Hash for Path {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}
