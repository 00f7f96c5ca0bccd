//! Commands carried out: things opened, changed and closed, with all that hangs on them.

use crate::ice::agent::Agent;
use crate::ice::questions::Cause;
use crate::path::Path;
use crate::seam::command::Command;
use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::tables::consumer::{Consumer, Opening};
use crate::shard::tables::message_stream::Messages;
use crate::shard::tables::producer::{Layer, Producer};
use crate::shard::tables::router::Router;
use crate::shard::tables::transport::{Source, Transport, Way};
use crate::stream::pause_gate::Heard;
use crate::stream::voice::Audience;
use crate::types::{Codec, Encoding, Extension, Payload};
use crate::wire::srtp::{Inbound, Outbound};
use crate::wire::srtp_profile::Profile;

/// The keys are here before the peer has our last handshake flight, and with it its own: media waits for that.
const START_DELAY_US: u64 = 5_000;

impl Shard {
    pub fn command<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) {
        if self.carry_out(command, now_us, out).is_none() {
            self.totals.stale_commands += 1;
        }
    }

    /// None: it names something that is not there (any more).
    fn carry_out<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        match command {
            Command::OpenRouter { router } => self.open_router(router),
            Command::CloseRouter { router } => self.close_router(router, now_us, out),
            Command::OpenTransport { router, transport, ufrag, pwd } => {
                self.open_transport(router, transport, &ufrag, &pwd, now_us)
            }
            Command::RestartIce { transport, ufrag, pwd } => self.restart_ice(transport, &ufrag, &pwd, now_us),
            Command::SetRemoteCredentials { transport, ufrag, pwd } => {
                self.set_remote_credentials(transport, &ufrag, &pwd, now_us, out)
            }
            Command::SetExtensions { transport, extensions } => self.set_extensions(transport, &extensions),
            Command::SetKeys { transport, profile, receive_key, receive_salt, send_key, send_salt } => {
                self.set_keys(transport, profile, (&receive_key, &receive_salt), (&send_key, &send_salt), now_us)
            }
            Command::SendDtls { transport, datagram } => self.send_dtls(transport, &datagram, out),
            Command::CloseTransport { transport } => self.close_transport(transport, now_us, out),
            Command::OpenProducer { transport, producer, video, mid, encodings, payloads } => {
                self.open_producer((transport, producer), video, mid, encodings, payloads)
            }
            Command::OpenPart { router } => self.open_part(router),
            Command::OpenMirror { router, transport, from, line } => {
                self.open_mirror((router, transport), (from, line), now_us)
            }
            Command::SetMirrored { producer, to, on } => self.set_mirrored(producer, to, on, now_us),
            other => self.carry_out_on_line(other, now_us, out),
        }
    }

    fn carry_out_on_line<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        match command {
            Command::OpenLine { router, transport, rtp_socket, rtcp_socket, latch, silent_us, cname } => {
                self.open_line((router, transport), (rtp_socket, rtcp_socket), (latch, silent_us), &cname, now_us)
            }
            Command::SetLineRemote { transport, rtp, rtcp } => self.set_line_remote(transport, rtp, rtcp, now_us),
            Command::SetLineFeedback { transport, feedback } => self.set_line_feedback(transport, feedback),
            Command::SetBitrateLimit { transport, bitrate_bps } => self.set_bitrate_limit(transport, bitrate_bps, out),
            Command::OpenMessages { transport, send_type, receive_type } => {
                self.open_messages(transport, (send_type, receive_type))
            }
            Command::SendMessage { transport, message } => self.send_message(transport, &message, now_us, out),
            Command::SwitchSource { consumer, producer, payloads } => {
                self.switch_source(consumer, producer, payloads, now_us, out)
            }
            other => self.carry_out_on_track(other, now_us, out),
        }
    }

    fn carry_out_on_track<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        match command {
            Command::CloseProducer { producer } => {
                let key = *self.ids.producers.get(&producer)?;
                self.close_producer(key, now_us, out)
            }
            Command::PauseProducer { producer, paused } => self.pause_producer(producer, paused, now_us, out),
            Command::RequestKeyframe { producer, layer } => self.request_keyframe(producer, layer, now_us, out),
            Command::OpenConsumer { .. } => self.open_consumer(command, now_us, out),
            Command::CloseConsumer { consumer } => {
                let key = *self.ids.consumers.get(&consumer)?;
                self.close_consumer(key, now_us, out)
            }
            Command::PauseConsumer { consumer, paused } => self.pause_consumer(consumer, paused, now_us, out),
            Command::SetLayers { consumer, layer, temporal } => self.set_layers(consumer, layer, temporal, now_us, out),
            Command::SetVoices { router, most } => self.set_voices(router, (most, Audience::Viewers), now_us, out),
            Command::SetMixedVoices { router, most } => self.set_voices(router, (most, Audience::Mixer), now_us, out),
            Command::MeterVoice { producer } => {
                let key = *self.ids.producers.get(&producer)?;
                self.producers[key].meter.get_or_insert_default();
                Some(())
            }
            Command::KeepVoice { producer } => self.keep_voice(producer, now_us, out),
            Command::ForgoRepairs { producer } => {
                let key = *self.ids.producers.get(&producer)?;
                self.producers[key].repaired = false;
                Some(())
            }
            Command::MakeRed { consumer, payload_type } => {
                let key = *self.ids.consumers.get(&consumer)?;
                self.consumers[key].redundancy.payload_type = Some(payload_type);
                Some(())
            }
            Command::SetPriority { consumer, priority, keeps } => self.set_priority(consumer, priority, keeps, now_us),
            _ => None,
        }
    }

    fn transport(&mut self, transport: u32) -> Option<&mut Transport> {
        let key = *self.ids.transports.get(&transport)?;
        Some(&mut self.transports[key])
    }

    pub(crate) fn open_router(&mut self, router: u32) -> Option<()> {
        if self.ids.routers.contains_key(&router) {
            return None;
        }
        let key = self.routers.insert(Router::new(router));
        self.ids.routers.insert(router, key);
        Some(())
    }

    fn close_router<S: Sink>(&mut self, router: u32, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let key = self.ids.routers.remove(&router)?;
        for transport in self.routers[key].transports.clone() {
            let id = self.transports[transport].id;
            self.close_transport(id, now_us, out);
        }
        self.routers.remove(key);
        Some(())
    }

    fn open_transport(&mut self, router: u32, transport: u32, ufrag: &str, pwd: &str, now_us: u64) -> Option<()> {
        let router = *self.ids.routers.get(&router)?;
        if self.ids.transports.contains_key(&transport) || self.ufrags.contains_key(ufrag.as_bytes()) {
            return None;
        }
        let ssrc = self.random() as u32 | 1;
        let way = Way::Ice(Agent::new(ufrag, pwd, now_us));
        let tried = self.astray.turn();
        let key = self.transports.insert(Transport { tried, ..Transport::new(transport, router, way, ssrc, now_us) });
        self.ids.transports.insert(transport, key);
        self.routers[router].transports.push(key);
        self.index_ufrags(key);
        self.wake_within(1_000_000, now_us);
        Some(())
    }

    fn restart_ice(&mut self, transport: u32, ufrag: &str, pwd: &str, now_us: u64) -> Option<()> {
        self.transport(transport)?.moving()?.restart(ufrag, pwd, now_us);
        self.index_ufrags(self.ids.transports[&transport]);
        self.wake_within(1_000_000, now_us);
        Some(())
    }

    fn set_extensions(&mut self, transport: u32, extensions: &[(u8, Extension)]) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        let transport = &mut self.transports[key];
        let before = transport.extensions;
        extensions.iter().for_each(|(id, extension)| transport.extensions.set(*id, *extension));
        if transport.extensions != before {
            // What went out had other headers, and these are under the tag.
            transport.consumers.iter().for_each(|consumer| self.consumers[*consumer].forget_sent());
        }
        Some(())
    }

    fn set_keys(
        &mut self,
        transport: u32,
        profile: Profile,
        receive: (&[u8], &[u8]),
        send: (&[u8], &[u8]),
        now_us: u64,
    ) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        let transport = &mut self.transports[key];
        let mut inbound = Inbound::new(profile, receive.0, receive.1).ok()?;
        let mut outbound = Outbound::new(profile, send.0, send.1).ok()?;
        if transport.is_secured() {
            // RFC 3711 §3.3.1: under another key the rollover counters go on ...
            transport.inbound.take().into_iter().for_each(|before| inbound.go_on_from(before));
            transport.outbound.iter().for_each(|before| outbound.go_on_from(before));
        } else {
            // ... and those of packets that went in clear begin here.
            transport.consumers.iter().for_each(|consumer| self.consumers[*consumer].begin_counting());
            transport.line_mut().and_then(|line| line.messages.as_mut()).into_iter().for_each(Messages::begin_counting);
        }
        transport.inbound = Some(inbound);
        transport.outbound = Some(outbound);
        transport.keyed_us.get_or_insert(now_us);
        transport.start_us = Some(now_us + START_DELAY_US);
        self.wake_within(START_DELAY_US, now_us);
        Some(())
    }

    /// Checks may come before the description of their sender.
    fn set_remote_credentials<S: Sink>(
        &mut self,
        transport: u32,
        ufrag: &str,
        pwd: &str,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        let agent = self.transports[key].agent()?;
        agent.set_remote(ufrag, pwd);
        let checked: Vec<Path> = if agent.awaits_nomination() { agent.paths().collect() } else { Vec::new() };
        for path in checked {
            self.ask_there((key, path), Cause::Check, 0, now_us, out);
        }
        Some(())
    }

    fn send_dtls<S: Sink>(&mut self, transport: u32, datagram: &[u8], out: &mut Outbox<S>) -> Option<()> {
        let transport = self.transport(transport)?;
        if let Some(path) = transport.agent()?.path() {
            out.put(path, datagram);
            transport.count_sent(1, datagram.len() as u64);
        }
        Some(())
    }

    fn close_transport<S: Sink>(&mut self, transport: u32, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let key = self.ids.transports.remove(&transport)?;
        for consumer in self.transports[key].consumers.clone() {
            self.close_consumer(consumer, now_us, out);
        }
        for producer in self.transports[key].producers.clone() {
            self.close_producer(producer, now_us, out);
        }
        self.ufrags.retain(|_, owner| *owner != key);
        self.paths.retain(|_, owner| *owner != key);
        self.release_path(self.transports[key].ice().and_then(Agent::selected), now_us);
        self.release_sockets(key);
        self.paced.retain(|paced| *paced != key);
        self.limited.retain(|limited| *limited != key);
        let router = self.transports.remove(key).router;
        self.routers[router].transports.retain(|t| *t != key);
        Some(())
    }

    fn open_producer(
        &mut self,
        (transport, producer): (u32, u32),
        video: bool,
        mid: String,
        encodings: Vec<Encoding>,
        payloads: Vec<Payload>,
    ) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        if self.ids.producers.contains_key(&producer) || encodings.is_empty() {
            return None;
        }
        let router = self.transports[key].router;
        let has_h264 = video && payloads.iter().any(|payload| payload.codec == Codec::H264);
        let opened = Producer::new((producer, key, router), video, mid, encodings, payloads);
        let place = self.producers.insert(opened);
        let transport = &mut self.transports[key];
        if transport.line().is_some() {
            let producer = &mut self.producers[place];
            producer.on_line = true;
            for layer in producer.layers.iter_mut().filter(|_| has_h264) {
                layer.sets = Some(Default::default());
            }
        }
        if transport.is_mirror() {
            self.producers[place].layers.iter_mut().for_each(|layer| layer.ssrc = layer.ssrc.max(1));
        }
        for (index, layer) in self.producers[place].layers.iter().enumerate() {
            for (ssrc, rtx) in [(layer.ssrc, false), (layer.rtx_ssrc, true)] {
                if ssrc != 0 {
                    transport.sources.insert(ssrc, Source { producer: place, layer: index as u8, rtx });
                }
            }
        }
        transport.producers.push(place);
        self.ids.producers.insert(producer, place);
        Some(())
    }

    fn close_producer<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        for consumer in self.producers[key].consumers().to_vec() {
            self.close_consumer(consumer, now_us, out);
        }
        self.withdraw_voice(key, now_us, out);
        let producer = self.producers.remove(key);
        self.ids.producers.remove(&producer.id);
        self.dirty.retain(|(dirty, _)| *dirty != key);
        let transport = &mut self.transports[producer.transport];
        transport.producers.retain(|p| *p != key);
        transport.sources.retain(|_, source| source.producer != key);
        Some(())
    }

    fn pause_producer<S: Sink>(&mut self, producer: u32, paused: bool, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let key = *self.ids.producers.get(&producer)?;
        let producer = &mut self.producers[key];
        if producer.paused == paused {
            return Some(());
        }
        producer.paused = paused;
        for layer in &mut producer.layers {
            layer.clear_pending();
            // A viewer that comes later must not see what was cached meanwhile.
            layer.forget_keyframe();
            layer.heard = if paused { Heard::Always } else { Heard::FromNext };
        }
        self.dirty.retain(|(dirty, _)| *dirty != key);
        for consumer in self.producers[key].consumers() {
            self.consumers[*consumer].stop();
        }
        if paused {
            self.withdraw_voice(key, now_us, out);
        } else {
            self.retarget(key, now_us, out);
            for consumer in self.producers[key].consumers().to_vec() {
                self.pad_until_keyframe(consumer, now_us, out);
            }
        }
        Some(())
    }

    fn request_keyframe<S: Sink>(
        &mut self,
        producer: u32,
        layer: Option<u8>,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.producers.get(&producer)?;
        match layer {
            Some(layer) => self.ask_keyframe(key, layer, now_us, out),
            None => {
                for layer in 0..self.producers[key].layers.len() {
                    if self.producers[key].layers[layer].is_active(now_us) {
                        self.ask_keyframe(key, layer as u8, now_us, out);
                    }
                }
            }
        }
        Some(())
    }

    fn open_consumer<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let Command::OpenConsumer {
            transport,
            consumer,
            producer,
            mid,
            ssrc,
            rtx_ssrc,
            payloads,
            strip_red,
            red_blocks,
            paused,
            single_nal,
        } = command
        else {
            return None;
        };
        let (transport, producer) = (*self.ids.transports.get(&transport)?, *self.ids.producers.get(&producer)?);
        let same_router = self.transports[transport].router == self.producers[producer].router;
        let outgoing = &self.transports[transport].outgoing;
        // Two streams under one SSRC and key would share their SRTP key stream.
        let in_use = outgoing.contains_key(&ssrc) || outgoing.contains_key(&rtx_ssrc) || ssrc == rtx_ssrc;
        if !same_router || in_use || self.ids.consumers.contains_key(&consumer) {
            return None;
        }
        let random = self.random();
        let video = self.producers[producer].video;
        let clock_hz = self.producers[producer].payloads.first().map_or(90_000, |p| p.clock_hz);
        let opening = Opening {
            id: consumer,
            transport,
            producer,
            video,
            mid,
            ssrc,
            rtx_ssrc,
            payloads,
            strip_red,
            red_blocks,
            paused,
            single_nal,
        };
        let mut opened = Consumer::new(opening, (random as u16, (random >> 16) as u16));
        opened.clock_hz = clock_hz;
        let key = self.consumers.insert(opened);
        self.ids.consumers.insert(consumer, key);
        let transport = &mut self.transports[transport];
        self.producers[producer].attach(key, transport.line().is_some());
        transport.consumers.push(key);
        transport.outgoing.insert(ssrc, key);
        if rtx_ssrc != 0 {
            transport.outgoing.insert(rtx_ssrc, key);
        }
        self.begin_low(key, now_us);
        self.choose_target(key, now_us);
        self.start_from_cache(key, now_us, out);
        self.pad_until_keyframe(key, now_us, out);
        self.ask_ahead(key, now_us, out);
        Some(())
    }

    /// Asks for what a new consumer will need, though its transport may still be connecting: the key frame is in the
    /// cache by then.
    pub(crate) fn ask_ahead<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let consumer = &self.consumers[key];
        let (producer, target) = (consumer.producer, consumer.target);
        let cached = |layer: &Layer| layer.recent(now_us).is_some();
        let is_cached = self.producers[producer].layers.get(usize::from(target)).is_some_and(cached);
        let transport = &self.transports[consumer.transport];
        let is_new = transport.outbound.is_none() && !is_cached;
        if consumer.wants_keyframe() && (transport.is_reached() || is_new) {
            self.ask_keyframe(producer, target, now_us, out);
        }
    }

    fn close_consumer<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let consumer = self.consumers.remove(key);
        self.ids.consumers.remove(&consumer.id);
        if consumer.packets > 0 {
            self.send_bye(consumer.transport, consumer.ssrc, out);
        }
        self.producers[consumer.producer].detach(key);
        self.feeds_changed(consumer.producer, now_us, out);
        let transport = &mut self.transports[consumer.transport];
        transport.pacer.forget(key);
        transport.consumers.retain(|c| *c != key);
        transport.outgoing.retain(|_, owner| *owner != key);
        Some(())
    }

    fn pause_consumer<S: Sink>(&mut self, consumer: u32, paused: bool, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let key = *self.ids.consumers.get(&consumer)?;
        let consumer = &mut self.consumers[key];
        if consumer.paused == paused {
            return Some(());
        }
        consumer.paused = paused;
        consumer.stop();
        let producer = consumer.producer;
        self.feeds_changed(producer, now_us, out);
        self.begin_low(key, now_us);
        self.choose_target(key, now_us);
        self.start_from_cache(key, now_us, out);
        self.pad_until_keyframe(key, now_us, out);
        self.retarget(producer, now_us, out);
        Some(())
    }

    fn set_layers<S: Sink>(
        &mut self,
        consumer: u32,
        layer: u8,
        temporal: u8,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.consumers.get(&consumer)?;
        let consumer = &mut self.consumers[key];
        consumer.wanted_layer = layer;
        consumer.wanted_temporal = temporal;
        let (producer, transport) = (consumer.producer, consumer.transport);
        self.allocate_soon(transport, now_us);
        self.retarget(producer, now_us, out);
        Some(())
    }

    fn set_priority(&mut self, consumer: u32, priority: u8, keeps: bool, now_us: u64) -> Option<()> {
        let key = *self.ids.consumers.get(&consumer)?;
        let consumer = &mut self.consumers[key];
        (consumer.priority, consumer.keeps) = (priority, keeps);
        let transport = consumer.transport;
        self.allocate_soon(transport, now_us);
        Some(())
    }
}
