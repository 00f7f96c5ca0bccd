"""The conferences of booked meetings: their names, who is let in at the door of the call, and what the calendar hears of them.

A conference named `o-…` belongs to the date with that identifier. It is entered only with a token that was made for it here,
whose identity tells the way (`browser.…`), and the class policy is asked once more when the token is used: it may have been
raised since. Implements `conference.ports.Watcher` and what `signaling.api` asks of running meetings.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from conference import Grants, Refusal, Registry, events
from rooms.policy import classes
from signaling.api import Present

log = logging.getLogger(__name__)
PREFIX = "o-"
REMEMBERED = 8192
"""Dates whose class is known by heart; the longest unasked one is forgotten first."""
Told = Callable[[str, datetime], Awaitable[None]]


class BookedMeetings:
    """One per process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.registry: Registry | None = None
        self.on_opened: Told | None = None
        self.on_closed: Told | None = None
        self._now = now
        self._classes: OrderedDict[str, str] = OrderedDict()
        self._telling: set[asyncio.Task[None]] = set()

    @staticmethod
    def owns(conference: str) -> bool:
        return conference.startswith(PREFIX)

    # What the API asks

    def name_of(self, occurrence_id: str, class_: str) -> str:
        self._remember(occurrence_id, class_)
        return PREFIX + occurrence_id

    def set_class(self, occurrence_id: str, class_: str) -> None:
        self._remember(occurrence_id, class_)

    def present(self, occurrence_id: str) -> list[Present]:
        here = self._participants(occurrence_id)
        return [Present(one.identity, one.grants.name, way_of(one.identity)) for one in here]

    def expel(self, occurrence_id: str, identity: str) -> None:
        assert self.registry is not None
        try:
            self.registry.get(PREFIX + occurrence_id).kick(identity)
        except Refusal:
            return  # gone by himself

    # What the conference asks and tells

    def admit(self, grants: Grants) -> None:
        """Raises Refusal."""
        if not self.owns(grants.conference):
            return
        way = way_of(grants.identity)
        if not way:
            raise Refusal("join_denied")
        class_ = self._classes.get(grants.conference.removeprefix(PREFIX))
        if class_ == classes.IMPORTANT and way not in classes.HALL_WAYS:
            words = classes.REFUSALS["halls_only"]
            raise Refusal("class_forbids", *words)

    def opened(self, conference: str) -> None:
        self._tell(conference, self.on_opened)

    def closed(self, conference: str, reason: events.Reason) -> None:
        """A server that stops does not end the meeting: people come back when it is up again."""
        if reason is not events.Reason.SERVER_SHUTDOWN:
            self._tell(conference, self.on_closed)

    async def settle(self) -> None:
        """Everything that was told is written."""
        while self._telling:
            await asyncio.gather(*self._telling, return_exceptions=True)

    def _tell(self, conference: str, told: Told | None) -> None:
        if told is None or not self.owns(conference):
            return
        at = datetime.fromtimestamp(self._now(), UTC)
        task = asyncio.get_running_loop().create_task(self._written(told, conference.removeprefix(PREFIX), at))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    @staticmethod
    async def _written(told: Told, occurrence_id: str, at: datetime) -> None:
        try:
            await told(occurrence_id, at)
        except Exception:  # the call goes on without its calendar
            log.exception("a meeting's beginning or end could not be written")

    def _participants(self, occurrence_id: str) -> list[events.ParticipantView]:
        assert self.registry is not None
        try:
            conference = self.registry.get(PREFIX + occurrence_id)
        except Refusal:
            return []
        return [one.view() for one in conference.participants.values()]

    def _remember(self, occurrence_id: str, class_: str) -> None:
        self._classes[occurrence_id] = class_
        self._classes.move_to_end(occurrence_id)
        if len(self._classes) > REMEMBERED:
            self._classes.popitem(last=False)


def way_of(identity: str) -> str:
    """How its bearer came in; empty: the token was not made for a booked meeting."""
    way, dot, _ = identity.partition(".")
    return way if dot and way in classes.WAYS else ""
