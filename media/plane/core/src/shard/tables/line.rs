//! A line: a transport without ICE and DTLS. It carries plain RTP or SRTP between addresses from a session description (RFC
//! 3550, RFC 4568, RFC 4961). Hall terminals and the mixer process use lines. This file decides which datagrams belong to the
//! line, where to send, and whether the far end is alive.
//!
//! The address is latched once (symmetric RTP). Before that, with SRTP any authenticated packet is accepted from any address.
//! Without SRTP the IP address from the session description is required, with any port. After that only the latched address is
//! accepted, until the session description names another address.

use std::net::SocketAddr;

use crate::bucket::Bucket;
use crate::codec::telephone_event::Presses;
use crate::keys::ProducerKey;
use crate::path::Path;
use crate::seam::event::LineState;
use crate::shard::tables::message_stream::Messages;
use crate::types::Feedback;

/// Microseconds. Chosen. Default time without RTP and RTCP after which a terminal counts as silent. Python always gives its own
/// time (`LINE_SILENT_S`), so this value counts only in tests. When all RTP streams of a hall's call are silent, the server
/// asks the hall by SIP. Longer or shorter: no effect on a call.
pub const SILENT_US: u64 = 30_000_000;
/// Microseconds. Chosen. After this silence of a terminal's old SSRC, a new SSRC replaces it at once. Before that, a new SSRC
/// needs two packets in order, without a packet of the old SSRC between them (RFC 3550 §8.2, A.1). Longer: a terminal that
/// restarts slowly loses its first packet. Shorter: a stray packet can take over the stream, and viewers see a wrong picture.
pub const SOURCE_SILENT_US: u64 = 500_000;
/// Times that a request for a lower bitrate (TMMBR) is sent to a terminal that does not confirm, once a second (RFC 5104
/// §3.5.4). Larger: more RTCP to a terminal that never confirms. Smaller: on a lossy path all requests may be lost, and the
/// terminal sends too much.
const LIMIT_ASKS_MAX: u8 = 10;
/// Bytes of the CNAME of a line (an RTP stream of a hall's call); a longer name is refused. Chosen. The server's own names have
/// 16 bytes. Larger: no effect on these. With longer names, reports of eight tracks may exceed 1,200 bytes (`COMPOUND_BYTES`),
/// and the packet thread panics with all its calls. Smaller than 16: no line can be opened, and no hall's call has media.
pub const CNAME_BYTES_MAX: usize = 64;
/// Microseconds. Chosen. The least time between two changes of a layer's SSRC, unless the old SSRC was silent for 0.5 s
/// (`SOURCE_SILENT_US`). Each change costs a new packet cache. Longer: a terminal that restarts twice within this time loses
/// packets, at most 0.5 s of them. Shorter: a hostile sender costs more work.
pub const SOURCE_CHANGE_US: u64 = 200_000;
/// Key presses, H.224 messages and bitrate limits of one terminal per second, on average. Further ones are dropped. Chosen.
/// Larger: one terminal can fill the event queue that all share. Smaller: fast key presses are lost.
const NEWS_PER_S: u64 = 20;
/// Key presses, H.224 messages and bitrate limits of one terminal in one burst, after a quiet time; the average is 20 a second
/// (`NEWS_PER_S`). Chosen. Larger: one terminal can fill the event queue that all share. Smaller: the keys of a long number
/// that is dialled at once are lost.
const NEWS_BURST: u64 = 40;

/// One of the two ports of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Rtp,
    Rtcp,
}

/// The remote address of one port: the address from the session description, and the latched address.
#[derive(Clone, Copy, Debug)]
struct End {
    socket: u16,
    told: Option<SocketAddr>,
    latched: Option<Path>,
}

impl End {
    fn new(socket: u16) -> Self {
        End { socket, told: None, latched: None }
    }

    /// Set the address from the session description. The same address again (a re-INVITE) keeps the latched address.
    fn tell(&mut self, told: Option<SocketAddr>) {
        if self.told != told {
            *self = End { told, ..End::new(self.socket) };
        }
    }

    fn path(&self) -> Option<Path> {
        let told = Path::Udp { socket: self.socket, remote: self.told?, local: None };
        Some(self.latched.unwrap_or(told))
    }

    fn admits(&self, from: SocketAddr, latch: bool, secured: bool) -> bool {
        match (self.told, self.latched) {
            (None, _) => false,
            (_, Some(latched)) => latched.remote() == from,
            (Some(told), None) if !latch => told == from,
            (Some(told), None) => secured || told.ip() == from.ip(),
        }
    }
}

/// An SSRC that may replace the current SSRC.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    pub producer: ProducerKey,
    pub ssrc: u32,
    pub sequence: u16,
}

/// The bitrate that we ask the far end not to exceed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit {
    pub bitrate_bps: u64,
    asks: u8,
}

