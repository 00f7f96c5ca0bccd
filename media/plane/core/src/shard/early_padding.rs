//! Sends packets of padding alone (RFC 3550 §5.1) to a new viewer of a picture until its first key frame. A publisher may make
//! a key frame every two seconds only, and the cache does not hold each of them. A packet of padding shows the viewer's library
//! that the stream exists. Then libwebrtc opens the stream, reports on it and asks for a key frame. Then pion reports the track
//! to its application.
//!
//! The numbers of padding packets come right before the number of the first media packet, and all of them have its timestamp.
//! A receiver that takes each new timestamp for a frame would else give an empty frame to its decoder. The decoder of aiortc
//! takes an empty frame for the end of the stream, and decodes nothing after it. A NACK for a padding packet is not answered:
//! no picture needs the packet. Padding ends with the first media packet, with the viewer's first report on the stream, and
//! at [`PACKETS_MAX`].

use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::transport::Transport;
use crate::stream::sent_log::{Content, Sent};
use crate::wire::rtp;

/// From one packet to the next of a viewer, as LiveKit's `paddingOnMuteInterval`.
const EVERY_US: u64 = 100_000;
/// To one viewer of one track, ever: libwebrtc and pion report after at most 1.5 s.
pub const PACKETS_MAX: u8 = 20;
/// The least that a packet of padding has.
const PADDING: u8 = 1;
/// Header, extensions and tag.
const SPACE: usize = 512;

impl Shard {
    /// Sends padding from now on, if the consumer waits for its first key frame.
    pub(crate) fn pad_until_keyframe<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if self.consumers[key].early.listed || !self.awaits_first_keyframe(key) {
            return;
        }
        self.send_early(key, now_us, out);
        self.consumers[key].early.listed = true;
        self.waiting.consumers.push(key);
        self.waiting.due_us = self.waiting.due_us.min(now_us + EVERY_US);
    }

    pub(crate) fn tick_early<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        let mut consumers = std::mem::take(&mut self.waiting.consumers);
        consumers.retain(|key| {
            if !self.consumers.get(*key).is_some_and(|consumer| consumer.early.listed) {
                return false;
            }
            let waits = self.awaits_first_keyframe(*key);
            // All packets go out in one turn, so a viewer that has just come waits for the next turn.
            if waits && now_us >= self.consumers[*key].early.at_us + EVERY_US / 2 {
                self.send_early(*key, now_us, out);
            }
            self.consumers[*key].early.listed = waits;
            waits
        });
        self.waiting.due_us = if consumers.is_empty() { u64::MAX } else { now_us + EVERY_US };
        self.waiting.consumers = consumers;
    }

    fn awaits_first_keyframe(&self, key: usize) -> bool {
        let consumer = &self.consumers[key];
        let transport = &self.transports[consumer.transport];
        // Of the decoders in halls nobody knows whether they take padding.
        let takes = transport.line().is_none() && transport.is_reached();
        takes && consumer.awaits_first_keyframe() && !self.producers[consumer.producer].paused
    }

    fn send_early<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let timestamp = self.random() as u32;
        let consumer = &mut self.consumers[key];
        let transport = &mut self.transports[consumer.transport];
        let layer = self.producers[consumer.producer].layers.get(usize::from(consumer.target));
        let newest = layer.and_then(|layer| layer.cache.as_ref()?.get(layer.newest()));
        let known = newest.and_then(|entry| consumer.payload(entry.payload_type)).or(consumer.payloads.first());
        let (Some(path), Some(payload_type)) = (transport.destination(), known.map(|payload| payload.to)) else {
            return;
        };
        let space = out.reserve(SPACE);
        let Some(len) = consumer.write_early((payload_type, timestamp), transport, now_us, space) else { return };
        out.push(path, len, len, true);
        consumer.early.packets += 1;
        consumer.early.at_us = now_us;
        consumer.count_filler(len);
        transport.count_sent(1, len as u64);
        transport.pacer.spend(len);
        self.totals.padding_bytes += u64::from(PADDING);
    }
}

impl Consumer {
    fn awaits_first_keyframe(&self) -> bool {
        self.video
            && !self.is_off()
            && !self.is_unfit()
            && !self.continuity.started()
            && !self.acknowledged
            && self.early.packets < PACKETS_MAX
    }

    /// Writes a packet of padding on the media SSRC and gives its length. `first`: the timestamp if this packet is the first.
    fn write_early(
        &mut self,
        (payload_type, first): (u8, u32),
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let Transport { outbound, extensions: ids, estimator, .. } = transport;
        let outbound = outbound.as_ref()?;
        let (sequence, timestamp) = self.continuity.precede(first);
        let wide = estimator.next_number().to_be_bytes();
        let extensions = [(ids.transport_cc, &wide[..]), (ids.mid, &self.mid[..])];
        let from = usize::from(ids.transport_cc == 0);
        let to = if ids.mid == 0 { 1 } else { 2 };
        let header =
            rtp::write_header(space, false, payload_type, sequence, timestamp, self.ssrc, &extensions[from..to]);
        let len = rtp::pad(space, header, PADDING);
        let roc = self.roc.advance(sequence);
        let len = outbound.seal_rtp(space, len, header, roc);
        // Of no epoch of this consumer: it is not sent again, and nothing else goes out under its number.
        self.sent.note(Sent { sequence, epoch: u16::MAX, content: Content::Nothing, ..Sent::default() });
        if ids.transport_cc != 0 {
            estimator.note_sent(len, now_us);
        }
        Some(len)
    }
}
