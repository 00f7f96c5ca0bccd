//! Several shards listen on one port, and the kernel spreads peers over them by address, not by conference. What came to
//! the wrong one is handed over: a check by the first character of the user name, which names the shard; everything else
//! by its path, once the shard of the peer has claimed that. It does so for every check whose integrity it proved, so
//! forged user names gain nothing, nor do forged addresses: a path that a peer holds is taken by no other one. What nobody
//! claimed may be of a peer that moved: the others are shown it
//! within the allowance of `astray`.
//!
//! Ingress only: what a peer is sent leaves by its own shard. The same parcels carry what conferences on several shards have
//! for each other (`mirror`). A lone shard does nothing of this.

use rustc_hash::FxHashMap;

use crate::cache::Entry;
use crate::ice::{DISCONNECTED_US, Path};
use crate::mirror::{Media, Upward};
use crate::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::stats::Totals;
use crate::stun;

/// The characters of user names (RFC 8839 §5.4) that name shards, the first one shard 0.
const NAMES: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
pub const SHARDS_MAX: usize = NAMES.len();
/// What waits for one shard in one round in each of two parcels; more is lost, as in a full socket.
const PARCEL_BYTES_MAX: usize = 1 << 20;
/// Of each kind. Anybody can send what nobody has proved: it gets little room beside what comes by claimed paths.
const SLIPS_MAX: usize = 4096;
const UNPROVED_MAX: usize = 512;
const UNPROVED_BYTES_MAX: usize = 128 << 10;
/// Room that parcels keep while they lie empty, and how many of them.
const IDLE_BYTES_MAX: usize = 256 << 10;
const IDLE_MAX: usize = 8;
/// A claim counts so long after the last proved check: peers check every 2.5 s.
const CLAIM_US: u64 = 60_000_000;
/// Beyond it only those that are there are renewed: a peer that checks from many ports takes no memory without end.
const CLAIMS_MAX: usize = 65_536;
/// Claims kept before the first search for old ones.
const CLAIMS_MIN: usize = 256;

/// The shard that a user name of ours belongs to.
pub fn shard_of(ufrag: &[u8]) -> Option<u8> {
    let first = ufrag.first()?;
    NAMES.iter().position(|name| name == first).map(|shard| shard as u8)
}

/// What one shard hands to another, in order: datagrams as they came, or what it has to say itself.
#[derive(Debug, Default)]
pub struct Parcel {
    from: u8,
    foreign: bool,
    slips: Vec<Slip>,
    bytes: Vec<u8>,
    /// Slips of each kind.
    counts: [usize; KINDS],
    sizes: [usize; KINDS],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Slip {
    /// The next `len` bytes came by this path. `shown`: nobody knows whose they are.
    Datagram {
        path: Path,
        len: usize,
        shown: bool,
    },
    /// What comes by this path is of a peer of the shard that says so. `held`: the peer has nominated it.
    Claim {
        path: Path,
        held: bool,
    },
    /// The peer has nominated another one, or is gone.
    Release {
        path: Path,
    },
    /// The rest is about producers on other shards: see `mirror`.
    Media(Media),
    Upward(Upward),
    Wish {
        producer: u32,
        layer: u8,
    },
}

/// Each has bounds of its own, so that none can take the room of another.
#[derive(Clone, Copy)]
enum Kind {
    Media,
    Word,
    Claimed,
    Unproved,
}

const KINDS: usize = 4;

impl Kind {
    fn most(self) -> usize {
        if matches!(self, Kind::Unproved) { UNPROVED_MAX } else { SLIPS_MAX }
    }

    fn most_bytes(self) -> usize {
        if matches!(self, Kind::Unproved) { UNPROVED_BYTES_MAX } else { PARCEL_BYTES_MAX }
    }
}

impl Parcel {
    fn new(from: u8, foreign: bool) -> Self {
        Parcel { from, foreign, ..Parcel::default() }
    }

