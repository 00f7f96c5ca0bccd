"""Real sockets on loopback: datagrams, streams, TLS, and the limits of connections."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signaling.front import tls
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.registrar import Trunk
from signaling.sip.agent.targets import Target
from signaling.sip.call.causes import Kind
from signaling.sip.call.states import State
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Framer
from signaling.sip.wire.fields import read_uri
from tests.ports import free_port
from tests.signaling.sip.loopback import Station, station
from tests.signaling.sip.world import ANSWER, OFFER, remembered
from tests.waiting import until

OPTIONS = (
    "OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{n};rport\r\nFrom: <sip:b@h>;tag=1\r\n"
    "To: <sip:a@h>\r\nCall-ID: c{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def options(number: int) -> bytes:
    return OPTIONS.format(n=number).encode()


def trusting(one: Station) -> Station:
    one.rooms.trunks.append(Trunk("trunk", Networks(["127.0.0.0/8"])))
    return one


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's and the client's context of the local authority."""
    issued = tls.issue(folder, tls.Subject.of_this_machine(["127.0.0.1"]), datetime.now(UTC))
    server = tls.context(issued.chain, issued.key)
    client = ssl.create_default_context(cafile=str(issued.authority))
    return server, client


async def call_between(one: Station, other: Station, transport: str) -> None:
    trusting(other)
    target = Target(read_uri(f"sip:hall@127.0.0.1:{other.port(transport)}"), (transport,))
    call = one.agent.dial(target, OFFER, one.user, call_id="leg-1")
    await until(lambda: "answered" in one.user.names() and "answered" in other.user.names())
    assert ("answered", ANSWER) in one.user.seen
    answerer = other.user.calls[0]
    answerer.reinvite(OFFER + b"a=more\r\n")
    await until(lambda: "renegotiated" in other.user.names())
    assert ("reoffered", OFFER + b"a=more\r\n") in one.user.seen
    answerer.hang_up()
    await until(lambda: call.state is State.CLOSED)
    assert one.user.cause.kind is Kind.NORMAL


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call(transport: str) -> None:
    async with station() as one, station() as other:
        await call_between(one, other, transport)


async def test_a_call_by_tls_checks_the_certificate(tmp_path: Path) -> None:
    server, client = contexts(tmp_path)
    async with (
        station(("tls",), server_tls=server, client_tls=client) as one,
        station(("tls",), server_tls=server) as other,
    ):
        await call_between(one, other, "tls")
    async with (
        station(("tls",), server_tls=server, client_tls=ssl.create_default_context()) as one,
        station(("tls",), server_tls=server) as other,
    ):
        one.agent.dial(Target(read_uri(f"sip:x@127.0.0.1:{other.port('tls')}"), ("tls",)), OFFER, one.user, call_id="x")
        await until(lambda: "ended" in one.user.names())
        assert one.user.cause.kind is Kind.UNREACHABLE
        assert not other.user.calls


async def test_transports_are_tried_in_order() -> None:
    async with station() as one, station(("udp",)) as other:
        trusting(other)
        uri = read_uri(f"sip:hall@127.0.0.1:{other.port('udp')}")
        one.agent.dial(Target(uri, ("tls", "tcp", "udp")), OFFER, one.user, call_id="leg-1")
        await until(lambda: "answered" in one.user.names())
        assert other.user.calls[0].request is not None
        assert other.user.calls[0].request.via.transport == "udp"


@pytest.mark.parametrize("tcp", [True, False])
async def test_a_long_request_uses_tcp_if_available_else_udp(tcp: bool) -> None:
    async with station() as one, station(("udp", "tcp") if tcp else ("udp",)) as other:
        trusting(other)
        long = OFFER + b"a=x\r\n" * 300
        uri = read_uri(f"sip:hall@127.0.0.1:{other.port('udp')}")
        one.agent.dial(Target(uri, ("udp",)), long, one.user, call_id="leg-1")
        await until(lambda: "answered" in one.user.names())
        request = other.user.calls[0].request
        assert request is not None
        assert request.via.transport == ("tcp" if tcp else "udp")
        assert other.user.calls[0].offer == long


