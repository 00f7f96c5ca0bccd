//! The class `FramePort`: complete frames for the process that decodes and encodes. One thread waits on one connected UDP
//! socket. Python's threads share a lock with it, and no thread holds the lock while it waits.

use crate::arguments as check;
use crate::thread::{random, wall_offset_us};
use plane_core::mixer_port::port::{FrameEvent, Port, SendRefused, VideoFormat};
use plane_core::types::Codec;
use plane_udp::{Bell, Found, Poller, Receiver, Source, UdpSocket, now_us};
use pyo3::exceptions::{PyBlockingIOError, PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Bytes of the mixer process's receive buffer. Chosen: a second of twenty sources at 3.3 Mbit/s. Larger: more kernel memory.
/// Smaller: the kernel drops packets when the mixer process is late, and halls see a broken picture.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;
const JITTER_MS_MAX: i64 = 2_000;
const WAIT_MS_MAX: i64 = 60_000;
const POLL_MAX: i64 = 4_096;
/// Batches of up to 32 datagrams that the mixer process reads before it sends again. Larger: under load, packets to the server
/// leave later, and Python's threads wait longer for the lock. Smaller: more rounds, and thus more work, for the same load.
const BATCHES_MAX: usize = 16;

type Any<'a, 'py> = &'a Bound<'py, PyAny>;

struct Shared {
    port: Mutex<Port>,
    /// The signal that events can be polled, or that the thread ended.
    polled: Condvar,
    socket: UdpSocket,
    bell: Bell,
    stop: AtomicBool,
    dead: Mutex<Option<String>>,
}

#[pyclass(frozen, module = "media._plane")]
pub struct FramePort {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[pymethods]
impl FramePort {
    #[new]
    #[pyo3(signature = (fd, *, cname=None), text_signature = "(fd, *, cname='mixer')")]
    fn new(fd: Any, cname: Option<String>) -> PyResult<Self> {
        let fd = check::number(fd, "fd", 0, i32::MAX.into())?;
        let cname = check::cname(cname.unwrap_or_else(|| "mixer".into()))?;
        let socket = UdpSocket::adopt(fd as RawFd, RECEIVE_BUFFER_BYTES)?;
        if !socket.is_connected() {
            return Err(PyValueError::new_err("fd: the socket is not connected"));
        }
        let shared = Arc::new(Shared {
            port: Mutex::new(Port::new(&cname, wall_offset_us(), random()?)),
            polled: Condvar::new(),
            socket,
            bell: Bell::new()?,
            stop: AtomicBool::new(false),
            dead: Mutex::new(None),
        });
        let thread = start(shared.clone())?;
        Ok(FramePort { shared, thread: Mutex::new(Some(thread)) })
    }

    fn expect(&self, ssrc: Any, codec: &str, clock_hz: Any, jitter_ms: Any) -> PyResult<()> {
        let ssrc = check::ssrc(ssrc, "ssrc", 1)?;
        let codec = expected(codec)?;
        let clock_hz = check::number(clock_hz, "clock_hz", 1, check::CLOCK_HZ_MAX)? as u32;
        let jitter_us = check::number(jitter_ms, "jitter_ms", 0, JITTER_MS_MAX)? as u64 * 1_000;
        self.port()?.expect(ssrc, codec, clock_hz, jitter_us).map_err(refused)
    }

    fn forget(&self, ssrc: Any) -> PyResult<()> {
        let ssrc = check::ssrc(ssrc, "ssrc", 1)?;
        self.port()?.forget(ssrc);
        Ok(())
    }

    #[pyo3(signature = (timeout_ms, limit=None), text_signature = "($self, timeout_ms, limit=256)")]
    fn poll<'py>(
        &self,
        py: Python<'py>,
        timeout_ms: Any<'_, 'py>,
        limit: Option<Any<'_, 'py>>,
    ) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let timeout_ms = check::number(timeout_ms, "timeout_ms", 0, WAIT_MS_MAX)? as u64;
        let limit = limit.map_or(Ok(256), |limit| check::number(limit, "limit", 1, POLL_MAX))? as usize;
        let end = Instant::now() + Duration::from_millis(timeout_ms);
        let events = py.detach(|| self.shared.wait(end, limit));
        if events.is_empty() {
            self.shared.check_alive()?;
        }
        events.into_iter().map(|event| to_python(py, event)).collect()
    }

    #[pyo3(signature = (ssrc, payload_type, timestamp, access_unit, capture_us, *, codec="h264", mode=None),
        text_signature = "($self, ssrc, payload_type, timestamp, access_unit, capture_us, *, codec='h264', mode=1)")]
    #[allow(clippy::too_many_arguments, reason = "the seam names them all")]
    fn send_video(
        &self,
        ssrc: Any,
        payload_type: Any,
        timestamp: Any,
        access_unit: &[u8],
        capture_us: Any,
        codec: &str,
        mode: Option<Any>,
    ) -> PyResult<()> {
        let mode = mode.map_or(Ok(1), |mode| check::number(mode, "mode", 0, 1))?;
        let format = match codec {
            "h264" => VideoFormat::H264 { single_nal: mode == 0 },
            "vp8" => VideoFormat::Vp8,
            _ => return check::refuse(format!("codec must be h264 or vp8, not {codec:?}")),
        };
        let ssrc = check::ssrc(ssrc, "ssrc", 1)?;
        let payload_type = check::number(payload_type, "payload type", 0, 127)? as u8;
        let (timestamp, capture_us) = moment(timestamp, capture_us)?;
        let sent = self.port()?.send_video(ssrc, (payload_type, format), timestamp, access_unit, capture_us);
        self.shared.bell.ring();
        sent.map_err(refused)
    }

    #[pyo3(signature = (ssrc, payload_type, timestamp, payload, capture_us, *, clock_hz=None, marker=false, level=None, level_id=None),
        text_signature = "($self, ssrc, payload_type, timestamp, payload, capture_us, *, clock_hz=48000, marker=False, level=-1, level_id=1)")]
    #[allow(clippy::too_many_arguments, reason = "the seam names them all")]
    fn send_audio(
        &self,
        ssrc: Any,
        payload_type: Any,
        timestamp: Any,
        payload: &[u8],
        capture_us: Any,
        clock_hz: Option<Any>,
        marker: bool,
        level: Option<Any>,
        level_id: Option<Any>,
    ) -> PyResult<()> {
        let number = |value: Option<Any>, what, min, max, default| {
            value.map_or(Ok(default), |value| check::number(value, what, min, max))
        };
        let ssrc = check::ssrc(ssrc, "ssrc", 1)?;
        let payload_type = check::number(payload_type, "payload type", 0, 127)? as u8;
        let clock_hz = number(clock_hz, "clock_hz", 1, check::CLOCK_HZ_MAX, 48_000)? as u32;
        let level = number(level, "level", -1, 127, -1)?;
        let level_id = number(level_id, "level_id", 1, 14, 1)? as u8;
        let level = u8::try_from(level).ok().map(|level| (level_id, level));
        let (timestamp, capture_us) = moment(timestamp, capture_us)?;
        let what = (payload_type, clock_hz, marker);
        let sent = self.port()?.send_audio(ssrc, what, timestamp, payload, capture_us, level);
        self.shared.bell.ring();
        sent.map_err(refused)
    }

    #[pyo3(signature = (outputs, timestamp, payload, capture_us, *, clock_hz),
        text_signature = "($self, outputs, timestamp, payload, capture_us, *, clock_hz)")]
    fn send_mix(
        &self,
        outputs: Vec<(u32, u8)>,
        timestamp: Any,
        payload: &[u8],
        capture_us: Any,
        clock_hz: Any,
    ) -> PyResult<()> {
        if outputs.iter().any(|(ssrc, payload_type)| *ssrc == 0 || *payload_type > 127) {
            return check::refuse("outputs must be SSRCs and payload types".into());
        }
        let clock_hz = check::number(clock_hz, "clock_hz", 1, check::CLOCK_HZ_MAX)? as u32;
        let (timestamp, capture_us) = moment(timestamp, capture_us)?;
        let sent = self.port()?.send_mix(&outputs, clock_hz, timestamp, payload, capture_us);
        self.shared.bell.ring();
        sent.map_err(refused)
    }

    fn end(&self, ssrc: Any) -> PyResult<()> {
        let ssrc = check::ssrc(ssrc, "ssrc", 1)?;
        let socket = &self.shared.socket;
        self.port()?.end(ssrc, &mut |datagram| socket.send(datagram));
        Ok(())
    }

    fn request_keyframe(&self, ssrc: Any) -> PyResult<()> {
        let ssrc = check::ssrc(ssrc, "ssrc", 1)?;
        let socket = &self.shared.socket;
        self.port()?.request_keyframe(ssrc, &mut |datagram| socket.send(datagram));
        Ok(())
    }

    fn dropped(&self) -> PyResult<u64> {
        Ok(self.port()?.dropped)
    }

    fn close(&self, py: Python) {
        py.detach(|| self.stop());
    }
}

