//! Opening, changing and closing of producers, with everything that depends on them.

use crate::keys::ProducerKey;
use crate::seam::outbox::Sink;
use crate::shard::control::consumers;
use crate::shard::downlink::{early_padding, target};
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::transport::Source;
use crate::shard::turn::Turn;
use crate::shard::uplink::voices;
use crate::stream::pause_gate::Heard;
use crate::types::{Codec, Encoding, Payload};

pub(crate) fn open_producer(
    tables: &mut Tables,
    (transport, producer): (u32, u32),
    video: bool,
    mid: String,
    encodings: Vec<Encoding>,
    payloads: Vec<Payload>,
) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    if tables.ids.producers.contains_key(&producer) || encodings.is_empty() {
        return None;
    }
    let router = tables.transports[key].router;
    let has_h264 = video && payloads.iter().any(|payload| payload.codec == Codec::H264);
    let opened = Producer::new((producer, key, router), video, mid, encodings, payloads);
    let place = tables.producers.insert(opened);
    let transport = &mut tables.transports[key];
    if transport.line().is_some() {
        let producer = &mut tables.producers[place];
        producer.on_line = true;
        for layer in producer.layers.iter_mut().filter(|_| has_h264) {
            layer.sets = Some(Default::default());
        }
    }
    if transport.is_mirror() {
        tables.producers[place].layers.iter_mut().for_each(|layer| layer.ssrc = layer.ssrc.max(1));
    }
    for (index, layer) in tables.producers[place].layers.iter().enumerate() {
        for (ssrc, rtx) in [(layer.ssrc, false), (layer.rtx_ssrc, true)] {
            if ssrc != 0 {
                transport.sources.insert(ssrc, Source { producer: place, layer: index as u8, rtx });
            }
        }
    }
    transport.producers.push(place);
    tables.ids.producers.insert(producer, place);
    Some(())
}

pub(crate) fn close_producer<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) -> Option<()> {
    for consumer in tables.producers[key].consumers().to_vec() {
        consumers::close_consumer(tables, consumer, turn);
    }
    voices::withdraw_voice(tables, key, turn);
    let producer = tables.producers.remove(key);
    tables.ids.producers.remove(&producer.id);
    turn.agenda.dirty.retain(|(dirty, _)| *dirty != key);
    let transport = &mut tables.transports[producer.transport];
    transport.producers.retain(|p| *p != key);
    transport.sources.retain(|_, source| source.producer != key);
    Some(())
}

pub(crate) fn pause_producer<S: Sink>(
    tables: &mut Tables,
    producer: u32,
    paused: bool,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.producers.get(&producer)?;
    let producer = &mut tables.producers[key];
    if producer.paused == paused {
        return Some(());
    }
    producer.paused = paused;
    for layer in &mut producer.layers {
        layer.clear_pending();
        // A viewer that joins later must not see the pictures of the pause.
        layer.forget_keyframe();
        layer.heard = if paused { Heard::Always } else { Heard::FromNext };
    }
    turn.agenda.dirty.retain(|(dirty, _)| *dirty != key);
    for consumer in tables.producers[key].consumers() {
        tables.consumers[*consumer].stop();
    }
    if paused {
        voices::withdraw_voice(tables, key, turn);
    } else {
        target::retarget(tables, key, turn);
        for consumer in tables.producers[key].consumers().to_vec() {
            early_padding::pad_until_keyframe(tables, consumer, turn);
        }
    }
    Some(())
}

pub(crate) fn request_keyframe<S: Sink>(
    tables: &mut Tables,
    producer: u32,
    layer: Option<u8>,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.producers.get(&producer)?;
    match layer {
        Some(layer) => keyframes::ask_keyframe(tables, key, layer, turn),
        None => {
            for layer in 0..tables.producers[key].layers.len() {
                if tables.producers[key].layers[layer].is_active(turn.now_us) {
                    keyframes::ask_keyframe(tables, key, layer as u8, turn);
                }
            }
        }
    }
    Some(())
}
