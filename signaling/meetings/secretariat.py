"""The durable side put together: the database, who may sign in, the desk's routes, and what the calendar hears of calls.

Owns the order in which these start and stop. What they do is theirs.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

import conference
from conference import Grants, Lobbies, LobbySetting, Passage, Registry
from rooms.accounts import actors, first_administrator, signing
from rooms.booking.changes import creation, dates, timers
from rooms.booking.rules import defaults
from rooms.demo import loading
from rooms.dialling import legs
from rooms.errors import Refusal
from rooms.identifiers import new_bytes
from rooms.meetings import entry, lobbies
from rooms.meetings.invitations import Around
from rooms.policy.actors import COMMAND, Actor
from rooms.sealing import Seal
from rooms.store import audit, outbox, upkeep
from rooms.store.database import Database, reason
from rooms.store.migrations import steps
from rooms.store.tables.accounts import Account, Client, SignIn
from signaling.access.access import Access, Issuer, Options, session_id
from signaling.api.ground.checks import Checks
from signaling.api.ground.desk import Desk, HallDesk
from signaling.api.ground.numbers import Numbers, Rows
from signaling.halls.sip.profile_book import ProfileBook
from signaling.host import limits
from signaling.host.addresses import sign_in_link as link_url
from signaling.host.dates import PREFIX
from signaling.host.files import keep_out_of_git, kept_key
from signaling.host.settings import Settings, SettingsError
from signaling.host.throttle import NumberTries, Throttle
from signaling.host.tokens import OF_CLIENT, Authenticator
from signaling.meetings.booked import KEY_REVOKED, NO_HOST, SIGNED_OUT, BookedMeetings
from signaling.notify.mail import Mailer, MailServer
from signaling.notify.worker import Work, Worker
from signaling.notify.works import works
from signaling.ops import metrics

if TYPE_CHECKING:
    from fastapi import APIRouter

log = logging.getLogger(__name__)


class Secretariat:
    """One per process. `prepare` before requests are answered, `close` after the last one."""

    def __init__(
        self, settings: Settings, authenticator: Authenticator, now: Callable[[], float], base: str = ""
    ) -> None:
        """`now`: Unix seconds; `base`: what people open, for links in mails. Nothing is connected yet; the key of the
        installation is made when there is none.
        """
        self.settings = settings
        self._base = settings.public_url.rstrip("/") or base
        self._now = now
        self.key = kept_key(settings.data_dir / "seal.key", new_bytes)
        self.seal = Seal(self.key)
        self.database = Database.open(settings.database_url)
        self._number_rows = Rows(self.database, self.clock)
        self.numbers = Numbers(self._number_rows)
        self.lobbies = Lobbies(lambda: new_bytes(16).hex())
        self.live = BookedMeetings(now, self.lobbies)
        self.hall_desk: HallDesk | None = None
        """Set by the composition where halls are on."""
        self.administered = True
        """Somebody who can sign in administers the whole."""
        self.first_secret = ""
        """Of the link that makes the first administrator; empty when there is one."""
        self.demo_secrets: dict[str, str] = {}
        """Of links by account of the demonstration, while it has no password."""
        secure = settings.encrypted or settings.public_url.startswith("https:")
        options = Options(
            secure=secure,
            public_url=settings.public_url,
            issuer=_issuer(settings),
            mails=bool(settings.smtp_host),
            halls=settings.halls,
            approver_factor=settings.second_factor_approvers,
        )
        self.access = Access(self.database, self.seal, self.clock, options)
        self.worker = Worker(self.database, self._works(), self.clock)
        self.desk = self._desk(authenticator)
        self.access.live = self.live
        self.live.elsewhere = lambda name: self.desk.checks.admit(name, now())
        self.live.on_opened = self._opened
        self.live.on_closed = self._closed

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    @property
    def routers(self) -> "list[APIRouter]":
        from signaling.access.routing import router  # heavy

        return [router(self.access)]

    async def prepare(self) -> None:
        """The database is there and has the newest shape. Raises SettingsError."""
        try:
            await self._migrate()
            await self.database.transact(defaults.keep_types)
            if self.settings.demo:
                await self._load_demo()
            await self._look_for_administrator()
            await self._remember_lobbies()
            self.numbers.restore(await self._number_rows.all())
            await self._remember_doors()
        except (OSError, SQLAlchemyError) as error:
            why = reason(error)
            raise SettingsError(
                f"Không mở được cơ sở dữ liệu: {why}.", f"The database cannot be opened: {why}."
            ) from error

    def open(self, registry: Registry) -> None:
        """Watch over these conferences."""
        self.live.registry = registry

    async def work(self) -> None:
        """Do what is due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.worker.run())
            group.create_task(self._keep_records())
            group.create_task(self._watch_accounts())

    async def _keep_records(self) -> None:
        """Sign the audit trail and put its checkpoints where they can leave the host, forget keys of requests that nobody
        repeats any more and numbers of meetings that nobody came to for long; a full disk does not end it.
        """
        folder = self.settings.audit_dir or self.settings.data_dir / "audit"
        while True:
            try:
                await upkeep.keep(self.database, self.settings.data_dir, folder, self.clock())
                await self.database.transact(lambda session: creation.forget_keys(session, self.clock()))
                await self.numbers.renew(self._occupied())
            except (OSError, SQLAlchemyError, Refusal) as error:
                log.warning("records could not be kept: %s", error)
            await asyncio.sleep(limits.KEEP_S)

    def _occupied(self) -> list[str]:
        """Names of conferences with somebody in them."""
        registry = self.live.registry
        return [] if registry is None else [one.name for one in registry.all() if one.participants]

    async def ready(self) -> bool:
        """The database answers."""
        try:
            async with asyncio.timeout(limits.DATABASE_ANSWER_S), self.database.reading() as session:
                await session.execute(text("SELECT 1"))
        except (OSError, SQLAlchemyError, TimeoutError):
            return False
        return True

    async def stored(self) -> metrics.Stored:
        """How much waits, of what is in the database; nothing when it does not answer."""
        try:
            async with asyncio.timeout(limits.DATABASE_ANSWER_S), self.database.reading() as session:
                queues = await outbox.count_waiting(session, self.clock())
                return metrics.Stored(queues, await legs.count_states(session))
        except (OSError, SQLAlchemyError, TimeoutError):
            return metrics.Stored({}, {})

    async def close(self) -> None:
        await self.live.settle()
        await self.access.settled()
        self.access.close()
        await self.database.close()

    async def _migrate(self) -> None:
        url = self.settings.database_url
        if url.startswith("sqlite:"):
            self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep_out_of_git(self.settings.data_dir)
        try:
            found = await steps.current(url)
            if found == steps.newest():
                return
            # An empty one has nothing to lose: the first start needs no command before it.
            if self.settings.database_upgrade or not found:
                await steps.upgrade(url)
            else:
                raise SettingsError(
                    "Cơ sở dữ liệu chưa đúng phiên bản của chương trình. Hãy sao lưu rồi chạy: diemcau db upgrade.",
                    "The database has not the shape that this program needs. Back it up, then run: diemcau db upgrade.",
                )
        except Refusal as refusal:
            raise SettingsError(refusal.vietnamese, refusal.english) from refusal

    async def _remember_doors(self) -> None:
        """Tokens from before a restart meet the same door."""
        async with self.database.reading() as session:
            for one in await entry.doors(session, self.clock()):
                self.live.set_door(*one)

    async def _remember_lobbies(self) -> None:
        """Restore the lobbies that hosts have set, and who is kept out."""
        await self.database.transact(lambda session: lobbies.forget(session, self.clock()))
        async with self.database.reading() as session:
            bars = await lobbies.bars(session, conference.limits.LOBBIES_BARRED)
            states = await lobbies.stored(session, conference.limits.LOBBY_SETTINGS - len(bars))
        for name, on, planned in states:
            self.lobbies.restore(name, LobbySetting(on, planned, bars.pop(name, ())))
        for name, barred in bars.items():
            self.lobbies.restore(name, LobbySetting(False, None, barred))

    async def keep_bars(self, name: str, bars: Sequence[tuple[str, str]]) -> None:
        """Whom the hosts of a conference keep out. Raises what the database raises."""
        await self.database.transact(lambda session: lobbies.store_bars(session, name, bars, self.clock()))

    async def keep_lobby(self, name: str, on: bool, planned: bool | None) -> None:
        """A host sets a lobby. Raises what the database raises: then nothing is set."""
        await self.database.transact(lambda session: lobbies.store(session, (name, on, planned), self.clock()))

    async def _load_demo(self) -> None:
        now = self.clock()
        async with self.database.reading() as session:
            empty = await loading.offered(session)
        if empty:
            done = await self.database.transact(lambda session: loading.load(session, COMMAND, now))
        elif self.settings.local_creation:
            done = await self.database.transact(lambda session: loading.unused(session, COMMAND, now))
        else:
            return
        self.demo_secrets = {f"{name} ({done.roles[name]})": secret for name, secret in done.links.items()}

    async def _look_for_administrator(self) -> None:
        now = self.clock()
        async with self.database.reading() as session:
            self.administered = await first_administrator.administered(session, now)
        if self.administered or not self.settings.local_creation:
            return
        _, self.first_secret = await self.database.transact(
            lambda session: first_administrator.link(session, COMMAND, now)
        )

    def first_link(self, address: str) -> str:
        """What the administrator opens to sign in for the first time; empty when there is one."""
        return link_url(address, self.first_secret) if self.first_secret else ""

    async def note_lobby(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> None:
        """What the bearer of a host's token decided at the door of a booked meeting, in the audit trail."""
        if not self.live.owns(grants.conference):
            return
        now, date_id = self.clock(), grants.conference.removeprefix(PREFIX)
        # `WAY.WHO.…` of a booked meeting; whoever holds the server's own key has a name of his own choice.
        who = grants.identity.split(".")[1] if "." in grants.identity else ""
        actor = Actor("link", who or grants.identity, name=grants.name, address=address)

        async def work(session: AsyncSession) -> None:
            unit_id = await entry.host_unit_of(session, date_id)
            more = {"by": grants.name, **detail}
            await audit.record(session, now, actor, action, "occurrence", date_id, unit_id, more)

        await self.database.transact(work)

    async def still_host(self, grants: Grants) -> None:
        """Check a host's key. Its account is still signed in where the key was given, and still a host. Where another system got
        the key, the API key of that system still counts. Raise Refusal `signed_out` or `denied`. While the database is away every
        host keeps the right: what a host does is written down first.
        """
        client = grants.session.removeprefix(OF_CLIENT) if grants.session.startswith(OF_CLIENT) else ""
        if not ((grants.account or client) and self.live.owns(grants.conference)):
            return
        try:
            async with self.database.reading(brief=True) as session:
                if client:
                    found = await session.get(Client, client)
                    if found is None or found.revoked_at is not None:
                        raise conference.Refusal("signed_out", *KEY_REVOKED)
                    return
                signed = await self._signed_in(session, grants)
                if signed is None:
                    raise conference.Refusal("signed_out", *SIGNED_OUT)
                if not await self._is_host(session, grants, signed):
                    raise conference.Refusal("denied", *NO_HOST)
        except (OSError, SQLAlchemyError) as error:
            log.warning("a host's right could not be looked at: %s", reason(error))

    async def _signed_in(self, session: AsyncSession, grants: Grants) -> SignIn | None:
        """Return the session in which the key was given; None if that session or its account has ended."""
        account = await session.get(Account, grants.account)
        if account is None or not account.active:
            return None
        current = self.live.current(grants.session)
        rows = await signing.sessions(session, account.id, self.clock())
        return next((one for one in rows if session_id(one.digest) == current), None)

    async def _is_host(self, session: AsyncSession, grants: Grants, signed: SignIn | None) -> bool:
        """Tell whether the account is still a host. A session that has ended had the factors when the host joined."""
        account = await session.get(Account, grants.account)
        if account is None:
            return False
        now, factors = self.clock(), signed.factors if signed is not None else 2
        actor = await actors.of_account(session, account, now, factors=factors)
        try:
            return (await entry.by_account(session, grants.conference.removeprefix(PREFIX), actor, now)).host
        except Refusal:  # called off, or not invited any more
            return False

    async def end_meeting(self, name: str) -> None:
        """A host ends it for everybody. Raises Refusal `conference_not_found`."""
        if self.live.owns(name):
            date_id = name.removeprefix(PREFIX)
            if await self.database.transact(lambda session: dates.end_now(session, date_id, self.clock())):
                self.live.end_date(date_id)
        if self.live.registry is not None:
            self.live.registry.delete(name)

    async def _watch_accounts(self) -> None:
        """Accounts that another process has switched off have no calls; whose role is gone is no host, and stays."""
        hosts_at = 0.0
        while True:
            await asyncio.sleep(limits.ACCOUNTS_LOOKED_S)
            with_hosts = self._now() - hosts_at >= limits.HOSTS_LOOKED_S
            try:
                await self._look_at_accounts(with_hosts)
            except (OSError, SQLAlchemyError) as error:
                log.warning("accounts could not be looked at: %s", reason(error))
            if with_hosts:
                hosts_at = self._now()

    async def _look_at_accounts(self, with_hosts: bool) -> None:
        here = self.live.signed_in()
        if not here:
            return
        async with self.database.reading(brief=True) as session:
            off = select(Account.id).where(Account.id.in_({who.account for _, who in here}), Account.active.is_(False))
            gone = list(await session.scalars(off))
            hosts = [one for one in here if one[1].passage is Passage.HOST] if with_hosts else []
            lost = [
                (meeting, who)
                for meeting, who in hosts
                if not await self._is_host(session, who, await self._signed_in(session, who))
            ]
        for account in gone:
            self.live.end_account(account)
        for meeting, who in lost:
            participant = meeting.participants.get(who.identity)
            if participant is not None:
                participant.change_grants(replace(participant.grants, passage=Passage.ADMITTED))

    async def _opened(self, occurrence_id: str, at: datetime) -> None:
        await self.database.transact(lambda session: dates.opened(session, occurrence_id, at))

    async def _closed(self, occurrence_id: str, at: datetime) -> None:
        await self.database.transact(lambda session: dates.closed(session, occurrence_id, at))

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
        around = Around(key=self.key, base=self._base, sender=settings.mail_from)
        ranges = settings.webhook_private_ranges
        return works(self.database, mailer, around, self.seal, ranges, timers.HANDLERS)

    def demo_links(self, address: str) -> dict[str, str]:
        """What signs in once as somebody of the demonstration who has no password yet."""
        return {name: link_url(address, secret) for name, secret in self.demo_secrets.items()}

    def _desk(self, authenticator: Authenticator) -> Desk:
        return Desk(
            database=self.database,
            doorman=self.access,
            live=self.live,
            lobbies=self.lobbies,
            sign=authenticator.sign,
            now=self._now,
            key=self.key,
            seal=self.seal,
            number_tries=NumberTries(),
            links=Throttle(limits.LINKS_PER_MINUTE),
            passes=Throttle(limits.PASSES_PER_MINUTE),
            profiles=ProfileBook(),
            checks=self._checks(authenticator),
            wake=self.worker.wake,
            public_url=self.settings.public_url,
            suffix=lambda: new_bytes(5).hex(),
            hall_desk=lambda: self.hall_desk,
            local_demo=self.settings.local_creation,
        )

    def _checks(self, authenticator: Authenticator) -> Checks:
        """Who tries his devices before a meeting."""
        return Checks(
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
            with contextlib.suppress(conference.Refusal):  # it has ended before
                registry.delete(name)


def _issuer(settings: Settings) -> Issuer | None:
    """The single sign-on of the settings."""
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
