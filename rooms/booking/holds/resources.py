"""The resources that a date reserves: find them in the register, lock them, take all or none, release them.

The database decides whether there is a clash. This module turns the database's error into `Taken`, and `clashes` describes the
clash in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final, Literal

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Date,
    Executable,
    Select,
    String,
    and_,
    bindparam,
    cast,
    delete,
    false,
    func,
    literal,
    null,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import timing
from rooms.errors import Refusal, Trouble
from rooms.identifiers import new_id
from rooms.policy import classes
from rooms.store import rows
from rooms.store.tables.booking import CapacitySlot, CapacityUse, Pool, Reservation, Wanted
from rooms.store.tables.columns import EPOCH, Utc
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.org import Person
from rooms.store.tables.sites import Hall, Network, Site, Terminal

SLOT = timedelta(minutes=limits.SLOT_MIN)
BUFFER_MOST_MIN = 12 * 60
"""Minutes. The longest time to set up a hall, and to clear it up; a longer one counts as this. Longer: the reservation may
exceed the longest one that the database accepts. Shorter: a hall with much equipment has too little time.
"""
LONGEST = timedelta(days=3)
"""The longest reservation that the database accepts (`store/migrations/overlap`). Larger: each search reads more rows. Smaller:
a search misses a long reservation that began earlier.
"""
WINDOWS = 100
"""Time ranges in one SQL statement; further ranges go into the next. Chosen. More: longer statements. From about 1000 on SQLite
refuses the statement (the depth of its expression), and the booking fails. Fewer: more statements.
"""
Kind = Literal["hall", "terminal", "person", "operator"]
PEOPLE: Final[tuple[Kind, ...]] = ("operator", "person")
"""`person`: the chair and the secretary."""


@dataclass(frozen=True)
class Thing:
    """A resource with its name. A hall is also reserved for `before_min` minutes before and `after_min` minutes after the
    meeting.
    """

    kind: str
    id: str
    name: str
    before_min: int = 0
    after_min: int = 0
    seats: int = 0
    site_id: str = ""
    equipment: tuple[str, ...] = ()
    needs_approval: bool = False
    guest: bool = False
    """The hall or terminal is held for an invited unit. The host did not book it."""
    hall_id: str = ""
    """The booked hall, for its terminal."""
    outranks: bool = False
    """The terminal stands in a booked hall of the host unit itself. It leaves a coming meeting in which it is only a guest."""

    def keeps(self, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
        return starts_at - timedelta(minutes=self.before_min), ends_at + timedelta(minutes=self.after_min)


@dataclass(frozen=True)
class Span:
    """The identifier and the times of one date. Nothing else is necessary for a reservation."""

    occurrence_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Share:
    """A pool from which a date takes legs. `name` is empty for a pool of all connections of the whole installation."""

    pool: str
    name: str
    most: int
    legs: int


@dataclass(frozen=True)
class Load:
    """The legs of a date, and its shares of the pools. Without pools, capacity is not counted."""

    shares: tuple[Share, ...] = ()
    legs: int = 0


class Taken(Exception):
    """The database refused the reservation. `what` is `overlap` or `capacity`. With `nested`, `take` has rolled back to its
    savepoint.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


# Find resources


async def resolve(
    session: AsyncSession,
    hall_ids: Sequence[str],
    terminal_ids: Sequence[str],
    people: Sequence[tuple[str | None, Kind]],
    class_: str,
    day: date,
    deputies: Sequence[str] = (),
) -> tuple[Thing, ...]:
    """Return the resources with these identifiers, in a fixed order. A person with several posts is one resource, of the last
    kind. `deputies`: people who must exist, and are no resources. Raise a Refusal that lists every unknown or unavailable
    resource.
    """
    troubles: list[Trouble] = []
    wanted: dict[str, Kind] = {one: kind for one, kind in people if one}
    found = await _registered(session, hall_ids, terminal_ids, [*dict.fromkeys((*wanted, *deputies))])
    things = _halls(hall_ids, found["hall"], day, troubles)
    things += _terminals(terminal_ids, found["terminal"], class_, troubles)
    things += _people(wanted, deputies, found["person"], troubles)
    if troubles:
        code = troubles[0].code
        raise Refusal(code, " ".join(one.vietnamese for one in troubles[:10]), troubles[0].english, troubles)
    unique = {one.id: one for one in reversed(things)}
    return tuple(sorted(unique.values(), key=lambda one: one.id))


