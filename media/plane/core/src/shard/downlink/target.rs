//! The choice of the layer that each consumer gets.

use crate::keys::{ConsumerKey, ProducerKey};
use crate::seam::outbox::Sink;
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::tables::producer::Layer;
use crate::shard::turn::Turn;

pub(crate) fn choose_target(tables: &mut Tables, consumer: ConsumerKey, now_us: u64) {
    let consumer = &mut tables.consumers[consumer];
    let producer = &tables.producers[consumer.producer];
    consumer.aim(producer.choose_layer(consumer.top_layer(), now_us), producer.spatial_top());
}

/// Choose layers again for all video: leave silent layers, and take layers that have started. Ask for a key frame where a
/// consumer cannot step up inside the only stream.
pub(crate) fn tick_layers<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    for at in tables.producers.places() {
        let Some(producer) = tables.producers.get(at).filter(|producer| producer.video) else { continue };
        let is_stuck = |key: &ConsumerKey| tables.consumers[*key].is_stuck();
        if producer.spatial_top() != Some(0) || producer.consumers().iter().any(is_stuck) {
            retarget(tables, at, turn);
        }
    }
}

/// Choose each consumer's layer again and ask for the key frames that the changes need.
pub(crate) fn retarget<S: Sink>(tables: &mut Tables, producer: ProducerKey, turn: &mut Turn<S>) {
    let mut wanted = 0u8;
    let chooser = &tables.producers[producer];
    let spatial_top = chooser.spatial_top();
    for key in chooser.consumers() {
        let consumer = &mut tables.consumers[*key];
        consumer.aim(chooser.choose_layer(consumer.top_layer(), turn.now_us), spatial_top);
        if tables.transports[consumer.transport].is_reached() && consumer.wants_keyframe() {
            wanted |= 1 << consumer.target;
        }
    }
    for layer in 0..8u8 {
        if wanted & 1 << layer != 0 {
            keyframes::ask_keyframe(tables, producer, layer, turn);
        }
    }
}

/// Ask for the key frame that a new consumer needs, though its transport may still be connecting. The key frame is then in the
/// cache when the transport is ready.
pub(crate) fn ask_ahead<S: Sink>(tables: &mut Tables, key: ConsumerKey, turn: &mut Turn<S>) {
    let consumer = &tables.consumers[key];
    let (producer, target) = (consumer.producer, consumer.target);
    let cached = |layer: &Layer| layer.recent(turn.now_us).is_some();
    let is_cached = tables.producers[producer].layers.get(usize::from(target)).is_some_and(cached);
    let transport = &tables.transports[consumer.transport];
    let is_new = transport.outbound.is_none() && !is_cached;
    if consumer.wants_keyframe() && (transport.is_reached() || is_new) {
        keyframes::ask_keyframe(tables, producer, target, turn);
    }
}
