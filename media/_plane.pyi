"""The seam between Python and Rust: Python decides, the plane moves packets.

Every method is a command: it checks its arguments, queues and returns at once; the shard thread carries it
out in order. Nothing here blocks and nothing calls back. Identifiers (`router`, `transport`, `producer`,
`consumer`) are positive integers below 2**32 that the caller chooses and never uses twice in a process. A command that names an
unknown identifier is ignored (the thing may have closed a moment ago) and counted in `Snapshot.stale_commands`.

Errors: `ValueError` for an argument out of range, `OverflowError` when the bounded command queue is full
(the caller ends that one connection), `RuntimeError` after `close()`, `OSError` from opening sockets.
"""

from collections.abc import Sequence
from typing import Literal, final

SOURCES_DIGEST: str
"""SHA-256 (hex) over the Rust sources this library was built from; `media/ground/library.py` refuses a stale one."""

Kind = Literal["audio", "video"]
Codec = Literal["opus", "red", "pcmu", "pcma", "g722", "telephone-event", "vp8", "vp9", "h264", "h265", "av1"]
Profile = Literal["AEAD_AES_128_GCM", "AES128_CM_SHA1_80", "AES128_CM_SHA1_32"]
Feedback = Literal["nack", "pli", "fir", "tmmbr"]
Extension = Literal[
    "mid",
    "rid",
    "repaired-rid",
    "audio-level",
    "transport-cc",
    "abs-send-time",
    "orientation",
    "dependency-descriptor",
    "playout-delay",
]

Event = (
    tuple[Literal["dtls"], int, bytes]  # transport, one datagram (first byte 20..63) from a checked path
    | tuple[Literal["ice"], int, Literal["connected", "moved", "disconnected", "failed"], str]
    # transport, state, "udp 127.0.0.1:4242" or "tcp [::1]:99". connected: first nominated pair, or again after
    # disconnected; moved: another path is selected; disconnected: 10 s without a valid check; failed: 30 s (RFC 7675)
    | tuple[Literal["layer"], int, int]  # producer, index of an encoding: its first packet arrived
    | tuple[Literal["switched"], int, int]  # consumer, layer now sent, as for `set_layers` (-1: nothing)
    | tuple[Literal["starved"], int, bool]
    # consumer, True: the way to its peer does not carry this track, nothing of it is sent; False: it does again
    | tuple[Literal["speakers"], int, list[tuple[int, float]]]
    # router, [(producer, level 0..1)] of those who speak, the dominant one first; only when it changed
    | tuple[Literal["bye"], int]  # producer: RTCP BYE came
    # Of lines:
    | tuple[Literal["line"], int, Literal["first", "silent", "alive"]]
    # transport, state. first: its first RTP packet came; silent: `silent_ms` without RTP and RTCP; alive: something came again
    | tuple[Literal["dtmf"], int, str, int]
    # transport, one of 0..9 * # A..D or ! (hook flash), how long in ms: RFC 4733, once per press, when it ends
    | tuple[Literal["message"], int, bytes]
    # transport, what one packet of a line that carries messages held; of one far end at most 20 a second, presses among them
    | tuple[Literal["keyframe"], int]
    # transport: no key frame came a second after asking (each second), or the far end knows neither PLI nor FIR
    | tuple[Literal["limit"], int, int]  # consumer, bit/s that its peer wants at most (TMMBR; it has been confirmed)
    | tuple[Literal["unfit"], int]
    # consumer opened with `single_nal`: its source sends FU-A or STAP-A, so nothing of it is sent any more
)

FrameEvent = tuple[Literal["frame", "lost", "keyframe", "clock", "bye"], int, int, int, bytes]
"""(kind, SSRC, timestamp, time, bytes), the timestamp counted on beyond 32 bits.

frame: one whole frame (an H.264 picture as a byte stream with start codes, a VP8 frame, one packet of sound); time: when
its first packet came, us of CLOCK_MONOTONIC. lost: packets before the next frame are missing for good. keyframe: the
peer wants a key frame of this SSRC of ours. clock: a sender report, this timestamp was at this time, us of Unix time.
bye: the source ended. Fields that a kind does not have are 0 and b"".
"""

