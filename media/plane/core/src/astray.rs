//! Media from an address that nobody has checked. Mostly a stranger's, and dropped; but a peer whose address translation
//! forgot goes on from another port without knowing, and checks it only seconds later. So a few such datagrams are tried
//! with the keys of peers that have gone quiet: one that is genuine counts as received, and its peer is asked by STUN at that
//! address (`ice::Agent::ask`). Only the answer, which its integrity proves, makes the address the peer's.

use crate::demux::Class;
use crate::ice::{Cause, Path};
use crate::outbox::{Outbox, Sink};
use crate::seeking::QUIET_US;
use crate::shard::Shard;
use crate::stun;
use crate::transport::Allowance;

/// Datagrams that are tried in a second, and at once; the rest is dropped as ever.
const TRIED_PER_S: u64 = 200;
const TRIED_BURST: u64 = 50;
/// Whose keys one datagram is tried with at most.
const PEERS_MAX: usize = 4;
/// Longer datagrams are nobody's media.
const DATAGRAM_MAX: usize = 1500;
/// Questions that may be open in a shard.
const OPEN_MAX: usize = 64;

pub struct Astray {
    allowance: Allowance,
    /// Where which transport was asked, the last one last.
    asked: Vec<(Path, usize)>,
}

impl Astray {
    pub fn new() -> Self {
        Astray { allowance: Allowance::new(TRIED_PER_S, TRIED_BURST, 0), asked: Vec::new() }
    }
}

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
        if !is_media || !matches!(path, Path::Udp { .. }) || !self.astray.allowance.take(now_us) {
            return;
        }
        let (peers, count) = self.quiet_peers(path, now_us);
        for key in &peers[..count] {
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

    /// Those whose selected path has the same remote address but another port, and has been quiet.
    fn quiet_peers(&self, path: Path, now_us: u64) -> ([usize; PEERS_MAX], usize) {
        let (mut found, mut count) = ([0; PEERS_MAX], 0);
        let quiet = self.transports.iter().filter(|(_, one)| {
            let is_near = one.path().is_some_and(|known| known.remote().ip() == path.remote().ip());
            is_near && one.line().is_none() && now_us >= one.heard_us + QUIET_US
        });
        for (key, _) in quiet.take(PEERS_MAX) {
            found[count] = key;
            count += 1;
        }
        (found, count)
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

    /// The transport that was asked at a path which nobody has checked.
    pub(crate) fn asked_at(&mut self, path: Path) -> Option<usize> {
        let at = self.astray.asked.iter().position(|(asked, _)| *asked == path)?;
        let key = self.astray.asked[at].1;
        if !self.transports.contains(key) {
            self.astray.asked.remove(at);
            return None;
        }
        Some(key)
    }

    pub(crate) fn forget_asked(&mut self, path: Path) {
        self.astray.asked.retain(|(asked, _)| *asked != path);
    }

    /// An answer to nobody's question here.
    pub(crate) fn receive_stray_answer(&mut self, path: Path, datagram: &[u8], now_us: u64) {
        self.totals.stranger_datagrams += u64::from(!self.handover.is_shown());
        if stun::answered(datagram).is_some() && self.astray.allowance.take(now_us) {
            self.show_others(path, datagram);
        }
    }
}
