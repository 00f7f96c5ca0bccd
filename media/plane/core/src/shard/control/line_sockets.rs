//! The sockets that only one line uses.

use crate::keys::TransportKey;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::line::Line;
use crate::shard::tables::transport::{Transport, Way};
use crate::shard::turn::Turn;
use crate::shard::whereabouts::Whereabouts;

pub(crate) fn open_line<S: Sink>(
    whereabouts: &mut Whereabouts,
    tables: &mut Tables,
    (router, transport): (u32, u32),
    sockets: (u16, Option<u16>),
    (latch, silent_us): (bool, u64),
    cname: &str,
    turn: &mut Turn<S>,
) -> Option<()> {
    let line = Line::new(sockets, latch, silent_us, cname, turn.now_us);
    let router = tables.ids.routers.get(&router).copied();
    let (Some(router), false) = (router, tables.ids.transports.contains_key(&transport)) else {
        whereabouts.released.extend(line.sockets().map(|(socket, _)| socket));
        return None;
    };
    let ssrc = turn.random.draw() as u32 | 1;
    let sockets: Vec<_> = line.sockets().collect();
    let way = Way::Line(Box::new(line));
    let key = tables.transports.insert(Transport::new(transport, router, way, ssrc, turn.now_us));
    for (socket, part) in sockets {
        let place = usize::from(socket);
        whereabouts.lines.resize(whereabouts.lines.len().max(place + 1), None);
        whereabouts.lines[place] = Some((key, part));
    }
    tables.ids.transports.insert(transport, key);
    tables.routers[router].transports.push(key);
    turn.wake_within(silent_us);
    Some(())
}

/// Give the sockets back to their owner.
pub(crate) fn release_sockets(whereabouts: &mut Whereabouts, tables: &mut Tables, key: TransportKey) {
    let Some(line) = tables.transports[key].line() else { return };
    for (socket, _) in line.sockets() {
        whereabouts.lines[usize::from(socket)] = None;
        whereabouts.released.push(socket);
    }
}
