"""A stored position of a camera and its name: the name never belongs to another position, and who may store one."""

from typing import Any

import pytest
from sqlalchemy import select

from rooms.errors import Refusal
from rooms.policy.actors import Actor
from rooms.sites import terminals
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.sites import Terminal
from signaling.halls.board.board import board_of
from signaling.halls.board.orders import Order
from signaling.halls.board.watchers import Watchers
from tests.rooms.province import Province
from tests.signaling.halls import test_legs
from tests.signaling.halls.test_legs import HALL, Board

board, now = test_legs.board, test_legs.now


class Camera:
    """A hall whose camera can be moved. It keeps the orders."""

    moves_camera = True

    def __init__(self) -> None:
        self.camera = self
        self.orders: list[tuple[int, bool]] = []

    def preset(self, number: int, *, store: bool) -> None:
        self.orders.append((number, store))


async def test_a_name_is_stored_before_its_position_and_by_operators_of_the_unit_only(
    board: Board, province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, own, camera = board_of(board.halls, Watchers()).orders, await board.joined(), Camera()
    assert own.room is not None
    monkeypatch.setattr(own.room.hall, "signal", camera)
    operator = province.actor("operator", "xa1")

    async def store(name: str, actor: Actor) -> str:
        order = Order("store_preset", (own.party.leg_id,), preset=3, name=name)
        (told,) = (await desk.command(board.name.removeprefix("o-"), order, actor))["results"]
        code: str = told["code"]
        return code

    async def names() -> dict[str, Any]:
        async with board.database.reading() as session:
            return (await session.get_one(Terminal, HALL)).presets

    assert await store("Cửa", province.actor("operator", "khcn")) == "not_own_hall"
    assert (await names(), camera.orders) == ({}, [])
    assert await store("Bàn chủ tọa", operator) == ""
    assert (await names(), camera.orders) == ({"3": "Bàn chủ tọa"}, [(3, True)])

    async def away(*_: Any) -> None:
        raise OSError("the database is away")

    async def gone(*_: Any) -> None:
        raise Refusal("unknown_terminal", "Không có thiết bị này.", "no such terminal")

    for trouble, code in ((away, "not_taken"), (gone, "unknown_terminal")):
        monkeypatch.setattr(terminals, "name_preset", trouble)
        assert await store("Cửa", operator) == code
    assert (await names(), camera.orders) == ({"3": "Bàn chủ tọa"}, [(3, True)]), "the camera keeps the old position"
    async with board.database.reading() as session:
        query = select(AuditEntry.detail).where(AuditEntry.action == "hall.store_preset")
        noted = [(one["preset"], one["name"]) for one in await session.scalars(query)]
    assert sorted(noted) == [(3, "Bàn chủ tọa"), *[(3, "Cửa")] * 3]
