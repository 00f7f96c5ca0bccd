//! RTCP, both ways: reports, retransmissions, key frame requests, arrival times (RFC 3550, 4585, 4588, 5104).

use crate::ntp::{ntp, unix_us};
use crate::rate::estimate::estimator::CALM_QUEUE_US;
use crate::seam::event::Event;
use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::packet::Packet as Forwarded;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::transport::{Transport, Way};
use crate::stream::playout::{Report, Told};
use crate::stream::reception::{SenderClock, VOICE_RTT_US_MAX, ask_again_us};
use crate::stream::sent_log::{Content, Sent};
use crate::stream::voice::Audience;
use crate::ticks::{ASKING_TICK_US, BUSY_TICK_US};
use crate::types::Codec;
use crate::wire::rtcp::{self, Packet, ReportBlock, SenderInfo};
use crate::wire::srtp::RTCP_OVERHEAD_MAX;
use crate::wire::{rtcp_extended, transport_feedback};

/// One RTCP datagram.
pub(crate) const COMPOUND_BYTES: usize = 1_200;
const SENDER_REPORT_BYTES: usize = 28;
const RECEIVER_TIME_BYTES: usize = 20;
/// A packet is resent at most once in a round trip, and in this time at least.
const RESEND_US_MIN: u64 = 10_000;
/// Resends of one packet at most.
const RESENDS_MAX: u8 = 10;
/// It shall not take the turns of what holds something.
const RESENDS_OF_NOTHING_MAX: u8 = 4;
/// A viewer from which a round trip takes so long gets pictures' packets twice where it asks for them: if the first one is lost again,
/// no other comes before its picture is due. Not where most of that is a queue.
const FAR_US: u64 = 200_000;
/// Sequence numbers looked at in one NACK packet.
const NACK_ITEMS_MAX: usize = 512;
/// What tells of a longer round trip was asleep meanwhile, or lies.
const RTT_US_MAX: u64 = 5_000_000;
/// Without a sender report for so long a publisher makes none, or no more.
const REPORTS_US: u64 = 10_000_000;
/// A library that sends nothing takes this for the round trip, after which it asks again ...
const VIEWER_RTT_US: u64 = 100_000;
/// ... when it looks next.
const VIEWER_LOOKS_US: u64 = 20_000;