impl FramePort {
    fn port(&self) -> PyResult<MutexGuard<'_, Port>> {
        self.shared.check_alive()?;
        Ok(self.shared.lock())
    }

    fn stop(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.bell.ring();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
        self.shared.polled.notify_all();
    }
}

impl Drop for FramePort {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Port> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst) || self.dead.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn check_alive(&self) -> PyResult<()> {
        if let Some(reason) = &*self.dead.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(PyRuntimeError::new_err(format!("the frame port is dead: {reason}")));
        }
        if self.stop.load(Ordering::SeqCst) {
            return Err(PyRuntimeError::new_err("the frame port is closed"));
        }
        Ok(())
    }

    /// Return up to `limit` events, as soon as there is one.
    fn wait(&self, end: Instant, limit: usize) -> Vec<FrameEvent> {
        let mut port = self.lock();
        while !port.has_events() && !self.is_over() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (port, _) = self.polled.wait_timeout(port, left).unwrap_or_else(PoisonError::into_inner);
        }
        std::iter::from_fn(|| port.pop()).take(limit).collect()
    }
}

fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let poller = Poller::new()?;
    poller.add(shared.bell.fd(), Source::Bell)?;
    poller.add(shared.socket.fd(), Source::Udp(0))?;
    Builder::new().name("frames".into()).spawn(move || {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&shared, &poller)));
        let reason = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("panic".into()),
        };
        *shared.dead.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        shared.polled.notify_all();
    })
}

