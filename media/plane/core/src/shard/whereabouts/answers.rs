//! Answers of peers to our STUN questions.

use crate::keys::TransportKey;
use crate::path::Path;
use crate::seam::event::{Event, IceState};
use crate::seam::outbox::Sink;
use crate::shard::downlink::restart;
use crate::shard::tables::{Tables, Transports};
use crate::shard::turn::Turn;
use crate::shard::whereabouts::claims::Claims;
use crate::shard::whereabouts::{Whereabouts, addresses, handover};
use crate::wire::stun;

/// Microseconds, or two round trips if longer. Chosen. If a peer answers our STUN request on another path, the selected path
/// has this time to answer too. Then media moves. Longer: a peer that moved gets its media later. Shorter: one lost packet
/// moves the media of a peer that has not moved.
pub(crate) const PATIENCE_US: u64 = 150_000;

/// Receive a STUN message that is not a check of a peer: it may be an answer.
pub(crate) fn receive_answer<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    path: Path,
    datagram: &[u8],
    turn: &mut Turn<S>,
) {
    let asked = asked_there(whereabouts, &tables.transports, path, datagram);
    let Some(key) = asked.or_else(|| whereabouts.paths.get(&path).copied()) else {
        if stun::answered(datagram).is_some() && handover::hand_over_claimed(whereabouts, path, datagram, turn) {
            return;
        }
        return receive_stray_answer(whereabouts, path, datagram, turn);
    };
    if addresses::is_held(whereabouts, &tables.transports, path, (Some(key), whereabouts.index), turn.now_us) {
        turn.totals.bad_stun += 1;
        return;
    }
    let transport = &mut tables.transports[key];
    let (before, was_reached) = (transport.path(), transport.is_reached());
    let Some(Ok(outcome)) = transport.moving().map(|agent| agent.hear_answer(datagram, path, turn.now_us)) else {
        turn.totals.bad_stun += 1;
        return;
    };
    if outcome.state.is_some() {
        restart::begin_again(tables, key, turn);
        follow(whereabouts, tables, key, path, before, turn);
    } else {
        if tables.transports[key].ice().is_some_and(|agent| agent.holds(path, turn.now_us)) {
            whereabouts.claims.claim(path, true, turn.parcels);
        }
        turn.wake_within(PATIENCE_US);
    }
    if !was_reached {
        restart::reach_again(tables, key, turn);
    }
}

/// Return the transport whose open question on this path the datagram answers. Several peers may have been asked on one path.
/// So a participant who sends media with a forged source address cannot take the answers of the peer at that address.
fn asked_there(
    whereabouts: &Whereabouts,
    transports: &Transports,
    path: Path,
    datagram: &[u8],
) -> Option<TransportKey> {
    let transaction = stun::answered(datagram)?;
    let key = whereabouts.transactions.asked(transaction);
    transports.get(key)?.ice()?.has_asked(path, transaction).then_some(key)
}

/// Follow a peer that answered on `path`: this path is selected now.
pub(crate) fn follow<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    key: TransportKey,
    path: Path,
    before: Option<Path>,
    turn: &mut Turn<S>,
) {
    let transport = &mut tables.transports[key];
    transport.note_moved(turn.now_us);
    let id = transport.id;
    addresses::adopt(whereabouts, &mut tables.transports, path, key);
    whereabouts.claims.claim(path, true, turn.parcels);
    Claims::release(before.filter(|before| *before != path), turn.parcels);
    turn.events.push(Event::Ice { transport: id, state: IceState::Moved, path });
}

/// Receive an answer that matches no question of this shard.
fn receive_stray_answer<S: Sink>(whereabouts: &mut Whereabouts, path: Path, datagram: &[u8], turn: &mut Turn<S>) {
    turn.totals.stranger_datagrams += u64::from(!whereabouts.claims.is_shown());
    if stun::answered(datagram).is_some() && whereabouts.suspects.answers.take(turn.now_us) {
        handover::show_others(whereabouts, path, datagram, turn);
    }
}
