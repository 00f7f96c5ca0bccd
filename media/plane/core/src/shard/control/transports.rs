//! Opening of routers and mirrors, and the extensions and keys of a transport.

use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::message_stream::Messages;
use crate::shard::tables::router::Router;
use crate::shard::tables::transport::{Transport, Way};
use crate::shard::turn::Turn;
use crate::types::Extension;
use crate::wire::srtp::{Inbound, Outbound};
use crate::wire::srtp_profile::Profile;

/// Microseconds between the time when this side has the SRTP keys and the first media. The peer gets the keys with our last
/// handshake message, which is still on its way. Longer: the first picture is later. Shorter: the peer drops the first packets,
/// and the first picture is late.
const START_DELAY_US: u64 = 5_000;
/// The own SSRC of a mirror transport, which stands in for a transport of another packet thread. Chosen. It is a placeholder,
/// because a mirror sends no RTCP. Larger or smaller: no effect.
const SSRC_ELSEWHERE: u32 = 1;

pub(crate) fn open_router(tables: &mut Tables, router: u32) -> Option<()> {
    if tables.ids.routers.contains_key(&router) {
        return None;
    }
    let key = tables.routers.insert(Router::new(router));
    tables.ids.routers.insert(router, key);
    Some(())
}

pub(crate) fn set_extensions(tables: &mut Tables, transport: u32, extensions: &[(u8, Extension)]) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    let transport = &mut tables.transports[key];
    let before = transport.extensions;
    extensions.iter().for_each(|(id, extension)| transport.extensions.set(*id, *extension));
    if transport.extensions != before {
        // Packets sent before had other headers, and the SRTP tag covers the headers. So they cannot be sent again.
        transport.consumers.iter().for_each(|consumer| tables.consumers[*consumer].outgoing.forget());
    }
    Some(())
}

pub(crate) fn set_keys<S: Sink>(
    tables: &mut Tables,
    transport: u32,
    profile: Profile,
    receive: (&[u8], &[u8]),
    send: (&[u8], &[u8]),
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    let transport = &mut tables.transports[key];
    let mut inbound = Inbound::new(profile, receive.0, receive.1).ok()?;
    let mut outbound = Outbound::new(profile, send.0, send.1).ok()?;
    if transport.is_secured() {
        // RFC 3711 §3.3.1: with another key the rollover counters continue.
        transport.inbound.take().into_iter().for_each(|before| inbound.go_on_from(before));
        transport.outbound.iter().for_each(|before| outbound.go_on_from(before));
    } else {
        // Packets were sent in clear until now. The rollover counters begin here.
        transport.consumers.iter().for_each(|consumer| tables.consumers[*consumer].outgoing.begin_counting());
        transport.line_mut().and_then(|line| line.messages.as_mut()).into_iter().for_each(Messages::begin_counting);
    }
    transport.inbound = Some(inbound);
    transport.outbound = Some(outbound);
    transport.keyed_us.get_or_insert(turn.now_us);
    transport.start_us = Some(turn.now_us + START_DELAY_US);
    turn.wake_within(START_DELAY_US);
    Some(())
}

pub(crate) fn send_dtls<S: Sink>(
    tables: &mut Tables,
    transport: u32,
    datagram: &[u8],
    turn: &mut Turn<S>,
) -> Option<()> {
    let transport = tables.transport(transport)?;
    if let Some(path) = transport.agent()?.path() {
        turn.out.put(path, datagram);
        transport.count_sent(1, datagram.len() as u64);
    }
    Some(())
}

/// Open a part of a router. The router's first shard reports the active speakers; this shard only computes them.
pub(crate) fn open_part(tables: &mut Tables, router: u32) -> Option<()> {
    open_router(tables, router)?;
    let key = *tables.ids.routers.get(&router)?;
    tables.routers[key].is_part = true;
    Some(())
}

/// Open the mirror of a transport of the shard `from`. `line`: the transport is a line. The packets of a line give the time if
/// its far end sends no sender reports.
pub(crate) fn open_mirror(
    tables: &mut Tables,
    (router, transport): (u32, u32),
    (from, line): (u8, bool),
    now_us: u64,
) -> Option<()> {
    let router = *tables.ids.routers.get(&router)?;
    if tables.ids.transports.contains_key(&transport) {
        return None;
    }
    let opened = Transport::new(transport, router, Way::Mirror { from, line }, SSRC_ELSEWHERE, now_us);
    let key = tables.transports.insert(opened);
    tables.ids.transports.insert(transport, key);
    tables.routers[router].transports.push(key);
    Some(())
}
