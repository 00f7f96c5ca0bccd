"""The durable side of the server: the database, sign-in, the desk's routes, and the calendar's view of calls.

The module owns the order in which these parts start and stop. The parts own their work.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

import conference
from conference import Lobbies, LobbySetting, ProcessMemory, Registry
from rooms.booking.changes import creation, ending, precedence_asks, timers
from rooms.booking.rules import defaults
from rooms.dialling import legs, morning
from rooms.errors import Refusal
from rooms.identifiers import new_bytes
from rooms.meetings import entry, lobbies
from rooms.meetings.invitations import Around
from rooms.notices import events, records
from rooms.policy.actors import Actor
from rooms.proceedings import retention
from rooms.sealing import Seal
from rooms.store import outbox, upkeep
from rooms.store.database import Database, reason
from signaling.access.access import Access, Issuer, Options
from signaling.api.ground.checks import Checks
from signaling.api.ground.desk import Desk, DeskParts, HallDesk, Passes
from signaling.api.ground.notices import NoticeBoard
from signaling.api.ground.numbers import Numbers, Rows
from signaling.halls.sip.profile_book import ProfileBook
from signaling.host import limits
from signaling.host.dates import PREFIX
from signaling.host.files import kept_key
from signaling.host.settings import Settings, SettingsError
from signaling.host.throttle import CodeTries, NumberTries, Throttle
from signaling.host.tokens import Authenticator
from signaling.meetings.booked import BookedMeetings
from signaling.meetings.endings import Endings
from signaling.meetings.hosts import Hosts
from signaling.meetings.installation import Installation
from signaling.meetings.places import Capacity
from signaling.meetings.proceedings import Proceedings
from signaling.notify.inbox import Inbox, account_of
from signaling.notify.mail import Mailer, MailServer
from signaling.notify.push import PushKey
from signaling.notify.worker import Work, Worker
from signaling.notify.works import works
from signaling.ops import metrics

if TYPE_CHECKING:
    from fastapi import APIRouter

log = logging.getLogger(__name__)


class Secretariat:
    """The durable side of one process. Call `prepare` before the first request, and `close` after the last."""

    def __init__(
        self, settings: Settings, authenticator: Authenticator, now: Callable[[], float], base: str = ""
    ) -> None:
        """`now`: Unix seconds; `base`: the address in links of mails. The constructor opens no connection. It makes the key of
        the installation if there is none.
        """
        self.settings = settings
        self.address = self._base = settings.public_url.rstrip("/") or base
        self._now = now
        self.key = kept_key(settings.data_dir / "seal.key", new_bytes)
        self.seal = Seal(self.key)
        self.database = Database.open(settings.database_url)
        self.installation = Installation(settings, self.database, self.clock)
        self._number_rows = Rows(self.database, self.clock)
        self.shared = ProcessMemory()
        self.numbers = Numbers(self.shared, self._number_rows)
        self.lobbies = Lobbies(lambda: new_bytes(16).hex(), self.shared)
        self.live = BookedMeetings(now, self.lobbies)
        self.hosts = Hosts(self.database, self.live, self.clock)
        self.endings = Endings(self.database, self.live, self.clock)
        self.hosts.extended = self.endings.refresh
        self.capacity = Capacity(self.database, lambda: self.live.registry, self.clock)
        self.live.places = self.capacity.check
        self.proceedings = Proceedings(self.database, self.clock)
        self.hall_desk: HallDesk | None = None
        """The desk of the halls, from `connect`. None: halls are off."""
        secure = settings.encrypted or settings.public_url.startswith("https:")
        options = Options(
            secure=secure,
            public_url=settings.public_url,
            issuer=_issuer(settings),
            mails=bool(settings.smtp_host),
            halls=settings.halls,
            halls_local=settings.halls and settings.halls_local,
            approver_factor=settings.second_factor_approvers,
        )
        self.access = Access(self.database, self.seal, self.clock, self.shared, options)
        self.notices = NoticeBoard(self.database, self.clock)
        self.push_key = PushKey(self.key, settings.push_contact) if settings.web_push else None
        self.worker = Worker(self.database, self._works(), self.clock)
        self.parts = self._parts(authenticator)
        self.access.live = self.live
        self.live.elsewhere = lambda name: self.parts.checks.admit(name, now())
        self.live.on_opened = self._opened
        self.live.on_closed = self._closed

    def connect(self, desk: HallDesk) -> None:
        """Connect the desk of the halls, if halls are on."""

        async def call(date_id: str, legs: Sequence[str], actor: Actor) -> list[dict[str, Any]]:
            made = await desk.orders.order(date_id, {"action": "call", "leg_ids": list(legs)}, actor)
            return list(made["results"])

        self.hall_desk, self.hosts.dials = desk, call

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    async def about(self, conference: str) -> tuple[str, float | None]:
        """Return the title of a conference (empty: none), and its booked end in Unix seconds. Raises the errors of the
        database.
        """
        if self.live.owns(conference):
            return await self.hosts.about(conference.removeprefix(PREFIX))
        return self.numbers.title(conference), None

    @property
    def routers(self) -> "list[APIRouter]":
        from signaling.access.routing import router  # a heavy import

        return [router(self.access)]

    async def prepare(self) -> None:
        """Prepare the database: check its schema, upgrade it if it is empty or the settings allow an upgrade, and read the
        stored state. Raises SettingsError.
        """
        try:
            await self.installation.migrate()
            await self.database.transact(defaults.keep_types)
            if self.settings.demo:
                await self.installation.load_demo()
            await self.installation.look_for_administrator()
            if self.settings.halls:
                await self.database.transact(lambda session: morning.keep(session, self.clock()))
            await self._remember_lobbies()
            self.numbers.restore(await self._number_rows.all())
            await self._remember_doors()
            await self.proceedings.load()
        except (OSError, SQLAlchemyError) as error:
            why = reason(error)
            raise SettingsError(
                f"Không mở được cơ sở dữ liệu: {why}.", f"The database cannot be opened: {why}."
            ) from error

    def open(self, registry: Registry) -> None:
        """Connect the registry of conferences."""
        self.live.registry = registry

    async def work(self) -> None:
        """Run the background work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.worker.run())
            group.create_task(self.notices.run())
            account = account_of(self.settings)
            if account is not None:
                group.create_task(Inbox(account, self.database, self.clock).run(self.settings.imap_every_s))
            group.create_task(self._keep_records())
            group.create_task(self.hosts.watch_accounts())
            group.create_task(self.endings.run())
            group.create_task(self.capacity.run())
            group.create_task(self.proceedings.run())

    async def _keep_records(self) -> None:
        """Sign the audit trail and write its checkpoints to `audit_dir`, from which the operator can copy them to another host.
        Forget request keys that are no longer repeated, old notices, and meeting numbers that were unused for long. Forget the
        records of meetings, as their types say. A full disk does not end the loop.
        """
        folder = self.settings.audit_dir or self.settings.data_dir / "audit"
        while True:
            try:
                await upkeep.keep(self.database, self.settings.data_dir, folder, self.clock())
                await self.database.transact(lambda session: creation.forget_keys(session, self.clock()))
                await self.database.transact(lambda session: precedence_asks.forget(session, self.clock()))
                await self.database.transact(lambda session: records.purge(session, self.clock()))
                await self.database.transact(self._keep_mornings)
                await self.database.transact(lambda session: retention.end_lost(session, self.clock()))
                await self.database.transact(lambda session: retention.forget(session, self.clock()))
                await self.numbers.renew(self._occupied())
            except (OSError, SQLAlchemyError, Refusal) as error:
                log.warning("the upkeep of stored records failed: %s", error)
            await asyncio.sleep(limits.KEEP_S)

    async def _keep_mornings(self, session: AsyncSession) -> None:
        if self.settings.halls:
            await morning.keep(session, self.clock())
        await morning.forget(session, self.clock())

    def _occupied(self) -> list[str]:
        """Return the names of conferences with participants."""
        registry = self.live.registry
        return [] if registry is None else [one.name for one in registry.all() if one.participants]

    async def ready(self) -> bool:
        """Report whether the database answers."""
        try:
            async with asyncio.timeout(limits.DATABASE_ANSWER_S), self.database.reading() as session:
                await session.execute(text("SELECT 1"))
        except (OSError, SQLAlchemyError, TimeoutError):
            return False
        return True

    async def stored(self) -> metrics.Stored:
        """Return the number of waiting jobs and of legs in the database; empty if the database does not answer."""
        try:
            async with asyncio.timeout(limits.DATABASE_ANSWER_S), self.database.reading() as session:
                queues = await outbox.count_waiting(session, self.clock())
                return metrics.Stored(queues, await legs.count_states(session))
        except (OSError, SQLAlchemyError, TimeoutError):
            return metrics.Stored({}, {})

    async def close(self) -> None:
        await self.hosts.settle()
        await self.live.reports.settle()
        await self.proceedings.settle()
        await self.access.settled()
        self.access.close()
        await self.database.close()

    async def _remember_doors(self) -> None:
        """Restore the doors of dates, so that tokens from before a restart meet the same rules."""
        async with self.database.reading() as session:
            for one in await entry.doors(session, self.clock()):
                self.live.set_door(*one)

    async def _remember_lobbies(self) -> None:
        """Restore the lobbies that hosts have set, and the people that hosts keep out."""
        await self.database.transact(lambda session: lobbies.forget(session, self.clock()))
        async with self.database.reading() as session:
            bars = await lobbies.bars(session, conference.limits.LOBBIES_BARRED)
            states = await lobbies.stored(session, conference.limits.LOBBY_SETTINGS - len(bars))
        for name, on, planned in states:
            self.lobbies.restore(name, LobbySetting(on, planned, bars.pop(name, ())))
        for name, barred in bars.items():
            self.lobbies.restore(name, LobbySetting(False, None, barred))

    async def _opened(self, occurrence_id: str, at: datetime) -> None:
        await self.database.transact(lambda session: ending.opened(session, occurrence_id, at))

    async def _closed(self, occurrence_id: str, at: datetime) -> None:
        if await self.database.transact(lambda session: ending.closed(session, occurrence_id, at)):
            self.proceedings.leave(PREFIX + occurrence_id)

    def _works(self) -> dict[str, Work]:
        settings = self.settings
        server = MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            user=settings.smtp_user,
            password=settings.smtp_password,
            sender=settings.mail_from,
            domains=settings.mail_domains,
        )
        mailer = Mailer(server) if settings.smtp_host else None
        checks = settings.checks_at_once > 0
        around = Around(key=self.key, base=self._base, sender=settings.mail_from, checks=checks)
        ranges = settings.webhook_private_ranges
        return works(
            self.database,
            mailer,
            around,
            self.seal,
            ranges,
            {**timers.HANDLERS, **events.HANDLERS, **morning.HANDLERS},
            self.push_key,
            settings.push_private_ranges,
        )

    def _parts(self, authenticator: Authenticator) -> DeskParts:
        desk = Desk(
            database=self.database,
            doorman=self.access,
            live=self.live,
            now=self._now,
            key=self.key,
            seal=self.seal,
            wake=self.worker.wake,
            hall_desk=lambda: self.hall_desk,
            public_url=self.settings.public_url,
            mail_domains=self.settings.mail_domains if self.settings.smtp_host else None,
            device_checks=self.settings.checks_at_once > 0,
            notices=self.notices,
            push_key=self.push_key.public if self.push_key is not None else "",
        )
        passes = Passes(
            lobbies=self.lobbies,
            sign=authenticator.sign,
            suffix=lambda: new_bytes(5).hex(),
            number_tries=NumberTries(self.shared),
            pc_codes=CodeTries(self.shared),
            links=Throttle(self.shared, "wrong links", limits.LINKS_PER_MINUTE),
            given=Throttle(self.shared, "passes", limits.PASSES_PER_MINUTE),
            pcs_count=self.settings.important_pcs,
        )
        return DeskParts(desk, passes, self._checks(authenticator), ProfileBook())

    def _checks(self, authenticator: Authenticator) -> Checks:
        """Return the device checks that people run before a meeting."""
        return Checks(
            shared=self.shared,
            most=self.settings.checks_at_once,
            sign=authenticator.sign,
            key=self.key,
            relayed=bool(self.settings.turn_urls),
            new_id=lambda: new_bytes(10).hex(),
            end=self._end_check,
        )

    def _end_check(self, name: str) -> None:
        registry = self.live.registry
        if registry is not None:
            with contextlib.suppress(conference.Refusal):  # the check has ended already
                registry.delete(name)


def _issuer(settings: Settings) -> Issuer | None:
    """Return the single sign-on of the settings."""
    if not settings.oidc_issuer:
        return None
    return Issuer(
        url=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        label=settings.oidc_label,
        unit_code=settings.oidc_unit,
        authority=str(settings.oidc_ca or ""),
    )
