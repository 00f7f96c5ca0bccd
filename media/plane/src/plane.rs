//! The class `Plane`: it checks arguments, finds the shard and queues commands. Only `close` blocks.

use crate::arguments as check;
use crate::directory::Directory;
use crate::events;
use crate::queues::{Commands, Events, Order};
use crate::shards::{Front, Shards};
use crate::snapshot::{Outside, Snapshot};
use crate::thread::{self, Seat};
use plane_core::seam::command::Command;
use plane_core::shard::tables::line::SILENT_US;
use plane_core::stream::voice::VOICES_MAX;
use plane_udp::{Bounds, Listener, Options, UdpSocket};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// All sockets and all shard threads of this process.
#[pyclass(frozen, module = "media._plane")]
pub struct Plane {
    shards: Shards,
    events: Arc<Events>,
    directory: Mutex<Directory>,
    udp_ports: Vec<u16>,
    tcp_ports: Vec<u16>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    closed: AtomicBool,
}

const POLL_MAX: i64 = 65_536;

type Any<'a, 'py> = &'a Bound<'py, PyAny>;

#[pymethods]
impl Plane {
    #[new]
    #[pyo3(signature = (*, udp, tcp=None, shards=None, gather_us=None, gso=true, receive_buffer_bytes=None,
        local_only=false, tcp_strangers=None, tcp_first_answer_ms=None, tcp_proved=None),
        text_signature = "(*, udp, tcp=..., shards=1, gather_us=1000, gso=True, receive_buffer_bytes=4194304, \
            local_only=False, tcp_strangers=1024, tcp_first_answer_ms=10000, tcp_proved=8192)")]
    #[allow(clippy::too_many_arguments, reason = "keywords of Python")]
    fn new(
        udp: Any,
        tcp: Option<Any>,
        shards: Option<Any>,
        gather_us: Option<Any>,
        gso: bool,
        receive_buffer_bytes: Option<Any>,
        local_only: bool,
        tcp_strangers: Option<Any>,
        tcp_first_answer_ms: Option<Any>,
        tcp_proved: Option<Any>,
    ) -> PyResult<Self> {
        let number = |value: Option<Any>, what, min, max, default| {
            value.map_or(Ok(default), |value| check::number(value, what, min, max))
        };
        let udp = check::entries(udp, "udp")?;
        let tcp = tcp.map_or(Ok(Vec::new()), |tcp| check::entries(tcp, "tcp"))?;
        let shards = number(shards, "shards", 1, check::SHARDS_MAX, 1)? as usize;
        let gather_us = number(gather_us, "gather_us", 0, check::GATHER_US_MAX, 1000)? as u64;
        let buffer =
            number(receive_buffer_bytes, "receive_buffer_bytes", 4096, check::RECEIVE_BUFFER_BYTES_MAX, 4 << 20)?;
        if !gso {
            plane_udp::refuse_gso();
        }
        let bounds = Bounds {
            strangers: number(tcp_strangers, "tcp_strangers", 1, check::TCP_CONNECTIONS_MAX, 1024)? as usize,
            first_answer_us: number(tcp_first_answer_ms, "tcp_first_answer_ms", 1, check::FIRST_ANSWER_MS_MAX, 10_000)?
                as u64
                * 1000,
            proved: number(tcp_proved, "tcp_proved", 1, check::TCP_CONNECTIONS_MAX, 8192)? as usize,
        };
        let options = Options { reuse_port: false, receive_buffer_bytes: buffer as usize, local_only };
        Ok(Plane::open(&udp, &tcp, shards, gather_us, options, bounds)?)
    }

    fn udp_ports(&self) -> PyResult<Vec<u16>> {
        self.check_alive()?;
        Ok(self.udp_ports.clone())
    }

    fn tcp_ports(&self) -> PyResult<Vec<u16>> {
        self.check_alive()?;
        Ok(self.tcp_ports.clone())
    }

    fn event_fd(&self) -> PyResult<RawFd> {
        self.check_alive()?;
        Ok(self.events.bell.fd())
    }

    #[pyo3(signature = (limit=None), text_signature = "($self, limit=256)")]
    fn poll<'py>(&self, py: Python<'py>, limit: Option<Any<'_, 'py>>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.check_alive()?;
        let limit = limit.map_or(Ok(256), |limit| check::number(limit, "limit", 1, POLL_MAX))?;
        self.events.poll(limit as usize).into_iter().map(|event| events::to_python(py, event)).collect()
    }

    fn close(&self, py: Python) {
        py.detach(|| self.end());
    }

    #[pyo3(signature = (router, shard=None), text_signature = "($self, router, shard=0)")]
    fn open_router(&self, router: Any, shard: Option<Any>) -> PyResult<()> {
        let router = check::id(router, "router")?;
        let last = self.shards.fronts.len() as i64 - 1;
        let shard = shard.map_or(Ok(0), |shard| check::number(shard, "shard", 0, last))? as usize;
        let mut directory = self.directory()?;
        let place = directory.may_open_router(router).map(|()| shard);
        if self.shards.open_at(place, "router", router, Command::OpenRouter { router })? {
            directory.open_router(router, shard);
        }
        Ok(())
    }

    fn set_voices(&self, router: Any, most: Any) -> PyResult<()> {
        let router = check::id(router, "router")?;
        let most = check::number(most, "most", 0, VOICES_MAX.into())? as u16;
        let mut directory = self.directory()?;
        self.shards.send_to_router(&mut directory, router, Command::SetVoices { router, most })?;
        if let Some(router) = directory.router_record(router) {
            router.voices = most;
        }
        Ok(())
    }

    fn close_router(&self, router: Any) -> PyResult<()> {
        let router = check::id(router, "router")?;
        let mut directory = self.directory()?;
        self.shards.send_to_router(&mut directory, router, Command::CloseRouter { router })?;
        directory.close_router(router);
        Ok(())
    }

    fn open_transport(&self, router: Any, transport: Any, ufrag: String, pwd: String) -> PyResult<()> {
        let (router, transport) = (check::id(router, "router")?, check::id(transport, "transport")?);
        let (ufrag, pwd) = credentials(ufrag, pwd)?;
        let mut directory = self.directory()?;
        let shard = self.shards.named(&ufrag)?;
        let place = directory.may_open_transport(router, transport).map(|home| shard.unwrap_or(home));
        if let Ok(shard) = place {
            self.shards.span(&mut directory, router, shard)?;
        }
        let command = Command::OpenTransport { router, transport, ufrag, pwd };
        if self.shards.open_at(place, "transport", transport, command)? {
            directory.open_transport(router, transport, place.unwrap_or(0), false);
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the seam names them all")]
    #[pyo3(signature = (router, transport, rtp_fd, rtcp_fd=None, latch=true, cname=None, silent_ms=None),
        text_signature = "($self, router, transport, rtp_fd, rtcp_fd=-1, latch=True, cname='', silent_ms=30000)")]
    fn open_line(
        &self,
        router: Any,
        transport: Any,
        rtp_fd: Any,
        rtcp_fd: Option<Any>,
        latch: bool,
        cname: Option<String>,
        silent_ms: Option<Any>,
    ) -> PyResult<()> {
        let (router, transport) = (check::id(router, "router")?, check::id(transport, "transport")?);
        let socket = |fd| UdpSocket::adopt(fd as RawFd, check::LINE_BUFFER_BYTES);
        let rtp = socket(check::number(rtp_fd, "rtp_fd", 0, i32::MAX.into())?)?;
        let rtcp_fd = rtcp_fd.map_or(Ok(-1), |fd| check::number(fd, "rtcp_fd", -1, i32::MAX.into()))?;
        let rtcp = if rtcp_fd < 0 { None } else { Some(socket(rtcp_fd)?) };
        let cname = check::cname(cname.unwrap_or_default())?;
        let silent_us = match silent_ms {
            Some(silent_ms) => check::number(silent_ms, "silent_ms", 100, check::SILENT_MS_MAX)? as u64 * 1000,
            None => SILENT_US,
        };
        let mut directory = self.directory()?;
        let place = directory.may_open_transport(router, transport);
        let command =
            Command::OpenLine { router, transport, rtp_socket: 0, rtcp_socket: None, latch, silent_us, cname };
        let order = Order::Line { command: Box::new(command), rtp, rtcp };
        if self.shards.order_at(place, "transport", transport, order)? {
            directory.open_transport(router, transport, place.unwrap_or(0), true);
        }
        Ok(())
    }

    #[pyo3(signature = (transport, rtp, rtcp=None), text_signature = "($self, transport, rtp, rtcp=None)")]
    fn set_line_remote(&self, transport: Any, rtp: Option<(String, i64)>, rtcp: Option<(String, i64)>) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let (rtp, rtcp) = (check::remote(rtp, "rtp")?, check::remote(rtcp, "rtcp")?);
        self.to_transport(transport, Command::SetLineRemote { transport, rtp, rtcp })
    }

    fn set_feedback(&self, transport: Any, kinds: Any) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let feedback = check::feedback(kinds)?;
        self.to_transport(transport, Command::SetLineFeedback { transport, feedback })
    }

    fn set_bitrate_limit(&self, transport: Any, bitrate_bps: Any) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let bitrate_bps = check::number(bitrate_bps, "bitrate_bps", 0, check::BITRATE_BPS_MAX)? as u64;
        self.to_transport(transport, Command::SetBitrateLimit { transport, bitrate_bps })
    }

    fn open_messages(&self, transport: Any, send_type: Any, receive_type: Any) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let payload_type = |value, what| check::number(value, what, 0, check::PAYLOAD_TYPE_MAX);
        let send_type = payload_type(send_type, "send_type")? as u8;
        let receive_type = payload_type(receive_type, "receive_type")? as u8;
        self.to_transport(transport, Command::OpenMessages { transport, send_type, receive_type })
    }

    fn send_message(&self, transport: Any, message: &[u8]) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let message = check::message(message)?;
        self.to_transport(transport, Command::SendMessage { transport, message })
    }

    fn restart_ice(&self, transport: Any, ufrag: String, pwd: String) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let (ufrag, pwd) = credentials(ufrag, pwd)?;
        let shard = self.directory()?.transport(transport);
        if let (Some(named), Some(shard)) = (self.shards.named(&ufrag)?, shard) {
            if named != shard {
                return check::refuse(format!("ufrag must begin with the character of shard {shard}"));
            }
        }
        self.shards.send(shard, Command::RestartIce { transport, ufrag, pwd })
    }

    fn set_remote_credentials(&self, transport: Any, ufrag: String, pwd: String) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let ufrag = check::ice_chars(ufrag, "ufrag", 4, 256)?;
        let pwd = if pwd.is_empty() { pwd } else { check::ice_chars(pwd, "pwd", 22, 256)? };
        self.to_transport(transport, Command::SetRemoteCredentials { transport, ufrag, pwd })
    }

    fn set_extensions(&self, transport: Any, extensions: Any) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let extensions = check::extensions(extensions)?;
        self.to_transport(transport, Command::SetExtensions { transport, extensions })
    }

    fn set_keys(
        &self,
        transport: Any,
        profile: &str,
        receive_key: &[u8],
        receive_salt: &[u8],
        send_key: &[u8],
        send_salt: &[u8],
    ) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let profile = check::profile(profile)?;
        let command = Command::SetKeys {
            transport,
            profile,
            receive_key: check::secret(receive_key, "receive_key", profile.key_bytes())?,
            receive_salt: check::secret(receive_salt, "receive_salt", profile.salt_bytes())?,
            send_key: check::secret(send_key, "send_key", profile.key_bytes())?,
            send_salt: check::secret(send_salt, "send_salt", profile.salt_bytes())?,
        };
        self.to_transport(transport, command)
    }

    fn send_dtls(&self, transport: Any, datagram: &[u8]) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let datagram = check::dtls(datagram)?;
        self.to_transport(transport, Command::SendDtls { transport, datagram })
    }

    fn close_transport(&self, transport: Any) -> PyResult<()> {
        let transport = check::id(transport, "transport")?;
        let mut directory = self.directory()?;
        for consumer in directory.consumers_of(transport) {
            self.shards.unwatch(&mut directory, consumer);
            directory.close_consumer(consumer);
        }
        self.shards.close_transport(&mut directory, transport)?;
        directory.close_transport(transport);
        Ok(())
    }

    fn open_producer(
        &self,
        transport: Any,
        producer: Any,
        kind: &str,
        mid: String,
        encodings: Any,
        payloads: Any,
    ) -> PyResult<()> {
        let (transport, producer) = (check::id(transport, "transport")?, check::id(producer, "producer")?);
        let command = Command::OpenProducer {
            transport,
            producer,
            video: check::is_video(kind)?,
            mid: check::mid(mid)?,
            encodings: check::encodings(encodings)?,
            payloads: check::payloads(payloads)?,
        };
        let mut directory = self.directory()?;
        let place = directory.may_open_producer(transport, producer);
        let opening = (self.shards.fronts.len() > 1).then(|| Box::new(command.clone()));
        if self.shards.open_at(place, "producer", producer, command)? {
            directory.open_producer(transport, producer, opening);
            // If a queue is full here, the first consumer on that shard opens the missing mirror.
            let _ = self.shards.spread(&mut directory, producer);
        }
        Ok(())
    }

    fn close_producer(&self, producer: Any) -> PyResult<()> {
        let producer = check::id(producer, "producer")?;
        let mut directory = self.directory()?;
        self.shards.close_producer(&mut directory, producer)?;
        directory.close_producer(producer);
        Ok(())
    }

    fn pause_producer(&self, producer: Any, paused: bool) -> PyResult<()> {
        let producer = check::id(producer, "producer")?;
        let mut directory = self.directory()?;
        self.shards.send_to_producer(&mut directory, producer, Command::PauseProducer { producer, paused })?;
        if let Some((producer, _)) = directory.producer_record(producer) {
            producer.paused = paused;
        }
        Ok(())
    }

    fn set_mixed_voices(&self, router: Any, most: Any) -> PyResult<()> {
        let router = check::id(router, "router")?;
        let most = check::number(most, "most", 0, VOICES_MAX.into())? as u16;
        self.shards.send(self.directory()?.router(router), Command::SetMixedVoices { router, most })
    }

    fn meter_voice(&self, producer: Any) -> PyResult<()> {
        let producer = check::id(producer, "producer")?;
        self.shards.send(self.directory()?.producer(producer), Command::MeterVoice { producer })
    }

    fn forgo_repairs(&self, producer: Any) -> PyResult<()> {
        let producer = check::id(producer, "producer")?;
        self.shards.send(self.directory()?.producer(producer), Command::ForgoRepairs { producer })
    }

    fn keep_voice(&self, producer: Any) -> PyResult<()> {
        let producer = check::id(producer, "producer")?;
        let mut directory = self.directory()?;
        self.shards.send_to_producer(&mut directory, producer, Command::KeepVoice { producer })?;
        if let Some((producer, _)) = directory.producer_record(producer) {
            producer.kept = true;
        }
        Ok(())
    }

    #[pyo3(signature = (producer, layer=None), text_signature = "($self, producer, layer=-1)")]
    fn request_keyframe(&self, producer: Any, layer: Option<Any>) -> PyResult<()> {
        let producer = check::id(producer, "producer")?;
        let layer = layer.map_or(Ok(-1), |layer| check::number(layer, "layer", -1, check::LAYERS_MAX as i64 - 1))?;
        let layer = u8::try_from(layer).ok();
        self.shards.send(self.directory()?.producer(producer), Command::RequestKeyframe { producer, layer })
    }

    #[pyo3(signature = (transport, consumer, producer, mid, ssrc, rtx_ssrc, payloads, strip_red=false, red_blocks=None, paused=false, single_nal=false),
        text_signature = "($self, transport, consumer, producer, mid, ssrc, rtx_ssrc, payloads, strip_red=False, red_blocks=..., paused=False, single_nal=False)")]
    #[allow(clippy::too_many_arguments, reason = "the seam names them all")]
    fn open_consumer(
        &self,
        transport: Any,
        consumer: Any,
        producer: Any,
        mid: String,
        ssrc: Any,
        rtx_ssrc: Any,
        payloads: Any,
        strip_red: bool,
        red_blocks: Option<Any>,
        paused: bool,
        single_nal: bool,
    ) -> PyResult<()> {
        let (transport, consumer) = (check::id(transport, "transport")?, check::id(consumer, "consumer")?);
        let producer = check::id(producer, "producer")?;
        let command = Command::OpenConsumer {
            transport,
            consumer,
            producer,
            mid: check::mid(mid)?,
            ssrc: check::ssrc(ssrc, "ssrc", 1)?,
            rtx_ssrc: check::ssrc(rtx_ssrc, "rtx_ssrc", 0)?,
            payloads: check::payload_maps(payloads)?,
            strip_red,
            red_blocks: red_blocks.map_or(Ok(Vec::new()), |blocks| check::red_blocks(blocks))?,
            paused,
            single_nal,
        };
        let mut directory = self.directory()?;
        let place = directory.may_open_consumer(transport, consumer, producer);
        if let Ok(shard) = place {
            self.shards.mirror(&mut directory, producer, shard)?;
        }
        if self.shards.open_at(place, "consumer", consumer, command)? {
            directory.open_consumer(transport, consumer, producer);
        }
        Ok(())
    }

    fn make_red(&self, consumer: Any, payload_type: Any) -> PyResult<()> {
        let consumer = check::id(consumer, "consumer")?;
        let payload_type = check::number(payload_type, "payload type", 0, check::PAYLOAD_TYPE_MAX)? as u8;
        self.shards.send(self.directory()?.consumer(consumer), Command::MakeRed { consumer, payload_type })
    }

    fn switch_source(&self, consumer: Any, producer: Any, payloads: Any) -> PyResult<()> {
        let (consumer, producer) = (check::id(consumer, "consumer")?, check::id(producer, "producer")?);
        let command = Command::SwitchSource { consumer, producer, payloads: check::payload_maps(payloads)? };
        let mut directory = self.directory()?;
        let place = directory.may_switch(consumer, producer);
        if let Ok(shard) = place {
            self.shards.mirror(&mut directory, producer, shard)?;
        }
        if self.shards.open_at(place, "consumer", consumer, command)? {
            self.shards.unwatch(&mut directory, consumer);
            directory.switch(consumer, producer);
        }
        Ok(())
    }

    fn close_consumer(&self, consumer: Any) -> PyResult<()> {
        let consumer = check::id(consumer, "consumer")?;
        let mut directory = self.directory()?;
        self.shards.send(directory.consumer(consumer), Command::CloseConsumer { consumer })?;
        self.shards.unwatch(&mut directory, consumer);
        directory.close_consumer(consumer);
        Ok(())
    }

    fn pause_consumer(&self, consumer: Any, paused: bool) -> PyResult<()> {
        let consumer = check::id(consumer, "consumer")?;
        self.shards.send(self.directory()?.consumer(consumer), Command::PauseConsumer { consumer, paused })
    }

    fn set_layers(&self, consumer: Any, layer: Any, temporal: Any) -> PyResult<()> {
        let consumer = check::id(consumer, "consumer")?;
        let layer = check::number(layer, "layer", 0, check::LAYERS_MAX as i64 - 1)? as u8;
        let temporal = check::number(temporal, "temporal", 0, 7)? as u8;
        self.shards.send(self.directory()?.consumer(consumer), Command::SetLayers { consumer, layer, temporal })
    }

    #[pyo3(signature = (consumer, priority, keeps=false), text_signature = "($self, consumer, priority, keeps=False)")]
    fn set_priority(&self, consumer: Any, priority: Any, keeps: bool) -> PyResult<()> {
        let consumer = check::id(consumer, "consumer")?;
        let priority = check::number(priority, "priority", 0, 7)? as u8;
        self.shards.send(self.directory()?.consumer(consumer), Command::SetPriority { consumer, priority, keeps })
    }

    fn snapshot(&self) -> PyResult<Snapshot> {
        self.check_alive()?;
        let outside = Outside {
            stale_commands: self.shards.stale_commands(),
            events_dropped: self.events.dropped(),
            gso: plane_udp::gso_in_use(),
        };
        Ok(Snapshot::new(self.shards.latest(), outside))
    }
}