Registered = Mapping[str, Any]
"""Rows of `_registered`, by identifier."""


async def _registered(
    session: AsyncSession, hall_ids: Sequence[str], terminal_ids: Sequence[str], person_ids: Sequence[str]
) -> dict[str, Registered]:
    """Return halls, active terminals and active people, each by identifier, with one statement."""
    asked = {"hall": hall_ids, "terminal": terminal_ids, "person": person_ids}
    kinds = tuple(kind for kind, ids in asked.items() if ids)
    found: dict[str, dict[str, Any]] = {kind: {} for kind in asked}
    if kinds:
        for row in await session.execute(_statement(kinds), {kind: list(asked[kind]) for kind in kinds}):
            found[row.kind][row.id] = row
    return found  # type: ignore[return-value]


@cache
def _statement(kinds: tuple[str, ...]) -> Executable:
    """Build the statement once for each set of kinds: to build the statement costs more than to run it."""
    build = {"hall": _hall_rows, "terminal": _terminal_rows, "person": _person_rows}
    parts = [build[kind](bindparam(kind, expanding=True)) for kind in kinds]
    return union_all(*parts) if len(parts) > 1 else parts[0]


def _hall_rows(ids: BindParameter[Any]) -> Select[*tuple[Any, ...]]:
    """Select halls. `flag`: the hall can be booked. `asks`: the hall needs approval."""
    return (
        select(
            literal("hall").label("kind"),
            Hall.id,
            Hall.name,
            Hall.code,
            Hall.site_id,
            Hall.setup_min.label("before"),
            Hall.clearup_min.label("after"),
            Hall.seats,
            Hall.equipment,
            Hall.bookable.label("flag"),
            Hall.needs_approval.label("asks"),
            Site.valid_to,
        )
        .join(Site, Site.id == Hall.site_id)
        .where(Hall.id.in_(ids))
    )


def _terminal_rows(ids: BindParameter[Any]) -> Select[*tuple[Any, ...]]:
    """Select terminals. `asks`: the network of the terminal is closed."""
    return (
        select(
            literal("terminal").label("kind"),
            Terminal.id,
            Terminal.name,
            Terminal.code,
            Terminal.site_id,
            *_NOTHING,
            true().label("flag"),
            func.coalesce(Network.closed, false()).label("asks"),
            cast(null(), Date).label("valid_to"),
        )
        .outerjoin(Network, Network.id == Terminal.network_id)
        .where(Terminal.id.in_(ids), Terminal.active)
    )


def _person_rows(ids: BindParameter[Any]) -> Select[*tuple[Any, ...]]:
    return select(
        literal("person").label("kind"),
        Person.id,
        Person.name,
        Person.code,
        cast(null(), String(32)).label("site_id"),
        *_NOTHING,
        true().label("flag"),
        false().label("asks"),
        cast(null(), Date).label("valid_to"),
    ).where(Person.id.in_(ids), Person.active)


_NOTHING: Final = (
    literal(0).label("before"),
    literal(0).label("after"),
    literal(0).label("seats"),
    cast(null(), JSON(none_as_null=True)).label("equipment"),
)
"""Columns that only halls have."""


def _halls(ids: Sequence[str], found: Registered, day: date, troubles: list[Trouble]) -> list[Thing]:
    for one in ids:
        if one not in found:
            troubles.append(_unknown("unknown_hall", "Không tìm thấy hội trường. Hãy chọn lại.", "hall_ids"))
            continue
        hall = found[one]
        if not hall.flag or (hall.valid_to is not None and hall.valid_to <= day):
            vietnamese = f"{hall.name} không cho đặt. Hãy chọn hội trường khác."
            troubles.append(Trouble("hall_not_bookable", vietnamese, f"{hall.code} cannot be booked", "hall_ids"))
    return [
        Thing(
            "hall",
            one.id,
            one.name,
            buffer(one.before),
            buffer(one.after),
            seats=one.seats,
            site_id=one.site_id,
            equipment=tuple(one.equipment),
            needs_approval=one.asks,
        )
        for one in found.values()
    ]


