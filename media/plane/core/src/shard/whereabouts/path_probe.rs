//! A peer whose selected path went silent though it has others: its network went, and it has not noticed. A browser waits 2.5 s
//! before it looks elsewhere, one more before it goes there and up to 2.5 s more before it nominates that (libwebrtc). So it is
//! asked by STUN at all its paths. If it answers elsewhere and not at the selected one, media goes there; the peer's own choice,
//! whenever it comes, is followed as ever. And media that it sends by another of its paths is such a choice: it is asked there.
//!
//! Only paths that the peer has checked are asked, and only its answer, which its integrity proves, moves anything. A check may
//! come under the address of somebody else, so the questions have no more bytes than the checks that came by that path, less our
//! answers, and are three at most until one is answered. Two more at most are paid by what came where the peer is for certain: a browser
//! checks what it does not use once.

use crate::ice::limits::PATHS_MAX;
use crate::ice::questions::Cause;
use crate::keys::TransportKey;
use crate::path::Path;
use crate::seam::outbox::Sink;
use crate::shard::downlink::restart;
use crate::shard::tables::{Tables, Transports};
use crate::shard::turn::Turn;
use crate::shard::uplink::{repair, rtcp_in};
use crate::shard::whereabouts::Whereabouts;
use crate::shard::whereabouts::answers::{self, PATIENCE_US};
use crate::wire::demux::Class;
use crate::wire::stun;

/// A peer whose media still comes as it did has not moved.
pub(crate) const QUIET_US: u64 = 100_000;
/// Between two rounds of questions: half of what the silence has lasted, within these bounds.
const ROUND_US: (u64, u64) = (200_000, 1_000_000);

/// Where the selected path is silent, asks at all; goes where the peer was found.
pub(crate) fn tick_seeking<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    key: TransportKey,
    turn: &mut Turn<S>,
) {
    let transport = &mut tables.transports[key];
    let patience_us = PATIENCE_US.max(2 * transport.rtt_or_guess_us());
    let was_reached = transport.is_reached();
    let Some(agent) = transport.moving().filter(|agent| agent.others(turn.now_us).next().is_some()) else { return };
    let before = agent.selected();
    if let Some(path) = agent.settle(patience_us, turn.now_us) {
        if let Some(since_us) = tables.transports[key].estimator.untold_since_us(0) {
            restart::begin_after(tables, key, since_us, turn);
        }
        answers::follow(whereabouts, tables, key, path, before, turn);
        if !was_reached {
            restart::reach_again(tables, key, turn);
        }
        return;
    }
    let found = agent.found_us().is_some();
    let Some(since_us) = repair::silent_since_us(tables, key, turn.now_us) else { return };
    if turn.now_us >= tables.transports[key].seek_us {
        let silent_us = turn.now_us.saturating_sub(since_us);
        tables.transports[key].seek_us = turn.now_us + (silent_us / 2).clamp(ROUND_US.0, ROUND_US.1);
        ask_everywhere(whereabouts, tables, key, turn);
    } else if found {
        ask_selected(whereabouts, tables, key, turn);
    }
}

/// Where much has gone that nobody has answered from, it is asked whether the peer is there.
pub(crate) fn tick_path_credit<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    key: TransportKey,
    turn: &mut Turn<S>,
) {
    let transport = &mut tables.transports[key];
    let sent_bytes = transport.sent_bytes;
    let Some(path) = transport.agent().and_then(|agent| agent.path_on_credit(sent_bytes, turn.now_us)) else { return };
    ask_there(whereabouts, &mut tables.transports, (key, path), Cause::PathCredit, 0, turn);
}

fn ask_everywhere<S: Sink>(whereabouts: &mut Whereabouts, tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    ask_selected(whereabouts, tables, key, turn);
    let (mut others, mut count) = ([None; PATHS_MAX], 0);
    for path in tables.transports[key].ice().into_iter().flat_map(|agent| agent.others(turn.now_us)) {
        others[count] = Some(path);
        count += 1;
    }
    for path in others.into_iter().flatten() {
        ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Silence, 0, turn);
    }
}

fn ask_selected<S: Sink>(whereabouts: &mut Whereabouts, tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    if let Some(path) = tables.transports[key].path() {
        ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Silence, 0, turn);
    }
}

/// Media by one of the peer's paths that is not the selected one. Where nothing comes by that one any more, the peer has gone
/// over, and its nomination was lost or is yet to come.
pub(crate) fn receive_elsewhere<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    (key, path): (TransportKey, Path),
    class: Class,
    datagram: &mut [u8],
    turn: &mut Turn<S>,
) {
    let is_quiet = turn.now_us >= tables.transports[key].heard_us + QUIET_US;
    if rtcp_in::is_genuine(tables, key, class, datagram, turn) && is_quiet {
        ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Media, datagram.len(), turn);
    }
}

/// `came`: see `Agent::ask`.
pub(crate) fn ask_there<S: Sink>(
    whereabouts: &mut Whereabouts,
    transports: &mut Transports,
    (key, path): (TransportKey, Path),
    cause: Cause,
    came: usize,
    turn: &mut Turn<S>,
) {
    let fresh = || whereabouts.transactions.draw_for(key);
    let mut request = [0; stun::QUESTION_MAX];
    let Some(agent) = transports[key].agent() else { return };
    if let Some(len) = agent.ask(path, cause, came, fresh, turn.now_us, &mut request) {
        turn.out.put(path, &request[..len]);
    }
}
