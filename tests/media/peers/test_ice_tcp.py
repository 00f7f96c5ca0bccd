"""ICE-TCP stays usable for others, despite silent connections, checks without a password, and one greedy peer."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from media import Node, Router
from tests.clients import offers
from tests.clients.ice_client import IceClient
from tests.clients.peers import Call, connect, end, waiting

DATA = [offers.application()]
STRANGERS = 1100
"""More connections than a packet thread holds (`NodeSettings.tcp_strangers`)."""
OFFICE = 30
CLOSE_S = 10.0
"""Ten times the second between two checks of the packet thread."""


@contextmanager
def crowd(port: int, first: bytes) -> Iterator[list[socket.socket]]:
    """Open connections from one other address, and send `first` on each."""
    with ExitStack() as stack:
        held = []
        for _ in range(STRANGERS):
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.2", 0))
            one.connect(("127.0.0.1", port))
            one.sendall(first)
            held.append(one)
        yield held


async def framed_question() -> bytes:
    """Return a framed connectivity check for a peer that does not exist."""
    question = bytes(IceClient(remote_ufrag="nobody", remote_pwd="x" * 22).request())
    return len(question).to_bytes(2, "big") + question


@pytest.mark.parametrize("asks", [False, True], ids=["silent", "asking"])
async def test_an_office_connects_beside_a_crowd(node: Node, router: Router, asks: bool) -> None:
    first = await framed_question() if asks else b""
    with crowd(node.tcp_ports[0], first):
        await asyncio.sleep(0.2)
        calls = [await connect(router, DATA, protocol="tcp") for _ in range(OFFICE)]
        assert {call.peer.path.split()[0] for call in calls} == {"tcp"}
        for call in calls:
            end(call)


async def test_a_peer_keeps_eight_connections(node: Node, router: Router) -> None:
    greedy = await waiting(router, DATA)
    writers = [await checked(node, greedy) for _ in range(100)]
    async with asyncio.timeout(CLOSE_S):
        while sum(not reader.at_eof() for reader, _ in writers) > 8:
            await asyncio.sleep(0.1)
    assert sum(not reader.at_eof() for reader, _ in writers) == 8
    other = await connect(router, DATA, protocol="tcp")
    end(other)
    greedy.peer.close()
    async with asyncio.timeout(CLOSE_S):
        while not all(reader.at_eof() for reader, _ in writers):
            await asyncio.sleep(0.1)
    for _, writer in writers:
        writer.close()
    end(greedy)


async def checked(node: Node, call: Call) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open one more connection of this peer, and wait for the answer to its check."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.tcp_ports[0])
    question = bytes(call.client.request())
    writer.write(len(question).to_bytes(2, "big") + question)
    length = int.from_bytes(await reader.readexactly(2), "big")
    await reader.readexactly(length)
    return reader, writer