def buffer(minutes: int) -> int:
    """Limit a time to set up or clear up, so that the reservation stays within the longest one that the database accepts."""
    return min(max(minutes, 0), BUFFER_MOST_MIN)


def hall_thing(hall: Any, guest: bool = False) -> Thing:
    """Make a Thing from a `Hall`, or from a row that has the same columns. `guest`: a hall of an invited unit."""
    return Thing(
        "hall",
        hall.id,
        hall.name,
        buffer(hall.setup_min),
        buffer(hall.clearup_min),
        seats=hall.seats,
        site_id=hall.site_id,
        equipment=tuple(hall.equipment),
        needs_approval=hall.needs_approval,
        guest=guest,
    )


def _terminals(ids: Sequence[str], found: Registered, class_: str, troubles: list[Trouble]) -> list[Thing]:
    for one in ids:
        if one not in found:
            troubles.append(
                _unknown("unknown_terminal", "Không tìm thấy thiết bị, hoặc đã ngừng dùng.", "terminal_ids")
            )
            continue
        terminal = found[one]
        verdict = classes.admission(
            class_, "dial_out", terminal_registered=True, network_closed=bool(terminal.asks), invited=True
        )
        if not verdict.allowed:
            vietnamese = f"{terminal.name}: {verdict.vietnamese}"
            troubles.append(Trouble(verdict.code, vietnamese, verdict.english, "terminal_ids"))
    return [Thing("terminal", one.id, one.name, site_id=one.site_id) for one in found.values()]


def _people(
    wanted: Mapping[str, Kind], deputies: Sequence[str], found: Registered, troubles: list[Trouble]
) -> list[Thing]:
    if {*wanted, *deputies} - set(found):
        vietnamese = "Không tìm thấy người chủ trì, thư ký, người điều hành hoặc người thay. Hãy chọn lại."
        troubles.append(_unknown("unknown_person", vietnamese, "chair_id"))
    return [Thing(kind, id_, found[id_].name) for id_, kind in wanted.items() if id_ in found]


def _unknown(code: str, vietnamese: str, where: str) -> Trouble:
    return Trouble(code, vietnamese, code.replace("_", " "), where)


def load(pools: Iterable[Pool], path: str, legs: int, halls: int) -> Load:
    """Return the load on the pools that count the meetings of a unit with this path. `halls`: how many of the legs are halls.

    The order of the pools is the order in which every transaction changes them, so that no deadlock is possible.
    """
    counting = sorted((one for one in pools if not one.unit_id or f"/{one.unit_id}/" in path), key=lambda one: one.code)
    if not legs:
        return Load()
    of_kind = {"all": legs, "halls": min(halls, legs), "browsers": max(0, legs - halls)}
    shares = tuple(
        Share(one.code, one.name if one.unit_id or one.counts != "all" else "", one.legs, of_kind[one.counts])
        for one in counting
        if of_kind[one.counts]
    )
    return Load(shares, legs) if shares else Load()


# Stored wishes of a meeting


async def keep_wanted(session: AsyncSession, meeting_id: str, things: Sequence[Thing], occurrence_id: str = "") -> None:
    """Replace the stored wishes that apply to every date, or to one date if `occurrence_id` is given."""
    await session.execute(delete(Wanted).where(Wanted.meeting_id == meeting_id, Wanted.occurrence_id == occurrence_id))
    await add_wanted(session, meeting_id, things, occurrence_id)


async def add_wanted(session: AsyncSession, meeting_id: str, things: Sequence[Thing], occurrence_id: str = "") -> None:
    """Store the wishes of a meeting or a date that has no stored wishes."""
    await rows.add(session, {Wanted: wanted_rows(meeting_id, things, occurrence_id)})


