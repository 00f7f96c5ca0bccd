"""The identity of a caller, signing in and signing out: the state that routes share.

The module owns the throttles and the hashing threads of this process. A sign-in checks in order: network, name, hash, second
factor. A browser that signed in to the account before has its own throttles and its own queue. Therefore strangers cannot lock
out the owner.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from conference.ports.shared import Shared
from rooms.accounts import actors, clients, second_factor, signing
from rooms.accounts import limits as accounts
from rooms.accounts.passwords import Hashing
from rooms.accounts.signing import Signed
from rooms.identifiers import digest
from rooms.policy.actors import Actor
from rooms.sealing import Seal
from rooms.store import audit
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from signaling.access import limits, origin, refusals
from signaling.access.backoff import Backoff
from signaling.access.cookies import Cookies
from signaling.access.refusals import refused
from signaling.front.strangers import prove
from signaling.host.throttle import Throttle, network

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Issuer:
    """A server for single sign-on (OpenID Connect)."""

    url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    label: str = "SSO"
    """Text on the button for single sign-on."""
    unit_code: str = ""
    """Code of the unit that gets the people whom the issuer knows and this server does not. Empty: only accounts made here may
    sign in.
    """
    authority: str = ""
    """File of the authority (PEM) that signed the issuer's certificate, if no public authority signed it."""


@dataclass(frozen=True)
class Options:
    """`secure`: browsers reach this server by TLS."""

    secure: bool = True
    public_url: str = ""
    """Address that people open, if it differs from the Host header."""
    issuer: Issuer | None = None
    mails: bool = False
    """The server sends mail, so pages may say that invitees get a mail."""
    halls: bool = False
    """Hall terminals may be connected, so pages may show their state."""
    halls_local: bool = False
    """No terminal on another machine reaches the SIP ports."""
    approver_factor: bool = False
    """Approvers need a second factor, like operators and administrators."""


class Live(Protocol):
    """The calls and keys of signed-in users. Sessions have the names that `GET /sessions` returns."""

    def end_account(self, account: str, keep: str = "") -> None:
        """End all calls of the account now, except those of the session `keep`."""

    def end_session(self, session: str) -> None:
        """End all calls that the session opened."""

    def rotate(self, old: str, new: str) -> None:
        """Rename a session: the same browser continues with another secret."""

    def calls_of(self, session: str) -> int:
        """Return the number of running calls of the session."""


class Nothing:
    """A `Live` for a server without calls."""

    def end_account(self, account: str, keep: str = "") -> None:
        return

    def end_session(self, session: str) -> None:
        return

    def rotate(self, old: str, new: str) -> None:
        return

    def calls_of(self, session: str) -> int:
        return 0


