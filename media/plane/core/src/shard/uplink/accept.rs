//! The acceptance of a media packet: the packet is counted, described and queued.

use crate::codec::keyframe::starts_keyframe;
use crate::codec::selection::{Place, Rise};
use crate::codec::{dependencies, vp8, vp9};
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::serial::is_before;
use crate::shard::downlink::target;
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::tables::producer::{Layer, Producer};
use crate::shard::tables::transport::Source;
use crate::shard::turn::Turn;
use crate::shard::uplink::{line_sources, queue, voices};
use crate::stream::cache::{ABSENT, Entry};
use crate::stream::incoming::Incoming;
use crate::stream::reception::Arrival;
use crate::ticks::GAP_TICK_US;
use crate::types::Codec;

pub(crate) fn accept<S: Sink>(tables: &mut Tables, source: Source, incoming: &Incoming, turn: &mut Turn<S>) {
    let producer = &mut tables.producers[source.producer];
    let (video, on_line) = (producer.video, producer.on_line);
    let metered = !video && !producer.paused;
    if let Some(byte) = metered.then(|| producer.loudness_of(incoming)).flatten() {
        voices::note_loudness(tables, source.producer, byte, turn);
    }
    let Some(mut entry) = entry(incoming) else {
        turn.totals.malformed += 1;
        return;
    };
    if on_line && line_sources::is_strange(tables, source, incoming.sequence, turn.now_us) {
        return;
    }
    let Some(arrived) = count(&mut tables.producers[source.producer], source, incoming, turn.now_us) else { return };
    let layer = tables.layer(source);
    if video && !incoming.marks.descriptor.is_empty() {
        read_descriptor(layer, incoming.marks.descriptor, &mut entry);
    }
    if layer.sets.is_some() {
        entry.sequence = line_sources::number_on_line(tables, source, incoming, arrived.arrival, turn);
    }
    let layer = tables.layer(source);
    if arrived.arrival == Arrival::Late && !is_useful(layer, entry.sequence) {
        return;
    }
    layer.note_packet(&entry, incoming.payload, arrived.arrival, turn.now_us);
    if arrived.is_first {
        let id = tables.producers[source.producer].id;
        turn.events.push(Event::Layer { producer: id, layer: source.layer });
    }
    if arrived.wakes && video {
        target::retarget(tables, source.producer, turn);
    }
    let layer = tables.layer(source);
    if entry.keyframe {
        // This comes after `retarget`: the key frame also answers the wish that this packet caused.
        layer.note_keyframe(entry.sequence, entry.timestamp, turn.now_us);
        layer.reception.give_up_before(incoming.sequence);
    }
    if layer.reception.is_missing_any() {
        turn.wake_within(GAP_TICK_US);
    }
    let heard = layer.heard;
    let producer = &tables.producers[source.producer];
    turn.totals.unheard_packets += u64::from(producer.is_unheard());
    if producer.is_wanted() {
        let cut = if incoming.codec == Codec::Red { heard.cut(incoming.payload, incoming.timestamp) } else { None };
        let payload = cut.as_deref().unwrap_or(incoming.payload);
        queue::queue(tables, source, entry, (payload, incoming.marks.descriptor), turn);
    }
    if arrived.arrival == Arrival::Jump && video && keyframes::would_be_seen(tables, source.producer, source.layer) {
        keyframes::ask_keyframe(tables, source.producer, source.layer, turn);
    }
}

/// The result of counting a packet in its layer.
struct Arrived {
    arrival: Arrival,
    /// The packet is the first of the layer.
    is_first: bool,
    /// The layer was silent before this packet.
    wakes: bool,
}

