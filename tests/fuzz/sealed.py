"""The fuzz targets for bytes that a peer sends to DTLS and SCTP after ICE: before the handshake is complete, and after it.

The libraries below are aiortc and OpenSSL. The assertions check the limits that our code promises for every input. `targets.py`
registers the targets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from media.ground import limits
from media.ground.parameters import Fingerprint
from media.peers import handshake
from tests.clients import sctp
from tests.fuzz.browsers import SEPARATOR

MOST_DATAGRAMS = 24
ANSWERS_OF_PACKET = 2 * limits.CONTROL_CHUNKS + 8
"""Packets that one received packet may cause: an answer to each control chunk, a SACK, and the data that the window releases.
Larger: the target misses an amplification. Smaller: the target fails for correct answers.
"""


@cache
def loop() -> asyncio.AbstractEventLoop:
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    return made


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine to its end. An exception that a library task leaves unread is also a failure."""
    faults: list[dict[str, Any]] = []
    loop().set_exception_handler(lambda _, context: faults.append(context))
    loop().run_until_complete(work)
    assert not faults, faults


async def settle(turns: int = 8) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


# -- DTLS


@cache
def certificate() -> handshake.Certificate:
    return handshake.Certificate.new()


@cache
def client_certificate() -> RTCCertificate:
    return RTCCertificate.generateCertificate()


class Owner:
    """A `handshake.SessionEvents` that counts and keeps its calls."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.keys = 0
        self.ends: list[str] = []
        self.stands = False

    def send_datagram(self, datagram: bytes) -> None:
        self.sent.append(datagram)

    def install_keys(self, keys: handshake.Keys) -> None:
        self.keys += 1

    def connected(self) -> None:
        assert self.keys == 1
        self.stands = True

    def failed(self, reason: str) -> None:
        assert not self.ends, "told twice"
        self.ends.append(reason)

    def channel_opened(self, peer: int, label: str) -> None:
        raise AssertionError("no association was wanted")

    def channel_drained(self, peer: int, label: str) -> None:
        raise AssertionError("no association was wanted")

    def message(self, peer: int, label: str, data: bytes) -> None:
        raise AssertionError("no association was wanted")


@contextmanager
def session(role: handshake.Role) -> Iterator[tuple[handshake.Session, Owner]]:
    owner = Owner()
    made = handshake.Session(certificate(), owner, owner, 1, loop())
    own = next(one for one in client_certificate().getFingerprints() if one.algorithm == "sha-256")
    made.trust([Fingerprint("sha-256", own.value)], role)
    made.path_nominated()
    try:
        yield made, owner
    finally:
        made.close()


def dtls(data: bytes) -> None:
    """Fuzz a DTLS session before its handshake is complete.

    If the first byte is even, the session receives only these datagrams. If it is odd, the bytes change the flights of a real
    peer. The second bit of the first byte makes the session the DTLS client.
    """
    first = (data[:1] or b"\0")[0]
    role: handshake.Role = "client" if first & 2 else "server"
    run(_changed(data[1:], role) if first & 1 else _alone(data[1:], role))


async def _alone(data: bytes, role: handshake.Role) -> None:
    with session(role) as (made, owner):
        taken = 0
        for row in data.split(SEPARATOR)[:MOST_DATAGRAMS]:
            made.receive(row)
            taken += len(row)
            await settle()
        assert not owner.stands, "no key was exchanged"
        assert not owner.keys, "no key was exchanged"
        assert sum(map(len, owner.sent)) <= 64 * 1500 + 16 * taken
        waiting = len(made._pipe._datagrams)
        assert waiting <= limits.DATAGRAMS_WAITING
    await settle()


class Line:
    """The transport below a real peer. It changes the peer's datagrams and passes them to the session."""

    role = "controlling"

    def __init__(self, changes: bytes, deliver: Callable[[bytes], None]) -> None:
        self._changes = iter(zip(*[iter(changes)] * 4, strict=False))
        self._deliver = deliver
        self.changed = False
        self.back: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.back.get()

    async def _send(self, data: bytes) -> None:
        made = bytearray(data)
        for kind, high, low, value in [change for _, change in zip(range(2), self._changes, strict=False)]:
            at = (high << 8 | low) % len(made)
            match kind % 5:
                case 1:
                    made[at] ^= value or 1
                case 2:
                    del made[at : at + 1 + value]
                case 3:
                    made[at:at] = bytes([value]) * (1 + value % 40)
                case 4:
                    made[at:at] = made[:at]
            self.changed = self.changed or kind % 5 != 0
            if not made:
                return
        self._deliver(bytes(made))


async def _changed(data: bytes, role: handshake.Role) -> None:
    with session(role) as (made, owner):
        line = Line(data, made.receive)
        peer = RTCDtlsTransport(line, [client_certificate()])  # type: ignore[arg-type]
        peer._set_role("client" if role == "server" else "server")
        ours = [RTCDtlsFingerprint("sha-256", certificate().fingerprint)]
        task = asyncio.ensure_future(peer.start(RTCDtlsParameters(fingerprints=ours)))
        for _ in range(40):
            await settle(4)
            while owner.sent:
                line.back.put_nowait(owner.sent.pop(0))
            if task.done():
                break
        await settle()
        assert owner.stands or line.changed or owner.ends, "an unchanged handshake stands"
        assert len(made._pipe._datagrams) <= limits.DATAGRAMS_WAITING
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await peer.stop()
    await settle()


# -- SCTP


def packets(data: bytes) -> None:
    """Fuzz an association with packets that have a correct tag and checksum. If the first byte is odd, the association is not
    yet established.
    """
    run(_packets(data))


async def _packets(data: bytes) -> None:
    refused: list[str] = []
    association, wire = await sctp.established(lambda dtls: handshake._Association(dtls, refused.append))
    association.on("datachannel", lambda channel: channel.on("message", lambda _: None))
    if (data[:1] or b"\0")[0] & 1:
        association._set_state(association.State.COOKIE_WAIT)
    else:
        await association._handle_data(sctp.packet(sctp.data(sctp.PEER_TSN, sctp.opening(b"a"), protocol=50)))
        for channel in list(association._data_channels.values()):
            for length in (1, 3000, 10):
                channel.send(bytes(length))
        await settle()
    for row in data[1:].split(SEPARATOR)[:MOST_DATAGRAMS]:
        body, tag = (row[1:], 0) if row[:1] == b"\xff" else (row, sctp.OUR_TAG)
        wire.sent.clear()
        await association._handle_data(sctp.packet(body[:1400], tag=tag))
        await settle(4)
        assert len(wire.sent) <= ANSWERS_OF_PACKET, "too many answers"
        assert all(len(sent) <= 1460 for sent in wire.sent), "more than a datagram takes"
        _look(association)
        if refused:
            break
    assert len(refused) <= 1
    await association.stop()
    timers = (association._t1_handle, association._t2_handle, association._t3_handle, association._reconfig_handle)
    assert timers == (None,) * 4, "a timer is left"
    await settle()


def _look(association: Any) -> None:
    streams = association._inbound_streams
    assert len(streams) <= limits.STREAMS + 1
    assert len(association._data_channels) <= limits.CHANNELS
    assert len(association._sack_misordered) <= limits.TSNS_OUT_OF_ORDER + 100
    kept = [chunk for stream in streams.values() for chunk in stream.reassembly]
    assert len(kept) <= limits.STREAMS * (limits.CHUNKS_OF_STREAM + 100)
    assert sum(len(chunk.user_data) for chunk in kept) <= (1 << 20) + 1500
