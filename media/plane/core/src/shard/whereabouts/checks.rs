//! Incoming STUN checks.

use crate::ice::questions::Cause;
use crate::path::Path;
use crate::seam::event::{Event, IceState};
use crate::seam::outbox::Sink;
use crate::shard::downlink::restart;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::whereabouts::claims::Claims;
use crate::shard::whereabouts::{Whereabouts, addresses, answers, handover, path_probe};
use crate::ticks::IDLE_TICK_US;
use crate::wire::stun;

pub(crate) fn receive_check<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    path: Path,
    datagram: &[u8],
    turn: &mut Turn<S>,
) {
    let Some(key) = stun::username(datagram).and_then(|name| addresses::by_username(whereabouts, name)) else {
        if handover::hand_over_check(whereabouts, &tables.transports, path, datagram, turn) {
            return;
        }
        return answers::receive_answer(whereabouts, tables, path, datagram, turn);
    };
    if addresses::is_held(whereabouts, &tables.transports, path, (Some(key), whereabouts.index), turn.now_us) {
        turn.totals.bad_stun += 1;
        return;
    }
    let transport = &mut tables.transports[key];
    let was_reached = transport.is_reached();
    let mut reply = [0; stun::REPLY_MAX];
    let Some(agent) = transport.moving() else { return };
    let before = agent.selected();
    let Ok((len, outcome)) = agent.handle(datagram, path, path.remote(), turn.now_us, &mut reply) else {
        turn.totals.bad_stun += 1;
        return;
    };
    turn.out.put(path, &reply[..len]);
    let (knows, selected) = (agent.knows(path), agent.selected());
    if knows {
        if whereabouts.paths.get(&path) != Some(&key) {
            addresses::adopt(whereabouts, &mut tables.transports, path, key);
        }
        let held = tables.transports[key].ice().is_some_and(|agent| agent.holds(path, turn.now_us));
        whereabouts.claims.claim(path, held, turn.parcels);
    }
    Claims::release(before.filter(|before| Some(*before) != selected), turn.parcels);
    if let Some(state) = outcome.state {
        let id = tables.transports[key].id;
        restart::begin_again(tables, key, turn);
        if state == IceState::Moved {
            tables.transports[key].note_moved(turn.now_us);
        }
        turn.events.push(Event::Ice { transport: id, state, path });
    }
    let starting = tables.transports[key].start_us.is_some();
    if outcome.restarted {
        addresses::index_ufrags(whereabouts, &mut tables.transports, key);
    }
    if !was_reached {
        restart::reach_again(tables, key, turn);
    }
    let wants_proof = tables.transports[key].ice().is_some_and(|agent| agent.wants_proof(path, turn.now_us));
    if wants_proof {
        path_probe::ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Proof, 0, turn);
    } else if outcome.nominates_later {
        path_probe::ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Check, 0, turn);
    }
    turn.wake_within(if starting { 0 } else { IDLE_TICK_US });
}
