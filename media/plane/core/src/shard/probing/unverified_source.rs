//! Media from an address that nobody has checked. Mostly a stranger's, and dropped; but a peer whose address translation
//! forgot, or whose network went while its socket stayed, goes on from another port or another IP without knowing, and checks it
//! only seconds later. So a few such datagrams are tried with the keys of peers that have gone quiet: one that is genuine counts
//! as received, and its peer is asked by STUN at that address (`ice::Agent::ask`). Only the answer, which its integrity proves,
//! makes the address the peer's.
//!
//! Whose keys: of peers that have a stream with the SSRC in the clear; for RTCP also of those that are sought (`path_probe`), since
//! viewers' SSRCs name nobody; and of peers whose selected path has the same IP. The first two and the last share the tries of a
//! datagram in halves, and in each half it is the turn of whoever was tried longest ago. Clients choose their SSRCs, and can
//! pretend to be silent: `n` hostile participants who do so leave a peer that moved every `(n + 1) / 2`-th of its datagrams at
//! worst, so it is found so much later, and by its own check as ever.

use crate::ice::questions::Cause;
use crate::path::Path;
use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::probing::path_probe::QUIET_US;
use crate::shard::probing::suspects::Queue;
use crate::shard::tables::transport::Transport;
use crate::wire::demux::Class;
use crate::wire::stun;
/// Longer datagrams are nobody's media.
const DATAGRAM_MAX: usize = 1500;
/// Questions that may be open in a shard.
const OPEN_MAX: usize = 64;

impl Shard {
    pub(crate) fn receive_astray<S: Sink>(
        &mut self,
        path: Path,
        class: Class,
        datagram: &[u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        self.totals.stranger_datagrams += u64::from(!self.handover.is_shown());
        let is_media = matches!(class, Class::Rtp | Class::Rtcp) && datagram.len() <= DATAGRAM_MAX;
        if !is_media || !matches!(path, Path::Udp { .. }) || !self.astray.may_try(path.remote().ip(), now_us) {
            return;
        }
        let suspects = self.suspects(path, class, datagram, now_us);
        for (_, key) in &suspects.places[..suspects.len] {
            self.astray.turn += 1;
            self.transports[*key].tried = self.astray.turn;
            // A failed try may leave anything behind.
            let mut copy = [0; DATAGRAM_MAX];
            copy[..datagram.len()].copy_from_slice(datagram);
            if self.is_genuine(*key, class, &mut copy[..datagram.len()], now_us, out) {
                if self.ask_there((*key, path), Cause::Media, datagram.len(), now_us, out) {
                    self.note_asked(*key, path);
                }
                return;
            }
        }
        self.show_others(path, datagram);
    }

    fn note_asked(&mut self, key: usize, path: Path) {
        if !self.astray.asked.contains(&(path, key)) {
            if self.astray.asked.len() == OPEN_MAX {
                self.astray.asked.remove(0);
            }
            self.astray.asked.push((path, key));
        }
    }

    /// Peers that have been quiet, and may have sent it.
    fn suspects(&self, path: Path, class: Class, datagram: &[u8], now_us: u64) -> Queue {
        let is_rtcp = class == Class::Rtcp;
        let ssrc = datagram.get(if is_rtcp { 4..8 } else { 8..12 });
        let ssrc = ssrc.and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
        let (mut meant, mut near) = (Queue::default(), Queue::default());
        for (key, one) in self.transports.iter().filter(|(_, one)| now_us >= one.heard_us + QUIET_US) {
            let Some(known) = one.path().filter(|_| one.line().is_none()) else { continue };
            let is_named = ssrc.is_some_and(|ssrc| one.sources.contains_key(&ssrc));
            if is_named || is_rtcp && self.silent_since_us(key, now_us).is_some() {
                meant.add(one.tried, key);
            } else if known.remote().ip() == path.remote().ip() {
                near.add(one.tried, key);
            }
        }
        meant.beside(&near)
    }

    /// Takes it in if it is the peer's.
    pub(crate) fn is_genuine<S: Sink>(
        &mut self,
        key: usize,
        class: Class,
        datagram: &mut [u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> bool {
        if class == Class::Rtcp {
            return self.receive_rtcp(key, datagram, now_us, out);
        }
        let Some((header, len)) = self.open_rtp(key, datagram, now_us) else { return false };
        self.receive_clear(key, &header, &datagram[..len], now_us, out);
        true
    }

    /// The transport whose question at a path which nobody has checked this answers. Others may have been asked there too: whoever
    /// sends own media in the name of an address takes no answers from the peer that comes there.
    pub(crate) fn asked_at(&mut self, path: Path, datagram: &[u8]) -> Option<usize> {
        let transaction = stun::answered(datagram)?;
        let agent = |key: usize| self.transports.get(key).and_then(Transport::ice);
        self.astray.asked.retain(|(_, key)| agent(*key).is_some());
        let is_its = |(_, key): &&(Path, usize)| agent(*key).is_some_and(|agent| agent.has_asked(path, transaction));
        self.astray.asked.iter().filter(|(asked, _)| *asked == path).find(is_its).map(|(_, key)| *key)
    }

    pub(crate) fn forget_asked(&mut self, path: Path) {
        self.astray.asked.retain(|(asked, _)| *asked != path);
    }

    /// An answer to nobody's question here.
    pub(crate) fn receive_stray_answer(&mut self, path: Path, datagram: &[u8], now_us: u64) {
        self.totals.stranger_datagrams += u64::from(!self.handover.is_shown());
        if stun::answered(datagram).is_some() && self.astray.answers.take(now_us) {
            self.show_others(path, datagram);
        }
    }
}
