//! A conference on several shards. Each publisher lives on one of them; on another where somebody looks at its tracks a
//! mirror stands for it: a transport without a path, whose producers are fed in clear through the parcels of `handover`.
//! So a packet is opened and parsed once, kept once on each shard, and sealed there for the viewers of that shard. Back go
//! wishes for key frames; losses are asked for by the publisher's shard alone. Voices that their own shard leaves out are
//! not handed on; what is, competes on each shard with the voices of its own (`shard::voices`).

use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::receive::is_useful;
use crate::shard::spread::parcel::{Media, Slip, Upward};
use crate::shard::tables::mirror_feed::{Mirror, MirrorStream};
use crate::shard::tables::producer::{Layer, Producer};
use crate::shard::tables::transport::{Source, Transport, Way};
use crate::stream::cache::{ABSENT, Entry};
use crate::stream::reception::Arrival;
use crate::ticks::BUSY_TICK_US;

/// Stands for the SSRC of a layer that another shard receives: it is known there.
const SSRC_ELSEWHERE: u32 = 1;

impl Shard {
    /// The router's first shard tells who speaks; this one only wants to know.
    pub(crate) fn open_part(&mut self, router: u32) -> Option<()> {
        self.open_router(router)?;
        let key = *self.ids.routers.get(&router)?;
        self.routers[key].is_part = true;
        Some(())
    }

    /// What stands here for a transport of the shard `from`. `line`: its packets tell the time where its reports do not.
    pub(crate) fn open_mirror(
        &mut self,
        (router, transport): (u32, u32),
        (from, line): (u8, bool),
        now_us: u64,
    ) -> Option<()> {
        let router = *self.ids.routers.get(&router)?;
        if self.ids.transports.contains_key(&transport) {
            return None;
        }
        let opened = Transport::new(transport, router, Way::Mirror { from, line }, SSRC_ELSEWHERE, now_us);
        let key = self.transports.insert(opened);
        self.ids.transports.insert(transport, key);
        self.routers[router].transports.push(key);
        Some(())
    }

    /// The shard `to` mirrors a producer of ours, or no longer looks.
    pub(crate) fn set_mirrored(&mut self, producer: u32, to: u8, on: bool, now_us: u64) -> Option<()> {
        let key = *self.ids.producers.get(&producer)?;
        let producer = &mut self.producers[key];
        if !on {
            producer.mirrors.retain(|mirror| mirror.shard != to);
        } else if producer.mirrors.iter().all(|mirror| mirror.shard != to) {
            producer.feed = producer.feed.wrapping_add(1);
            let mirror = Mirror { shard: to, feed: producer.feed };
            producer.mirrors.push(mirror);
            for layer in 0..self.producers[key].layers.len() {
                self.tell_mirrors(key, layer as u8);
                self.replay(key, layer, mirror, now_us);
            }
        }
        Some(())
    }

    /// What a viewer would be started with lies in our cache; the mirror has none yet. What still waits to be forwarded here is
    /// among it: only what comes from now on is shown.
    fn replay(&mut self, key: usize, at: usize, to: Mirror, now_us: u64) {
        let producer = &self.producers[key];
        let layer = &producer.layers[at];
        let (Some((entries, _)), Some(cache)) = (layer.since_keyframe(now_us), &layer.cache) else { return };
        // With a hole in it a picture is of no use: then a key frame is wished for.
        if !self.handover.has_room_beside(to.shard, entries.clone()) {
            return;
        }
        for entry in entries {
            let (payload, descriptor) = (cache.payload(entry), cache.descriptor(entry));
            let media = media(producer, at as u8, to, (entry, payload, descriptor));
            self.handover.put_media(to.shard, media, payload, descriptor, &mut self.totals);
        }
    }

    /// A packet that was just queued here goes to those who mirror it too.
    pub(crate) fn show_mirrors(&mut self, source: Source, entry: Entry, payload: &[u8], descriptor: &[u8]) {
        let producer = &self.producers[source.producer];
        for to in &producer.mirrors {
            let media = media(producer, source.layer, *to, (&entry, payload, descriptor));
            self.handover.put_media(to.shard, media, payload, descriptor, &mut self.totals);
        }
    }

