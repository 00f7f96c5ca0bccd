"""`diemcau audit …`: check the audit trail, and export checkpoints to a place outside of the host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.database import Database
from signaling.commands.ground import DataDir, File, ground, with_database

app = typer.Typer(no_args_is_help=True, help="Nhật ký hệ thống / audit trail")


@app.command("verify")
def verify(
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="thư mục mốc đã xuất / folder of exported checkpoints", exists=True, file_okay=False),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="khóa công khai (audit.pub) / public key", exists=True, dir_okay=False)
    ] = None,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Kiểm tra nhật ký có bị sửa không / check the trail for changes; exit code 1 if there is a finding."""
    from rooms.store import checkpoints as marks
    from rooms.store import verification

    standing = ground(data_dir, file)

    async def work(database: Database) -> verification.Verdict:
        key = marks.read_public(public_key) if public_key else marks.key_at(standing.settings.data_dir).public_key()
        outside = marks.read_folder(checkpoints) if checkpoints else []
        async with database.reading() as session:
            return await verification.verify(session, key, outside)

    found = with_database(standing, work)
    typer.echo(
        f"{found.entries} mục / entries, {found.checkpoints} mốc / checkpoints, "
        f"{found.sealed} mục đã ký / entries under a signature"
    )
    for one in found.findings:
        typer.echo(f"  ✗ {one.seq:8} {one.vietnamese} / {one.english} ({one.code})", err=True)
    if found.findings:
        raise typer.Exit(1)
    if checkpoints is None:
        typer.echo("Chưa so với mốc để ngoài máy chủ: --checkpoints / not compared with checkpoints kept elsewhere")


@app.command("export")
def export(
    folder: Annotated[
        Path, typer.Argument(help="thư mục để ngoài máy chủ / folder outside this server", file_okay=False)
    ],
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Ký phần cuối nhật ký và xuất mọi mốc / sign the end of the trail and write all checkpoints."""
    from rooms.store import checkpoints as marks

    standing = ground(data_dir, file)

    async def work(database: Database) -> list[Path]:
        key = marks.key_at(standing.settings.data_dir)

        async def sign(session: AsyncSession) -> None:
            await marks.mark(session, key, standing.now)

        await database.transact(sign)
        async with database.reading() as session:
            found = await marks.stored(session)
        return marks.export(found, key.public_key(), folder)

    written = with_database(standing, work)
    typer.echo(f"{folder}: {len(written)} mốc mới / new checkpoints")
