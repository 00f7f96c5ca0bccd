"""The orders of the agenda: their fields, and how each is performed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from conference import limits
from conference.chair.agenda import Event, Finish, Item, Next, Put, Reorder, Return, Skip
from signaling.orders.performing import Given
from signaling.orders.shapes import Message, Nothing

Id = Annotated[str, Field(max_length=limits.AGENDA_ID_CHARACTERS)]
Name = Annotated[str, Field(max_length=limits.AGENDA_CHARACTERS)]
LATEST_MS = 2**53 - 1


class Planned(Message):
    """An item. `id` empty: a new item, whose id the server chooses. `planned_at` is in ms since 1970; null: not planned.

    `planned_s`: the planned seconds; 0: not planned. `speakers`: names or identities. `votes`: ids of prepared votes. `closed`:
    a closed session (họp kín).
    """

    id: Id = ""
    title: Name
    planned_at: int | None = Field(default=None, ge=0, le=LATEST_MS)
    planned_s: int = Field(default=0, ge=0, le=int(limits.AGENDA_ITEM_S))
    speakers: list[Name] = Field(default_factory=list, max_length=limits.AGENDA_NAMES)
    votes: list[Id] = Field(default_factory=list, max_length=limits.AGENDA_NAMES)
    closed: bool = False


class Items(Message):
    """The items that have not begun, in their order."""

    items: list[Planned] = Field(max_length=limits.AGENDA_ITEMS)


class Ids(Message):
    """All items that have not begun, in the new order."""

    items: list[Id] = Field(max_length=limits.AGENDA_ITEMS)


class Beginning(Message):
    """The item to begin. Empty: the next one."""

    item: Id = ""


class Which(Message):
    """The item that the order is about."""

    item: Id


async def put(given: Given, wanted: Items) -> None:
    suffix = given.meeting().around.suffix
    items = (
        Item(
            one.id or suffix(),
            one.title,
            None if one.planned_at is None else one.planned_at / 1000,
            float(one.planned_s),
            tuple(one.speakers),
            tuple(one.votes),
            one.closed,
        )
        for one in wanted.items
    )
    await _give(given, Put(tuple(items)))


async def reorder(given: Given, wanted: Ids) -> None:
    await _give(given, Reorder(tuple(wanted.items)))


async def begin(given: Given, wanted: Beginning) -> None:
    await _give(given, Next(wanted.item))


async def finish(given: Given, _wanted: Nothing) -> None:
    await _give(given, Finish())


async def skip(given: Given, wanted: Which) -> None:
    await _give(given, Skip(wanted.item))


async def back(given: Given, wanted: Which) -> None:
    await _give(given, Return(wanted.item))


async def _give(given: Given, event: Event) -> None:
    await given.meeting().agenda.give(given.by, event)
