//! Media coming in: opened, told apart by SSRC (or MID and RID), counted, cached, queued for its consumers.

use std::ops::Range;

use crate::codec::dependencies::{self, Dependencies};
use crate::codec::keyframe::starts_keyframe;
use crate::codec::selection::{Place, Rise};
use crate::codec::{vp8, vp9};
use crate::seam::event::Event;
use crate::seam::outbox::{Outbox, Sink};
use crate::serial::is_before;
use crate::shard::Shard;
use crate::shard::tables::producer::{Layer, Producer};
use crate::shard::tables::transport::{Source, Transport};
use crate::stream::arrivals::FEEDBACK_US;
use crate::stream::cache::{ABSENT, Entry, PAYLOAD_BYTES_MAX};
use crate::stream::incoming::Incoming;
use crate::stream::reception::{Arrival, Reception};
use crate::stream::voice::Audience;
use crate::ticks::{BUSY_TICK_US, GAP_TICK_US};
use crate::types::Codec;
use crate::wire::extensions::Marks;
use crate::wire::rtp::{self, Header};
use crate::wire::srtp_profile::SrtpError;

/// SSRCs that one peer may use in its life; each latched one takes a place until its producer closes.
const SOURCES_MAX: usize = 64;

impl Shard {
    pub(crate) fn receive_rtp<S: Sink>(&mut self, key: usize, datagram: &mut [u8], now_us: u64, out: &mut Outbox<S>) {
        if let Some((header, len)) = self.open_rtp(key, datagram, now_us) {
            self.receive_clear(key, &header, &datagram[..len], now_us, out);
        }
    }

    /// Its header, and its length in clear.
    #[inline]
    pub(crate) fn open_rtp(&mut self, key: usize, datagram: &mut [u8], now_us: u64) -> Option<(Header, usize)> {
        let transport = &mut self.transports[key];
        let inbound = transport.inbound.as_mut()?;
        let Ok(header) = rtp::parse(datagram) else {
            self.totals.malformed += 1;
            return None;
        };
        if !transport.media.is_left(now_us) {
            self.totals.excess_packets += 1;
            return None;
        }
        let len = match inbound.open_rtp(datagram, &header) {
            Ok(len) => len,
            Err(SrtpError::Replay) => {
                self.totals.replayed += 1;
                return None;
            }
            Err(_) => {
                self.totals.bad_srtp += 1;
                return None;
            }
        };
        transport.media.charge_unit(datagram.len() as i64);
        transport.received_packets += 1;
        transport.received_bytes += len as u64;
        self.wake_within(BUSY_TICK_US, now_us);
        Some((header, len))
    }

    pub(crate) fn receive_clear<S: Sink>(
        &mut self,
        key: usize,
        header: &Header,
        packet: &[u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let transport = &mut self.transports[key];
        let marks = transport.extensions.read(header, packet);
        if let Some(sequence) = marks.transport_sequence {
            let first = transport.arrivals.is_empty();
            if transport.arrivals.note(sequence, now_us) {
                self.send_arrivals(key, out);
            } else if first {
                self.wake_within(FEEDBACK_US, now_us);
            }
        }
        let Ok(range) = header.payload(packet) else {
            self.totals.malformed += 1;
            return;
        };
        let Some(source) = self.source(key, header, &marks, now_us) else { return };
        let Some(incoming) = self.understand(source, header, packet, range, marks) else { return };
        if incoming.codec == Codec::TelephoneEvent {
            self.note_press(source, &incoming, now_us);
        }
        self.accept(source, &incoming, now_us, out);
    }

    /// What this SSRC is; latched from MID and RID the first time.
    fn source(&mut self, key: usize, header: &Header, marks: &Marks, now_us: u64) -> Option<Source> {
        let transport = &mut self.transports[key];
        if let Some(source) = transport.sources.get(&header.ssrc).copied() {
            if let Some(line) = transport.line_mut() {
                // The one in use is alive: another one does not take its place.
                line.newcomer = line.newcomer.filter(|newcomer| newcomer.producer != source.producer);
            }
            return Some(source);
        }
        if transport.line().is_some() {
            return self.source_on_line(key, header, now_us);
        }
        if transport.sources.len() >= SOURCES_MAX {
            return None;
        }
        let source = match marks.mid {
            Some(mid) => by_mid(transport, &mut self.producers, mid, header, marks),
            None => by_payload_type(transport, &mut self.producers, header),
        }?;
        let replaced = {
            let layer = &mut self.producers[source.producer].layers[source.layer as usize];
            let place = if source.rtx { &mut layer.rtx_ssrc } else { &mut layer.ssrc };
            std::mem::replace(place, header.ssrc)
        };
        transport.sources.remove(&replaced);
        transport.sources.insert(header.ssrc, source);
        if replaced != 0 && !source.rtx {
            self.restart_layer(source);
        }
        Some(source)
    }

    /// The publisher gave a layer another SSRC: numbers and clock start anew.
    pub(crate) fn restart_layer(&mut self, source: Source) {
        let producer = &mut self.producers[source.producer];
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
            let consumer = &mut self.consumers[*key];
            // What waits to be written stood in the cache that is gone.
            self.transports[consumer.transport].pacer.forget(*key);
            if consumer.current == Some(source.layer) {
                consumer.forget_source();
            }
        }
    }

