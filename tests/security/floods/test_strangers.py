"""A datagram, ClientHello, check or RTP packet from an unknown host changes nothing. For each, a control shows its effect on a
path without the filter.
"""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aioice import stun
from aiortc import RTCSctpTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities

from media import Node, PeerError, Router
from tests.clients import offers
from tests.clients.ice_client import IceClient
from tests.clients.peers import Call, Recorder, connect, end, open_path, port_of, tell, waiting, works
from tests.security.floods import strangers
from tests.security.floods.strangers import OpenDoor, Stranger, crowd, flood

DATA = [offers.application()]
MIC = offers.audio("sendonly", "a=msid:- voice", "a=ssrc:7 cname:x")
CLIENT = [MIC, *DATA]
HANDSHAKES = 200
HELLOS_PER_S = 500
FLOODER = str(Path(__file__).with_name("flooder.py"))


@asynccontextmanager
async def under_flood(
    target: tuple[str, int], datagrams: list[bytes], count: int = 100, per_s: int = 500
) -> AsyncIterator[list[Stranger]]:
    people = crowd(target, count)
    task = asyncio.get_running_loop().create_task(flood(people, datagrams, per_s=per_s))
    try:
        yield people
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for one in people:
            one.listen()
            one.close()


# -- M01: handshakes during a flood of foreign handshakes


@asynccontextmanager
async def hellos(target: tuple[str, int], per_s: int) -> AsyncIterator[list[int]]:
    """Flood the target with ClientHellos from a separate process, whose rate does not depend on this process. At the end, give
    the numbers of sent datagrams and received bytes.
    """
    arguments = [*map(str, target), str(per_s), "100", (await strangers.client_hello()).hex()]
    command, pipe = [sys.executable, "-I", "-S", FLOODER, *arguments], subprocess.PIPE
    told: list[int] = []
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as flooder:
        try:
            yield told
        finally:
            output, _ = await asyncio.to_thread(flooder.communicate, timeout=20)
            assert flooder.returncode == 0, "it ended before it was told to"
            told += map(int, output.split())


async def next_count(node: Node) -> tuple[int, float]:
    """Wait for the plane's next count of datagrams from unknown addresses, which it reports once per second. Return the count
    and its time.
    """
    before = node.measurements()["stranger_datagrams"]
    async with asyncio.timeout(20):
        while (count := node.measurements()["stranger_datagrams"]) == before:
            await asyncio.sleep(0.01)
    return count, time.monotonic()


