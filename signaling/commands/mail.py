"""`diemcau mail …`: test the mail settings, read answers that a mail server pipes to the command, or look into a mailbox."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rooms.store.database import Database
from signaling.commands.ground import DataDir, File, ground, with_database
from signaling.host.settings import Settings
from signaling.notify.inbox import FAILURES, Inbox, account_of
from signaling.notify.limits import REPLY_BYTES
from signaling.notify.mail import Mailer, MailRefused, MailServer, build
from signaling.notify.notices import trial
from signaling.notify.replies import NoReply, read
from signaling.notify.worker import GiveUp

app = typer.Typer(no_args_is_help=True, help="Thư điện tử / mail")
TEMPORARY = 75
"""The exit code of the command that takes in a mailed answer, when the database cannot be reached. The mail server then keeps
the mail and tries again. Source: EX_TEMPFAIL of sysexits.h. Larger or smaller: the mail server does not keep the mail, and the
answer is lost.
"""


@app.command("test")
def try_out(
    address: Annotated[str, typer.Argument(help="gửi đến / to")],
    reason: Annotated[
        str, typer.Option(help="lý do, nếu không phải thư công vụ / reason, if the mail is not official")
    ] = "",
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Gửi một thư thử / send a test mail; after a failure exit code 1 and the reason."""
    import asyncio

    import aiosmtplib

    standing = ground(data_dir, file)
    settings = standing.settings
    if not settings.smtp_host:
        typer.echo("Chưa cấu hình smtp_host và mail_from / smtp_host and mail_from are not set", err=True)
        raise typer.Exit(1)
    mailer = Mailer(server_of(settings))
    try:
        mailer.check(address, reason)
        said = trial(settings.public_url or settings.smtp_host)
        message = build(mailer.server, "", address, said, standing.now)
        asyncio.run(mailer.send(message, address))
    except MailRefused as error:
        typer.echo(f"{address}: {error}. mail_domains: {', '.join(settings.mail_domains) or '-'}; --reason", err=True)
        raise typer.Exit(1) from error
    except (GiveUp, OSError, aiosmtplib.SMTPException) as error:
        typer.echo(f"{settings.smtp_host}:{settings.smtp_port}: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Đã gửi / sent: {address}")


@app.command("receive")
def receive(data_dir: DataDir = None, file: File = None) -> None:
    """Đọc một thư trả lời từ đầu vào chuẩn / read an answer (iMIP REPLY) from standard input.

    The command is for a pipe of the mail server, for example `pipe(8)` of Postfix, or `|diemcau mail receive` in aliases. The
    exit code is 0 also for a mail without an answer, or with a refused answer: the mail is dropped, and the reason is printed.
    The exit code is 75 if the mail server should try again.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from rooms.errors import Refusal
    from rooms.meetings import answers

    standing = ground(data_dir, file)
    raw = sys.stdin.buffer.read(REPLY_BYTES + 1)
    try:
        reply = read(raw)
    except NoReply as error:
        typer.echo(f"Bỏ qua / dropped: {error}", err=True)
        return

    async def work(database: Database) -> str:
        try:
            found = await database.transact(lambda session: answers.by_mail(session, reply, standing.now))
        except Refusal as refusal:
            return f"Bỏ qua / dropped: {refusal.code}"
        return f"{found.label}: {found.answer}"

    try:
        typer.echo(with_database(standing, work, TEMPORARY))
    except (OSError, SQLAlchemyError) as error:
        typer.echo(f"{type(error).__name__}", err=True)
        raise typer.Exit(TEMPORARY) from error


@app.command("fetch")
def fetch(data_dir: DataDir = None, file: File = None) -> None:
    """Đọc hộp thư trả lời một lần / look once into the mailbox of imap_host. A failure gives its reason and exit code 1."""
    standing = ground(data_dir, file)
    account = account_of(standing.settings)
    if account is None:
        typer.echo("Chưa cấu hình imap_host / imap_host is not set", err=True)
        raise typer.Exit(1)

    async def work(database: Database) -> str:
        found = await Inbox(account, database, lambda: standing.now).look()
        return f"Đã ghi / recorded: {found.recorded}; không tính / refused: {found.refused}; thư khác / other: {found.other}"

    try:
        typer.echo(with_database(standing, work, 1))
    except FAILURES as error:
        typer.echo(f"{account.host}:{account.port}: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from error


def server_of(settings: Settings) -> MailServer:
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=settings.smtp_password,
        sender=settings.mail_from,
        domains=settings.mail_domains,
    )