    /// The packet as its original: RTX undone (RFC 4588), codec known.
    fn understand<'a>(
        &mut self,
        source: Source,
        header: &Header,
        packet: &'a [u8],
        range: Range<usize>,
        marks: Marks<'a>,
    ) -> Option<Incoming<'a>> {
        let producer = &self.producers[source.producer];
        let payload = &packet[range];
        let mut incoming = Incoming {
            sequence: header.sequence,
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: header.payload_type,
            codec: Codec::Opus,
            payload,
            marks,
            repaired: source.rtx,
        };
        if source.rtx {
            let (original, rest) = payload.split_at_checked(2)?;
            let repaired = producer.repaired_by(header.payload_type)?;
            incoming.sequence = u16::from_be_bytes([original[0], original[1]]);
            incoming.payload = rest;
            incoming.payload_type = repaired.payload_type;
            if rest.is_empty() {
                return None;
            }
        }
        if incoming.payload.len() > PAYLOAD_BYTES_MAX {
            self.totals.malformed += 1;
            return None;
        }
        if let Some(known) = producer.payload(incoming.payload_type) {
            incoming.codec = known.codec;
            return Some(incoming);
        }
        // What keeps a door open (RFC 6263 §4.5), comfort noise (RFC 3389): nothing for anybody, but its number is one of
        // the stream's, and a gap there would be waited for.
        let nearest = producer.payloads.first().filter(|_| producer.on_line && !source.rtx)?;
        (incoming.payload_type, incoming.codec) = (nearest.payload_type, nearest.codec);
        (incoming.payload, incoming.marker) = (&[], false);
        Some(incoming)
    }

    fn accept<S: Sink>(&mut self, source: Source, incoming: &Incoming, now_us: u64, out: &mut Outbox<S>) {
        let producer = &mut self.producers[source.producer];
        let clock_hz = producer.payload(incoming.payload_type).map_or(90_000, |p| p.clock_hz);
        let (video, on_line) = (producer.video, producer.on_line);
        let metered = !video && !producer.paused;
        if let Some(byte) = metered.then(|| producer.loudness_of(incoming)).flatten() {
            self.note_loudness(source.producer, byte, now_us, out);
        }
        let Some(entry) = entry(incoming) else {
            self.totals.malformed += 1;
            return;
        };
        if on_line && self.is_strange(source, incoming.sequence, now_us) {
            return;
        }
        let producer = &mut self.producers[source.producer];
        let layer = &mut producer.layers[source.layer as usize];
        let first = !layer.reception.started();
        if first {
            layer.reception.start(clock_hz);
            layer.clock_hz = clock_hz;
        }
        let woke = !layer.is_active(now_us);
        let arrival = match incoming.repaired {
            false => layer.reception.count(incoming.sequence, incoming.timestamp, now_us),
            true => {
                layer.reception.recover(incoming.sequence);
                Arrival::Late
            }
        };
        if !video && !layer.heard.admits(incoming.sequence, incoming.timestamp, arrival) {
            return;
        }
        let mut entry = entry;
        if video && !incoming.marks.descriptor.is_empty() {
            read_descriptor(layer, incoming.marks.descriptor, &mut entry);
        }
        if layer.sets.is_some() {
            entry.sequence = self.number_on_line(source, incoming, arrival, now_us, out);
        }
        let producer = &mut self.producers[source.producer];
        let layer = &mut producer.layers[source.layer as usize];
        if arrival == Arrival::Late && !is_useful(layer, entry.sequence) {
            return;
        }
        if arrival != Arrival::Late {
            layer.newest_timestamp = Some(incoming.timestamp);
        }
        layer.last_us = now_us;
        layer.ended = false;
        layer.packets += 1;
        layer.bytes += incoming.payload.len() as u64;
        layer.note_cost(&entry, incoming.payload);
        let id = producer.id;
        if first {
            self.events.push(Event::Layer { producer: id, layer: source.layer });
        }
        if (woke || first) && video {
            self.retarget(source.producer, now_us, out);
        }
        if entry.keyframe {
            // Behind that: it answers what was wished for because of this very packet.
            let layer = &mut self.producers[source.producer].layers[source.layer as usize];
            layer.note_keyframe(entry.sequence, entry.timestamp, now_us);
            layer.reception.give_up_before(incoming.sequence);
        }
        let missing = self.producers[source.producer].layers[source.layer as usize].reception.is_missing_any();
        let producer = &self.producers[source.producer];
        self.totals.unheard_packets += u64::from(producer.is_unheard());
        if producer.is_wanted() {
            let heard = producer.layers[source.layer as usize].heard;
            let cut = if incoming.codec == Codec::Red { heard.cut(incoming.payload, incoming.timestamp) } else { None };
            let payload = cut.as_deref().unwrap_or(incoming.payload);
            self.queue(source, entry, (payload, incoming.marks.descriptor), now_us, out);
        }
        if missing {
            self.wake_within(GAP_TICK_US, now_us);
        }
        if arrival == Arrival::Jump && video && self.would_be_seen(source.producer, source.layer) {
            self.ask_keyframe(source.producer, source.layer, now_us, out);
        }
    }

    /// Keeps a packet for those who ask again, and for the next flush.
    pub(crate) fn queue<S: Sink>(
        &mut self,
        source: Source,
        entry: Entry,
        (payload, descriptor): (&[u8], &[u8]),
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let producer = &mut self.producers[source.producer];
        if !producer.layers[source.layer as usize].has_room(payload.len() + descriptor.len()) {
            self.forward(source.producer, source.layer, now_us, out);
        }
        let producer = &mut self.producers[source.producer];
        let (video, layer) = (producer.video, &mut producer.layers[source.layer as usize]);
        if layer.pending.is_empty() {
            self.dirty.push((source.producer, source.layer));
        }
        layer.take(entry, payload, descriptor, video, now_us);
        if !producer.mirrors.is_empty() && !producer.voice.is_unheard(Audience::Viewers) {
            self.show_mirrors(source, entry, payload, descriptor);
        }
    }
}

