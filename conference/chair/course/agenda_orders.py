"""The agenda of one live meeting: each order asks its right, is stored, and then takes effect and is announced.

Owns the state of the machine (`agenda.py`) and the section `agenda` of the desk document. Without a store every order is refused
with `not_stored`. A warning that an item is late needs no store: the member `warned` of the item, which only hosts read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from conference.chair import agenda
from conference.chair.agenda import Agenda, Event, Item
from conference.chair.rights import Act, By, ask
from conference.ground.errors import Refusal
from conference.ports.proceedings import Proceedings, Record
from conference.ports.time import Clock
from conference.ports.watchers import PlannedItem

MACHINE: Final = "agenda"


class Meeting(Protocol):
    """The conference as its agenda sees it."""

    @property
    def name(self) -> str: ...
    @property
    def clock(self) -> Clock: ...


class Announces(Protocol):
    """The desk document."""

    def put(self, section: str, value: Any, *, host_only: bool = False) -> None: ...


class AgendaOrders:
    """The agenda of one conference, with its orders."""

    def __init__(
        self,
        meeting: Meeting,
        document: Announces,
        proceedings: Proceedings | None = None,
        planned: Sequence[PlannedItem] = (),
    ) -> None:
        """`planned`: the agenda of the booking, which is shown until an order stores another."""
        self.agenda = _planned(planned)
        self._meeting, self._document, self._proceedings = meeting, document, proceedings
        self._turn = asyncio.Lock()
        self._unstored = bool(self.agenda.items)
        if proceedings is not None:
            form = proceedings.restored(meeting.name).get(MACHINE, {})
            if form.get("version") == agenda.VERSION:
                self.agenda, self._unstored = agenda.of_json(form), False
        if self.agenda.items:
            self._announce()

    async def give(self, by: By, event: Event) -> None:
        """Step the agenda, store it, and let it take effect. Raise Refusal; then nothing has changed."""
        ask(by, Act.AGENDA)
        if self._proceedings is None:
            raise Refusal("not_stored")
        async with self._turn:
            now = self._meeting.clock.time()
            moved, effects = agenda.step(self.agenda, event, now)
            if moved == self.agenda:
                return
            who = (by.identity, by.name, by.for_chair, by.way)
            noted = (one for one in effects if isinstance(one, agenda.Noted))
            records = tuple(Record(one.what, now, *who, detail=dict(one.facts)) for one in noted)
            await self._proceedings.keep(self._meeting.name, MACHINE, agenda.as_json(moved), records)
            self.agenda, self._unstored = moved, False
            self._announce()

    def tick(self) -> None:
        """Warn the hosts if an item is late. The conference calls this about once a second."""
        if self._unstored and self._proceedings is not None:  # a crash must not lose the agenda of the booking
            self._unstored = False
            self._proceedings.note(self._meeting.name, MACHINE, agenda.as_json(self.agenda))
        now, due_at = self._meeting.clock.time(), self.agenda.due_at
        if due_at is None or now < due_at or self._turn.locked():  # an order is being stored
            return
        self.agenda, effects = agenda.step(self.agenda, agenda.Tick(), now)
        if self._proceedings is not None:
            noted = (one for one in effects if isinstance(one, agenda.Noted))
            records = tuple(Record(one.what, now, detail=dict(one.facts)) for one in noted)
            self._proceedings.note(self._meeting.name, MACHINE, agenda.as_json(self.agenda), records)
        self._announce()

    def _announce(self) -> None:
        """Put the section. The hosts also read which items are late; their section is put last, because it differs."""
        seen = agenda.view(self.agenda)
        self._document.put("agenda", {**seen, "items": [_without_warning(one) for one in seen["items"]]})
        self._document.put("agenda", seen, host_only=True)


def _planned(items: Sequence[PlannedItem]) -> Agenda:
    """Return the agenda of a booking. The ids are the same after a restart."""
    made = (
        Item(f"planned-{at}", one.title, planned_s=one.planned_s, speakers=(one.speaker,) if one.speaker else ())
        for at, one in enumerate(items)
    )
    return agenda.step(Agenda(), agenda.Put(tuple(made)), 0.0)[0] if items else Agenda()


def _without_warning(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "warned"}