async def test_handshakes_succeed_during_a_flood_of_client_hellos(node: Node, router: Router) -> None:
    """Handshakes succeed while ClientHellos arrive at the rate that the finders of the problem used, by the plane's own count.
    Other kinds of datagrams come from this process.
    """
    first = await waiting(router, CLIENT)
    others = [strangers.ALERT, strangers.CLOSE_NOTIFY, strangers.application_data(b"x"), b"\x16\xfe\xfd", b""]
    async with hellos(port_of(first), HELLOS_PER_S * 3 // 2) as told:
        await next_count(node)
        before, began = await next_count(node)
        async with under_flood(port_of(first), others, per_s=50) as people:
            for _ in range(HANDSHAKES):
                call = await connect(router, DATA)
                assert call.peer.state == "connected"
                end(call)
            await first.client.check()
            await first.client.handshake()
            assert await works(first)
            count, ended = await next_count(node)
            count -= before + sum(one.sent for one in people)
            end(first)
    assert count >= HELLOS_PER_S * (ended - began)
    assert told[0] > count
    assert told[1] + sum(one.received_bytes for one in people) == 0


async def test_a_control_without_the_filter_is_won_by_the_stranger() -> None:
    client = IceClient(remote_ufrag="", remote_pwd="")
    door = OpenDoor()
    target = await door.open(client.own_fingerprint)
    client.fingerprint = door.certificate.fingerprint
    try:
        with Stranger("127.7.0.1", target) as stranger:
            stranger.send(strangers.ALERT)
            stranger.send(await strangers.client_hello())
            await asyncio.sleep(0.2)
        await client.open_udp(*target)
        with pytest.raises((AssertionError, TimeoutError)):
            await client.handshake(timeout_s=2)
        assert "secured" not in door.events
    finally:
        client.hang_up()
        door.close()


# -- M02: every length, every first byte


async def sweep(send: Any, longest: int = 64) -> None:
    for number, datagram in enumerate(strangers.wild(longest=longest)):
        send(datagram)
        if number % 200 == 0:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("state", ["answered", "checked", "connected"])
async def test_no_datagram_of_a_stranger_ends_a_session(router: Router, state: str) -> None:
    call = await waiting(router, CLIENT)
    if state != "answered":
        await call.client.check()
    if state == "connected":
        await call.client.handshake()
    with Stranger("127.7.0.1", port_of(call)) as stranger:
        await sweep(stranger.send)
        await asyncio.sleep(0.1)
        assert stranger.listen() == 0
    if state == "answered":
        await call.client.check()
    if state != "connected":
        await call.client.handshake()
    assert await works(call)
    assert "failed" not in call.events.names()
    end(call)


async def test_no_datagram_in_the_name_of_the_client_ends_a_session(router: Router) -> None:
    call = await connect(router, [MIC, *DATA])
    await sweep(call.client.send)
    assert await works(call)
    assert "failed" not in call.events.names()
    end(call)


async def test_a_control_peer_without_the_filter_ends(router: Router) -> None:
    call = await connect(router, DATA)
    assert call.client.dtls is not None
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # no test reads how the reading task ended
    call.client._pipe.put(b"")  # passes the datagram to DTLS without the client's own filter
    async with asyncio.timeout(20):
        while call.client.dtls.state == "connected":
            await asyncio.sleep(0.02)
    end(call)


# -- M06: data that no key has encrypted, certificates that no description names


async def captured_message(router: Router) -> list[bytes]:
    """Return the SCTP packets of a client that opens a channel and sends a message, before DTLS encrypts them."""
    call = await connect(router, DATA)
    assert call.client.dtls is not None
    packets: list[bytes] = []
    sealed = call.client.dtls._send_data

    async def keep(data: bytes) -> None:
        packets.append(data)
        await sealed(data)

    call.client.dtls._send_data = keep  # type: ignore[method-assign]
    assert await works(call)
    end(call)
    return packets


@pytest.mark.parametrize("state", ["answered", "checked", "connected"])
async def test_unencrypted_data_of_a_stranger_are_dropped(router: Router, state: str) -> None:
    packets = await captured_message(router)
    call = await waiting(router, CLIENT)
    if state != "answered":
        await call.client.check()
    if state == "connected":
        await call.client.handshake()
    with Stranger("127.7.0.1", port_of(call)) as stranger:
        inject(packets, stranger.send)
        await asyncio.sleep(0.2)
    if state == "answered":
        await call.client.check()
    if state != "connected":
        await call.client.handshake()
    assert not {"channel", "message"} & set(call.events.names())
    assert await works(call)
    end(call)


@pytest.mark.parametrize("state", ["checked", "connected"])
async def test_unsealed_data_in_the_clients_name_is_not_delivered(router: Router, state: str) -> None:
    packets = await captured_message(router)
    call = await waiting(router, CLIENT)
    await call.client.check()
    if state == "connected":
        await call.client.handshake()
    inject(packets, call.client.send)
    await asyncio.sleep(0.2)
    assert not {"channel", "message"} & set(call.events.names())
    if state == "connected":
        assert await works(call)
    end(call)


def inject(packets: list[bytes], send: Callable[[bytes], None]) -> None:
    """Send the packets unchanged, and inside DTLS records that no key has encrypted."""
    for number, packet in enumerate(packets):
        send(packet)
        send(strangers.application_data(packet, number))


class Unsealed:
    """The object that aiortc's SCTP uses as DTLS. It passes every packet on unchanged."""

    state = "connected"
    _role = "server"

    def __init__(self) -> None:
        self.transport = SimpleNamespace(role="controlled")
        self.receiver: Any = None

    def _register_data_receiver(self, receiver: Any) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: Any) -> None: ...
    async def _send_data(self, data: bytes) -> None: ...


