"""SIP accounts of terminals: aliases and their secrets, the networks of the terminals, and bans.

The secret is a digest (HA1) of a password that is shown once. It is sealed with the key of the installation. This module knows
no SIP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts import passwords
from rooms.errors import Refusal
from rooms.identifiers import new_recovery_code
from rooms.org import units
from rooms.org.names import free, plain
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.sealing import Seal
from rooms.sites import halls, networks, places, terminals
from rooms.store import audit
from rooms.store.tables.dialling import SipAccount, SipBan
from rooms.store.tables.sites import Network, Terminal

ALIAS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
ALIAS_CHARS = 56
"""Characters of a name that is made of a code. Chosen: with a number it stays below the 63 of `ALIAS`. Fewer: long codes are
cut.
"""
TYPED: Final = re.compile(r"[!-~]+")
"""The characters that the keyboards of terminals have."""
ALGORITHMS: Final = ("MD5", "SHA-256")
Digest = Callable[[str, str, str], str]
"""The function (algorithm, alias, password) that returns HA1 for the realm of this server."""


@dataclass(frozen=True)
class Known:
    """The SIP account of a terminal. `ranges`: the CIDR ranges of the terminal's network. Empty: the terminal has no network,
    so every network with the mark for terminals is accepted.
    """

    alias: str
    terminal_id: str
    secret: str
    algorithm: str
    behind_nat: bool
    ranges: tuple[str, ...]
    language: str = "vi"
    """The language of announcements to the hall."""


@dataclass(frozen=True)
class Device:
    """The fields of a terminal that shape its calls."""

    bandwidth_kbps: int
    """The bandwidth of its link, in each direction."""
    profile: str
    """The largest camera picture: `1080p`, `720p`, `baseline-720p`, `cif`."""
    codecs: tuple[str, ...] = ()
    """`h264`, `opus`, `g722`, `g711`. Empty: all."""
    encrypts: bool = True
    shows_content: bool = True


async def give(
    session: AsyncSession,
    terminal_id: str,
    alias: str,
    algorithm: str,
    behind_nat: bool,
    seal: Seal,
    digest: Digest,
    actor: Actor,
    now: datetime,
    chosen: str | None = None,
) -> str:
    """Give a terminal a new password, which is shown only once. `chosen`: the user's password instead of a random one.

    Raise Refusal `alias_bad`, `alias_taken`, `unknown_terminal`, `denied`, `password_…`.
    """
    if not ALIAS.fullmatch(alias) or algorithm not in ALGORITHMS:
        raise Refusal(
            "alias_bad",
            "Tên SIP gồm 2 đến 63 chữ cái không dấu, chữ số, dấu chấm, gạch.",
            "an alias must have 2 to 63 letters, digits, dots or dashes",
        )
    terminal = await terminals.get(session, terminal_id, locked=True)
    unit = await halls.unit_of(session, terminal.site_id)
    require(actor, "sites.write", unit.path)
    other = await session.scalar(select(SipAccount).where(SipAccount.alias == alias))
    if other is not None and other.terminal_id != terminal_id:
        raise Refusal("alias_taken", "Tên SIP này đã có thiết bị khác dùng.", "another terminal already has this alias")
    if chosen is not None:
        check_chosen(chosen, alias)
    password = chosen if chosen is not None else new_recovery_code()
    row = await session.get(SipAccount, terminal_id)
    if row is None:
        row = SipAccount(terminal_id=terminal_id)
        session.add(row)
    row.alias, row.algorithm, row.behind_nat, row.changed_at = alias, algorithm, behind_nat, now
    row.secret = seal.seal(digest(algorithm, alias, password), _purpose(terminal_id))
    if "sip" not in terminal.protocols:
        terminal.protocols = [*terminal.protocols, "sip"]
        terminals.check_kind(terminal)
    await session.flush()
    detail = {"alias": alias, "algorithm": algorithm}
    await audit.record(session, now, actor, "terminal.sip_account", "terminal", terminal_id, unit.id, detail)
    return password


def check_chosen(password: str, alias: str) -> None:
    """Check a password that a user typed, by the rules of accounts and of the keyboards of terminals. Raise Refusal
    `password_…`.
    """
    if not TYPED.fullmatch(password):
        raise Refusal(
            "password_signs",
            "Mật khẩu của thiết bị chỉ gồm chữ không dấu, chữ số và ký hiệu trên bàn phím, không có dấu cách.",
            "the password of a terminal has only letters, digits and signs of ASCII, without spaces",
        )
    passwords.check(password, names=(alias,))


@dataclass(frozen=True)
class Given:
    """A line of the sheet of new accounts."""

    unit: str
    site: str
    hall: str
    terminal: str
    alias: str
    password: str


async def give_many(
    session: AsyncSession,
    terminal_ids: Sequence[str],
    renew: bool,
    seal: Seal,
    digest: Digest,
    actor: Actor,
    now: datetime,
) -> list[Given]:
    """Give accounts to these terminals. Each name is made of the code of the terminal.

    Left out: terminals without SIP, terminals out of use, and without `renew` those that have an account. A renewed account
    keeps its name and its kind. Raise Refusal `none_given`, and those of `give`.
    """
    had = await aliases(session)
    taken = {one.alias.lower() for one in had.values()}
    given = []
    for terminal_id in sorted(set(terminal_ids)):
        terminal, old = await terminals.get(session, terminal_id), had.get(terminal_id)
        if not terminal.active or "sip" not in terminal.protocols or (old is not None and not renew):
            continue
        if old is None:
            alias = _free_alias(terminal.code, taken)
            taken.add(alias)
            wish = (alias, "MD5", False)
        else:
            wish = (old.alias, old.algorithm, old.behind_nat)
        password = await give(session, terminal_id, *wish, seal, digest, actor, now)
        given.append(await _line(session, terminal, wish[0], password))
    if not given:
        raise Refusal(
            "none_given",
            "Không có thiết bị nào cần cấp: các thiết bị đã chọn đã có tài khoản, không dùng SIP hoặc đã ngừng dùng.",
            "no account to give: the terminals have accounts, do not use SIP, or are out of use",
        )
    return sorted(given, key=lambda one: (plain(one.unit), plain(one.site), plain(one.hall), one.alias))


def _free_alias(code: str, taken: Collection[str]) -> str:
    own = (re.sub(r"[^A-Za-z0-9._-]", "-", code).lstrip("._-").lower() or "thiet-bi")[:ALIAS_CHARS]
    own = own if ALIAS.fullmatch(own) else f"tb-{own}"
    return free(own, taken)


async def _line(session: AsyncSession, terminal: Terminal, alias: str, password: str) -> Given:
    site = await places.get(session, terminal.site_id)
    hall = await halls.get(session, terminal.hall_id) if terminal.hall_id else None
    unit = await units.get(session, site.unit_id)
    return Given(unit.name, site.name, hall.name if hall else "", terminal.name, alias, password)


async def take(session: AsyncSession, terminal_id: str, actor: Actor, now: datetime) -> None:
    """Delete the account. The terminal can no longer register or dial in with its alias."""
    terminal = await terminals.get(session, terminal_id, locked=True)
    unit = await halls.unit_of(session, terminal.site_id)
    require(actor, "sites.write", unit.path)
    await session.execute(delete(SipAccount).where(SipAccount.terminal_id == terminal_id))
    await audit.record(session, now, actor, "terminal.sip_account_end", "terminal", terminal_id, unit.id)


async def every(session: AsyncSession, seal: Seal) -> list[Known]:
    """Return the accounts of active terminals."""
    rows = await session.execute(
        select(SipAccount, Network.ranges, Terminal.language)
        .join(Terminal, Terminal.id == SipAccount.terminal_id)
        .outerjoin(Network, Network.id == Terminal.network_id)
        .where(Terminal.active)
        .order_by(SipAccount.alias)
        .limit(limits.SIP_ACCOUNTS)
    )
    return [
        Known(
            one.alias,
            one.terminal_id,
            seal.open(one.secret, _purpose(one.terminal_id)),
            one.algorithm,
            one.behind_nat,
            tuple(ranges or ()),
            language,
        )
        for one, ranges, language in rows.all()
    ]


async def devices(session: AsyncSession) -> dict[str, Device]:
    """Return the fields that shape calls, by terminal, for active terminals. Terminals without an account are included."""
    columns = (Terminal.bandwidth_kbps, Terminal.profile, Terminal.codecs, Terminal.encrypts, Terminal.shows_content)
    wanted = select(Terminal.id, *columns).where(Terminal.active).order_by(Terminal.id).limit(limits.SIP_ACCOUNTS)
    rows = await session.execute(wanted)
    return {row[0]: Device(row[1], row[2], tuple(row[3]), row[4], row[5]) for row in rows}


async def aliases(session: AsyncSession) -> dict[str, SipAccount]:
    """Return the accounts by terminal."""
    return {one.terminal_id: one for one in await session.scalars(select(SipAccount))}


async def heard(session: AsyncSession) -> tuple[str, ...]:
    """Return the CIDR ranges of the networks that have the mark for terminals."""
    return tuple(one for network in await networks.every(session) if network.terminals for one in network.ranges)


async def closed_ranges(session: AsyncSession) -> tuple[str, ...]:
    """Return the CIDR ranges of the closed networks."""
    return tuple(one for network in await networks.every(session) if network.closed for one in network.ranges)


async def bans(session: AsyncSession, now: datetime) -> list[SipBan]:
    return list(await session.scalars(select(SipBan).where(SipBan.until > now).limit(limits.SIP_BANS)))


async def keep_ban(session: AsyncSession, subject: str, until: datetime, times: int, reason: str) -> None:
    row = await session.get(SipBan, subject[:300])
    if row is None:
        row = SipBan(subject=subject[:300])
        session.add(row)
    row.until, row.times, row.reason = until, times, reason[:200]
    await session.flush()


async def lift_ban(session: AsyncSession, subject: str) -> bool:
    gone = await session.execute(delete(SipBan).where(SipBan.subject == subject).returning(SipBan.subject))
    return gone.first() is not None


def _purpose(terminal_id: str) -> str:
    return f"sip_account:{terminal_id}"
