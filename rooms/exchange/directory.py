"""Import of people and their accounts from a directory (LDAP).

Entries become lines of the people's import, whose preview shows every error. Each imported person gets an account, which opens
by a link or by single sign-on. This module owns only the conversion: the caller reads the directory. The import deletes no
person. It locks the account of each person whom the directory reports as disabled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import administration
from rooms.errors import Refusal, Trouble
from rooms.exchange import imports
from rooms.exchange.imports import Outcome
from rooms.exchange.ldif import Entry, first
from rooms.exchange.sheets import Sheet
from rooms.org.names import cleaned, plain
from rooms.policy.actors import Actor
from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Person, Unit

HEADINGS = ("code", "name", "email", "phone", "unit_code", "active")
DISABLED = 0x2
"""The bit of a disabled account in `userAccountControl`. Source: Active Directory (ACCOUNTDISABLE). Larger or smaller: another
bit is read, so disabled accounts are imported as active people.
"""


@dataclass(frozen=True)
class Attributes:
    """The attribute of the directory for each value. `unit` holds the code or the name of our unit."""

    code: str = "uid"
    login: str = "uid"
    name: str = "cn"
    email: str = "mail"
    phone: str = "telephoneNumber"
    unit: str = "ou"

    @property
    def all(self) -> tuple[str, ...]:
        return (self.code, self.login, self.name, self.email, self.phone, self.unit, "userAccountControl")


POSIX = Attributes()
ACTIVE_DIRECTORY = Attributes(
    "sAMAccountName", "sAMAccountName", "displayName", "mail", "telephoneNumber", "department"
)


@dataclass(frozen=True)
class Taken:
    """The result of a preview or an import. `accounts`: new accounts. `switched_off`: accounts that were locked because the
    directory reports them as disabled.
    """

    people: Outcome
    accounts: int
    switched_off: int
    troubles: Sequence[Trouble]


async def preview(
    session: AsyncSession, entries: Sequence[Entry], names: Attributes, actor: Actor, now: datetime
) -> Taken:
    """Check the entries and write nothing. `troubles` holds the errors, by the number of the entry."""
    sheet, logins = await _sheet(session, entries, names)
    people = await imports.preview(session, "people", sheet, actor, now)
    known = set(await session.scalars(select(Account.name)))
    troubles = [*people.troubles, *_wrong_logins(logins)]
    return Taken(people, len({login for _, login, _ in logins} - known), 0, troubles)


async def apply(
    session: AsyncSession, entries: Sequence[Entry], names: Attributes, actor: Actor, now: datetime
) -> Taken:
    """Write all entries or nothing. Raise Refusal `import_has_errors`, and the refusals of `administration`."""
    sheet, logins = await _sheet(session, entries, names)
    wrong = _wrong_logins(logins)
    if wrong:
        raise Refusal("import_has_errors", f"Có {len(wrong)} lỗi, chưa ghi gì.", f"{len(wrong)} errors", wrong)
    people = await imports.apply(session, "people", sheet, actor, now)
    made = switched = 0
    for code, login, active in logins:
        account = await _account(session, code)
        if account is None and active:
            person = await session.scalar(select(Person.id).where(Person.code == code))
            await administration.create(session, login, person or "", actor, now)
            made += 1
        elif account is not None and account.active and not active:
            await administration.change(session, account.id, actor, now, {"active": False})
            switched += 1
    return Taken(people, made, switched, ())


async def _account(session: AsyncSession, code: str) -> Account | None:
    return await session.scalar(select(Account).join(Person, Person.id == Account.person_id).where(Person.code == code))


async def _sheet(
    session: AsyncSession, entries: Sequence[Entry], names: Attributes
) -> tuple[Sheet, list[tuple[str, str, bool]]]:
    """Return (lines of the people's import, (code, login, active) of each line)."""
    units = {code.lower(): code for code in await session.scalars(select(Unit.code))}
    by_name: dict[str, list[str]] = {}
    for code, search_name in await session.execute(select(Unit.code, Unit.search_name).where(Unit.valid_to.is_(None))):
        by_name.setdefault(search_name, []).append(code)
    rows, logins = [], []
    for number, entry in enumerate(entries, 1):
        code = first(entry, names.code)
        if not code:
            continue  # folders and groups
        active = _is_active(entry)
        cells = [cleaned(first(entry, one)) for one in (names.name, names.email, names.phone, names.unit)]
        unit = units.get(cells[3].lower()) or _only(by_name.get(plain(cells[3]), []), cells[3])
        rows.append((number, (code, cells[0], cells[1], cells[2], unit, "có" if active else "không")))
        logins.append((code, first(entry, names.login).lower(), active))
    return Sheet(HEADINGS, tuple(rows)), logins


def _only(codes: list[str], name: str) -> str:
    """Return the code of the only unit with that name. If there is no such unit or several, return the name, so that the
    preview reports an error.
    """
    return codes[0] if len(codes) == 1 else name


def _is_active(entry: Entry) -> bool:
    flags = first(entry, "userAccountControl")
    return not (flags.isdecimal() and int(flags) & DISABLED)


def _wrong_logins(logins: Sequence[tuple[str, str, bool]]) -> list[Trouble]:
    return [
        Trouble(
            "name_wrong",
            f"Mục {number}: tên đăng nhập {login[:80]!r} không dùng được.",
            f"entry {number}: {login[:80]!r} is not valid as an account name",
            f"{number}:login",
        )
        for number, (_, login, _) in enumerate(logins, 1)
        if not administration.NAME.fullmatch(login)
    ]
