"""`diemcau user …`: accounts from the command line, for the first administrator and for an installation without access.

A person who can run the command on the server owns its data anyway, so no sign-in is needed. The audit trail names this person
`command`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import administration, first_administrator, roles, signing
from rooms.errors import Refusal
from rooms.exchange import directory as accounts_directory
from rooms.exchange import ldif
from rooms.identifiers import new_id
from rooms.org.names import cleaned, plain
from rooms.policy.actors import COMMAND
from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Person, Unit
from signaling.access import ldap as directory
from signaling.commands.ground import DataDir, File, carried_out, ground, with_database
from signaling.host.addresses import sign_in_link

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Tài khoản / accounts")

Name = Annotated[str, typer.Argument(help="tên đăng nhập / name")]
UnitCode = Annotated[str, typer.Option("--unit", help="mã đơn vị / code of the unit")]


@app.command("add")
def add(
    name: Name,
    unit: UnitCode = "",
    person: Annotated[str, typer.Option(help="mã cán bộ đã có / code of a person")] = "",
    full_name: Annotated[str, typer.Option(help="họ tên, nếu chưa có / name of a new person")] = "",
    role: Annotated[
        str, typer.Option(help="vai trò / role: requester, secretary, approver, operator, admin, auditor")
    ] = "",
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Tạo tài khoản và đường dẫn đăng nhập / create an account and a link to sign in once."""

    async def work(session: AsyncSession, now: datetime) -> str:
        found = await _person(session, person, full_name, unit, name)
        account = await administration.create(session, name, found.id, COMMAND, now)
        if role:
            place = (await _unit(session, unit)).id if unit else found.unit_id
            await roles.grant(session, account, role, place, COMMAND, now)
        secret, _ = await signing.new_link(session, account, COMMAND, now)
        return secret

    _show_link(name, data_dir, file, work)


