//! Media from an address that no peer has checked. Usually a stranger sent it, and it is dropped. But the address of a peer may
//! change without the peer's knowledge. Its address translation may forget the mapping, or its network may change while its
//! socket stays. So a few such datagrams are tried with the keys of peers that have become quiet. A genuine datagram counts as
//! received, and its peer is asked by STUN at that address. Only the answer makes the address the peer's. `WHEREABOUTS.md` says
//! more.

use crate::ice::agent::Agent;
use crate::ice::questions::Cause;
use crate::keys::TransportKey;
use crate::path::Path;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::uplink::{repair, rtcp_in};
use crate::shard::whereabouts::path_probe::{self, QUIET_US};
use crate::shard::whereabouts::suspects::{self, Group};
use crate::shard::whereabouts::{Whereabouts, handover};
use crate::wire::demux::Class;

/// Bytes. Longer datagrams from unknown addresses are not media: an Ethernet frame carries no more (RFC 894). Larger: a
/// stranger's datagram costs more work. Smaller: a peer that moved and sends full packets is found later, and its media is
/// missing until then.
const DATAGRAM_MAX: usize = 1500;

pub(crate) fn receive_unverified<S: Sink>(
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
    for key in suspects(tables, path, class, datagram, turn.now_us) {
        tables.transports[key].tried = whereabouts.suspects.next_turn();
        // A failed try may change the buffer, so each try gets a copy.
        let mut copy = [0; DATAGRAM_MAX];
        copy[..datagram.len()].copy_from_slice(datagram);
        if rtcp_in::is_genuine(tables, key, class, &mut copy[..datagram.len()], turn) {
            let came = datagram.len();
            return path_probe::ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Media, came, turn);
        }
    }
    handover::show_others(whereabouts, path, datagram, turn);
}

/// Return the quiet peers that may have sent the datagram.
fn suspects(
    tables: &Tables,
    path: Path,
    class: Class,
    datagram: &[u8],
    now_us: u64,
) -> impl Iterator<Item = TransportKey> + use<> {
    let is_rtcp = class == Class::Rtcp;
    let ssrc = datagram.get(if is_rtcp { 4..8 } else { 8..12 });
    let ssrc = ssrc.and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (mut named, mut near) = (Group::default(), Group::default());
    for (key, one) in tables.transports.iter().filter(|(_, one)| now_us >= one.heard_us + QUIET_US) {
        let Some(known) = one.ice().and_then(Agent::selected) else { continue };
        let is_named = ssrc.is_some_and(|ssrc| one.sources.contains_key(&ssrc));
        if is_named || is_rtcp && repair::silent_since_us(tables, key, now_us).is_some() {
            named.add(one.tried, key);
        } else if known.remote().ip() == path.remote().ip() {
            near.add(one.tried, key);
        }
    }
    suspects::choose(named, near)
}