async def test_a_control_that_asks_for_no_seal_takes_the_data(router: Router) -> None:
    packets = await captured_message(router)
    dtls = Unsealed()
    taken: list[bytes] = []
    association = RTCSctpTransport(dtls)  # type: ignore[arg-type]
    association._local_verification_tag = struct.unpack_from("!L", packets[1], 4)[0]
    association.on("datachannel", lambda channel: channel.on("message", taken.append))
    await association.start(RTCSctpCapabilities(65535), 5000)
    association._set_state(association.State.ESTABLISHED)
    association._last_received_tsn = (
        struct.unpack_from("!L", packets[0], 28)[0] - 1
    )  # the initial TSN of the INIT chunk
    for packet in packets[2:]:
        await dtls.receiver._handle_data(packet)
    await asyncio.sleep(0)
    assert taken == [b"there"]
    await association.stop()


@pytest.mark.parametrize("named", ["own", "foreign", "own and foreign"])
async def test_only_a_named_certificate_is_let_in(router: Router, named: str) -> None:
    """Only a certificate that the description names is accepted. A description with one more fingerprint is refused too,
    because an attacker may have added the fingerprint.
    """
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    foreign = "AB:" * 31 + "CD"
    text = offers.describe(
        DATA, ufrag=client.ufrag, fingerprint=foreign if named == "foreign" else client.own_fingerprint
    )
    if named == "own and foreign":
        text = text.replace("a=setup:", f"a=fingerprint:sha-256 {foreign}\r\na=setup:")
    answer = peer.answer(text, accept=lambda _: None)
    tell(client, answer.sdp)
    await open_path(client, answer)
    await client.check()
    await client.handshake()  # the client cannot yet know of the refusal
    call = Call(peer, client, events, answer)
    if named == "own":
        assert await works(call)
    else:
        assert await events.wait("failed") == ("failed", "handshake failed")
        await client.associate()
        await asyncio.sleep(0.3)
        assert not {"connected", "channel", "message"} & set(events.names())
    end(call)


async def test_a_description_without_a_fingerprint_is_refused(router: Router) -> None:
    text = "\r\n".join(line for line in offers.describe(DATA).split("\r\n") if "fingerprint" not in line)
    with pytest.raises(PeerError):
        router.open_peer(Recorder()).answer(text, accept=lambda _: None)


# -- M07: checks that are forged, or captured and sent again from another address


async def speaker_and_listener(router: Router) -> tuple[Call, Call]:
    speaker = await connect(router, [MIC])
    published = [one.producer for one in speaker.answer.published]
    return speaker, await connect(router, [offers.audio("recvonly")], forward=published)


async def test_no_check_of_a_stranger_moves_media(router: Router) -> None:
    """Media does not move after a forged check (RFC 8445 §7.3): without the password, with another password, or for another
    name. Media also does not move after a captured check of the client that another address sends again.
    """
    speaker, listener = await speaker_and_listener(router)
    captured = [bytes(listener.client.request(nominate=number % 2 == 0)) for number in range(10)]
    answers = len(listener.client.raw)
    for check in captured:  # the checks arrive, as they do if an attacker only listens
        listener.client.send(check)
    async with asyncio.timeout(10):
        while len(listener.client.raw) < answers + len(captured):
            await asyncio.sleep(0.01)
    people = crowd(port_of(listener), 10)
    try:
        for one, check in zip(people, captured, strict=True):
            one.send(check)
            for forged in forged_checks(listener.client):
                one.send(forged)
        for number in range(100):
            speaker.client.send_rtp(strangers.rtp(number))
            await asyncio.sleep(0.002)
        got = [await listener.client.receive_rtp() for _ in range(100)]
        assert all(one.endswith(b"stranger" * 10) for one in got), "all of it, where it went before"
        assert sum(one.listen() for one in people) == 0
    finally:
        for one in people:
            one.close()
    end(speaker, listener)


def forged_checks(client: IceClient) -> list[bytes]:
    name, other = f"{client.remote_ufrag}:{client.ufrag}", "another password of 28 chars"
    return [
        strangers.binding(name, None),
        strangers.binding(name, ""),
        strangers.binding(name, other),
        strangers.binding(f"{client.remote_ufrag}:else", client.remote_pwd),
        strangers.binding(f"nobody:{client.ufrag}", client.remote_pwd),
        strangers.binding(name, client.pwd),
        strangers.binding(name, client.remote_pwd, stun.Class.INDICATION),
    ]