@final
class Plane:
    """All sockets and all shard threads of this process.

    `udp` and `tcp` are lists of (address, port); port 0 takes a free one. One UDP socket per entry and shard
    (SO_REUSEPORT), one TCP listener per entry (ICE-TCP, RFC 4571). What reaches the wrong one of several shards (1..16) is
    handed over: checks by our user name, whose first character (a..z, A..Z, 0..9) names the shard. `gather_us` is how long a batch waits for the
    rest of its frame. `gso=False` is for tests of the fall-back. `local_only`: UDP sockets on other addresses
    than loopback take only what comes from that address itself, so from this machine.

    Each thread holds at most `tcp_strangers` TCP connections without an answer of ours. One more ends the oldest stranger
    of the network that holds the most; an IPv6 customer (/48) counts as a whole. A stranger has `tcp_first_answer_ms`.
    `tcp_proved` bounds the connections that were answered; they end with the path of their peer, who has at most 8.
    """

    def __new__(
        cls,
        *,
        udp: Sequence[tuple[str, int]],
        tcp: Sequence[tuple[str, int]] = ...,
        shards: int = 1,
        gather_us: int = 1000,
        gso: bool = True,
        receive_buffer_bytes: int = 4194304,
        local_only: bool = False,
        tcp_strangers: int = 1024,
        tcp_first_answer_ms: int = 10000,
        tcp_proved: int = 8192,
    ) -> Plane: ...
    def udp_ports(self) -> list[int]:
        """The bound port of each `udp` entry, in order."""
    def tcp_ports(self) -> list[int]: ...
    def event_fd(self) -> int:
        """An eventfd, readable when `poll` has something. Owned by the plane."""
    def poll(self, limit: int = 256) -> list[Event]:
        """Up to `limit` events; empties the eventfd. Call again while it returns `limit` of them."""
    def close(self) -> None:
        """Ends the shard threads and closes the sockets; waits for them. Idempotent."""
    def open_router(self, router: int, shard: int = 0) -> None:
        """A router is one conference; producers and consumers meet inside one router, its lines live on `shard`."""
    def set_voices(self, router: int, most: int) -> None:
        """How many voices peers are sent at once (0..1000; 0, as at first: all).

        Where more audio producers are open that tell their level (RFC 6464) and are not paused, the loudest are sent; the
        packets of the others end where they came in. What lines are sent is the matter of `set_mixed_voices`."""
    def set_mixed_voices(self, router: int, most: int) -> None:
        """How many microphones lines are sent at once (0..1000; 0, as at first: all): those of halls (`meter_voice`) and those
        of peers that tell their level. The packets of the others end where they came in. A line gets the last three packets
        before the one that made a microphone loud too. A level of -70 dBov or less has no place."""
    def close_router(self, router: int) -> None:
        """Closes its transports, producers and consumers too."""
    def open_transport(self, router: int, transport: int, ufrag: str, pwd: str) -> None:
        """An ICE-lite end. `ufrag` 4..32 and `pwd` 22..64 ice-chars, ours; the peer is found by our ufrag. Of several shards it
        names the one on which the transport lives, which need not be that of its router."""
    def restart_ice(self, transport: int, ufrag: str, pwd: str) -> None:
        """New credentials of ours. The selected path goes on until the first nominated check with the new ones."""
    def set_remote_credentials(self, transport: int, ufrag: str, pwd: str) -> None:
        """The peer's. Checks with another ufrag are refused; until it is set every remote ufrag passes. With `pwd` (22..256
        ice-chars; "": not known) the peer is asked whether it has moved when its media comes from another address.
        """
    def open_line(
        self,
        router: int,
        transport: int,
        rtp_fd: int,
        rtcp_fd: int = -1,
        latch: bool = True,
        cname: str = "",
        silent_ms: int = 30_000,
    ) -> None:
        """A transport without ICE and DTLS, over bound UDP sockets that it has alone (the descriptors are duplicated).

        `rtcp_fd` -1: RTCP shares the port of RTP (RFC 5761). `latch`: symmetric RTP (RFC 4961), once: until then what
        authenticates by SRTP is taken from anywhere, and without SRTP RTP of a known payload type from the IP address
        that was told, any port; afterwards from the address latched alone. Without `latch` only the exact address told.
        `cname` (at most 64 visible ASCII characters) is the RTCP name of all that is sent here (RFC 3550 §6.5.1).
        After `silent_ms` (100 to 3,600,000) without RTP and RTCP the event "silent" is told, once until something comes.
        Producers are bound by payload type and their SSRC may change, unless `encodings` tells the SSRC.
        """
    def set_line_remote(self, transport: int, rtp: tuple[str, int] | None, rtcp: tuple[str, int] | None = None) -> None:
        """Where the far end is, as its session description says. None: hold, nothing is sent and nothing taken.

        `rtcp` None: the port above that of RTP. Another address than before is latched anew; the same one changes nothing.
        A line without keys is plain RTP from here on: with SRTP, `set_keys` comes first.
        """
    def set_feedback(self, transport: int, kinds: Sequence[Feedback]) -> None:
        """What the far end of a line understands; before this PLI and FIR. Without "nack" losses are not asked for."""
    def set_bitrate_limit(self, transport: int, bitrate_bps: int) -> None:
        """The far end of a line is asked to send video of at most so much (TMMBR, RFC 5104, where "tmmbr" is among
        the feedback), each second until it confirms, at most ten times. 0: no longer."""
    def open_messages(self, transport: int, send_type: int, receive_type: int) -> None:
        """A line carries short messages under these payload types instead of tracks (H.224 in RTP, RFC 4573; 4800 Hz):
        each packet received is the event "message". Told again, only the types change."""
    def send_message(self, transport: int, message: bytes) -> None:
        """One packet of 1 to 512 bytes; lost, as on a network, while the line has no address."""
    def set_extensions(self, transport: int, extensions: Sequence[tuple[int, Extension]]) -> None:
        """Header extension ids 1..14 (15..255: two-byte form) agreed for this connection, both directions."""
    def set_keys(
        self,
        transport: int,
        profile: Profile,
        receive_key: bytes,
        receive_salt: bytes,
        send_key: bytes,
        send_salt: bytes,
    ) -> None:
        """SRTP master keys and salts (RFC 5764, RFC 7714, RFC 4568). Media before this is dropped.

        Not the same keys twice: RTCP would count its packets from 0 again under the same key stream.
        """
    def send_dtls(self, transport: int, datagram: bytes) -> None:
        """One DTLS datagram (<= 1500 bytes) to the path selected now, or before selection to the last checked one."""
    def close_transport(self, transport: int) -> None: ...
    def open_producer(
        self,
        transport: int,
        producer: int,
        kind: Kind,
        mid: str,
        encodings: Sequence[tuple[str, int, int]],
        payloads: Sequence[tuple[int, Codec, int, int]],
    ) -> None:
        """One published track.

        `encodings`: (rid or "", SSRC or 0, RTX SSRC or 0) lowest quality first; the position is the layer index, at most 4.
        SSRCs not told are latched from MID/RID (RFC 8852). `payloads`: (payload type, codec, clock rate Hz, RTX payload type or -1).
        """
    def close_producer(self, producer: int) -> None:
        """Closes its consumers too."""
    def pause_producer(self, producer: int, paused: bool) -> None:
        """A paused (muted) producer forwards nothing and does not speak."""
    def forgo_repairs(self, producer: int) -> None:
        """Its publisher sends nothing again: losses are not asked for (RFC 4585)."""
    def meter_voice(self, producer: int) -> None:
        """The microphone of a hall, on a line: how loud it is, is read from its packets of G.711 and G.722, of Opus from the
        audio level (RFC 6464). Nobody reads it from other packets of Opus: lines are sent all of those. It takes no place of
        `set_voices`, and is no speaker of the event."""
    def keep_voice(self, producer: int) -> None:
        """No microphone: it is sent whatever others say, and takes none of the places of `set_voices`."""
    def request_keyframe(self, producer: int, layer: int = -1) -> None:
        """A PLI to the publisher, at most one per layer in 300 ms; -1: every active layer."""
    def open_consumer(
        self,
        transport: int,
        consumer: int,
        producer: int,
        mid: str,
        ssrc: int,
        rtx_ssrc: int,
        payloads: Sequence[tuple[int, int, int]],
        strip_red: bool = False,
        red_blocks: Sequence[tuple[int, int]] = ...,
        paused: bool = False,
        single_nal: bool = False,
    ) -> None:
        """One forwarded track on `transport`, which belongs to the same router as `producer`.

        `payloads`: (the producer's payload type, payload type to send, RTX payload type or -1: resend on the media SSRC).
        A producer's payload type that is not listed is not forwarded. `rtx_ssrc` 0: none. RED (RFC 2198) is forwarded whole,
        its block payload types rewritten by `red_blocks` (producer's, this consumer's); with `strip_red` only its
        primary block is sent, under the payload type that `payloads` gives for the RED one. `single_nal`: the receiver
        takes H.264 of packetization mode 0 only; a source that sends anything else is refused (event "unfit").
        """
    def make_red(self, consumer: int, payload_type: int) -> None:
        """The peer takes RED (RFC 2198) under this payload type and the producer sends Opus without: while the peer reports
        losses of 2 % or more, each packet takes the one before it along (from 10 % on the two before), as long as all is at
        most 1100 bytes. Such packets are not sent again."""
    def switch_source(self, consumer: int, producer: int, payloads: Sequence[tuple[int, int, int]]) -> None:
        """Another producer of the same router and kind under the same SSRC; `payloads` as for `open_consumer`.

        Sequence numbers and timestamps go on; video waits for a key frame, which is asked for."""
    def close_consumer(self, consumer: int) -> None:
        """Sends an RTCP BYE for its SSRC."""
    def pause_consumer(self, consumer: int, paused: bool) -> None: ...
    def set_layers(self, consumer: int, layer: int, temporal: int) -> None:
        """Highest layer and temporal id wanted. A layer is an encoding's index; of a producer with one encoding, a spatial layer
        within it (VP9, AV1). Such are left with the next picture; any other switch waits for a key frame, which is asked for.
        """
    def set_priority(self, consumer: int, priority: int, keeps: bool = False) -> None:
        """Which video is served first (0..7, the higher the sooner; whoever speaks counts two more) where the way to the peer
        does not carry everything. `keeps`: its lowest layer is sent even then."""
    def snapshot(self) -> Snapshot:
        """The statistics taken in the last second (one per second and shard, made by the shard threads)."""

