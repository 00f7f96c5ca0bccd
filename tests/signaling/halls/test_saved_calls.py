"""Rows that keep terminals' data for the next server, whatever bytes the terminals send."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.database import Database
from rooms.store.tables.dialling import SipDialog
from signaling.halls.sip.saved_calls import SavedCalls
from signaling.sip.wire.message import Request
from tests.signaling.sip.agent.test_agent import Terminal
from tests.signaling.sip.world import OFFER, REALM, A, Node, World


def server(database: Database, world: World, name: str) -> tuple[Node, SavedCalls, list[asyncio.Task[Any]]]:
    node = Node(world, A)
    for alias in ("hall1", "hall2"):
        node.rooms.add(alias, "right", ["192.0.2.0/24"])
    tasks: list[asyncio.Task[Any]] = []

    def start(work: Coroutine[Any, Any, Any]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    return node, SavedCalls(node.agent, database, f"here{name}", "here", world.clock, start), tasks


class Named(Terminal):
    agent = b""

    def write(self, *words: Any, **more: Any) -> Request:
        message = super().write(*words, **more)
        message.headers.set("user-agent", self.agent.decode("utf-8", "surrogateescape"))
        return message


class Tagged(Terminal):
    def write(self, *words: Any, **more: Any) -> Request:
        message = super().write(*words, **more)
        message.headers.set("from", f'<sip:hall1@{REALM}>;tag="\udcf4"')
        return message


AGENTS = {"latin-1": (b"H\xf4i tr\xfang 1", "H\ufffdi tr\ufffdng 1"), "NUL": (b"Room\0Kit", "RoomKit")}
"""The bytes that a terminal sends, and the text that pages and rows show."""


@pytest.mark.parametrize("name", AGENTS)
async def test_any_bytes_in_a_name_do_not_lose_the_registration(database: Database, name: str) -> None:
    world = World()
    node, kept, tasks = server(database, world, "1")
    await kept.restore(node.rooms.account)
    strange = Named(node)
    strange.agent, shown = AGENTS[name]
    strange.proven("REGISTER")
    Terminal(node, port=5070).proven("REGISTER", "hall2")
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
    after, again, _ = server(database, world, "2")
    await again.restore(after.rooms.account)
    found = {alias: after.agent.registrar.find(alias) for alias in ("hall1", "hall2")}
    assert found["hall1"] is not None, found
    assert found["hall2"] is not None, found
    assert found["hall1"].user_agent == shown
    now = node.agent.registrar.find("hall1")
    assert now is not None
    assert now.user_agent == shown


async def test_any_bytes_in_a_tag_do_not_lose_the_call(database: Database) -> None:
    node, kept, _ = server(database, World(), "1")
    await kept.restore(node.rooms.account)
    Tagged(node).proven("INVITE", body=OFFER)
    (call,) = node.user.calls
    assert call.dialog is not None
    assert call.dialog.remote.tag.endswith("\udcf4")
    await kept.came(call)


async def test_an_unreadable_saved_call_does_not_stop_the_start(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Show that an unreadable row does not stop the start. An older version wrote it, or it is damaged, so its call cannot be
    ended.
    """
    world = World()
    spoiled = SipDialog(
        id="spoiled", worker="here0", call_id="call", local="<<", remote="sip:a@example.vn", target="sip:a@192.0.2.7"
    )
    spoiled.routes, spoiled.cseq, spoiled.transport, spoiled.host, spoiled.port = [], 1, "udp", "192.0.2.7", 5060
    spoiled.at = datetime.fromtimestamp(world.clock.time(), UTC)

    async def write(session: AsyncSession) -> None:
        session.add(spoiled)

    await database.transact(write)
    node, kept, _ = server(database, world, "1")
    await kept.restore(node.rooms.account)
    assert "its row cannot be read" in caplog.text
    Terminal(node).proven("REGISTER")
    assert node.agent.registrar.find("hall1") is not None