pub struct Line {
    rtp: End,
    /// None: RTCP shares the port of RTP.
    rtcp: Option<End>,
    latch: bool,
    silent_us: u64,
    pub cname: Box<[u8]>,
    pub feedback: Feedback,
    pub newcomer: Option<Newcomer>,
    pub presses: Presses,
    /// None: the line carries tracks.
    pub messages: Option<Messages>,
    pub limit: Limit,
    pub news: Bucket,
    heard_us: u64,
    heard_rtp: bool,
    silent: bool,
}

impl Line {
    pub fn new((rtp, rtcp): (u16, Option<u16>), latch: bool, silent_us: u64, cname: &str, now_us: u64) -> Self {
        Line {
            rtp: End::new(rtp),
            rtcp: rtcp.map(End::new),
            latch,
            silent_us,
            cname: cname.as_bytes().into(),
            feedback: Feedback::default(),
            newcomer: None,
            presses: Presses::default(),
            messages: None,
            limit: Limit::default(),
            news: Bucket::per_second(NEWS_PER_S, NEWS_BURST, now_us),
            heard_us: now_us,
            heard_rtp: false,
            silent: false,
        }
    }

    /// Return the sockets that only this line uses.
    pub fn sockets(&self) -> impl Iterator<Item = (u16, Part)> + use<> {
        std::iter::once((self.rtp.socket, Part::Rtp)).chain(self.rtcp.map(|end| (end.socket, Part::Rtcp)))
    }

    /// Set the remote addresses. With `rtcp` None, RTCP goes to the port above the RTP port (RFC 3550 §11).
    pub fn set_remote(&mut self, rtp: Option<SocketAddr>, rtcp: Option<SocketAddr>, now_us: u64) {
        let above = |rtp: SocketAddr| Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?));
        self.rtp.tell(rtp);
        if let Some(end) = &mut self.rtcp {
            end.tell(rtp.and_then(|rtp| rtcp.or(above(rtp))));
        }
        self.heard_us = now_us;
    }

    /// Return the path for media. None: no address is known yet, or the call is on hold.
    #[inline]
    pub fn path(&self) -> Option<Path> {
        self.rtp.path()
    }

    pub fn rtcp_path(&self) -> Option<Path> {
        self.rtcp.as_ref().map_or(self.rtp.path(), End::path)
    }

    pub fn is_latched(&self) -> bool {
        self.rtp.latched.is_some()
    }

    fn end(&mut self, part: Part) -> &mut End {
        match (part, &mut self.rtcp) {
            (Part::Rtcp, Some(end)) => end,
            _ => &mut self.rtp,
        }
    }

    /// Report whether a datagram from this address is accepted. `secured`: SRTP will authenticate the packet.
    pub fn admits(&self, part: Part, from: SocketAddr, secured: bool) -> bool {
        let end = match (part, &self.rtcp) {
            (Part::Rtcp, Some(end)) => end,
            _ => &self.rtp,
        };
        end.admits(from, self.latch, secured)
    }

    /// Latch the path of a valid packet, once. Packets to the far end use this path from now on.
    #[inline]
    pub fn latch(&mut self, part: Part, path: Path) {
        let end = self.end(part);
        if end.latched.is_none() {
            end.latched = Some(path);
        }
    }

    /// Note a valid packet. Return the new state if the packet changed the state.
    #[inline]
    pub fn hear(&mut self, rtp: bool, now_us: u64) -> Option<LineState> {
        self.heard_us = now_us;
        let first = rtp && !self.heard_rtp;
        self.heard_rtp |= rtp;
        let silent = std::mem::replace(&mut self.silent, false);
        match (first, silent) {
            (true, _) => Some(LineState::First),
            (false, true) => Some(LineState::Alive),
            _ => None,
        }
    }

    /// Report whether the far end has just become silent. The result is true once per silence, and only if an address is known.
    pub fn falls_silent(&mut self, now_us: u64) -> bool {
        let due = !self.silent && self.rtp.told.is_some() && now_us.saturating_sub(self.heard_us) >= self.silent_us;
        self.silent |= due;
        due
    }

    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.cname.len()
    }
}

impl Limit {
    /// Set the limit. 0: no limit.
    pub fn set(&mut self, bitrate_bps: u64) {
        *self = Limit { bitrate_bps, asks: if bitrate_bps > 0 { LIMIT_ASKS_MAX } else { 0 } };
    }

    /// Ask again: the far end has a new source, or its first source.
    pub fn renew(&mut self) {
        self.set(self.bitrate_bps);
    }

    /// Return the bitrate to ask for now. The caller calls this once a second.
    pub fn ask(&mut self) -> Option<u64> {
        self.asks = self.asks.checked_sub(1)?;
        Some(self.bitrate_bps)
    }

    pub fn confirm(&mut self) {
        self.asks = 0;
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
