//! A line: a transport without ICE and DTLS, plain RTP or SRTP between addresses that a session description named
//! (RFC 3550, RFC 4568, RFC 4961), as hall terminals and the mixer process speak it. Here: which datagrams are its own,
//! where to send, and who is still there.
//!
//! Symmetric RTP is latched once. Until then: with SRTP whatever authenticates; without it only what comes from the
//! address in the session description, from any port. Afterwards only the address latched, until another one is told.

use std::net::SocketAddr;

use crate::bucket::Bucket;
use crate::codec::telephone_event::Presses;
use crate::keys::ProducerKey;
use crate::path::Path;
use crate::seam::event::LineState;
use crate::shard::tables::message_stream::Messages;
use crate::types::Feedback;

/// So long without RTP and RTCP and the far end counts as gone, unless a line was told another time.
pub const SILENT_US: u64 = 30_000_000;
/// A new SSRC takes the place of one that was silent this long at once; of a livelier one after two packets in order
/// without any of the old one between them (RFC 3550 §8.2, A.1).
pub const SOURCE_SILENT_US: u64 = 500_000;
/// A request for a lower bitrate that is not confirmed is repeated so often, a second apart (RFC 5104 §3.5.4).
const LIMIT_ASKS_MAX: u8 = 10;
pub const CNAME_BYTES_MAX: usize = 64;
/// A layer that changed its source does not change it again before this: each change costs a cache.
pub const SOURCE_CHANGE_US: u64 = 200_000;
/// Presses, messages and limits that one far end may have told in a second, and at once: the queue is everybody's.
const NEWS_PER_S: u64 = 20;
const NEWS_BURST: u64 = 40;

/// Which of the two ports of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Rtp,
    Rtcp,
}

/// Where one port's datagrams go to and come from.
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

    /// The same address again (a re-INVITE) does not open the door anew.
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

/// An SSRC that may take over from the one in use.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    pub producer: ProducerKey,
    pub ssrc: u32,
    pub sequence: u16,
}

/// What we ask the far end not to exceed.
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
    /// None: it carries tracks.
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

    /// The sockets that are this line's alone.
    pub fn sockets(&self) -> impl Iterator<Item = (u16, Part)> + use<> {
        std::iter::once((self.rtp.socket, Part::Rtp)).chain(self.rtcp.map(|end| (end.socket, Part::Rtcp)))
    }

    /// `rtcp` None: the port above that of RTP (RFC 3550 §11).
    pub fn set_remote(&mut self, rtp: Option<SocketAddr>, rtcp: Option<SocketAddr>, now_us: u64) {
        let above = |rtp: SocketAddr| Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?));
        self.rtp.tell(rtp);
        if let Some(end) = &mut self.rtcp {
            end.tell(rtp.and_then(|rtp| rtcp.or(above(rtp))));
        }
        self.heard_us = now_us;
    }

    /// Where media goes; None: nowhere yet, or on hold.
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

    /// Whether a datagram from there is looked at. `secured`: SRTP will tell whose it is.
    pub fn admits(&self, part: Part, from: SocketAddr, secured: bool) -> bool {
        let end = match (part, &self.rtcp) {
            (Part::Rtcp, Some(end)) => end,
            _ => &self.rtp,
        };
        end.admits(from, self.latch, secured)
    }

    /// A valid packet came this way: answers go back the same way from now on.
    #[inline]
    pub fn latch(&mut self, part: Part, path: Path) {
        let end = self.end(part);
        if end.latched.is_none() {
            end.latched = Some(path);
        }
    }

    /// A valid packet came. What that changes.
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

    /// True once, when nobody was heard for too long though somebody should be.
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
    /// From now on; 0: as much as the far end likes.
    pub fn set(&mut self, bitrate_bps: u64) {
        *self = Limit { bitrate_bps, asks: if bitrate_bps > 0 { LIMIT_ASKS_MAX } else { 0 } };
    }

    /// The far end has another source, or none before: it is to be told.
    pub fn renew(&mut self) {
        self.set(self.bitrate_bps);
    }

    /// What to ask for now; call once a second.
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
