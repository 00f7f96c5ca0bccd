"""The interface between Python and Rust. Python decides, the plane moves packets.

Every method is a command. It checks its arguments, puts the command into a queue and returns at once. The shard thread executes
the commands in order. No method blocks, except `close`, and no method calls back. Identifiers (`router`, `transport`,
`producer`, `consumer`) are positive integers below 2**32. The caller chooses them and never uses an identifier twice in a
process. A command with an unknown identifier is ignored, because the thing may have closed a moment before.
`Snapshot.stale_commands` counts such commands.

Errors: `ValueError` for an argument out of range. `OverflowError` when the bounded command queue is full (the caller ends that
one connection). `RuntimeError` after `close()`. `OSError` from opening sockets.
"""

from collections.abc import Sequence
from typing import Literal, final

SOURCES_DIGEST: str
"""SHA-256 (hex) over the Rust sources of this library. `media/ground/library.py` refuses a library with another digest."""

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
    # transport, state, "udp 127.0.0.1:4242" or "tcp [::1]:99".
    # - "connected": the first nominated pair, or a pair again after "disconnected".
    # - "moved": another path is selected.
    # - "disconnected": no valid check for 10 s.
    # - "failed": no valid check for 30 s (RFC 7675).
    | tuple[Literal["layer"], int, int]  # producer, encoding index: its first packet arrived
    | tuple[Literal["switched"], int, int]  # consumer, layer that is now sent, as for `set_layers` (-1: none)
    | tuple[Literal["starved"], int, bool]
    # consumer, True: the path to its peer has too little bandwidth, so this track is not sent. False: the track is sent again
    | tuple[Literal["speakers"], int, list[tuple[int, float]]]
    # router, [(producer, level 0..1)] of the active speakers, the dominant speaker first; only after a change
    | tuple[Literal["bye"], int]  # producer: an RTCP BYE arrived
    # Events of lines:
    | tuple[Literal["line"], int, Literal["first", "silent", "alive"]]
    # transport, state.
    # - "first": its first RTP packet arrived.
    # - "silent": no RTP and no RTCP for `silent_ms`.
    # - "alive": a packet arrived again.
    | tuple[Literal["dtmf"], int, str, int]
    # transport, one of 0..9 * # A..D or ! (hook flash), duration in ms: RFC 4733, once for each press, when the press ends
    | tuple[Literal["message"], int, bytes]
    # transport, content of one packet of a line that carries messages. Each far end may cause at most 20 events a second,
    # together with its key presses
    | tuple[Literal["keyframe"], int]
    # transport. No key frame arrived within a second after a request (the event comes again each second). Or the far end knows
    # neither PLI nor FIR.
    | tuple[
        Literal["limit"], int, int
    ]  # consumer, largest bit/s that its peer accepts (TMMBR; the plane has confirmed it)
    | tuple[Literal["unfit"], int]
    # consumer opened with `single_nal`: its source sends FU-A or STAP-A, so the consumer gets nothing any more
)

FrameEvent = tuple[Literal["frame", "lost", "keyframe", "clock", "bye"], int, int, int, bytes]
"""(kind, SSRC, timestamp, time, bytes). The timestamp is extended beyond 32 bits. Unused fields are 0 and b"".

- "frame": one complete frame: an H.264 picture as a byte stream with start codes, a VP8 frame, or one audio packet. Its time is
  the arrival of its first packet, in us of CLOCK_MONOTONIC.
- "lost": packets before the next frame are lost for good.
- "keyframe": the peer requests a key frame of this SSRC of ours.
- "clock": a sender report gives the time of this timestamp, in us of Unix time.
- "bye": the source ended.
"""