    pub(crate) fn tell_mirrors(&mut self, key: usize, at: u8) {
        let producer = &self.producers[key];
        let layer = &producer.layers[usize::from(at)];
        let Transport { clock_offset_us: offset_us, rtt_us, .. } = self.transports[producer.transport];
        let (clock, losses) = (layer.clock(), layer.reception.losses);
        for to in &producer.mirrors {
            let (producer, stream) = (producer.id, to.stream(layer.stream));
            let upward = Upward { producer, layer: at, stream, clock, offset_us, losses, rtt_us };
            self.handover.put(to.shard, Slip::Upward(upward));
        }
    }

    /// A mirror's viewers need a key frame.
    pub(crate) fn wish_of_mirror(&mut self, from: u8, (producer, layer): (usize, usize)) {
        let slip = Slip::Wish { producer: self.producers[producer].id, layer: layer as u8 };
        self.handover.put(from, slip);
    }

    /// Where the producer of the seam stands here; None: it has closed.
    fn mirrored(&self, producer: u32, layer: u8) -> Option<Source> {
        let key = *self.ids.producers.get(&producer)?;
        let is_there = usize::from(layer) < self.producers[key].layers.len();
        is_there.then_some(Source { producer: key, layer, rtx: false })
    }

    /// The same for what is of `stream`.
    fn fed(&mut self, producer: u32, layer: u8, stream: MirrorStream) -> Option<Source> {
        let source = self.mirrored(producer, layer)?;
        if self.layer_of(source).stream != stream {
            self.restart_layer(source);
            self.layer_of(source).stream = stream;
        }
        Some(source)
    }

    fn layer_of(&mut self, source: Source) -> &mut Layer {
        &mut self.producers[source.producer].layers[usize::from(source.layer)]
    }

    pub(crate) fn accept_media<S: Sink>(
        &mut self,
        media: Media,
        (payload, descriptor): (&[u8], &[u8]),
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let Some(source) = self.fed(media.producer, media.layer, media.stream) else { return };
        let Media { entry, clock_hz, .. } = media;
        self.wake_within(BUSY_TICK_US, now_us);
        let producer = &mut self.producers[source.producer];
        let (video, paused) = (producer.video, producer.paused);
        if entry.audio_level != ABSENT && !paused && !video {
            producer.level.note(entry.audio_level);
            self.note_loudness(source.producer, entry.audio_level, now_us, out);
        }
        let producer = &mut self.producers[source.producer];
        let layer = &mut producer.layers[usize::from(source.layer)];
        let first = !layer.reception.started();
        if first {
            layer.reception.start(clock_hz);
            layer.clock_hz = clock_hz;
        }
        let woke = first || !layer.is_active(now_us);
        let arrival = layer.reception.count(entry.sequence, entry.timestamp, now_us);
        // Its shard has asked for what is missing.
        layer.reception.give_up();
        if arrival == Arrival::Late && !is_useful(layer, entry.sequence) {
            return;
        }
        if arrival != Arrival::Late {
            layer.newest_timestamp = Some(entry.timestamp);
        }
        layer.last_us = now_us;
        layer.packets += 1;
        layer.bytes += payload.len() as u64;
        layer.note_cost(&entry, payload);
        if entry.keyframe {
            layer.note_keyframe(entry.sequence, entry.timestamp, now_us);
        }
        if !self.producers[source.producer].is_wanted() {
            return;
        }
        if !woke || !video {
            return self.queue(source, entry, (payload, descriptor), now_us, out);
        }
        for consumer in self.producers[source.producer].consumers().to_vec() {
            self.choose_target(consumer, now_us);
        }
        self.queue(source, entry, (payload, descriptor), now_us, out);
        // Whoever this packet starts needs no key frame, and a wish sent to another shard cannot be taken back.
        self.forward(source.producer, source.layer, now_us, out);
        self.retarget(source.producer, now_us, out);
    }

    pub(crate) fn accept_upward(&mut self, told: Upward) {
        let Some(source) = self.fed(told.producer, told.layer, told.stream) else { return };
        let producer = &mut self.producers[source.producer];
        let reception = &mut producer.layers[usize::from(source.layer)].reception;
        (reception.clock, reception.losses) = (told.clock, told.losses);
        let mirror = &mut self.transports[producer.transport];
        (mirror.clock_offset_us, mirror.rtt_us) = (told.offset_us, told.rtt_us);
    }

    pub(crate) fn accept_wish<S: Sink>(&mut self, producer: u32, layer: u8, now_us: u64, out: &mut Outbox<S>) {
        if let Some(source) = self.mirrored(producer, layer) {
            self.ask_keyframe(source.producer, source.layer, now_us, out);
        }
    }
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
