//! Opening, changing and closing of consumers.

use crate::keys::ConsumerKey;
use crate::seam::command::Command;
use crate::seam::outbox::Sink;
use crate::shard::downlink::{allocate, early_padding, send, target};
use crate::shard::report::rtcp_out;
use crate::shard::tables::Tables;
use crate::shard::tables::consumer::{Consumer, Opening};
use crate::shard::turn::Turn;
use crate::shard::uplink::voices;
use crate::types::PayloadMap;

pub(crate) fn open_consumer<S: Sink>(tables: &mut Tables, command: Command, turn: &mut Turn<S>) -> Option<()> {
    let Command::OpenConsumer {
        transport,
        consumer,
        producer,
        mid,
        ssrc,
        rtx_ssrc,
        payloads,
        strip_red,
        red_blocks,
        paused,
        single_nal,
    } = command
    else {
        return None;
    };
    let (transport, producer) = (*tables.ids.transports.get(&transport)?, *tables.ids.producers.get(&producer)?);
    let same_router = tables.transports[transport].router == tables.producers[producer].router;
    let outgoing = &tables.transports[transport].outgoing;
    // Two streams with one SSRC and one key would use the same SRTP key stream.
    let in_use = outgoing.contains_key(&ssrc) || outgoing.contains_key(&rtx_ssrc) || ssrc == rtx_ssrc;
    if !same_router || in_use || tables.ids.consumers.contains_key(&consumer) {
        return None;
    }
    let random = turn.random.draw();
    let video = tables.producers[producer].video;
    let clock_hz = tables.producers[producer].payloads.first().map_or(90_000, |p| p.clock_hz);
    let opening = Opening {
        id: consumer,
        transport,
        producer,
        video,
        mid,
        ssrc,
        rtx_ssrc,
        payloads,
        strip_red,
        red_blocks,
        paused,
        single_nal,
    };
    let mut opened = Consumer::new(opening, (random as u16, (random >> 16) as u16));
    opened.clock_hz = clock_hz;
    let key = tables.consumers.insert(opened);
    tables.ids.consumers.insert(consumer, key);
    let transport = &mut tables.transports[transport];
    tables.producers[producer].attach(key, transport.line().is_some());
    transport.consumers.push(key);
    transport.outgoing.insert(ssrc, key);
    if rtx_ssrc != 0 {
        transport.outgoing.insert(rtx_ssrc, key);
    }
    allocate::begin_low(tables, key, turn);
    target::choose_target(tables, key, turn.now_us);
    send::start_from_cache(tables, key, turn);
    early_padding::pad_until_keyframe(tables, key, turn);
    target::ask_ahead(tables, key, turn);
    Some(())
}

pub(crate) fn close_consumer<S: Sink>(tables: &mut Tables, key: ConsumerKey, turn: &mut Turn<S>) -> Option<()> {
    let consumer = tables.consumers.remove(key);
    tables.ids.consumers.remove(&consumer.id);
    if consumer.packets > 0 {
        rtcp_out::send_bye(tables, consumer.transport, consumer.ssrc, turn);
    }
    tables.producers[consumer.producer].detach(key);
    voices::feeds_changed(tables, consumer.producer, turn);
    let transport = &mut tables.transports[consumer.transport];
    transport.pacer.forget(key);
    transport.consumers.retain(|c| *c != key);
    transport.outgoing.retain(|_, owner| *owner != key);
    Some(())
}

pub(crate) fn pause_consumer<S: Sink>(
    tables: &mut Tables,
    consumer: u32,
    paused: bool,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.consumers.get(&consumer)?;
    let consumer = &mut tables.consumers[key];
    if consumer.paused == paused {
        return Some(());
    }
    consumer.paused = paused;
    consumer.stop();
    let producer = consumer.producer;
    voices::feeds_changed(tables, producer, turn);
    allocate::begin_low(tables, key, turn);
    target::choose_target(tables, key, turn.now_us);
    send::start_from_cache(tables, key, turn);
    early_padding::pad_until_keyframe(tables, key, turn);
    target::retarget(tables, producer, turn);
    Some(())
}

pub(crate) fn set_layers<S: Sink>(
    tables: &mut Tables,
    consumer: u32,
    layer: u8,
    temporal: u8,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.consumers.get(&consumer)?;
    let consumer = &mut tables.consumers[key];
    consumer.wanted_layer = layer;
    consumer.wanted_temporal = temporal;
    let (producer, transport) = (consumer.producer, consumer.transport);
    allocate::allocate_soon(&mut tables.transports[transport], turn);
    target::retarget(tables, producer, turn);
    Some(())
}

pub(crate) fn set_priority<S: Sink>(
    tables: &mut Tables,
    consumer: u32,
    priority: u8,
    keeps: bool,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.consumers.get(&consumer)?;
    let consumer = &mut tables.consumers[key];
    (consumer.priority, consumer.keeps) = (priority, keeps);
    let transport = consumer.transport;
    allocate::allocate_soon(&mut tables.transports[transport], turn);
    Some(())
}

/// Switch a consumer to another source under the same SSRC. Numbers and timestamps continue. Video waits for a key frame.
pub(crate) fn switch_source<S: Sink>(
    tables: &mut Tables,
    consumer: u32,
    producer: u32,
    payloads: Vec<PayloadMap>,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.consumers.get(&consumer)?;
    let to = *tables.ids.producers.get(&producer)?;
    let (from, transport) = (tables.consumers[key].producer, tables.consumers[key].transport);
    let source = &tables.producers[to];
    if source.router != tables.transports[transport].router || source.video != tables.consumers[key].video {
        return None;
    }
    let clock_hz = source.payloads.first().map_or(90_000, |p| p.clock_hz);
    if from != to {
        tables.producers[from].detach(key);
        tables.producers[to].attach(key, tables.transports[transport].line().is_some());
        voices::feeds_changed(tables, from, turn);
    }
    tables.transports[transport].pacer.forget(key);
    let consumer = &mut tables.consumers[key];
    consumer.change_source(to, payloads, clock_hz);
    target::choose_target(tables, key, turn.now_us);
    send::start_from_cache(tables, key, turn);
    target::ask_ahead(tables, key, turn);
    Some(())
}