@final
class FramePort:
    """Whole frames over plain RTP, for the process that decodes and encodes. One thread on one UDP socket.

    Every method may be called from any thread. Errors: `ValueError` for an argument out of range, `RuntimeError` after
    `close()`, `OSError` from the socket.
    """

    def __new__(cls, fd: int, *, cname: str = "mixer") -> FramePort:
        """`fd`: a bound UDP socket that is connected to the mixer's line; duplicated."""
    def expect(self, ssrc: int, codec: Codec, clock_hz: int, jitter_ms: int) -> None:
        """Frames of this SSRC are wanted (opus, pcmu, pcma, g722, h264, vp8). `jitter_ms` is how long a packet waits
        for one before it. Told again, the SSRC starts anew. `OverflowError` above 1024 of them."""
    def forget(self, ssrc: int) -> None: ...
    def poll(self, timeout_ms: int, limit: int = 256) -> list[FrameEvent]:
        """Up to `limit` events as soon as there is one; empty after `timeout_ms`. Releases the GIL while it waits."""
    def send_video(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        access_unit: bytes,
        capture_us: int,
        *,
        codec: Literal["h264", "vp8"] = "h264",
        mode: int = 1,
    ) -> None:
        """One coded picture: H.264 as a byte stream with start codes, or a VP8 frame; 90 kHz. Long ones are paced.

        A NAL unit goes alone up to 1200 bytes, longer in FU-A; with `mode` 0 a longer one is a `ValueError`.
        `capture_us`: CLOCK_MONOTONIC of the picture, for sender reports. `BlockingIOError`: 2048 packets wait already
        and the picture was not taken; the next one must be a key frame.
        """
    def send_audio(
        self,
        ssrc: int,
        payload_type: int,
        timestamp: int,
        payload: bytes,
        capture_us: int,
        *,
        clock_hz: int = 48000,
        marker: bool = False,
        level: int = -1,
        level_id: int = 1,
    ) -> None:
        """One packet of sound. `level`: RFC 6464, 0 (loudest) .. 127 -dBov in header extension `level_id`; -1: none."""
    def send_mix(
        self, outputs: Sequence[tuple[int, int]], timestamp: int, payload: bytes, capture_us: int, *, clock_hz: int
    ) -> None:
        """One packet of sound under each of several (SSRC, payload type), which hear the same."""
    def end(self, ssrc: int) -> None:
        """Nothing more is sent under this SSRC; the other end is told (BYE)."""
    def request_keyframe(self, ssrc: int) -> None:
        """A PLI for an expected SSRC, now."""
    def dropped(self) -> int:
        """Events that found the queue full (4096 of them, 64 MiB): nobody polled."""
    def close(self) -> None: ...

