//! Questions to peers on paths other than the selected path. A peer's selected path may become silent because its network is
//! gone, and the peer has not noticed. A browser (libwebrtc) waits 2.5 s before it looks at other paths, and 1 s more before it
//! switches. It nominates the new path up to 2.5 s later. So the server asks the peer by STUN on all its paths. If the peer
//! answers on another path and not on the selected one, media goes to the other path. The peer's own nomination is always
//! followed, whenever it arrives. Media from another path of the peer is also a sign: the peer is asked on that path.
//!
//! Otherwise the server asks only on paths that the peer has checked. Only the peer's answer, proved by its integrity, moves the
//! peer. The source address of a check may be forged. So each path has an account of bytes (`ice::account`). A check adds its
//! bytes minus those of our answer, and a question takes its own bytes. The account holds the bytes of at most three questions
//! (`UNANSWERED_MAX`). A browser checks an unused path only once in 25 s, which may be too few bytes. So the path may borrow the
//! bytes of two questions (`LENT_MAX`) from the peer's checks on its selected path.

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

/// Microseconds. Chosen: five audio packets of 20 ms. A peer that sent media on its selected path within this time has not
/// moved. Longer: a peer that moved is found later, and its media is missing until then. Shorter: jitter causes useless STUN
/// requests.
pub(crate) const QUIET_US: u64 = 100_000;
/// Microseconds between two rounds of STUN requests to all paths of a silent peer: half of the silence so far, within these
/// limits. The first value is a guard without an effect now, because a silence counts only after 0.4 s and a round trip
/// (`UNTOLD_US`). With a shorter `UNTOLD_US`, it would keep the rounds apart. The second value acts from a silence of 2 s on.
/// Larger: a peer that moved is found later; a first value above the second panics. Smaller second value: more STUN requests.
const ROUND_US: (u64, u64) = (200_000, 1_000_000);

/// Ask the peer on all paths if the selected path is silent. Move to a path where the peer was found.
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

/// Ask the peer on a path that got many bytes of media without any answer.
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

/// Receive media from a path of the peer that is not selected. If the selected path is quiet, the peer has switched. Its
/// nomination was lost or is still on the way.
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

/// Send a STUN question to the peer on this path, if the agent allows it. For `came` see `Agent::ask`.
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
