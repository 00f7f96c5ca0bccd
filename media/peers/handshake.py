"""DTLS and SCTP of one transport, with aiortc on top of a replacement for its ICE transport (RFC 5764, RFC 8261, RFC 8832).

Only this file uses private names of aiortc. pyproject pins its exact version, and `tests/media/peers/test_handshake.py` checks
these names. No RTP arrives here: the SRTP keys go to the packet plane, which does the rest.

We are the DTLS server whenever the peer allows this, because then our order of SRTP profiles decides. We are the DTLS client of
a peer that wants to be the server. The limits for its certificate, bytes and time are the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from aiortc.rtcdatachannel import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from aiortc.rtcsctptransport import Chunk, DataChunk, ForwardTsnChunk, RTCSctpCapabilities, RTCSctpTransport, SackChunk
from OpenSSL import SSL

from media.ground import limits
from media.ground.parameters import Fingerprint
from media.ground.token_bucket import TokenBucket
from media.peers import datagrams

Profile = Literal["AEAD_AES_128_GCM", "AES128_CM_SHA1_80"]
Role = Literal["client", "server"]
"""Our role in the DTLS handshake."""

LOSSY_LABELS = frozenset({"_lossy", "_data_track"})
"""Channels that we open unordered and without retransmission."""

_PROFILES: list[SRTPProtectionProfile] = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
_NAMES: dict[bytes, Profile] = {
    SRTP_AEAD_AES_128_GCM.openssl_profile: "AEAD_AES_128_GCM",
    SRTP_AES128_CM_SHA1_80.openssl_profile: "AES128_CM_SHA1_80",
}
_DTLS1_2 = 0xFEFD
_TSNS = 1 << 32
_DCEP = 50
"""The SCTP payload protocol identifier of messages that open data channels. Source: RFC 8832 §8.1. Larger or smaller: opening
messages count as data. Then a hostile client can open channels beyond the limits CHANNELS (16) and CHANNEL_OPEN_BYTES (512).
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """The SRTP master keys and salts. The "receive" keys are the keys that the peer encrypts with."""

    profile: Profile
    receive_key: bytes
    receive_salt: bytes
    send_key: bytes
    send_salt: bytes


class SessionEvents(Protocol):
    """The events of a `Session` for its transport."""

    def send_datagram(self, datagram: bytes) -> None: ...
    def install_keys(self, keys: Keys) -> None:
        """Pass the keys to the plane. This event comes before `connected`."""

    def connected(self) -> None: ...
    def failed(self, reason: str) -> None:
        """Report a failure. No event follows. This event does not come when the owner itself closes the session."""


class ChannelEvents(Protocol):
    """The events of data channels. `peer` is the number of the peer."""

    def channel_opened(self, peer: int, label: str) -> None: ...
    def channel_drained(self, peer: int, label: str) -> None:
        """Report that the buffer of a reliable channel has fallen to half of its limit. The channel accepts more data again."""

    def message(self, peer: int, label: str, data: bytes) -> None: ...


class Certificate(RTCCertificate):
    """The certificate of the process. All connections share one SSL context."""

    _context: SSL.Context | None = None

    @classmethod
    def new(cls) -> Certificate:
        return cls.generateCertificate()

    @property
    def fingerprint(self) -> str:
        return next(one.value for one in self.getFingerprints() if one.algorithm == "sha-256")

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            # With a shared context, a client could otherwise resume the session of another fingerprint.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            # Only the first handshake has limits, and only its certificate is compared with the fingerprint.
            self._context.set_options(SSL.OP_NO_RENEGOTIATION)
            # Later versions send a second ClientHello, which `datagrams.fits_handshake` refuses.
            self._context.set_max_proto_version(_DTLS1_2)
        return self._context


