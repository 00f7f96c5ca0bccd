"""The ends of booked meetings: notices before the end, and the end of the conference after `grace_min`.

Halls hear a recorded notice 10, 5 and 1 minute before the booked end. Browsers read the minutes from the metadata of the
conference. After `grace_min` the conference ends. If a participant spoke in the last minute, the operator and the hosts are asked
first. `rooms.booking.changes.ending` has the rules of the calendar.
"""

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from conference import Conference, Refusal, announce
from rooms import limits as rules
from rooms.booking.changes import ending
from rooms.booking.changes.ending import Planned
from rooms.booking.meeting.timing import LIVE
from rooms.booking.rules.unit_rules import clock
from rooms.store.database import Database, reason
from signaling.host import limits
from signaling.host.dates import PREFIX
from signaling.meetings.booked import BookedMeetings

log = logging.getLogger(__name__)
NOTICES = (10, 5, 1)
"""Minutes before the booked end at which participants are notified. The recordings of `conference.announcements` say these."""
KEY = "diemcau"
"""Our key in the metadata of a conference. Other keys belong to other systems."""


@dataclass
class Followed:
    """The state of the notices of one conference."""

    conference: Conference
    ends_at: datetime
    notice: int | None = None
    """The last of `NOTICES`."""
    shown: bool = False
    """True after the metadata named the end."""
    asked_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.conference.name

    @property
    def date_id(self) -> str:
        return self.name.removeprefix(PREFIX)


class Endings:
    """The ends of the booked meetings of one process."""

    def __init__(self, database: Database, live: BookedMeetings, now: Callable[[], datetime]) -> None:
        self._database = database
        self._live = live
        self._now = now
        self._ends: dict[str, Planned] = {}
        self._followed: dict[str, Followed] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._read_at = self._swept_at = datetime.fromtimestamp(0, UTC)

    async def run(self) -> None:
        """Watch the meetings until cancelled."""
        try:
            while True:
                await asyncio.sleep(limits.ENDS_TICK_S)
                try:
                    await self.look()
                except (OSError, SQLAlchemyError) as error:
                    log.warning("the ends of meetings could not be read: %s", reason(error))
                except Exception:  # our own bug: the server and its other meetings go on
                    log.exception("the ends of meetings could not be followed")
        finally:
            for task in self._closing.values():
                task.cancel()

    def refresh(self) -> None:
        """Read the booked ends again at the next look, because this process extended one."""
        self._read_at = self._swept_at - timedelta(days=1)

    async def look(self) -> None:
        """Do what is due now."""
        here = self._here()
        now = self._now()
        self._followed = {name: one for name, one in self._followed.items() if here.get(name) is one.conference}
        unread = not here.keys() <= self._ends.keys()
        if here and (unread or now - self._read_at >= timedelta(seconds=limits.ENDS_LOOKED_S)):
            await self._read(list(here))
            self._read_at = now
        for name, conference in here.items():
            end = self._ends.get(name)
            if end is not None and not conference.closed and name not in self._closing:
                known = self._followed.get(name)
                told = known
                if told is None or told.ends_at != end.ends_at:
                    shown = known is not None and known.shown
                    told = self._followed[name] = Followed(conference, end.ends_at, shown=shown)
                try:
                    await self._follow(told, end, now, fresh=told is not known)
                except (OSError, SQLAlchemyError) as error:  # one meeting must not keep the others from their ends
                    log.warning("the end of a meeting could not be followed: %s", reason(error))
        if now - self._swept_at >= timedelta(seconds=limits.FORGOTTEN_LOOKED_S):
            self._swept_at = now
            await self._database.transact(lambda session: ending.forgotten(session, now))

    def _here(self) -> dict[str, Conference]:
        registry = self._live.registry
        conferences = registry.all() if registry is not None else ()
        return {one.name: one for one in conferences if self._live.owns(one.name) and one.participants}

    async def _read(self, names: list[str]) -> None:
        async with self._database.reading(brief=True) as session:
            found = await ending.planned(session, [name.removeprefix(PREFIX) for name in names])
        self._ends = {PREFIX + id_: end for id_, end in found.items()}

    async def _follow(self, told: Followed, end: Planned, now: datetime, *, fresh: bool) -> None:
        """Do what is due for one conference. `fresh`: it was not followed before, or it has another end."""
        if end.state == "ended":  # another part has ended it, for example the operator of another server
            self._shut(told)
        if end.state not in LIVE:
            return
        left_min = end.left_min(now)
        _say(told, left_min, fresh)
        if now >= end.closes_at:
            await self._close(told, end, now)
        _show(told, end, left_min, now)

    async def _close(self, told: Followed, end: Planned, now: datetime) -> None:
        """End the conference, or ask the operator if a participant spoke in the last minute."""
        if now < end.last_at:
            if told.asked_at is not None and now - told.asked_at < timedelta(minutes=rules.END_ASKED_MIN):
                return
            if told.conference.speakers.spoke_within(limits.SPOKEN_LATELY_S):
                await self._database.transact(lambda session: ending.ask(session, told.date_id, now))
                told.asked_at = now
                return
        task = asyncio.get_running_loop().create_task(self._end(told))
        self._closing[told.name] = task
        task.add_done_callback(lambda _: self._closing.pop(told.name, None))

    async def _end(self, told: Followed) -> None:
        """Announce the end, and end the conference unless the date was extended during the announcement."""
        try:
            await _last_words(told)
            if await self._database.transact(lambda session: ending.over(session, told.date_id, self._now())):
                self._shut(told)
            elif told.conference.program is not None:
                told.conference.program.prompts.drop("ended")
        except (OSError, SQLAlchemyError) as error:
            log.warning("a meeting could not be ended: %s", reason(error))

    def _shut(self, told: Followed) -> None:
        self._live.shut(told.date_id)
        self._ends.pop(told.name, None)


