//! The address translation of a router at the client's end. UDP leaves from a port of the router. A rebinding gives every flow
//! another port, as when the router forgets after a restart or a quiet time. A packet for a forgotten port is dropped. The
//! address stays the same. TCP and ICMP pass without change, and also later fragments, which have no ports.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

const PORTS: Range<u16> = 20_000..60_000;

/// Flows at the same time. Other flows are dropped until a rebinding. More: must stay below the 40,000 `PORTS`, or the search
/// for a free port never ends. Fewer: a test with many sockets loses packets.
pub const FLOWS_MAX: usize = 4096;

const UDP: u8 = 17;

#[derive(Default)]
pub struct Translator {
    is_on: bool,
    given: u32,
    outward: HashMap<(IpAddr, u16), u16>,
    inward: HashMap<(IpAddr, u16), u16>,
    pub rebindings: u64,
    /// Packets without a known port: for a port that is not assigned, or of a flow beyond `FLOWS_MAX`.
    pub unknown: u64,
}

impl Translator {
    pub fn new(is_on: bool) -> Self {
        Translator { is_on, ..Translator::default() }
    }

    /// Forget every flow.
    pub fn rebind(&mut self) {
        self.outward.clear();
        self.inward.clear();
        self.rebindings += 1;
    }

    /// Write the router's port into a packet of the client. Report whether the packet may pass.
    pub fn leave(&mut self, packet: &mut [u8]) -> bool {
        let Some(udp) = self.udp_of(packet) else { return true };
        let port = read(packet, udp.at);
        let flow = (udp.source, port);
        let given = match self.outward.get(&flow) {
            Some(given) => *given,
            None if self.outward.len() >= FLOWS_MAX => {
                self.unknown += 1;
                return false;
            }
            None => self.give(flow),
        };
        replace(packet, udp.at, udp.at + 6, given);
        true
    }

    /// Write the client's port into a packet to the client. Report whether the packet may pass.
    pub fn enter(&mut self, packet: &mut [u8]) -> bool {
        let Some(udp) = self.udp_of(packet) else { return true };
        let Some(port) = self.inward.get(&(udp.destination, read(packet, udp.at + 2))) else {
            self.unknown += 1;
            return false;
        };
        replace(packet, udp.at + 2, udp.at + 6, *port);
        true
    }

    fn give(&mut self, flow: (IpAddr, u16)) -> u16 {
        loop {
            let given = PORTS.start + (self.given % u32::from(PORTS.end - PORTS.start)) as u16;
            self.given += 1;
            if !self.inward.contains_key(&(flow.0, given)) {
                self.outward.insert(flow, given);
                self.inward.insert((flow.0, given), flow.1);
                return given;
            }
        }
    }

    fn udp_of(&self, packet: &[u8]) -> Option<Udp> {
        if self.is_on { Udp::of(packet) } else { None }
    }
}

/// The position of the UDP header in a packet, with the source and the destination.
pub struct Udp {
    at: usize,
    source: IpAddr,
    destination: IpAddr,
}

impl Udp {
    /// Return the UDP header. None: not UDP, a later fragment, or IPv6 with extension headers.
    pub fn of(packet: &[u8]) -> Option<Udp> {
        let found = match packet.first()? >> 4 {
            4 => Udp::of_ipv4(packet)?,
            6 => Udp::of_ipv6(packet)?,
            _ => return None,
        };
        (packet.len() >= found.at + 8).then_some(found)
    }

    /// Read IPv4, RFC 791 §3.1.
    fn of_ipv4(packet: &[u8]) -> Option<Udp> {
        let at = usize::from(packet[0] & 15) * 4;
        if packet.len() < 20 || at < 20 || packet[9] != UDP || read(packet, 6) & 0x1FFF != 0 {
            return None;
        }
        let address = |from: usize| IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&packet[from..from + 4]).unwrap()));
        Some(Udp { at, source: address(12), destination: address(16) })
    }

    /// Read IPv6, RFC 8200 §3.
    fn of_ipv6(packet: &[u8]) -> Option<Udp> {
        if packet.len() < 40 || packet[6] != UDP {
            return None;
        }
        let address = |from: usize| IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&packet[from..from + 16]).unwrap()));
        Some(Udp { at: 40, source: address(8), destination: address(24) })
    }
}

fn read(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

/// Set the two bytes at `at` and update the checksum, RFC 1624 equation 3. A checksum of 0 means that there is no checksum.
fn replace(packet: &mut [u8], at: usize, checksum_at: usize, new: u16) {
    let (old, checksum) = (read(packet, at), read(packet, checksum_at));
    packet[at..at + 2].copy_from_slice(&new.to_be_bytes());
    if checksum == 0 {
        return;
    }
    let mut sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    let mended = match !(sum as u16) {
        0 => 0xFFFF, // RFC 768: 0 means no checksum
        other => other,
    };
    packet[checksum_at..checksum_at + 2].copy_from_slice(&mended.to_be_bytes());
}

#[cfg(test)]
#[path = "translator_tests.rs"]
mod tests;
