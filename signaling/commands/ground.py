"""What commands over the database share: settings, the clock, and how a refusal is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from rooms.errors import Refusal
from rooms.store.database import Database
from signaling import config, process
from signaling.config import Settings

T = TypeVar("T")
DataDir = Annotated[Path | None, typer.Option("--data-dir", help=config.meaning("data_dir"), show_default=False)]
File = Annotated[Path | None, typer.Option("--config", help="tệp TOML / settings file", show_default=False)]
SHOWN = 50
"""Troubles of a file that are printed."""


@dataclass(frozen=True)
class Ground:
    """`now` is one instant for the whole command."""

    settings: Settings
    now: datetime

    @property
    def url(self) -> str:
        return self.settings.database_url


def ground(data_dir: Path | None, file: Path | None) -> Ground:
    """From the settings file, the environment and `--data-dir`; exit code 2 when they are wrong."""
    try:
        settings = config.load("serve", overrides={"data_dir": data_dir}, environ=os.environ, file=file).settings
    except config.SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    return Ground(settings, datetime.fromtimestamp(process.CLOCK.time(), UTC))


def carried_out(work: Callable[[], Awaitable[T]]) -> T:
    """Its result; a refusal is printed with what is wrong in it, and the exit code is 1."""

    async def whole() -> T:
        return await work()

    try:
        return asyncio.run(whole())
    except Refusal as refusal:
        tell(refusal)
        raise typer.Exit(1) from refusal


def with_database(standing: Ground, work: Callable[[Database], Awaitable[T]]) -> T:
    """The same with the database of the settings, closed afterwards."""

    async def whole() -> T:
        database = Database.open(standing.url)
        try:
            return await work(database)
        finally:
            await database.close()

    return carried_out(whole)


def tell(refusal: Refusal) -> None:
    typer.echo(refusal.vietnamese, err=True)
    typer.echo(refusal.english, err=True)
    for trouble in refusal.troubles[:SHOWN]:
        typer.echo(f"  {trouble.where:24} {trouble.vietnamese}", err=True)
    if len(refusal.troubles) > SHOWN:
        typer.echo(f"  … {len(refusal.troubles) - SHOWN}", err=True)
