//! Several shards listen on one port, and the kernel spreads peers over them by address, not by conference. What came to
//! the wrong one is handed over: a check by the first character of the user name, which names the shard; everything else
//! by its path, once the shard of the peer has claimed that. It does so for every check whose integrity it proved, so
//! forged user names gain nothing, nor do forged addresses: a path that a peer holds is taken by no other one. What nobody
//! claimed may be of a peer that moved: the others are shown it
//! within the allowance of `probing::suspects`.
//!
//! Ingress only: what a peer is sent leaves by its own shard. The same parcels carry what conferences on several shards have
//! for each other (`mirror`). A lone shard does nothing of this.

use crate::ice::agent::{Agent, DISCONNECTED_US};
use crate::path::Path;
use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::spread::claims::{Claim, IDLE_BYTES_MAX, IDLE_MAX, Outward};
use crate::shard::spread::parcel::{KINDS, Kind, Parcel, Slip};
use crate::shard::tables::transport::Transport;
use crate::wire::stun;

/// The characters of user names (RFC 8839 §5.4) that name shards, the first one shard 0.
const NAMES: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
pub const SHARDS_MAX: usize = NAMES.len();

/// The shard that a user name of ours belongs to.
pub fn shard_of(ufrag: &[u8]) -> Option<u8> {
    let first = ufrag.first()?;
    NAMES.iter().position(|name| name == first).map(|shard| shard as u8)
}

impl Shard {
    /// This one is one of `shards` that share their ports.
    pub fn among(mut self, shards: usize) -> Self {
        assert!((1..=SHARDS_MAX).contains(&shards) && usize::from(self.index) < shards);
        if shards > 1 {
            let from = self.index;
            let outward = || Outward { own: Parcel::new(from, false), foreign: Parcel::new(from, true) };
            self.handover.outward.resize_with(shards, outward);
        }
        self
    }

    /// What is to go to the shard `to` now, if anything; to be called until there is nothing.
    pub fn parcel(&mut self, to: usize) -> Option<Parcel> {
        let Outward { own, foreign } = self.handover.outward.get_mut(to)?;
        let parcel = [own, foreign].into_iter().find(|parcel| !parcel.slips.is_empty())?;
        let mut fresh = self.handover.idle.pop().unwrap_or_default();
        (fresh.from, fresh.foreign) = (self.index, parcel.foreign);
        Some(std::mem::replace(parcel, fresh))
    }

    /// So many datagrams reached another shard, or had no room there.
    pub fn note_handed(&mut self, datagrams: u64, taken: bool) {
        *if taken { &mut self.totals.handed_over } else { &mut self.totals.handover_drops } += datagrams;
    }

    /// What another shard handed us.
    pub fn unpack<S: Sink>(&mut self, mut parcel: Parcel, now_us: u64, out: &mut Outbox<S>) {
        self.handover.from = Some(parcel.from);
        let mut rest = &mut parcel.bytes[..];
        for slip in &parcel.slips {
            match *slip {
                Slip::Datagram { path, len, shown } => {
                    self.handover.shown = shown;
                    let (datagram, others) = rest.split_at_mut(len);
                    rest = others;
                    self.receive(path, datagram, now_us, out);
                }
                Slip::Media(media) => {
                    let (payload, others) = rest.split_at_mut(media.payload);
                    let (descriptor, others) = others.split_at_mut(media.descriptor);
                    rest = others;
                    self.accept_media(media, (payload, descriptor), now_us, out);
                }
                Slip::Upward(told) => self.accept_upward(told),
                Slip::Wish { producer, layer } => self.accept_wish(producer, layer, now_us, out),
                Slip::Claim { path, held } => self.yield_path(path, (parcel.from, held), now_us),
                Slip::Release { path } => self.note_released(path, parcel.from),
            }
        }
        (self.handover.from, self.handover.shown) = (None, false);
        parcel.slips.clear();
        parcel.bytes.clear();
        (parcel.counts, parcel.sizes) = ([0; KINDS], [0; KINDS]);
        if self.handover.idle.len() < IDLE_MAX && parcel.bytes.capacity() <= IDLE_BYTES_MAX {
            self.handover.idle.push(parcel);
        }
    }

    /// The other shard that the user name of a check names. Nothing else of the datagram is looked at.
    pub fn names_other(&self, datagram: &[u8]) -> Option<u8> {
        let shard = shard_of(stun::username(datagram)?)?;
        (shard != self.index && usize::from(shard) < self.handover.outward.len()).then_some(shard)
    }