def wanted_rows(meeting_id: str, things: Sequence[Thing], occurrence_id: str = "") -> list[dict[str, Any]]:
    """Return the rows to insert. With `occurrence_id`, the rows apply to this date only."""
    return [
        {
            "meeting_id": meeting_id,
            "occurrence_id": occurrence_id,
            "resource_id": one.id,
            "kind": one.kind,
            "position": place,
        }
        for place, one in enumerate(things)
    ]


async def wanted(session: AsyncSession, meeting_id: str) -> dict[str, list[Wanted]]:
    """Return the stored wishes by occurrence. The key "" holds the wishes for every date that has no wishes of its own."""
    kept = await session.scalars(select(Wanted).where(Wanted.meeting_id == meeting_id).order_by(Wanted.position))
    found: dict[str, list[Wanted]] = {"": []}
    for one in kept:
        found.setdefault(one.occurrence_id, []).append(one)
    return found


async def things_of(session: AsyncSession, kept: Iterable[Wanted], class_: str, day: date) -> tuple[Thing, ...]:
    """Return the resources of these wishes as the register describes them now."""
    ids: dict[str, list[str]] = {"hall": [], "terminal": [], "person": [], "operator": []}
    for one in kept:
        ids[one.kind].append(one.resource_id)
    people: list[tuple[str | None, Kind]] = [(id_, kind) for kind in PEOPLE for id_ in ids[kind]]
    return await resolve(session, ids["hall"], ids["terminal"], people, class_, day)


# Lock, take and release


