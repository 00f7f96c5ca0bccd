//! What a shard does for its lines: opens them, tells their datagrams from strangers', follows their SSRCs, asks and
//! reports in full compounds (RFC 3550 §6.1), and hears keys and silences.

use std::net::SocketAddr;

use crate::path::Path;
use crate::seam::event::{Event, LineState};
use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::repair::COMPOUND_BYTES;
use crate::shard::tables::line::{CNAME_BYTES_MAX, Line, Newcomer, Part, SOURCE_CHANGE_US, SOURCE_SILENT_US};
use crate::shard::tables::transport::{Source, Transport, Way};
use crate::stream::cache::Entry;
use crate::stream::incoming::Incoming;
use crate::stream::reception::Arrival;
use crate::types::{Codec, Feedback, PayloadMap};
use crate::wire::demux::{Class, classify};
use crate::wire::rtcp::{self, TmmbrEntries, TmmbrEntry};
use crate::wire::rtp::Header;
use crate::wire::srtp::{Inbound, Outbound, RTCP_OVERHEAD_MAX};

/// Key frame requests to a terminal are repeated this often (its encoder may take half a second).
const KEYFRAME_AGAIN_US: u64 = 1_000_000;
/// Tracks and report blocks in one compound, so that it fits with its names.
const TRACKS_A_REPORT: usize = 8;
const BLOCKS_A_REPORT: usize = 8;
/// RFC 5104 §4.2.1.1: what UDP, IPv4 and RTP add to a packet.
const OVERHEAD_BYTES: u16 = 40;
/// Tuples looked at in one request.
const LIMITS_MAX: usize = 8;

impl Shard {
    pub(crate) fn open_line(
        &mut self,
        (router, transport): (u32, u32),
        sockets: (u16, Option<u16>),
        (latch, silent_us): (bool, u64),
        cname: &str,
        now_us: u64,
    ) -> Option<()> {
        let line = Line::new(sockets, latch, silent_us, cname, now_us);
        let router = self.ids.routers.get(&router).copied();
        let (Some(router), false) = (router, self.ids.transports.contains_key(&transport)) else {
            self.released.extend(line.sockets().map(|(socket, _)| socket));
            return None;
        };
        let ssrc = self.random() as u32 | 1;
        let places: Vec<_> = line.sockets().collect();
        let way = Way::Line(Box::new(line));
        let key = self.transports.insert(Transport::new(transport, router, way, ssrc, now_us));
        for (socket, part) in places {
            let place = usize::from(socket);
            self.lines.resize(self.lines.len().max(place + 1), None);
            self.lines[place] = Some((key, part));
        }
        self.ids.transports.insert(transport, key);
        self.routers[router].transports.push(key);
        self.wake_within(silent_us, now_us);
        Some(())
    }

    /// The sockets go back to their owner.
    pub(crate) fn release_sockets(&mut self, key: usize) {
        let Some(line) = self.transports[key].line() else { return };
        for (socket, _) in line.sockets() {
            self.lines[usize::from(socket)] = None;
            self.released.push(socket);
        }
    }

