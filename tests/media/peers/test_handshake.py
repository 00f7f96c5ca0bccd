"""DTLS and SCTP over the real plane, and a check of the private names of aiortc that handshake.py uses."""

import asyncio
import contextlib
import gc
import inspect
import os
import time
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiortc
import pytest
from aiortc import RTCDataChannel, RTCSctpTransport
from aiortc.rtcdatachannel import RTCDataChannelParameters
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_256_GCM, RTCCertificate, RTCDtlsTransport
from aiortc.rtcsctptransport import DataChunk, InboundStream, InitChunk, SackChunk
from OpenSSL import SSL

from conference.people.connection import Connection
from media import Node, PeerError, Router
from media.ground import limits
from media.peers import handshake
from signaling.host.clock import SystemClock
from tests.clients import offers
from tests.clients.ice_client import CM, GCM, IceClient, rtp_packet
from tests.clients.peers import Call, Recorder, connect, end, open_path, tell, waiting, works
from tests.security.floods import strangers
from tests.waiting import until

DATA = [offers.application()]


def channel(call: Call, label: str, **options: Any) -> RTCDataChannel:
    assert call.client.sctp is not None
    return RTCDataChannel(call.client.sctp, RTCDataChannelParameters(label=label, **options))


async def opened(one: RTCDataChannel) -> RTCDataChannel:
    while one.readyState != "open":
        await asyncio.sleep(0.01)
    return one


# -- the private names


def test_aiortc_is_pinned_exactly_to_what_is_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert f"aiortc=={aiortc.__version__}" in project["project"]["dependencies"]


def test_private_names_of_aiortc_are_as_handshake_expects() -> None:
    def parameters(function: Any) -> list[str]:
        return list(inspect.signature(function).parameters)

    assert parameters(RTCDtlsTransport._set_role) == ["self", "role"]
    assert parameters(RTCDtlsTransport._setup_srtp) == ["self"]
    assert parameters(RTCCertificate._create_ssl_context) == ["self", "srtp_profiles"]
    assert parameters(RTCSctpTransport._handle_data) == ["self", "data"]
    assert parameters(RTCSctpTransport._receive_data_chunk) == ["self", "chunk"]
    assert parameters(RTCSctpTransport._receive_forward_tsn_chunk) == ["self", "chunk"]
    assert parameters(RTCSctpTransport._data_channel_receive) == ["self", "stream_id", "pp_id", "data"]
    assert parameters(RTCSctpTransport._receive_sack_chunk) == ["self", "chunk"]
    assert parameters(RTCSctpTransport._send_chunk) == ["self", "chunk"]
    assert parameters(RTCSctpTransport._send_sack) == parameters(RTCSctpTransport.stop) == ["self"]
    assert RTCSctpTransport.State.ESTABLISHED
    assert "max(0, self._advertised_rwnd)" in inspect.getsource(RTCSctpTransport._send_sack)
    source = inspect.getsource(RTCDtlsTransport)
    assert "self._srtp_profiles = SRTP_PROFILES" in source
    uses = {line.split("self.transport.")[1].split("(")[0] for line in source.split("\n") if "self.transport." in line}
    assert {use.strip(" :=\"'") for use in uses} <= {"_recv", "_send", 'role == "controlling', "role,"}
    assert InboundStream().reassembly == []
    association = inspect.getsource(RTCSctpTransport.__init__)
    assert "self._inbound_streams:" in association
    assert "self._sack_misordered:" in association
    assert "self._data_channels:" in association
    assert "self._cwnd = " in association
    assert "self._sack_needed = False" in association
    assert "self._association_state = self.State.CLOSED" in association
    assert "self._local_tsn = random32()" in association
    assert (SackChunk().gaps, SackChunk().duplicates) == ([], [])


# -- DTLS


