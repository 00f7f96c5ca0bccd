"""`diemcau hall …`: halls of a running meeting, and passwords of terminals. The command reaches the server by the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from conference.halls.dialout import REASONS
from rooms.dialling import accounts, legs, planning
from rooms.dialling.legs import Standing
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.policy.actors import COMMAND
from rooms.sealing import Seal
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Terminal
from signaling.commands.ground import DataDir, File, Ground, ground, with_database
from signaling.halls import listening
from signaling.host.files import kept_key

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Điểm cầu trong cuộc họp / halls in a meeting")
Number = Annotated[str, typer.Argument(help="số cuộc họp / meeting number")]
Codes = Annotated[
    list[str] | None, typer.Argument(help="mã thiết bị, không ghi: tất cả / codes of terminals; none: all")
]


@app.command("list")
def list_legs(number: Number, data_dir: DataDir = None, file: File = None) -> None:
    """Các điểm cầu và trạng thái / halls and their states."""
    standing = ground(data_dir, file)

    async def work(session: AsyncSession) -> list[Standing]:
        return await legs.of_date(session, (await _date(session, number, standing)).id)

    for one in _transacted(standing, work):
        words = " / ".join(word for word in REASONS.get(one.leg.reason, (one.leg.reason, "")) if word)
        print(f"{one.terminal.code:20} {one.leg.state:10} {one.leg.readiness:8} {one.site.name:40} {words}")


@app.command("call")
def call(number: Number, codes: Codes = None, data_dir: DataDir = None, file: File = None) -> None:
    """Gọi điểm cầu vào họp / call halls into the meeting."""
    _wish(number, codes, "call", data_dir, file)


@app.command("drop")
def drop(number: Number, codes: Codes = None, data_dir: DataDir = None, file: File = None) -> None:
    """Ngắt điểm cầu / drop halls."""
    _wish(number, codes, "drop", data_dir, file)


@app.command("probe")
def probe(number: Number, codes: Codes = None, data_dir: DataDir = None, file: File = None) -> None:
    """Thử xem điểm cầu có sẵn sàng không / check whether halls are ready."""
    _wish(number, codes, "probe", data_dir, file)


@app.command("account")
def account(
    code: Annotated[str, typer.Argument(help="mã thiết bị / code of the terminal")],
    alias: Annotated[str, typer.Option(help="tên SIP, mặc định là mã / SIP name; default: the code")] = "",
    algorithm: Annotated[str, typer.Option(help="MD5 | SHA-256")] = "MD5",
    behind_nat: Annotated[bool, typer.Option("--behind-nat", help="sau NAT / behind NAT")] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Cấp mật khẩu SIP mới, chỉ hiện lần này / make a new SIP password, shown only once."""
    standing = ground(data_dir, file)
    settings = standing.settings
    # The command and the server share the key of the installation; the first start of the server makes the key.
    seal = Seal(kept_key(settings.data_dir / "seal.key", _no_key))

    def digest(chosen: str, name: str, password: str) -> str:
        return listening.secret(chosen, name, settings.sip_realm, password)

    async def work(session: AsyncSession) -> str:
        terminal = await _terminal(session, code)
        given = (alias or terminal.code, algorithm, behind_nat, seal, digest, COMMAND, standing.now)
        return await accounts.give(session, terminal.id, *given)

    password = _transacted(standing, work)
    print(f"tên / alias: {alias or code}\nmật khẩu / password: {password}\nrealm: {settings.sip_realm}")


def _wish(number: str, codes: list[str] | None, wish: str, data_dir: DataDir, file: File) -> None:
    standing = ground(data_dir, file)

    async def work(session: AsyncSession) -> list[str]:
        date = await _date(session, number, standing)
        known = {one.terminal.code: one.leg.id for one in await legs.of_date(session, date.id)}
        wanted = codes or sorted(known)
        for code in wanted if wish == "call" else ():
            # The class policy decides about each request.
            terminal = await _terminal(session, code)
            known[code] = (await planning.ask(session, date.id, terminal.id, COMMAND, standing.now)).id
        for code in wanted:
            if code not in known:
                raise Refusal("unknown_terminal", f"{code} không có trong cuộc họp.", f"{code} is not in the meeting")
            await legs.set_wish(session, known[code], wish)
        return list(wanted)

    for code in _transacted(standing, work):
        print(f"{code} {wish}")


async def _date(session: AsyncSession, number: str, standing: Ground) -> Occurrence:
    """Return the current or the next date of that meeting. Raises Refusal `unknown_meeting`."""
    digits = number.replace(" ", "")
    meeting = await session.scalar(select(Meeting).where((Meeting.number == digits) | (Meeting.id == digits)))
    if meeting is None:
        raise Refusal("unknown_meeting", "Không tìm thấy cuộc họp này.", "no such meeting")
    dates = await session.scalars(
        select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at, Occurrence.id)
    )
    return entry.nearest(list(dates), standing.now)


async def _terminal(session: AsyncSession, code: str) -> Terminal:
    found = await session.scalar(select(Terminal).where(Terminal.code == code))
    if found is None:
        raise Refusal("unknown_terminal", f"Không có thiết bị {code}.", f"there is no terminal {code}")
    return found


def _no_key(_length: int) -> bytes:
    raise Refusal(
        "no_key", "Máy chủ chưa chạy lần nào ở thư mục này.", "the server has never been started in this folder"
    )


def _transacted(standing: Ground, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    return with_database(standing, lambda database: database.transact(work))
