"""`diemcau db …`: the schema of the database, backup and restore."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from signaling.commands.ground import DataDir, File, carried_out, ground
from signaling.host.sources import BACKUP_VARIABLE

app = typer.Typer(no_args_is_help=True, help="Cơ sở dữ liệu / database")
Recipients = Annotated[
    list[str] | None, typer.Option("--recipient", help="mã hóa cho khóa công khai age1… / encrypt to this public key")
]
Words = Annotated[
    bool,
    typer.Option(
        "--passphrase", help=f"mã hóa bằng cụm mật khẩu / encrypt by a passphrase, typed or from {BACKUP_VARIABLE}"
    ),
]
Identity = Annotated[
    Path | None, typer.Option("--identity", help="tệp khóa bí mật / file with the secret key", dir_okay=False)
]
Folder = Annotated[Path, typer.Argument(help="thư mục / folder", file_okay=False)]


@app.command("upgrade")
def upgrade(data_dir: DataDir = None, file: File = None) -> None:
    """Nâng cơ sở dữ liệu lên phiên bản của chương trình / upgrade the database to the newest schema."""
    from rooms.store.migrations import steps

    standing = ground(data_dir, file)
    standing.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    typer.echo(carried_out(lambda: steps.upgrade(standing.url)))


@app.command("current")
def current(data_dir: DataDir = None, file: File = None) -> None:
    """Phiên bản đang có / show the revision of the database; exit code 1 if it is not the newest."""
    from rooms.store.migrations import steps

    standing = ground(data_dir, file)
    standing.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found, newest = carried_out(lambda: steps.current(standing.url)), steps.newest()
    typer.echo(f"{found or '-'} / {newest}")
    if found != newest:
        typer.echo("Hãy chạy / run: diemcau db upgrade", err=True)
        raise typer.Exit(1)


@app.command("backup")
def backup(
    folder: Folder,
    recipient: Recipients = None,
    passphrase: Words = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Sao lưu vào thư mục trống, máy chủ vẫn chạy / back up into an empty folder while the server runs."""
    from rooms.store.backup import archive as backups
    from rooms.store.backup import ciphering

    standing = ground(data_dir, file)
    home = standing.settings.data_dir

    async def work() -> backups.Manifest:
        lock = None
        if recipient:
            lock = ciphering.to_keys(recipient)
        elif passphrase:
            lock = ciphering.to_passphrase(_passphrase(twice=True))
        return await backups.backup(standing.url, folder, standing.now, lock, home)

    if recipient and passphrase:
        raise typer.BadParameter("--recipient hoặc / or --passphrase")
    made = carried_out(work)
    rows = sum(made.rows.values())
    typer.echo(f"{folder / made.file}: {made.size} B, {rows} dòng / rows, nhật ký / audit {made.audit_entries}")
    if made.sealed:
        typer.echo(f"Đã mã hóa, kèm khóa trong {home} / encrypted, with the keys in {home}.")
    else:
        typer.echo(f"Chưa mã hóa; khóa trong {home} không nằm trong bản sao lưu, hãy giữ riêng.")
        typer.echo(
            f"Not encrypted; keys in {home} are not in it: keep a copy elsewhere. See --recipient, --passphrase."
        )


@app.command("restore")
def restore(
    folder: Folder,
    identity: Identity = None,
    passphrase: Words = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Phục hồi vào cơ sở dữ liệu trống và đối chiếu / restore into an empty database and compare."""
    from rooms.store.backup import archive as backups
    from rooms.store.backup import ciphering, keys

    standing = ground(data_dir, file)
    home = standing.settings.data_dir

    async def work() -> tuple[backups.Manifest, keys.Unpacked]:
        opener = None
        if identity is not None:
            opener = ciphering.Opener(ciphering.keys_in(identity))
        elif passphrase:
            opener = ciphering.Opener(passphrase=_passphrase(twice=False))
        made = await backups.restore(standing.url, folder, opener, home)
        return made, backups.restore_keys(folder, made, opener, home) if opener and made.sealed else keys.Unpacked()

    made, unpacked = carried_out(work)
    rows = sum(made.rows.values())
    typer.echo(f"Đã phục hồi / restored: {rows} dòng / rows, {made.made_at}, phiên bản / revision {made.revision}")
    if unpacked.written:
        typer.echo(f"Khóa đã đặt lại / keys put back: {', '.join(unpacked.written)}")
    for name in unpacked.kept:
        typer.echo(f"Giữ nguyên {home / name}, khác với bản sao lưu / left as it is, differs from the backup", err=True)
    typer.echo("Hãy chạy tiếp / next: diemcau audit verify")


@app.command("backup-key")
def backup_key(path: Annotated[Path, typer.Argument(help="tệp khóa mới / new file", dir_okay=False)]) -> None:
    """Tạo cặp khóa cho bản sao lưu / make a key pair for backups; the public key is printed."""
    from rooms.store.backup import ciphering

    async def work() -> str:
        return ciphering.new_key(path)

    typer.echo(carried_out(work))
    typer.echo(
        f"Giữ {path} ngoài máy chủ này: mất nó là mất các bản sao lưu / keep {path} off this server: "
        "without it the backups cannot be opened",
        err=True,
    )


def _passphrase(*, twice: bool) -> str:
    """Return the passphrase from the environment or from a prompt. It is never an argument, because all users of the machine
    see arguments.
    """
    given = os.environ.get(BACKUP_VARIABLE)
    return given or str(typer.prompt("Cụm mật khẩu / passphrase", hide_input=True, confirmation_prompt=twice))
