//! What waits for the other shards, and the paths that they have claimed.

use rustc_hash::FxHashMap;

use crate::path::Path;
use crate::seam::snapshot::Totals;
use crate::shard::spread::parcel::{Kind, Media, PARCEL_BYTES_MAX, Parcel, SLIPS_MAX, Slip};
use crate::stream::cache::Entry;

/// Room that parcels keep while they lie empty, and how many of them.
pub(crate) const IDLE_BYTES_MAX: usize = 256 << 10;

pub(crate) const IDLE_MAX: usize = 8;

/// A claim counts so long after the last proved check: peers check every 2.5 s.
pub(crate) const CLAIM_US: u64 = 60_000_000;

/// Beyond it only those that are there are renewed: a peer that checks from many ports takes no memory without end.
pub(crate) const CLAIMS_MAX: usize = 65_536;

/// Claims kept before the first search for old ones.
pub(crate) const CLAIMS_MIN: usize = 256;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) shard: u8,
    pub(crate) at_us: u64,
    /// No other shard takes it while it is fresh.
    pub(crate) held: bool,
}

/// What is to go to one shard.
#[derive(Debug)]
pub(crate) struct Outward {
    pub(crate) own: Parcel,
    pub(crate) foreign: Parcel,
}

#[derive(Debug, Default)]
pub(crate) struct Handover {
    /// To each shard, ours among them; empty: there is no other one.
    pub(crate) outward: Vec<Outward>,
    pub(crate) idle: Vec<Parcel>,
    pub(crate) claims: FxHashMap<Path, Claim>,
    /// Old claims are searched for when there are so many.
    search_at: usize,
    /// Who handed us what we look at now.
    pub(crate) from: Option<u8>,
    pub(crate) shown: bool,
}

impl Handover {
    pub(crate) fn has_others(&self) -> bool {
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

    pub(crate) fn note_claim(&mut self, path: Path, (shard, held): (u8, bool), now_us: u64) {
        if self.claims.len() >= self.search_at.max(CLAIMS_MIN) {
            self.claims.retain(|_, claim| now_us.saturating_sub(claim.at_us) < CLAIM_US);
            self.search_at = 2 * self.claims.len();
        }
        if self.claims.len() < CLAIMS_MAX || self.claims.contains_key(&path) {
            self.claims.insert(path, Claim { shard, at_us: now_us, held });
        }
    }
}
