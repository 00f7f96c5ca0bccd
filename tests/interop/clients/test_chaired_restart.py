"""The server is killed in a chaired meeting, and starts again with its data: chair, queue and turn go on, and the attendance says
what happened. A real process, a real database file and real clients.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import LiveServer, start_server
from tests.interop.person import Person, token
from tests.interop.proxy import Proxy
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.longer]

KEY, SECRET, ROOM = "chaired", "c" * 32, "giao-ban"
NAMES = ("chair", "an", "binh")


def pass_of(name: str) -> str:
    return token(KEY, SECRET, name, ROOM, room_admin=name == "chair")


def start(folder: Path) -> LiveServer:
    return start_server(folder, DIEMCAU_API_KEY=KEY, DIEMCAU_API_SECRET=SECRET)


async def order(server: LiveServer, who: str, name: str, **fields: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(
            f"{server.url}/api/v1/conferences/{ROOM}/desk/{name}",
            json=fields,
            headers={"authorization": f"Bearer {pass_of(who)}"},
        )


def rows(server: LiveServer, query: str) -> list[Any]:
    """Read the database file of a server, as an auditor would."""
    connection = sqlite3.connect(f"file:{server.data_dir / 'diemcau.sqlite'}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def test_a_killed_server_goes_on_with_the_floor_and_knows_who_was_there(tmp_path: Path) -> None:
    first = second = await asyncio.to_thread(start, tmp_path)
    people: list[Person] = []
    async with Proxy(first.port) as proxy:
        try:
            for name in NAMES:  # the chair joins first
                people.append(Person(proxy.url, pass_of(name)))
                await people[-1].join()
            assert (await order(first, "chair", "set_floor_mode", mode="one")).status_code == 200
            for name in ("an", "binh"):
                assert (await order(first, name, "ask_floor")).status_code == 200
            called = await order(first, "chair", "call_speaker", identity="an", time_s=600)
            assert called.status_code == 200, called.text
            await until(lambda: rows(first, "SELECT 1 FROM speaking_turn"), "the turn is stored")
            await until(lambda: len(rows(first, "SELECT 1 FROM attendance")) == 3, "the stays are stored")
            first.stop(signal.SIGKILL)
            second = await asyncio.to_thread(start, tmp_path)
            proxy.lead_to(second.port)
            await until(lambda: all(one.saw("reconnected", "") for one in people), "all are back")
            twice = await order(second, "binh", "call_speaker", identity="binh")
            assert twice.status_code == 403, "a delegate is no chair after the restart either"
            ended = await order(second, "chair", "end_turn", identity="an")
            assert ended.status_code == 200, ended.text
            called = await order(second, "chair", "reorder", identity="binh", place=0)
            assert called.status_code == 200, "the request of binh still waits"
            done = "SELECT identity, ended_at FROM speaking_turn WHERE ended_at IS NOT NULL"
            await until(lambda: rows(second, done), "the end of the turn is stored")
            assert [one[0] for one in rows(second, done)] == ["an"]
            assert len(rows(second, "SELECT 1 FROM speaking_turn")) == 1, "it is one turn, from before the kill"
            lost = rows(second, "SELECT identity FROM attendance WHERE reason = 'lost' ORDER BY identity")
            assert [one[0] for one in lost] == sorted(NAMES)
            here = "SELECT identity FROM attendance WHERE left_at IS NULL ORDER BY identity"
            await until(lambda: [one[0] for one in rows(second, here)] == sorted(NAMES), "all are present again")
        finally:
            await asyncio.gather(*(one.leave() for one in people))
            second.stop()