async def lock(session: AsyncSession, names: Iterable[str]) -> None:
    """Lock these names until the end of the transaction. All callers lock in the same order, so that no deadlock is possible.
    SQLite has only one writer and needs no lock.

    Without this lock, two transactions that insert clashing rows at the same time wait for each other and end in a deadlock.
    With this lock, the second transaction sees the rows of the first one.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    keys = sorted({int.from_bytes(hashlib.sha256(one.encode()).digest()[:8], signed=True) for one in names})
    await session.execute(_LOCK, {"keys": keys})


_LOCK = text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k")


async def take(
    session: AsyncSession,
    wishes: Sequence[tuple[Span, Sequence[Thing]]],
    load: Load,
    now: datetime,
    nested: bool = True,
) -> Sequence[dict[str, Any]]:
    """Reserve everything for all these dates, or raise `Taken`. Return the reservations. The caller has already released older
    reservations of these dates. If `nested` is False, the transaction cannot be used after `Taken`.
    """
    taken = sorted(_rows(wishes), key=lambda row: (row["resource_id"], row["starts_at"]))
    spans = [span for span, _ in wishes] if load.legs else []
    batch: rows.Batch = {
        Reservation: taken,
        CapacityUse: [_use(span, share) for span in spans for share in load.shares],
    }
    own = {
        (thing.id, *thing.keeps(one.starts_at, one.ends_at)) for one, some in wishes for thing in some if thing.outranks
    }
    try:
        async with session.begin_nested() if nested else nullcontext():
            await win(session, own, now)
            await rows.add(session, batch)
            await _take_capacity(session, spans, load)
    except IntegrityError as error:
        raise Taken(_what(error)) from error
    return taken


async def win(session: AsyncSession, times: Iterable[tuple[str, datetime, datetime]], now: datetime) -> None:
    """Take these terminals, at these times, off the coming dates in which they are guests. The caller reserves them next. A job
    tells the meetings that lose them (`rooms.booking.holds.losing`).
    """
    lost: list[tuple[str, str]] = []
    of_terminal: dict[str, list[tuple[datetime, datetime]]] = {}
    for terminal_id, starts_at, ends_at in times:
        of_terminal.setdefault(terminal_id, []).append((starts_at, ends_at))
    coming = select(Occurrence.id).where(Occurrence.state == "planned")
    for terminal_id, spans in of_terminal.items():
        for touches in touching(Reservation, spans):
            gone = await session.execute(
                delete(Reservation)
                .where(
                    Reservation.resource_id == terminal_id,
                    Reservation.kind == "terminal",
                    Reservation.guest,
                    Reservation.active,
                    touches,
                    Reservation.occurrence_id.in_(coming),
                )
                .returning(Reservation.occurrence_id)
            )
            lost += [(date, terminal_id) for (date,) in gone]
    if lost:
        await timing.won(session, lost, now)


def touching(
    table: type[Occurrence | Reservation], windows: Sequence[tuple[datetime, datetime]]
) -> Iterator[ColumnElement[bool]]:
    """Yield, for each statement, the condition that a row touches one of its windows."""
    for place in range(0, len(windows), WINDOWS):
        yield or_(
            *(
                and_(table.starts_at > start - LONGEST, table.starts_at < end, table.ends_at > start)
                for start, end in windows[place : place + WINDOWS]
            )
        )


async def renew(
    session: AsyncSession, wishes: Sequence[tuple[Span, Sequence[Thing]]], load: Load, now: datetime
) -> None:
    """Do the same as `take` for dates that may have reservations: release what differs, and reserve what is missing. Raise
    `Taken`.
    """
    dates = [span.occurrence_id for span, _ in wishes]
    columns = [getattr(Reservation, name) for name in _SAME]
    rows_of_dates = await session.execute(select(Reservation.id, *columns).where(Reservation.occurrence_id.in_(dates)))
    held = {tuple(values): id_ for id_, *values in rows_of_dates}
    missing: list[tuple[Span, Sequence[Thing]]] = []
    for span, things in wishes:
        keys = [tuple(row[name] for name in _SAME) for row in _rows([(span, things)])]
        missing.append((span, [one for one, key in zip(things, keys, strict=True) if held.pop(key, None) is None]))
    if held:
        await session.execute(delete(Reservation).where(Reservation.id.in_(held.values())))
    used = await session.execute(select(*CapacityUse.__table__.columns).where(CapacityUse.occurrence_id.in_(dates)))
    wanted = [_use(span, share) for span, _ in wishes for share in load.shares]
    if _by_name(dict(**one) for one in used.mappings()) == _by_name(wanted):
        load = Load()
    else:
        await _give_back_capacity(session, dates)
    if load.legs or any(things for _, things in missing):
        await take(session, missing, load, now)


def _by_name(uses: Iterable[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    return sorted(sorted(one.items()) for one in uses)


_SAME: Final = ("occurrence_id", "kind", "resource_id", "starts_at", "ends_at", "active", "guest")
"""The columns that two reservations have in common if `renew` keeps one for the other."""


async def release_guests(session: AsyncSession, occurrence_id: str, resource_ids: Collection[str]) -> None:
    """Release terminals and halls of invited units that a date has reserved."""
    await session.execute(
        delete(Reservation).where(
            Reservation.occurrence_id == occurrence_id, Reservation.guest, Reservation.resource_id.in_(resource_ids)
        )
    )


def _use(span: Span, share: Share) -> dict[str, Any]:
    return {
        "occurrence_id": span.occurrence_id,
        "pool": share.pool,
        "legs": share.legs,
        "starts_at": span.starts_at,
        "ends_at": span.ends_at,
    }


def _what(error: IntegrityError) -> str:
    words = str(error.orig)
    if "capacity_slot" in words:
        return "capacity"
    if "overlap" in words:
        return "overlap"
    raise error


def _rows(wishes: Sequence[tuple[Span, Sequence[Thing]]]) -> Iterable[dict[str, Any]]:
    for span, things in wishes:
        for thing in things:
            starts_at, ends_at = thing.keeps(span.starts_at, span.ends_at)
            yield {
                "id": new_id(),
                "occurrence_id": span.occurrence_id,
                "kind": thing.kind,
                "resource_id": thing.id,
                "starts_at": starts_at,
                "ends_at": ends_at,
                "active": True,
                "guest": thing.guest,
            }


def slots(starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """Return the quarters of an hour that a date touches."""
    first = EPOCH + (starts_at - EPOCH) // SLOT * SLOT
    count = -((first - ends_at) // SLOT)
    return [(first + n * SLOT).astimezone(UTC) for n in range(count)]


async def _take_capacity(session: AsyncSession, spans: Sequence[Span], load: Load) -> None:
    if not spans:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(CapacitySlot)
    added = CapacitySlot.used + statement.excluded.used
    touched = sorted(at for span in spans for at in slots(span.starts_at, span.ends_at))
    quarters = [
        {"pool": one.pool, "starts_at": at, "used": one.legs, "most": one.most} for one in load.shares for at in touched
    ]
    upsert = statement.on_conflict_do_update(
        index_elements=["pool", "starts_at"], set_={"used": added, "most": statement.excluded.most}
    )
    connection = await session.connection()
    await connection.execute(upsert, quarters)


async def give_back(session: AsyncSession, occurrence_ids: Sequence[str], forget: bool = False) -> None:
    """Release everything that these dates have reserved. With `forget`, delete the reservations, because the caller makes new
    ones. Otherwise keep the reservations as inactive rows, as a record.
    """
    for place in range(0, len(occurrence_ids), 500):
        chunk = list(occurrence_ids[place : place + 500])
        if forget:
            await session.execute(delete(Reservation).where(Reservation.occurrence_id.in_(chunk)))
        else:
            await session.execute(
                update(Reservation).where(Reservation.occurrence_id.in_(chunk), Reservation.active).values(active=False)
            )
        await _give_back_capacity(session, chunk)


async def shorten(session: AsyncSession, occurrence_id: str, ends_at: datetime, now: datetime) -> None:
    """Release what a date has reserved after `now`, because the date is over before its booked end `ends_at`. Its halls keep
    the time to clear up.
    """
    kept = (Reservation.occurrence_id == occurrence_id, Reservation.active)
    names = list(await session.scalars(select(Reservation.resource_id).where(*kept)))
    await lock(session, names)
    for row in list(await session.scalars(select(Reservation).where(*kept))):
        end = min(row.ends_at, now + (row.ends_at - ends_at))
        if end > row.starts_at:
            row.ends_at = end
        else:
            row.active = False
    await session.flush()
    await _shorten_capacity(session, occurrence_id, now)


async def _shorten_capacity(session: AsyncSession, occurrence_id: str, now: datetime) -> None:
    """Keep the quarters of an hour that have begun, and release the later quarters."""
    of_date = select(CapacityUse).where(CapacityUse.occurrence_id == occurrence_id, CapacityUse.ends_at > now)
    parts = []
    for use in list(await session.scalars(of_date.order_by(CapacityUse.pool))):
        begun = slots(use.starts_at, max(now, use.starts_at + timedelta(microseconds=1)))
        touched = slots(use.starts_at, use.ends_at)
        use.ends_at = min(use.ends_at, begun[-1] + SLOT)
        if len(touched) > len(begun):
            parts.append({"of": use.pool, "first": touched[len(begun)], "last": touched[-1], "back": use.legs})
    await session.flush()
    if parts:
        await (await session.connection()).execute(_GIVE_BACK, parts)


async def _give_back_capacity(session: AsyncSession, occurrence_ids: list[str]) -> None:
    uses = list(
        await session.execute(
            delete(CapacityUse)
            .where(CapacityUse.occurrence_id.in_(occurrence_ids))
            .returning(CapacityUse.pool, CapacityUse.legs, CapacityUse.starts_at, CapacityUse.ends_at)
        )
    )
    if not uses:
        return
    parts = []
    for pool, legs, starts_at, ends_at in sorted(uses, key=lambda use: (use[0], use[2])):
        touched = slots(starts_at, ends_at)
        parts.append({"of": pool, "first": touched[0], "last": touched[-1], "back": legs})
    connection = await session.connection()
    await connection.execute(_GIVE_BACK, parts)


_GIVE_BACK: Final = (
    update(CapacitySlot)
    .where(
        CapacitySlot.pool == bindparam("of"),
        CapacitySlot.starts_at >= bindparam("first", type_=Utc()),
        CapacitySlot.starts_at <= bindparam("last", type_=Utc()),
    )
    .values(used=CapacitySlot.used - bindparam("back"))
)
