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
"""SHA-256 (hex) over the Rust sources this library was built from; `media/node.py` refuses a stale one."""

Kind = Literal["audio", "video"]
Codec = Literal["opus", "red", "pcmu", "pcma", "g722", "vp8", "vp9", "h264", "av1"]
Profile = Literal["AEAD_AES_128_GCM", "AES128_CM_SHA1_80"]
Extension = Literal[
    "mid", "rid", "repaired-rid", "audio-level", "transport-cc", "abs-send-time", "orientation", "dependency-descriptor"
]

Event = (
    tuple[Literal["dtls"], int, bytes]  # transport, one datagram (first byte 20..63) from a checked path
    | tuple[Literal["ice"], int, Literal["connected", "moved", "disconnected", "failed"], str]
    # transport, state, "udp 127.0.0.1:4242" or "tcp [::1]:99". connected: first nominated pair, or again after
    # disconnected; moved: another path is selected; disconnected: 10 s without a valid check; failed: 30 s (RFC 7675)
    | tuple[Literal["layer"], int, int]  # producer, layer index: its first packet arrived
    | tuple[Literal["switched"], int, int]  # consumer, layer index now sent (-1: nothing)
    | tuple[Literal["speakers"], int, list[tuple[int, float]]]
    # router, [(producer, level 0..1)] of those who speak, the dominant one first; only when it changed
    | tuple[Literal["bye"], int]  # producer: RTCP BYE came
)

@final
class Plane:
    """All sockets and all shard threads of this process.

    `udp` and `tcp` are lists of (address, port); port 0 takes a free one. One UDP socket per entry and shard
    (SO_REUSEPORT), one TCP listener per entry (ICE-TCP, RFC 4571). `gather_us` is how long a batch waits for the
    rest of its frame. `gso=False` is for tests of the fall-back.
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
        """A router is one conference; producers and consumers meet inside one router."""
    def close_router(self, router: int) -> None:
        """Closes its transports, producers and consumers too."""
    def open_transport(self, router: int, transport: int, ufrag: str, pwd: str) -> None:
        """An ICE-lite end. `ufrag` 4..32 and `pwd` 22..64 ice-chars, ours; the peer is found by our ufrag."""
    def restart_ice(self, transport: int, ufrag: str, pwd: str) -> None:
        """New credentials of ours. The selected path goes on until the first nominated check with the new ones."""
    def set_remote_ufrag(self, transport: int, ufrag: str) -> None:
        """The peer's ufrag: checks with another one are refused. Until it is set every remote ufrag passes."""
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
        """SRTP master keys and salts (RFC 5764, RFC 7714). Media before this is dropped."""
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
    ) -> None:
        """One forwarded track on `transport`, which belongs to the same router as `producer`.

        `payloads`: (the producer's payload type, payload type to send, RTX payload type or -1: resend on the media SSRC).
        A producer's payload type that is not listed is not forwarded. `rtx_ssrc` 0: none. RED (RFC 2198) is forwarded whole,
        its block payload types rewritten by `red_blocks` (producer's, this consumer's); with `strip_red` only its
        primary block is sent, under the payload type that `payloads` gives for the RED one.
        """
    def close_consumer(self, consumer: int) -> None:
        """Sends an RTCP BYE for its SSRC."""
    def pause_consumer(self, consumer: int, paused: bool) -> None: ...
    def set_layers(self, consumer: int, layer: int, temporal: int) -> None:
        """Highest layer index and VP8 temporal id wanted; the switch waits for a key frame, which is asked for."""
    def snapshot(self) -> Snapshot:
        """The statistics taken in the last second (one per second and shard, made by the shard threads)."""

@final
class Snapshot:
    """Counters are totals since the start of the thing; rates and losses are of the last second or report."""

    @property
    def taken_at_us(self) -> int: ...
    @property
    def totals(self) -> dict[str, int]:
        """received_packets, received_bytes, sent_packets, sent_bytes, send_calls, sent_runs, padding_bytes,
        stranger_datagrams, bad_stun, bad_srtp, replayed, malformed, kernel_drops, send_drops, stale_commands,
        events_dropped, gso (1 while in use), transports, producers, consumers, memory_bytes."""
    def transports(self) -> list[tuple[int, int, int, int, int, float, float, float, float]]:
        """(transport, received_packets, received_bytes, sent_packets, sent_bytes,
        up loss 0..1, down loss 0..1, rtt_ms or -1, down jitter_ms)."""
    def producers(self) -> list[tuple[int, int, int, int, float]]:
        """(producer, layer, packets, bitrate_bps, jitter_ms) for each layer that has sent."""
    def consumers(self) -> list[tuple[int, int, int, int, int, int, int]]:
        """(consumer, layer, packets, bytes, lost told by the peer, NACKed packets resent, key frames asked)."""
