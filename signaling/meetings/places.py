"""The places of this machine: who may join when the reserved connections are used.

Each running date keeps the places that it has reserved, and places for chair, secretary, operator and the halls of its call
list. Any other participant needs a reserved place of the own meeting, or a place that no date has reserved. The check at the
door uses memory only; `run` reads the numbers from the database.

A participant whose page loads again, or whose network was away, keeps the place for a short time. A guest without a name in the
lobby cannot be recognised.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from conference import Grants, Passage, Refusal, Registry
from conference.ground.events import Reason
from conference.ground.lifecycle import Happening, What
from rooms.meetings import capacity
from rooms.meetings.capacity import Places, Whole
from rooms.store.database import Database, reason
from signaling.api.ground.checks import is_check
from signaling.host import limits
from signaling.host.dates import GUEST, PREFIX, is_date

log = logging.getLogger(__name__)
SERVICE = "hall-"
"""The first characters of the rooms in which halls wait or hear themselves. They are no meetings."""
AWAY = (Reason.CLIENT_INITIATED, Reason.SIGNAL_CLOSE, Reason.MEDIA_FAILURE)
"""The reasons of leaving after which a participant may come back at once."""


class Capacity:
    """The places of the conferences of one process."""

    def __init__(
        self, database: Database, registry: Callable[[], Registry | None], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._registry = registry
        self._now = now
        self._whole: Whole | None = None
        self._places: dict[str, Places] = {}
        self._read_at: datetime | None = None
        """The time when all numbers were read."""
        self._left: dict[str, dict[str, datetime]] = {}
        """The holders of places that have left a short time ago, by conference."""

    async def run(self) -> None:
        """Read the numbers until cancelled."""
        while True:
            try:
                await self.read()
            except (OSError, SQLAlchemyError) as error:
                log.warning("the reserved places could not be read: %s", reason(error))
            await asyncio.sleep(limits.PLACES_LOOKED_S)

    async def read(self) -> None:
        """Read the numbers of new dates, and all numbers from time to time."""
        now, names = self._now(), [name for name in self._present() if is_date(name)]
        every = self._read_at is None or (now - self._read_at).total_seconds() >= limits.PLACES_KEPT_S
        if not every and self._places.keys() >= set(names):
            return
        wanted = [name.removeprefix(PREFIX) for name in names if every or name not in self._places]
        async with self._database.reading(brief=True) as session:
            whole = await capacity.whole(session, now) if every else self._whole
            found = await capacity.places(session, wanted, now) if wanted else {}
        # The old numbers count until all new ones are there.
        kept = {} if every else self._places
        self._whole, self._places = whole, kept | {PREFIX + id_: one for id_, one in found.items()}
        self._read_at = now if every else self._read_at

    def check(self, grants: Grants) -> None:
        """Raise Refusal `conference_full` if this participant has no place. The leaders of the meeting and the halls of its
        call list always have a place. A participant who is present already has one too.
        """
        name, whole = grants.conference, self._whole
        if whole is None or not _is_meeting(name) or grants.passage is Passage.HOST or grants.hidden:
            return
        here = self._here(name)
        own = self._places.get(name)
        if grants.identity in here or (own is not None and _bearer(grants.identity) in own.kept):
            return
        if self._comes_back(name, _holder(grants.identity), here):
            return
        if own is None and is_date(name):  # the first participants: the numbers of the date are not read yet
            return
        before = self._committed(name, here)
        used = before + 1
        reserved = own.reserved if own is not None else 0
        if used <= reserved:
            return
        others = sum(
            max(0, self._committed(one, who) - self._reserved(one))
            for one, who in self._present().items()
            if one != name
        )
        if whole.reserved + others + used - reserved > whole.most:
            raise full(own.contact if own is not None else "")

    def _committed(self, name: str, here: Iterable[str]) -> int:
        """Return the participants of a conference and its kept places that nobody has taken yet."""
        own, bearers = self._places.get(name), [_bearer(one) for one in here]
        used = len(bearers) + len(self._awaited(name, here))
        if own is None:
            return used
        return used + max(0, own.kept_count - sum(one in own.kept for one in bearers))

    def happened(self, happening: Happening) -> None:
        """Keep the place of a participant who has left, for a short time (`conference.Observer`)."""
        name, gone = happening.conference.name, happening.participant
        if happening.what not in (What.LEFT, What.ABORTED) or gone is None or not _is_meeting(name):
            return
        if happening.reason in AWAY and not gone.grants.hidden:
            of_meeting = self._left.setdefault(name, {})
            of_meeting.pop(_holder(gone.identity), None)
            of_meeting[_holder(gone.identity)] = self._now()
            if len(of_meeting) > limits.PLACES_AWAITED:
                del of_meeting[next(iter(of_meeting))]
            while len(self._left) > limits.PLACES_AWAITED:
                del self._left[next(iter(self._left))]

    def _awaited(self, name: str, here: Iterable[str]) -> set[str]:
        """Return the holders who have left a short time ago. Leaders and halls of the call list have kept places anyway."""
        now, own = self._now(), self._places.get(name)
        kept = own.kept if own is not None else frozenset()
        recent = {
            holder
            for holder, at in self._left.get(name, {}).items()
            if (now - at).total_seconds() < limits.PLACE_AWAITED_S and _bearer(holder) not in kept
        }
        return recent - {_holder(one) for one in here}

    def _comes_back(self, name: str, holder: str, here: list[str]) -> bool:
        """Report whether the holder takes an own place again: the old connection lives still, or ended a short time ago. A
        second window of the same person is no new place, a third one is.
        """
        present = sum(_holder(one) == holder for one in here)
        return present == 1 or (not present and holder in self._awaited(name, here))

    def _reserved(self, name: str) -> int:
        own = self._places.get(name)
        return own.reserved if own is not None else 0

    def _here(self, name: str) -> list[str]:
        registry = self._registry()
        conferences = registry.all() if registry is not None else ()
        return next((list(one.participants) for one in conferences if one.name == name), [])

    def _present(self) -> dict[str, list[str]]:
        """Return the identities of the participants, by conference."""
        registry = self._registry()
        conferences = registry.all() if registry is not None else ()
        return {one.name: list(one.participants) for one in conferences if _is_meeting(one.name)}


def full(contact: str) -> Refusal:
    call = f"Hãy gọi thư ký cuộc họp: {contact}." if contact else "Hãy thử lại sau ít phút, hoặc báo cán bộ kỹ thuật."
    call_en = f"call the secretary of the meeting: {contact}" if contact else "try again later, or tell the technician"
    return Refusal("conference_full", f"Hệ thống đã hết chỗ kết nối. {call}", f"no connection is free: {call_en}")


def _is_meeting(name: str) -> bool:
    return not is_check(name) and not name.startswith(SERVICE)


def _holder(identity: str) -> str:
    """Return who holds a place: the person, attendee or terminal. Guests have no names, so each connection counts alone."""
    bearer = _bearer(identity)
    return identity if bearer == GUEST else f"{identity.split('.')[0]}.{bearer}"


def _bearer(identity: str) -> str:
    """Return the person, attendee or terminal in an identity of a booked meeting."""
    parts = identity.split(".")
    return parts[1] if len(parts) > 1 else identity