async def test_a_control_check_of_the_client_from_elsewhere_moves_it(router: Router) -> None:
    speaker, listener = await speaker_and_listener(router)
    with Stranger("127.7.0.1", port_of(listener)) as elsewhere:
        elsewhere.send(bytes(listener.client.request()))
        async with asyncio.timeout(10):
            for number in range(1000):
                speaker.client.send_rtp(strangers.rtp(number))
                await asyncio.sleep(0.01)
                if elsewhere.listen() > 1000:
                    break
    assert elsewhere.received_bytes > 1000
    end(speaker, listener)


# -- RTP without valid encryption


async def test_rtp_of_strangers_is_not_forwarded(node: Node, router: Router) -> None:
    speaker = await connect(router, [MIC])
    listener = await connect(
        router, [offers.audio("recvonly")], forward=[one.producer for one in speaker.answer.published]
    )
    other = await connect(router, DATA)
    assert other.client.dtls is not None
    with Stranger("127.7.0.1", port_of(speaker)) as stranger:
        for number in range(50):
            stranger.send(strangers.rtp(number))
            speaker.client.send(strangers.rtp(number))  # from the speaker's address, without encryption
            # encrypted with the keys of another participant
            speaker.client.send(other.client.dtls._tx_srtp.protect(strangers.rtp(number)))
    await asyncio.sleep(0.2)
    assert listener.client.rtp.empty() or all(192 <= one[1] <= 223 for one in _drain(listener.client.rtp))
    speaker.client.send_rtp(strangers.rtp(1000))  # the control: the same packet with the right key
    assert (await listener.client.receive_rtp()).endswith(b"stranger" * 10)
    end(speaker, listener, other)


def _drain(queue: asyncio.Queue[bytes]) -> list[bytes]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


# -- M14: an address that no check has proved gets at most as many bytes as it sent


async def test_no_answer_is_longer_than_its_question(node: Node, router: Router) -> None:
    call = await waiting(router, CLIENT)
    hello = await strangers.client_hello()
    async with under_flood(port_of(call), strangers.attacks(hello, call.client.remote_ufrag)) as people:
        async with asyncio.timeout(10):
            while node.measurements()["stranger_datagrams"] < 500:
                await asyncio.sleep(0.1)
    assert sum(one.sent_bytes for one in people) > 10_000
    assert all(one.received_bytes <= one.sent_bytes for one in people)
    assert sum(one.received_bytes for one in people) == 0
    await call.client.check()
    await call.client.handshake()
    assert await works(call)
    end(call)


async def test_an_unproved_client_gets_no_answer_over_tcp(router: Router) -> None:
    """An unproved client gets no answer over TCP (RFC 4571 frames), in one connection per frame or in one for all."""
    call = await waiting(router, CLIENT)
    attacks = strangers.attacks(await strangers.client_hello(), call.client.remote_ufrag)
    framed = [len(one).to_bytes(2, "big") + one for one in attacks]
    host, port = offers.ports(call.answer.sdp)["tcp"]
    for number, sent in enumerate([*framed, b"".join(framed), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4000]):
        reader, writer = await asyncio.open_connection(host, port, local_addr=(f"127.7.1.{number + 1}", 0))
        writer.write(sent)
        with suppress(TimeoutError, ConnectionError):
            assert await asyncio.wait_for(reader.read(65536), 0.05) == b""
        writer.close()
    await open_path(call.client, call.answer, "tcp")  # the control: a client that knows the password gets answers
    await call.client.check()
    await call.client.handshake()
    assert await works(call)
    end(call)


async def test_a_control_without_the_filter_answers_with_more() -> None:
    door = OpenDoor()
    with Stranger("127.7.0.1", await door.open("AB:" * 31 + "CD")) as stranger:
        stranger.send(await strangers.client_hello())
        async with asyncio.timeout(10):
            while stranger.listen() <= stranger.sent_bytes:
                await asyncio.sleep(0.02)
    door.close()
