"""All kinds of work of this package, built from a database, a key and the settings of mail and webhooks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.meetings import invitations
from rooms.meetings.invitations import Around, Outgoing
from rooms.notices import pushes
from rooms.policy.actors import SYSTEM
from rooms.sealing import Seal
from rooms.store import audit
from rooms.store.database import Database
from signaling.notify.mail import Mailer, MailRefused
from signaling.notify.push import Pusher, PushKey
from signaling.notify.webhooks import Deliverer
from signaling.notify.worker import GiveUp, Work, in_transaction

log = logging.getLogger(__name__)


class MailWorks:
    """The works `mail.*`: prepare a mail in a transaction, send it outside of the transaction, and store the result."""

    def __init__(self, database: Database, mailer: Mailer | None, around: Around) -> None:
        self._database = database
        self._mailer = mailer
        self._around = around

    def work(self, kind: str) -> Work:
        async def run(payload: dict[str, Any], now: datetime) -> None:
            await self._run(kind, payload, now)

        return run

    async def _run(self, kind: str, payload: dict[str, Any], now: datetime) -> None:
        if self._mailer is None and kind.removeprefix("mail.") not in invitations.NOTED:
            return
        mails = await self._database.transact_job(
            lambda session: invitations.prepare(session, kind, payload, self._around, now)
        )
        for mail in mails:
            await self._send(mail, now)

    async def _send(self, mail: Outgoing, now: datetime) -> None:
        if self._mailer is None:
            await self._note(mail, "off", now)
            return
        try:
            official = self._mailer.check(mail.to.email, mail.outside_reason)
        except MailRefused as error:
            await self._note(mail, error.state, now, str(error))
            return
        try:
            await self._mailer.send(self._mailer.compose(mail, now), mail.to.email)
        except GiveUp as error:
            await self._note(mail, "failed", now, str(error))
            return
        await self._note(mail, "sent", now, "" if official else mail.outside_reason)

    async def _note(self, mail: Outgoing, state: str, now: datetime, why: str = "") -> None:
        """Store the result with the attendee. The audit trail also gets an entry if the mail was refused, failed, or went to a
        domain that is not official.
        """

        async def write(session: AsyncSession) -> None:
            await invitations.mailed(session, mail, state)
            if why:
                detail = {"kind": mail.kind, "state": state, "why": why, "domain": mail.to.email.rpartition("@")[2]}
                await audit.record(session, now, SYSTEM, f"mail.{state}", "attendee", mail.attendee_id, "", detail)

        await self._database.transact_job(write)


def works(
    database: Database,
    mailer: Mailer | None,
    around: Around,
    seal: Seal,
    private_ranges: Sequence[str] = (),
    timers: Mapping[str, Callable[[AsyncSession, dict[str, Any], datetime], Awaitable[None]]] | None = None,
    push_key: PushKey | None = None,
    push_ranges: Sequence[str] = (),
) -> dict[str, Work]:
    """Return the works by kind of job. `timers`: more works that consist only of SQL (for bookings). `push_key`: None if pushes
    to browsers are off. `push_ranges`: private networks of push services.
    """
    mails = MailWorks(database, mailer, around)
    deliverer = Deliverer(database, seal, private_ranges)
    return {
        **{kind: in_transaction(database, work) for kind, work in {**invitations.HANDLERS, **(timers or {})}.items()},
        **{kind: mails.work(kind) for kind in invitations.MAILS},
        "webhook.deliver": deliverer.deliver,
        # Any user chooses the address of a push, so the private networks of webhooks are closed to pushes.
        pushes.DELIVER: Pusher(database, seal, push_key, push_ranges).deliver,
    }