/// Count a packet in its layer. Return None for audio that belongs to a pause of the producer: such a packet is left out.
fn count(producer: &mut Producer, source: Source, incoming: &Incoming, now_us: u64) -> Option<Arrived> {
    let clock_hz = producer.payload(incoming.payload_type).map_or(90_000, |p| p.clock_hz);
    let video = producer.video;
    let layer = &mut producer.layers[usize::from(source.layer)];
    let is_first = !layer.reception.started();
    if is_first {
        layer.reception.start(clock_hz);
        layer.clock_hz = clock_hz;
    }
    let wakes = is_first || !layer.is_active(now_us);
    let arrival = match incoming.repaired {
        false => layer.reception.count(incoming.sequence, incoming.timestamp, now_us),
        true => {
            layer.reception.recover(incoming.sequence);
            Arrival::Late
        }
    };
    let is_heard = video || layer.heard.admits(incoming.sequence, incoming.timestamp, arrival);
    is_heard.then_some(Arrived { arrival, is_first, wakes })
}

/// Report whether a late packet is missing in the cache and does not push out a newer packet.
pub(crate) fn is_useful(layer: &Layer, sequence: u16) -> bool {
    layer.cache.as_ref().is_some_and(|cache| {
        let oldest = layer.newest().wrapping_sub(cache.safe_packets() as u16);
        !cache.contains(sequence) && !is_before(sequence, oldest)
    })
}

fn entry(incoming: &Incoming) -> Option<Entry> {
    let mut entry = Entry {
        sequence: incoming.sequence,
        timestamp: incoming.timestamp,
        payload_type: incoming.payload_type,
        codec: Some(incoming.codec),
        marker: incoming.marker,
        audio_level: incoming.marks.audio_level.unwrap_or(ABSENT),
        orientation: incoming.marks.orientation.unwrap_or(ABSENT),
        ..Entry::default()
    };
    if incoming.payload.is_empty() {
        return Some(entry);
    }
    match incoming.codec {
        Codec::Vp8 => {
            let descriptor = vp8::parse(incoming.payload).ok()?;
            entry.keyframe = descriptor.keyframe;
            entry.numbers = descriptor.numbers;
            entry.place = descriptor.place();
        }
        Codec::Vp9 => {
            let descriptor = vp9::parse(incoming.payload).ok()?;
            entry.keyframe = descriptor.keyframe;
            entry.numbers = descriptor.numbers;
            entry.place = descriptor.place;
        }
        codec => {
            let dd = incoming.marks.descriptor;
            entry.keyframe = starts_keyframe(codec, incoming.payload, (!dd.is_empty()).then_some(dd));
        }
    }
    Some(entry)
}

/// Read the dependency descriptor. VP9 has all needed information in its payload. VP8 has it too, but libwebrtc omits it there
/// if it sends a descriptor. For other codecs the descriptor has the information.
fn read_descriptor(layer: &mut Layer, descriptor: &[u8], entry: &mut Entry) {
    entry.frame = dependencies::frame_number(descriptor).unwrap_or(0);
    if entry.codec == Some(Codec::Vp9) {
        return;
    }
    let at = layer.reception.extended(entry.sequence);
    let Ok(frame) = layer.dependencies.read(descriptor, at) else { return };
    match entry.codec {
        Some(Codec::Av1) => {
            entry.place = Some(frame.place);
            entry.keyframe = frame.place.fresh && frame.place.starts_frame;
        }
        Some(Codec::Vp8) if entry.place.is_none() => entry.place = Some(vp8_place(layer, &frame)),
        Some(Codec::H264 | Codec::H265) => entry.place = Some(frame.place),
        _ => {}
    }
}

/// Return the place of a VP8 frame. For encoders without a description, libwebrtc allows a step up after any base picture. This
/// is wrong. A step up is possible at a picture that needs only the base picture. The payload's Y bit meant this. For H.264
/// libwebrtc allows the same step, and there it is right.
fn vp8_place(layer: &mut Layer, frame: &dependencies::Frame) -> Place {
    if frame.place.temporal == 0 {
        // Frame numbers continue while the layer is off.
        let newer = layer.base.filter(|base| !frame.place.fresh && is_before(frame.number, *base));
        layer.base = newer.or(Some(frame.number));
    }
    let needs_base_alone = frame.place.temporal > 0 && frame.references().all(|number| Some(number) == layer.base);
    Place { rise: if needs_base_alone { Rise::Here } else { Rise::No }, ..frame.place }
}
