"""A real node on loopback for each test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from media import Node, NodeSettings, Router
from tests.clients.ice_client import IceClient


@pytest.fixture
async def node(request: pytest.FixtureRequest) -> AsyncIterator[Node]:
    """A node with one packet thread, or with as many as the test sets (`indirect`)."""
    shards = getattr(request, "param", 1)
    settings = NodeSettings(udp=[("127.0.0.1", 0)], tcp=[("127.0.0.1", 0)], shards=shards)
    node = Node.open(settings, asyncio.get_running_loop())
    yield node
    IceClient.hang_up_all()
    node.close()
    await asyncio.sleep(0)  # tasks that close has cancelled end now


@pytest.fixture
def router(node: Node) -> Router:
    return node.open_router()
