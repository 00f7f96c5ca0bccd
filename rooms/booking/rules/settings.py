"""Settings of the province for all bookings.

They are meeting types, unit rules, holidays, capacity, precedence between tiers, the decision by two people, and the form of
address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.rules import addressing, calendar, unit_rules
from rooms.errors import Refusal
from rooms.org import units
from rooms.org.names import cleaned
from rooms.policy.actors import Actor
from rooms.policy.roles import require, require_everywhere
from rooms.store import audit
from rooms.store.tables.booking import CapacitySlot, Holiday, Pool, Setting, UnitRule
from rooms.store.tables.meetings import MeetingType

APPROVAL: Final = "approval"
HALLS, ALWAYS, NEVER = "halls", "always", "never"
"""The meetings that need two people for a decision: meetings with halls or terminals, all meetings, or no meeting. For other
meetings, one person with both roles may decide alone.
"""
FOUR_EYES: Final = (HALLS, ALWAYS, NEVER)
PRECEDENCE: Final = "precedence"
TIERS: Final[Mapping[str, int]] = {"0": 0, "1": 1000, "2": 2000, "3": 3000}
"""The number that is added to a meeting's own precedence, by the tier of its host. The setting `precedence` {"tiers": {…}}
replaces this table.
"""
MOST_TIERS = 10
HIGHEST = 1_000_000
TYPES = 200
POOLS = 50
"""The most tiers, the highest number of a tier, the most types of meetings, and the most pools. More are refused. Chosen.
Larger: longer settings. Smaller: a province cannot store its own rules.
"""


@dataclass(frozen=True)
class Day:
    """A day of the calendar. `official`: the day comes from the public calendar. Otherwise it comes from the overlay, which has
    priority.
    """

    day: date
    name: str
    works: bool
    official: bool


async def set_type(
    session: AsyncSession, code: str, values: Mapping[str, Any], actor: Actor, now: datetime
) -> MeetingType:
    """Create or change a meeting type. Raise Refusal `denied`, `bad_name`, `too_many`."""
    require_everywhere(actor, "settings.write")
    row = await session.get(MeetingType, code)
    if row is None:
        if len(list(await session.scalars(select(MeetingType.code)))) >= TYPES:
            raise Refusal(
                "too_many", "Đã có quá nhiều loại họp.", f"there are already {TYPES} meeting types, the maximum"
            )
        row = MeetingType(code=code)
        session.add(row)
    for name, value in values.items():
        setattr(row, name, cleaned(value) if isinstance(value, str) else value)
    if not row.name:
        raise Refusal("bad_name", "Hãy đặt tên loại họp.", "a name is needed")
    await session.flush()
    await audit.record(session, now, actor, "settings.type", "meeting_type", code)
    return row


async def rule_of(session: AsyncSession, unit_id: str) -> unit_rules.Rule:
    """Return the rule that applies to a unit. Raise `unknown_unit`."""
    return await unit_rules.rule_of(session, (await units.get(session, unit_id)).path)


async def set_rule(
    session: AsyncSession, unit_id: str, values: Mapping[str, Any], actor: Actor, now: datetime
) -> unit_rules.Rule:
    """Give a unit a rule of its own. Raise Refusal `denied`, `unknown_unit`, `bad_hours`."""
    unit = await units.get(session, unit_id)
    require(actor, "rules.write", unit.path)
    if values["closes_min"] <= values["opens_min"]:
        raise Refusal(
            "bad_hours", "Giờ kết thúc phải sau giờ bắt đầu.", "the closing time must be after the opening time"
        )
    row = await session.get(UnitRule, unit_id)
    if row is None:
        row = UnitRule(unit_id=unit_id)
        session.add(row)
    for name in unit_rules.FIELDS:
        setattr(row, name, values[name])
    await session.flush()
    await audit.record(session, now, actor, "settings.rule", "rule", unit_id, unit_id, dict(values))
    return await unit_rules.rule_of(session, unit.path)


async def holidays(session: AsyncSession, year: int) -> list[Day]:
    """Return the public calendar of a year with the changes of the province, in order."""
    overlay = await session.scalars(
        select(Holiday).where(Holiday.day >= date(year, 1, 1), Holiday.day <= date(year, 12, 31))
    )
    found = {day: Day(day, name, False, True) for day, name in calendar.public_holidays(year).items()}
    found |= {one.day: Day(one.day, one.name, one.works, False) for one in overlay}
    return [found[day] for day in sorted(found)]


async def set_holiday(session: AsyncSession, day: date, name: str, works: bool, actor: Actor, now: datetime) -> Day:
    """Store a day off, or a working day instead. Raise Refusal `denied`, `bad_name`."""
    require_everywhere(actor, "settings.write")
    called = cleaned(name)[:200]
    if not called:
        raise Refusal("bad_name", "Hãy ghi tên ngày nghỉ.", "a name is needed")
    row = await session.get(Holiday, day)
    if row is None:
        row = Holiday(day=day, name=called, works=works)
        session.add(row)
    row.name, row.works = called, works
    await session.flush()
    await audit.record(session, now, actor, "settings.holiday", "holiday", day.isoformat(), "", {"works": works})
    return Day(day, called, works, False)


async def remove_holiday(session: AsyncSession, day: date, actor: Actor, now: datetime) -> None:
    """Delete the province's entry, so that the public calendar applies again. Raise Refusal `denied`, `holiday_unknown`."""
    require_everywhere(actor, "settings.write")
    row = await session.get(Holiday, day)
    if row is None:
        raise Refusal(
            "holiday_unknown",
            "Ngày này không có trong lịch riêng của tỉnh.",
            "no holiday or working day is set for that date",
        )
    await session.delete(row)
    await session.flush()
    await audit.record(session, now, actor, "settings.holiday", "holiday", day.isoformat(), "", {"removed": True})