/// A late packet that is not there yet and would not push a newer one out of the table.
pub(crate) fn is_useful(layer: &Layer, sequence: u16) -> bool {
    layer.cache.as_ref().is_some_and(|cache| {
        let oldest = layer.newest().wrapping_sub(cache.safe_packets() as u16);
        !cache.contains(sequence) && !is_before(sequence, oldest)
    })
}

pub(crate) fn entry(incoming: &Incoming) -> Option<Entry> {
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

/// VP9 tells by its payload all that matters here. So does VP8, but libwebrtc leaves that out of it where there is a descriptor. Of
/// other codecs the descriptor tells.
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

/// Of encoders that describe nothing libwebrtc says that one may go up behind any base picture, which is not so: with a picture
/// that needs that alone one may (what the Y bit of the payload said). Of H.264 it says the same, where it holds.
fn vp8_place(layer: &mut Layer, frame: &dependencies::Frame) -> Place {
    if frame.place.temporal == 0 {
        // Numbers go on while the layer is off.
        let newer = layer.base.filter(|base| !frame.place.fresh && is_before(frame.number, *base));
        layer.base = newer.or(Some(frame.number));
    }
    let needs_base_alone = frame.place.temporal > 0 && frame.references().all(|number| Some(number) == layer.base);
    Place { rise: if needs_base_alone { Rise::Here } else { Rise::No }, ..frame.place }
}

fn by_mid(
    transport: &Transport,
    producers: &mut slab::Slab<Producer>,
    mid: &[u8],
    header: &Header,
    marks: &Marks,
) -> Option<Source> {
    let key = *transport.producers.iter().find(|key| producers[**key].mid.as_bytes() == mid)?;
    let producer = &producers[key];
    let repaired = producer.repaired_by(header.payload_type).is_some();
    let rid = if repaired { marks.repaired_rid.or(marks.rid) } else { marks.rid };
    let layer = match rid {
        Some(rid) => producer.layers.iter().position(|l| l.rid.as_bytes() == rid)?,
        None if producer.layers.len() == 1 => 0,
        None => return None,
    };
    (repaired || producer.payload(header.payload_type).is_some()).then_some(Source {
        producer: key,
        layer: layer as u8,
        rtx: repaired,
    })
}

/// Without MID only where the payload type leaves no choice: one producer with one layer still without an SSRC.
fn by_payload_type(transport: &Transport, producers: &mut slab::Slab<Producer>, header: &Header) -> Option<Source> {
    let mut found = None;
    for key in &transport.producers {
        let producer = &producers[*key];
        let rtx = producer.repaired_by(header.payload_type).is_some();
        if !rtx && producer.payload(header.payload_type).is_none() {
            continue;
        }
        let [layer] = &producer.layers[..] else { continue };
        let taken = if rtx { layer.rtx_ssrc } else { layer.ssrc };
        if taken == 0 && found.replace(Source { producer: *key, layer: 0, rtx }).is_some() {
            return None;
        }
    }
    found
}
