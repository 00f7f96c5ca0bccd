//! The hand-over between shards. Several shards listen on one port. The kernel distributes datagrams over the shards by
//! address, not by conference. A datagram for a peer of another shard is handed over. A check names its shard by the first
//! character of the user name. All other datagrams are handed over by path, once the peer's shard has claimed the path. A shard
//! claims a path for every check whose integrity it verified, so forged user names gain nothing. Forged addresses gain nothing
//! either: no peer can take a path that another peer holds. A datagram on a path without a claim may come from a peer that
//! moved. It is shown to the other shards within the allowance of `suspects`.
//!
//! Only incoming datagrams are handed over; a peer's own shard sends to the peer. The same parcels carry the data of
//! conferences on several shards (`mirror_in`, `mirror_out`). A single shard does none of this.

use crate::path::Path;
use crate::seam::outbox::Sink;
use crate::shard::tables::Transports;
use crate::shard::turn::Turn;
use crate::shard::turn::parcel::{Kind, Slip};
use crate::shard::turn::parcels::Parcels;
use crate::shard::whereabouts::{Whereabouts, addresses};
use crate::wire::stun;

/// The characters that name shards (packet threads), at the start of an ICE user name (RFC 8839 §5.4). The first character
/// names shard 0. `media/ground/numbers.py` has the same list and order. A server has at most 16 shards. More: no effect; `+`
/// and `/` are the only further characters of a user name. Fewer than 16: a server with more shards panics at the start.
const NAMES: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Shards (packet threads) that can share their ports: one for each of the 62 characters of `NAMES`. Python permits at most 16.
/// Larger than `NAMES`: the last shards would have no name, so no peer would find them. Smaller than 16: a server with more
/// shards panics at the start.
pub const SHARDS_MAX: usize = NAMES.len();

/// Return the other shard that the user name of a check names. This function reads nothing else of the datagram.
pub(crate) fn names_other(parcels: &Parcels, datagram: &[u8]) -> Option<u8> {
    let shard = shard_of(stun::username(datagram)?)?;
    parcels.is_other(shard).then_some(shard)
}

/// Hand over a check of another shard's peer. Return true if the check needs no more work here: it was handed over, or its
/// source address is forged.
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

/// Hand over a datagram on a claimed path. Return true if another shard has claimed the path.
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

/// Show a datagram of an unknown peer to all other shards.
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

/// Give up a path to a peer of the shard `to`, unless a peer of this shard or of a third shard holds the path.
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

/// Return the shard that a user name of ours names.
pub fn shard_of(ufrag: &[u8]) -> Option<u8> {
    let first = ufrag.first()?;
    NAMES.iter().position(|name| name == first).map(|shard| shard as u8)
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
