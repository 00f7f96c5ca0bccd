//! Key frame requests: whether any viewer would see the key frame, and which request the publisher understands.

use crate::keys::{ConsumerKey, ProducerKey, TransportKey};
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::report::{mirror_out, rtcp_out};
use crate::shard::tables::Tables;
use crate::shard::tables::transport::{Transport, Way};
use crate::shard::turn::Turn;
use crate::ticks::BUSY_TICK_US;
use crate::wire::rtcp;

/// Microseconds between repeated key frame requests to a terminal; from the second on, the server also requests one by SIP. Its
/// encoder may take half a second. Longer: if a request is lost, viewers wait longer for the picture. Shorter: a terminal makes
/// more key frames than needed, and its picture loses quality.
const KEYFRAME_AGAIN_US: u64 = 1_000_000;

/// Send PLI, FIR or both to a line. If the far end understands neither, or has not answered for a second, the control side must
/// ask by signalling.
fn ask_line_for_keyframe<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    at: (ProducerKey, usize),
    turn: &mut Turn<S>,
) {
    let layer = &mut tables.producers[at.0].layers[at.1];
    layer.keyframe.repeat_after(KEYFRAME_AGAIN_US);
    let (media, serial, asks) = (layer.ssrc, layer.keyframe.serial, layer.keyframe.asks());
    let transport = &tables.transports[key];
    let Some(line) = transport.line() else { return };
    let (feedback, own) = (line.feedback, rtcp_out::own_ssrc(tables, key));
    if asks > 1 || !(feedback.pli || feedback.fir) {
        turn.events.push(Event::Keyframe { transport: transport.id });
    }
    let mut body = [0; 32];
    let mut len = 0;
    if feedback.pli {
        len += rtcp::write_pli(&mut body, own, media);
    }
    if feedback.fir {
        len += rtcp::write_fir(&mut body[len..], own, media, serial);
    }
    if len > 0 {
        rtcp_out::send_line_rtcp(tables, key, &body[..len], turn);
    }
}

/// Ask the publisher for a key frame, unless a request was sent a moment ago.
pub(crate) fn ask_keyframe<S: Sink>(tables: &mut Tables, producer: ProducerKey, layer: u8, turn: &mut Turn<S>) {
    let at = (producer, usize::from(layer));
    let Some(producer) = tables.producers.get_mut(at.0) else { return };
    let Some(layer) = producer.layers.get_mut(at.1) else { return };
    if !producer.video || layer.ssrc == 0 || !layer.keyframe.wish(turn.now_us) {
        return;
    }
    let transport = producer.transport;
    send_keyframe_request(tables, transport, at, turn);
    turn.wake_within(BUSY_TICK_US);
}

/// Report whether a key frame of this layer would arrive and be shown to a viewer. One request makes a key frame in every
/// layer.
pub(crate) fn would_be_seen(tables: &Tables, producer: ProducerKey, layer: u8) -> bool {
    let producer = &tables.producers[producer];
    // A viewer that is still connecting counts too.
    let is_there = |transport: &Transport| transport.outbound.is_none() || transport.is_reached();
    let looks = |key: &ConsumerKey| {
        let consumer = &tables.consumers[*key];
        consumer.looks_at(layer) && is_there(&tables.transports[consumer.transport])
    };
    let is_looked_at = || !producer.mirrors.is_empty() || producer.consumers().iter().any(looks);
    !producer.is_stopped(layer) && is_looked_at()
}

/// Send the request in the form that the publisher understands.
pub(crate) fn send_keyframe_request<S: Sink>(
    tables: &mut Tables,
    transport: TransportKey,
    at: (ProducerKey, usize),
    turn: &mut Turn<S>,
) {
    match tables.transports[transport].way {
        Way::Ice(_) => {}
        Way::Line(_) => return ask_line_for_keyframe(tables, transport, at, turn),
        Way::Mirror { from, .. } => return mirror_out::wish_of_mirror(from, (tables.producers[at.0].id, at.1), turn),
    }
    let ssrc = tables.producers[at.0].layers[at.1].ssrc;
    rtcp_out::send_pli(tables, transport, ssrc, turn);
}
