"""A small WebRTC client for tests. The client has one UDP or TCP path, STUN checks, DTLS in either role, SRTP and data
channels.

A test may send any byte at any moment, and the test sees every byte that arrives. The client trusts the SDP that it is given
and connects to loopback only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import Callable
from typing import Any, ClassVar, cast

from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

GCM = [SRTP_AEAD_AES_128_GCM]
CM = [SRTP_AES128_CM_SHA1_80]


class IceClient:
    """A client at the other end of a node's peer. `ufrag` and `pwd` belong to the client; `remote_*` and `fingerprint` come
    from the node's answer or offer.
    """

    _open: ClassVar[set[IceClient]] = set()

    def __init__(
        self, *, remote_ufrag: str, remote_pwd: str, fingerprint: str = "", ufrag: str = "clnt", pwd: str = ""
    ):
        self.ufrag = ufrag
        self.pwd = pwd or "clientpasswordclientpassword"
        self.remote_ufrag = remote_ufrag
        self.remote_pwd = remote_pwd
        self.fingerprint = fingerprint
        self.certificate = RTCCertificate.generateCertificate()
        self.rtp: asyncio.Queue[bytes] = asyncio.Queue()
        """The decrypted RTP and RTCP packets that no test has read."""
        self.raw: list[bytes] = []
        """Every received datagram, before decryption."""
        self.dtls: RTCDtlsTransport | None = None
        self.sctp: RTCSctpTransport | None = None
        self.fragment_bytes = 0
        """Bytes. Above 0, the client splits its handshake messages into fragments of this size and sends one fragment per
        datagram.
        """
        self._path: _UdpPath | _TcpPath | None = None
        self._answers: dict[bytes, asyncio.Future[stun.Message]] = {}
        self._pipe = _Pipe(self._send_dtls)
        self._record = 0

    @property
    def own_fingerprint(self) -> str:
        return next(one.value for one in self.certificate.getFingerprints() if one.algorithm == "sha-256")

    # -- paths

    async def open_udp(self, host: str, port: int) -> None:
        self.close_path()
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(lambda: _UdpPath(self._received), remote_addr=(host, port))
        self._path = protocol
        self._open.add(self)

    async def open_tcp(self, host: str, port: int) -> None:
        self.close_path()
        reader, writer = await asyncio.open_connection(host, port)
        self._path = _TcpPath(reader, writer, self._received)
        self._open.add(self)

    @classmethod
    def hang_up_all(cls) -> None:
        """Close every open client. Fixtures call this method to close the clients that a failed test left open."""
        for client in tuple(cls._open):
            client.hang_up()

    def close_path(self) -> None:
        self._open.discard(self)
        if self._path is not None:
            self._path.close()
            self._path = None

    @property
    def local_address(self) -> tuple[str, int]:
        assert self._path is not None
        return self._path.local_address

    def send(self, datagram: bytes) -> None:
        assert self._path is not None
        self._path.send(datagram)

    # -- ICE

    def request(self, *, nominate: bool = True, username: str | None = None, key: str | None = None) -> stun.Message:
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = username or f"{self.remote_ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 0x6E7F1EFF
        message.attributes["ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((key or self.remote_pwd).encode())
        return message

    async def ask(self, message: stun.Message, timeout_s: float = 1.0) -> stun.Message:
        """Send a STUN message and return its answer. Raise TimeoutError if no answer arrives."""
        future: asyncio.Future[stun.Message] = asyncio.get_running_loop().create_future()
        self._answers[message.transaction_id] = future
        try:
            self.send(bytes(message))
            return await asyncio.wait_for(future, timeout_s)
        finally:
            self._answers.pop(message.transaction_id, None)

    def _answer(self, question: stun.Message) -> None:
        assert question.check_message_integrity(self.pwd.encode())
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, question.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = self.local_address
        answer.add_message_integrity(self.pwd.encode())
        self.send(bytes(answer))

    async def check(self, *, nominate: bool = True) -> stun.Message:
        answer = await self.ask(self.request(nominate=nominate), 5.0)
        assert answer.message_class == stun.Class.RESPONSE
        mapped = answer.attributes["XOR-MAPPED-ADDRESS"]
        assert (ipaddress.ip_address(mapped[0]), mapped[1]) == (
            ipaddress.ip_address(self.local_address[0]),
            self.local_address[1],
        )
        return answer

    # -- DTLS

    async def handshake(
        self, profiles: list[Any] | None = None, timeout_s: float = 10.0, *, role: str = "client"
    ) -> None:
        self.dtls = RTCDtlsTransport(self._pipe, [self.certificate])  # type: ignore[arg-type]
        self.dtls._set_role(role)
        self.dtls._srtp_profiles = profiles or [*GCM, *CM]
        parameters = RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", self.fingerprint)])
        await asyncio.wait_for(self.dtls.start(parameters), timeout_s)
        assert self.dtls.state == "connected", self.dtls.state

    @property
    def profile(self) -> str:
        assert self.dtls is not None
        assert self.dtls._ssl is not None
        return self.dtls._ssl.get_selected_srtp_profile().decode()

    async def associate(self) -> RTCSctpTransport:
        assert self.dtls is not None
        self.sctp = RTCSctpTransport(self.dtls)
        await self.sctp.start(RTCSctpCapabilities(65535), 5000)
        return self.sctp

    def hang_up(self) -> None:
        """Close the path. The client sends no close message to the node."""
        self._pipe.close()
        self.close_path()

    # -- SRTP

    def send_rtp(self, packet: bytes) -> None:
        assert self.dtls is not None
        self.send(self.dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        assert self.dtls is not None
        self.send(self.dtls._tx_srtp.protect_rtcp(packet))

    async def receive_rtp(self, timeout_s: float = 5.0) -> bytes:
        """Return the next RTP packet. RTCP packets are skipped."""
        while True:
            packet = await asyncio.wait_for(self.rtp.get(), timeout_s)
            if not 192 <= packet[1] <= 223:
                return packet

    async def receive_rtcp(self, wanted: int, timeout_s: float = 5.0) -> bytes:
        """Return the next RTCP compound that holds a packet of the type `wanted`."""
        while True:
            packet = await asyncio.wait_for(self.rtp.get(), timeout_s)
            if 192 <= packet[1] <= 223 and wanted in rtcp_types(packet):
                return packet

    # -- incoming

    def _received(self, datagram: bytes) -> None:
        self.raw.append(datagram)
        if not datagram:
            return
        if datagram[0] < 4:
            self._received_stun(stun.parse_message(datagram))
        elif 20 <= datagram[0] < 64:
            self._pipe.put(datagram)
        elif 128 <= datagram[0] < 192 and self.dtls is not None and self.dtls._rx_srtp is not None:
            rtcp = 192 <= datagram[1] <= 223
            srtp = self.dtls._rx_srtp
            self.rtp.put_nowait(srtp.unprotect_rtcp(datagram) if rtcp else srtp.unprotect(datagram))

    def _received_stun(self, message: stun.Message) -> None:
        if message.message_class == stun.Class.REQUEST:  # the node checks the path that the client nominated
            self._answer(message)
            return
        assert message.check_message_integrity(self.remote_pwd.encode())
        future = self._answers.get(message.transaction_id)
        if future is not None and not future.done():
            future.set_result(message)

    def _send_dtls(self, datagram: bytes) -> None:
        if self._path is None:  # an SCTP timer may fire after the path was closed
            return
        if not self.fragment_bytes:
            self.send(datagram)
            return
        for record in _records(datagram):
            if record[3:5] == b"\0\0":  # epoch 0: not encrypted yet
                for piece in self._fragments(record):
                    self.send(piece)
            else:
                self.send(record)

    def _fragments(self, record: bytes) -> list[bytes]:
        """Return one handshake message as several records with new record numbers (RFC 6347 §4.2.3)."""
        kind, version, body = record[:1], record[1:3], record[13:]
        bodies = [body]
        if kind == b"\x16":
            total, content = body[1:4], body[12:]
            start = int.from_bytes(body[6:9], "big")
            bodies = [
                body[:1]
                + total
                + body[4:6]
                + _u24(start + at)
                + _u24(len(content[at : at + self.fragment_bytes]))
                + content[at : at + self.fragment_bytes]
                for at in range(0, max(len(content), 1), self.fragment_bytes)
            ]
        pieces = []
        for one in bodies:
            pieces.append(kind + version + struct.pack("!HHI", 0, 0, self._record) + struct.pack("!H", len(one)) + one)
            self._record += 1
        return pieces


def rtp_packet(
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    marker: bool = False,
    extensions: dict[int, bytes] | None = None,
) -> bytes:
    """Return an RTP packet, with one-byte header extensions (RFC 8285) if any are given."""
    block = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in (extensions or {}).items())
    block += bytes(-len(block) % 4)
    head = struct.pack(
        "!BBHII", 0x90 if block else 0x80, marker << 7 | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    return head + (struct.pack("!HH", 0xBEDE, len(block) // 4) + block if block else b"") + payload


def rtcp_types(compound: bytes) -> list[int]:
    types, at = [], 0
    while at + 4 <= len(compound):
        types.append(compound[at + 1])
        at += 4 + 4 * int.from_bytes(compound[at + 2 : at + 4], "big")
    return types


def _u24(number: int) -> bytes:
    return number.to_bytes(3, "big")


def _records(datagram: bytes) -> list[bytes]:
    records, at = [], 0
    while at + 13 <= len(datagram):
        end = at + 13 + int.from_bytes(datagram[at + 11 : at + 13], "big")
        records.append(datagram[at:end])
        at = end
    return records


class _Pipe:
    """The object that aiortc's DTLS uses as its ICE transport."""

    role = "controlling"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._deliver = send

    def put(self, datagram: bytes) -> None:
        self._queue.put_nowait(datagram)

    def close(self) -> None:
        self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        datagram = await self._queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        self._deliver(data)


class _UdpPath(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._deliver = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._deliver(data)

    def error_received(self, exc: Exception) -> None:
        pass  # the port is closed: the test sees that no answer arrives

    @property
    def local_address(self) -> tuple[str, int]:
        name: tuple[str, int] = self._transport.get_extra_info("sockname")[:2]
        return name

    def send(self, datagram: bytes) -> None:
        self._transport.sendto(datagram)

    def close(self) -> None:
        self._transport.close()


class _TcpPath:
    """A TCP path with the framing of RFC 4571: two bytes of length before each datagram."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, received: Callable[[bytes], None]):
        self._reader = reader
        self._writer = writer
        self._deliver = received
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(2), "big")
                self._deliver(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    @property
    def local_address(self) -> tuple[str, int]:
        name: tuple[str, int] = self._writer.get_extra_info("sockname")[:2]
        return name

    def send(self, datagram: bytes) -> None:
        self._writer.write(len(datagram).to_bytes(2, "big") + datagram)

    def close(self) -> None:
        self._task.cancel()
        self._writer.close()