@final
class Plane:
    """All sockets and all shard threads of this process.

    `udp` and `tcp` are lists of (address, port). Port 0 takes a free port. Each entry gets one UDP socket per shard
    (SO_REUSEPORT) or one TCP listener (ICE-TCP, RFC 4571). There are 1 to 16 shards. A datagram at the wrong shard is handed
    over. With several shards, the first character of our ufrag (a..z, A..Z, 0..9) names the shard of a transport. Received
    packets wait at most `gather_us` for the rest of their frame. `gso=False` is for tests of the fallback. With `local_only`,
    UDP sockets on non-loopback addresses accept only datagrams from their own address, so only from this machine.

    Each thread holds at most `tcp_strangers` TCP connections without an answer from the server. One more connection closes the
    oldest stranger of the network with the most strangers. An IPv6 customer (/48) counts as one network. A stranger has
    `tcp_first_answer_ms` until its answer. `tcp_proved` limits the answered connections. They end with the path of their peer,
    and each peer has at most 8.
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
        """Return the bound port of each `udp` entry, in order."""
    def tcp_ports(self) -> list[int]: ...
    def event_fd(self) -> int:
        """Return an eventfd that is readable when `poll` has events. The plane owns it."""
    def poll(self, limit: int = 256) -> list[Event]:
        """Return up to `limit` events and clear the eventfd. Call again while `limit` events are returned."""
    def close(self) -> None:
        """End the shard threads, wait for them and close the sockets. Idempotent."""
    def open_router(self, router: int, shard: int = 0) -> None:
        """Open a router, which is one conference. Producers and consumers meet inside one router. Its lines live on `shard`."""
    def set_voices(self, router: int, most: int) -> None:
        """Set how many voices each peer receives at once (0..1000; 0, the initial value: all).

        The limit applies to audio producers that send their level (RFC 6464) and are not paused. Only the loudest are sent, and
        the packets of the others are dropped on arrival. `set_mixed_voices` sets the limit for lines.
        """
    def set_mixed_voices(self, router: int, most: int) -> None:
        """Set how many microphones each line receives at once (0..1000; 0, the initial value: all). The microphones are those
        of halls (`meter_voice`) and of peers that send their level. Packets of other microphones are dropped on arrival.
        When a microphone becomes loud, a line also gets its last three packets before. A level of -70 dBov or less takes no
        place.
        """
    def close_router(self, router: int) -> None:
        """Close a router with its transports, producers and consumers."""
    def open_transport(self, router: int, transport: int, ufrag: str, pwd: str) -> None:
        """Open an ICE-lite agent. `ufrag` (4..32 ice-chars) and `pwd` (22..64 ice-chars) are ours. The peer is found by our
        ufrag. With several shards, the ufrag names the shard of the transport, which may differ from the shard of its
        router.
        """
    def restart_ice(self, transport: int, ufrag: str, pwd: str) -> None:
        """Set new credentials of ours. The selected path stays until the first nominated check with the new credentials."""
    def set_remote_credentials(self, transport: int, ufrag: str, pwd: str) -> None:
        """Set the credentials of the peer. Checks with another ufrag are refused. Before this call every remote ufrag is
        accepted. `pwd` has 22..256 ice-chars, or "" if it is not known. With `pwd`, the plane asks the peer whether it has
        moved when its media comes from another address.
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
        """Open a transport without ICE and DTLS, over bound UDP sockets of its own (the descriptors are duplicated).

        `rtcp_fd` -1: RTCP shares the port of RTP (RFC 5761). `latch` means symmetric RTP (RFC 4961): the line learns the
        address of the far end once. Before that, SRTP packets that authenticate are accepted from every address. Without SRTP,
        RTP with a known payload type is accepted from the signalled IP address and any port. After that, only the learned
        address is accepted. Without `latch` only the exact signalled address is accepted. `cname` (at most 64 visible ASCII
        characters) is the RTCP name of all streams sent here (RFC 3550 §6.5.1). After `silent_ms` (100 to 3,600,000) without
        RTP and RTCP the event "silent" is sent once, until a packet arrives. Producers are bound by payload type, and their
        SSRC may change, unless `encodings` gives the SSRC.
        """
    def set_line_remote(self, transport: int, rtp: tuple[str, int] | None, rtcp: tuple[str, int] | None = None) -> None:
        """Set the address of the far end from its session description. None means hold: nothing is sent and nothing is
        accepted.

        `rtcp` None: RTCP goes to the RTP port plus one. A new address is latched again, and the same address changes nothing.
        From this call on, a line without keys is plain RTP, so call `set_keys` before it for SRTP.
        """
    def set_feedback(self, transport: int, kinds: Sequence[Feedback]) -> None:
        """Set the feedback that the far end of a line understands. The initial value is PLI and FIR. Without "nack" no
        retransmissions are requested.
        """
    def set_bitrate_limit(self, transport: int, bitrate_bps: int) -> None:
        """Request the far end of a line to limit its video to `bitrate_bps` (TMMBR, RFC 5104, if "tmmbr" is in the feedback).
        The request goes out each second until the far end confirms, at most ten times. 0 ends the requests.
        """
    def open_messages(self, transport: int, send_type: int, receive_type: int) -> None:
        """Make a line carry short messages under these payload types instead of tracks (H.224 in RTP, RFC 4573; 4800 Hz). Each
        received packet is the event "message". A second call changes only the types.
        """
    def send_message(self, transport: int, message: bytes) -> None:
        """Send one packet of 1 to 512 bytes. While the line has no address, the packet is lost, as on a network."""
    def set_extensions(self, transport: int, extensions: Sequence[tuple[int, Extension]]) -> None:
        """Set the header extension ids 1..14 (15..255: two-byte form) that were agreed for both directions of this connection."""
    def set_keys(
        self,
        transport: int,
        profile: Profile,
        receive_key: bytes,
        receive_salt: bytes,
        send_key: bytes,
        send_salt: bytes,
    ) -> None:
        """Set the SRTP master keys and salts (RFC 5764, RFC 7714, RFC 4568). Media before this call is dropped.

        Do not set the same keys twice: the replay windows for received RTCP start empty with each call.
        """
    def send_dtls(self, transport: int, datagram: bytes) -> None:
        """Send one DTLS datagram (<= 1500 bytes) to the selected path, or before the selection to the last checked path."""
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
        """Open a producer for one published track.

        `encodings` holds (rid or "", SSRC or 0, RTX SSRC or 0), lowest quality first. The position is the layer index, and
        there are at most 4. Unknown SSRCs are learned from MID/RID (RFC 8852). `payloads` holds (payload type, codec, clock
        rate Hz, RTX payload type or -1).
        """
    def close_producer(self, producer: int) -> None:
        """Close a producer with its consumers."""
    def pause_producer(self, producer: int, paused: bool) -> None:
        """Pause a producer (muted): it forwards nothing and does not count as a speaker."""
    def forgo_repairs(self, producer: int) -> None:
        """Stop requests for retransmissions (RFC 4585), because the publisher never retransmits."""
    def meter_voice(self, producer: int) -> None:
        """Mark the producer as the microphone of a hall, on a line. Its level is computed from packets of G.711 and G.722, and
        read from the audio level (RFC 6464) for Opus. Opus packets without that level are always sent to lines. Such a
        microphone takes no place of `set_voices` and is never in the event "speakers".
        """
    def keep_voice(self, producer: int) -> None:
        """Mark the producer as audio that is not a microphone. It is always sent and takes no place of `set_voices`."""
    def request_keyframe(self, producer: int, layer: int = -1) -> None:
        """Send a PLI to the publisher, at most one per layer in 300 ms. -1: all active layers."""
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
        """Open a consumer: one forwarded track on `transport`, which belongs to the same router as `producer`.

        `payloads` holds (the producer's payload type, payload type to send, RTX payload type or -1: retransmit on the media
        SSRC). A payload type that is not listed is not forwarded. `rtx_ssrc` 0 means no RTX. RED (RFC 2198) is forwarded whole,
        and `red_blocks` (producer's type, this consumer's type) rewrites the types of its blocks. With `strip_red` only the
        primary block is sent, under the payload type that `payloads` gives for RED. `single_nal` means that the receiver
        accepts only H.264 of packetization mode 0. If the source sends another mode, the consumer gets nothing (event "unfit").
        """
    def make_red(self, consumer: int, payload_type: int) -> None:
        """Make RED (RFC 2198) under this payload type, for a producer that sends plain Opus and a peer that accepts RED. While
        the peer reports losses of 2 % or more, each packet also carries the packet before it. From 6 % on it carries three
        earlier packets. The payload stays at or below 1100 bytes. Such packets are not retransmitted.
        """
    def switch_source(self, consumer: int, producer: int, payloads: Sequence[tuple[int, int, int]]) -> None:
        """Switch to another producer of the same router and kind, under the same SSRC. `payloads` is as for `open_consumer`.

        Sequence numbers and timestamps continue. Video waits for a key frame, which is requested.
        """
    def close_consumer(self, consumer: int) -> None:
        """Close a consumer and send an RTCP BYE for its SSRC."""
    def pause_consumer(self, consumer: int, paused: bool) -> None: ...
    def set_layers(self, consumer: int, layer: int, temporal: int) -> None:
        """Set the highest wanted layer and temporal id. A layer is the index of an encoding. For a producer with one encoding,
        it is a spatial layer (VP9, AV1). A switch down between spatial layers happens with the next picture. Any other
        switch of the layer waits for a key frame, which is requested.
        """
    def set_priority(self, consumer: int, priority: int, keeps: bool = False) -> None:
        """Set the priority of a video (0..7) for a path with too little bandwidth: a higher priority is served first. The
        videos of the dominant speaker get two more. With `keeps`, the lowest layer is always sent, at least with its lowest
        frame rate.
        """
    def snapshot(self) -> Snapshot:
        """Return the statistics of the last second. The shard threads make them once per second and shard."""

