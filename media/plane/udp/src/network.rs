//! All sockets of one shard thread as the one place that its messages go to.

use crate::receive::Received;
use crate::send::Sender;
use crate::tcp::Tcp;
use crate::udp::UdpSocket;
use plane_core::outbox::{Message, Sink};
use std::sync::Arc;

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub received_packets: u64,
    pub received_bytes: u64,
    /// Datagrams that no peer of ours sends: too long, empty, from port 0.
    pub refused: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    /// System calls.
    pub send_calls: u64,
    /// Messages of more than one datagram that the kernel took whole.
    pub sent_runs: u64,
    pub send_drops: u64,
    pub kernel_drops: u64,
}

pub struct Network {
    udp: Arc<[UdpSocket]>,
    /// What each socket had dropped when it was last asked.
    drops_seen: Vec<u32>,
    sender: Sender,
    pub tcp: Tcp,
    counters: Counters,
}

impl Network {
    /// At most 256 sockets: a path names its socket by one byte.
    pub fn new(udp: Arc<[UdpSocket]>, tcp: Tcp) -> Self {
        assert!(udp.len() <= 256);
        let drops_seen = vec![0; udp.len()];
        Network { udp, drops_seen, sender: Sender::new(), tcp, counters: Counters::default() }
    }

    /// Asks the kernel too: not for every packet.
    pub fn counters(&mut self) -> Counters {
        for (socket, seen) in self.udp.iter().zip(&mut self.drops_seen) {
            let drops = socket.kernel_drops();
            self.counters.kernel_drops += u64::from(drops.wrapping_sub(*seen));
            *seen = drops;
        }
        self.counters
    }

    pub fn count_received(&mut self, received: &Received) {
        self.counters.received_packets += received.datagrams;
        self.counters.received_bytes += received.bytes;
        self.counters.refused += received.refused;
    }

    /// Frames that came by TCP.
    pub fn count_frames(&mut self, frames: u64, bytes: u64) {
        self.counters.received_packets += frames;
        self.counters.received_bytes += bytes;
    }

    #[cfg(test)]
    pub fn refuse(&mut self, refusal: crate::send::Refusal) {
        self.sender.refusal = Some(refusal);
    }
}

impl Sink for Network {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for (index, socket) in self.udp.iter().enumerate() {
            self.sender.send(socket, index as u8, arena, messages, &mut self.counters);
        }
        self.tcp.send(arena, messages, &mut self.counters);
    }
}
