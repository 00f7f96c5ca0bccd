"""The store of live meetings: states for a restart, the record, who came and left, who spoke.

Implements `conference.ports.proceedings.Proceedings` and `conference.ports.watchers.Observer` with `rooms.proceedings`.
A stored order waits for the database, or is refused. All other acts wait in memory, in their order, until the database answers.

A booked date goes on where it was after a crash, and after all participants had left. A conference without a booking goes on
only after a crash. All open sittings are read before the first request, so `restored` answers at once. The check of a device and
the rooms in which halls wait are no meetings: they store nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

import rooms.limits
from conference import Refusal
from conference.ground.events import Reason
from conference.ground.lifecycle import Happening, What
from conference.ports.proceedings import NOTHING, ChatLine, Record, State, Turn
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.proceedings import reading, retention, writing
from rooms.proceedings.writing import Batch, Run
from rooms.store import scrubbing
from rooms.store.database import Database, reason
from rooms.store.tables import proceedings as tables
from signaling.host import limits
from signaling.host.dates import PREFIX, is_date
from signaling.meetings.places import is_meeting
from signaling.meetings.sitting import Sitting, Wipe, fits

log = logging.getLogger(__name__)
WORDS = (tables.ChatLine, tables.MeetingNote, tables.SittingState, tables.MeetingEvent)
"""The tables that hold words of a meeting."""
TOO_LARGE = (
    "Dữ liệu của cuộc họp quá lớn nên không lưu được.",
    "the data of the meeting are too large to be stored",
)


class Proceedings:
    """The store of all meetings of this process."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._sittings: dict[str, Sitting] = {}
        """By conference, the one that began first comes first."""
        self._ending: set[Sitting] = set()
        """Ended sittings that still have rows to store."""
        self._orders: set[asyncio.Task[bool]] = set()
        self._hurry = asyncio.Event()
        """Set while the server stops and waits for the rows."""
        self._scrubbing: asyncio.Task[None] | None = None
        self.lost = 0
        """Rows since the start that were never stored."""

    @property
    def waiting(self) -> int:
        """Return the number of rows that are not stored yet."""
        return sum(len(one.waiting) + one.writing for one in (*self._sittings.values(), *self._ending))

    async def load(self) -> None:
        """Read the sittings that an earlier process did not end. Raise the errors of the database."""
        now = self._now()
        async with self._database.reading() as session:
            found = await reading.unfinished(session, now, limits.SITTINGS)
            words = await retention.unscrubbed(session)
        late = now - timedelta(seconds=limits.RESUMED_S)
        for one in reversed(found):
            if one.run.occurrence_id is not None or one.seen_at > late:
                sitting = self._sittings[one.run.conference] = Sitting.resumed(one, now)
                self._start(sitting)
        if words:
            self._scrub()

    async def run(self) -> None:
        """Note again and again which meetings go on, until cancelled."""
        while True:
            await asyncio.sleep(limits.SEEN_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Note which meetings go on, and drop those that all participants left long ago."""
        now = self._now()
        late = now - timedelta(hours=rooms.limits.SITTING_IDLE_HOURS)
        for name, one in list(self._sittings.items()):
            if one.occupied:
                one.seen_at = now
            elif one.seen_at <= late and not one.waiting:
                del self._sittings[name]
        here = [one.run.id for one in self._sittings.values() if one.occupied]
        if not here:
            return
        try:
            await self._database.transact(lambda session: writing.seen(session, here, now))
        except (OSError, SQLAlchemyError) as error:
            log.warning("the course of live meetings is not stored: %s", reason(error))

    async def settle(self) -> None:
        """Wait until all rows are stored. Each sitting gets one more attempt."""
        self._hurry.set()
        await asyncio.gather(*self._orders, return_exceptions=True)
        every = (*self._sittings.values(), *self._ending)
        tasks = [one.task for one in every if one.task is not None]
        if self._scrubbing is not None:
            tasks.append(self._scrubbing)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._hurry.clear()

    # Questions and orders of the conference

    def restored(self, conference: str) -> Mapping[str, State]:
        sitting = self._sittings.get(conference)
        return dict(sitting.states) if sitting is not None else {}

    async def keep(self, conference: str, machine: str, state: State, records: Sequence[Record] = ()) -> None:
        if not is_meeting(conference):
            raise Refusal("not_stored")
        if not fits(state):
            raise Refusal("not_stored", *TOO_LARGE)
        sitting = self._sitting(conference)
        batch = sitting.batch({machine: state}, records)
        await self._store(sitting, batch, lambda: sitting.take_back(machine, batch))
        sitting.accept(batch)

    def note(self, conference: str, machine: str, state: State | None, records: Sequence[Record] = ()) -> None:
        if not is_meeting(conference):
            return
        sitting = self._sitting(conference)
        if state is not None and not fits(state):
            log.error("the state %s of a meeting is too large to be stored", machine)
            self.lost += 1
            state = None
        sitting.add({} if state is None else {machine: state}, records)
        self._start(sitting)

    def turn(self, conference: str, turn: Turn) -> None:
        if not is_meeting(conference):
            return
        sitting = self._sitting(conference)
        sitting.turn(turn)
        self._start(sitting)

    def chat(self, conference: str, line: ChatLine) -> None:
        if is_date(conference):  # the chat of a conference without a booking is only in its memory
            sitting = self._sitting(conference)
            sitting.chat(line)
            self._start(sitting)

    def chatted(self, conference: str) -> Sequence[ChatLine]:
        sitting = self._sittings.get(conference)
        return tuple(sitting.lines) if sitting is not None else ()

    async def forget(self, conference: str, by: Record, kept: Mapping[str, State] = NOTHING) -> None:
        if not is_meeting(conference):
            return
        sitting = self._sitting(conference)
        who = by.by.split(".")[1] if "." in by.by else by.by
        actor = Actor("link", who[:32], name=by.by_name) if who else Actor("system", name=by.by_name)
        sitting.add(events=[by])
        sitting.strip(Wipe(actor, by.for_chair, self._now()), kept)
        await self._store(sitting, Batch(), lambda: None)

    def leave(self, conference: str) -> None:
        """End the sitting of a conference that all participants have left, unless some came back."""
        sitting = self._sittings.get(conference)
        if sitting is not None and not sitting.occupied:
            self.end(conference)

    def end(self, conference: str) -> None:
        """End the sitting of a conference. A later conference of the same name begins a new sitting."""
        sitting = self._sittings.pop(conference, None)
        if sitting is not None:
            sitting.end(self._now())
            self._ending.add(sitting)
            self._start(sitting)

    def happened(self, happening: Happening) -> None:
        """Note who comes and leaves, and the end of a conference (`conference.Observer`)."""
        name, who, now = happening.conference.name, happening.participant, self._now()
        if not is_meeting(name):
            return
        if happening.what is What.JOINED and who is not None and not who.grants.hidden:
            sitting = self._sitting(name)
            sitting.came(who, now)
            self._start(sitting)
        elif happening.what is What.LEFT and who is not None and name in self._sittings:
            self._sittings[name].left(who, now)
            self._start(self._sittings[name])
        elif happening.what is What.FINISHED and not _goes_on(name, happening.reason):
            self.end(name)

    # Writing

    def _sitting(self, conference: str) -> Sitting:
        """Return the sitting of a conference, which begins with the first thing that happens."""
        sitting = self._sittings.get(conference)
        if sitting is None:
            if len(self._sittings) >= limits.SITTINGS:
                self._make_room()
            date = conference.removeprefix(PREFIX) if is_date(conference) else None
            sitting = Sitting(Run(new_id(), conference, date, self._now()))
            self._sittings[conference] = sitting
        return sitting

    def _make_room(self) -> None:
        idle = (name for name, one in self._sittings.items() if not (one.occupied or one.waiting))
        name = next(idle, None)
        if name is not None:
            del self._sittings[name]

    async def _store(self, sitting: Sitting, batch: Batch, refused: Callable[[], None]) -> None:
        """Store a batch and all that waits before it. Raise Refusal `not_stored`, after `refused` has taken the batch back.

        A writing that has begun is not cancelled: it goes on alone, and then the database also gets what `refused` has put. A
        batch whose turn to be written comes later is never written.
        """
        order = asyncio.get_running_loop().create_task(self._order(sitting, batch))
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)
        stored = False
        try:
            await asyncio.wait([order], timeout=limits.ORDER_STORED_S)
            stored = order.done() and order.result()
        finally:
            if not stored:
                refused()
            self._start(sitting)
        if not stored:
            raise Refusal("not_stored")

    async def _order(self, sitting: Sitting, batch: Batch) -> bool:
        """Report whether the batch is stored."""
        try:
            async with sitting.lock:
                if batch.withdrawn:
                    return False
                await self._write(sitting, batch)
        except (OSError, SQLAlchemyError) as error:
            log.warning("an order of a meeting is not stored: %s", reason(error))
            return False
        return True

    def _start(self, sitting: Sitting) -> None:
        """Begin to write what waits, unless a writer works already."""
        if (sitting.waiting or sitting.wipe is not None) and sitting.task is None:
            sitting.task = asyncio.get_running_loop().create_task(self._drain(sitting))
        elif sitting.task is None:
            self._ending.discard(sitting)

    async def _drain(self, sitting: Sitting) -> None:
        """Write what waits, in order, and try again while the database is away."""
        wait_s = limits.TELL_AGAIN_S
        try:
            while sitting.waiting or sitting.wipe is not None:
                hurried = self._hurry.is_set()
                try:
                    async with sitting.lock:
                        await self._write(sitting, Batch())
                    wait_s = limits.TELL_AGAIN_S
                except (OSError, SQLAlchemyError) as error:
                    log.warning("what happened in a meeting is not stored yet: %s", reason(error))
                    if hurried:
                        break
                    await self._rest(wait_s)
                    wait_s = min(2 * wait_s, limits.TELL_AGAIN_MOST_S)
                except Exception:  # our own bug: later rows go on
                    log.exception("what happened in a meeting could not be stored")
                    self.lost += len(sitting.taken(self._now()))
                    sitting.wipe = None
        finally:
            sitting.task = None
            self._ending.discard(sitting)

    async def _write(self, sitting: Sitting, batch: Batch) -> None:
        """Write what waits and then a batch, in one transaction. What waited still waits after an error."""
        now, wipe, whole = self._now(), sitting.wipe, Batch()
        self.lost += sitting.lost
        taken = sitting.taken(now)
        sitting.cut(batch)
        whole.add(taken)
        whole.add(batch)
        sitting.writing = len(whole)

        async def work(session: AsyncSession) -> bool:
            kept = await writing.write(session, sitting.run, whole, now)
            if wipe is not None:
                await retention.wipe(session, sitting.run.id, wipe.actor, wipe.at, wipe.for_chair)
                await writing.write(session, sitting.run, Batch(states=dict(sitting.states)), now)
            return kept and wipe is None

        try:
            if await self._database.transact(work):
                sitting.note_stored(whole.lines)
        except BaseException:
            sitting.give_back(taken)
            raise
        finally:
            sitting.writing = 0
        if wipe is not None:
            sitting.wipe = None
            self._scrub()

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    # The free pages of the files

    def _scrub(self) -> None:
        if self._scrubbing is None or self._scrubbing.done():
            self._scrubbing = asyncio.get_running_loop().create_task(self._scrub_files())

    async def _scrub_files(self) -> None:
        """Remove destroyed words from the files of the database, and try again until it is done."""
        wait_s = limits.TELL_AGAIN_S
        while True:
            hurried = self._hurry.is_set()
            try:
                async with self._database.reading() as session:
                    found = await retention.unscrubbed(session)
                if not found:
                    return
                await scrubbing.scrub(self._database, WORDS)
                await self._database.transact(
                    lambda session, found=found: retention.note_scrubbed(session, found, self._now())  # type: ignore[misc]
                )
            except (OSError, SQLAlchemyError, TimeoutError) as error:
                log.warning("destroyed words may still be in the files of the database: %s", reason(error))
                if hurried:
                    return
                await self._rest(wait_s)
                wait_s = min(2 * wait_s, limits.TELL_AGAIN_MOST_S)


def _goes_on(conference: str, why: Reason) -> bool:
    """Report whether the meeting of an ended conference goes on when people come back."""
    return why is Reason.SERVER_SHUTDOWN or (why is Reason.CONFERENCE_IDLE and is_date(conference))
