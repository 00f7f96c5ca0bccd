//! The map from path, ICE user name and socket to the peer.

use crate::keys::TransportKey;
use crate::path::Path;
use crate::seam::event::{Event, IceState};
use crate::seam::outbox::Sink;
use crate::shard::tables::Transports;
use crate::shard::tables::line::Part;
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::shard::whereabouts::Whereabouts;

/// Report whether a peer other than `named` holds this path. Then a datagram that names the peer or shard `named` has a false
/// source address. An address translation may give a port to another peer only after the first has closed, has moved or has
/// become silent.
pub(crate) fn is_held(
    whereabouts: &Whereabouts,
    transports: &Transports,
    path: Path,
    named: (Option<TransportKey>, u8),
    now_us: u64,
) -> bool {
    let owner = whereabouts.paths.get(&path).filter(|owner| named.0 != Some(**owner));
    let agent = owner.and_then(|owner| transports.get(*owner)).and_then(Transport::ice);
    agent.is_some_and(|agent| agent.holds(path, now_us)) || whereabouts.claims.is_held(path, named.1, now_us)
}

/// Record that this transport proved the path. Remove the paths that its agent has forgotten.
pub(crate) fn adopt(whereabouts: &mut Whereabouts, transports: &mut Transports, path: Path, key: TransportKey) {
    let before = whereabouts.paths.insert(path, key).filter(|before| *before != key);
    if let Some(other) = before.and_then(|before| transports.get_mut(before)) {
        other.moving().map(|agent| agent.forget(path));
    }
    let Some(agent) = transports[key].agent() else { return };
    whereabouts.paths.retain(|path, owner| *owner != key || agent.knows(*path));
}

pub(crate) fn by_username(whereabouts: &Whereabouts, username: &[u8]) -> Option<TransportKey> {
    let end = username.iter().position(|byte| *byte == b':')?;
    whereabouts.ufrags.get(&username[..end]).copied()
}

pub(crate) fn index_ufrags(whereabouts: &mut Whereabouts, transports: &mut Transports, key: TransportKey) {
    whereabouts.ufrags.retain(|_, owner| *owner != key);
    let Some(agent) = transports[key].agent() else { return };
    for ufrag in agent.local_ufrags() {
        whereabouts.ufrags.insert(ufrag.into(), key);
    }
}

/// Report whether a transport of this shard knows this path. If none does, the caller may close the TCP connection.
pub(crate) fn uses(whereabouts: &Whereabouts, transports: &Transports, path: Path) -> bool {
    let owner = whereabouts.paths.get(&path).and_then(|key| transports.get(*key));
    owner.and_then(Transport::ice).is_some_and(|agent| agent.knows(path))
}

/// Forget the paths of a TCP connection that ended.
pub(crate) fn tcp_closed(
    whereabouts: &mut Whereabouts,
    transports: &mut Transports,
    connection: u32,
    events: &mut Vec<Event>,
) {
    let ended: Vec<(Path, TransportKey)> = whereabouts
        .paths
        .iter()
        .filter(|(path, _)| matches!(path, Path::Tcp { connection: c, .. } if *c == connection))
        .map(|(path, key)| (*path, *key))
        .collect();
    for (path, key) in ended {
        whereabouts.paths.remove(&path);
        let transport = &mut transports[key];
        if transport.agent().is_some_and(|agent| agent.forget(path)) {
            let id = transport.id;
            events.push(Event::Ice { transport: id, state: IceState::Disconnected, path });
        }
    }
}

pub(crate) fn tick_consent<S: Sink>(
    whereabouts: &mut Whereabouts,
    transports: &mut Transports,
    key: TransportKey,
    turn: &mut Turn<S>,
) {
    let transport = &mut transports[key];
    let id = transport.id;
    let Some(agent) = transport.agent().filter(|agent| turn.now_us >= agent.deadline()) else { return };
    let before = agent.selected().or(agent.path());
    let Some(state) = agent.timeout(turn.now_us) else { return };
    if state == IceState::Failed {
        whereabouts.paths.retain(|_, owner| *owner != key);
    }
    let unknown = Path::Tcp { connection: 0, remote: ([0, 0, 0, 0], 0).into() };
    turn.events.push(Event::Ice { transport: id, state, path: before.unwrap_or(unknown) });
}

#[inline]
pub(crate) fn line_at(whereabouts: &Whereabouts, path: Path) -> Option<(TransportKey, Part)> {
    match path {
        Path::Udp { socket, .. } => *whereabouts.lines.get(usize::from(socket))?,
        Path::Tcp { .. } => None,
    }
}
