"""Mergers, renames, splits and abolitions of units. Each operation returns a report of the things that it moved.

From the day `on`, another unit replaces the old unit. Nothing is deleted: the old unit keeps its row, its name and its past
meetings. An operation runs on its day or later, never before. `rehearse` reports in advance what an operation would move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org import root_unit, units
from rooms.org.fields import read, today
from rooms.org.names import cleaned
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.store import audit
from rooms.store.locks import Lock, take
from rooms.store.tables.org import RecipientRule, Unit, UnitSuccessor
from rooms.succession import estate
from rooms.succession.estate import Estate, Share

WORDS = {
    "units": "đơn vị trực thuộc",
    "sites": "điểm cầu",
    "halls": "phòng họp",
    "terminals": "thiết bị",
    "people": "người",
    "roles": "quyền được chuyển",
    "roles_joined": "quyền trùng được gộp",
    "roles_ended": "quyền chấm dứt, cần cấp lại nếu còn cần",
    "posts_ended": "chức vụ chấm dứt",
    "holdings_ended": "người thôi giữ chức vụ",
    "meetings": "cuộc họp sắp tới đổi đơn vị chủ trì",
    "series_parted": "cuộc họp định kỳ được tách, các lần đã họp giữ tên cũ",
    "invitations": "lời mời chuyển sang đơn vị mới",
    "invitations_joined": "lời mời trùng được gộp",
    "approvals": "việc chờ duyệt",
    "recipient_rules": "quy tắc nơi nhận",
    "templates": "mẫu và danh sách",
    "keys": "khóa và webhook",
}


@dataclass(frozen=True)
class Report:
    """`unit`: the identifier of the successor, or of the first successor. `moved`: the number of each kind. `notes`: the same
    in words.
    """

    kind: str
    unit: str
    on: date
    moved: Mapping[str, int]
    notes: Sequence[str]
    applied: bool = True


@dataclass(frozen=True)
class Part:
    """A successor in a split. `into`: the identifier of an existing unit, or the values of a new unit. `share`: the things that
    the successor gets.
    """

    into: str | Mapping[str, Any]
    share: Share = field(default_factory=Share)


async def merge(
    session: AsyncSession,
    unit_ids: Sequence[str],
    into: str | Mapping[str, Any],
    on: date,
    decision: str,
    actor: Actor,
    now: datetime,
) -> Report:
    """Merge several units into one: a new unit from values, or an existing unit, which may be one of them."""
    ids = list(dict.fromkeys(unit_ids))
    if not 1 <= len(ids) <= limits.SUCCESSION_UNITS:
        most = limits.SUCCESSION_UNITS
        raise Refusal("succession_units", f"Hãy chọn từ 1 đến {most} đơn vị.", f"choose 1 to {most} units")
    await take(session, Lock.TREE)
    olds = [await _ending(session, one, on, actor, now) for one in ids if one != into]
    heir = await _heir(session, into, on, actor, now)
    return await _succeed(session, "merge", olds, heir, on, decision, actor, now)


async def rename(
    session: AsyncSession,
    unit_id: str,
    name: str,
    on: date,
    decision: str,
    actor: Actor,
    now: datetime,
    changes: Mapping[str, Any] | None = None,
) -> Report:
    """Rename a unit: a new row continues it under the new name.

    The new row takes over the code, and the date is added to the code of the old row. If `changes` has another code, the old
    code stays.
    """
    await take(session, Lock.TREE)
    old = await _ending(session, unit_id, on, actor, now)
    values = {one.name: getattr(old, one.name) for one in units.FIELDS if one.name not in ("valid_from", "valid_to")}
    values |= {"name": name} | dict(changes or {})
    read(units.FIELDS, values)
    if values["code"] == old.code:
        old.code = f"{old.code[:54]}.{on:%Y%m%d}"
        await session.flush()
    heir = await _heir(session, values, on, actor, now)
    return await _succeed(session, "rename", [old], heir, on, decision, actor, now)


async def split(
    session: AsyncSession, unit_id: str, parts: Sequence[Part], on: date, decision: str, actor: Actor, now: datetime
) -> Report:
    """Split a unit into several. The first part gets everything that no part names, and the meetings, invitations and
    templates.
    """
    if not 2 <= len(parts) <= limits.SUCCESSION_UNITS:
        raise Refusal(
            "succession_units", "Chia tách cần ít nhất hai đơn vị mới.", "a split needs at least two new units"
        )
    await take(session, Lock.TREE)
    old = await _ending(session, unit_id, on, actor, now)
    heirs = [await _heir(session, one.into, on, actor, now) for one in parts]
    await _out_of_the_way(session, old, heirs)
    moved: Counter[str] = Counter()
    for one, heir in list(zip(parts, heirs, strict=True))[1:]:
        left = Estate(session, old, heir, on, actor, now, moved)
        await estate.hand_over_share(left, one.share)
        await _follow(session, old, heir, "split", on, decision)
    await _recipients_of_all(session, old, heirs[1:])
    return await _succeed(session, "split", [old], heirs[0], on, decision, actor, now, moved)


async def abolish(
    session: AsyncSession, unit_id: str, into: str | None, on: date, decision: str, actor: Actor, now: datetime
) -> Report:
    """End a unit and give its things to `into`, or to the unit above. If the unit above gets them, the roles in the old unit
    end.
    """
    await take(session, Lock.TREE)
    old = await _ending(session, unit_id, on, actor, now)
    above = into or old.parent_id
    if above is None:
        raise Refusal("succession_heir", "Hãy chọn đơn vị tiếp nhận.", "choose the unit that takes over")
    heir = await _heir(session, above, on, actor, now)
    return await _succeed(session, "abolish", [old], heir, on, decision, actor, now)


async def rehearse(session: AsyncSession, work: Callable[[], Awaitable[Report]]) -> Report:
    """Return the report of `work`, and undo all its changes."""
    async with session.begin_nested() as trial:
        report = await work()
        await session.flush()
        await trial.rollback()
    session.expire_all()
    return Report(report.kind, "", report.on, report.moved, report.notes, applied=False)


async def _succeed(
    session: AsyncSession,
    kind: str,
    olds: Sequence[Unit],
    heir: Unit,
    on: date,
    decision: str,
    actor: Actor,
    now: datetime,
    moved: Counter[str] | None = None,
) -> Report:
    moved = Counter() if moved is None else moved
    for old in olds:
        await _out_of_the_way(session, old, [heir])
        await root_unit.follow(session, old, heir)
        await estate.hand_over_all(Estate(session, old, heir, on, actor, now, moved))
        await _follow(session, old, heir, kind, on, decision)
        old.valid_to = on
        old.version += 1
        await session.flush()
    told = {name: count for name, count in moved.items() if count}
    notes = [f"{count} {WORDS[name]}" for name, count in told.items()]
    detail = {"from": [one.code for one in olds][:50], "into": heir.code, "on": on.isoformat(), "moved": told}
    await audit.record(session, now, actor, f"unit.{kind}", "unit", heir.id, heir.id, detail)
    return Report(kind, heir.id, on, told, notes)


async def _ending(session: AsyncSession, unit_id: str, on: date, actor: Actor, now: datetime) -> Unit:
    """Return the unit after a check that it may end on that day."""
    unit = await units.get(session, unit_id, fresh=True)
    require(actor, "org.write", unit.path)
    if on > today(now):
        raise Refusal(
            "succession_ahead",
            "Việc này chỉ làm được từ ngày có hiệu lực. Hãy chạy thử trước.",
            "this is possible only from the effective date: use a dry run first",
        )
    if on <= unit.valid_from or (unit.valid_to is not None and unit.valid_to <= on):
        raise Refusal(
            "unit_not_in_force", f"{unit.name} không tồn tại vào ngày này.", "the unit does not exist on that day"
        )
    return unit


async def _heir(session: AsyncSession, into: str | Mapping[str, Any], on: date, actor: Actor, now: datetime) -> Unit:
    if not isinstance(into, str):
        return await units.create(session, dict(into) | {"valid_from": on}, actor, now)
    heir = await units.get(session, into, fresh=True)
    require(actor, "org.write", heir.path)
    if heir.valid_from > on or (heir.valid_to is not None and heir.valid_to <= on):
        raise Refusal(
            "unit_not_in_force", f"{heir.name} không tồn tại vào ngày này.", "the unit does not exist on that day"
        )
    return heir


async def _out_of_the_way(session: AsyncSession, old: Unit, heirs: Sequence[Unit]) -> None:
    """Move a successor that is below the old unit to the place of the old unit."""
    for heir in heirs:
        if heir.path.startswith(old.path):
            above = await units.get(session, old.parent_id) if old.parent_id else None
            await units.rehang(session, heir, above)


async def _follow(session: AsyncSession, old: Unit, heir: Unit, kind: str, on: date, decision: str) -> None:
    words = cleaned(decision[:1200])[:300]
    session.add(UnitSuccessor(id=new_id(), unit_id=old.id, successor_id=heir.id, kind=kind, on=on, decision=words))
    await session.flush()


async def _recipients_of_all(session: AsyncSession, old: Unit, heirs: Sequence[Unit]) -> None:
    for rule in list(await session.scalars(select(RecipientRule).where(RecipientRule.unit_id == old.id))):
        for heir in heirs:
            named = ("set_id", "below", "kind", "tier", "block", "excludes")
            session.add(RecipientRule(id=new_id(), unit_id=heir.id, **{name: getattr(rule, name) for name in named}))
    await session.flush()
