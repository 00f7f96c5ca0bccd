"""One line: plain RTP or SRTP between two addresses (RFC 3550, RFC 4568), as hall terminals and the mixer process speak it.

Owns the ports until the packet plane has them, and what is received and sent there. Who the far end is, and its session
description, are known above; packets are moved below.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol

from media.ground import limits, stats
from media.ground.parameters import Codec, CodecName, Encoding, Kind
from media.ground.seam import Seam
from media.tracks.producer import Producer

if TYPE_CHECKING:
    from media._plane import Feedback, Profile

LineState = Literal["first", "silent", "alive"]
Address = tuple[str, int]

# RFC 4568 §6.2 and RFC 7714 §14.2 in the words of the plane, with the bytes of key and salt.
_PROFILES: dict[str, tuple[Profile, int, int]] = {
    "AES_CM_128_HMAC_SHA1_80": ("AES128_CM_SHA1_80", 16, 14),
    "AES_CM_128_HMAC_SHA1_32": ("AES128_CM_SHA1_32", 16, 14),
    "AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 16, 12),
}
_CLOCKS_HZ: dict[CodecName, int] = {
    "opus": 48000,
    "pcmu": 8000,
    "pcma": 8000,
    "g722": 8000,  # of RTP; it samples at 16000 (RFC 3551 §4.5.2)
    "telephone-event": 8000,
}


def line_codec(
    payload_type: int, name: CodecName, *, clock_hz: int = 0, profile: str = "constrained", mode: int = 1
) -> Codec:
    """One payload type of a line. `profile` (constrained, baseline, ...) and packetization `mode` are those of H.264."""
    clock_hz = clock_hz or _CLOCKS_HZ.get(name, 90000)
    channels = 2 if name == "opus" else 1 if name in _CLOCKS_HZ else 0
    codec_format = f"{profile}/{mode}" if name == "h264" else ""
    return Codec(payload_type, name, clock_hz, channels, "", codec_format, -1, frozenset())


class LineEvents(Protocol):
    """What a line tells its owner; nothing comes after `Line.close`."""

    def heard(self, line: Line, state: LineState) -> None:
        """first: its first RTP came; silent: neither RTP nor RTCP for `silent_s`; alive: something came after that."""

    def dtmf(self, line: Line, digit: str, duration_ms: int) -> None:
        """A key was pressed: 0..9, *, #, A..D, or ! for a hook flash. Told once, when it is let go."""

    def message(self, line: Line, message: bytes) -> None:
        """What one packet of a line that carries messages held. Of one far end at most 20 a second."""

    def keyframe_missing(self, line: Line) -> None:
        """A second after asking for a key frame there was none: signalling should ask (RFC 5168). Each second."""

    def limited(self, line: Line, consumer: LineConsumer, bitrate_bps: int) -> None:
        """The far end wants at most so much of this track (RFC 5104 TMMBR)."""

    def unfit(self, line: Line, consumer: LineConsumer) -> None:
        """The track's source sends what a terminal of packetization mode 0 cannot take; nothing of it is sent."""

    def left(self, line: Line, producer: Producer) -> None:
        """The far end said that it sends this no longer (RTCP BYE)."""


