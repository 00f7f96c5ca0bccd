"""The course of one meeting: breaks, roll call and pictures, and what happens to them when participants come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from conference.chair.course.breaks import as_json
from conference.chair.course.calling import Announces, Calling
from conference.chair.course.calling import Meeting as RollMeeting
from conference.chair.course.pauses import Leads, Pauses
from conference.chair.course.pauses import Meeting as BreakMeeting
from conference.chair.course.reports import Reports
from conference.chair.course.store import Store
from conference.chair.course.views import Views
from conference.chair.rights import By, Way
from conference.people.participant import Participant
from conference.ports.proceedings import Proceedings


class Meeting(RollMeeting, BreakMeeting, Protocol):
    """The conference as its course sees it."""


class Chat(Protocol):
    """The chat of the meeting. It asks `closed` whether a closed session runs: then the chat keeps no line."""

    closed: Callable[[], bool]

    def clear(self) -> None: ...


class Course:
    """The course of one conference. `actor` returns the giver of an order from a keypad."""

    def __init__(
        self,
        meeting: Meeting,
        leads: Leads,
        chat: Chat,
        document: Announces,
        proceedings: Proceedings | None,
        actor: Callable[[str, str, Way], By],
    ) -> None:
        spotlight, self._chat = leads.spotlight, chat
        self._breaks_store = Store(meeting.name, "breaks", proceedings)
        roll, shown = (Store(meeting.name, machine, proceedings) for machine in ("roll_call", "pictures"))
        self.views = Views(
            meeting, spotlight, leads.ask, document, shown, lambda: leads.speaks or self.roll.calls, actor
        )
        self.roll = Calling(meeting, leads, document, roll)
        self.reports = Reports(self.roll, actor)
        self.breaks = Pauses(meeting, leads, document, self._breaks_store, self._destroy)
        self.breaks.recessed = self.roll.hold
        leads.outside = lambda identity: self.breaks.state.keeps_out(identity)
        leads.silent, leads.stopped = lambda: self.breaks.state.silent, lambda: self.breaks.state.stop is not None
        chat.closed = lambda: self.breaks.state.closed is not None

    @property
    def over(self) -> bool:
        """Report whether the meeting must end now, because secret content came up."""
        return self.breaks.state.over

    def _destroy(self) -> None:
        self.roll.destroy()
        self._chat.clear()

    def came(self, one: Participant) -> None:
        self.views.came(one)
        self.breaks.came(one)
        self.roll.came(one)

    def gone(self, one: Participant) -> None:
        self.views.gone(one)

    def tick(self) -> None:
        """Do the timed work, about once a second."""
        self.breaks.tick()
        self.roll.tick()
        self.views.tick()

    async def stop(self, by: By) -> None:
        """Stop the meeting because of secret content, at once, and destroy what is stored. Raise Refusal `not_stored` if the
        database does not answer: the meeting has stopped, and the store tries again.
        """
        by_whom = self.breaks.stop(by)
        await self._breaks_store.forget(by_whom, as_json(self.breaks.state))
