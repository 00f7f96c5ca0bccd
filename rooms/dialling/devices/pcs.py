"""PCs in hall mode: the code for an enrolment, the key of the device, its end, and when the PC was last seen.

The operator gets a code of eight digits. The PC gives the code back and gets a key. Both are secrets of which the database has
only digests. `signaling/halls/HALLMODE.md` tells why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling.devices import limits
from rooms.errors import Refusal
from rooms.identifiers import digest, new_device_code, new_secret
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.sites import halls, terminals
from rooms.store import audit
from rooms.store.tables.dialling import HallPc
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site, Terminal

CODE_DIGITS = 8


@dataclass(frozen=True)
class Place:
    """The terminal that a PC stands for, with its hall, site and unit."""

    terminal: Terminal
    hall: Hall | None
    site: Site
    unit: Unit

    @property
    def name(self) -> str:
        """Return the name that the other participants see, as for every hall."""
        return self.site.name


async def give_code(session: AsyncSession, terminal_id: str, actor: Actor, now: datetime) -> tuple[str, datetime]:
    """Return a new code for an enrolment, and until when it works. It replaces an older code. The present key still works.

    Raise Refusal `unknown_terminal`, `denied`, `not_a_pc`.
    """
    terminal, unit = await _own(session, terminal_id, actor)
    if not _usable(terminal):
        raise Refusal(
            "not_a_pc",
            "Thiết bị này không phải máy ở chế độ điểm cầu, hoặc đã ngừng dùng.",
            "this terminal is no PC in hall mode, or is out of use",
        )
    row = await session.get(HallPc, terminal_id, with_for_update=True)
    if row is None:
        row = HallPc(terminal_id=terminal_id)
        session.add(row)
    code, row.code_until = new_device_code(), now + timedelta(minutes=limits.PC_CODE_MIN)
    row.code_digest = digest(code)
    await session.flush()
    await audit.record(
        session, now, actor, "terminal.pc_code", "terminal", terminal_id, unit.id, {"code": terminal.code}
    )
    return code, row.code_until


async def enrol(session: AsyncSession, code: str, address: str, now: datetime) -> tuple[str, Terminal]:
    """Return the key for the PC that shows this code. The code, and the key of an earlier PC, end. Raise `pc_code_wrong`."""
    known = select(HallPc).where(HallPc.code_digest == digest(code), HallPc.code_until > now).with_for_update()
    rows = list(await session.scalars(known)) if len(code) == CODE_DIGITS else []
    terminal = await session.get_one(Terminal, rows[0].terminal_id) if len(rows) == 1 else None
    if terminal is None or not _usable(terminal):
        raise Refusal(
            "pc_code_wrong",
            "Mã ghi danh không đúng hoặc đã hết hạn. Hãy xin người điều hành mã mới.",
            "the code is wrong or has expired: ask the operator for a new code",
        )
    row, key = rows[0], new_secret()
    row.code_digest, row.code_until, row.key_digest = "", None, digest(key)
    row.enrolled_at, row.enrolled_from, row.seen_at, row.seen_from = now, address, now, address
    await session.flush()
    unit = await halls.unit_of(session, terminal.site_id)
    by = Actor("system", terminal.id, name=terminal.name, address=address)
    await audit.record(session, now, by, "terminal.pc_enrol", "terminal", terminal.id, unit.id, {"code": terminal.code})
    return key, terminal


async def revoke(session: AsyncSession, terminal_id: str, actor: Actor, now: datetime) -> None:
    """End the key and the code of a PC. Raise Refusal `unknown_terminal`, `denied`, `pc_not_enrolled`."""
    terminal, unit = await _own(session, terminal_id, actor)
    row = await session.get(HallPc, terminal_id, with_for_update=True)
    if row is None:
        raise Refusal("pc_not_enrolled", "Thiết bị này chưa ghi danh máy nào.", "no PC is enrolled for this terminal")
    await session.delete(row)
    await session.flush()
    await audit.record(
        session, now, actor, "terminal.pc_end", "terminal", terminal_id, unit.id, {"code": terminal.code}
    )


async def by_key(session: AsyncSession, key: str) -> Place:
    """Return the place of the PC with this key. Raise Refusal `pc_key_wrong`."""
    found = (
        await session.execute(
            select(Terminal, Hall, Site, Unit)
            .join(HallPc, HallPc.terminal_id == Terminal.id)
            .join(Site, Site.id == Terminal.site_id)
            .join(Unit, Unit.id == Site.unit_id)
            .outerjoin(Hall, Hall.id == Terminal.hall_id)
            .where(HallPc.key_digest == digest(key))
        )
    ).first()
    if not key or found is None or not _usable(found[0]):
        raise Refusal(
            "pc_key_wrong",
            "Máy này chưa được ghi danh, hoặc người điều hành đã thu hồi. Hãy xin mã ghi danh mới.",
            "this PC is not enrolled, or an operator has revoked it: ask for a new code",
        )
    return Place(*found)


async def is_late(session: AsyncSession, terminal_id: str, address: str, now: datetime) -> bool:
    """Report whether `see` should store that the PC was seen."""
    row = await session.get(HallPc, terminal_id)
    return row is not None and (
        row.seen_at is None or row.seen_from != address or now - row.seen_at >= timedelta(seconds=limits.PC_SEEN_S)
    )


async def see(session: AsyncSession, terminal_id: str, address: str, now: datetime) -> None:
    """Store when and from where the PC was last seen."""
    row = await session.get(HallPc, terminal_id)
    if row is not None:
        row.seen_at, row.seen_from = now, address


async def of_terminals(session: AsyncSession, terminal_ids: Collection[str]) -> dict[str, HallPc]:
    """Return the enrolments of these terminals."""
    rows = await session.scalars(select(HallPc).where(HallPc.terminal_id.in_(terminal_ids)))
    return {one.terminal_id: one for one in rows}


def is_on(row: HallPc | None, now: datetime) -> bool:
    """Report whether an enrolled PC was seen a short time ago."""
    fresh = timedelta(seconds=limits.PC_AWAY_S)
    return row is not None and bool(row.key_digest) and row.seen_at is not None and now - row.seen_at < fresh


async def _own(session: AsyncSession, terminal_id: str, actor: Actor) -> tuple[Terminal, Unit]:
    terminal = await terminals.get(session, terminal_id, locked=True)
    unit = await halls.unit_of(session, terminal.site_id)
    require(actor, "sites.write", unit.path)
    return terminal, unit


def _usable(terminal: Terminal) -> bool:
    return terminal.active and terminals.is_pc(terminal)