class Session:
    """A DTLS session, from the first datagram to the data channels. It begins when the peer's fingerprints are known.

    The DTLS server begins with the ClientHello of the peer. The DTLS client begins when the peer has nominated a path. So its
    ClientHello goes to an address that sent an authentic connectivity check. OpenSSL sends lost flights again after 1, 2, 4 and
    8 s (RFC 6347 §4.2.4.1), until `limits.HANDSHAKE_S` ends the handshake.
    """

    def __init__(
        self,
        certificate: Certificate,
        events: SessionEvents,
        channels: ChannelEvents,
        peer: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._certificate = certificate
        self._events = events
        self._channel_events = channels
        self._peer = peer
        self._loop = loop
        self._pipe = _Pipe(events.send_datagram)
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._has_path = False
        self._dtls: _Dtls | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._handshake_bytes = 0
        self._records = TokenBucket(limits.RECORDS_PER_S, limits.RECORDS_PER_S)
        self._association: _Association | None = None
        self._association_wanted: tuple[int, int] | None = None
        self._labels: list[str] = []
        self._channels: dict[str, RTCDataChannel] = {}
        self.state: Literal["new", "connecting", "connected", "failed", "closed"] = "new"
        self.role: Role | None = None
        """Our role. None until the peer's description is known."""

    def trust(self, fingerprints: Sequence[Fingerprint], role: Role) -> bool:
        """Set the fingerprints from the peer's SDP, and our role. Return False if the session already runs with other
        fingerprints.

        The role of a session never changes. Another role needs a new DTLS association (RFC 8842 §4).
        """
        assert self.role in (None, role)
        self.role = role
        if self._fingerprints and self.state != "new":
            return self._fingerprints == tuple(fingerprints)
        self._fingerprints = tuple(fingerprints)
        self._start()
        return True

    def path_nominated(self) -> None:
        """Record that the peer nominated a path with an authentic connectivity check. The DTLS client may now send there."""
        self._has_path = True
        self._start()

    def receive(self, datagram: bytes) -> None:
        """Take one DTLS datagram from a path that ICE has checked."""
        if self.state in ("failed", "closed"):
            return
        for record in datagrams.records(datagram):
            if self._records.take(self._loop.time()) and self._takes(record):
                self._pipe.put(record)
        self._start()

    def _takes(self, record: bytes) -> bool:
        """Report whether to pass the record on. Only records of a handshake count towards its limit, so that noise cannot end
        the handshake.
        """
        if datagrams.claims_too_much(record):
            return False
        if self.state == "connected":
            return True
        if not datagrams.fits_handshake(record, from_server=self.role == "client"):
            return False
        self._handshake_bytes += datagrams.handshake_bytes(record)
        if self._handshake_bytes > limits.HANDSHAKE_BYTES:
            self._fail("handshake too long")
        return self.state not in ("failed", "closed")

    def start_association(self, port: int, max_message_bytes: int) -> None:
        """Start SCTP with the negotiated values, as soon as DTLS is complete."""
        self._association_wanted = (port, max_message_bytes)
        if self.state == "connected" and self._association is None:
            self._associate()

    def open_channels(self, labels: Sequence[str]) -> None:
        """Open channels from our side, as soon as SCTP is complete."""
        self._labels += labels
        if self._association is not None:
            self._open_waiting()

    def send(self, label: str, data: bytes) -> bool:
        """Send data. Return False, and drop the data, if the channel is not open or too much data waits in it."""
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open" or len(data) > limits.MESSAGE_BYTES:
            return False
        bound = limits.LOSSY_BUFFER_BYTES if _is_lossy(channel) else limits.RELIABLE_BUFFER_BYTES
        if channel.bufferedAmount + len(data) > bound:
            return False
        try:
            channel.send(data)
        except ValueError:  # longer than the peer accepts
            return False
        return True

    def hold(self, size_bytes: int) -> None:
        """Reduce the peer's receive window by the received bytes that are not processed yet."""
        if self._association is not None:
            self._association.hold(size_bytes)

    def close(self) -> None:
        """Send the end messages (SCTP ABORT, DTLS close_notify) and close. No event follows."""
        if self.state != "closed":
            self._end("closed")

    def _start(self) -> None:
        if self.state != "new" or self.role is None or not self._fingerprints:
            return
        if self.role == "client":
            self._pipe.clear()  # before our ClientHello no valid answer exists
        if not (self._has_path if self.role == "client" else not self._pipe.empty):
            return
        self.state = "connecting"
        self._dtls = _Dtls(self._pipe, self._certificate, self._events.install_keys, self.role)
        self._wait(limits.HANDSHAKE_STEPS)
        self._task = self._loop.create_task(self._handshake(self._dtls))

    def _wait(self, steps: int) -> None:
        """Count down the handshake's time in steps. If this process pauses, the peer loses at most one step."""
        if steps == 0:
            self._fail("handshake timed out")
        else:
            step_s = limits.HANDSHAKE_S / limits.HANDSHAKE_STEPS
            self._deadline = self._loop.call_later(step_s, self._wait, steps - 1)

    async def _handshake(self, dtls: _Dtls) -> None:
        fingerprints = [RTCDtlsFingerprint(one.algorithm, one.value) for one in self._fingerprints]
        try:
            await dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
        except Exception:  # a hostile certificate can raise any error in the libraries
            self._fail("malformed handshake")
            return
        if self.state != "connecting":
            return
        if dtls.state != "connected":
            self._fail("handshake failed")
            return
        self._cancel_deadline()
        self.state = "connected"
        dtls.on("statechange", self._dtls_changed)
        if self._association_wanted is not None:
            self._associate()
        self._events.connected()

    def _dtls_changed(self) -> None:
        if self._dtls is not None and self._dtls.state in ("closed", "failed"):
            self._fail("closed by the peer")

    def _associate(self) -> None:
        assert self._dtls is not None
        assert self._association_wanted is not None
        port, max_message_bytes = self._association_wanted
        self._association = _Association(self._dtls, self._fail)
        self._association.on("datachannel", self._channel_offered)
        _run_now(self._association.start(RTCSctpCapabilities(max_message_bytes), port))
        self._open_waiting()

    def _open_waiting(self) -> None:
        assert self._association is not None
        labels, self._labels = self._labels, []
        for label in labels[: limits.CHANNELS]:
            lossy = label in LOSSY_LABELS
            parameters = RTCDataChannelParameters(label, ordered=not lossy, maxRetransmits=0 if lossy else None)
            channel = RTCDataChannel(self._association, parameters)
            self._listen(channel)
            channel.on("open", lambda label=label: self._channel_open(label))

    def _channel_offered(self, channel: RTCDataChannel) -> None:
        self._listen(channel)
        self._channel_open(channel.label)

    def _channel_open(self, label: str) -> None:
        self._loop.call_soon(self._tell_open, label)

    def _tell_open(self, label: str) -> None:
        if self.state == "connected":
            self._channel_events.channel_opened(self._peer, label)

    def _tell_drained(self, label: str) -> None:
        if self.state == "connected":
            self._channel_events.channel_drained(self._peer, label)

    def _listen(self, channel: RTCDataChannel) -> None:
        self._channels[channel.label] = channel
        channel.on("close", lambda: self._forget(channel))
        channel.on("message", lambda data: self._message(channel.label, data))
        if not _is_lossy(channel):
            channel.bufferedAmountLowThreshold = limits.RELIABLE_BUFFER_BYTES // 2
            channel.on("bufferedamountlow", lambda: self._loop.call_soon(self._tell_drained, channel.label))

    def _forget(self, channel: RTCDataChannel) -> None:
        if self._channels.get(channel.label) is channel:
            del self._channels[channel.label]

    def _message(self, label: str, data: bytes | str) -> None:
        # Report a message in the next turn of the loop. Otherwise an error of the owner would look like an error in the peer's
        # SCTP.
        self._loop.call_soon(self._tell_message, label, data)

    def _tell_message(self, label: str, data: bytes | str) -> None:
        if self.state == "connected":
            self._channel_events.message(self._peer, label, data.encode() if isinstance(data, str) else data)

    def _fail(self, reason: str) -> None:
        if self.state not in ("failed", "closed"):
            self._end("failed")
            self._events.failed(reason)

    def _end(self, state: Literal["failed", "closed"]) -> None:
        self.state = state
        self._cancel_deadline()
        if self._association is not None:
            _run_now(self._association.stop())
        if self._dtls is not None:
            _run_now(self._dtls.stop())
            self._dtls.remove_all_listeners()
        self._pipe.close()
        if self._task is not None and self._task is not asyncio.current_task(self._loop):
            self._task.cancel()
        # Free this now, not at the next garbage collection: these libraries hold most of a peer's memory.
        self._association = self._dtls = self._task = None
        self._channels.clear()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Pipe:
    """A replacement for the ICE transport below DTLS: a limited queue for received data, and a function that sends."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._datagrams: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._deliver = send
        self._closed = False

    @property
    def empty(self) -> bool:
        return not self._datagrams

    def put(self, datagram: bytes) -> None:
        if len(self._datagrams) < limits.DATAGRAMS_WAITING:  # if full, the datagram is lost, as on any network
            self._datagrams.append(datagram)
            self._arrived.set()

    def clear(self) -> None:
        self._datagrams.clear()

    def close(self) -> None:
        self._closed = True
        self._arrived.set()

    async def _recv(self) -> bytes:
        if self._datagrams:
            await asyncio.sleep(0)  # other tasks run between two records of one peer
        while not self._datagrams and not self._closed:
            self._arrived.clear()
            await self._arrived.wait()
        if self._closed:
            raise ConnectionError
        return self._datagrams.popleft()

    async def _send(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionError
        self._deliver(data)


class _Dtls(RTCDtlsTransport):
    """An end of DTLS. It exports keys instead of SRTP sessions."""

    def __init__(self, pipe: _Pipe, certificate: Certificate, install: Callable[[Keys], None], role: Role) -> None:
        super().__init__(pipe, [certificate])  # type: ignore[arg-type]
        self._install = install
        self._srtp_profiles = _PROFILES
        self._set_role(role)

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        selected = self._ssl.get_selected_srtp_profile()
        profile = next((one for one in _PROFILES if one.openssl_profile == selected), None)
        if profile is None:
            self._set_state(State.FAILED)
            return
        key, salt = profile.key_length, profile.salt_length
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        salts = 2 * key  # RFC 5764 §4.2: client key, server key, client salt, server salt
        client = material[:key], material[salts : salts + salt]
        server = material[key:salts], material[salts + salt :]
        receive, send = (client, server) if self._role == "server" else (server, client)
        self._install(Keys(_NAMES[profile.openssl_profile], *receive, *send))


class _Association(RTCSctpTransport):
    """SCTP that survives a hostile peer. Where aiortc has no limit or only asserts, this class ends the association."""

    def __init__(self, dtls: _Dtls, give_up: Callable[[str], None]) -> None:
        super().__init__(dtls)
        self._give_up = give_up
        self._broken = False
        self._chunks = TokenBucket(limits.CHUNKS_PER_S, limits.CHUNKS_PER_S)
        self._time = asyncio.get_running_loop().time
        self._advertised_rwnd = limits.WINDOW_BYTES
        self._held = 0
        self._told_window = self._advertised_rwnd
        self._late_sack: asyncio.TimerHandle | None = None

    def hold(self, size_bytes: int) -> None:
        """Reduce the peer's window (RFC 9260 §6.2) by these bytes. When the window has grown enough, the peer is notified."""
        self._held = size_bytes
        window = self._advertised_rwnd - size_bytes
        opens = window >= self._told_window + limits.WINDOW_OPENS_BYTES
        if opens and self._association_state == self.State.ESTABLISHED:
            _run_now(super()._send_sack())

    async def _send_sack(self) -> None:
        """Send a SACK now, or later if the window is closed. With a closed window, dcsctp sends one more packet after each
        SACK.
        """
        if self._advertised_rwnd > self._held:
            await super()._send_sack()
        elif self._late_sack is None:
            self._late_sack = asyncio.get_running_loop().call_later(limits.LATE_SACK_S, self._send_late_sack)

    def _send_late_sack(self) -> None:
        self._late_sack = None
        if self._sack_needed and not self._broken and self._association_state == self.State.ESTABLISHED:
            _run_now(super()._send_sack())

    async def stop(self) -> None:
        if self._late_sack is not None:
            self._late_sack.cancel()
            self._late_sack = None
        await super().stop()

    async def _handle_data(self, data: bytes) -> None:
        if self._broken or not self._chunks.take(self._time(), datagrams.count_chunks(data)):
            return  # above the rate limit of a peer; the packet is lost, as on any network, and the peer slows down
        if fault := datagrams.fault_of(data, (self._local_tsn - 1) % _TSNS):
            self._refuse(fault)
            return
        try:
            await super()._handle_data(data)
        except Exception:  # aiortc asserts and unpacks the peer's data; no code of ours runs below this call
            self._refuse("malformed SCTP")

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        stream = self._inbound_streams.get(chunk.stream_id)
        if stream is None and len(self._inbound_streams) >= limits.STREAMS:
            self._refuse("too many streams")
        elif len(self._sack_misordered) > limits.TSNS_OUT_OF_ORDER:
            self._refuse("too much data out of order")
        elif not self._has_room(chunk, 0 if stream is None else len(stream.reassembly)):
            # The chunk is not stored. A SACK reports this, and the peer sends the chunk again (RFC 9260 §6.2).
            self._sack_needed = True
        elif stream is not None and len(stream.reassembly) >= limits.CHUNKS_OF_STREAM:
            self._refuse("too many fragments")
        # the window is for all streams together, and the peer knows it from our SACKs
        elif self._advertised_rwnd <= -2 * limits.MESSAGE_BYTES:
            self._refuse("data beyond the receive window")
        else:
            await super()._receive_data_chunk(chunk)

    def _has_room(self, chunk: DataChunk, waiting: int) -> bool:
        """Report whether a chunk can be stored. The next chunk in order always can, because it releases chunks that wait.

        A chunk that fills a gap has a higher limit than a chunk behind all others.
        """
        ahead = (chunk.tsn - (self._last_received_tsn or 0)) % _TSNS
        if ahead == 1 or ahead > _TSNS // 2:
            return True
        if waiting < limits.CHUNKS_AHEAD and self._advertised_rwnd > 0:
            return True
        fills = any((tsn - chunk.tsn) % _TSNS < _TSNS // 2 for tsn in self._sack_misordered)
        return fills and waiting < limits.CHUNKS_FILLING and self._advertised_rwnd > -limits.MESSAGE_BYTES

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        await super()._receive_sack_chunk(chunk)
        self._cwnd = min(self._cwnd, limits.FLIGHT_BYTES)

    async def _receive_forward_tsn_chunk(self, chunk: ForwardTsnChunk) -> None:
        if len({stream for stream, _ in chunk.streams} | self._inbound_streams.keys()) > limits.STREAMS:
            self._refuse("too many streams")
        else:
            await super()._receive_forward_tsn_chunk(chunk)

    async def _data_channel_receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if pp_id == _DCEP and stream_id not in self._data_channels and len(self._data_channels) >= limits.CHANNELS:
            self._refuse("too many channels")
        elif pp_id == _DCEP and len(data) > limits.CHANNEL_OPEN_BYTES:
            self._refuse("label too long")
        elif len(data) > limits.MESSAGE_BYTES:
            self._refuse("message too long")
        else:
            await super()._data_channel_receive(stream_id, pp_id, data)

    async def _send_chunk(self, chunk: Chunk) -> None:
        if isinstance(chunk, SackChunk):
            # Only as much as one packet holds (RFC 9260 §6.2). aiortc cuts off a longer SACK, and DTLS never recovers from
            # this.
            chunk.gaps = chunk.gaps[: limits.SACK_GAPS]
            chunk.duplicates = chunk.duplicates[: limits.SACK_DUPLICATES]
            chunk.advertised_rwnd = self._told_window = max(0, chunk.advertised_rwnd - self._held)
        with suppress(ConnectionError, SSL.Error):  # a timer can fire after the end
            await super()._send_chunk(chunk)

    def _refuse(self, reason: str) -> None:
        if not self._broken:
            self._broken = True
            self._give_up(reason)


def _is_lossy(channel: RTCDataChannel) -> bool:
    return channel.maxRetransmits is not None or channel.maxPacketLifeTime is not None


def _run_now(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine of aiortc to its end at once. The coroutine never waits, because it waits only for `_Pipe._send`, which
    never waits.
    """
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise AssertionError("a coroutine of aiortc waited, which it must not do here")
