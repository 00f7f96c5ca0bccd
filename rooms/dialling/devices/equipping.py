"""A hall with its terminal and the SIP account of the terminal, stored in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import accounts
from rooms.errors import Refusal
from rooms.org import refusals
from rooms.policy.actors import Actor
from rooms.sealing import Seal
from rooms.sites import halls, terminals
from rooms.store.tables.sites import Hall, Terminal


@dataclass(frozen=True)
class Part:
    """The values of a hall or of a terminal. `id`: the stored row, with the version that its editor saw. Empty: a new row."""

    values: Mapping[str, Any]
    id: str = ""
    version: int | None = None


@dataclass(frozen=True)
class Account:
    """The wish for a SIP account. `password`: chosen by the user. None: the server makes one."""

    alias: str
    algorithm: str
    behind_nat: bool
    password: str | None = None


@dataclass(frozen=True)
class Equipped:
    """The stored rows. `password`: shown once. Empty: no account was given."""

    hall: Hall
    terminal: Terminal | None
    password: str = ""


async def equip(
    session: AsyncSession,
    hall: Part,
    terminal: Part | None,
    account: Account | None,
    seal: Seal,
    digest: accounts.Digest | None,
    actor: Actor,
    now: datetime,
) -> Equipped:
    """Create or change a hall and a terminal in it, and give the terminal an account.

    The terminal has the site of the hall. Raise the refusals of the three parts, and `no_terminal` for an account without one.
    """
    if hall.id:
        room = await halls.edit(session, hall.id, hall.values, actor, now, hall.version)
    else:
        room = await halls.create(session, hall.values, actor, now)
    device = await _device(session, room, terminal, actor, now) if terminal is not None else None
    if account is None:
        return Equipped(room, device)
    if device is None or digest is None:
        raise Refusal("no_terminal", "Tài khoản SIP cần một thiết bị.", "a SIP account needs a terminal")
    wish = (account.alias, account.algorithm, account.behind_nat, seal, digest)
    password = await accounts.give(session, device.id, *wish, actor, now, account.password)
    return Equipped(room, device, password)


async def _device(session: AsyncSession, room: Hall, wanted: Part, actor: Actor, now: datetime) -> Terminal:
    values = {**wanted.values, "site_id": room.site_id, "hall_id": room.id}
    if not wanted.id:
        return await terminals.create(session, values, actor, now)
    if (await terminals.get(session, wanted.id)).hall_id != room.id:
        raise refusals.unknown("terminal")
    return await terminals.edit(session, wanted.id, values, actor, now, wanted.version)