impl Shard {
    /// False: it is not the peer's, or not RTCP to its end.
    pub(crate) fn receive_rtcp<S: Sink>(
        &mut self,
        key: usize,
        datagram: &mut [u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> bool {
        let transport = &mut self.transports[key];
        let Some(inbound) = &mut transport.inbound else { return false };
        if !transport.media.is_left(now_us) {
            self.totals.excess_packets += 1;
            return false;
        }
        let Ok(len) = inbound.open_rtcp(datagram) else {
            self.totals.bad_srtp += 1;
            return false;
        };
        transport.media.charge_unit(datagram.len() as i64);
        for packet in rtcp::packets(&datagram[..len]) {
            let Ok(packet) = packet else {
                self.totals.malformed += 1;
                return false;
            };
            self.receive_report(key, packet, now_us, out);
        }
        true
    }

    fn receive_report<S: Sink>(&mut self, key: usize, packet: Packet, now_us: u64, out: &mut Outbox<S>) {
        match packet {
            Packet::SenderReport { info, reports } => {
                self.note_clock(key, &info, now_us);
                reports.for_each(|block| self.note_report(key, &block, now_us));
            }
            Packet::ReceiverReport { reports, .. } => {
                reports.for_each(|block| self.note_report(key, &block, now_us));
            }
            Packet::Nack { media, items, .. } => self.resend(key, media, items, now_us, out),
            Packet::Pli { media } => self.keyframe_asked(key, media, now_us, out),
            Packet::Fir { entries } => entries.for_each(|(media, _)| self.keyframe_asked(key, media, now_us, out)),
            Packet::Bye { ssrcs } => ssrcs.for_each(|ssrc| self.note_bye(key, ssrc)),
            Packet::Tmmbr { sender, entries } => self.limit_asked(key, (sender, entries), now_us, out),
            Packet::Tmmbn { .. } => self.limit_confirmed(key),
            Packet::Remb { bitrate_bps, .. } => {
                self.transports[key].estimator.note_remb(bitrate_bps, now_us);
                self.note_available(key, now_us);
            }
            Packet::TransportFeedback(body) => self.note_feedback(key, body, now_us, out),
            Packet::Extended { blocks, .. } => self.note_delay(key, blocks, now_us),
            Packet::Sdes | Packet::Other(_) => {}
        }
    }

    fn note_feedback<S: Sink>(&mut self, key: usize, body: &[u8], now_us: u64, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        if !transport.media.is_left(now_us) {
            self.totals.excess_packets += 1;
            return;
        }
        transport.charge_statuses(transport_feedback::told_in(body));
        self.begin_again(key, now_us, out);
        let transport = &mut self.transports[key];
        let rtt_us = transport.rtt_or_guess_us();
        match transport.estimator.note_feedback(body, rtt_us, now_us) {
            Ok(true) => self.note_available(key, now_us),
            Ok(false) => {}
            Err(_) => self.totals.malformed += 1,
        }
    }

    fn note_clock(&mut self, key: usize, info: &SenderInfo, now_us: u64) {
        let wall_us = self.wall_us(now_us);
        let transport = &mut self.transports[key];
        let Some(source) = transport.sources.get(&info.ssrc).filter(|s| !s.rtx).copied() else { return };
        transport.note_clock(wall_us, unix_us(info.ntp));
        let layer = &mut self.producers[source.producer].layers[source.layer as usize];
        layer.reception.clock = Some(SenderClock { ntp: info.ntp, rtp: info.rtp, arrived_us: now_us });
        self.tell_mirrors(source.producer, source.layer);
    }

    fn note_report(&mut self, key: usize, block: &ReportBlock, now_us: u64) {
        let rtt_us = self.round_trip_us((block.last_sr, block.delay_since_sr), now_us);
        let transport = &mut self.transports[key];
        let Some(&at) = transport.outgoing.get(&block.ssrc) else { return };
        let consumer = &mut self.consumers[at];
        if block.ssrc != consumer.ssrc {
            return;
        }
        consumer.acknowledged = true;
        consumer.lost = i64::from(block.cumulative_lost);
        consumer.fraction_lost = f32::from(block.fraction_lost) / 256.0;
        consumer.jitter = block.jitter;
        // What is lost while a queue stands would not come for more of the same.
        let crowded = transport.estimator.queue_us(now_us) >= CALM_QUEUE_US;
        let loss = if crowded { 0.0 } else { consumer.fraction_lost };
        consumer.redundancy.note_loss(loss, now_us);
        let told = consumer.count_report(block);
        let packets = expected(told, block);
        rtt_us.into_iter().for_each(|rtt_us| transport.note_rtt(rtt_us));
        self.note_waits(at, Report { fraction: loss, packets, at_us: now_us }, now_us);
        let transport = &mut self.transports[key];
        // Lines have no layers to choose from, and whoever numbers packets tells more by that.
        if transport.extensions.transport_cc == 0 && transport.line().is_none() {
            let (rtt_us, sent_bytes) = (transport.rtt_or_guess_us(), transport.sent_bytes);
            if transport.estimator.note_report(told, sent_bytes, rtt_us, now_us) {
                self.note_available(key, now_us);
            }
        }
    }

    /// Who sends us something heard our time; so we learn the round trip to those too who are sent nothing.
    fn note_delay(&mut self, key: usize, mut blocks: rtcp_extended::Blocks, now_us: u64) {
        let mine = self.transports[key].ssrc;
        let is_mine = |told| match told {
            rtcp_extended::Told::Delay(delay) if delay.ssrc == mine && delay.last_time != 0 => {
                Some((delay.last_time, delay.since))
            }
            _ => None,
        };
        let rtt_us = blocks.find_map(is_mine).and_then(|told| self.round_trip_us(told, now_us));
        rtt_us.into_iter().for_each(|rtt_us| self.transports[key].note_rtt(rtt_us));
    }

    /// `told`: the middle of our NTP time as the peer heard it, 0 if it did not, and how long it kept it, in 1/65536 s.
    fn round_trip_us(&self, told: (u32, u32), now_us: u64) -> Option<u64> {
        let now = (ntp(self.wall_us(now_us)) >> 16) as u32;
        let ticks = now.wrapping_sub(told.0).wrapping_sub(told.1);
        let rtt_us = u64::from(ticks) * 1_000_000 / 65_536;
        (told.0 != 0 && rtt_us < RTT_US_MAX).then_some(rtt_us)
    }

    /// How long pictures wait at a viewer for what is sent again. `down`: of the way to it.
    fn note_waits(&mut self, consumer: usize, down: Report, now_us: u64) {
        let consumer = &mut self.consumers[consumer];
        let producer = &self.producers[consumer.producer];
        let Some(layer) = consumer.current.filter(|_| consumer.video) else { return };
        let rtt_us = |key: usize| self.transports[key].rtt_or_guess_us();
        let layer = &producer.layers[usize::from(layer)];
        // VP9 tells its layers in the payload all the same, and whoever takes no descriptor goes by that.
        let takes = self.transports[consumer.transport].extensions.dependency_descriptor != 0;
        let is_vp9 = producer.payloads.first().is_some_and(|payload| payload.codec == Codec::Vp9);
        let (reception, described) = (&layer.reception, layer.described && (takes || !is_vp9));
        let up = reception.losses;
        let (down_us, up_us) = (rtt_us(consumer.transport), rtt_us(producer.transport));
        let sends = !self.transports[consumer.transport].producers.is_empty();
        let viewer_us = if sends { down_us } else { down_us.max(VIEWER_RTT_US) };
        let down = Told { report: down, rtt_us: down_us, again_us: viewer_us + VIEWER_LOOKS_US };
        let up = Told { report: up, rtt_us: up_us, again_us: ask_again_us(up_us) + ASKING_TICK_US };
        consumer.playout.note_loss(down, up, described, now_us);
    }

    /// Told once: one datagram holds hundreds of farewells.
    fn note_bye(&mut self, key: usize, ssrc: u32) {
        let Some(source) = self.transports[key].sources.get(&ssrc).filter(|s| !s.rtx) else { return };
        let producer = &mut self.producers[source.producer];
        let layer = &mut producer.layers[usize::from(source.layer)];
        if !std::mem::replace(&mut layer.ended, true) {
            self.events.push(Event::Bye { producer: producer.id });
        }
    }

    fn keyframe_asked<S: Sink>(&mut self, key: usize, media: u32, now_us: u64, out: &mut Outbox<S>) {
        let transport = &self.transports[key];
        let Some(consumer) = transport.outgoing.get(&media).copied().or_else(|| self.only_video(key)) else { return };
        let consumer = &mut self.consumers[consumer];
        consumer.keyframes_asked += 1;
        if !transport.is_reached() || !consumer.video || consumer.is_off() || !consumer.may_ask_keyframe(now_us) {
            return;
        }
        let (producer, target) = (consumer.producer, consumer.target);
        let current = consumer.current.filter(|layer| !self.producers[producer].is_stopped(*layer));
        let layer = current.unwrap_or(target);
        self.ask_keyframe(producer, layer, now_us, out);
    }

    /// Answers a NACK from the producer's cache.
    fn resend<S: Sink>(
        &mut self,
        key: usize,
        media: u32,
        items: impl Iterator<Item = u16>,
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let transport = &mut self.transports[key];
        let (Some(path), Some(consumer)) = (transport.destination(), transport.outgoing.get(&media)) else { return };
        let consumer = &mut self.consumers[*consumer];
        if !consumer.video && transport.rtt_or_guess_us() > VOICE_RTT_US_MAX {
            return;
        }
        let queue_us = transport.estimator.queue_us(now_us).max(0) as u64;
        let tells_of_queues = transport.extensions.transport_cc != 0;
        let is_far = tells_of_queues && transport.rtt_us.is_some_and(|rtt_us| rtt_us >= FAR_US + queue_us);
        let wait_ms = (transport.rtt_us.unwrap_or(0).max(RESEND_US_MIN) / 1_000) as u16;
        for sequence in items.take(NACK_ITEMS_MAX) {
            let Some(again) = recall(consumer, sequence, (now_us / 1_000) as u16, wait_ms) else { continue };
            let layer = &self.producers[consumer.producer].layers[usize::from(again.layer())];
            let Some((cache, entry)) = layer.cache.as_ref().and_then(|c| Some((c, c.get(again.source)?))) else {
                continue;
            };
            if !consumer.may_resend() {
                return;
            }
            let timestamp = consumer.continuity.timestamp(entry.timestamp);
            let packet = Forwarded {
                cache,
                entry,
                offsets: again.offsets(),
                padding: again.padding,
                content: again.content,
                timestamp,
                marker: again.marker(),
            };
            let is_rtx = packet.rtx(consumer).is_some();
            let holds = again.content != Content::Nothing;
            let twice = is_far && is_rtx && holds && again.resends() == 1 && consumer.may_resend_twice();
            for _ in 0..=usize::from(twice) {
                let space = out.reserve(2_048);
                let written = match is_rtx {
                    true => packet.write_rtx(consumer, transport, now_us, space),
                    false => packet.write_again(consumer, &again, transport, space),
                };
                if let Some(len) = written {
                    transport.pacer.spend(len);
                    out.push(path, len, len, true);
                    consumer.resent += 1;
                    transport.count_sent(1, len as u64);
                }
            }
        }
    }

    /// Asks the publisher for a key frame unless that was done a moment ago.
    pub(crate) fn ask_keyframe<S: Sink>(&mut self, producer: usize, layer: u8, now_us: u64, out: &mut Outbox<S>) {
        let at = (producer, usize::from(layer));
        let Some(producer) = self.producers.get_mut(at.0) else { return };
        let Some(layer) = producer.layers.get_mut(at.1) else { return };
        if !producer.video || layer.ssrc == 0 || !layer.keyframe.wish(now_us) {
            return;
        }
        let transport = producer.transport;
        self.send_keyframe_request(transport, at, out);
        self.wake_within(BUSY_TICK_US, now_us);
    }

    /// Whether a key frame of this layer would come, and be shown to anybody. It costs one of each layer.
    pub(crate) fn would_be_seen(&self, producer: usize, layer: u8) -> bool {
        let producer = &self.producers[producer];
        // Who is yet to come looks, too.
        let is_there = |transport: &Transport| transport.outbound.is_none() || transport.is_reached();
        let looks = |key: &usize| {
            let consumer = &self.consumers[*key];
            consumer.looks_at(layer) && is_there(&self.transports[consumer.transport])
        };
        let is_looked_at = || !producer.mirrors.is_empty() || producer.consumers().iter().any(looks);
        !producer.is_stopped(layer) && is_looked_at()
    }

    /// Asks in the way that the publisher understands.
    pub(crate) fn send_keyframe_request<S: Sink>(&mut self, transport: usize, at: (usize, usize), out: &mut Outbox<S>) {
        match self.transports[transport].way {
            Way::Ice(_) => {}
            Way::Line(_) => return self.ask_line_for_keyframe(transport, at, out),
            Way::Mirror { from, .. } => return self.wish_of_mirror(from, at),
        }
        let ssrc = self.producers[at.0].layers[at.1].ssrc;
        self.send_pli(transport, ssrc, out);
    }

    fn send_pli<S: Sink>(&mut self, transport: usize, ssrc: u32, out: &mut Outbox<S>) {
        let mut buffer = [0; 64];
        let len = rtcp::write_pli(&mut buffer, self.transports[transport].ssrc, ssrc);
        self.send_rtcp(transport, &mut buffer, len, out);
    }

    pub(crate) fn send_nack<S: Sink>(&mut self, transport: usize, ssrc: u32, lost: &[u16], out: &mut Outbox<S>) {
        for part in lost.chunks(128) {
            let mut buffer = [0; COMPOUND_BYTES + RTCP_OVERHEAD_MAX];
            let len = rtcp::write_nack(&mut buffer, self.transports[transport].ssrc, ssrc, part.iter().copied());
            self.send_rtcp(transport, &mut buffer, len, out);
        }
    }

    pub(crate) fn send_bye<S: Sink>(&mut self, transport: usize, ssrc: u32, out: &mut Outbox<S>) {
        let mut buffer = [0; 64];
        let len = rtcp::write_bye(&mut buffer, &[ssrc]);
        self.send_rtcp(transport, &mut buffer, len, out);
    }

    /// Tells a publisher when its packets came; losses between them are told too.
    pub(crate) fn send_arrivals<S: Sink>(&mut self, key: usize, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        let (ssrc, media) = (transport.ssrc, transport.sources.keys().next().copied().unwrap_or(0));
        let (mut base, mut count, log) = transport.arrivals.take();
        let mut rest = &log[..];
        while !rest.is_empty() {
            let mut buffer = [0; COMPOUND_BYTES + RTCP_OVERHEAD_MAX];
            let room = &mut buffer[..COMPOUND_BYTES];
            let (len, told) = transport_feedback::write_transport_feedback(room, ssrc, media, base, count, rest);
            if told == 0 {
                break;
            }
            self.send_rtcp(key, &mut buffer, len, out);
            count = count.wrapping_add(1);
            base = base.wrapping_add(told as u16);
            rest = &rest[told.min(rest.len())..];
        }
        self.transports[key].arrivals.give_back(log, count);
    }

    /// The regular compound: a sender report for each track sent, a receiver report for all that is received.
    pub(crate) fn send_reports<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if self.transports[key].line().is_some() {
            return self.send_line_reports(key, now_us, out);
        }
        let mut buffer = [0; COMPOUND_BYTES + RTCP_OVERHEAD_MAX];
        let mut len = 0;
        for at in 0..self.transports[key].consumers.len() {
            let Some(info) = self.sender_info(self.transports[key].consumers[at], now_us) else { continue };
            if len + SENDER_REPORT_BYTES > COMPOUND_BYTES {
                self.send_rtcp(key, &mut buffer, len, out);
                len = 0;
            }
            len += rtcp::write_sr(&mut buffer[len..], &info, &[]);
        }
        let blocks = self.report_blocks(key, now_us);
        for part in blocks.chunks(rtcp::BLOCKS_MAX) {
            if len + 8 + 24 * part.len() > COMPOUND_BYTES {
                self.send_rtcp(key, &mut buffer, len, out);
                len = 0;
            }
            len += rtcp::write_rr(&mut buffer[len..], self.transports[key].ssrc, part);
        }
        if !blocks.is_empty() {
            if len + RECEIVER_TIME_BYTES > COMPOUND_BYTES {
                self.send_rtcp(key, &mut buffer, len, out);
                len = rtcp::write_rr(&mut buffer, self.transports[key].ssrc, &[]);
            }
            let time = ntp(self.wall_us(now_us));
            len += rtcp_extended::write_receiver_time(&mut buffer[len..], self.transports[key].ssrc, time);
        }
        if len > 0 {
            self.send_rtcp(key, &mut buffer, len, out);
        }
    }

    /// The publisher's clock carried over to ours, so that a viewer plays tracks of one publisher in step.
    pub(crate) fn sender_info(&self, consumer: usize, now_us: u64) -> Option<SenderInfo> {
        let consumer = &self.consumers[consumer];
        let producer = &self.producers[consumer.producer];
        let layer = &producer.layers[usize::from(consumer.current?)];
        let publisher = &self.transports[producer.transport];
        let on_line = self.transports[consumer.transport].line().is_some();
        if !on_line && producer.voice.is_unheard(Audience::Viewers) {
            return None;
        }
        let wall_us = self.wall_us(now_us);
        let (rtp, since_us) = match (layer.clock(), publisher.clock_offset_us) {
            (Some(clock), Some(offset_us)) => (clock.rtp, wall_us - (unix_us(clock.ntp) + offset_us)),
            // A terminal without sender reports, or before its first: its packets tell the time.
            _ if publisher.is_line_or_its_mirror() => (layer.newest_timestamp?, (now_us - layer.last_us) as i64),
            _ => return None,
        };
        let ticks = i128::from(since_us) * i128::from(layer.clock_hz.max(1)) / 1_000_000;
        Some(SenderInfo {
            ssrc: consumer.ssrc,
            ntp: ntp(wall_us),
            rtp: consumer.continuity.timestamp(rtp.wrapping_add(ticks as u32)),
            packets: consumer.packets as u32,
            bytes: consumer.bytes as u32,
        })
    }

    pub(crate) fn report_blocks(&mut self, key: usize, now_us: u64) -> Vec<ReportBlock> {
        let mut blocks = Vec::new();
        for at in 0..self.transports[key].producers.len() {
            let producer = self.transports[key].producers[at];
            for layer in 0..self.producers[producer].layers.len() {
                let reported = &mut self.producers[producer].layers[layer];
                if reported.ssrc != 0 && reported.is_active(now_us) {
                    let before = reported.reception.losses.fraction;
                    blocks.push(reported.reception.report(reported.ssrc, now_us));
                    // Sender reports, as long as it makes any, tell of the rest.
                    let is_mute = reported.clock().is_none_or(|clock| now_us > clock.arrived_us + REPORTS_US);
                    if before + reported.reception.losses.fraction > 0.0 || is_mute {
                        self.tell_mirrors(producer, layer as u8);
                    }
                }
            }
        }
        blocks
    }

    fn send_rtcp<S: Sink>(&mut self, key: usize, buffer: &mut [u8], len: usize, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        if transport.line().is_some() {
            return self.send_line_rtcp(key, &buffer[..len], out);
        }
        let (Some(path), Some(outbound)) = (transport.destination(), &mut transport.outbound) else { return };
        let sealed = outbound.seal_rtcp(buffer, len);
        if sealed > 0 {
            out.put(path, &buffer[..sealed]);
            transport.count_sent(1, sealed as u64);
        }
    }
}

/// How many packets a report tells of, given what was (lost, received) since the one before. The first one's count follows from
/// its share and number of lost packets.
fn expected((lost, received): (u32, u32), block: &ReportBlock) -> u32 {
    match (lost + received, block.fraction_lost) {
        (0, 1..) => block.cumulative_lost.max(0) as u32 * 256 / u32::from(block.fraction_lost),
        (expected, _) => expected,
    }
}

/// The record of a packet that may be sent again now. Not of one that still waits for its turn: it would go out a second time
/// under its number with other bytes, and SRTP may seal no number twice.
fn recall(consumer: &mut Consumer, sequence: u16, now_ms: u16, wait_ms: u16) -> Option<Sent> {
    if !consumer.is_recent(sequence) {
        return None;
    }
    let epoch = consumer.epoch;
    let sent = consumer.sent.find(sequence)?;
    let too_soon = sent.resends() > 0 && now_ms.wrapping_sub(sent.resent_ms) < wait_ms;
    let most = if sent.content == Content::Nothing { RESENDS_OF_NOTHING_MAX } else { RESENDS_MAX };
    if sent.epoch != epoch || sent.content == Content::WithCopies || too_soon || sent.resends() >= most {
        return None;
    }
    sent.count_resend();
    sent.resent_ms = now_ms;
    Some(*sent)
}
