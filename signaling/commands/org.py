"""`diemcau org …`: import and export of units, people, sites and more, and sample provinces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from signaling.commands.ground import DataDir, File, carried_out, ground, tell, with_database
from signaling.host.files import write_private

app = typer.Typer(no_args_is_help=True, help="Tổ chức, người, điểm cầu / organisation, people, sites")
Kind = Annotated[str, typer.Argument(help="units, posts, people, sites, halls, terminals")]


@app.command("import")
def import_(
    kind: Kind,
    path: Annotated[Path, typer.Argument(help="tệp .csv (UTF-8) hoặc .xlsx", exists=True, dir_okay=False)],
    apply: Annotated[
        bool, typer.Option("--apply", help="ghi; không có: chỉ xem trước / write; without it: preview")
    ] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Nạp tệp: xem trước mọi lỗi, rồi ghi hết hoặc không ghi gì / import a file: show every error, then write all or nothing."""
    from rooms.exchange import imports, sheets

    standing = ground(data_dir, file)
    with path.open("rb") as opened:
        content = opened.read(limits.SHEET_BYTES + 1)

    async def read() -> sheets.Sheet:
        return sheets.read(content)

    sheet = carried_out(read)

    async def work(database: Database) -> imports.Outcome:
        async with database.reading() as session:
            seen = await imports.preview(session, kind, sheet, COMMAND, standing.now)
        if seen.troubles or not apply:
            return seen
        return await database.transact(
            lambda session: imports.apply(session, kind, sheet, COMMAND, standing.now, seen.digest)
        )

    done = with_database(standing, work)
    if done.troubles:
        count = len(done.troubles)
        tell(
            Refusal(
                "import_has_errors", f"{count} lỗi, chưa ghi gì:", f"{count} errors, nothing written:", done.troubles
            )
        )
        raise typer.Exit(1)
    typer.echo(f"mới / new {done.created}, sửa / changed {done.changed}, giữ nguyên / unchanged {done.unchanged}")
    typer.echo("Đã ghi / written" if done.applied else "Chưa ghi; thêm --apply / nothing written; add --apply")


@app.command("export")
def export(
    kind: Kind,
    path: Annotated[Path, typer.Argument(help="tệp .csv hoặc .xlsx", dir_okay=False)],
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Xuất ra tệp mà lệnh import đọc lại được / write a file that `import` can read."""
    from rooms.exchange import exports

    standing = ground(data_dir, file)
    form: Literal["csv", "xlsx"] = "csv" if path.suffix.lower() == ".csv" else "xlsx"

    async def work(database: Database) -> bytes:
        async with database.reading() as session:
            return await exports.export(session, kind, COMMAND, standing.now, form)

    content = with_database(standing, work)
    write_private(path, content)
    typer.echo(f"{path}: {len(content)} B")


@app.command("load")
def load(
    name: Annotated[str, typer.Argument(help="longan-2021 | tayninh-2025")],
    people: Annotated[int, typer.Option(help="số người / people", min=1, max=20_000)] = 400,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Nạp một tỉnh mẫu vào cơ sở dữ liệu trống / load a sample province into an empty database."""
    from rooms.fixtures import loading

    standing = ground(data_dir, file)

    async def work(session: AsyncSession) -> dict[str, int]:
        return dict(await loading.load(session, name, COMMAND, standing.now, people))

    counts = with_database(standing, lambda database: database.transact(work))
    for table, count in counts.items():
        typer.echo(f"{table:16} {count}")


@app.command("top")
def top(
    code: Annotated[str, typer.Argument(help="mã đơn vị; không có: xem / unit code; empty: show")] = "",
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Đơn vị đứng đầu hệ thống: quản trị ở đó sửa cài đặt chung / the top unit: its administrators change the common settings."""
    from rooms.org import refusals, units
    from rooms.org import root_unit as tops

    standing = ground(data_dir, file)

    async def work(session: AsyncSession) -> str:
        if code:
            unit = await units.by_code(session, code)
            if unit is None:
                raise refusals.unknown("unit")
            await tops.change(session, unit.id, COMMAND, standing.now)
        found = await tops.root(session)
        return f"{found.code} {found.name}" if found else "-"

    typer.echo(with_database(standing, lambda database: database.transact(work)))