async def test_one_connection_carries_many_messages_and_keepalives() -> None:
    async with station() as one:
        trusting(one)
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        data = options(1) + b"\r\n\r\n" + options(2) + options(3)
        for at in range(0, len(data), 7):
            writer.write(data[at : at + 7])
            await writer.drain()
        got = b""
        while got.count(b"SIP/2.0 200 OK") < 3 or not (got.startswith(b"\r\n") or b"\r\n\r\n\r\n" in got):
            got += await asyncio.wait_for(reader.read(65536), 10)
        writer.close()


async def test_a_stranger_is_closed_and_not_answered(tmp_path: Path) -> None:
    server, _ = contexts(tmp_path)
    async with station(("udp", "tcp", "tls"), networks=("192.0.2.0/24",), server_tls=server) as one:
        for transport in ("tcp", "tls"):
            reader, writer = await asyncio.open_connection("127.0.0.1", one.port(transport))
            writer.write(options(1))
            assert await closed(reader) == b""
            writer.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.connect(("127.0.0.1", one.port("udp")))
            made.send(options(1))
            await until(lambda: not remembered(one.agent))
            made.settimeout(0.3)
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(made.recv, 1000)
        assert not one.driver._flows
        assert not one.driver.per_source


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Return the bytes that arrived before the end."""
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""


async def test_connections_per_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS_PER_SOURCE", 3)
    async with station() as one:
        made = [await asyncio.open_connection("127.0.0.1", one.port("tcp")) for _ in range(3)]
        await until(lambda: one.driver.per_source["127.0.0.1"] == 3)
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        assert await closed(reader) == b""
        writer.close()
        made[0][1].close()
        await until(lambda: one.driver.per_source["127.0.0.1"] == 2)
        for _, each in made[1:]:
            each.close()
        await until(lambda: not one.driver.per_source)


async def test_a_silent_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FIRST_MESSAGE_S", 0.1)
    async with station() as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        assert await closed(reader) == b""
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (limits.MESSAGE_BYTES + 1),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        options(1).replace(b"Content-Length: 0\r\n", b""),
    ],
)
async def test_a_stream_that_cannot_be_followed_is_closed(data: bytes) -> None:
    async with station() as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        writer.write(data)
        assert await closed(reader) == b""
        writer.close()


async def test_a_closed_port_is_unreachable() -> None:
    async with station() as one:
        for transport in ("tcp", "tls"):
            one.user.seen.clear()
            target = Target(read_uri(f"sip:x@127.0.0.1:{free_port()}"), (transport,))
            one.agent.dial(target, OFFER, one.user, call_id=transport)
            await until(lambda: "ended" in one.user.names())
            assert one.user.cause.kind is Kind.UNREACHABLE


async def test_a_name_is_resolved_and_checked() -> None:
    async with station() as one, station() as other:
        trusting(other)
        target = Target(read_uri(f"sip:x@localhost:{other.port('tcp')}"), ("tcp",))
        one.agent.dial(target, OFFER, one.user, call_id="named")
        await until(lambda: "answered" in one.user.names())
        one.user.seen.clear()
        one.agent.dial(Target(read_uri("sip:x@does-not-exist.invalid"), ("tcp",)), OFFER, one.user, call_id="unnamed")
        await until(lambda: "ended" in one.user.names())
        assert one.user.cause.kind is Kind.FORBIDDEN_TARGET


def test_a_stream_cut_anywhere_gives_the_same_messages() -> None:
    data = options(1) + b"\r\n\r\n" + options(2)
    for at in range(len(data)):
        framer = Framer()
        found = framer.take(data[:at]) + framer.take(data[at:])
        assert found == [options(1), options(2)]
        assert framer.pings == 1
        assert framer.held_bytes == 0


def test_a_stream_buffers_at_most_one_message() -> None:
    head = options(1).replace(b"Content-Length: 0", b"Content-Length: %d")
    fits = limits.MESSAGE_BYTES - len(head % 10000)
    assert len(Framer().take(head % fits + b"x" * fits)) == 1
    with pytest.raises(Exception, match="too long"):
        Framer().take(head % (fits + 1))


async def test_connections_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS", 2)
    async with station() as one:
        made = [await asyncio.open_connection("127.0.0.1", one.port("tcp")) for _ in range(2)]
        await until(lambda: one.driver.per_source.total() == 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        assert await closed(reader) == b""
        for _, each in [*made, (reader, writer)]:
            each.close()


async def test_streams_of_one_source_are_read_at_a_limited_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that streams are read at a limited rate. Line ends cost the sender nothing, but could take all of the loop's time."""
    monkeypatch.setattr(limits, "STREAM_BYTES_AT_ONCE", 64 * 1024)
    monkeypatch.setattr(limits, "STREAM_BYTES_PER_SECOND", 16 * 1024)
    async with station(("tcp",)) as one:
        taken, spend = [0], one.driver.spend

        def counted(host: str, count: int) -> float:
            taken[0] += count
            return spend(host, count)

        monkeypatch.setattr(one.driver, "spend", counted)
        writers = []
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
            writer.write(b"\r\n" * 2_000_000)
            writers.append(writer)
        await until(lambda: taken[0] >= 64 * 1024)
        await asyncio.sleep(0.5)
        # The first burst, one more read of each connection, and half a second at the rate.
        assert taken[0] < 64 * 1024 + 3 * 256 * 1024 + 3 * 16 * 1024
        for writer in writers:
            writer.transport.abort()