    /// A line whose keys were not set before is plain RTP from here on.
    pub(crate) fn set_line_remote(
        &mut self,
        transport: u32,
        rtp: Option<SocketAddr>,
        rtcp: Option<SocketAddr>,
        now_us: u64,
    ) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        let transport = &mut self.transports[key];
        let line = transport.line_mut()?;
        line.set_remote(rtp, rtcp, now_us);
        if rtp.is_some() {
            transport.inbound.get_or_insert_with(Inbound::clear);
            transport.outbound.get_or_insert_with(Outbound::clear);
            transport.start_us = Some(now_us);
            self.wake_within(0, now_us);
        }
        Some(())
    }

    pub(crate) fn set_line_feedback(&mut self, transport: u32, feedback: Feedback) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        self.transports[key].line_mut()?.feedback = feedback;
        Some(())
    }

    pub(crate) fn set_bitrate_limit<S: Sink>(
        &mut self,
        transport: u32,
        bitrate_bps: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        self.transports[key].line_mut()?.limit.set(bitrate_bps);
        self.ask_limit(key, out);
        Some(())
    }

    /// Another source under the same SSRC: numbers and times go on, video waits for a key frame.
    pub(crate) fn switch_source<S: Sink>(
        &mut self,
        consumer: u32,
        producer: u32,
        payloads: Vec<PayloadMap>,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.consumers.get(&consumer)?;
        let to = *self.ids.producers.get(&producer)?;
        let (from, transport) = (self.consumers[key].producer, self.consumers[key].transport);
        let source = &self.producers[to];
        if source.router != self.transports[transport].router || source.video != self.consumers[key].video {
            return None;
        }
        let clock_hz = source.payloads.first().map_or(90_000, |p| p.clock_hz);
        if from != to {
            self.producers[from].detach(key);
            self.producers[to].attach(key, self.transports[transport].line().is_some());
            self.feeds_changed(from, now_us, out);
        }
        self.transports[transport].pacer.forget(key);
        let consumer = &mut self.consumers[key];
        consumer.change_source(to, payloads, clock_hz);
        self.choose_target(key, now_us);
        self.start_from_cache(key, now_us, out);
        self.ask_ahead(key, now_us, out);
        Some(())
    }

    #[inline]
    pub(crate) fn line_at(&self, path: Path) -> Option<(usize, Part)> {
        match path {
            Path::Udp { socket, .. } => *self.lines.get(usize::from(socket))?,
            Path::Tcp { .. } => None,
        }
    }

    pub(crate) fn receive_on_line<S: Sink>(
        &mut self,
        (key, part): (usize, Part),
        path: Path,
        datagram: &mut [u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let transport = &self.transports[key];
        let admitted = transport.line().is_some_and(|line| line.admits(part, path.remote(), transport.is_secured()));
        if !admitted {
            self.totals.stranger_datagrams += 1;
            return;
        }
        match (classify(datagram), part) {
            (Class::Rtp, Part::Rtp) => self.receive_line_rtp(key, path, datagram, now_us, out),
            (Class::Rtcp, _) => {
                if self.receive_rtcp(key, datagram, now_us, out) {
                    self.hear((key, part), path, false, now_us);
                }
            }
            _ => self.totals.malformed += 1,
        }
    }

    fn receive_line_rtp<S: Sink>(
        &mut self,
        key: usize,
        path: Path,
        datagram: &mut [u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let Some((header, len)) = self.open_rtp(key, datagram, now_us) else { return };
        let transport = &self.transports[key];
        let latched = transport.line().is_some_and(Line::is_latched);
        let messages = transport.line().and_then(|line| line.messages.as_ref());
        let message = messages.is_some_and(|messages| messages.takes(header.payload_type));
        let known = |producer: &usize| self.producers[*producer].payload(header.payload_type).is_some();
        // Without SRTP the payload type is all that tells the far end's first packet from noise.
        if !latched && !message && !transport.is_secured() && !transport.producers.iter().any(known) {
            self.totals.malformed += 1;
            return;
        }
        self.hear((key, Part::Rtp), path, true, now_us);
        if message {
            return self.take_message(key, &header, &datagram[..len], now_us);
        }
        self.receive_clear(key, &header, &datagram[..len], now_us, out);
    }

    /// A valid packet came: its address is the line's, and somebody is there. Plain RTCP alone proves nothing on the
    /// port of RTP.
    fn hear(&mut self, (key, part): (usize, Part), path: Path, rtp: bool, now_us: u64) {
        let transport = &mut self.transports[key];
        let (id, secured) = (transport.id, transport.is_secured());
        let Some(line) = transport.line_mut() else { return };
        if rtp || part == Part::Rtcp || secured {
            line.latch(part, path);
        }
        if let Some(state) = line.hear(rtp, now_us) {
            self.events.push(Event::Line { transport: id, state });
        }
    }

    /// What an SSRC not seen before is on a line: found by its payload type, once it may follow the one before it.
    pub(crate) fn source_on_line(&mut self, key: usize, header: &Header, now_us: u64) -> Option<Source> {
        let transport = &self.transports[key];
        let takes = |key: &&usize| {
            let producer = &self.producers[**key];
            producer.follows && producer.payload(header.payload_type).is_some()
        };
        let producer = *transport.producers.iter().find(takes)?;
        let layer = &self.producers[producer].layers[0];
        let replaced = layer.ssrc;
        let silent = now_us.saturating_sub(layer.last_us) >= SOURCE_SILENT_US;
        let soon = now_us.saturating_sub(layer.changed_us) < SOURCE_CHANGE_US;
        if replaced != 0 && !silent && (!self.is_second(key, producer, header) || soon) {
            return None;
        }
        let source = Source { producer, layer: 0, rtx: false };
        self.producers[producer].layers[0].ssrc = header.ssrc;
        let transport = &mut self.transports[key];
        transport.sources.remove(&replaced);
        transport.sources.insert(header.ssrc, source);
        if let Some(line) = transport.line_mut() {
            line.newcomer = None;
            line.limit.renew();
        }
        if replaced != 0 {
            self.producers[producer].layers[0].changed_us = now_us;
            self.restart_layer(source);
        }
        Some(source)
    }

    /// The second packet in order of a new SSRC, and none of the old one since the first.
    fn is_second(&mut self, key: usize, producer: usize, header: &Header) -> bool {
        let Some(line) = self.transports[key].line_mut() else { return false };
        let next = Newcomer { producer, ssrc: header.ssrc, sequence: header.sequence };
        let before = line.newcomer.replace(next);
        before.is_some_and(|before| {
            let follows = header.sequence.wrapping_sub(before.sequence) == 1;
            before.producer == producer && before.ssrc == header.ssrc && follows
        })
    }

    /// A number that belongs to no stream we know: the source has started anew when it was silent, or when the next
    /// number follows (RFC 3550 A.1); until then it is left out.
    pub(crate) fn is_strange(&mut self, source: Source, sequence: u16, now_us: u64) -> bool {
        let layer = &mut self.producers[source.producer].layers[usize::from(source.layer)];
        if !layer.reception.is_far_off(sequence) {
            layer.strange = None;
            return false;
        }
        let silent = now_us.saturating_sub(layer.last_us) >= SOURCE_SILENT_US;
        let second = layer.strange.replace(sequence).is_some_and(|before| sequence.wrapping_sub(before) == 1);
        let soon = now_us.saturating_sub(layer.changed_us) < SOURCE_CHANGE_US;
        let anew = silent || second && !soon;
        if anew {
            (layer.strange, layer.changed_us) = (None, now_us);
            self.restart_layer(source);
        }
        !anew
    }

    /// A packet of telephone events.
    pub(crate) fn note_press(&mut self, source: Source, incoming: &Incoming, now_us: u64) {
        let producer = &self.producers[source.producer];
        let clock_hz = producer.payload(incoming.payload_type).map_or(8_000, |p| p.clock_hz);
        let transport = &mut self.transports[producer.transport];
        let id = transport.id;
        let Some(line) = transport.line_mut() else { return };
        let number = (incoming.sequence, incoming.timestamp, clock_hz);
        let Ok(presses) = line.presses.take(incoming.payload, number, now_us) else {
            self.totals.malformed += u64::from(!incoming.payload.is_empty());
            return;
        };
        for press in presses.into_iter().flatten().filter(|_| line.news.take(now_us)) {
            self.events.push(Event::Dtmf { transport: id, digit: press.digit, duration_ms: press.duration_ms });
        }
    }

    /// The number that a packet has further on. Before an IDR picture that came without its parameter sets they are
    /// put in.
    pub(crate) fn number_on_line<S: Sink>(
        &mut self,
        source: Source,
        incoming: &Incoming,
        arrival: Arrival,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> u16 {
        let layer = &mut self.producers[source.producer].layers[usize::from(source.layer)];
        let Some(mut sets) = layer.sets.take() else { return incoming.sequence };
        let newest = arrival != Arrival::Late;
        let bare = incoming.codec == Codec::H264 && sets.look(incoming.payload, incoming.timestamp);
        if newest && bare {
            self.put_sets(source, &mut sets, incoming, now_us, out);
        }
        if newest {
            sets.forget_before(incoming.sequence);
        }
        let number = sets.number(incoming.sequence);
        let layer = &mut self.producers[source.producer].layers[usize::from(source.layer)];
        (layer.moved, layer.sets) = (sets.moved(), Some(sets));
        number
    }

    fn put_sets<S: Sink>(
        &mut self,
        source: Source,
        sets: &mut crate::codec::parameter_sets::ParameterSets,
        incoming: &Incoming,
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let first = sets.number(incoming.sequence);
        sets.put(incoming.sequence, incoming.timestamp);
        for (n, unit) in (0u16..).zip(sets.units()) {
            let entry = Entry {
                sequence: first.wrapping_add(n),
                timestamp: incoming.timestamp,
                payload_type: incoming.payload_type,
                codec: Some(Codec::H264),
                keyframe: n == 0,
                audio_level: crate::stream::cache::ABSENT,
                orientation: crate::stream::cache::ABSENT,
                ..Entry::default()
            };
            if n == 0 {
                let layer = &mut self.producers[source.producer].layers[usize::from(source.layer)];
                layer.note_keyframe(entry.sequence, entry.timestamp, now_us);
            }
            self.queue(source, entry, (unit, &[]), now_us, out);
        }
    }

    /// Silences, presses without an end, limits that were not confirmed.
    pub(crate) fn tick_line<S: Sink>(&mut self, key: usize, report: bool, now_us: u64, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        let id = transport.id;
        let Some(line) = transport.line_mut() else { return };
        let press = line.presses.timeout(now_us);
        if line.falls_silent(now_us) {
            self.events.push(Event::Line { transport: id, state: LineState::Silent });
        }
        if let Some(press) = press.filter(|_| line.news.take(now_us)) {
            self.events.push(Event::Dtmf { transport: id, digit: press.digit, duration_ms: press.duration_ms });
        }
        if report {
            self.ask_limit(key, out);
        }
    }

    /// PLI, FIR or both; who understands neither, or has not answered for a second, is to be asked by signalling.
    pub(crate) fn ask_line_for_keyframe<S: Sink>(&mut self, key: usize, at: (usize, usize), out: &mut Outbox<S>) {
        let layer = &mut self.producers[at.0].layers[at.1];
        layer.keyframe.repeat_after(KEYFRAME_AGAIN_US);
        let (media, serial, asks) = (layer.ssrc, layer.keyframe.serial, layer.keyframe.asks());
        let transport = &self.transports[key];
        let Some(line) = transport.line() else { return };
        let (feedback, own) = (line.feedback, self.own_ssrc(key));
        if asks > 1 || !(feedback.pli || feedback.fir) {
            self.events.push(Event::Keyframe { transport: transport.id });
        }
        let mut body = [0; 32];
        let mut len = 0;
        if feedback.pli {
            len += rtcp::write_pli(&mut body, own, media);
        }
        if feedback.fir {
            len += rtcp::write_fir(&mut body[len..], own, media, serial);
        }
        if len > 0 {
            self.send_line_rtcp(key, &body[..len], out);
        }
    }

    /// Asks for the limit of the line where the far end sends video and knows the message.
    fn ask_limit<S: Sink>(&mut self, key: usize, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        let videos = transport.producers.iter().filter(|at| self.producers[**at].video);
        let ssrcs = videos.map(|at| self.producers[*at].layers[0].ssrc);
        let Some(media) = ssrcs.into_iter().find(|ssrc| *ssrc != 0) else { return };
        let Some(line) = transport.line_mut().filter(|line| line.feedback.tmmbr) else { return };
        let Some(bitrate_bps) = line.limit.ask() else { return };
        let mut body = [0; 32];
        let entry = TmmbrEntry { ssrc: media, bitrate_bps, overhead_bytes: OVERHEAD_BYTES };
        let len = rtcp::write_tmmbr(&mut body, self.own_ssrc(key), &entry);
        self.send_line_rtcp(key, &body[..len], out);
    }

    /// The far end wants less of what we send: confirmed at once (RFC 5104 §4.2.2), told to the control side.
    pub(crate) fn limit_asked<S: Sink>(
        &mut self,
        key: usize,
        (sender, entries): (u32, TmmbrEntries),
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        for entry in entries.take(LIMITS_MAX) {
            let transport = &mut self.transports[key];
            let Some(at) = transport.outgoing.get(&entry.ssrc).copied() else { continue };
            if !transport.line_mut().is_some_and(|line| line.news.take(now_us)) {
                return;
            }
            let consumer = &mut self.consumers[at];
            if consumer.limit_bps != entry.bitrate_bps {
                consumer.limit_bps = entry.bitrate_bps;
                self.events.push(Event::Limit { consumer: consumer.id, bitrate_bps: entry.bitrate_bps });
            }
            let mut body = [0; 32];
            let owned = TmmbrEntry { ssrc: sender, ..entry };
            let len = rtcp::write_tmmbn(&mut body, entry.ssrc, &owned);
            self.send_line_rtcp(key, &body[..len], out);
        }
    }

    pub(crate) fn limit_confirmed(&mut self, key: usize) {
        if let Some(line) = self.transports[key].line_mut() {
            line.limit.confirm();
        }
    }

    /// Terminals name all kinds of SSRC when they want a key frame; where one video is sent it is that one.
    pub(crate) fn only_video(&self, key: usize) -> Option<usize> {
        let transport = &self.transports[key];
        transport.line()?;
        let mut videos = transport.consumers.iter().filter(|at| self.consumers[**at].video);
        videos.next().filter(|_| videos.next().is_none()).copied()
    }

    /// The SSRC that we report under: that of what we send, so that the far end sees one participant.
    fn own_ssrc(&self, key: usize) -> u32 {
        let transport = &self.transports[key];
        let first = transport.consumers.first().and_then(|consumer| self.consumers.get(*consumer));
        first.map_or(transport.ssrc, |consumer| consumer.ssrc)
    }

    /// Sender reports, report blocks, and under each SSRC the one name of all that this router sends.
    pub(crate) fn send_line_reports<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let blocks = self.report_blocks(key, now_us);
        let mut blocks = blocks.chunks(BLOCKS_A_REPORT);
        let consumers = self.transports[key].consumers.len();
        let mut at = 0;
        loop {
            let mut buffer = [0; COMPOUND_BYTES];
            let (mut len, mut ssrcs) = (0, [0; TRACKS_A_REPORT]);
            let mut tracks = 0;
            let mut told = blocks.next().unwrap_or_default();
            while at < consumers && tracks < TRACKS_A_REPORT {
                let info = self.sender_info(self.transports[key].consumers[at], now_us);
                at += 1;
                let Some(info) = info else { continue };
                len += rtcp::write_sr(&mut buffer[len..], &info, std::mem::take(&mut told));
                ssrcs[tracks] = info.ssrc;
                tracks += 1;
            }
            if tracks == 0 {
                ssrcs[0] = self.own_ssrc(key);
                len = rtcp::write_rr(&mut buffer, ssrcs[0], told);
                tracks = 1;
            }
            let Some(line) = self.transports[key].line() else { return };
            for ssrc in &ssrcs[..tracks] {
                len += rtcp::write_sdes_cname(&mut buffer[len..], *ssrc, &line.cname);
            }
            self.put_line_rtcp(key, &buffer[..len], out);
            if at >= consumers && blocks.len() == 0 {
                return;
            }
        }
    }

    /// Feedback or a farewell, behind the report and the name that every compound begins with.
    pub(crate) fn send_line_rtcp<S: Sink>(&mut self, key: usize, body: &[u8], out: &mut Outbox<S>) {
        const HEAD_BYTES: usize = 8 + 16 + CNAME_BYTES_MAX;
        let own = self.own_ssrc(key);
        let Some(line) = self.transports[key].line() else { return };
        let mut buffer = [0; COMPOUND_BYTES + HEAD_BYTES];
        let mut len = rtcp::write_rr(&mut buffer, own, &[]);
        len += rtcp::write_sdes_cname(&mut buffer[len..], own, &line.cname);
        buffer[len..len + body.len()].copy_from_slice(body);
        len += body.len();
        self.put_line_rtcp(key, &buffer[..len], out);
    }

    fn put_line_rtcp<S: Sink>(&mut self, key: usize, compound: &[u8], out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        let (Some(path), Some(outbound)) = (transport.rtcp_path(), &mut transport.outbound) else { return };
        let space = out.reserve(compound.len() + RTCP_OVERHEAD_MAX);
        space[..compound.len()].copy_from_slice(compound);
        let sealed = outbound.seal_rtcp(space, compound.len());
        if sealed > 0 {
            out.push(path, sealed, sealed, false);
            transport.count_sent(1, sealed as u64);
        }
    }
}
