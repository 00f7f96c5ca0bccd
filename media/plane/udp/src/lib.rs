//! The sockets of the packet plane: batched UDP (recvmmsg with GRO, sendmmsg with GSO), ICE-TCP connections, waiting.
//!
//! This crate holds the file descriptors, the system calls and all `unsafe` code of the plane. It knows nothing of ICE, SRTP or
//! RTP: only bytes and paths go in and out.

mod address;
mod control;
mod counters;
mod network;
mod receive;
mod send;
mod strangers;
mod tcp;
mod udp;
mod wait;

pub use counters::Counters;
pub use network::{LINE_SOCKETS_MAX, Network};
pub use receive::{DATAGRAM_MAX, Received, Receiver};
pub use send::{gso_in_use, refuse_gso};
pub use tcp::{Bounds, Closed, Intake, Leaving, Listener, Tcp};
pub use udp::{Options, UdpSocket};
pub use wait::{Bell, Found, Poller, Ready, Source, now_us, sleep_us, thread_cpu_us};

#[cfg(test)]
mod tcp_tests;
#[cfg(test)]
mod udp_tests;
