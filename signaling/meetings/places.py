"""The places of this machine: who may join when the reserved connections are used.

Each running date keeps the places that it has reserved, and places for chair, secretary, operator and the halls of its call
list. Any other participant needs a reserved place of the own meeting, or a place that no date has reserved. The check at the
door uses memory only; `run` reads the numbers from the database.

A participant whose page loads again, or whose network was away, keeps one place for a short time. The server must recognise the
participant: by the invitation of one person, the account, the terminal, or the admission from the lobby. A second window takes a
place of its own.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from conference import Grants, Participant, Passage, Refusal, Registry
from conference.ground.events import Reason
from conference.ground.lifecycle import Happening, What
from rooms.meetings import capacity
from rooms.meetings.capacity import Places, Whole
from rooms.policy.classes import HALL_WAYS
from rooms.store.database import Database, reason
from signaling.api.ground.checks import is_check
from signaling.host import limits
from signaling.host.dates import GUEST, PREFIX, is_date

log = logging.getLogger(__name__)
SERVICE = "hall-"
"""The first characters of the rooms in which halls wait or hear themselves. They are no meetings."""
AWAY = (Reason.CLIENT_INITIATED, Reason.SIGNAL_CLOSE, Reason.MEDIA_FAILURE)
"""The reasons of leaving after which a participant may come back at once. A page that loads again leaves by itself too."""


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
        self._left: dict[tuple[str, str], datetime] = {}
        """The conferences and holders of kept places, with the time of leaving, the earliest first."""

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
        if whole is None or not is_meeting(name) or grants.passage is Passage.HOST or grants.hidden:
            return
        present, awaited = self._present(), self._awaited()
        here = present.get(name, ())
        own = self._places.get(name)
        if any(one.identity == grants.identity for one in here):
            return
        if own is not None and _bearer(grants.identity) in own.kept:
            return
        if self._comes_back(name, grants, here, awaited):
            return
        if own is None and is_date(name):  # the first participants: the numbers of the date are not read yet
            return
        used = self._committed(name, here, awaited) + 1
        reserved = own.reserved if own is not None else 0
        if used <= reserved:
            return
        others = sum(
            max(0, self._committed(one, who, awaited) - self._reserved(one))
            for one, who in present.items()
            if one != name
        )
        if whole.reserved + others + used - reserved > whole.most:
            raise full(own.contact if own is not None else "")

    def _committed(self, name: str, here: Collection[Participant], awaited: set[tuple[str, str]]) -> int:
        """Return the participants of a conference and its kept places that nobody has taken yet. A lost connection and its
        successor are one.
        """
        own, theirs = self._places.get(name), [(one, self._holder(one.grants)) for one in here]
        connected = {holder for one, holder in theirs if one.detached_at is None}
        bearers = [
            _bearer(one.identity)
            for one, holder in theirs
            if one.detached_at is None or not holder or holder not in connected
        ]
        holders = {holder for _, holder in theirs}
        used = len(bearers) + sum(of == name and holder not in holders for of, holder in awaited)
        if own is None:
            return used
        return used + max(0, own.kept_count - sum(one in own.kept for one in bearers))

    def happened(self, happening: Happening) -> None:
        """Keep the place of a participant who has left, for a short time (`conference.Observer`)."""
        name, gone = happening.conference.name, happening.participant
        if happening.what is not What.LEFT or gone is None or not is_meeting(name):
            return
        holder, own = self._holder(gone.grants), self._places.get(name)
        if not holder or happening.reason not in AWAY or gone.grants.hidden:
            return
        if own is not None and _bearer(gone.identity) in own.kept:  # counted as kept anyway
            return
        self._left.pop((name, holder), None)
        self._left[name, holder] = self._now()
        while len(self._left) > limits.PLACES_AWAITED:
            del self._left[next(iter(self._left))]
        self._awaited()

    def _awaited(self) -> set[tuple[str, str]]:
        """Return the conferences and holders of kept places. Drop those whose time is over."""
        now = self._now()
        while self._left and (now - next(iter(self._left.values()))).total_seconds() >= limits.PLACE_AWAITED_S:
            del self._left[next(iter(self._left))]
        return set(self._left)

    def _comes_back(
        self, name: str, grants: Grants, here: Collection[Participant], awaited: set[tuple[str, str]]
    ) -> bool:
        """Report whether the holder takes the own place again: no connection of the holder lives, and one was lost or left a
        short time ago.
        """
        holder = self._holder(grants)
        theirs = [one for one in here if holder and self._holder(one.grants) == holder]
        if any(one.detached_at is None for one in theirs):
            return False
        return bool(theirs) or (name, holder) in awaited

    def _holder(self, grants: Grants) -> str:
        """Return who holds a place, or an empty text for a participant that cannot be recognised. Several people may use the
        link of a unit, so a unit is no holder.
        """
        way, bearer = grants.identity.partition(".")[0], _bearer(grants.identity)
        own = self._places.get(grants.conference)
        if is_date(grants.conference):
            if own is not None and bearer in own.single:
                return f"attendee.{bearer}"
            if way in HALL_WAYS and bearer != GUEST:
                return f"terminal.{bearer}"
        if grants.account:
            return f"account.{grants.account}"
        # An admission from the lobby brings the same identity back. A hall without an account calls with a new identity.
        admitted = grants.passage is Passage.ADMITTED and way not in HALL_WAYS
        return f"admitted.{grants.identity}" if admitted else ""

    def _reserved(self, name: str) -> int:
        own = self._places.get(name)
        return own.reserved if own is not None else 0

    def _present(self) -> dict[str, list[Participant]]:
        """Return the participants, by conference."""
        registry = self._registry()
        conferences = registry.all() if registry is not None else ()
        return {one.name: list(one.participants.values()) for one in conferences if is_meeting(one.name)}


def full(contact: str) -> Refusal:
    call = f"Hãy gọi thư ký cuộc họp: {contact}." if contact else "Hãy thử lại sau ít phút, hoặc báo cán bộ kỹ thuật."
    call_en = f"call the secretary of the meeting: {contact}" if contact else "try again later, or tell the technician"
    return Refusal("conference_full", f"Hệ thống đã hết chỗ kết nối. {call}", f"no connection is free: {call_en}")


def is_meeting(name: str) -> bool:
    return not is_check(name) and not name.startswith(SERVICE)


def _bearer(identity: str) -> str:
    """Return the person, attendee or terminal in an identity of a booked meeting."""
    parts = identity.split(".")
    return parts[1] if len(parts) > 1 else identity
