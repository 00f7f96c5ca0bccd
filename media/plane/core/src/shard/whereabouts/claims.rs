//! The paths that other shards have claimed, and from which of them comes what is looked at now.

use rustc_hash::FxHashMap;

use crate::ice::limits::DISCONNECTED_US;
use crate::path::Path;
use crate::shard::turn::parcel::Slip;
use crate::shard::turn::parcels::Parcels;

/// A claim counts so long after the last proved check: peers check every 2.5 s.
pub(crate) const CLAIM_US: u64 = 60_000_000;
/// Beyond it only those that are there are renewed: a peer that checks from many ports takes no memory without end.
const CLAIMS_MAX: usize = 65_536;
/// Claims kept before the first search for old ones.
pub(crate) const CLAIMS_MIN: usize = 256;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) shard: u8,
    pub(crate) at_us: u64,
    /// No other shard takes it while it is fresh.
    pub(crate) held: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) claims: FxHashMap<Path, Claim>,
    /// Old claims are searched for when there are so many.
    search_at: usize,
    /// Who handed us what we look at now.
    pub(crate) from: Option<u8>,
    pub(crate) shown: bool,
}

impl Claims {
    /// What is looked at now came from another shard: it goes no further.
    pub fn is_second_hand(&self) -> bool {
        self.from.is_some()
    }

    /// Another shard has counted it as a stranger's.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// The shard that has claimed the path.
    pub fn owner(&self, path: Path) -> Option<u8> {
        self.claims.get(&path).map(|claim| claim.shard)
    }

    /// A peer of a shard other than `shard` holds the path.
    pub fn is_held(&self, path: Path, shard: u8, now_us: u64) -> bool {
        let fresh = |claim: &&Claim| claim.held && now_us.saturating_sub(claim.at_us) < DISCONNECTED_US;
        self.claims.get(&path).filter(fresh).is_some_and(|claim| claim.shard != shard)
    }

    /// A peer of ours has proved to be there: every other shard that gets its datagrams is told. `held`: see `Agent::holds`.
    pub fn claim(&mut self, path: Path, held: bool, parcels: &mut Parcels) {
        if !parcels.has_others() {
            return;
        }
        let before = self.claims.remove(&path).map(|claim| claim.shard);
        let again = self.from.filter(|from| before != Some(*from));
        for to in before.into_iter().chain(again) {
            parcels.put(to, Slip::Claim { path, held });
        }
    }

    /// A peer of ours holds the path no longer, which only this shard knows. The word may be lost where the queue to a shard is full:
    /// there the path is held until its claim is no longer fresh.
    pub fn release(path: Option<Path>, parcels: &mut Parcels) {
        let Some(path) = path.filter(|path| matches!(path, Path::Udp { .. })) else { return };
        for to in parcels.others() {
            parcels.put(to, Slip::Release { path });
        }
    }

    /// The shard `from` says that its peer holds the path no longer.
    pub fn note_released(&mut self, path: Path, from: u8) {
        if let Some(claim) = self.claims.get_mut(&path).filter(|claim| claim.shard == from) {
            claim.held = false;
        }
    }

    pub fn note_claim(&mut self, path: Path, (shard, held): (u8, bool), now_us: u64) {
        if self.claims.len() >= self.search_at.max(CLAIMS_MIN) {
            self.claims.retain(|_, claim| now_us.saturating_sub(claim.at_us) < CLAIM_US);
            self.search_at = 2 * self.claims.len();
        }
        if self.claims.len() < CLAIMS_MAX || self.claims.contains_key(&path) {
            self.claims.insert(path, Claim { shard, at_us: now_us, held });
        }
    }
}
