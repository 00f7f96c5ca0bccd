"""The orders of a simulated meeting: their giving by the real table, and what the memory learns from each answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from conference import Grants, Refusal, limits
from rooms.policy.bearers import bearer
from signaling.orders import authority, ballots, table
from signaling.orders.shapes import Message
from tests.simulation.meetings.checks import Ballots, Memory, Undo, hold
from tests.simulation.meetings.server import Process

ADDRESS: Final = "192.0.2.7"


@dataclass
class Order:
    """An order that was given. `code` of a refusal; empty: the order is done, or has no answer yet."""

    name: str
    fields: Mapping[str, Any]
    giver: Grants
    at: float
    task: asyncio.Task[None] | None = None
    answer: Message | None = None
    code: str = ""
    phone: str = ""
    """The secret of the phone that votes. Empty: a person gives the order."""
    card: str = ""
    """The card that the phone has."""
    cut: bool = False
    """The server was killed before its answer."""

    @property
    def who(self) -> str:
        return self.card if self.phone else bearer(self.giver.identity)


class Orders:
    """All orders of one process. `memory` learns from their answers."""

    def __init__(self, process: Process, memory: Memory) -> None:
        self._process, self._memory = process, memory
        self.pending: list[Order] = []
        self.broken: list[BaseException] = []

    def give(self, giver: Grants, name: str, fields: Mapping[str, Any], phone: str = "") -> Order:
        order = Order(name, fields, giver, self._process.world.time.time(), phone=phone)
        before = BEFORE.get(name)
        if before is not None:
            before(self._memory, order)
        order.task = asyncio.create_task(self._perform(order))
        self.pending.append(order)
        return order

    async def _perform(self, order: Order) -> None:
        """Give the order as `/desk` and REST do, or vote as the page of a phone does."""
        try:
            if order.phone:
                order.answer = await self._vote(order)
            else:
                found = authority.check(self._process.around, order.giver)
                read = table.read(order.name, order.fields)
                order.answer = await table.perform(self._process.around, found, order.name, read, ADDRESS)
        except Refusal as refused:
            order.code = refused.code
        except asyncio.CancelledError:
            order.cut = True
        except Exception as error:
            self.broken.append(error)
            return
        finally:
            self.pending.remove(order)
        try:
            learn = AFTER.get(order.name)
            if learn is not None:
                learn(self._memory, order, self._process.world.time.time())
        except AssertionError as error:
            self.broken.append(error)

    async def _vote(self, order: Order) -> Message:
        """Take a card with the code that the phone has read, and vote."""
        meeting, fields = self._process.conference, order.fields
        if meeting is None:
            raise Refusal("vote_code_wrong")
        vote, card = await meeting.polls.phones.claim(fields["code"], order.phone)
        order.card = card.identity
        if vote.id == fields["vote"]:
            self._memory.ballots[vote.id].unsure[order.card] += 1
        told = await meeting.polls.phones.cast(fields["code"], order.phone, fields["vote"], tuple(fields["choices"]))
        return ballots.Recorded(said=told.code, receipt=told.receipt)

    async def quiet(self) -> None:
        """Let everything happen that needs no time. Raise what went wrong."""
        rounds = 0
        while rounds < 4 or (self.pending and rounds < 40):
            await asyncio.sleep(0)
            rounds += 1
        if self.broken:
            raise self.broken[0]


def sure(order: Order) -> bool:
    """Report whether the answer says for certain that nothing happened."""
    return bool(order.code) and order.code != "not_stored"


def _ballot_given(memory: Memory, order: Order) -> None:
    known = memory.ballots.get(order.fields["vote"])
    if known is not None and order.who:
        known.unsure[order.who] += 1


def _ballot(memory: Memory, order: Order, now: float) -> None:
    known = memory.ballots.get(order.fields["vote"])
    if known is None or not order.who:
        return
    if order.answer is not None:
        hold("no ballot after the closing", not known.closed, order.who)
        hold("one secret ballot", known.way != "secret" or order.who not in known.counted, order.who)
        known.counted[order.who] = tuple(order.fields["choices"])
        if order.phone:
            known.phones[order.phone] = order.card
        del known.unsure[order.who]
    elif sure(order) and order.code != "vote_cards_withdrawn":
        # The refusal says nothing about an earlier order. After a withdrawal another phone may vote with the card.
        known.unsure[order.who] -= 1
        known.unsure = +known.unsure


def _prepared(memory: Memory, order: Order, now: float) -> None:
    if order.answer is not None:
        made: Any = order.answer
        memory.ballots[made.vote] = Ballots(order.fields["way"], order.fields["kind"])


def _called(memory: Memory, order: Order, now: float) -> None:
    if order.answer is not None:
        made: Any = order.answer
        memory.undos[made.undo] = Undo(now)


def _undone(memory: Memory, order: Order, now: float) -> None:
    known = memory.undos.get(order.fields["undo"])
    if order.answer is None or known is None:
        return
    hold("an undo works once", not known.used, order.fields["undo"])
    hold("an undo works in time", now - known.at <= limits.SILENCE_UNDO_S + 0.5, now - known.at)
    known.used = True


def _marked(memory: Memory, order: Order, now: float) -> None:
    if order.answer is not None:
        memory.marks[order.fields["site"]] = order.fields["presence"]
    elif not sure(order):
        memory.roll_unsure = True


def _roll(memory: Memory, order: Order, now: float) -> None:
    if order.answer is None and not sure(order):
        memory.roll_unsure = True
    if order.name == "roll_prepare" and order.answer is not None:
        memory.marks.clear()
        memory.roll_unsure = False


def _removed(memory: Memory, order: Order, now: float) -> None:
    if order.answer is not None:
        memory.removed[order.fields["identity"]] = now


BEFORE: Final[Mapping[str, Callable[[Memory, Order], None]]] = {"ballot": _ballot_given}
AFTER: Final[Mapping[str, Callable[[Memory, Order, float], None]]] = {
    "ballot": _ballot,
    "vote_prepare": _prepared,
    "call_speaker": _called,
    "mute_all": _called,
    "undo": _undone,
    "mute_all_undo": _undone,
    "roll_mark": _marked,
    "roll_prepare": _roll,
    "roll_add": _roll,
    "roll_next": _roll,
    "roll_begin": _roll,
    "report_delegates": _roll,
    "remove": _removed,
}
"""What the memory learns from the answer of an order, by its name."""
