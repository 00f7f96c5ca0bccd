//! Several shards listen on one port, and the kernel spreads peers over them by address, not by conference. What came to
//! the wrong one is handed over: a check by the first character of the user name, which names the shard; everything else
//! by its path, once the shard of the peer has claimed that. It does so for every check whose integrity it proved, so
//! forged user names gain nothing, nor do forged addresses: a path that a peer holds is taken by no other one. What nobody
//! claimed may be of a peer that moved: the others are shown it
//! within the allowance of `suspects`.
//!
//! Ingress only: what a peer is sent leaves by its own shard. The same parcels carry what conferences on several shards have
//! for each other (`mirror`). A lone shard does nothing of this.

use crate::path::Path;
use crate::seam::outbox::Sink;
use crate::shard::tables::Transports;
use crate::shard::turn::Turn;
use crate::shard::turn::parcel::{Kind, Slip};
use crate::shard::turn::parcels::Parcels;
use crate::shard::whereabouts::{Whereabouts, addresses};
use crate::wire::stun;

/// The characters of user names (RFC 8839 §5.4) that name shards, the first one shard 0.
const NAMES: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
pub const SHARDS_MAX: usize = NAMES.len();

/// The other shard that the user name of a check names. Nothing else of the datagram is looked at.
pub(crate) fn names_other(parcels: &Parcels, datagram: &[u8]) -> Option<u8> {
    let shard = shard_of(stun::username(datagram)?)?;
    parcels.is_other(shard).then_some(shard)
}

/// True: it was of another shard's peer and is on its way there, or is not from where it says.
pub(crate) fn hand_over_check<S: Sink>(
    whereabouts: &Whereabouts,
    transports: &Transports,
    path: Path,
    datagram: &[u8],
    turn: &mut Turn<S>,
) -> bool {
    if whereabouts.claims.is_second_hand() || !matches!(path, Path::Udp { .. }) {
        return false;
    }
    let Some(to) = names_other(turn.parcels, datagram) else { return false };
    if addresses::is_held(whereabouts, transports, path, (None, to), turn.now_us) {
        turn.totals.bad_stun += 1;
        return true;
    }
    pass_on(to, (path, false), datagram, Kind::Unproved, turn);
    true
}

/// True: another shard has claimed the path.
pub(crate) fn hand_over_claimed<S: Sink>(
    whereabouts: &Whereabouts,
    path: Path,
    datagram: &[u8],
    turn: &mut Turn<S>,
) -> bool {
    if whereabouts.claims.is_second_hand() {
        return false;
    }
    let owner = whereabouts.claims.owner(path);
    owner.into_iter().for_each(|to| pass_on(to, (path, false), datagram, Kind::Claimed, turn));
    owner.is_some()
}

/// Nobody here knows it; perhaps another shard does.
pub(crate) fn show_others<S: Sink>(whereabouts: &Whereabouts, path: Path, datagram: &[u8], turn: &mut Turn<S>) {
    if whereabouts.claims.is_second_hand() {
        return;
    }
    for to in turn.parcels.others() {
        pass_on(to, (path, true), datagram, Kind::Unproved, turn);
    }
}

fn pass_on<S: Sink>(to: u8, (path, shown): (Path, bool), datagram: &[u8], kind: Kind, turn: &mut Turn<S>) {
    let slip = Slip::Datagram { path, len: datagram.len(), shown };
    turn.parcels.put_foreign(to, kind, slip, datagram, turn.totals);
}

/// A peer of another shard is there now, unless one has come meanwhile that holds it.
pub(crate) fn yield_path<S: Sink>(
    whereabouts: &mut Whereabouts,
    transports: &mut Transports,
    path: Path,
    (to, held): (u8, bool),
    turn: &mut Turn<S>,
) {
    if addresses::is_held(whereabouts, transports, path, (None, to), turn.now_us) {
        return;
    }
    if let Some(key) = whereabouts.paths.remove(&path) {
        transports.get_mut(key).and_then(|before| before.moving()).map(|agent| agent.forget(path));
    }
    whereabouts.claims.note_claim(path, (to, held), turn.now_us);
}

/// The shard that a user name of ours belongs to.
pub fn shard_of(ufrag: &[u8]) -> Option<u8> {
    let first = ufrag.first()?;
    NAMES.iter().position(|name| name == first).map(|shard| shard as u8)
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
