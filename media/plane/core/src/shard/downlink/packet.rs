//! One packet for one consumer: it is written from the cache with the consumer's numbers, encrypted, and added to a run.

use crate::codec::{dependencies, red};
use crate::keys::ConsumerKey;
use crate::path::Path;
use crate::rate::bitrates::OVERHEAD_BYTES;
use crate::seam::outbox::{Outbox, RUN_BYTES_MAX, RUN_SEGMENTS_MAX, Sink};
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::pacer::{Pacer, Waiting};
use crate::shard::tables::producer::PACKET_OVERHEAD_MAX;
use crate::shard::tables::transport::Transport;
use crate::stream::cache::{ABSENT, Cache, Entry};
use crate::stream::sent_log::{Content, Sent};
use crate::stream::sequence::Offsets;
use crate::types::Codec;
use crate::wire::extensions::ExtensionIds;
use crate::wire::rtp;
use crate::wire::srtp::Outbound;

/// A run that is being written into the outbox.
#[derive(Default)]
pub(crate) struct Burst {
    pub(crate) len: usize,
    segment: usize,
    segments: usize,
}

impl Burst {
    /// Return the bytes that the run has so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Report whether another packet may not fit.
    pub fn is_long(&self) -> bool {
        self.segments >= RUN_SEGMENTS_MAX || self.len + self.segment + PACKET_OVERHEAD_MAX > RUN_BYTES_MAX
    }

    /// Add the packet of `len` bytes that was written after the others. The run ends where the sizes stop being equal.
    #[inline]
    pub fn add<S: Sink>(&mut self, len: usize, path: Path, video: bool, out: &mut Outbox<S>) {
        if len > self.segment {
            self.end(path, video, out);
            self.segment = len;
        }
        self.len += len;
        self.segments += 1;
        if len < self.segment {
            self.end(path, video, out);
        }
    }

    #[inline]
    pub fn end<S: Sink>(&mut self, path: Path, video: bool, out: &mut Outbox<S>) {
        if self.len > 0 {
            out.push(path, self.len, self.segment, video);
        }
        *self = Burst::default();
    }
}

/// The header extensions that let a peer measure the delay of packets.
#[derive(Clone, Copy)]
pub(crate) struct Times<'a> {
    /// None: the packet has no sending time.
    at_us: Option<u64>,
    ids: &'a ExtensionIds,
}

/// Return the value of WebRTC's `abs-send-time` extension: seconds modulo 64, with a fraction of 18 bits.
fn abs_send_time(at_us: u64) -> [u8; 3] {
    let fixed = (u128::from(at_us) << 18) / 1_000_000;
    let [.., a, b, c] = (fixed as u32).to_be_bytes();
    [a, b, c]
}

/// A cached packet with its numbers at one consumer.
pub(crate) struct Packet<'a> {
    pub cache: &'a Cache,
    pub entry: &'a Entry,
    pub offsets: Offsets,
    pub padding: u8,
    pub content: Content,
    /// The timestamp and the marker as they are sent.
    pub timestamp: u32,
    pub marker: bool,
}