    /// Strangers have a part in it: it must not wait where it keeps others from their room.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// What it holds in memory, about.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.slips.len() * size_of::<Slip>()
    }

    pub fn datagrams(&self) -> u64 {
        self.slips.iter().filter(|slip| matches!(slip, Slip::Datagram { .. } | Slip::Media(_))).count() as u64
    }

    fn has_room(&self, kind: Kind, slips: usize, len: usize) -> bool {
        let has_bytes =
            self.bytes.len() + len <= PARCEL_BYTES_MAX && self.sizes[kind as usize] + len <= kind.most_bytes();
        has_bytes && self.counts[kind as usize] + slips <= kind.most()
    }

    /// False: there is no room.
    fn add<const N: usize>(&mut self, kind: Kind, slip: Slip, bytes: [&[u8]; N]) -> bool {
        let len = bytes.iter().map(|part| part.len()).sum();
        let room = self.has_room(kind, 1, len);
        if room {
            self.counts[kind as usize] += 1;
            self.sizes[kind as usize] += len;
            self.slips.push(slip);
            bytes.iter().for_each(|part| self.bytes.extend_from_slice(part));
        }
        room
    }
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    shard: u8,
    at_us: u64,
    /// No other shard takes it while it is fresh.
    held: bool,
}

/// What is to go to one shard.
#[derive(Debug)]
struct Outward {
    own: Parcel,
    foreign: Parcel,
}

#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// To each shard, ours among them; empty: there is no other one.
    outward: Vec<Outward>,
    idle: Vec<Parcel>,
    claims: FxHashMap<Path, Claim>,
    /// Old claims are searched for when there are so many.
    search_at: usize,
    /// Who handed us what we look at now.
    from: Option<u8>,
    shown: bool,
}

impl Handover {
    fn has_others(&self) -> bool {
        !self.outward.is_empty()
    }

    /// What is looked at now came from another shard: it goes no further.
    pub fn is_second_hand(&self) -> bool {
        self.from.is_some()
    }

    /// Another shard has counted it as a stranger's.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// Without room it is lost. All is said again, a `Release` a few times (`releases`): where each of them is lost, the path is
    /// held until its claim is no longer fresh.
    pub fn put(&mut self, to: u8, slip: Slip) {
        self.outward.get_mut(usize::from(to)).map(|outward| outward.own.add(Kind::Word, slip, []));
    }

    /// The shard `to` can be handed all of these, and half of the parcel stays for what is new in this round.
    pub fn has_room_beside<'a>(&self, to: u8, entries: impl Iterator<Item = &'a Entry>) -> bool {
        let (count, bytes) = entries.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.size()));
        self.outward.get(usize::from(to)).is_some_and(|outward| {
            let (slips, room) = (SLIPS_MAX / 2, PARCEL_BYTES_MAX / 2);
            outward.own.has_room(Kind::Media, count + slips, bytes + room)
        })
    }

    pub fn put_media(&mut self, to: u8, media: Media, payload: &[u8], descriptor: &[u8], totals: &mut Totals) {
        let Some(outward) = self.outward.get_mut(usize::from(to)) else { return };
        if !outward.own.add(Kind::Media, Slip::Media(media), [payload, descriptor]) {
            totals.handover_drops += 1;
        }
    }

    fn note_claim(&mut self, path: Path, (shard, held): (u8, bool), now_us: u64) {
        if self.claims.len() >= self.search_at.max(CLAIMS_MIN) {
            self.claims.retain(|_, claim| now_us.saturating_sub(claim.at_us) < CLAIM_US);
            self.search_at = 2 * self.claims.len();
        }
        if self.claims.len() < CLAIMS_MAX || self.claims.contains_key(&path) {
            self.claims.insert(path, Claim { shard, at_us: now_us, held });
        }
    }
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

    /// False: there is nobody to tell.
    pub(crate) fn say_released(&mut self, path: Path) -> bool {
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
