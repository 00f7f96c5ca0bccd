//! The mirrors of a conference on several shards. Each publisher lives on one shard. On another shard with viewers of its
//! tracks, a mirror represents the publisher. A mirror is a transport without a path. Its producers get decrypted packets in
//! parcels (`handover`). So each packet is decrypted and parsed once, cached once on each shard, and encrypted on the shard of
//! the viewers. Key frame wishes go back to the publisher's shard. Only the publisher's shard sends NACKs. A voice that its own
//! shard leaves out is not handed on. Other voices compete on each shard with that shard's voices (`uplink::voices`).

use crate::seam::outbox::Sink;
use crate::shard::downlink::{send, target};
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::tables::mirror_feed::MirrorStream;
use crate::shard::tables::transport::Source;
use crate::shard::turn::Turn;
use crate::shard::turn::parcel::{Media, Upward};
use crate::shard::uplink::accept::is_useful;
use crate::shard::uplink::{queue, voices};
use crate::stream::cache::ABSENT;
use crate::stream::reception::Arrival;
use crate::ticks::BUSY_TICK_US;

/// Return this shard's source for a producer of the seam. None if the producer has closed.
fn mirrored(tables: &Tables, producer: u32, layer: u8) -> Option<Source> {
    let key = *tables.ids.producers.get(&producer)?;
    let is_there = usize::from(layer) < tables.producers[key].layers.len();
    is_there.then_some(Source { producer: key, layer, rtx: false })
}

/// Return the source as `mirrored` does. Restart the layer if the packet is of another stream.
fn fed(tables: &mut Tables, producer: u32, layer: u8, stream: MirrorStream) -> Option<Source> {
    let source = mirrored(tables, producer, layer)?;
    if tables.layer(source).stream != stream {
        queue::restart_layer(tables, source);
        tables.layer(source).stream = stream;
    }
    Some(source)
}

pub(crate) fn accept_media<S: Sink>(
    tables: &mut Tables,
    media: Media,
    (payload, descriptor): (&[u8], &[u8]),
    turn: &mut Turn<S>,
) {
    let Some(source) = fed(tables, media.producer, media.layer, media.stream) else { return };
    let Media { entry, clock_hz, .. } = media;
    turn.wake_within(BUSY_TICK_US);
    let producer = &mut tables.producers[source.producer];
    let (video, paused) = (producer.video, producer.paused);
    if entry.audio_level != ABSENT && !paused && !video {
        producer.level.note(entry.audio_level);
        voices::note_loudness(tables, source.producer, entry.audio_level, turn);
    }
    let producer = &mut tables.producers[source.producer];
    let layer = &mut producer.layers[usize::from(source.layer)];
    let first = !layer.reception.started();
    if first {
        layer.reception.start(clock_hz);
        layer.clock_hz = clock_hz;
    }
    let woke = first || !layer.is_active(turn.now_us);
    let arrival = layer.reception.count(entry.sequence, entry.timestamp, turn.now_us);
    // The publisher's shard has already sent NACKs for missing packets.
    layer.reception.give_up();
    if arrival == Arrival::Late && !is_useful(layer, entry.sequence) {
        return;
    }
    layer.note_packet(&entry, payload, arrival, turn.now_us);
    if entry.keyframe {
        layer.note_keyframe(entry.sequence, entry.timestamp, turn.now_us);
    }
    if !tables.producers[source.producer].is_wanted() {
        return;
    }
    if !woke || !video {
        return queue::queue(tables, source, entry, (payload, descriptor), turn);
    }
    for consumer in tables.producers[source.producer].consumers().to_vec() {
        target::choose_target(tables, consumer, turn.now_us);
    }
    queue::queue(tables, source, entry, (payload, descriptor), turn);
    // A consumer that this packet starts needs no key frame, and a wish sent to another shard cannot be taken back. So the
    // packet is forwarded first.
    send::forward(tables, source.producer, source.layer, turn);
    target::retarget(tables, source.producer, turn);
}

pub(crate) fn accept_upward(tables: &mut Tables, told: Upward) {
    let Some(source) = fed(tables, told.producer, told.layer, told.stream) else { return };
    let producer = &mut tables.producers[source.producer];
    let reception = &mut producer.layers[usize::from(source.layer)].reception;
    (reception.clock, reception.losses) = (told.clock, told.losses);
    let mirror = &mut tables.transports[producer.transport];
    (mirror.clock_offset_us, mirror.rtt_us) = (told.offset_us, told.rtt_us);
}

pub(crate) fn accept_wish<S: Sink>(tables: &mut Tables, producer: u32, layer: u8, turn: &mut Turn<S>) {
    if let Some(source) = mirrored(tables, producer, layer) {
        keyframes::ask_keyframe(tables, source.producer, source.layer, turn);
    }
}