class Line:
    """Made by `Router.open_line`. Order of the first words: `set_keys` (or none: plain RTP), then `set_remote`."""

    def __init__(
        self,
        seam: Seam,
        router: int,
        events: LineEvents | None,
        place: tuple[str, Sequence[int], bool, bool],
        silent_s: float,
        cname: str,
        forget: Callable[[Line], None],
    ) -> None:
        host, ports, rtcp_mux, latch = place
        self.id = seam.numbers.new_number()
        """Of the plane's transport; the key of `Statistics.peers`."""
        self.closed = False
        self.secure = False
        self._seam = seam
        self._plane = seam.plane
        self._events = events
        self._forget = forget
        self._producers: set[Producer] = set()
        self._consumers: set[LineConsumer] = set()
        self._keys: tuple[str, bytes, bytes] | None = None
        sockets = _bind(host, ports, rtcp_mux, seam.numbers.random.randrange(1 << 16))
        try:
            self.local: Address = sockets[0].getsockname()[:2]
            """Of RTP, for the session description."""
            self.local_rtcp: Address = sockets[-1].getsockname()[:2]
            rtcp_fd = -1 if rtcp_mux else sockets[1].fileno()
            silent_ms = round(silent_s * 1000)
            self._plane.open_line(router, self.id, sockets[0].fileno(), rtcp_fd, latch, cname, silent_ms)
        finally:
            for one in sockets:
                one.close()
        seam.receivers[self.id] = self

    def set_remote(self, rtp: Address | None, rtcp: Address | None = None) -> None:
        """Where the far end is, as its session description says (IP literals). None: hold.

        `rtcp` None: the port above that of RTP. The same address again changes nothing; another one is latched anew.
        Raises `ValueError` for what is no address of one terminal, `OverflowError` when the plane is busy.
        """
        self._plane.set_line_remote(self.id, rtp, rtcp)

    def set_keys(self, profile: str, receive: bytes, send: bytes) -> None:
        """SDES (RFC 4568): a crypto suite, and key with salt of what comes and of what goes. Before `set_remote`.

        Raises `ValueError` for another suite or length. The keys in use already change nothing.
        """
        known = _PROFILES.get(profile)
        if known is None:
            raise ValueError(f"crypto suite {profile!r} is not known")
        name, key_bytes, salt_bytes = known
        if {len(receive), len(send)} != {key_bytes + salt_bytes}:
            raise ValueError(f"{profile}: key and salt must be {key_bytes + salt_bytes} bytes")
        if receive == send:
            raise ValueError("both directions must not share a key")
        if self._keys == (profile, receive, send):
            return
        self._plane.set_keys(
            self.id, name, receive[:key_bytes], receive[key_bytes:], send[:key_bytes], send[key_bytes:]
        )
        self._keys = (profile, receive, send)
        self.secure = True

    def set_feedback(self, kinds: Sequence[Feedback]) -> None:
        """What the far end's description says that it understands; until then PLI and FIR."""
        self._plane.set_feedback(self.id, kinds)

    def accept_audio_levels(self, number: int) -> None:
        """Header extension `number` carries audio levels (RFC 6464), so that its producers count among the speakers."""
        self._plane.set_extensions(self.id, [(number, "audio-level")])

    def limit(self, bitrate_bps: int) -> None:
        """Asks the far end to send video of at most so much, where it understands that (TMMBR). 0: no longer."""
        self._plane.set_bitrate_limit(self.id, bitrate_bps)

    def open_messages(self, send_type: int, receive_type: int) -> None:
        """Carries short messages under these payload types instead of tracks (H.224, RFC 4573). Again: other types."""
        self._plane.open_messages(self.id, send_type, receive_type)

    def send_message(self, message: bytes) -> None:
        """In one packet; lost, as on a network, while the far end has no address. Raises `ValueError` for an empty or long one
        (512 bytes), `OverflowError` when the plane is busy."""
        self._plane.send_message(self.id, message)

    def receive(self, kind: Kind, codecs: Sequence[Codec], ssrc: int = 0, *, is_microphone: bool = False) -> Producer:
        """What the far end sends in these payload types. With `ssrc` only that one; without it the one that comes, and
        whichever takes its place later. "telephone-event" among the codecs: keys are told as `LineEvents.dtmf`.
        `is_microphone`: of those the mixer is sent the loudest.

        Raises `OverflowError` above `limits.LINE_PRODUCERS` or when the plane is busy.
        """
        assert not self.closed
        if len(self._producers) >= limits.LINE_PRODUCERS:
            raise OverflowError("too many producers on a line")
        producer = Producer(self._seam, self.id, kind, "", tuple(codecs), (Encoding("", ssrc, 0),))
        if is_microphone:
            producer.meter()
        producer.on_bye = self._left
        producer.on_close = self._producers.discard
        self._producers.add(producer)
        return producer

    def send(
        self, producer: Producer, payload_types: Mapping[int, int], ssrc: int = 0, *, single_nal: bool = False
    ) -> LineConsumer:
        """Forwards a producer of this router. `payload_types`: its payload types and what each becomes here; others are
        not sent. RED (RFC 2198) leaves as its primary block. `ssrc` 0: a new one. `single_nal`: the far end takes H.264 of
        packetization mode 0 only.

        Raises `OverflowError` above `limits.LINE_CONSUMERS` or when the plane is busy.
        """
        assert not self.closed
        if len(self._consumers) >= limits.LINE_CONSUMERS:
            raise OverflowError("too many consumers on a line")
        consumer = LineConsumer(
            self._seam, self, producer, payload_types, ssrc or self._seam.numbers.new_ssrc(), single_nal, self._stopped
        )
        self._consumers.add(consumer)
        return consumer

    @property
    def figures(self) -> stats.PeerFigures | None:
        """Of the last second; None: nothing known yet."""
        rows = self._plane.snapshot().transports()
        return next((stats.PeerFigures(*row[1:]) for row in rows if row[0] == self.id), None)

    def close(self) -> None:
        """Ends what it receives and sends, and frees its ports. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for consumer in tuple(self._consumers):
            consumer.close()
        for producer in tuple(self._producers):
            producer.close()
        self._seam.endings.end(self._plane.close_transport, self.id)
        self._seam.receivers.pop(self.id, None)
        self._forget(self)

    # -- seam.Receiver

    def take_event(self, name: str, *rest: Any) -> None:
        if self._events is None:
            return
        if name == "line":
            self._events.heard(self, *rest)
        elif name == "dtmf":
            self._events.dtmf(self, *rest)
        elif name == "message":
            self._events.message(self, *rest)
        elif name == "keyframe":
            self._events.keyframe_missing(self)

    def consumer_event(self, consumer: LineConsumer, name: str, *rest: Any) -> None:
        if self._events is None:
            return
        if name == "limit":
            self._events.limited(self, consumer, *rest)
        else:
            self._events.unfit(self, consumer)

    def _left(self, producer: Producer) -> None:
        if self._events is not None:
            self._events.left(self, producer)

    def _stopped(self, consumer: LineConsumer) -> None:
        self._consumers.discard(consumer)


class LineConsumer:
    """Made by `Line.send`: one track towards the far end, under one SSRC for life, whichever source it has."""

    def __init__(
        self,
        seam: Seam,
        line: Line,
        producer: Producer,
        payload_types: Mapping[int, int],
        ssrc: int,
        single_nal: bool,
        forget: Callable[[LineConsumer], None],
    ) -> None:
        self.id = seam.numbers.new_number()
        """The key of `Statistics.consumers`."""
        self.producer = producer
        self.ssrc = ssrc
        self.closed = False
        self.sending = False
        """Packets of the source go out; video that waits for a key frame does not."""
        self.limit_bps = 0
        """What the far end wants at most; 0: it did not say."""
        self.paused = False
        self._layer = limits.LAYERS - 1
        self._seam = seam
        self._plane = seam.plane
        self._line = line
        self._forget = forget
        self._plane.open_consumer(
            line.id, self.id, producer.id, "", ssrc, 0, _rows(payload_types), strip_red=True, single_nal=single_nal
        )
        producer.attach(self)
        seam.receivers[self.id] = self

    def switch(self, producer: Producer, payload_types: Mapping[int, int]) -> None:
        """Another source of the same kind; numbers and times go on, video waits for a key frame, which is asked for.

        Raises `OverflowError` when the plane is busy; the old source stays then.
        """
        if self.closed or producer.closed:
            return
        self._plane.switch_source(self.id, producer.id, _rows(payload_types))
        self.producer.detach(self)
        self.producer = producer
        producer.attach(self)

    def pause(self, paused: bool) -> None:
        if self.closed or self.paused == paused:
            return
        self._plane.pause_consumer(self.id, paused)
        self.paused = paused

    def set_layer(self, layer: int) -> None:
        """The highest layer of a source that sends several; above what there is: the highest there is."""
        wanted = min(max(layer, 0), limits.LAYERS - 1)
        if not self.closed and wanted != self._layer:
            self._plane.set_layers(self.id, wanted, limits.TEMPORAL_LAYERS - 1)
            self._layer = wanted

    def close(self) -> None:
        """Idempotent."""
        if self.closed:
            return
        self.closed = True
        self._seam.endings.end(self._plane.close_consumer, self.id)
        self._seam.receivers.pop(self.id, None)
        self.producer.detach(self)
        self._forget(self)

    # -- seam.Receiver

    def take_event(self, name: str, *values: Any) -> None:
        if name == "switched":
            self.sending = values[0] >= 0
            return
        if name == "limit":
            self.limit_bps = values[0]
        if name in ("limit", "unfit"):
            self._line.consumer_event(self, name, *values)


def _rows(payload_types: Mapping[int, int]) -> list[tuple[int, int, int]]:
    return [(theirs, ours, -1) for theirs, ours in payload_types.items()]


def _bind(host: str, ports: Sequence[int], rtcp_mux: bool, start: int) -> list[socket.socket]:
    """An even port and the odd one above it (RFC 3550 §11), or one port. The search begins anywhere, so that a port that
    was let go a moment ago, and still gets the packets of its last call, is not the next one taken."""
    step = 1 if rtcp_mux else 2
    candidates = ports if rtcp_mux else [port for port in ports if port % 2 == 0 and port + 1 in ports]
    if not candidates:
        raise OSError("no ports for lines")
    for turn in range(len(candidates)):
        first = candidates[(start + turn) % len(candidates)]
        sockets: list[socket.socket] = []
        with suppress(OSError):
            sockets.extend(_socket(host, port) for port in range(first, first + step))
            return sockets
        for one in sockets:
            one.close()
    raise OSError("all ports for lines are taken")


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
