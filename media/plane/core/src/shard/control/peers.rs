//! Opening and closing of transports, and the credentials of their ICE agents.

use crate::ice::agent::Agent;
use crate::ice::questions::Cause;
use crate::path::Path;
use crate::seam::outbox::Sink;
use crate::shard::control::{consumers, line_sockets, producers};
use crate::shard::tables::Tables;
use crate::shard::tables::transport::{Transport, Way};
use crate::shard::turn::Turn;
use crate::shard::whereabouts::claims::Claims;
use crate::shard::whereabouts::{Whereabouts, addresses, path_probe};

pub(crate) fn close_router<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    router: u32,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = tables.ids.routers.remove(&router)?;
    for transport in tables.routers[key].transports.clone() {
        let id = tables.transports[transport].id;
        close_transport(whereabouts, tables, id, turn);
    }
    tables.routers.remove(key);
    Some(())
}

pub(crate) fn open_transport<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    router: u32,
    transport: u32,
    ufrag: &str,
    pwd: &str,
    turn: &mut Turn<S>,
) -> Option<()> {
    let router = *tables.ids.routers.get(&router)?;
    if tables.ids.transports.contains_key(&transport) || whereabouts.ufrags.contains_key(ufrag.as_bytes()) {
        return None;
    }
    let ssrc = turn.random.draw() as u32 | 1;
    let way = Way::Ice(Agent::new(ufrag, pwd, turn.now_us));
    let tried = whereabouts.suspects.turn();
    let key =
        tables.transports.insert(Transport { tried, ..Transport::new(transport, router, way, ssrc, turn.now_us) });
    tables.ids.transports.insert(transport, key);
    tables.routers[router].transports.push(key);
    addresses::index_ufrags(whereabouts, &mut tables.transports, key);
    turn.wake_within(1_000_000);
    Some(())
}

pub(crate) fn restart_ice<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    transport: u32,
    ufrag: &str,
    pwd: &str,
    turn: &mut Turn<S>,
) -> Option<()> {
    tables.transport(transport)?.moving()?.restart(ufrag, pwd, turn.now_us);
    let key = tables.ids.transports[&transport];
    addresses::index_ufrags(whereabouts, &mut tables.transports, key);
    turn.wake_within(1_000_000);
    Some(())
}

/// Set the peer's credentials. The peer may have checked paths before its session description arrived here. These paths are
/// asked now.
pub(crate) fn set_remote_credentials<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    transport: u32,
    ufrag: &str,
    pwd: &str,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    let agent = tables.transports[key].agent()?;
    agent.set_remote(ufrag, pwd);
    let checked: Vec<Path> = if agent.awaits_nomination() { agent.paths().collect() } else { Vec::new() };
    for path in checked {
        path_probe::ask_there(whereabouts, &mut tables.transports, (key, path), Cause::Check, 0, turn);
    }
    Some(())
}

pub(crate) fn close_transport<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    transport: u32,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = tables.ids.transports.remove(&transport)?;
    for consumer in tables.transports[key].consumers.clone() {
        consumers::close_consumer(tables, consumer, turn);
    }
    for producer in tables.transports[key].producers.clone() {
        producers::close_producer(tables, producer, turn);
    }
    whereabouts.ufrags.retain(|_, owner| *owner != key);
    whereabouts.paths.retain(|_, owner| *owner != key);
    Claims::release(tables.transports[key].ice().and_then(Agent::selected), turn.parcels);
    line_sockets::release_sockets(whereabouts, tables, key);
    turn.agenda.paced.retain(|paced| *paced != key);
    turn.agenda.limited.retain(|limited| *limited != key);
    let router = tables.transports.remove(key).router;
    tables.routers[router].transports.retain(|t| *t != key);
    Some(())
}
