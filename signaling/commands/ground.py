"""The common ground of commands with a database: settings, the clock, and the printing of refusals."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from rooms.errors import Refusal
from rooms.store.database import Database, reason
from rooms.store.migrations import steps
from signaling.host import clock, sources
from signaling.host.settings import Settings, SettingsError, meaning

T = TypeVar("T")
DataDir = Annotated[Path | None, typer.Option("--data-dir", help=meaning("data_dir"), show_default=False)]
File = Annotated[Path | None, typer.Option("--config", help="tệp TOML / settings file", show_default=False)]
SHOWN = 50
"""Errors of an imported file that the command prints; the rest is only counted. More: the first errors scroll away. Fewer: the
user must correct the file and try more often.
"""


@dataclass(frozen=True)
class Ground:
    """The settings and the time of a command. `now` is one instant for the whole command."""

    settings: Settings
    now: datetime

    @property
    def url(self) -> str:
        return self.settings.database_url


def ground(data_dir: Path | None, file: Path | None) -> Ground:
    """Read the settings file, the environment and `--data-dir`. Exit code 2 if they are wrong."""
    try:
        settings = sources.load("serve", overrides={"data_dir": data_dir}, environ=os.environ, file=file).settings
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    return Ground(settings, datetime.fromtimestamp(clock.CLOCK.time(), UTC))


def carried_out(work: Callable[[], Awaitable[T]], code: int = 1) -> T:
    """Return the result of `work`. A refusal is printed with its details, and the exit code is `code`."""

    async def whole() -> T:
        return await work()

    try:
        return asyncio.run(whole())
    except Refusal as refusal:
        tell(refusal)
        raise typer.Exit(code) from refusal


def with_database(standing: Ground, work: Callable[[Database], Awaitable[T]], code: int = 1) -> T:
    """Run `work` with the database of the settings as `carried_out` does, and close the database afterwards. A database that is
    absent or does not answer is refused.
    """

    async def whole() -> T:
        await _check(standing.url)
        database = Database.open(standing.url)
        try:
            return await work(database)
        finally:
            await database.close()

    return carried_out(whole, code)


async def _check(url: str) -> None:
    """Raise Refusal `database_absent` or `database_unreachable`."""
    place = make_url(url).render_as_string(hide_password=True)
    try:
        found = await steps.current(url)
    except (OSError, SQLAlchemyError) as error:
        why = reason(error)
        raise Refusal(
            "database_unreachable",
            f"Không mở được cơ sở dữ liệu {place}: {why}",
            f"the database {place} cannot be opened: {why}",
        ) from error
    if not found:
        raise Refusal(
            "database_absent",
            f"Chưa có cơ sở dữ liệu {place}: máy chủ tạo nó ở lần chạy đầu. Nếu nó ở nơi khác, xin chạy trong thư mục làm việc, "
            "hoặc thêm --data-dir hay --config.",
            f"there is no database {place} yet: the first start of the server creates it. If it is elsewhere, run this command "
            "in the server's folder, or with --data-dir or --config.",
        )


def tell(refusal: Refusal) -> None:
    typer.echo(refusal.vietnamese, err=True)
    typer.echo(refusal.english, err=True)
    for trouble in refusal.troubles[:SHOWN]:
        typer.echo(f"  {trouble.where:24} {trouble.vietnamese}", err=True)
    if len(refusal.troubles) > SHOWN:
        typer.echo(f"  … {len(refusal.troubles) - SHOWN}", err=True)
