//! The queue: it stores packets for the next flush and for retransmissions.

use crate::codec::dependencies::Dependencies;
use crate::seam::outbox::Sink;
use crate::shard::downlink::send;
use crate::shard::report::mirror_out;
use crate::shard::tables::Tables;
use crate::shard::tables::transport::Source;
use crate::shard::turn::Turn;
use crate::stream::cache::Entry;
use crate::stream::reception::Reception;
use crate::stream::voice::Audience;

/// Restart a layer because its source has changed: numbers and clock start again.
pub(crate) fn restart_layer(tables: &mut Tables, source: Source) {
    let producer = &mut tables.producers[source.producer];
    let layer = &mut producer.layers[source.layer as usize];
    layer.clear_pending();
    layer.cache = None;
    layer.forget_keyframe();
    layer.reception = Reception::default();
    layer.heard.restart();
    layer.dependencies = Dependencies::default();
    layer.base = None;
    layer.stream.restart();
    layer.moved = 0;
    layer.sets = layer.sets.is_some().then(Default::default);
    for key in producer.consumers() {
        let consumer = &mut tables.consumers[*key];
        // Waiting packets are written from the cache, and the cache is gone.
        tables.transports[consumer.transport].pacer.forget(*key);
        if consumer.current == Some(source.layer) {
            consumer.forget_source();
        }
    }
}

/// Store a packet for the next flush and for retransmissions.
pub(crate) fn queue<S: Sink>(
    tables: &mut Tables,
    source: Source,
    entry: Entry,
    (payload, descriptor): (&[u8], &[u8]),
    turn: &mut Turn<S>,
) {
    let producer = &mut tables.producers[source.producer];
    if !producer.layers[source.layer as usize].has_room(payload.len() + descriptor.len()) {
        send::forward(tables, source.producer, source.layer, turn);
    }
    let producer = &mut tables.producers[source.producer];
    let (video, layer) = (producer.video, &mut producer.layers[source.layer as usize]);
    if layer.pending.is_empty() {
        turn.agenda.dirty.push((source.producer, source.layer));
    }
    layer.take(entry, payload, descriptor, video, turn.now_us);
    if !producer.mirrors.is_empty() && !producer.voice.is_unheard(Audience::Viewers) {
        mirror_out::show_mirrors(producer, source.layer, entry, payload, descriptor, turn);
    }
}
