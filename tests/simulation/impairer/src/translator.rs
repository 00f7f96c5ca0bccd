//! The address translation of a router at the client's end: UDP leaves from a port of the router's, and a rebinding (the
//! router forgets, as after a restart or a quiet time) gives every flow another one. What comes for a forgotten port is
//! dropped. The address stays the same. TCP and ICMP pass as they are; so do fragments but the first, which have no ports.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

const PORTS: Range<u16> = 20_000..60_000;

/// Flows at most; others are dropped until a rebinding.
pub const FLOWS_MAX: usize = 4096;

const UDP: u8 = 17;

#[derive(Default)]
pub struct Translator {
    is_on: bool,
    given: u32,
    outward: HashMap<(IpAddr, u16), u16>,
    inward: HashMap<(IpAddr, u16), u16>,
    pub rebindings: u64,
    /// Packets for a port that is not (or no longer) given.
    pub unknown: u64,
}

impl Translator {
    pub fn new(is_on: bool) -> Self {
        Translator { is_on, ..Translator::default() }
    }

    /// Forgets every flow.
    pub fn rebind(&mut self) {
        self.outward.clear();
        self.inward.clear();
        self.rebindings += 1;
    }

    /// Writes the router's port into a packet of the client. Whether it may pass.
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

    /// Writes the client's port into a packet for it. Whether it may pass.
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

/// Where the UDP header of a packet begins, and between whom it goes.
pub struct Udp {
    at: usize,
    source: IpAddr,
    destination: IpAddr,
}

impl Udp {
    /// None: not UDP, a later fragment, or IPv6 with extension headers.
    pub fn of(packet: &[u8]) -> Option<Udp> {
        let found = match packet.first()? >> 4 {
            4 => Udp::of_ipv4(packet)?,
            6 => Udp::of_ipv6(packet)?,
            _ => return None,
        };
        (packet.len() >= found.at + 8).then_some(found)
    }

    /// RFC 791 §3.1.
    fn of_ipv4(packet: &[u8]) -> Option<Udp> {
        let at = usize::from(packet[0] & 15) * 4;
        if packet.len() < 20 || at < 20 || packet[9] != UDP || read(packet, 6) & 0x1FFF != 0 {
            return None;
        }
        let address = |from: usize| IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&packet[from..from + 4]).unwrap()));
        Some(Udp { at, source: address(12), destination: address(16) })
    }

    /// RFC 8200 §3.
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

/// Sets the two bytes `at` and mends the checksum, RFC 1624 equation 3. A checksum of 0 says that there is none.
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
        0 => 0xFFFF, // RFC 768: 0 means none
        other => other,
    };
    packet[checksum_at..checksum_at + 2].copy_from_slice(&mended.to_be_bytes());
}

#[cfg(test)]
#[path = "translator_tests.rs"]
mod tests;
