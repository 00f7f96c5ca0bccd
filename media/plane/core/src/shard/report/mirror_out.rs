//! What the shard of a publisher hands to the shards that mirror its producers. See `uplink::mirror_in`.

use crate::keys::ProducerKey;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::mirror_feed::Mirror;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::shard::turn::parcel::{Media, Slip, Upward};
use crate::stream::cache::Entry;

/// The shard `to` mirrors a producer of ours, or no longer looks.
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

/// What a viewer would be started with lies in our cache; the mirror has none yet. What still waits to be forwarded here is
/// among it: only what comes from now on is shown.
fn replay<S: Sink>(producer: &Producer, at: usize, to: Mirror, turn: &mut Turn<S>) {
    let layer = &producer.layers[at];
    let (Some((entries, _)), Some(cache)) = (layer.since_keyframe(turn.now_us), &layer.cache) else { return };
    // With a hole in it a picture is of no use: then a key frame is wished for.
    if !turn.parcels.has_room_beside(to.shard, entries.clone()) {
        return;
    }
    for entry in entries {
        let (payload, descriptor) = (cache.payload(entry), cache.descriptor(entry));
        let media = media(producer, at as u8, to, (entry, payload, descriptor));
        turn.parcels.put_media(to.shard, media, payload, descriptor, turn.totals);
    }
}

/// A packet that was just queued here goes to those who mirror it too.
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

/// A mirror's viewers need a key frame.
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
