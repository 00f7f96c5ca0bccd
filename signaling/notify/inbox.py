"""Answers to invitations, fetched from a mailbox by IMAP (RFC 3501): the way in when the mail server cannot pipe mails.

A mail is marked as read only after its answer is committed. After a crash between the two, the mail is read again, and the
second reading writes nothing (`rooms.meetings.answers`). Other mail in the mailbox stays unread: it gets the keyword `KEYWORD`,
or is marked as read if the server keeps no keywords. No mail is moved or deleted. DKIM is not checked here, as with the pipe.
"""

from __future__ import annotations

import asyncio
import imaplib
import logging
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from rooms.errors import Refusal
from rooms.meetings import answers
from rooms.meetings.answers import MailReply
from rooms.store.database import Database
from signaling.host.settings import Settings
from signaling.notify import limits
from signaling.notify.replies import NoReply, read

log = logging.getLogger(__name__)
KEYWORD = "DiemCauSeen"
FAILURES = (OSError, imaplib.IMAP4.error, ValueError, SQLAlchemyError)
"""The errors after which the next round tries again. ValueError: a name or an answer of the server that is not ASCII."""
_LITERAL = 2
"""The parts of the answer to FETCH that holds a mail: the line before the mail, and the mail."""


@dataclass(frozen=True)
class MailAccount:
    """The mailbox to which calendar programs send their answers."""

    host: str
    port: int
    tls: str = "tls"
    """`tls`, `starttls` or `none`."""
    user: str = ""
    password: str = ""
    folder: str = "INBOX"
    trust: ssl.SSLContext | None = None
    """The trusted authorities; None: the authorities of the system."""


def account_of(settings: Settings) -> MailAccount | None:
    """Return the mailbox with the answers to invitations, or None if answers come by the pipe only."""
    if not settings.imap_host:
        return None
    return MailAccount(
        host=settings.imap_host,
        port=settings.imap_port,
        tls=settings.imap_tls,
        user=settings.imap_user or settings.mail_from,
        password=settings.imap_password,
        folder=settings.imap_folder,
    )


@dataclass(frozen=True)
class Round:
    """The numbers of mails that one look into the mailbox read."""

    recorded: int = 0
    refused: int = 0
    """Answers that do not count, for example to an old invitation."""
    other: int = 0
    """Mails that hold no answer."""


class Inbox:
    """The reader of the mailbox. Start `run` as a task, or call `look` once."""

    def __init__(self, account: MailAccount, database: Database, now: Callable[[], datetime]) -> None:
        self._account = account
        self._database = database
        self._now = now
        self._failing = ""

    async def run(self, every_s: float) -> None:
        """Look into the mailbox until cancelled. A failure is logged once, until it changes or ends."""
        while True:
            try:
                await self.look()
            except FAILURES as error:
                self._note(type(error).__name__)
            else:
                self._note("")
            await asyncio.sleep(every_s)

    async def look(self) -> Round:
        """Read the new mails once, at most `REPLIES_AT_ONCE`. Raise one of FAILURES if the mailbox or the database is away."""
        box = await asyncio.to_thread(_Box, self._account)
        counts = {"recorded": 0, "refused": 0, "other": 0}
        try:
            for uid in (await asyncio.to_thread(box.new))[: limits.REPLIES_AT_ONCE]:
                kind = await self._take(await asyncio.to_thread(box.fetch, uid))
                await asyncio.to_thread(box.mark, uid, answered=kind != "other")
                counts[kind] += 1
        finally:
            await asyncio.to_thread(box.close)
        return Round(**counts)

    async def _take(self, raw: bytes) -> str:
        """Record the answer in a mail, and return the field of `Round` that counts it."""
        try:
            # A hostile mail takes long to parse, and the event loop must go on.
            reply: MailReply = await asyncio.to_thread(read, raw)
        except NoReply:
            return "other"
        try:
            await self._database.transact(lambda session: answers.by_mail(session, reply, self._now()))
        except Refusal as refusal:
            log.info("an answer by mail was refused: %s", refusal.code)
            return "refused"
        except Exception as error:
            fits = not isinstance(error, DataError | IntegrityError)
            if isinstance(error, OSError | SQLAlchemyError) and fits:
                raise  # the database is away: the next round reads the mail again
            # A mail from outside must not stop the reading of the others.
            log.exception("an answer by mail could not be recorded")
            return "other"
        return "recorded"

    def _note(self, failure: str) -> None:
        if failure and failure != self._failing:
            log.warning("answers cannot be fetched from the mailbox: %s", failure)
        elif self._failing and not failure:
            log.info("answers are fetched from the mailbox again")
        self._failing = failure


class _Box:
    """A connection with the folder open. It blocks: call it in a thread."""

    def __init__(self, account: MailAccount) -> None:
        self._server = _connected(account)
        try:
            _sign_in(self._server, account)
            self._ok(self._server.select(f'"{account.folder}"'))
            flags = self._server.response("PERMANENTFLAGS")[1]
        except BaseException:
            self.close()
            raise
        self._keeps_keywords = any(b"\\*" in one for one in flags or () if isinstance(one, bytes))

    def new(self) -> list[str]:
        """Return the UIDs of the mails that nobody has read, the oldest first."""
        wanted = ["UNSEEN", "UNKEYWORD", KEYWORD] if self._keeps_keywords else ["UNSEEN"]
        found = self._ok(self._server.uid("SEARCH", *wanted))
        return re.findall(r"\d+", b" ".join(one for one in found if isinstance(one, bytes)).decode("ascii"))

    def fetch(self, uid: str) -> bytes:
        """Return the beginning of a mail, one byte more than `replies.read` accepts, without marking the mail as read (PEEK)."""
        found = self._ok(self._server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{limits.REPLY_BYTES + 1}>)"))
        parts = [one[1] for one in found if isinstance(one, tuple) and len(one) == _LITERAL]
        return parts[0] if parts else b""

    def mark(self, uid: str, *, answered: bool) -> None:
        flag = "\\Seen" if answered or not self._keeps_keywords else KEYWORD
        self._ok(self._server.uid("STORE", uid, "+FLAGS.SILENT", f"({flag})"))

    def close(self) -> None:
        """Sign out. The connection may be broken already."""
        try:
            self._server.logout()
        except (OSError, imaplib.IMAP4.error):
            self._server.shutdown()

    def _ok(self, answer: tuple[str, Sequence[object]]) -> Sequence[object]:
        kind, found = answer
        if kind != "OK":
            raise imaplib.IMAP4.error("the mail server refused a command")
        return found


def _connected(account: MailAccount) -> imaplib.IMAP4:
    if account.tls == "none":
        return imaplib.IMAP4(account.host, account.port, timeout=limits.IMAP_WAIT_S)
    trust = account.trust or ssl.create_default_context()
    if account.tls == "tls":
        return imaplib.IMAP4_SSL(account.host, account.port, ssl_context=trust, timeout=limits.IMAP_WAIT_S)
    made = imaplib.IMAP4(account.host, account.port, timeout=limits.IMAP_WAIT_S)
    made.starttls(trust)
    return made


def _sign_in(server: imaplib.IMAP4, account: MailAccount) -> None:
    """Sign in by PLAIN, which takes passwords in UTF-8 (RFC 4616), or by LOGIN if the server does not offer PLAIN."""
    if "AUTH=PLAIN" in server.capabilities:
        server.authenticate("PLAIN", lambda _: f"\0{account.user}\0{account.password}".encode())
    else:
        server.login(account.user, account.password)