@final
class Snapshot:
    """Counters are totals since the start of the thing; rates and losses are of the last second or report."""

    @property
    def taken_at_us(self) -> int: ...
    @property
    def totals(self) -> dict[str, int]:
        """received_packets, received_bytes, sent_packets, sent_bytes, send_calls, sent_runs, padding_bytes, probe_bytes,
        unheard_packets (of voices left out by `set_voices`), stranger_datagrams, bad_stun, bad_srtp, replayed, malformed,
        excess_packets (of peers that send more than they may), kernel_drops, send_drops, handed_over, handover_drops, stale_commands, events_dropped, gso (1 while in use), transports,
        producers, consumers, memory_bytes; runs_N: messages of N to 2N-1 datagrams that went out, N 1 to 32; batches_N: system
        calls that took N to 2N-1 messages, N 1 to 64."""
    def shards(self) -> list[tuple[int, float, int, int, int, int, int, int, int]]:
        """(packets received and sent in the last second, share of it that the thread ran, received_packets, sent_packets,
        handed_over, handover_drops, kernel_drops, transports, memory_bytes) of each."""
    def transports(self) -> list[tuple[int, int, int, int, int, float, float, float, float, int]]:
        """(transport, received_packets, received_bytes, sent_packets, sent_bytes,
        up loss 0..1, down loss 0..1, rtt_ms or -1, down jitter_ms, bit/s that the way down carries; 0: not limited)."""
    def producers(self) -> list[tuple[int, int, int, int, float]]:
        """(producer, layer, packets, bitrate_bps, jitter_ms) for each layer that has sent."""
    def consumers(self) -> list[tuple[int, int, int, int, int, int, int, int]]:
        """(consumer, layer, packets, bytes, lost told by the peer, NACKed packets resent, key frames asked, how often less was
        sent of what there was because the way did not carry it)."""
