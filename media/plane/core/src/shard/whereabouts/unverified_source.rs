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
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::uplink::{repair, rtcp_in};
use crate::shard::whereabouts::path_probe::{self, QUIET_US};
use crate::shard::whereabouts::suspects::Queue;
use crate::shard::whereabouts::{Whereabouts, handover};
use crate::wire::demux::Class;

/// Longer datagrams are nobody's media.
const DATAGRAM_MAX: usize = 1500;

pub(crate) fn receive_astray<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    path: Path,
    class: Class,
    datagram: &[u8],
    turn: &mut Turn<S>,
) {
    turn.totals.stranger_datagrams += u64::from(!whereabouts.claims.is_shown());
    let is_media = matches!(class, Class::Rtp | Class::Rtcp) && datagram.len() <= DATAGRAM_MAX;
    if !is_media || !matches!(path, Path::Udp { .. }) || !whereabouts.suspects.may_try(path.remote().ip(), turn.now_us)
    {
        return;
    }
    let found = suspects(tables, path, class, datagram, turn.now_us);
    for (_, key) in &found.places[..found.len] {
        whereabouts.suspects.turn += 1;
        tables.transports[*key].tried = whereabouts.suspects.turn;
        // A failed try may leave anything behind.
        let mut copy = [0; DATAGRAM_MAX];
        copy[..datagram.len()].copy_from_slice(datagram);
        if rtcp_in::is_genuine(tables, *key, class, &mut copy[..datagram.len()], turn) {
            if path_probe::ask_there(
                whereabouts,
                &mut tables.transports,
                (*key, path),
                Cause::Media,
                datagram.len(),
                turn,
            ) {
                whereabouts.suspects.note_asked(*key, path);
            }
            return;
        }
    }
    handover::show_others(whereabouts, path, datagram, turn);
}

/// Peers that have been quiet, and may have sent it.
fn suspects(tables: &Tables, path: Path, class: Class, datagram: &[u8], now_us: u64) -> Queue {
    let is_rtcp = class == Class::Rtcp;
    let ssrc = datagram.get(if is_rtcp { 4..8 } else { 8..12 });
    let ssrc = ssrc.and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (mut meant, mut near) = (Queue::default(), Queue::default());
    for (key, one) in tables.transports.iter().filter(|(_, one)| now_us >= one.heard_us + QUIET_US) {
        let Some(known) = one.path().filter(|_| one.line().is_none()) else { continue };
        let is_named = ssrc.is_some_and(|ssrc| one.sources.contains_key(&ssrc));
        if is_named || is_rtcp && repair::silent_since_us(tables, key, now_us).is_some() {
            meant.add(one.tried, key);
        } else if known.remote().ip() == path.remote().ip() {
            near.add(one.tried, key);
        }
    }
    meant.beside(&near)
}
