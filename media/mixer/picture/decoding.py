"""Decoding of video: a decoder for each source that is shown, on a few worker threads, and its newest picture.

It owns the queues of the decoders and their limits. A picture that refers to lost packets is not shown. The tile stands still
until the requested key frame, because a still face is better than a grey one. After PATIENCE_US without a key frame, damaged
pictures are shown.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import cast

import av
from av.codec.context import Flags
from av.error import FFmpegError

from media.ground import limits
from media.mixer.ground.marks import Marks
from media.mixer.ground.scene import Source
from media.mixer.picture.precedence import give_way

logger = logging.getLogger(__name__)

PATIENCE_US = 3_000_000
"""Microseconds. Chosen. After a packet loss a site's picture stands still until a key frame arrives. After this time without a
key frame, the damaged pictures are shown. Longer: the picture stands still longer. Shorter: people see damaged pictures.
"""
_IDR = re.compile(rb"\x00\x00\x01[\x05\x25\x45\x65]")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded frame. `serial` grows with every frame of any source."""

    frame: av.VideoFrame
    serial: int
    rtp_timestamp: int
    arrival_us: int


class Decoder:
    """The decoder of one source. One thread uses it."""

    def __init__(self, source: Source, request_keyframe: Callable[[int], None]) -> None:
        self.source = source
        self._request_keyframe = request_keyframe
        self._waiting_since_us: int | None = None
        self._asked_us = 0
        self._started = False
        self._context = _open(source.codec)

    def decode(self, data: bytes, timestamp: int, arrival_us: int) -> list[tuple[av.VideoFrame, int]]:
        """Return the pictures to show: usually one, or none while the decoder waits for a key frame."""
        if is_key(self.source.codec, data):
            self._started, self._waiting_since_us = True, None
        elif not self._started:
            self._ask(arrival_us)
            return []
        packet = av.Packet(data)
        packet.pts = timestamp
        try:
            decoded = self._context.decode(packet)
        except FFmpegError:  # the sender's bytes were wrong
            self.lost(arrival_us)
            return []
        if self._waiting_since_us is not None:
            self._ask(arrival_us)
            if arrival_us - self._waiting_since_us < PATIENCE_US:
                return []
        return [(frame, frame.pts if frame.pts is not None else timestamp) for frame in decoded]

    def lost(self, now_us: int) -> None:
        if self._waiting_since_us is None:
            self._waiting_since_us = now_us
        self._ask(now_us)

    def restart(self, now_us: int) -> None:
        """Restart after frames were dropped because the decoder was too slow. Nothing is decoded before the next key frame."""
        self._started = False
        self.lost(now_us)

    def _ask(self, now_us: int) -> None:
        """Request a key frame, once a second until one arrives. The plane also repeats requests, but only towards the hall."""
        if now_us - self._asked_us >= 1_000_000 or not self._asked_us:
            self._asked_us = now_us
            self._request_keyframe(self.source.ssrc)


def _open(codec: str) -> av.VideoCodecContext:
    context = cast("av.VideoCodecContext", av.CodecContext.create(codec, "r"))
    context.thread_count = 1  # there are many sources, so threads inside of one decoder would only wait for each other
    context.flags |= Flags.low_delay
    context.options = {"max_pixels": str(limits.MIXER_SOURCE_PIXELS)}
    context.open()
    return context


def is_key(codec: str, data: bytes) -> bool:
    """Report whether the frame is a key frame. H.264: it has an IDR slice (Annex B). VP8: the frame tag says so (RFC 6386
    §9.1).
    """
    return bool(data) and data[0] & 1 == 0 if codec == "vp8" else _IDR.search(data) is not None


@dataclass(slots=True, eq=False)
class _Stream:
    decoder: Decoder
    worker: SimpleQueue[_Task | None]
    waiting: int = 0
    skipping: bool = False
    closed: bool = False
    picture: Picture | None = None
    decoded: int = 0


