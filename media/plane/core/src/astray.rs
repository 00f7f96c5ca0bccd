//! Media from an address that nobody has checked. Mostly a stranger's, and dropped; but a peer whose address translation
//! forgot goes on from another port without knowing, and checks it only seconds later. So a few such datagrams are tried
//! with the keys of peers that have gone quiet: one that is genuine counts as received, and its peer is asked by STUN at that
//! address (`ice::Agent::ask`). Only the answer, which its integrity proves, makes the address the peer's.

use crate::demux::Class;
use crate::event::Event;
use crate::ice::Path;
use crate::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::stun;
use crate::transport::Allowance;

/// Datagrams that are tried in a second, and at once; the rest is dropped as ever.
const TRIED_PER_S: u64 = 200;
const TRIED_BURST: u64 = 50;
/// Whose keys one datagram is tried with at most.
const PEERS_MAX: usize = 4;
/// A peer whose media still comes as it did has not moved.
const QUIET_US: u64 = 100_000;
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
                return self.ask_there(*key, path, now_us, out);
            }
        }
        self.show_others(path, datagram);
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
    fn is_genuine<S: Sink>(
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

    fn ask_there<S: Sink>(&mut self, key: usize, path: Path, now_us: u64, out: &mut Outbox<S>) {
        let (high, low) = (self.random(), self.random());
        let mut fresh = [0; 12];
        fresh[..8].copy_from_slice(&high.to_be_bytes());
        fresh[8..].copy_from_slice(&(low as u32).to_be_bytes());
        let mut request = [0; stun::QUESTION_MAX];
        let Some(agent) = self.transports[key].agent() else { return };
        let Some(len) = agent.ask(path, fresh, now_us, &mut request) else { return };
        if !self.astray.asked.contains(&(path, key)) {
            if self.astray.asked.len() == OPEN_MAX {
                self.astray.asked.remove(0);
            }
            self.astray.asked.push((path, key));
        }
        out.put(path, &request[..len]);
    }

    /// What is no check of a peer's may be its answer.
    pub(crate) fn receive_answer<S: Sink>(&mut self, path: Path, datagram: &[u8], now_us: u64, out: &mut Outbox<S>) {
        let Some(at) = self.astray.asked.iter().position(|(asked, _)| *asked == path) else {
            self.totals.stranger_datagrams += u64::from(!self.handover.is_shown());
            if stun::answered(datagram).is_some() && self.astray.allowance.take(now_us) {
                self.show_others(path, datagram);
            }
            return;
        };
        let key = self.astray.asked[at].1;
        let Some(transport) = self.transports.get(key) else {
            self.astray.asked.remove(at);
            return;
        };
        let id = transport.id;
        let before = transport.path();
        if self.is_held(path, (Some(key), self.index), now_us) {
            self.totals.bad_stun += 1;
            return;
        }
        let transport = &mut self.transports[key];
        let Some(Ok(outcome)) = transport.agent().map(|agent| agent.hear_answer(datagram, path, now_us)) else {
            self.totals.bad_stun += 1;
            return;
        };
        self.begin_again(key, now_us, out);
        self.transports[key].estimator.note_moved(now_us);
        self.astray.asked.remove(at);
        self.adopt(path, key);
        self.claim(path, true);
        self.release_path(before.filter(|before| *before != path));
        if let Some(state) = outcome.state {
            self.events.push(Event::Ice { transport: id, state, path });
        }
    }
}
