//! All sockets of one shard thread, as the single destination of its messages.

use crate::counters::Counters;
use crate::receive::Received;
use crate::send::Sender;
use crate::tcp::Tcp;
use crate::udp::UdpSocket;
use plane_core::path::Path;
use plane_core::seam::outbox::{Message, Sink};
use std::sync::Arc;

/// The most UDP sockets that all peers of one thread share. Larger: fewer 16-bit numbers are left for the sockets of lines.
/// Smaller: a server that listens on many addresses panics at its start.
const SHARED_MAX: usize = 256;
/// Sockets of lines (RTP streams of halls' calls) in one thread; each line has at most two. Chosen. Larger: with more than
/// 65,280 open sockets and the 256 shared ones, the numbers exceed 16 bits, and two sockets get one number. Smaller: further
/// lines do not open, and their halls have no media.
pub const LINE_SOCKETS_MAX: usize = 32_768;

pub struct Network {
    udp: Arc<[UdpSocket]>,
    /// The sockets that belong to one line only. Their numbers come after the shared sockets.
    lines: Vec<Option<Arc<UdpSocket>>>,
    free: Vec<u16>,
    /// The drop counter of each socket at the last query.
    drops_seen: Vec<u32>,
    sender: Sender,
    pub tcp: Tcp,
    counters: Counters,
}

impl Network {
    pub fn new(udp: Arc<[UdpSocket]>, tcp: Tcp) -> Self {
        assert!(udp.len() <= SHARED_MAX);
        let (lines, free) = (Vec::new(), Vec::new());
        let drops_seen = vec![0; udp.len()];
        Network { udp, lines, free, drops_seen, sender: Sender::new(), tcp, counters: Counters::default() }
    }

    /// Take the socket of a line and return its number, or None if all numbers are in use.
    pub fn open_line(&mut self, socket: UdpSocket) -> Option<u16> {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.lines.len() >= LINE_SOCKETS_MAX => return None,
            None => {
                self.lines.push(None);
                (self.udp.len() + self.lines.len() - 1) as u16
            }
        };
        self.lines[usize::from(number) - self.udp.len()] = Some(Arc::new(socket));
        Some(number)
    }

    /// Close the socket of a line. The descriptor closes when its last reader releases it.
    pub fn close_line(&mut self, number: u16) {
        let place = usize::from(number).checked_sub(self.udp.len());
        if place.and_then(|place| self.lines.get_mut(place)?.take()).is_some() {
            self.free.push(number);
        }
    }

    pub fn line(&self, number: u16) -> Option<&Arc<UdpSocket>> {
        self.lines.get(usize::from(number).checked_sub(self.udp.len())?)?.as_ref()
    }

    /// Send messages on sockets of lines. Adjacent messages for one socket go in one call.
    fn send_on_lines(&mut self, arena: &[u8], messages: &[Message]) {
        let mut rest = messages;
        while let Some(first) = rest.first() {
            let number = number_of(first);
            let same = rest.iter().take_while(|message| number_of(message) == number).count();
            let (now, later) = rest.split_at(same);
            rest = later;
            let socket = number.and_then(|number| Some((number, self.line(number)?.clone())));
            if let Some((number, socket)) = socket {
                self.sender.send(&socket, number, arena, now, &mut self.counters);
            }
        }
    }

    /// Return the counters. The function also asks the kernel, so do not call it for each packet.
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

    /// Count frames that arrived over TCP.
    pub fn count_frames(&mut self, frames: u64, bytes: u64) {
        self.counters.received_packets += frames;
        self.counters.received_bytes += bytes;
    }

    #[cfg(test)]
    pub fn refuse(&mut self, refusal: crate::send::Refusal) {
        self.sender.refusal = Some(refusal);
    }
}

fn number_of(message: &Message) -> Option<u16> {
    match message.path {
        Path::Udp { socket, .. } => Some(socket),
        Path::Tcp { .. } => None,
    }
}

impl Sink for Network {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for (index, socket) in self.udp.iter().enumerate() {
            self.sender.send(socket, index as u16, arena, messages, &mut self.counters);
        }
        if self.free.len() < self.lines.len() {
            self.send_on_lines(arena, messages);
        }
        self.tcp.send(arena, messages, &mut self.counters);
    }
}