async def test_a_place_is_not_kept_by_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that a connection that proved nothing ends after some silence. A registered terminal may be silent."""
    monkeypatch.setattr(limits, "FIRST_MESSAGE_S", 1.0)
    monkeypatch.setattr(limits, "PING_S", 0.3)
    async with station(("tcp",)) as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        writer.write(options(1))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
        await until(lambda: one.driver.per_source["127.0.0.1"] == 0)
        writer.close()
        trusting(one)
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        writer.write(options(2))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(2.0)
        assert one.driver.per_source["127.0.0.1"] == 1
        writer.close()


async def test_a_peer_that_does_not_read_is_closed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FINISH_S", 0.2)
    async with station(("tcp",)) as one:
        with socket.create_connection(("127.0.0.1", one.port("tcp"))) as deaf:
            await until(lambda: one.driver._flows)
            (connection,) = one.driver._flows.values()
            for _ in range(40):
                if connection._transport is not None and connection._transport.get_write_buffer_size() < 100_000:
                    connection._transport.write(b"x" * 200_000)
            connection.finish()
            await until(lambda: not one.driver._flows)
            assert deaf.fileno() >= 0


def test_line_ends_are_skipped_at_once_and_counted() -> None:
    framer = Framer()
    assert framer.take(b"\r\n" * 100_001 + b"\r") == []
    assert framer.pings == 50_000
    assert framer.held_bytes == 1
    assert framer.take(b"\n" + options(1)) == [options(1)]
    assert framer.pings == 50_001
    assert framer.held_bytes == 0


async def test_a_peer_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITE_BYTES", 1000)
    for bound in ("MESSAGES_AT_ONCE", "STREAM_BYTES_AT_ONCE", "STREAM_BYTES_PER_SECOND"):
        monkeypatch.setattr(limits, bound, 1 << 30)
    async with station() as one:
        trusting(one)
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"), limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(200_000):
            writer.write(options(number))
            if number % 200 == 0:
                await asyncio.sleep(0)
                if number and not one.driver._flows:
                    break
        await until(lambda: not one.driver._flows)
        writer.transport.abort()
        assert reader is not None


async def test_a_scan_over_a_stream_ends_the_connection() -> None:
    async with station() as one:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        for number in range(30):
            writer.write(options(number).replace(b"OPTIONS", b"REGISTER"))
        got = await closed(reader)
        assert 0 < got.count(b"SIP/2.0 401") < 10
        assert one.user.bans
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port("tcp"))
        assert await closed(reader) == b""
        writer.close()
