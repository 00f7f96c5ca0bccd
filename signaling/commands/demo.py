"""`diemcau demo load`: a month of meetings of an invented province, for a trial of all functions."""

from __future__ import annotations

import typer

from rooms.demo import loading
from rooms.policy.actors import COMMAND
from rooms.store.migrations import steps
from signaling.commands.ground import DataDir, File, carried_out, ground, with_database
from signaling.host.addresses import sign_in_link

app = typer.Typer(no_args_is_help=True, help="Dữ liệu mẫu / demonstration")


@app.callback()
def _group() -> None:
    """Keep `load` as a command: without this callback typer merges a group of one command into that command."""


@app.command("load")
def load(data_dir: DataDir = None, file: File = None) -> None:
    """Nạp một tháng họp của một tỉnh mẫu vào hệ thống trống / load a sample month into an empty installation."""
    from signaling.front import whereabouts

    standing = ground(data_dir, file)
    standing.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    carried_out(lambda: steps.upgrade(standing.url))
    done = with_database(
        standing, lambda database: database.transact(lambda session: loading.load(session, COMMAND, standing.now))
    )
    for name, count in done.counts.items():
        typer.echo(f"{name:12} {count}")
    typer.echo("Đường dẫn đăng nhập, mỗi đường dẫn dùng một lần / links that sign in once:")
    base = whereabouts.address_told(standing.settings)
    for name, secret in done.links.items():
        typer.echo(f"  {name:12} {done.roles[name]:10} {sign_in_link(base, secret)}")