@dataclass(slots=True, eq=False)
class _Task:
    stream: _Stream
    kind: str
    data: bytes
    timestamp: int
    arrival_us: int


@dataclass(eq=False)
class Decoding:
    """The decoding of all shown sources. The thread that receives frames calls `put`, and the threads that compose call
    `latest`.
    """

    request_keyframe: Callable[[int], None]
    clock_us: Callable[[], int]
    on_picture: Callable[[int, int, int], None] | None = None
    """Called by the worker for each picture with SSRC, RTP timestamp and the time of its decoding in µs."""
    threads: int = 2
    marks: Marks = field(default_factory=Marks)
    _streams: dict[int, _Stream] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _serial: int = 0
    _queues: list[SimpleQueue[_Task | None]] = field(default_factory=list)
    _workers: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.threads):
            queue: SimpleQueue[_Task | None] = SimpleQueue()
            worker = threading.Thread(target=self._work, args=(queue,), name=f"decode-{number}", daemon=True)
            self._queues.append(queue)
            self._workers.append(worker)
            worker.start()

    def stop(self) -> None:
        for queue in self._queues:
            queue.put(None)
        for worker in self._workers:
            worker.join()

    def want(self, sources: Iterable[Source]) -> tuple[list[Source], list[int]]:
        """Decode exactly these sources. Return the new sources and the SSRCs that ended."""
        wanted = {source.ssrc: source for source in sources}
        with self._lock:
            ended = [ssrc for ssrc, stream in self._streams.items() if wanted.get(ssrc) != stream.decoder.source]
            for ssrc in ended:
                self._streams.pop(ssrc).closed = True
            begun = [source for ssrc, source in wanted.items() if ssrc not in self._streams]
            for source in begun:
                queue = min(self._queues, key=self._load)
                self._streams[source.ssrc] = _Stream(Decoder(source, self.request_keyframe), queue)
        return begun, ended

    def put(self, kind: str, ssrc: int, timestamp: int, arrival_us: int, data: bytes) -> None:
        """Queue a frame or a gap. If a decoder is too slow, frames are dropped up to the next key frame."""
        stream = self._streams.get(ssrc)
        if stream is None:
            return
        if stream.waiting >= limits.MIXER_FRAMES_WAITING:
            stream.skipping = True
            return
        if stream.skipping:
            stream.skipping = False
            stream.waiting += 1
            stream.worker.put(_Task(stream, "restart", b"", timestamp, arrival_us))
        stream.waiting += 1
        stream.worker.put(_Task(stream, kind, data, timestamp, arrival_us))

    def latest(self, ssrc: int) -> Picture | None:
        stream = self._streams.get(ssrc)
        return None if stream is None else stream.picture

    def figures(self) -> dict[int, int]:
        """Return the number of decoded pictures of each source since the start."""
        return {ssrc: stream.decoded for ssrc, stream in list(self._streams.items())}

    def _load(self, queue: SimpleQueue[_Task | None]) -> int:
        return sum(stream.worker is queue for stream in self._streams.values())

    def _work(self, queue: SimpleQueue[_Task | None]) -> None:
        give_way()
        while (task := queue.get()) is not None:
            task.stream.waiting -= 1
            if task.stream.closed:
                continue
            try:
                with self.marks.at(task.stream.decoder.source.ssrc):
                    self._decode(task)
            except Exception:
                logger.exception("source %d", task.stream.decoder.source.ssrc)

    def _decode(self, task: _Task) -> None:
        decoder = task.stream.decoder
        if task.kind == "lost":
            decoder.lost(task.arrival_us)
        elif task.kind == "restart":
            decoder.restart(task.arrival_us)
        else:
            for frame, timestamp in decoder.decode(task.data, task.timestamp, task.arrival_us):
                self._serial += 1  # two threads may give the same number to pictures of different sources
                task.stream.picture = Picture(frame, self._serial, timestamp, task.arrival_us)
                task.stream.decoded += 1
                if self.on_picture is not None:
                    self.on_picture(decoder.source.ssrc, timestamp, self.clock_us())
