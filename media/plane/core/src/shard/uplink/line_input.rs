//! Datagrams of a line: they are separated from datagrams of strangers, and the far end's silence is noticed.

use crate::keys::{ProducerKey, TransportKey};
use crate::path::Path;
use crate::seam::event::{Event, LineState};
use crate::seam::outbox::Sink;
use crate::shard::report::limits;
use crate::shard::tables::Tables;
use crate::shard::tables::line::{Line, Part};
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::shard::uplink::{messages, receive, rtcp_in};
use crate::wire::demux::{Class, classify};

pub(crate) fn receive_on_line<S: Sink>(
    tables: &mut Tables,
    (key, part): (TransportKey, Part),
    path: Path,
    datagram: &mut [u8],
    turn: &mut Turn<S>,
) {
    let transport = &tables.transports[key];
    let admitted = transport.line().is_some_and(|line| line.admits(part, path.remote(), transport.is_secured()));
    if !admitted {
        turn.totals.stranger_datagrams += 1;
        return;
    }
    match (classify(datagram), part) {
        (Class::Rtp, Part::Rtp) => receive_line_rtp(tables, key, path, datagram, turn),
        (Class::Rtcp, _) => {
            if rtcp_in::receive_rtcp(tables, key, datagram, turn) {
                hear(&mut tables.transports[key], part, path, false, turn);
            }
        }
        _ => turn.totals.malformed += 1,
    }
}

fn receive_line_rtp<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    path: Path,
    datagram: &mut [u8],
    turn: &mut Turn<S>,
) {
    let Some((header, len)) = receive::open_rtp(&mut tables.transports[key], datagram, turn) else { return };
    let transport = &tables.transports[key];
    let latched = transport.line().is_some_and(Line::is_latched);
    let messages = transport.line().and_then(|line| line.messages.as_ref());
    let message = messages.is_some_and(|messages| messages.takes(header.payload_type));
    let known = |producer: &ProducerKey| tables.producers[*producer].payload(header.payload_type).is_some();
    // Without SRTP only the payload type distinguishes the far end's first packet from noise.
    if !latched && !message && !transport.is_secured() && !transport.producers.iter().any(known) {
        turn.totals.malformed += 1;
        return;
    }
    hear(&mut tables.transports[key], Part::Rtp, path, true, turn);
    if message {
        return messages::take_message(&mut tables.transports[key], &header, &datagram[..len], turn);
    }
    receive::receive_clear(tables, key, &header, &datagram[..len], turn);
}

/// Note a valid packet: latch its address and mark the far end as alive. Plain RTCP does not latch the RTP port, because it
/// proves nothing there.
fn hear<S: Sink>(transport: &mut Transport, part: Part, path: Path, rtp: bool, turn: &mut Turn<S>) {
    let (id, secured) = (transport.id, transport.is_secured());
    let Some(line) = transport.line_mut() else { return };
    if rtp || part == Part::Rtcp || secured {
        line.latch(part, path);
    }
    if let Some(state) = line.hear(rtp, turn.now_us) {
        turn.events.push(Event::Line { transport: id, state });
    }
}

/// Check for silence, for key presses without an end, and for limits without confirmation.
pub(crate) fn tick_line<S: Sink>(tables: &mut Tables, key: TransportKey, report: bool, turn: &mut Turn<S>) {
    let transport = &mut tables.transports[key];
    let id = transport.id;
    let Some(line) = transport.line_mut() else { return };
    let press = line.presses.timeout(turn.now_us);
    if line.falls_silent(turn.now_us) {
        turn.events.push(Event::Line { transport: id, state: LineState::Silent });
    }
    if let Some(press) = press.filter(|_| line.news.take(turn.now_us)) {
        turn.events.push(Event::Dtmf { transport: id, digit: press.digit, duration_ms: press.duration_ms });
    }
    if report {
        limits::ask_limit(tables, key, turn);
    }
}