fn credentials(ufrag: String, pwd: String) -> PyResult<(String, String)> {
    Ok((check::ice_chars(ufrag, "ufrag", 4, 32)?, check::ice_chars(pwd, "pwd", 22, 64)?))
}

impl Plane {
    fn open(
        udp: &[SocketAddr],
        tcp: &[SocketAddr],
        shards: usize,
        gather_us: u64,
        options: Options,
        bounds: Bounds,
    ) -> io::Result<Self> {
        let mut sockets = udp_sockets(udp, shards, options)?;
        let mut listeners = tcp.iter().map(|address| Listener::open(*address)).collect::<io::Result<Vec<_>>>()?;
        let mut plane = Plane {
            shards: Shards::default(),
            events: Arc::new(Events::new()?),
            directory: Mutex::default(),
            udp_ports: sockets[0].iter().map(|socket| socket.address().port()).collect(),
            tcp_ports: listeners.iter().map(|listener| listener.address().port()).collect(),
            threads: Mutex::default(),
            closed: AtomicBool::new(false),
        };
        let commands: Vec<_> = (0..shards).map(|_| Commands::new().map(Arc::new)).collect::<io::Result<_>>()?;
        for (index, udp) in sockets.drain(..).enumerate() {
            let (commands, latest) = (commands.clone(), Arc::default());
            plane.shards.fronts.push(Front { commands: Arc::clone(&commands[index]), latest: Arc::clone(&latest) });
            // The first shard accepts all TCP connections. It hands over those connections whose first check names another
            // shard.
            let listeners = std::mem::take(&mut listeners);
            let events = plane.events.clone();
            let seat = Seat { index: index as u8, udp, listeners, bounds, gather_us, commands, events, latest };
            let thread = thread::start(seat)?;
            plane.threads.get_mut().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(plane)
    }

    fn check_alive(&self) -> PyResult<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(PyRuntimeError::new_err("the plane is closed"));
        }
        match self.events.death() {
            Some(reason) => Err(PyRuntimeError::new_err(format!("the plane is dead: {reason}"))),
            None => Ok(()),
        }
    }

    fn directory(&self) -> PyResult<MutexGuard<'_, Directory>> {
        self.check_alive()?;
        Ok(self.directory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn to_transport(&self, transport: u32, command: Command) -> PyResult<()> {
        self.shards.send(self.directory()?.transport(transport), command)
    }

    fn end(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.shards.fronts.iter().for_each(|front| front.commands.stop());
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // The thread caught its own panics.
            let _ = thread.join();
        }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.end();
    }
}