    /// True: it was of another shard's peer and is on its way there, or is not from where it says.
    pub(crate) fn hand_over_check(&mut self, path: Path, datagram: &[u8], now_us: u64) -> bool {
        if self.handover.is_second_hand() || !matches!(path, Path::Udp { .. }) {
            return false;
        }
        let Some(to) = self.names_other(datagram) else { return false };
        if self.is_held(path, (None, to), now_us) {
            self.totals.bad_stun += 1;
            return true;
        }
        self.pass_on(to, (path, false), datagram, Kind::Unproved)
    }

    /// A peer of a shard other than `shard` holds the path.
    pub(crate) fn is_claimed(&self, path: Path, shard: u8, now_us: u64) -> bool {
        let fresh = |claim: &&Claim| claim.held && now_us.saturating_sub(claim.at_us) < DISCONNECTED_US;
        self.handover.claims.get(&path).filter(fresh).is_some_and(|claim| claim.shard != shard)
    }

    /// True: another shard has claimed the path.
    pub(crate) fn hand_over_claimed(&mut self, path: Path, datagram: &[u8]) -> bool {
        if self.handover.is_second_hand() {
            return false;
        }
        let claim = self.handover.claims.get(&path).copied();
        claim.is_some_and(|claim| self.pass_on(claim.shard, (path, false), datagram, Kind::Claimed))
    }

    /// Nobody here knows it; perhaps another shard does.
    pub(crate) fn show_others(&mut self, path: Path, datagram: &[u8]) {
        if self.handover.is_second_hand() {
            return;
        }
        let ours = self.index;
        for to in (0..self.handover.outward.len() as u8).filter(|to| *to != ours) {
            self.pass_on(to, (path, true), datagram, Kind::Unproved);
        }
    }

    fn pass_on(&mut self, to: u8, (path, shown): (Path, bool), datagram: &[u8], kind: Kind) -> bool {
        let slip = Slip::Datagram { path, len: datagram.len(), shown };
        if !self.handover.outward[usize::from(to)].foreign.add(kind, slip, [datagram]) {
            self.totals.handover_drops += 1;
        }
        true
    }

    /// A peer of ours has proved to be there: whoever else gets its datagrams is told. `held`: see `Agent::holds`.
    pub(crate) fn claim(&mut self, path: Path, held: bool) {
        let handover = &mut self.handover;
        if !handover.has_others() {
            return;
        }
        let before = handover.claims.remove(&path).map(|claim| claim.shard);
        let again = handover.from.filter(|from| before != Some(*from));
        for to in before.into_iter().chain(again) {
            handover.put(to, Slip::Claim { path, held });
        }
    }

    /// A peer of ours holds it no longer. Which shard gets what comes by it is known to that one alone.
    pub(crate) fn release_path(&mut self, path: Option<Path>, now_us: u64) {
        let Some(path) = path.filter(|path| matches!(path, Path::Udp { .. })) else { return };
        if self.say_released(path) {
            self.releases.note(path, now_us);
        }
    }

    /// Says again what is due, unless a peer of ours came back there.
    pub(crate) fn release_again(&mut self, now_us: u64) {
        let Shard { releases, paths, transports, .. } = self;
        let is_ours = |path: Path| {
            let owner = paths.get(&path).and_then(|key| transports.get(*key));
            owner.and_then(Transport::ice).and_then(Agent::selected) == Some(path)
        };
        for path in releases.take_due(now_us, is_ours) {
            self.say_released(path);
        }
    }

    /// False: there is nobody to tell.
    fn say_released(&mut self, path: Path) -> bool {
        for to in (0..self.handover.outward.len() as u8).filter(|to| *to != self.index) {
            self.handover.put(to, Slip::Release { path });
        }
        self.handover.has_others()
    }

    fn note_released(&mut self, path: Path, from: u8) {
        if let Some(claim) = self.handover.claims.get_mut(&path).filter(|claim| claim.shard == from) {
            claim.held = false;
        }
    }

    /// A peer of another shard is there now, unless one has come meanwhile that holds it.
    fn yield_path(&mut self, path: Path, (to, held): (u8, bool), now_us: u64) {
        if self.is_held(path, (None, to), now_us) {
            return;
        }
        if let Some(key) = self.paths.remove(&path) {
            self.transports.get_mut(key).and_then(|before| before.moving()).map(|agent| agent.forget(path));
        }
        self.handover.note_claim(path, (to, held), now_us);
    }
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