@pytest.mark.parametrize(
    ("profiles", "name"),
    [
        ([*CM, *GCM], "SRTP_AEAD_AES_128_GCM"),  # our order decides
        (CM, "SRTP_AES128_CM_SHA1_80"),
        ([SRTP_AEAD_AES_256_GCM, *GCM], "SRTP_AEAD_AES_128_GCM"),
    ],
)
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_handshake_and_profile(router: Router, profiles: list[Any], name: str, protocol: str) -> None:
    call = await connect(router, DATA, profiles=profiles, protocol=protocol)
    assert call.client.profile == name
    assert call.peer.state == "connected"
    assert call.peer.path.startswith(protocol)
    end(call)


async def test_client_hello_in_many_datagrams(router: Router) -> None:
    call = await connect(router, DATA, fragment_bytes=48)
    assert call.peer.state == "connected"
    end(call)


async def test_client_without_a_common_profile_fails(router: Router) -> None:
    with pytest.raises((AssertionError, TimeoutError)):
        await connect(router, DATA, profiles=[SRTP_AEAD_AES_256_GCM])


async def pending(router: Router) -> tuple[Call, IceClient]:
    """Open a checked path. DTLS has not begun."""
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    answer = peer.answer(offers.describe(DATA, fingerprint=client.own_fingerprint), accept=lambda _: None)
    tell(client, answer.sdp)
    await open_path(client, answer)
    await client.check()
    return Call(peer, client, events, answer), client


