"""DTLS and SCTP of one transport, by aiortc over a stand-in for its ICE transport (RFC 5764, RFC 8261, RFC 8832).

The only file that knows private names of aiortc; pyproject pins its version exactly and `tests/media/peers/test_handshake.py`
holds the contract. No RTP comes here: the SRTP keys are exported and handed on, and the packet plane does the rest.
We are the DTLS server wherever the peer lets us, so that our order of SRTP profiles rules. We are the DTLS client of a peer
that wants to be the server; its certificate, its bytes and its time have the same bounds.
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
"""Of ours in the DTLS handshake."""

LOSSY_LABELS = frozenset({"_lossy", "_data_track"})
"""Channels that we open without order and without retransmission."""

_PROFILES: list[SRTPProtectionProfile] = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
_NAMES: dict[bytes, Profile] = {
    SRTP_AEAD_AES_128_GCM.openssl_profile: "AEAD_AES_128_GCM",
    SRTP_AES128_CM_SHA1_80.openssl_profile: "AES128_CM_SHA1_80",
}
_DTLS1_2 = 0xFEFD
_TSNS = 1 << 32
_DCEP = 50  # payload protocol of channel management (RFC 8832 §8.1)


@dataclass(frozen=True, slots=True)
class Keys:
    """SRTP master keys and salts; "receive" is what the peer writes with."""

    profile: Profile
    receive_key: bytes
    receive_salt: bytes
    send_key: bytes
    send_salt: bytes


class SessionEvents(Protocol):
    """What a `Session` tells its transport."""

    def send_datagram(self, datagram: bytes) -> None: ...
    def install_keys(self, keys: Keys) -> None:
        """Comes before `connected`."""

    def connected(self) -> None: ...
    def failed(self, reason: str) -> None:
        """Once, and nothing after it; not when the owner itself closes."""


class ChannelEvents(Protocol):
    """What a `Session` tells of data channels. `peer` is the number of the peer."""

    def channel_opened(self, peer: int, label: str) -> None: ...
    def channel_drained(self, peer: int, label: str) -> None:
        """Of a reliable one half of what may wait has gone: it takes more again."""

    def message(self, peer: int, label: str, data: bytes) -> None: ...


class Certificate(RTCCertificate):
    """The certificate of the process. One SSL context serves every connection."""

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
            # A shared context would otherwise let a client resume the session of another fingerprint.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            # Only the first handshake is bounded, and only its certificate is compared with the fingerprint.
            self._context.set_options(SSL.OP_NO_RENEGOTIATION)
            # Later ones send a second ClientHello, which `datagrams.fits_handshake` lets no peer do.
            self._context.set_max_proto_version(_DTLS1_2)
        return self._context


class Session:
    """From the first DTLS datagram to the data channels; begins when the peer's fingerprints are known.

    The DTLS server begins with the ClientHello of the peer. The DTLS client begins when the peer has nominated a path, so that
    its ClientHello goes where an authentic connectivity check came from. Lost flights are sent again by the timer of OpenSSL:
    after 1, 2, 4 and 8 s (RFC 6347 §4.2.4.1), until `limits.HANDSHAKE_S` ends the handshake.
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
        """None until the peer's description is known."""

    def trust(self, fingerprints: Sequence[Fingerprint], role: Role) -> bool:
        """The peer's certificate by its SDP, and our role. The role of a session never changes (RFC 8842 §4: that takes a new
        DTLS association). False: the session runs already with other fingerprints.
        """
        assert self.role in (None, role)
        self.role = role
        if self._fingerprints and self.state != "new":
            return self._fingerprints == tuple(fingerprints)
        self._fingerprints = tuple(fingerprints)
        self._start()
        return True

    def path_nominated(self) -> None:
        """The peer nominated a path by an authentic connectivity check: the DTLS client may send there."""
        self._has_path = True
        self._start()

    def receive(self, datagram: bytes) -> None:
        """One DTLS datagram from a path that ICE has checked."""
        if self.state in ("failed", "closed"):
            return
        for record in datagrams.records(datagram):
            if self._records.take(self._loop.time()) and self._takes(record):
                self._pipe.put(record)
        self._start()

    def _takes(self, record: bytes) -> bool:
        """False: it is lost. Only what a handshake is made of counts as one, so that noise ends none."""
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
        """SCTP was negotiated; it begins when DTLS stands."""
        self._association_wanted = (port, max_message_bytes)
        if self.state == "connected" and self._association is None:
            self._associate()

    def open_channels(self, labels: Sequence[str]) -> None:
        """Channels that we open, once SCTP stands."""
        self._labels += labels
        if self._association is not None:
            self._open_waiting()

    def send(self, label: str, data: bytes) -> bool:
        """False: the channel is not open, or too much waits on it; the data are dropped."""
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open" or len(data) > limits.MESSAGE_BYTES:
            return False
        bound = limits.LOSSY_BUFFER_BYTES if _is_lossy(channel) else limits.RELIABLE_BUFFER_BYTES
        if channel.bufferedAmount + len(data) > bound:
            return False
        try:
            channel.send(data)
        except ValueError:  # longer than the peer takes
            return False
        return True

    def hold(self, size_bytes: int) -> None:
        """So much of what the peer sent is not done with: it gets a window that is smaller by that."""
        if self._association is not None:
            self._association.hold(size_bytes)

    def close(self) -> None:
        """Says farewell (SCTP ABORT, DTLS close_notify) and ends; nothing is told any more."""
        if self.state != "closed":
            self._end("closed")

    def _start(self) -> None:
        if self.state != "new" or self.role is None or not self._fingerprints:
            return
        if self.role == "client":
            self._pipe.clear()  # no answer comes before the ClientHello
        if not (self._has_path if self.role == "client" else not self._pipe.empty):
            return
        self.state = "connecting"
        self._dtls = _Dtls(self._pipe, self._certificate, self._events.install_keys, self.role)
        self._wait(limits.HANDSHAKE_STEPS)
        self._task = self._loop.create_task(self._handshake(self._dtls))

    def _wait(self, steps: int) -> None:
        """The time that the peer has passes in steps: while this process does not run, not more than one of them."""
        if steps == 0:
            self._fail("handshake timed out")
        else:
            step_s = limits.HANDSHAKE_S / limits.HANDSHAKE_STEPS
            self._deadline = self._loop.call_later(step_s, self._wait, steps - 1)

    async def _handshake(self, dtls: _Dtls) -> None:
        fingerprints = [RTCDtlsFingerprint(one.algorithm, one.value) for one in self._fingerprints]
        try:
            await dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
        except Exception:  # whatever a hostile certificate provokes in the libraries below
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
        # Not at once: an error of the owner must not look like one of the peer's SCTP.
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
        # At once, not when the garbage collector comes by: most of what a peer takes is in these libraries.
        self._association = self._dtls = self._task = None
        self._channels.clear()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Pipe:
    """Stands in for the ICE transport under DTLS: a bounded queue towards it, a function away from it."""

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
        if len(self._datagrams) < limits.DATAGRAMS_WAITING:  # else lost, as on any network
            self._datagrams.append(datagram)
            self._arrived.set()

    def clear(self) -> None:
        self._datagrams.clear()

    def close(self) -> None:
        self._closed = True
        self._arrived.set()

    async def _recv(self) -> bytes:
        if self._datagrams:
            await asyncio.sleep(0)  # everybody else has a turn between two records of one peer
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
    """One end of DTLS; instead of SRTP sessions it yields keys."""

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
    """SCTP that survives a hostile peer: what aiortc leaves unbounded or asserts ends this association."""

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
        """The window for the peer (RFC 9260 §6.2) is smaller by so much; when it has opened far, the peer is told."""
        self._held = size_bytes
        window = self._advertised_rwnd - size_bytes
        opens = window >= self._told_window + limits.WINDOW_OPENS_BYTES
        if opens and self._association_state == self.State.ESTABLISHED:
            _run_now(super()._send_sack())

    async def _send_sack(self) -> None:
        """At once, but for what comes though there is no window: dcsctp sends one packet more as soon as it hears of one."""
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
            return  # more than one peer may cost: lost, as on any network, and the peer slows down
        if fault := datagrams.fault_of(data, (self._local_tsn - 1) % _TSNS):
            self._refuse(fault)
            return
        try:
            await super()._handle_data(data)
        except Exception:  # aiortc asserts and unpacks what the peer wrote; nothing of ours runs below this call
            self._refuse("malformed SCTP")

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        stream = self._inbound_streams.get(chunk.stream_id)
        if stream is None and len(self._inbound_streams) >= limits.STREAMS:
            self._refuse("too many streams")
        elif len(self._sack_misordered) > limits.TSNS_OUT_OF_ORDER:
            self._refuse("too much out of order")
        elif not self._has_room(chunk, 0 if stream is None else len(stream.reassembly)):
            self._sack_needed = True  # not taken, told, and so sent again (RFC 9260 §6.2)
        elif stream is not None and len(stream.reassembly) >= limits.CHUNKS_OF_STREAM:
            self._refuse("too many fragments")
        elif self._advertised_rwnd <= -2 * limits.MESSAGE_BYTES:  # of all streams together; the peer was told
            self._refuse("beyond the window")
        else:
            await super()._receive_data_chunk(chunk)

    def _has_room(self, chunk: DataChunk, waiting: int) -> bool:
        """What comes next has: by it what waits can go. What fills a gap has less, what is behind all that came the least."""
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
            # As much as one packet carries (RFC 9260 §6.2); aiortc cuts a longer one off, and DTLS never recovers.
            chunk.gaps = chunk.gaps[: limits.SACK_GAPS]
            chunk.duplicates = chunk.duplicates[: limits.SACK_DUPLICATES]
            chunk.advertised_rwnd = self._told_window = max(0, chunk.advertised_rwnd - self._held)
        with suppress(ConnectionError, SSL.Error):  # a timer may fire after the end
            await super()._send_chunk(chunk)

    def _refuse(self, reason: str) -> None:
        if not self._broken:
            self._broken = True
            self._give_up(reason)


def _is_lossy(channel: RTCDataChannel) -> bool:
    return channel.maxRetransmits is not None or channel.maxPacketLifeTime is not None


def _run_now(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine that never waits: `_Pipe._send` does not."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise AssertionError("aiortc waits where it did not")
