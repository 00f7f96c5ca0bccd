"""`diemcau db …`: the shape of the database, backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signaling.commands.ground import DataDir, File, carried_out, ground

app = typer.Typer(no_args_is_help=True, help="Cơ sở dữ liệu / database")
Folder = Annotated[Path, typer.Argument(help="thư mục / folder", file_okay=False)]


@app.command("upgrade")
def upgrade(data_dir: DataDir = None, file: File = None) -> None:
    """Nâng cơ sở dữ liệu lên phiên bản của chương trình / bring it to the newest shape."""
    from rooms.store import migrations

    standing = ground(data_dir, file)
    standing.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    typer.echo(carried_out(lambda: migrations.upgrade(standing.url)))


@app.command("current")
def current(data_dir: DataDir = None, file: File = None) -> None:
    """Phiên bản đang có / the revision it has; exit code 1 when it is not the newest."""
    from rooms.store import migrations

    standing = ground(data_dir, file)
    standing.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found, newest = carried_out(lambda: migrations.current(standing.url)), migrations.newest()
    typer.echo(f"{found or '-'} / {newest}")
    if found != newest:
        typer.echo("Hãy chạy / run: diemcau db upgrade", err=True)
        raise typer.Exit(1)


@app.command("backup")
def backup(folder: Folder, data_dir: DataDir = None, file: File = None) -> None:
    """Sao lưu vào thư mục trống, máy chủ vẫn chạy / back up into an empty folder while the server runs."""
    from rooms.store import backup as backups

    standing = ground(data_dir, file)
    made = carried_out(lambda: backups.backup(standing.url, folder, standing.now))
    rows = sum(made.rows.values())
    typer.echo(f"{folder / made.file}: {made.size} B, {rows} dòng / rows, nhật ký / audit {made.audit_entries}")
    keys = standing.settings.data_dir
    typer.echo(f"Khóa trong {keys} không nằm trong bản sao lưu / keys in {keys} are not in it: keep a copy elsewhere.")


@app.command("restore")
def restore(folder: Folder, data_dir: DataDir = None, file: File = None) -> None:
    """Phục hồi vào cơ sở dữ liệu trống và đối chiếu / restore into an empty database and compare."""
    from rooms.store import backup as backups

    standing = ground(data_dir, file)
    made = carried_out(lambda: backups.restore(standing.url, folder))
    rows = sum(made.rows.values())
    typer.echo(f"Đã phục hồi / restored: {rows} dòng / rows, {made.made_at}, phiên bản / revision {made.revision}")
    typer.echo("Hãy chạy tiếp / next: diemcau audit verify")
