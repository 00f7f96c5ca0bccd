"""Named recipient sets ("Các sở, ngành, đoàn thể tỉnh"), and the units that a set contains on a day.

A set consists of rules, not of a list. A department that is founded tomorrow is in the set from tomorrow, but not in today's
letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal, Trouble
from rooms.identifiers import new_id
from rooms.org import refusals, units
from rooms.org.fields import CODE, WORD, Field, invalid, read
from rooms.org.names import plain, searched
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.store import audit
from rooms.store.tables.org import BLOCKS, RecipientRule, RecipientSet, Unit

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên nhóm", required=True, most=300),
    Field("owner_unit_id", "Đơn vị lập", required=True, refers="unit"),
)
RULE: Final = (
    Field("unit_id", "Đơn vị", refers="unit", empty=None),
    Field("below", "Gồm cả cấp dưới", "yes", empty=False),
    Field("kind", "Loại", most=40, pattern=WORD, empty=None),
    Field("tier", "Cấp", "integer", most=9, empty=None),
    Field("block", "Khối", most=20, choices=BLOCKS, empty=None),
    Field("excludes", "Trừ ra", "yes", empty=False),
)


async def create(
    session: AsyncSession, values: Mapping[str, Any], rules: Sequence[Mapping[str, Any]], actor: Actor, now: datetime
) -> RecipientSet:
    """Create a named set with its rules."""
    clean = read(FIELDS, values)
    require(actor, "recipients.write", (await units.get(session, clean["owner_unit_id"])).path)
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("recipient_set", clean["code"])
    made = RecipientSet(id=new_id(), search_name=plain(clean["name"]), **clean)
    await refusals.store(session, made, "recipient_set")
    await _store_rules(session, made.id, rules)
    await audit.record(session, now, actor, "recipients.create", "recipient_set", made.id, made.owner_unit_id)
    return made


async def edit(
    session: AsyncSession,
    set_id: str,
    values: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]] | None,
    actor: Actor,
    now: datetime,
) -> RecipientSet:
    """Change the given fields. `rules` replace the old rules."""
    clean = read(FIELDS, values, partial=True)
    found = await get(session, set_id)
    require(actor, "recipients.write", (await units.get(session, found.owner_unit_id)).path)
    if "owner_unit_id" in clean:
        require(actor, "recipients.write", (await units.get(session, clean["owner_unit_id"])).path)
    if clean.get("code", found.code) != found.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("recipient_set", clean["code"])
    for name, value in clean.items():
        setattr(found, name, value)
    found.search_name = plain(found.name)
    if rules is not None:
        await session.execute(delete(RecipientRule).where(RecipientRule.set_id == set_id))
        await _store_rules(session, set_id, rules)
    await session.flush()
    await audit.record(session, now, actor, "recipients.edit", "recipient_set", set_id, found.owner_unit_id)
    return found


async def remove(session: AsyncSession, set_id: str, actor: Actor, now: datetime) -> None:
    """Delete a set. Letters that were sent keep their own list."""
    found = await get(session, set_id)
    require(actor, "recipients.write", (await units.get(session, found.owner_unit_id)).path)
    await session.execute(delete(RecipientRule).where(RecipientRule.set_id == set_id))
    await session.delete(found)
    await session.flush()
    await audit.record(session, now, actor, "recipients.remove", "recipient_set", set_id, found.owner_unit_id)


async def get(session: AsyncSession, set_id: str) -> RecipientSet:
    """Return a set. Raise Refusal `unknown_recipient_set`."""
    found = await session.get(RecipientSet, set_id)
    if found is None:
        raise refusals.unknown("recipient_set")
    return found


async def by_code(session: AsyncSession, code: str) -> RecipientSet | None:
    return (await session.scalars(select(RecipientSet).where(RecipientSet.code == code))).first()


async def rules_of(session: AsyncSession, set_id: str) -> list[RecipientRule]:
    wanted = select(RecipientRule).where(RecipientRule.set_id == set_id)
    return list(await session.scalars(wanted.order_by(RecipientRule.excludes, RecipientRule.id)))


async def search(session: AsyncSession, text: str = "", limit: int = limits.FOUND) -> list[RecipientSet]:
    """Search by name or code, without diacritics."""
    words = searched(text)
    found = or_(
        RecipientSet.search_name.contains(words, autoescape=True), RecipientSet.code.icontains(words, autoescape=True)
    )
    return list(
        await session.scalars(select(RecipientSet).where(found).order_by(RecipientSet.search_name).limit(limit))
    )


async def expand(session: AsyncSession, set_id: str, day: date) -> list[Unit]:
    """Return the units of a set on a day, each unit once, in official order."""
    await get(session, set_id)
    return chosen(await rules_of(session, set_id), await units.tree(session, day))


async def sizes(session: AsyncSession, sets: Sequence[RecipientSet], day: date) -> dict[str, int]:
    """Return the number of units in each set on a day. The tree is read once for all sets."""
    tree = await units.tree(session, day)
    wanted = RecipientRule.set_id.in_([one.id for one in sets])
    rules: dict[str, list[RecipientRule]] = {one.id: [] for one in sets}
    for rule in await session.scalars(select(RecipientRule).where(wanted)):
        rules[rule.set_id].append(rule)
    return {key: len(chosen(kept, tree)) for key, kept in rules.items()}


def chosen(rules: Iterable[RecipientRule], among: Sequence[Unit]) -> list[Unit]:
    """Return the units of `among` that a rule includes and no rule excludes, in the order of `among`. Pure."""
    paths = {one.id: one.path for one in among}
    kept = list(rules)
    takes = [one for one in kept if not one.excludes]
    drops = [one for one in kept if one.excludes]
    return [
        unit
        for unit in among
        if any(matches(rule, unit, paths) for rule in takes) and not any(matches(rule, unit, paths) for rule in drops)
    ]


def matches(rule: RecipientRule, unit: Unit, paths: Mapping[str, str]) -> bool:
    """Report whether the unit has every property in the rule. `paths`: the paths of the units that exist on the day, by id."""
    if rule.unit_id is not None and not _placed(rule, unit, paths):
        return False
    wanted = ((rule.kind, unit.kind), (rule.tier, unit.tier), (rule.block, unit.block))
    return all(asked is None or asked == has for asked, has in wanted)


def _placed(rule: RecipientRule, unit: Unit, paths: Mapping[str, str]) -> bool:
    if not rule.below:
        return unit.id == rule.unit_id
    above = paths.get(rule.unit_id or "")
    return above is not None and unit.path.startswith(above)


async def _store_rules(session: AsyncSession, set_id: str, rules: Sequence[Mapping[str, Any]]) -> None:
    if not 1 <= len(rules) <= limits.RULES:
        raise Refusal(
            "rules_count",
            f"Nhóm nơi nhận cần từ 1 đến {limits.RULES} quy tắc.",
            f"a recipient set needs 1 to {limits.RULES} rules",
        )
    clean = [read(RULE, one) for one in rules]
    empty = [
        n for n, one in enumerate(clean) if all(one[name] is None for name in ("unit_id", "kind", "tier", "block"))
    ]
    if empty:
        words = "Quy tắc phải nêu đơn vị, loại, cấp hoặc khối."
        raise invalid(
            [
                Trouble("rule_empty", words, "the rule must name a unit, a kind, a tier or a block", f"rules.{n}")
                for n in empty
            ]
        )
    for one in clean:
        if one["unit_id"] is not None:
            await units.get(session, one["unit_id"])
        session.add(RecipientRule(id=new_id(), set_id=set_id, **one))
    await session.flush()