impl Packet<'_> {
    /// Write the encrypted packet to `space` and record it as sent. Return the length.
    #[inline]
    pub fn write(
        &self,
        consumer: &mut Consumer,
        layer: u8,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let sent = self.number(consumer, layer);
        if !consumer.outgoing.is_unsent(sent.sequence) {
            return None;
        }
        self.write_noted(consumer, sent, transport, now_us, space)
    }

    /// Leave the packet to the pacer, with its numbers of now. Return false if a packet was already sent under this number.
    pub(crate) fn wait(&self, (key, consumer): (ConsumerKey, &mut Consumer), layer: u8, pacer: &mut Pacer) -> bool {
        let sent = self.number(consumer, layer);
        if !consumer.outgoing.is_unsent(sent.sequence) {
            return false;
        }
        consumer.outgoing.sent.note(sent.waiting());
        let len = if self.content == Content::Nothing { 0 } else { self.entry.len };
        let bytes = len + u16::from(self.padding) + OVERHEAD_BYTES as u16;
        pacer.put(Waiting { consumer: key, sent, timestamp: self.timestamp, bytes });
        true
    }

    #[inline]
    fn number(&self, consumer: &Consumer, layer: u8) -> Sent {
        let mut sent = Sent {
            sequence: self.entry.sequence.wrapping_add(self.offsets.sequence),
            source: self.entry.sequence,
            picture: self.offsets.picture,
            frame: self.offsets.frame,
            tl0: self.offsets.tl0,
            padding: self.padding,
            epoch: consumer.outgoing.epoch,
            ..Sent::default()
        };
        sent.mark(layer, !consumer.acknowledged, self.marker);
        sent.content = if consumer.red.makes(self.entry) { Content::WithCopies } else { self.content };
        sent
    }

    /// Write the packet for the first time, with the numbers of `sent`.
    #[inline]
    pub fn write_noted(
        &self,
        consumer: &mut Consumer,
        mut sent: Sent,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let Transport { outbound, extensions, estimator, .. } = transport;
        sent.wide = estimator.next_number();
        // A resend on the media SSRC must equal the first packet in every bit. So such packets have no sending time.
        let at_us = self.rtx(consumer).map(|_| now_us);
        let len = self.write_media(consumer, &sent, Times { at_us, ids: extensions }, outbound.as_ref()?, space)?;
        consumer.outgoing.sent.note(sent);
        if extensions.transport_cc != 0 {
            estimator.note_sent(len, now_us);
        }
        Some(len)
    }

    /// Write the packet again on the media SSRC, for a peer that does not accept RTX.
    pub fn write_again(
        &self,
        consumer: &mut Consumer,
        sent: &Sent,
        transport: &Transport,
        space: &mut [u8],
    ) -> Option<usize> {
        let times = Times { at_us: None, ids: &transport.extensions };
        self.write_media(consumer, sent, times, transport.outbound.as_ref()?, space)
    }

    /// Return the payload type of retransmissions. None if they have no SSRC of their own.
    #[inline]
    pub fn rtx(&self, consumer: &Consumer) -> Option<u8> {
        consumer.payload(self.entry.payload_type)?.rtx.filter(|_| consumer.rtx_ssrc != 0)
    }

    /// Write the packet on the media SSRC. The same `sent` always gives the same bytes.
    #[inline]
    fn write_media(
        &self,
        consumer: &mut Consumer,
        sent: &Sent,
        times: Times,
        outbound: &Outbound,
        space: &mut [u8],
    ) -> Option<usize> {
        let copies = sent.content == Content::WithCopies;
        let red_type = if copies { consumer.red.type_of(self.entry, &consumer.payloads) } else { None };
        let payload_type = red_type.or_else(|| self.payload_type(consumer))?;
        let number = (payload_type, sent.sequence, consumer.ssrc);
        let header = self.write_header(consumer, number, (sent.with_mid(), sent.wide), times, space);
        let space_left = &mut space[header..];
        let len = header
            + match red_type {
                Some(_) => consumer.red.write(
                    (self.cache, self.entry),
                    &consumer.payloads,
                    (&consumer.outgoing.sent, sent),
                    space_left,
                )?,
                None => self.write_payload(consumer, space_left)?,
            };
        let len = rtp::pad(space, len, self.padding);
        let roc = consumer.outgoing.roc.advance(sent.sequence);
        Some(outbound.seal_rtp(space, len, header, roc))
    }

    /// Write the packet as a retransmission (RFC 4588) on the RTX SSRC.
    pub fn write_rtx(
        &self,
        consumer: &mut Consumer,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let rtx = self.rtx(consumer)?;
        let Transport { outbound, extensions, estimator, .. } = transport;
        let times = Times { at_us: Some(now_us), ids: extensions };
        let original = self.entry.sequence.wrapping_add(self.offsets.sequence);
        let sequence = consumer.outgoing.rtx_sequence;
        let number = (rtx, sequence, consumer.rtx_ssrc);
        let header = self.write_header(consumer, number, (false, estimator.next_number()), times, space);
        space[header..header + 2].copy_from_slice(&original.to_be_bytes());
        let len = header + 2 + self.write_payload(consumer, &mut space[header + 2..])?;
        let outbound = outbound.as_ref()?;
        consumer.outgoing.rtx_sequence = sequence.wrapping_add(1);
        let roc = consumer.outgoing.rtx_roc.advance(sequence);
        let len = outbound.seal_rtp(space, len, header, roc);
        if extensions.transport_cc != 0 {
            estimator.note_sent(len, now_us);
        }
        Some(len)
    }

    #[inline]
    fn write_header(
        &self,
        consumer: &Consumer,
        (payload_type, sequence, ssrc): (u8, u16, u32),
        (with_mid, wide): (bool, u16),
        Times { at_us, ids }: Times,
        space: &mut [u8],
    ) -> usize {
        let entry = self.entry;
        let (level, orientation, wide) = ([entry.audio_level], [entry.orientation], wide.to_be_bytes());
        let at = at_us.map(abs_send_time);
        let limits = at_us.and_then(|_| consumer.playout.limits());
        let mut extensions: [(u8, &[u8]); 6] = [(0, &[]); 6];
        let mut count = 0;
        let mut add = |id: u8, value| {
            if id != 0 {
                extensions[count] = (id, value);
                count += 1;
            }
        };
        if ids.transport_cc != 0 {
            add(ids.transport_cc, &wide[..]);
        } else if let Some(at) = &at {
            add(ids.abs_send_time, &at[..]);
        }
        if with_mid {
            add(ids.mid, &consumer.mid[..]);
        }
        if entry.audio_level != ABSENT {
            add(ids.audio_level, &level[..]);
        }
        if entry.orientation != ABSENT {
            add(ids.orientation, &orientation[..]);
        }
        if let Some(limits) = &limits {
            add(ids.playout_delay, &limits[..]);
        }
        let mut descriptor: [u8; u8::MAX as usize];
        if entry.descriptor_len > 0 && ids.dependency_descriptor != 0 && self.content != Content::Nothing {
            descriptor = [0; u8::MAX as usize];
            let descriptor = &mut descriptor[..usize::from(entry.descriptor_len)];
            descriptor.copy_from_slice(self.cache.descriptor(entry));
            dependencies::set_frame_number(descriptor, entry.frame.wrapping_add(self.offsets.frame));
            add(ids.dependency_descriptor, descriptor);
        }
        rtp::write_header(space, self.marker, payload_type, sequence, self.timestamp, ssrc, &extensions[..count])
    }

    #[inline]
    fn write_payload(&self, consumer: &Consumer, space: &mut [u8]) -> Option<usize> {
        if self.content == Content::Nothing {
            return Some(0);
        }
        let mut payload = self.cache.payload(self.entry);
        if consumer.red.strips() && self.is_red(consumer) {
            payload = &payload[red::primary(payload).ok()?.range];
        }
        let space = &mut space[..payload.len()];
        space.copy_from_slice(payload);
        self.entry.numbers.shift(space, self.offsets.picture, self.offsets.tl0);
        if !consumer.red.blocks.is_empty() && !consumer.red.strips() && self.is_red(consumer) {
            red::rewrite(space, &consumer.red.blocks).ok()?;
        }
        Some(payload.len())
    }

    /// Return the payload type at the peer. If redundant audio is left out though the peer accepts it, return the type of the
    /// inner block.
    #[inline]
    fn payload_type(&self, consumer: &Consumer) -> Option<u8> {
        if consumer.red.strips() && !consumer.red.strip && self.is_red(consumer) {
            let inner = red::primary(self.cache.payload(self.entry)).ok()?.payload_type;
            return consumer.red.blocks.iter().find(|(from, _)| *from == inner).map(|(_, to)| *to);
        }
        Some(consumer.payload(self.entry.payload_type)?.to)
    }

    fn is_red(&self, consumer: &Consumer) -> bool {
        !consumer.video && self.entry.codec == Some(Codec::Red)
    }
}

/// Write a packet of `padding` bytes without content, on the RTX SSRC.
pub(crate) fn write_padding(
    consumer: &mut Consumer,
    padding: u8,
    transport: &mut Transport,
    now_us: u64,
    space: &mut [u8],
) -> Option<usize> {
    let rtx = consumer.rtx()?;
    let Transport { outbound, extensions, estimator, .. } = transport;
    let (outbound, sequence) = (outbound.as_ref()?, consumer.outgoing.rtx_sequence);
    let wide = estimator.next_number().to_be_bytes();
    let ids = [(extensions.transport_cc, &wide[..])];
    let ids = if extensions.transport_cc != 0 { &ids[..] } else { &[] };
    let header = rtp::write_header(space, false, rtx, sequence, 0, consumer.rtx_ssrc, ids);
    let len = rtp::pad(space, header, padding);
    consumer.outgoing.rtx_sequence = sequence.wrapping_add(1);
    let roc = consumer.outgoing.rtx_roc.advance(sequence);
    let len = outbound.seal_rtp(space, len, header, roc);
    if extensions.transport_cc != 0 {
        estimator.note_sent(len, now_us);
    }
    Some(len)
}
