//! The commands for a line.

use std::net::SocketAddr;

use crate::seam::outbox::Sink;
use crate::shard::report::limits;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::types::Feedback;
use crate::wire::srtp::{Inbound, Outbound};

/// Set the remote address of a line. A line without keys is plain RTP from now on.
pub(crate) fn set_line_remote<S: Sink>(
    tables: &mut Tables,
    transport: u32,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    let transport = &mut tables.transports[key];
    let line = transport.line_mut()?;
    line.set_remote(rtp, rtcp, turn.now_us);
    if rtp.is_some() {
        transport.inbound.get_or_insert_with(Inbound::clear);
        transport.outbound.get_or_insert_with(Outbound::clear);
        transport.start_us = Some(turn.now_us);
        turn.wake_within(0);
    }
    Some(())
}

pub(crate) fn set_line_feedback(tables: &mut Tables, transport: u32, feedback: Feedback) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    tables.transports[key].line_mut()?.feedback = feedback;
    Some(())
}

pub(crate) fn set_bitrate_limit<S: Sink>(
    tables: &mut Tables,
    transport: u32,
    bitrate_bps: u64,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    tables.transports[key].line_mut()?.limit.set(bitrate_bps);
    limits::ask_limit(tables, key, turn);
    Some(())
}