async def pools(session: AsyncSession) -> list[Pool]:
    return list(await session.scalars(select(Pool).order_by(Pool.code)))


async def set_pool(
    session: AsyncSession,
    code: str,
    name: str,
    legs: int,
    actor: Actor,
    now: datetime,
    unit_id: str | None = None,
    counts: str = "all",
) -> Pool:
    """Set the number of simultaneous legs of a pool, the unit whose meetings it counts, and which of their connections. Legs
    that are already reserved stay. Raise Refusal `denied`, `too_many`, `unknown_unit`.
    """
    require_everywhere(actor, "settings.write")
    if unit_id is not None:
        await units.get(session, unit_id)
    row = await session.get(Pool, code)
    if row is None:
        if len(await pools(session)) >= POOLS:
            raise Refusal("too_many", "Đã có quá nhiều nhóm máy chủ.", f"there are already {POOLS} pools, the maximum")
        row = Pool(code=code, name=name, legs=legs)
        session.add(row)
    row.name, row.legs, row.unit_id, row.counts = cleaned(name)[:200] or code, legs, unit_id, counts
    await session.flush()
    await audit.record(session, now, actor, "settings.pool", "pool", code, "", {"legs": legs})
    return row


async def remove_pool(session: AsyncSession, code: str, actor: Actor, now: datetime) -> None:
    """Delete a pool: it counts no new meeting. Raise Refusal `denied`, `pool_unknown`, `last_pool`."""
    require_everywhere(actor, "settings.write")
    known = {one.code: one for one in await pools(session)}
    if code not in known:
        raise Refusal("pool_unknown", "Không có nhóm này.", "there is no such pool")
    if len(known) == 1:
        raise Refusal("last_pool", "Phải còn ít nhất một nhóm.", "the last pool stays")
    await session.delete(known[code])
    await session.flush()
    await audit.record(session, now, actor, "settings.pool", "pool", code, "", {"removed": True})


async def booked(session: AsyncSession, now: datetime) -> dict[str, int]:
    """Return the most legs of each pool that dates from now on have reserved at one time."""
    wanted = (
        select(CapacitySlot.pool, func.max(CapacitySlot.used))
        .where(CapacitySlot.starts_at > now - timedelta(minutes=limits.SLOT_MIN))
        .group_by(CapacitySlot.pool)
    )
    rows: list[Any] = list((await session.execute(wanted)).all())
    return dict(rows)


async def values(session: AsyncSession) -> list[Setting]:
    """Return every setting. A setting without a stored value has its default."""
    kept = {one.name: one for one in await session.scalars(select(Setting).order_by(Setting.name))}
    return [kept.get(name) or Setting(name=name, value=dict(default), version=0) for name, default in DEFAULTS.items()]


async def set_value(
    session: AsyncSession, name: str, value: Mapping[str, Any], actor: Actor, now: datetime, expected_version: int
) -> Setting:
    """Replace the whole value of a setting. Raise Refusal `denied`, `setting_unknown`, `version_mismatch`, `bad_setting`."""
    require_everywhere(actor, "settings.write")
    if name not in DEFAULTS:
        raise Refusal("setting_unknown", "Không có cài đặt này.", "there is no such setting")
    _check(name, value)
    row = await session.get(Setting, name, with_for_update=True)
    if expected_version != (row.version if row else 0):
        raise Refusal(
            "version_mismatch",
            "Người khác vừa sửa cài đặt này. Hãy tải lại rồi sửa tiếp.",
            "another user has changed this setting: load it again",
        )
    if row is None:
        row = Setting(name=name, value=dict(value), version=1)
        session.add(row)
    else:
        row.value, row.version = dict(value), row.version + 1
    await session.flush()
    await audit.record(session, now, actor, "settings.value", "setting", name, "", {"version": row.version})
    return row


def _check(name: str, value: Mapping[str, Any]) -> None:
    if name == APPROVAL:
        _check_approval(value)
    elif name == addressing.ADDRESS:
        _check_address(value)
    else:
        _check_precedence(value)


def _check_approval(value: Mapping[str, Any]) -> None:
    if set(value) != {"four_eyes"} or value["four_eyes"] not in FOUR_EYES:
        raise Refusal(
            "bad_setting",
            'Cài đặt phê duyệt có dạng {"four_eyes": "halls"}: "halls" (họp có hội trường, thiết bị), "always" hoặc "never".',
            'approval must be {"four_eyes": "halls"}, "always" or "never"',
        )


def _check_address(value: Mapping[str, Any]) -> None:
    if not addressing.is_good(value):
        raise Refusal(
            "bad_setting",
            f"Cách xưng hô gồm nhiều nhất {addressing.MOST} chữ cái, có thể có dấu cách và dấu /.",
            f"the form of address has at most {addressing.MOST} letters, with spaces or /",
        )


def _check_precedence(value: Mapping[str, Any]) -> None:
    tiers = value.get("tiers")
    good = (
        set(value) == {"tiers"}
        and isinstance(tiers, dict)
        and 0 < len(tiers) <= MOST_TIERS
        and all(tier in map(str, range(MOST_TIERS)) for tier in tiers)
        and all(type(rank) is int and 0 <= rank <= HIGHEST for rank in tiers.values())
    )
    if not good:
        raise Refusal(
            "bad_setting",
            'Cài đặt thứ tự ưu tiên có dạng {"tiers": {"0": 0, "1": 1000, …}}.',
            'precedence must be {"tiers": {"0": 0, "1": 1000, …}}',
        )


DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    PRECEDENCE: {"tiers": dict(TIERS)},
    APPROVAL: {"four_eyes": HALLS},
    addressing.ADDRESS: addressing.NONE,
}
