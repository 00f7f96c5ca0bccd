"""The agenda of a live meeting: rights, storing before announcing, late items, and the return after a crash."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from conference import Conference, Refusal
from conference.chair.agenda import Event, Finish, Item, Next, Put
from conference.chair.rights import By, Role
from conference.ground.events import Reason
from conference.ground.permissions import Grants
from conference.ports.watchers import Plan, PlannedItem
from tests.conference.chair.test_polls import Store
from tests.conference.doubles import World

CHAIR = By("chair", "Chủ tịch", Role.CHAIR)
ITEMS = (Item("a", "Khai mạc", planned_s=60.0), Item("b", "Báo cáo", speakers=("Sở Y tế",), closed=True))


def meeting(store: Store | None) -> tuple[World, Conference]:
    world = World(proceedings=store)
    return world, world.registry.create("c")


def section(world: World, found: Conference, audience: Any = "member") -> dict[str, Any]:
    world.time.advance(1)
    read: dict[str, Any] = json.loads(found.document.whole(audience)).get("agenda", {})
    return read


async def refused(found: Conference, by: By, event: Event) -> str:
    with pytest.raises(Refusal) as caught:
        await found.agenda.give(by, event)
    return caught.value.code


async def test_all_read_the_current_item_and_hosts_read_that_it_is_late() -> None:
    store = Store()
    world, found = meeting(store)
    await found.agenda.give(CHAIR, Put(ITEMS))
    await found.agenda.give(CHAIR, Next())
    began = round(world.time.time() * 1000)
    seen = section(world, found)
    assert seen["current"] == "a"
    assert (seen["items"][0]["state"], seen["items"][0]["began_at"]) == ("current", began)
    assert (seen["items"][1]["speakers"], seen["items"][1]["closed"]) == (["Sở Y tế"], True)
    assert section(world, found, "host")["items"][0]["warned"] is False
    world.pass_time(61)
    assert section(world, found, "host")["items"][0]["warned"] is True
    assert "warned" not in section(world, found)["items"][0]
    assert [one.kind for one in store.records] == ["agenda_set", "agenda_item_began", "agenda_item_late"]
    assert [one.by for one in store.records] == ["chair", "chair", ""]


async def test_who_may_change_the_agenda_and_when() -> None:
    store = Store()
    world, found = meeting(store)
    assert await refused(found, By("an", "An", Role.DELEGATE), Put(ITEMS)) == "not_allowed"
    store.away = True
    assert await refused(found, CHAIR, Put(ITEMS)) == "not_stored"
    assert section(world, found) == {}
    assert await refused(meeting(None)[1], CHAIR, Put(ITEMS)) == "not_stored"


async def test_the_agenda_goes_on_after_a_crash() -> None:
    store = Store()
    world, found = meeting(store)
    await found.agenda.give(CHAIR, Put(ITEMS))
    await found.agenda.give(CHAIR, Next())
    found.close(Reason.SERVER_SHUTDOWN)
    again, later = meeting(store)
    assert later.agenda.agenda == found.agenda.agenda
    assert section(again, later) == section(world, found)
    await later.agenda.give(CHAIR, Finish())
    assert store.records[-1].kind == "agenda_item_ended"


class Booking:
    """A planner whose meeting has an agenda."""

    def admit(self, grants: Grants) -> None:
        pass

    def plan(self, conference: str) -> Plan:
        return Plan(agenda=(PlannedItem("Khai mạc", "", 600.0), PlannedItem("Báo cáo", "Sở Y tế", 0.0)))

    def opened(self, conference: str) -> None:
        pass

    def closed(self, conference: str, reason: Reason) -> None:
        pass


async def test_the_planned_agenda_stands_until_an_order_stores_another() -> None:
    store = Store()

    def begin() -> tuple[World, Conference]:
        world = World(proceedings=store)
        world.registry.around = replace(world.registry.around, watcher=Booking())
        return world, world.registry.create("c")

    world, found = begin()
    assert [one["title"] for one in section(world, found)["items"]] == ["Khai mạc", "Báo cáo"]
    found.agenda.tick()
    assert len(store.forms["agenda"]["items"]) == 2, "stored, so a crash does not lose it"
    await found.agenda.give(CHAIR, Next())
    await found.agenda.give(CHAIR, Put(()))
    world, again = begin()
    assert [(one.title, one.state.value) for one in again.agenda.agenda.items] == [("Khai mạc", "current")]