def _say(told: Followed, left_min: int, fresh: bool) -> None:
    """Tell the halls once for each notice. In a conference that is found between two notices, they hear the next one only."""
    due = min((one for one in NOTICES if left_min <= one), default=None)
    if due == told.notice or left_min == 0:
        return
    told.notice = due
    program = told.conference.program
    if due is not None and (not fresh or left_min == due) and program is not None:
        announce(program, f"ends_in_{due}")


def _show(told: Followed, end: Planned, left_min: int, now: datetime) -> None:
    """Write the end into the metadata for browsers: in the last minutes, in the grace, and after an extension."""
    value: dict[str, Any] = {"ends_at": end.ends_at.isoformat(), "at": clock(end.ends_at)}
    if left_min <= NOTICES[0]:
        value["left_min"] = left_min
        told.shown = True
    if left_min == 0:
        value["closes_min"] = max(0, math.ceil((end.closes_at - now).total_seconds() / 60))
        value["asks"] = told.asked_at is not None
    summary = told.conference.summary
    metadata = _with(summary.metadata, value)
    if told.shown and metadata != summary.metadata:
        with contextlib.suppress(Refusal):  # the metadata of another system leave no space
            summary.set_metadata(metadata)


async def _last_words(told: Followed) -> None:
    program = told.conference.program
    if program is None or not program.halls:
        return
    announce(program, "ended")
    waited_s = 0.0
    while waited_s < limits.ENDED_WORDS_S or (waited_s < limits.ENDED_WORDS_MOST_S and not program.prompts.quiet):
        await asyncio.sleep(limits.ENDS_TICK_S)
        waited_s += limits.ENDS_TICK_S


def _with(metadata: str, value: dict[str, Any]) -> str:
    """Set our key in the metadata. Metadata of another system that is no JSON object stays as it is."""
    try:
        whole = json.loads(metadata) if metadata else {}
    except (ValueError, RecursionError):
        return metadata
    if not isinstance(whole, dict):
        return metadata
    return json.dumps({**whole, KEY: value}, separators=(",", ":"))
