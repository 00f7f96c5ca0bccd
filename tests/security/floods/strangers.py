"""Datagrams that unknown hosts send, and a server without a filter, which shows that the datagrams do harm where no filter is."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from media.ground.parameters import Fingerprint
from media.peers.handshake import Certificate, Keys, Session
from tests.clients.ice_client import rtp_packet

ALERT = struct.pack("!BHHIHH", 21, 0xFEFD, 0, 0, 0, 2) + bytes([2, 40])
"""A DTLS record of epoch 0: fatal, handshake_failure."""
CLOSE_NOTIFY = struct.pack("!BHHIHH", 21, 0xFEFD, 0, 0, 0, 2) + bytes([1, 0])


async def client_hello() -> bytes:
    """Return the first flight of a real DTLS client."""
    taken: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Catch:
        role = "controlling"

        async def _recv(self) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

        async def _send(self, data: bytes) -> None:
            if not taken.done():
                taken.set_result(data)

    dtls = RTCDtlsTransport(Catch(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    dtls._set_role("client")
    start = asyncio.ensure_future(
        dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint("sha-256", "AB:" * 31 + "CD")], role="server"))
    )
    try:
        return await asyncio.wait_for(taken, 10)
    finally:
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)


def application_data(payload: bytes, sequence: int = 0) -> bytes:
    """Return a DTLS record of epoch 0 that claims to hold application data."""
    return (
        struct.pack("!BHHIHH", 23, 0xFEFD, 0, 0, sequence, len(payload))[:11]
        + struct.pack("!H", len(payload))
        + payload
    )


def short_records(longest: int = 40) -> Iterator[bytes]:
    """Yield unencrypted records of epoch 1 that are shorter than nonce and tag of AES-GCM, or not much longer."""
    for kind in range(20, 27):
        for length in range(longest):
            yield struct.pack("!BHHHIH", kind, 0xFEFD, 1, 1, kind << 8 | length, length) + bytes(length)


def pieces(count: int, *claims: int) -> Iterator[bytes]:
    """Yield the first bytes of handshake messages that never continue. Each message claims one of the lengths `claims`. Every
    second one follows a harmless message in the same record.
    """

    def piece(claimed: int, number: int) -> bytes:
        return bytes([11]) + claimed.to_bytes(3, "big") + struct.pack("!H", number) + bytes(3) + b"\0\0\1x"

    for number in range(count):
        claimed = claims[number // 2 % len(claims)]
        body = piece(100, 0) * (number % 2) + piece(claimed, 1 + number % 9)
        yield struct.pack("!BHHHIH", 22, 0xFEFD, 0, 0, number + 10, len(body)) + body


def binding(username: str, key: str | None, kind: stun.Class = stun.Class.REQUEST) -> bytes:
    """Return an ICE check. Without a key the check has no MESSAGE-INTEGRITY."""
    message = stun.Message(stun.Method.BINDING, kind)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    if key is not None:
        message.add_message_integrity(key.encode())
    return bytes(message)


def rtp(number: int = 1, ssrc: int = 7) -> bytes:
    return rtp_packet(payload_type=111, sequence=number, timestamp=960 * number, ssrc=ssrc, payload=b"stranger" * 10)


def wild(seed: int = 1, longest: int = 64) -> Iterator[bytes]:
    """Yield datagrams of every length from 0 on with every first byte. The other bytes are random, from a fixed seed."""
    noise = random.Random(seed)
    yield b""
    for length in range(1, longest + 1):
        for first in range(256):
            yield bytes([first]) + noise.randbytes(length - 1)


def attacks(hello: bytes, ufrag: str) -> list[bytes]:
    """Return one datagram of each kind that a host can make if it has seen the description but not its password."""
    allocate = stun.Message(stun.Method.ALLOCATE, stun.Class.REQUEST)
    return [
        b"",
        hello,
        ALERT,
        CLOSE_NOTIFY,
        application_data(b"x" * 100),
        binding(f"{ufrag}:x", None),
        binding(f"{ufrag}:x", "wrong password, 22 char"),
        binding("nobody:x", "wrong password, 22 char"),
        binding(f"{ufrag}:x", "wrong password, 22 char", stun.Class.RESPONSE),
        binding(f"{ufrag}:x", None, stun.Class.INDICATION),
        bytes(allocate),
        rtp(),
        bytes([0x81, 206, 0, 2]) + bytes(8),
        bytes([0x80, 200, 0, 6]) + bytes(24),
        b"\x00" * 1200,
        b"\xff" * 1200,
    ]


@dataclass
class Stranger:
    """A UDP socket with its own loopback address that counts the sent and received bytes."""

    host: str
    target: tuple[str, int]
    sent: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    _socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((self.host, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self.target)
        self.sent += 1
        self.sent_bytes += len(datagram)

    def listen(self) -> int:
        """Return the total number of received bytes."""
        while True:
            try:
                self.received_bytes += len(self._socket.recv(65536))
            except OSError:
                return self.received_bytes

    def close(self) -> None:
        self._socket.close()


def crowd(target: tuple[str, int], count: int) -> list[Stranger]:
    """Return sockets with different addresses. All of 127/8 is loopback."""
    return [Stranger(f"127.7.{number // 250}.{number % 250 + 1}", target) for number in range(count)]


async def flood(strangers: list[Stranger], datagrams: list[bytes], *, per_s: int = 500) -> None:
    """Send datagrams from each socket in turn until cancelled."""
    number = 0
    while True:
        for _ in range(max(1, per_s // 50)):
            strangers[number % len(strangers)].send(datagrams[number % len(datagrams)])
            number += 1
        await asyncio.sleep(0.02)


class OpenDoor(asyncio.DatagramProtocol):
    """The control: our DTLS server behind a socket that accepts datagrams from any address and answers the last sender."""

    def __init__(self) -> None:
        self.certificate = Certificate.new()
        self.events: list[str] = []
        self._last: Any = None
        self._session = Session(self.certificate, self, self, 1, asyncio.get_running_loop())
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, fingerprint: str) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        assert self._session.trust([Fingerprint("sha-256", fingerprint)], "server")
        address: tuple[str, int] = self._transport.get_extra_info("sockname")
        return address

    def close(self) -> None:
        self._session.close()
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._last = addr
        self._session.receive(data)

    # -- handshake.SessionEvents

    def send_datagram(self, datagram: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram, self._last)

    def install_keys(self, keys: Keys) -> None:
        self.events.append("keys")

    def connected(self) -> None:
        self.events.append("secured")

    def failed(self, reason: str) -> None:
        self.events.append(f"broken: {reason}")

    def channel_opened(self, peer: int, label: str) -> None:
        self.events.append(f"channel {label}")

    def channel_drained(self, peer: int, label: str) -> None:
        self.events.append(f"drained {label}")

    def message(self, peer: int, label: str, data: bytes) -> None:
        self.events.append(f"message {label}")