@final
class FramePort:
    """Complete frames over plain RTP, for the process that decodes and encodes. It has one thread on one UDP socket.

    Any thread may call the methods. Errors: `ValueError` for an argument out of range, `RuntimeError` after `close()`,
    `OSError` from the socket.
    """

    def __new__(cls, fd: int, *, cname: str = "mixer") -> FramePort:
        """Use `fd`, a bound UDP socket that is connected to the mixer's line. The descriptor is duplicated."""
    def expect(self, ssrc: int, codec: Codec, clock_hz: int, jitter_ms: int) -> None:
        """Expect frames of this SSRC (opus, pcmu, pcma, g722, h264, vp8). A packet waits `jitter_ms` for an earlier packet. A
        second call starts the SSRC again. `OverflowError` above 1024 SSRCs.
        """
    def forget(self, ssrc: int) -> None: ...
    def poll(self, timeout_ms: int, limit: int = 256) -> list[FrameEvent]:
        """Return up to `limit` events as soon as there is one, or an empty list after `timeout_ms`. The GIL is released during
        the wait.
        """
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
        """Send one coded picture with a clock of 90 kHz: H.264 as a byte stream with start codes, or a VP8 frame. Large
        pictures are paced.

        A NAL unit up to 1200 bytes goes alone, and a longer unit goes in FU-A. With `mode` 0 a longer unit is a `ValueError`.
        `capture_us` is the capture time in CLOCK_MONOTONIC, for sender reports. `BlockingIOError` means that the queue of 2048
        packets has no room, so the picture was not accepted. Then the next picture must be a key frame.
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
        """Send one audio packet. `level` is 0 (loudest) .. 127 in -dBov (RFC 6464), sent in header extension `level_id`. -1: no
        level.
        """
    def send_mix(
        self, outputs: Sequence[tuple[int, int]], timestamp: int, payload: bytes, capture_us: int, *, clock_hz: int
    ) -> None:
        """Send one audio packet under each of several (SSRC, payload type), whose receivers hear the same mix."""
    def end(self, ssrc: int) -> None:
        """End the sending under this SSRC and notify the other end with a BYE."""
    def request_keyframe(self, ssrc: int) -> None:
        """Send a PLI for an expected SSRC at once."""
    def dropped(self) -> int:
        """Return the number of events dropped because the queue (4096 events, 64 MiB) was full."""
    def close(self) -> None: ...

@final
class Snapshot:
    """The statistics. Counters are totals since the start of the thing. Rates and losses are of the last second or the last
    report.
    """

    @property
    def taken_at_us(self) -> int: ...
    @property
    def totals(self) -> dict[str, int]:
        """Return the totals by name.

        - `unheard_packets`: packets of voices that the plane does not forward, because other voices are louder.
        - `excess_packets`: packets of peers that send more than allowed.
        - `gso`: 1 while in use.
        - runs_N: sent messages of N to 2N-1 datagrams, N 1 to 32.
        - batches_N: system calls that took N to 2N-1 messages, N 1 to 64.
        - The other names are: `received_packets`, `received_bytes`, `sent_packets`, `sent_bytes`, `send_calls`, `sent_runs`,
          `padding_bytes`, `probe_bytes`, `stranger_datagrams`, `bad_stun`, `bad_srtp`, `replayed`, `malformed`, `kernel_drops`,
          `send_drops`, `handed_over`, `handover_drops`, `stale_commands`, `events_dropped`, `transports`, `producers`,
          `consumers`, `memory_bytes`.
        """
    def shards(self) -> list[tuple[int, float, int, int, int, int, int, int, int]]:
        """Return one row for each shard. The row begins with the packets received and sent in the last second, and the share of
        that second that the thread ran. Five totals follow: received_packets, sent_packets, handed_over, handover_drops,
        kernel_drops. The current transports and memory_bytes are the end.
        """
    def transports(self) -> list[tuple[int, int, int, int, int, float, float, float, float, int]]:
        """Return one row for each transport: transport, received_packets, received_bytes, sent_packets, sent_bytes. The loss of
        the uplink (0..1), the loss of the downlink (0..1), rtt_ms or -1 and the downlink's jitter_ms follow. The last field
        is the bandwidth of the downlink in bit/s (0: no limit).
        """
    def producers(self) -> list[tuple[int, int, int, int, float]]:
        """Return (producer, layer, packets, bitrate_bps, jitter_ms) for each layer that has sent."""
    def consumers(self) -> list[tuple[int, int, int, int, int, int, int, int]]:
        """Return (consumer, layer, packets, bytes, lost, resent, keyframes, lowered) for each consumer.

        - lost: the packet loss that the peer reports.
        - resent: NACKed packets that were retransmitted.
        - keyframes: requested key frames.
        - lowered: how often a lower quality was sent than available, because of too little bandwidth.
        """