fn run(shared: &Shared, poller: &Poller) -> io::Result<()> {
    let (mut receiver, mut found) = (Receiver::new(), Found::nothing());
    let socket = &shared.socket;
    let mut send = |datagram: &[u8]| socket.send(datagram);
    while !shared.stop.load(Ordering::SeqCst) {
        let deadline = shared.lock().deadline();
        let timeout_us = (deadline != u64::MAX).then(|| deadline.saturating_sub(now_us()));
        poller.wait(timeout_us, &mut found)?;
        shared.bell.silence();
        let mut port = shared.lock();
        let now_us = now_us();
        for _ in 0..BATCHES_MAX {
            let take = |_, datagram: &mut [u8]| port.receive(datagram, now_us, &mut send);
            // An error is a late notice that the other end did not exist. The read has cleared the error.
            match receiver.receive(socket, 0, take) {
                Ok(received) if !received.drained => {}
                _ => break,
            }
        }
        port.timeout(now_us, &mut send);
        let told = port.has_events();
        drop(port);
        if told {
            shared.polled.notify_all();
        }
    }
    Ok(())
}

fn expected(name: &str) -> PyResult<Codec> {
    match check::codec(name)? {
        Codec::Vp9 | Codec::H265 | Codec::Av1 | Codec::Red | Codec::TelephoneEvent => {
            check::refuse(format!("frames of {name} are not put together here"))
        }
        codec => Ok(codec),
    }
}

/// Check a timestamp and a capture time. The timestamp may be extended beyond 32 bits.
fn moment(timestamp: Any, capture_us: Any) -> PyResult<(u32, u64)> {
    let timestamp = check::number(timestamp, "timestamp", 0, i64::MAX)? as u32;
    Ok((timestamp, check::number(capture_us, "capture_us", 0, i64::MAX)? as u64))
}

fn refused(refusal: SendRefused) -> PyErr {
    match refusal {
        SendRefused::TooLong(bytes) => {
            PyValueError::new_err(format!("a NAL unit of {bytes} bytes fits no packet of mode 0"))
        }
        SendRefused::Size(bytes) => PyValueError::new_err(format!("{bytes} bytes are no frame")),
        SendRefused::Full => PyBlockingIOError::new_err("what was sent before still waits"),
        SendRefused::Streams => PyOverflowError::new_err("too many SSRCs"),
    }
}

fn to_python<'py>(py: Python<'py>, event: FrameEvent) -> PyResult<Bound<'py, PyTuple>> {
    let nothing = || PyBytes::new(py, b"");
    match event {
        FrameEvent::Frame { ssrc, timestamp, arrived_us, bytes } => {
            ("frame", ssrc, timestamp, arrived_us, PyBytes::new(py, &bytes)).into_pyobject(py)
        }
        FrameEvent::Lost { ssrc } => ("lost", ssrc, 0, 0, nothing()).into_pyobject(py),
        FrameEvent::Keyframe { ssrc } => ("keyframe", ssrc, 0, 0, nothing()).into_pyobject(py),
        FrameEvent::Clock { ssrc, timestamp, unix_us } => {
            ("clock", ssrc, timestamp, unix_us, nothing()).into_pyobject(py)
        }
        FrameEvent::Bye { ssrc } => ("bye", ssrc, 0, 0, nothing()).into_pyobject(py),
    }
}
