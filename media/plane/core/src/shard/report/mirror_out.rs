//! The data that a publisher's shard sends to the shards that mirror its producers. See `uplink::mirror_in`.

use crate::keys::ProducerKey;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::mirror_feed::Mirror;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::shard::turn::parcel::{Media, Slip, Upward};
use crate::stream::cache::Entry;

/// Start or stop the mirror of a producer on the shard `to`.
pub(crate) fn set_mirrored<S: Sink>(
    tables: &mut Tables,
    producer: u32,
    to: u8,
    on: bool,
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.producers.get(&producer)?;
    let producer = &mut tables.producers[key];
    if !on {
        producer.mirrors.retain(|mirror| mirror.shard != to);
    } else if producer.mirrors.iter().all(|mirror| mirror.shard != to) {
        producer.feed = producer.feed.wrapping_add(1);
        let mirror = Mirror { shard: to, feed: producer.feed };
        producer.mirrors.push(mirror);
        for layer in 0..tables.producers[key].layers.len() {
            tell_mirrors(tables, key, layer as u8, turn);
            replay(&tables.producers[key], layer, mirror, turn);
        }
    }
    Some(())
}

/// Send a new mirror the cached packets that a viewer would be started with, since the mirror has no cache yet. These include
/// the packets that still wait to be forwarded here. Only packets from now on are handed over separately.
fn replay<S: Sink>(producer: &Producer, at: usize, to: Mirror, turn: &mut Turn<S>) {
    let layer = &producer.layers[at];
    let (Some((entries, _)), Some(cache)) = (layer.since_keyframe(turn.now_us), &layer.cache) else { return };
    // A picture with missing packets is useless. Without a replay, the mirror asks for a key frame.
    if !turn.parcels.has_room_beside(to.shard, entries.clone()) {
        return;
    }
    for entry in entries {
        let (payload, descriptor) = (cache.payload(entry), cache.descriptor(entry));
        let media = media(producer, at as u8, to, (entry, payload, descriptor));
        turn.parcels.put_media(to.shard, media, payload, descriptor, turn.totals);
    }
}

/// Send a packet that was just queued to the mirrors.
pub(crate) fn show_mirrors<S: Sink>(
    producer: &Producer,
    layer: u8,
    entry: Entry,
    payload: &[u8],
    descriptor: &[u8],
    turn: &mut Turn<S>,
) {
    for to in &producer.mirrors {
        let media = media(producer, layer, *to, (&entry, payload, descriptor));
        turn.parcels.put_media(to.shard, media, payload, descriptor, turn.totals);
    }
}

pub(crate) fn tell_mirrors<S: Sink>(tables: &Tables, key: ProducerKey, at: u8, turn: &mut Turn<S>) {
    let producer = &tables.producers[key];
    let layer = &producer.layers[usize::from(at)];
    let Transport { clock_offset_us: offset_us, rtt_us, .. } = tables.transports[producer.transport];
    let (clock, losses) = (layer.clock(), layer.reception.losses);
    for to in &producer.mirrors {
        let (producer, stream) = (producer.id, to.stream(layer.stream));
        let upward = Upward { producer, layer: at, stream, clock, offset_us, losses, rtt_us };
        turn.parcels.put(to.shard, Slip::Upward(upward));
    }
}

/// Send the key frame wish of a mirror's viewers to the publisher's shard.
pub(crate) fn wish_of_mirror<S: Sink>(from: u8, (producer, layer): (u32, usize), turn: &mut Turn<S>) {
    let slip = Slip::Wish { producer, layer: layer as u8 };
    turn.parcels.put(from, slip);
}

fn media(producer: &Producer, at: u8, to: Mirror, (entry, payload, descriptor): (&Entry, &[u8], &[u8])) -> Media {
    let layer = &producer.layers[usize::from(at)];
    Media {
        producer: producer.id,
        layer: at,
        stream: to.stream(layer.stream),
        clock_hz: layer.clock_hz,
        entry: *entry,
        payload: payload.len(),
        descriptor: descriptor.len(),
    }
}