class Access:
    """The reader of sessions and keys; it also opens sessions. `clock` returns aware UTC."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        clock: Callable[[], datetime],
        shared: Shared,
        options: Options | None = None,
        hashing: Hashing | None = None,
    ) -> None:
        self.database = database
        self.seal = seal
        self.clock = clock
        self.shared = shared
        self.options = options or Options()
        self.cookies = Cookies(self.options.secure, seal)
        self.hashing = hashing or Hashing()
        self.names = Backoff(shared, "names")
        self.codes = Backoff(shared, "codes")
        self.live: Live = Nothing()
        """The calls and keys of signed-in users."""
        self._notes: set[asyncio.Task[None]] = set()
        self.networks = Throttle(shared, "sign-in failures", limits.FAILURES_PER_MINUTE, limits.NETWORKS_REMEMBERED)

    def close(self) -> None:
        """Stop the hashing threads."""
        self.hashing.close()

    async def actor(self, request: HTTPConnection, now: datetime, *, seen: bool = True) -> Actor | None:
        """Return the caller by key or cookie. Return None if neither is given, or if the session of the cookie has ended.
        `seen` false: do not count this request as a sign of life.

        Raises Refusal `client_key_wrong`. With a cookie it also raises the refusals of `origin.check`, `second_factor_needed`
        (the code of the application is missing) and `password_change_needed`.
        """
        found = await self._actor(request, now, seen)
        if found is not None:
            prove(request.scope)
        return found

    async def _actor(self, request: HTTPConnection, now: datetime, seen: bool) -> Actor | None:
        key = _key(request)
        if key is not None:
            return await self._client(key, request)
        secret = self._secret(request)
        if secret is None:
            return None
        async with self.database.reading(brief=True) as session:
            signed = await signing.signed(session, secret, now)
            if signed is None:
                return None
            if signed.needs_code:
                raise refusals.second_factor_needed()
            if signed.must_change:
                raise refused("password_change_needed")
            found = await self._acting(session, signed, request, now)
        if seen:
            await self._note_seen(signed, secret, now)
        return replace(found, session=session_id(signed.row.digest))

    async def required(self, request: HTTPConnection, now: datetime) -> Actor:
        """Return the caller as `actor` does. Raises Refusal `signed_out` if there is no caller."""
        found = await self.actor(request, now)
        if found is None:
            raise refused("signed_out")
        return found

    async def signed(self, request: HTTPConnection, now: datetime) -> Signed | None:
        """Return the session of the cookie, or None. The session may still need a code or a new password. Raises the refusals
        of `origin.check`.
        """
        secret = self._secret(request)
        if secret is None:
            return None
        async with self.database.reading(brief=True) as session:
            found = await signing.signed(session, secret, now)
        if found is not None:
            await self._note_seen(found, secret, now)
        return found

    def _secret(self, request: HTTPConnection) -> str | None:
        """Return the secret of the cookie, or None without a cookie. Raises the refusals of `origin.check`: only our own pages
        may use the cookie to change data.
        """
        secret = self.cookies.secret(request)
        if secret is not None:
            origin.check(request)
        return secret

    async def _note_seen(self, signed: Signed, secret: str, now: datetime) -> None:
        if now - signed.row.seen_at > timedelta(seconds=limits.SEEN_EVERY_S):
            await self.database.transact(lambda s: signing.seen(s, digest(secret), now))

    async def actor_of(self, signed: Signed, request: HTTPConnection, now: datetime) -> Actor:
        """Return the actor of a session."""
        async with self.database.reading() as session:
            return await self._acting(session, signed, request, now)

    async def _acting(self, session: AsyncSession, signed: Signed, request: HTTPConnection, now: datetime) -> Actor:
        return await actors.of_account(
            session,
            signed.account,
            now,
            factors=signed.row.factors,
            address=address_of(request),
            approver_factor=self.options.approver_factor,
        )

    async def sign_in(self, request: HTTPConnection, name: str, password: str, now: datetime) -> tuple[Account, str]:
        """Return (account, secret of its session). Raises Refusal `too_many_requests`, `sign_in_slowed`, `sign_in_failed`,
        `busy`.
        """
        name = name.strip().lower()
        device = self.cookies.known(request, name)
        self._admit(request, name, device, now)
        key = _attempt(name, device)
        try:
            account = await self._verified(request, name, password, device)
        except BaseException:
            self.names.uncount(key, now)
            raise
        if account is None:
            self._note_later(name, key, address_of(request), now)
            raise refused("sign_in_failed")
        self.names.forgive(key)
        if device is None:
            self.networks.gives_back(address_of(request))
        return account, await self.database.transact(lambda s: self._start(s, account, request, now))

    async def second_step(self, signed: Signed, code: str, now: datetime) -> str:
        """Return the secret of the new session that replaces `signed`. Raises Refusal `second_factor_wrong`, `sign_in_slowed`."""
        await self.prove(signed.account, code, now)
        secret = await self.database.transact(lambda s: signing.upgrade(s, signed, now))
        self.live.rotate(session_id(signed.row.digest), session_id(digest(secret)))
        return secret

    async def prove(self, account: Account, code: str, now: datetime) -> None:
        """Check the code of the application, or a recovery code. Raises Refusal `second_factor_wrong`, `sign_in_slowed`."""
        self.codes.admit(account.id, now)

        async def use(session: AsyncSession) -> bool:
            row = await session.get_one(Account, account.id, with_for_update=True)
            return second_factor.check(row, code, self.seal, now)

        if not await self.database.transact(use):
            raise second_factor.wrong()
        self.codes.forgive(account.id)

    def _admit(self, request: HTTPConnection, name: str, device: str | None, now: datetime) -> None:
        if device is None and not self.networks.takes(address_of(request), now.timestamp()):
            raise refused("too_many_requests")
        self.names.admit(_attempt(name, device), now)

    async def _verified(self, request: HTTPConnection, name: str, password: str, device: str | None) -> Account | None:
        """Return the account if the password is right. An unknown name costs as much work as a known one."""
        account: Account | None = None

        async def stored() -> str:
            nonlocal account
            async with self.database.reading(brief=True) as session:
                account = await signing.named(session, name)
            return account.password if account is not None and account.active else ""

        source = device or network(address_of(request))
        right = await self.hashing.verify(stored, password, source=source, known=device is not None)
        if account is None or not right:
            return None
        if self.hashing.is_old(account.password):
            await self._rehash(account, password, source)
        return account

    async def _rehash(self, account: Account, password: str, source: str) -> None:
        before, renewed = account.password, await self.hashing.hash(password, source)

        async def store(session: AsyncSession) -> None:
            row = await session.get_one(Account, account.id, with_for_update=True)
            if row.password == before:
                row.password = renewed

        await self.database.transact(store)

    async def _start(self, session: AsyncSession, account: Account, request: HTTPConnection, now: datetime) -> str:
        await signing.forget_ended(session, now)
        address = address_of(request)
        actor = Actor("account", account.id, account.person_id or "", address=address)
        await audit.record(session, now, actor, "session.start", "account", account.id)
        return await signing.start(session, account, now, address=address, agent=agent_of(request))

    def _note_later(self, name: str, key: str, address: str, now: datetime) -> None:
        """Write to the audit trail that the password of an account is being guessed. There is one entry for each pause, so
        guessing cannot fill the trail. The entry follows the answer: it exists only for known names, and its delay would
        reveal them.
        """
        failures = self.names.failures(key)
        if failures < accounts.FREE_FAILURES or len(self._notes) >= limits.NOTES:
            return
        task = asyncio.create_task(self._note_failure(name, failures, address, now))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def settled(self) -> None:
        """Wait until all entries about guessing are written."""
        for failed in await asyncio.gather(*self._notes, return_exceptions=True):
            if isinstance(failed, Exception):
                log.error("a failed sign-in could not be written to the audit trail", exc_info=failed)

    async def _note_failure(self, name: str, failures: int, address: str, now: datetime) -> None:
        await asyncio.sleep(limits.NOTE_AFTER_S)

        async def note(session: AsyncSession) -> None:
            account = await signing.named(session, name)
            if account is not None:
                watcher = Actor("system", address=address)
                detail = {"failures": failures}
                await audit.record(session, now, watcher, "session.guessed", "account", account.id, "", detail)

        try:
            await self.database.transact(note)
        except (OSError, SQLAlchemyError) as error:
            log.warning("a failed sign-in could not be written to the audit trail: %s", type(error).__name__)

    async def _client(self, key: str, request: HTTPConnection) -> Actor:
        async with self.database.reading(brief=True) as session:
            found = await clients.by_key(session, key, address_of(request))
        if found is None:
            raise refused("client_key_wrong")
        return found


def session_id(row_digest: str) -> str:
    """Return the name of a session for people and tokens. The name gives no access."""
    return row_digest[:32]


def address_of(request: HTTPConnection) -> str:
    return request.client.host if request.client else ""


def agent_of(request: HTTPConnection) -> str:
    """Return the start of the User-Agent header. A blank replaces each character that is not printable."""
    text = request.headers.get("user-agent", "")[: limits.AGENT_CHARACTERS]
    return "".join(one if one.isprintable() else " " for one in text)


def _key(request: HTTPConnection) -> str | None:
    """Return a client key, or None. Other bearer tokens (of live conferences) are for other parts."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key.startswith(clients.PREFIX):
        return None
    return key[: limits.KEY_BYTES]


def _attempt(name: str, device: str | None) -> str:
    return f"device:{device}:{name}" if device else f"name:{name[:100]}"