/// Open one socket per entry for each shard. If the kernel chose a port, the other shards use the same port.
fn udp_sockets(entries: &[SocketAddr], shards: usize, options: Options) -> io::Result<Vec<Vec<UdpSocket>>> {
    let first = entries.iter().map(|entry| UdpSocket::open(*entry, options)).collect::<io::Result<Vec<_>>>()?;
    let bound: Vec<_> = first.iter().map(UdpSocket::address).collect();
    if shards > 1 {
        first.iter().try_for_each(UdpSocket::share)?;
    }
    let (mut all, beside) = (vec![first], Options { reuse_port: true, ..options });
    for _ in 1..shards {
        all.push(bound.iter().map(|entry| UdpSocket::open(*entry, beside)).collect::<io::Result<_>>()?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plane_udp::{Found, Poller, Source};

    #[test]
    fn a_dead_thread_fails_every_call_and_wakes_who_waits() {
        let options = Options { reuse_port: false, receive_buffer_bytes: 1 << 16, local_only: false };
        let bounds = Bounds { strangers: 1, first_answer_us: 1, proved: 1 };
        let plane = Plane::open(&["127.0.0.1:0".parse().unwrap()], &[], 1, 0, options, bounds).unwrap();
        assert!(plane.check_alive().is_ok());
        plane.events.die("plane-0 stopped: a test".into());
        let (poller, mut found) = (Poller::new().unwrap(), Found::nothing());
        poller.add(plane.events.bell.fd(), Source::Bell).unwrap();
        poller.wait(Some(0), &mut found).unwrap();
        assert_eq!(found.iter().count(), 1);
        assert!(plane.check_alive().is_err() && plane.directory().is_err());
        plane.end();
    }
}