@app.command("list")
def show(
    search: Annotated[str, typer.Argument(help="tên / part of a name")] = "",
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Các tài khoản và vai trò / accounts and their roles."""

    async def work(session: AsyncSession, now: datetime) -> list[administration.Seen]:
        return await administration.listed(session, COMMAND, now, search, limit=10_000)

    for one in _run(data_dir, file, work):
        held = ", ".join(f"{grant.role}@{place.code}" for grant, place in one.grants)
        state = "" if one.account.active else "  [khóa / off]"
        person = one.person.name if one.person else "-"
        typer.echo(f"{one.account.name:24} {person:28} {held}{state}")


@app.command("role")
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="requester, secretary, approver, operator, admin, auditor")],
    unit: UnitCode,
    until: Annotated[datetime | None, typer.Option(help="đến hết ngày / last day", formats=["%Y-%m-%d"])] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="thu hồi / revoke")] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Cấp hoặc thu hồi vai trò / give or revoke a role in a unit and the units below it."""

    async def work(session: AsyncSession, now: datetime) -> None:
        account, place = await _account(session, name), await _unit(session, unit)
        if not revoke:
            await roles.grant(session, account, role, place.id, COMMAND, now, ends_at=_end_of(until))
            return
        held = await roles.grants_of(session, [account.id], now)
        grants = [grant for grant, at in held if grant.role == role and at.id == place.id]
        if not grants:
            raise Refusal("grant_unknown", "Tài khoản không có vai trò này.", "the account has no such role")
        for grant in grants:
            await roles.revoke(session, account, grant.id, COMMAND, now)

    _run(data_dir, file, work)
    typer.echo("Đã ghi / done")


@app.command("link")
def link(
    name: Annotated[str, typer.Argument(help="để trống: quản trị viên đầu tiên / empty: the first administrator")] = "",
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Đường dẫn đăng nhập một lần / a link to sign in once and choose a new password."""

    async def work(session: AsyncSession, now: datetime) -> str:
        if not name:
            return (await first_administrator.link(session, COMMAND, now))[1]
        return (await administration.link(session, (await _account(session, name)).id, COMMAND, now))[0]

    _show_link(name or first_administrator.NAME, data_dir, file, work)


@app.command("disable")
def disable(
    name: Name,
    enable: Annotated[bool, typer.Option("--enable", help="mở lại / enable again")] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Khóa tài khoản và đăng xuất mọi nơi / disable an account and sign it out everywhere."""

    async def work(session: AsyncSession, now: datetime) -> None:
        account = await _account(session, name)
        await administration.change(session, account.id, COMMAND, now, {"active": enable})

    _run(data_dir, file, work)
    typer.echo("Đã mở / on" if enable else "Đã khóa / off")


@app.command("totp-reset")
def totp_reset(name: Name, data_dir: DataDir = None, file: File = None) -> None:
    """Gỡ ứng dụng xác thực khi mất điện thoại / remove the second factor of a lost phone."""

    async def work(session: AsyncSession, now: datetime) -> None:
        account = await _account(session, name)
        await administration.reset_second_factor(session, account.id, COMMAND, now)

    _run(data_dir, file, work)
    typer.echo("Đã gỡ / done")


@app.command("import")
def take_over(
    ldif_file: Annotated[
        Path | None, typer.Option("--ldif", help="tệp LDIF đã xuất / an exported file", exists=True, dir_okay=False)
    ] = None,
    ldap: Annotated[str, typer.Option(help="ldaps://…")] = "",
    base: Annotated[str, typer.Option(help="nhánh / base: dc=longan,dc=gov,dc=vn")] = "",
    bind_dn: Annotated[str, typer.Option(help="đăng nhập danh bạ / bind as")] = "",
    password_file: Annotated[Path | None, typer.Option(help="tệp mật khẩu / file with the password")] = None,
    search: Annotated[str, typer.Option("--filter", help="bộ lọc / filter")] = "(objectClass=person)",
    authority: Annotated[Path | None, typer.Option("--ca", help="chứng thư gốc / authority (PEM)")] = None,
    schema: Annotated[str, typer.Option(help="posix | ad")] = "posix",
    apply: Annotated[
        bool, typer.Option("--apply", help="ghi / write; không có: chỉ xem trước / without: preview")
    ] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Nhập cán bộ và tài khoản từ danh bạ LDAP / import people and accounts from a directory."""
    names = accounts_directory.ACTIVE_DIRECTORY if schema == "ad" else accounts_directory.POSIX
    asked = directory.Directory(ldap, base, search, bind_dn, password_file, authority)

    async def read() -> list[ldif.Entry]:
        if ldif_file is None:
            return await asyncio.to_thread(directory.entries, asked, names.all)
        return ldif.read(ldif_file.read_bytes())

    entries = carried_out(read)
    work = accounts_directory.apply if apply else accounts_directory.preview
    taken = _run(data_dir, file, lambda session, now: work(session, entries, names, COMMAND, now))
    for trouble in taken.troubles:
        typer.echo(trouble.vietnamese, err=True)
    typer.echo(
        f"Cán bộ / people: {taken.people.rows}, mới / new {taken.people.created}, đổi / changed {taken.people.changed}; "
        f"tài khoản mới / new accounts {taken.accounts}, khóa / off {taken.switched_off}"
    )
    typer.echo("Đã ghi / written" if apply else "Xem trước, chưa ghi; thêm --apply / a preview: nothing was written")
    raise typer.Exit(1 if taken.troubles else 0)


def _show_link(
    name: str, data_dir: Path | None, file: Path | None, work: Callable[[AsyncSession, datetime], Awaitable[str]]
) -> None:
    from signaling.front import whereabouts

    settings = ground(data_dir, file).settings
    secret = _run(data_dir, file, work)
    typer.echo(f"{name}: mở một lần, trong 72 giờ / opens once, within 72 hours:")
    typer.echo(sign_in_link(whereabouts.address_told(settings), secret))


def _run(data_dir: Path | None, file: Path | None, work: Callable[[AsyncSession, datetime], Awaitable[T]]) -> T:
    """Run the work in one transaction."""
    standing = ground(data_dir, file)
    return with_database(standing, lambda database: database.transact(lambda session: work(session, standing.now)))


async def _account(session: AsyncSession, name: str) -> Account:
    account = await signing.named(session, name)
    if account is None:
        raise roles.unknown()
    return account


async def _unit(session: AsyncSession, code: str) -> Unit:
    unit = await session.scalar(select(Unit).where(Unit.code == code))
    if unit is None:
        raise Refusal("unit_unknown", f"Không có đơn vị mang mã {code!r}.", f"no unit has the code {code!r}")
    return unit


async def _person(session: AsyncSession, code: str, full_name: str, unit_code: str, name: str) -> Person:
    """Return the person with the code `code` (empty: the account's name), or make a new person in a unit."""
    found = await session.scalar(select(Person).where(Person.code == (code or name)))
    if found is not None:
        return found
    if not full_name or not unit_code:
        raise Refusal(
            "person_unknown",
            "Không có cán bộ mang mã này. Người mới cần --full-name và --unit.",
            "no person has this code; a new one needs --full-name and --unit",
        )
    called = cleaned(full_name)[:200]
    unit = await _unit(session, unit_code)
    made = Person(id=new_id(), code=code or name, name=called, search_name=plain(called), unit_id=unit.id)
    session.add(made)
    await session.flush()
    return made


def _end_of(day: datetime | None) -> datetime | None:
    """Return the end of a local day (UTC+7)."""
    return day.replace(hour=17, tzinfo=UTC) if day else None