async def test_the_handshake_completes_before_a_path_is_nominated(router: Router) -> None:
    """The handshake runs during the checks, on the path that was checked last. Media waits until the client has nominated a
    path.
    """
    speaker = await connect(router, [offers.audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")])
    (published,) = speaker.answer.published
    call = await waiting(router, [offers.audio("recvonly")])
    call.peer.consume(published.producer, stream_id="s", track_id="t")
    call.offer_again([offers.audio("recvonly")])

    async def speak(number: int) -> None:
        packet = rtp_packet(payload_type=111, sequence=number, timestamp=960 * number, ssrc=1111, payload=b"voice")
        speaker.client.send_rtp(packet)
        await asyncio.sleep(0.01)

    await call.client.check(nominate=False)
    await call.client.handshake()
    await call.events.wait("connected")
    for number in range(20):
        await speak(number)
    assert (call.peer.state, call.peer.path, "ice" in call.events.names()) == ("connected", "", False)
    assert call.client.rtp.empty()
    await call.client.check()
    assert (await call.events.wait("ice"))[1] == "connected"
    for number in range(20, 40):
        await speak(number)
    assert (await call.client.receive_rtp()).endswith(b"voice")
    end(speaker, call)


async def test_a_wrong_certificate_fails_the_handshake(router: Router) -> None:
    call, client = await pending(router)
    client.certificate = RTCCertificate.generateCertificate()
    await client.handshake()  # the client's side cannot know yet
    assert await call.events.wait("failed") == ("failed", "handshake failed")
    assert "connected" not in call.events.names()
    end(call)


def record(kind: int, epoch: int, content: bytes) -> bytes:
    return bytes([kind, 0xFE, 0xFD, 0, epoch]) + bytes(6) + len(content).to_bytes(2, "big") + content


def piece(content: bytes) -> bytes:
    """Return a part of a ClientHello of 8,000 bytes, from its second byte on."""
    return b"\1" + (8000).to_bytes(3, "big") + bytes(4) + b"\1" + len(content).to_bytes(3, "big") + content


async def test_a_handshake_has_a_byte_cap(router: Router) -> None:
    call, client = await pending(router)
    for _ in range(limits.HANDSHAKE_BYTES // 1200 + 2):
        client.send(record(22, 0, piece(bytes(1200))))
        await asyncio.sleep(0.001)
    assert await call.events.wait("failed") == ("failed", "handshake too long")
    assert call.peer.state == "failed"
    end(call)


async def test_noise_with_valid_headers_ends_no_handshake(router: Router) -> None:
    call, client = await pending(router)
    for number in range(2 * limits.HANDSHAKE_BYTES // 1400):
        client.send(record((20, 21, 22, 23)[number % 4], number // 4 % 3, os.urandom(1387)))
        await asyncio.sleep(0.001)
    assert "failed" not in call.events.names()
    await client.handshake()
    await call.events.wait("connected")
    assert call.peer.state == "connected"
    end(call)


def numbered(hello: bytes, message: int) -> bytes:
    """Return the same hello as another message of its handshake (RFC 6347 §4.2.2), in a later record."""
    return hello[:5] + (5).to_bytes(6, "big") + hello[11:17] + message.to_bytes(2, "big") + hello[19:]


@pytest.mark.parametrize("message", [0, 1, 2])
async def test_a_foreign_hello_does_not_spoil_the_clients_handshake(router: Router, message: int) -> None:
    """The client's handshake completes, although a foreign hello follows each of its datagrams from its own address and port."""
    call, client = await pending(router)
    foreign, deliver = numbered(await strangers.client_hello(), message), client._pipe._deliver

    def both(datagram: bytes) -> None:
        deliver(datagram)
        client.send(foreign)

    client._pipe._deliver = both
    await client.handshake()
    assert await works(call)
    assert "failed" not in call.events.names()
    end(call)


async def test_a_control_with_an_early_foreign_hello_fails_to_connect(
    router: Router,
) -> None:
    """An early foreign hello is answered and spoils this handshake, because the client takes the answer as its own. Only one
    more round trip for all clients could prevent this. See Owed in tests/security/PROBLEMS.md.
    """
    call, client = await pending(router)
    client.send(await strangers.client_hello())
    with pytest.raises((AssertionError, TimeoutError)):
        await client.handshake(timeout_s=3)
    assert "connected" not in call.events.names()
    end(call, await connect(router, DATA))


async def test_a_handshake_has_a_deadline(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_S", 0.05)
    call, client = await pending(router)
    client.send(record(22, 0, piece(bytes(9))))
    assert await call.events.wait("failed") == ("failed", "handshake timed out")
    end(call)


async def test_a_suspended_process_does_not_use_up_the_clients_time(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HANDSHAKE_S", 1.5)
    call, client = await pending(router)
    client.send(record(22, 0, piece(bytes(9))))
    while call.peer.state == "new":
        await asyncio.sleep(0.01)
    time.sleep(limits.HANDSHAKE_S)
    await asyncio.sleep(0.2)
    assert "failed" not in call.events.names()
    end(call)


async def test_the_fingerprint_cannot_change_under_a_running_session(router: Router) -> None:
    call = await connect(router, DATA)
    with pytest.raises(PeerError, match="fingerprint"):
        call.peer.answer(offers.describe(DATA, fingerprint="AB:" * 31 + "CD"), accept=lambda _: None)
    end(call)


async def test_farewell_of_the_peer_is_a_failure(router: Router) -> None:
    call = await connect(router, DATA)
    assert call.client.dtls is not None
    await call.client.dtls.stop()
    assert await call.events.wait("failed") == ("failed", "closed by the peer")
    end(call)


async def test_no_event_after_close(router: Router) -> None:
    call = await connect(router, DATA)
    call.events.seen.clear()
    call.peer.close()
    call.peer.close()
    await asyncio.sleep(0.05)
    assert call.events.seen == []
    call.client.hang_up()


async def closed(call: Call) -> None:
    call.peer.close()


async def parted(call: Call) -> None:
    assert call.client.dtls is not None
    await call.client.dtls.stop()
    await call.events.wait("failed")


async def abused(call: Call) -> None:
    await call.events.wait("channel", "greeting")
    assert call.client.sctp is not None
    for number in range(limits.CHANNELS + 5):
        channel(call, f"label {number}")
    await call.events.wait("failed")


@pytest.mark.parametrize("goes", [closed, parted, abused])
async def test_a_peer_that_leaves_frees_the_memory_of_the_libraries(
    router: Router, goes: Callable[[Call], Awaitable[None]]
) -> None:
    """The memory is free at once. The garbage collector would free it only after hundreds of peers have left."""

    def kept() -> int:
        return sum(isinstance(one, handshake._Dtls | handshake._Association) for one in gc.get_objects())

    gc.collect()
    gc.freeze()  # objects of other tests are left out
    gc.disable()
    try:
        before, calls = kept(), []
        for _ in range(3):
            calls.append(await connect(router, DATA))
            await calls[-1].client.associate()
            await opened(channel(calls[-1], "greeting"))
        assert kept() == before + 6
        for call in calls:
            await goes(call)
        async with asyncio.timeout(5):
            while kept() > before:
                await asyncio.sleep(0.02)
    finally:
        gc.unfreeze()
        gc.enable()
    end(*calls)


async def test_an_abandoned_handshake_keeps_no_memory(router: Router) -> None:
    def kept() -> int:
        return sum(isinstance(one, handshake._Dtls) for one in gc.get_objects())

    gc.collect()
    gc.freeze()  # objects of other tests are left out
    gc.disable()
    try:
        before = kept()
        call, client = await pending(router)
        client.send(record(22, 0, piece(bytes(9))))
        async with asyncio.timeout(5):
            while kept() == before:
                await asyncio.sleep(0.02)
            call.peer.close()
            while kept() > before:
                await asyncio.sleep(0.02)
    finally:
        gc.unfreeze()
        gc.enable()
    end(call)


async def test_peers_share_one_ssl_context_without_session_cache(node: Node, router: Router) -> None:
    first, second = await connect(router, DATA), await connect(router, DATA)
    assert node.certificate._context is not None
    assert node.certificate._context.get_session_cache_mode() == 0
    end(first, second)


def test_a_peer_as_dtls_server_gets_no_second_handshake() -> None:
    """OpenSSL itself refuses a new handshake from a client, but accepts every HelloRequest from a server."""
    certificates = handshake.Certificate.new(), RTCCertificate.generateCertificate()
    client, server = (SSL.Connection(one._create_ssl_context(handshake._PROFILES)) for one in certificates)
    client.set_connect_state()
    server.set_accept_state()

    def turn(*ends: tuple[SSL.Connection, SSL.Connection]) -> None:
        for one, other in ends:
            with contextlib.suppress(SSL.WantReadError):
                one.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                one.recv(1500)
            with contextlib.suppress(SSL.WantReadError):
                while True:
                    other.bio_write(one.bio_read(1500))

    for _ in range(4):
        turn((client, server), (server, client))
    assert client.export_keying_material(b"x", 4) == server.export_keying_material(b"x", 4)
    assert server.renegotiate()
    with pytest.raises(SSL.Error, match="no renegotiation"):
        turn((server, client), (client, server), (server, client))


# -- data channels


async def test_messages_in_order_both_ways(router: Router) -> None:
    call = await connect(router, DATA)
    await call.client.associate()
    reliable = channel(call, "_reliable")
    got: asyncio.Queue[bytes] = asyncio.Queue()
    reliable.on("message", got.put_nowait)
    await call.events.wait("channel", "_reliable")
    await opened(reliable)
    sizes = [1, 10, 1200, 20_000, 64_000]
    for number, size in enumerate(sizes):
        reliable.send(bytes([number]) * size)
        assert call.peer.send("_reliable", bytes([number]) * size)
    for number, size in enumerate(sizes):
        assert await call.events.wait("message", "_reliable") == ("message", "_reliable", bytes([number]) * size)
        assert await asyncio.wait_for(got.get(), 10) == bytes([number]) * size
    end(call)


async def test_text_arrives_as_bytes(router: Router) -> None:
    call = await connect(router, DATA)
    await call.client.associate()
    lossy = channel(call, "_lossy", ordered=False, maxRetransmits=0)
    await call.events.wait("channel", "_lossy")
    (await opened(lossy)).send("điểm cầu")
    assert await call.events.wait("message") == ("message", "_lossy", "điểm cầu".encode())
    end(call)


async def test_channels_that_the_server_opens(router: Router) -> None:
    """The node can open channels, as on the receiving connection of a client with two connections."""
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    peer.open_channels(["_reliable", "_lossy", "_data_track"])
    offer = peer.offer()
    tell(client, offer.sdp)
    await open_path(client, offer)
    await client.check()
    text = offers.describe(DATA, ufrag=client.ufrag, fingerprint=client.own_fingerprint, setup="active")
    assert peer.accept_answer(text) == []
    await client.handshake()
    sctp = await client.associate()
    offered: dict[str, RTCDataChannel] = {}
    sctp.on("datachannel", lambda one: offered.update({one.label: one}))
    for label in ("_reliable", "_lossy", "_data_track"):
        await events.wait("channel", label)
    assert [(one.ordered, one.maxRetransmits) for one in offered.values()] == [(True, None), (False, 0), (False, 0)]
    got: asyncio.Queue[bytes] = asyncio.Queue()
    offered["_lossy"].on("message", got.put_nowait)
    assert peer.send("_lossy", b"frame")
    assert await asyncio.wait_for(got.get(), 10) == b"frame"
    assert not peer.send("unknown", b"frame")
    peer.close()
    client.hang_up()


async def test_dtls_packets_before_the_answer_wait_for_the_answer(router: Router) -> None:
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    offer = peer.offer()
    tell(client, offer.sdp)
    await open_path(client, offer)
    await client.check()
    handshaking = asyncio.ensure_future(client.handshake())
    await asyncio.sleep(0.05)
    assert "connected" not in events.names()
    text = offers.describe(DATA, ufrag=client.ufrag, fingerprint=client.own_fingerprint, setup="active")
    peer.accept_answer(text)
    await handshaking
    await events.wait("connected")
    peer.close()
    client.hang_up()


async def test_too_much_waiting_data_is_refused(router: Router) -> None:
    call = await connect(router, DATA)
    await call.client.associate()
    channel(call, "_lossy", ordered=False, maxRetransmits=0)
    channel(call, "_reliable")
    await call.events.wait("channel", "_lossy")
    await call.events.wait("channel", "_reliable")
    for label, bound in (("_lossy", limits.LOSSY_BUFFER_BYTES), ("_reliable", limits.RELIABLE_BUFFER_BYTES)):
        sent = 0
        while call.peer.send(label, bytes(8192)):
            sent += 8192
        assert bound - 8192 <= sent <= bound
    assert not call.peer.send("_reliable", bytes(limits.MESSAGE_BYTES + 1))
    end(call)


class Nobody:
    """The owner of a connection that needs only data."""

    def media_connected(self) -> None: ...
    def media_failed(self, reason: str) -> None: ...
    def media_message(self, label: str, data: bytes) -> None: ...
    def media_changed(self) -> None: ...


async def receiver(router: Router, heard: list[bytes]) -> tuple[Connection, IceClient]:
    """Return a participant's connection, and its client with an open channel."""
    connection = Connection(router, Nobody(), SystemClock(), dual=False)
    client = IceClient(remote_ufrag="", remote_pwd="")
    text = offers.describe(DATA, ufrag=client.ufrag, fingerprint=client.own_fingerprint)
    answer = connection.answer(text, accept=lambda _: None)
    tell(client, answer.sdp)
    await open_path(client, answer)
    await client.check()
    await client.handshake()
    channel = RTCDataChannel(await client.associate(), RTCDataChannelParameters(label="_reliable"))
    channel.on("message", heard.append)
    await opened(channel)
    return connection, client


async def test_a_file_arrives_complete_and_fast_after_a_short_outage(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that waits for the channel continues when the channel empties, not at the clock's next second."""
    heard: list[bytes] = []
    connection, client = await receiver(router, heard)
    loop = asyncio.get_running_loop()
    kept: list[bytes] = []
    put = client._pipe.put
    monkeypatch.setattr(client._pipe, "put", kept.append)
    loop.call_later(0.8, lambda: [monkeypatch.setattr(client._pipe, "put", put), *map(put, kept)])
    pieces = [number.to_bytes(4, "big") * 3750 for number in range(400)]
    for number, piece in enumerate(pieces):
        connection.channels.send("_reliable", piece)
        await asyncio.sleep(0.01)  # 1.5 MB a second
        if number % 100 == 99:
            connection.channels.flush()
    async with asyncio.timeout(5):
        while len(heard) < len(pieces):
            await asyncio.sleep(0.01)
    assert heard == pieces
    assert connection.channels.dropped_packets == 0
    connection.close()
    client.hang_up()


async def test_data_in_flight_to_one_peer_is_bounded(router: Router) -> None:
    call = await connect(router, DATA)
    await call.client.associate()
    heard: list[bytes] = []
    channel(call, "_reliable").on("message", heard.append)
    await call.events.wait("channel", "_reliable")
    for _ in range(60):
        assert call.peer.send("_reliable", bytes(15_000))
    association = call.peer._transport._session._association
    assert association is not None
    most = 0
    async with asyncio.timeout(20):
        while len(heard) < 60:
            most = max(most, association._flight_size)
            await asyncio.sleep(0)
    assert limits.FLIGHT_BYTES / 2 < most <= limits.FLIGHT_BYTES + 2 * 1200
    end(call)


async def test_what_is_not_done_with_makes_the_window_smaller(router: Router) -> None:
    """The window shrinks by unprocessed data (RFC 9260 §6.2). With a closed window, dcsctp (libwebrtc) sends a packet after
    each SACK, so the SACK is delayed.
    """
    call = await connect(router, DATA)
    await call.client.associate()
    first = await opened(channel(call, "_reliable"))
    client, windows = call.client.sctp, list[int]()
    assert client is not None
    await until(lambda: not client._sent_queue, "the SACK of the channel's opening")
    take = client._receive_sack_chunk

    async def note(chunk: SackChunk) -> None:
        windows.append(chunk.advertised_rwnd)
        await take(chunk)

    client._receive_sack_chunk = note  # type: ignore[method-assign]

    async def told(number: int) -> int:
        async with asyncio.timeout(5):
            while len(windows) < number:
                await asyncio.sleep(0.001)
        return windows[-1]

    call.peer.hold(limits.WINDOW_BYTES)
    loop = asyncio.get_running_loop()
    sent = loop.time()
    first.send(b"one")
    await call.events.wait("message", "_reliable")
    assert await told(1) == 0
    assert loop.time() - sent > limits.LATE_SACK_S / 2, "not at once"
    call.peer.hold(limits.WINDOW_BYTES - 1000)
    call.peer.hold(limits.WINDOW_BYTES - limits.WINDOW_OPENS_BYTES)
    assert await told(2) == limits.WINDOW_OPENS_BYTES
    call.peer.hold(0)
    assert await told(3) == limits.WINDOW_BYTES
    assert len(windows) == 3
    end(call)


# -- hostile SCTP


async def hostile(router: Router) -> Call:
    call = await connect(router, DATA)
    await call.client.associate()
    channel(call, "_reliable")
    await call.events.wait("channel", "_reliable")
    return call


async def sent(call: Call, chunk: DataChunk) -> bool:
    """Send a chunk. Return False if the node has ended the session.

    A packet can be lost, so it is sent twice. Tests of a limit send more than the limit, and no faster than the plane accepts
    DTLS from one peer (`Allowance`).
    """
    assert call.client.sctp is not None
    if "failed" in call.events.names():
        return False
    with contextlib.suppress(ConnectionError):
        await call.client.sctp._send_chunk(chunk)
        await call.client.sctp._send_chunk(chunk)
    await asyncio.sleep(0.002)
    return True


async def test_too_many_channels_end_the_session(router: Router) -> None:
    call = await hostile(router)
    for number in range(limits.CHANNELS):
        channel(call, f"more{number}")
    assert await call.events.wait("failed") == ("failed", "too many channels")
    end(call)


async def test_too_long_a_message_ends_the_session(router: Router) -> None:
    call = await hostile(router)
    assert call.client.sctp is not None
    call.client.sctp._remote_max_message_size = 0
    one = next(iter(call.client.sctp._data_channels.values()))
    (await opened(one)).send(bytes(limits.MESSAGE_BYTES + 1))
    assert (await call.events.wait("failed"))[1] in ("message too long", "too many fragments")
    end(call)


async def test_endless_fragments_end_the_session(router: Router) -> None:
    call = await hostile(router)
    sctp = call.client.sctp
    assert sctp is not None
    for _ in range(8 * limits.CHUNKS_OF_STREAM):
        chunk = DataChunk()
        chunk.flags = 0  # a middle fragment without a first one
        chunk.tsn = sctp._local_tsn
        sctp._local_tsn += 1
        chunk.stream_id, chunk.stream_seq, chunk.protocol, chunk.user_data = 1, 7, 53, b"x"
        if not await sent(call, chunk):
            break
    assert await call.events.wait("failed") == ("failed", "too many fragments")
    end(call)


async def test_fragments_of_many_streams_share_one_window(router: Router) -> None:
    call = await hostile(router)
    sctp = call.client.sctp
    assert sctp is not None
    for number in range(4 * (limits.WINDOW_BYTES + 2 * limits.MESSAGE_BYTES) // 1000):
        chunk = DataChunk()
        chunk.flags = 0
        chunk.tsn = sctp._local_tsn
        sctp._local_tsn += 1
        chunk.stream_id, chunk.stream_seq, chunk.protocol = 1 + number % 20, 7, 53
        chunk.user_data = bytes(1000)
        if not await sent(call, chunk):
            break
    assert await call.events.wait("failed") == ("failed", "data beyond the receive window")
    end(call)


async def test_too_many_streams_end_the_session(router: Router) -> None:
    call = await hostile(router)
    sctp = call.client.sctp
    assert sctp is not None
    for stream in range(2 * limits.STREAMS):
        chunk = DataChunk()
        chunk.flags = 3
        chunk.tsn = sctp._local_tsn
        sctp._local_tsn += 1
        chunk.stream_id, chunk.stream_seq, chunk.protocol, chunk.user_data = 100 + stream, 0, 53, b"x"
        if not await sent(call, chunk):
            break
    assert await call.events.wait("failed") == ("failed", "too many streams")
    end(call)


async def test_malformed_sctp_ends_the_session_or_is_ignored(router: Router) -> None:
    call = await hostile(router)
    sctp = call.client.sctp
    assert sctp is not None
    assert call.client.dtls is not None
    await call.client.dtls._send_data(b"\x13\x88\x13\x88" + os.urandom(40))  # a wrong checksum is ignored
    await asyncio.sleep(0.05)
    assert call.peer.state == "connected"
    chunk = DataChunk()
    chunk.flags = 3
    chunk.tsn = sctp._local_tsn
    chunk.stream_id, chunk.stream_seq, chunk.protocol = 50, 0, 50
    chunk.user_data = b"\x02"  # an acknowledgement for a channel that does not exist
    await sctp._send_chunk(chunk)
    assert await call.events.wait("failed") == ("failed", "malformed SCTP")
    end(call)


def test_a_second_init_is_known_to_aiortc() -> None:
    """Both ends send INIT (RFC 9260 §5.2). The name InitChunk must stay the name that aiortc uses for the collision."""
    assert InitChunk.type == 1
    assert set(handshake.LOSSY_LABELS) == {"_lossy", "_data_track"}
