//! The paths that other shards have claimed, and the origin of the datagram that is being processed.

use rustc_hash::FxHashMap;

use crate::ice::limits::DISCONNECTED_US;
use crate::path::Path;
use crate::shard::turn::parcel::Slip;
use crate::shard::turn::parcels::Parcels;

/// Microseconds. A shard (packet thread) claims a path when its peer's check is verified. A claim of this age is removed at the
/// next search, which needs 256 claims (`CLAIMS_MIN`). It is equal to `PROVED_US` (60 s). Peers check every 2.5 s. Longer: old
/// claims take memory. Shorter: datagrams of a quiet peer that reach the wrong shard are lost.
pub(crate) const CLAIM_US: u64 = 60_000_000;
/// Paths that other shards (packet threads) have claimed for their peers. Above this number only existing claims are renewed.
/// Larger: a hostile peer that checks from many ports takes more memory. Smaller: datagrams of honest new peers that reach the
/// wrong shard are lost.
const CLAIMS_MAX: usize = 65_536;
/// Stored claims. A claim notes that a path (a client's address and ours) belongs to a peer of another shard (packet thread).
/// Datagrams of the path are handed over to that shard. If this number of claims is stored, the next claim starts a search,
/// which removes claims older than 60 s (`CLAIM_US`). The next search runs at twice the number that remained, but never below
/// this value. Larger: old claims take memory for longer. Smaller: more searches.
pub(crate) const CLAIMS_MIN: usize = 256;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) shard: u8,
    pub(crate) at_us: u64,
    /// No other shard takes the path while the claim is fresh.
    pub(crate) held: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) claims: FxHashMap<Path, Claim>,
    /// The number of claims that starts the search for old claims.
    search_at: usize,
    /// The shard that handed over the current datagram. None: the datagram came from the network.
    pub(crate) from: Option<u8>,
    pub(crate) shown: bool,
}

impl Claims {
    /// Report whether the current datagram came from another shard. Such a datagram is not handed over again.
    pub fn is_second_hand(&self) -> bool {
        self.from.is_some()
    }

    /// Report whether another shard has already counted the current datagram as a stranger's.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// Return the shard that has claimed the path.
    pub fn owner(&self, path: Path) -> Option<u8> {
        self.claims.get(&path).map(|claim| claim.shard)
    }

    /// Report whether a peer of a shard other than `shard` holds the path.
    pub fn is_held(&self, path: Path, shard: u8, now_us: u64) -> bool {
        let fresh = |claim: &&Claim| claim.held && now_us.saturating_sub(claim.at_us) < DISCONNECTED_US;
        self.claims.get(&path).filter(fresh).is_some_and(|claim| claim.shard != shard)
    }

    /// Claim a path that a peer of this shard has proved. Notify the shard that claimed the path before and the shard that
    /// handed over the datagram. For `held` see `Agent::holds`.
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

    /// Release a path that a peer of this shard no longer holds. Only this shard knows. If the queue to a shard is full, the
    /// message is lost. Then the path stays held there until the claim expires.
    pub fn release(path: Option<Path>, parcels: &mut Parcels) {
        let Some(path) = path.filter(|path| matches!(path, Path::Udp { .. })) else { return };
        for to in parcels.others() {
            parcels.put(to, Slip::Release { path });
        }
    }

    /// Note that the peer of the shard `from` no longer holds the path.
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
