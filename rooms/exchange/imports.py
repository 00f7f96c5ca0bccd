"""Import of a file into the register: every error is reported by line and column first, then all or nothing is written.

Rows are matched by code (posts: by unit and title). If a column is missing, its stored values do not change.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal, Trouble
from rooms.exchange.forms import Form, Register, column, form, heading, load, needed, recognised
from rooms.exchange.sheets import Sheet
from rooms.identifiers import new_id
from rooms.org import posts, root_unit, units
from rooms.org.fields import Field, Wrong, checked, from_text, today
from rooms.org.names import plain
from rooms.policy.actors import Actor
from rooms.policy.roles import allows, everywhere
from rooms.sites import halls, terminals
from rooms.store import audit
from rooms.store.audit import canonical
from rooms.store.locks import Lock, take
from rooms.store.tables.org import Holding, Unit


@dataclass(frozen=True)
class Outcome:
    """The result of a preview or an import. `digest` covers the file and the rows that it changes. The client sends it to
    `apply`.
    """

    kind: str
    rows: int
    created: int
    changed: int
    unchanged: int
    troubles: Sequence[Trouble]
    digest: str
    applied: bool = False


@dataclass
class Entry:
    """A checked line. `row` is the row that already exists."""

    line: int
    values: dict[str, Any]
    row: Any = None
    id: str = ""
    differs: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """A whole file compared with the register."""

    form: Form
    register: Register
    actor: Actor
    now: datetime
    holders: dict[str, str] = field(default_factory=dict)
    """The holder of each post today."""
    entries: list[Entry] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    """New units or sites of this file: code -> identifier."""

    def wrong(self, line: int, where: str, code: str, vietnamese: str, english: str) -> None:
        self.troubles.append(Trouble(code, f"Dòng {line}: {vietnamese}", f"line {line}: {english}", f"{line}:{where}"))


async def preview(session: AsyncSession, kind: str, sheet: Sheet, actor: Actor, now: datetime) -> Outcome:
    """Check the file and write nothing. `troubles` holds the errors in the file. Raise Refusal `unknown_kind`."""
    return _outcome(kind, sheet, await _plan(session, form(kind), sheet, actor, now))


async def apply(
    session: AsyncSession, kind: str, sheet: Sheet, actor: Actor, now: datetime, digest: str | None = None
) -> Outcome:
    """Write the whole file. Raise Refusal `import_has_errors` with all errors.

    Raise Refusal `import_outdated` if `digest` belongs to another file, or if the register has changed since the preview.
    """
    await take(session, Lock.TREE)
    plan = await _plan(session, form(kind), sheet, actor, now)
    outcome = _outcome(kind, sheet, plan)
    if outcome.troubles:
        count = len(plan.troubles)
        raise Refusal(
            "import_has_errors",
            f"Tệp có {count} lỗi, chưa ghi gì. Hãy sửa rồi nạp lại.",
            f"the file has {count} errors and nothing was written: correct the file",
            outcome.troubles,
        )
    if digest is not None and digest != outcome.digest:
        raise _outdated()
    try:
        await _write(session, plan)
    except IntegrityError:
        raise _outdated() from None
    counts = {"rows": outcome.rows, "created": outcome.created, "changed": outcome.changed}
    await audit.record(session, now, actor, f"import.{kind}", plan.form.kind, "", detail=counts)
    return Outcome(
        kind, outcome.rows, outcome.created, outcome.changed, outcome.unchanged, (), outcome.digest, applied=True
    )


def _outdated() -> Refusal:
    return Refusal(
        "import_outdated",
        "Tệp hoặc dữ liệu đã thay đổi từ lúc xem trước. Hãy xem trước lại.",
        "the file or the register has changed since the preview: preview again",
    )


async def _plan(session: AsyncSession, one: Form, sheet: Sheet, actor: Actor, now: datetime) -> Plan:
    plan = Plan(one, await load(session, needed(one)), actor, now)
    if one.kind == "post":
        plan.holders = await _holders(session, now)
    await asyncio.to_thread(_examine, plan, sheet)
    return plan


def _examine(plan: Plan, sheet: Sheet) -> None:
    """Compare every line with the register. This takes seconds for a long file, so it runs in a thread. It uses no database."""
    columns = _columns(plan, sheet)
    if plan.troubles:
        return
    plan.pending = _pending(plan, columns, sheet)
    seen: dict[str, int] = {}
    for line, cells in sheet.rows:
        entry = _entry(plan, columns, line, cells)
        if entry is not None and _once(plan, entry, seen):
            _check(plan, entry)
            plan.entries.append(entry)
    if plan.form.kind == "unit":
        _check_tree(plan)


def _columns(plan: Plan, sheet: Sheet) -> list[Field | None]:
    known = recognised(plan.form.fields)
    found: list[Field | None] = []
    for number, name in enumerate(sheet.headings, 1):
        one = known.get(plain(name))
        if one is None and (name or any(len(cells) >= number and cells[number - 1] for _, cells in sheet.rows)):
            shown = name[:60] or f"cột {number}"
            plan.wrong(1, shown, "unknown_column", f"không có cột “{shown}”.", f"there is no column “{shown}”")
        if one is not None and one in found:
            plan.wrong(
                1,
                column(one),
                "column_repeated",
                f"cột “{name[:60]}” lặp lại.",
                f"the column “{name[:60]}” occurs twice",
            )
        found.append(one)
    for one in plan.form.fields:
        if one.required and one not in found:
            words = f"thiếu cột “{heading(one)}”."
            plan.wrong(1, column(one), "column_missing", words, f"the column “{column(one)}” is missing")
    return found


def _pending(plan: Plan, columns: Sequence[Field | None], sheet: Sheet) -> dict[str, str]:
    if plan.form.kind not in ("unit", "site"):
        return {}
    place = next(n for n, one in enumerate(columns) if one is not None and one.name == "code")
    codes = [cells[place] for _, cells in sheet.rows if len(cells) > place]
    return {code: new_id() for code in codes if code and code not in plan.register.by_code[plan.form.kind]}


def _entry(plan: Plan, columns: Sequence[Field | None], line: int, cells: Sequence[str]) -> Entry | None:
    values: dict[str, Any] = {}
    good = True
    for number, one in enumerate(columns):
        if one is None:
            continue
        try:
            values[one.name] = _value(plan, one, cells[number] if number < len(cells) else "")
        except Wrong as wrong:
            trouble = wrong.trouble
            plan.wrong(line, column(one), trouble.code, trouble.vietnamese, trouble.english)
            good = False
    if not good:
        return None
    row = _existing(plan, values)
    if row is None:
        values = {one.name: checked(one, None) for one in plan.form.fields if one.name not in values} | values
    return Entry(line, values, row, row.id if row is not None else plan.pending.get(values.get("code", ""), ""))


def _value(plan: Plan, one: Field, text: str) -> Any:
    if not one.refers or not text.strip():
        return checked(one, from_text(one, text))
    code = text.strip()
    row = plan.register.by_code[one.refers].get(code)
    if row is not None:
        return row.id
    if one.refers == plan.form.kind and code in plan.pending:
        return plan.pending[code]
    shown = code[:64]
    raise Wrong(Trouble("unknown_code", f"{one.title}: không có mã {shown}.", f"no {one.refers} {shown}", one.name))


def _existing(plan: Plan, values: Mapping[str, Any]) -> Any:
    if plan.form.kind != "post":
        return plan.register.by_code[plan.form.kind].get(values["code"])
    day = today(plan.now)
    return next(
        (
            one
            for one in plan.register.by_id["post"].values()
            if (one.unit_id, one.title) == (values["unit_id"], values["title"])
            and (one.valid_to is None or one.valid_to > day)
        ),
        None,
    )


def _once(plan: Plan, entry: Entry, seen: dict[str, int]) -> bool:
    post = plan.form.kind == "post"
    key = f"{entry.values['unit_id']} {entry.values['title']}" if post else entry.values["code"]
    first = seen.setdefault(key, entry.line)
    if first == entry.line:
        return True
    name = "title" if post else "code"
    plan.wrong(entry.line, name, "row_repeated", f"trùng với dòng {first}.", f"the same entry as line {first}")
    return False


def _check(plan: Plan, entry: Entry) -> None:
    """Check the rules that need several values: rights, dates, places. Store the differences from the row."""
    if not all(allows(plan.actor, plan.form.writes, path) for path in _paths(plan, entry)):
        plan.wrong(entry.line, "code", "denied", "không có quyền ở đơn vị này.", "you have no right in that unit")
        return
    _check_dates(plan, entry)
    if plan.form.kind == "terminal":
        _check_terminal(plan, entry)
    if plan.form.kind == "site" and entry.id and entry.values.get("nearest_site_id") == entry.id:
        words = "điểm cầu gần nhất phải là điểm cầu khác."
        plan.wrong(entry.line, "nearest_site_code", "nearest_is_itself", words, "the nearest site must be another site")
    if entry.row is not None:
        entry.differs = [name for name, value in entry.values.items() if _is_new(plan, entry.row, name, value)]


def _check_dates(plan: Plan, entry: Entry) -> None:
    values, row = entry.values, entry.row
    start = values.get("valid_from") or getattr(row, "valid_from", None) or today(plan.now)
    end = values.get("valid_to")
    if end is not None and end <= start:
        plan.wrong(
            entry.line,
            "valid_to",
            "dates_reversed",
            "ngày kết thúc phải sau ngày bắt đầu.",
            "the end must be after the start",
        )


def _check_terminal(plan: Plan, entry: Entry) -> None:
    """Check that the hall belongs to the site. Check that the address is in the network unless the actor may write everywhere."""
    values, row, register = entry.values, entry.row, plan.register.by_id
    hall_id = values.get("hall_id", getattr(row, "hall_id", None))
    if hall_id is not None and register["hall"][hall_id].site_id != values["site_id"]:
        words = "phòng họp thuộc điểm cầu khác."
        plan.wrong(entry.line, "hall_code", "hall_elsewhere", words, "the hall belongs to another site")
    placed = terminals.places_anew(row, values)
    zone = register["network"][placed[1]] if placed is not None else None
    inside = placed is None or zone is None or terminals.is_inside(placed[0], zone)
    if not inside and not everywhere(plan.actor, plan.form.writes):
        plan.wrong(entry.line, "network_code", "zone_elsewhere", *terminals.ZONE_ELSEWHERE)


def _is_new(plan: Plan, row: Any, name: str, value: Any) -> bool:
    """Report whether the value differs from the stored one. An empty first day does not change the stored first day."""
    stored = plan.holders.get(row.id) if name == "person_id" else getattr(row, name)
    return bool(stored != value) and not (name == "valid_from" and value is None)


def _paths(plan: Plan, entry: Entry) -> Iterator[str]:
    """Yield the paths of the units in which the actor needs the right: the old place and the new place of the row."""
    kind, register, values = plan.form.kind, plan.register, entry.values
    if entry.row is not None:
        yield register.path(kind, entry.row)
    if kind == "unit":
        if "parent_id" in values and values["parent_id"] not in plan.pending.values():
            moves = entry.row is None or entry.row.parent_id != values["parent_id"]
            if moves:
                yield register.by_id["unit"][values["parent_id"]].path if values["parent_id"] else "/"
    elif "site_id" in values:
        yield register.path("site", register.by_id["site"][values["site_id"]])
    elif "unit_id" in values:
        yield register.by_id["unit"][values["unit_id"]].path


def _check_tree(plan: Plan) -> None:
    """Check that no unit is below itself, and that the tree is not too deep."""
    parents: dict[str, str | None] = {one.id: one.parent_id for one in plan.register.by_id["unit"].values()}
    parents |= {entry.id: entry.values["parent_id"] for entry in plan.entries if "parent_id" in entry.values}
    depths, rings = _depths(parents)
    for entry in plan.entries:
        if entry.id in rings:
            words = "đơn vị nằm dưới chính nó."
            plan.wrong(entry.line, "parent_code", "unit_cycle", words, "the unit is below itself")
        elif depths.get(entry.id, 0) > limits.UNIT_DEPTH:
            words = f"cây đơn vị sâu quá {limits.UNIT_DEPTH} cấp."
            plan.wrong(
                entry.line,
                "parent_code",
                "unit_too_deep",
                words,
                f"the tree of units would have more than {limits.UNIT_DEPTH} levels",
            )


def _depths(parents: Mapping[str, str | None]) -> tuple[dict[str, int], set[str]]:
    """Return the depth of each unit, and the units that are below themselves."""
    depths: dict[str, int] = {}
    rings: set[str] = set()
    for start in parents:
        trail: list[str] = []
        above: str | None = start
        while above is not None and above not in depths and above not in trail:
            trail.append(above)
            above = parents.get(above)
        if above in trail:
            rings.update(trail[trail.index(above) :])
        depth = depths.get(above or "", 0)
        for unit_id in reversed(trail):
            depth += 1
            depths[unit_id] = depth
    return depths, rings


async def _write(session: AsyncSession, plan: Plan) -> None:
    if plan.form.kind == "unit":
        await _write_units(session, plan)
        return
    for entry in plan.entries:
        values = {name: value for name, value in entry.values.items() if name != "person_id"}
        if entry.row is None:
            entry.row = plan.form.made({k: v for k, v in values.items() if k != "nearest_site_id"}, plan.now)
            entry.row.id = entry.id or entry.row.id
            session.add(entry.row)
        elif entry.differs:
            plan.form.change(entry.row, {k: v for k, v in values.items() if k != "nearest_site_id"})
    await session.flush()
    for entry in plan.entries:
        if "nearest_site_id" in entry.values:
            entry.row.nearest_site_id = entry.values["nearest_site_id"]
        if plan.form.kind == "post" and "person_id" in entry.values:
            await _hold(session, plan, entry)
        if plan.form.kind == "hall" and entry.values.get("main"):
            await halls.keep_one_main(session, entry.row)
    await session.flush()


async def _hold(session: AsyncSession, plan: Plan, entry: Entry) -> None:
    wanted, holds = entry.values["person_id"], plan.holders.get(entry.row.id)
    if wanted == holds:
        return
    if wanted is None:
        await posts.end_holdings(session, [entry.row.id], today(plan.now))
        return
    start = max(entry.row.valid_from, today(plan.now)) if holds else entry.row.valid_from
    await posts.end_holdings(session, [entry.row.id], start)
    session.add(Holding(id=new_id(), post_id=entry.row.id, person_id=wanted, valid_from=start))


async def _write_units(session: AsyncSession, plan: Plan) -> None:
    """Write parents first, in any order of the lines."""
    waiting = {entry.id: entry for entry in plan.entries}
    rows: dict[str, Unit] = dict(plan.register.by_id["unit"])

    async def settle(entry: Entry) -> None:
        values, parent_id = dict(entry.values), entry.values.get("parent_id")
        parent = rows[parent_id] if parent_id else None
        if entry.row is None:
            if parent is None:
                await root_unit.keep(session)
            unit = units.made(values, parent, plan.now)
            unit.id, unit.path = entry.id, f"{parent.path if parent else '/'}{entry.id}/"
            session.add(unit)
            await session.flush()
            rows[entry.id] = unit
        elif entry.differs:
            units.change(entry.row, values)
            if "parent_id" in values and entry.row.parent_id != parent_id:
                await units.rehang(session, entry.row, parent)

    while waiting:
        ready = [one for one in waiting.values() if one.values.get("parent_id") not in waiting]
        assert ready, "the check of the tree missed a cycle of units"
        for entry in ready:
            del waiting[entry.id]
            await settle(entry)
    await session.flush()


async def _holders(session: AsyncSession, now: datetime) -> dict[str, str]:
    rows = await session.execute(select(Holding.post_id, Holding.person_id).where(posts.holding_on(today(now))))
    return {row.post_id: row.person_id for row in rows}


def _outcome(kind: str, sheet: Sheet, plan: Plan) -> Outcome:
    created = sum(one.row is None for one in plan.entries)
    changed = sum(one.row is not None and bool(one.differs) for one in plan.entries)
    meets = [
        [one.line, getattr(one.row, "version", 0) if one.row is not None else -1, one.differs] for one in plan.entries
    ]
    text = canonical([kind, sheet.headings, sheet.rows, meets])
    troubles = sorted(plan.troubles, key=lambda one: int(one.where.partition(":")[0]))
    return Outcome(
        kind,
        len(sheet.rows),
        created,
        changed,
        len(plan.entries) - created - changed,
        tuple(troubles[: limits.TROUBLES]),
        hashlib.sha256(text.encode()).hexdigest(),
    )
