"""The actions of hosts in booked meetings: the lobby's setting, the audit trail, the end of the meeting for all.

The module owns the check whether the account behind a host's key is still signed in and still a host.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

import conference
from conference import Grants, Passage
from conference.chair.course.rollcall import Site
from rooms.accounts import actors, signing
from rooms.booking.changes import dates, ending
from rooms.dialling import contacts, legs, opening
from rooms.errors import Refusal
from rooms.meetings import entry, lobbies
from rooms.policy.actors import Actor
from rooms.proceedings import notes
from rooms.store import audit
from rooms.store.database import Database, reason
from rooms.store.tables.accounts import Account, Client, SignIn
from rooms.store.tables.meetings import Meeting, Occurrence
from signaling.access.access import session_id
from signaling.host import limits, tasks
from signaling.host.dates import PREFIX
from signaling.host.tokens import OF_CLIENT
from signaling.meetings.booked import KEY_REVOKED, NO_HOST, SIGNED_OUT, BookedMeetings
from signaling.meetings.reports import Reports, Told
from signaling.orders.doorway import Called

log = logging.getLogger(__name__)


Dials = Callable[[str, Sequence[str], Actor], Awaitable[list[dict[str, Any]]]]
"""(date, legs, actor) -> one result of `signaling.halls.board.values` for each leg."""


class Hosts:
    """The actions of hosts in the booked meetings of one process."""

    def __init__(self, database: Database, live: BookedMeetings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._live = live
        self._clock = clock
        self.extended: Callable[[], None] = lambda: None
        """Called after a host extended a date."""
        self.dials: Dials | None = None
        """Calls halls again. None: halls are off."""
        self._decisions = Reports(lambda: clock().timestamp(), "a decision of a host", limits.UNSTORED_DECISIONS)
        """The decisions that took effect and are not stored yet."""
        self._checks: dict[tuple[str, str, str], asyncio.Task[conference.Refusal | None]] = {}
        """The checks that wait for the database, by conference, account and session."""

    async def keep_bars(self, name: str, bars: Sequence[tuple[str, str]]) -> None:
        """Store the people that the hosts of a conference keep out. Raises the errors of the database."""
        await self._database.transact(lambda session: lobbies.store_bars(session, name, bars, self._clock()))

    async def keep_lobby(self, name: str, on: bool, planned: bool | None) -> None:
        """Store a host's setting of a lobby. Raises the errors of the database; then nothing is stored."""
        await self._database.transact(lambda session: lobbies.store(session, (name, on, planned), self._clock()))

    async def note_lobby(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> None:
        """Write to the audit trail what the bearer of a host's token decided at the lobby of a booked meeting."""
        if not self._live.owns(grants.conference):
            return
        await self._noting(grants, action, detail, address)(grants.conference.removeprefix(PREFIX), self._clock())

    def note_later(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> None:
        """Do the same as `note_lobby` in the background, for a decision that took effect. The decisions of a meeting are written
        in their order when the database answers.
        """
        if self._live.owns(grants.conference):
            self._decisions.tell(grants.conference, self._noting(grants, action, detail, address))

    def _noting(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> Told:
        """Return the function that writes a decision about a date to the audit trail."""
        actor, more = _bearer(grants, address), {"by": grants.name, **detail}

        async def note(date_id: str, at: datetime) -> None:
            async def work(session: AsyncSession) -> None:
                unit_id = await entry.host_unit_of(session, date_id)
                await audit.record(session, at, actor, action, "occurrence", date_id, unit_id, more)

            await self._database.transact(work)

        return note

    async def settle(self) -> None:
        """Wait until all decisions are stored. Each gets one more attempt."""
        await self._decisions.settle()
        await tasks.end(self._checks.values())

    async def still_host(self, grants: Grants, *, patient: bool = False) -> None:
        """Check a host's key: its account must still be signed in where the key was given, and must still be a host. If another
        system got the key, the API key of that system must still be valid. Raise Refusal `signed_out` or `denied`.

        While the database is away every host keeps the right, and also if the check takes longer than `HOST_CHECKED_S`.
        `patient`: wait until the end of the check.
        """
        client = grants.session.removeprefix(OF_CLIENT) if grants.session.startswith(OF_CLIENT) else ""
        if not ((grants.account or client) and self._live.owns(grants.conference)):
            return
        name = (grants.conference, grants.account, grants.session)
        check = self._checks.get(name)
        if check is None:
            # A task, because the cancellation of a statement waits for the database too.
            check = self._checks[name] = asyncio.create_task(self._check_host(grants, client))
            check.add_done_callback(lambda _: self._checks.pop(name, None))
        await asyncio.wait([check], timeout=None if patient else limits.HOST_CHECKED_S)
        if not check.done():
            log.warning("the rights of a host are not checked yet: the database does not answer")
        elif (why := check.result()) is not None:
            raise conference.Refusal(why.code, why.vietnamese, why.english)

    async def _check_host(self, grants: Grants, client: str) -> conference.Refusal | None:
        """Return why a host's key no longer counts. `client`: the system that got the key, empty for an account."""
        try:
            async with self._database.reading(brief=True) as session:
                if client:
                    found = await session.get(Client, client)
                    gone = found is None or found.revoked_at is not None
                    return conference.Refusal("signed_out", *KEY_REVOKED) if gone else None
                signed = await self._signed_in(session, grants)
                if signed is None:
                    return conference.Refusal("signed_out", *SIGNED_OUT)
                if not await self._is_host(session, grants, signed):
                    return conference.Refusal("denied", *NO_HOST)
        except (OSError, SQLAlchemyError) as error:
            log.warning("the rights of a host could not be checked: %s", reason(error))
        return None

    async def _signed_in(self, session: AsyncSession, grants: Grants) -> SignIn | None:
        """Return the session in which the key was given; None if that session or its account has ended."""
        account = await session.get(Account, grants.account)
        if account is None or not account.active:
            return None
        current = self._live.current(grants.session)
        rows = await signing.sessions(session, account.id, self._clock())
        return next((one for one in rows if session_id(one.digest) == current), None)

    async def _is_host(self, session: AsyncSession, grants: Grants, signed: SignIn | None) -> bool:
        """Report whether the account is still a host. An ended session counts with two factors, as when the host joined."""
        account = await session.get(Account, grants.account)
        if account is None:
            return False
        now, factors = self._clock(), signed.factors if signed is not None else 2
        actor = await actors.of_account(session, account, now, factors=factors)
        try:
            return (await entry.by_account(session, grants.conference.removeprefix(PREFIX), actor, now)).host
        except Refusal:  # the date is cancelled, or the account is no longer invited
            return False

    async def begin_meeting(self, grants: Grants, address: str) -> None:
        """Open the meeting of a host's token: its halls no longer wait. Raises Refusal `not_on_now`."""
        name = grants.conference
        if not self._live.owns(name):
            return
        now, date_id = self._clock(), name.removeprefix(PREFIX)
        actor = _bearer(grants, address)
        terminals = await self._database.transact(lambda session: opening.begin(session, date_id, actor, now))
        self._live.begin(date_id, terminals)

    async def about(self, date_id: str) -> tuple[str, float | None]:
        """Return the title of a date's meeting, and its booked end in Unix seconds. Raises the errors of the database."""
        async with self._database.reading(brief=True) as session:
            date = await session.get(Occurrence, date_id)
            if date is None:
                return "", None
            meeting = await session.get_one(Meeting, date.meeting_id)
            return meeting.title, date.ends_at.timestamp()

    async def roll_sites(self, name: str) -> list[Site]:
        """Return the invited sites of a booked meeting in the order of the unit tree. A hall has the identity of its call. Only
        hosts read the telephone numbers, because a host looks after the sites of the meeting.
        """
        if not self._live.owns(name):
            return []
        async with self._database.reading() as session:
            found = await contacts.expected(session, name.removeprefix(PREFIX), self._clock())
        return [_roll_site(one) for one in found]

    async def call_halls(self, grants: Grants, terminals: Collection[str], address: str) -> list[Called]:
        """Call these terminals of the booked date of a host again. Raise Refusal `halls_off` without halls."""
        if self.dials is None or not self._live.owns(grants.conference):
            raise conference.Refusal("halls_off")
        date_id = grants.conference.removeprefix(PREFIX)
        async with self._database.reading() as session:
            actor = await self._actor(session, grants, address)
            known = await legs.of_date(session, date_id)
        wanted = {one.leg.id: one.terminal.id for one in known if one.terminal.id in terminals}
        rows = await self.dials(date_id, list(wanted), actor) if wanted else []
        return [Called(wanted[row["leg_id"]], row["ok"], row["vi"], row["en"]) for row in rows]

    async def keep_note(self, name: str, wanted: notes.Written, by_name: str) -> int:
        """Store a note of the secretary about a booked date, and return its new version. Raise Refusal as `notes.put` does."""
        now, date_id = self._clock(), name.removeprefix(PREFIX)
        return await self._database.transact(lambda session: notes.put(session, date_id, wanted, by_name, now))

    async def close_date(self, name: str) -> None:
        """Close the door of the booked date at once, and end the date in the calendar. The conference goes on."""
        if self._live.owns(name):
            date_id = name.removeprefix(PREFIX)
            self._live.end_date(date_id)
            await self._database.transact(lambda session: ending.end_now(session, date_id, self._clock()))

    async def end_meeting(self, name: str) -> None:
        """End the meeting for all participants at once, and then store the end. Raises Refusal `conference_not_found`."""
        tried = self._end_date(name.removeprefix(PREFIX)) if self._live.owns(name) else None
        if self._live.registry is not None:
            self._live.registry.delete(name)
        if tried is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.END_STORED_S):
                    await tried.wait()

    def _end_date(self, date_id: str) -> asyncio.Event:
        """Close the door of a date, and store its end in the background. The door opens again if the date has not begun: then
        the host ended a rehearsal. The returned event is set after the first attempt.
        """
        tried, was_open = asyncio.Event(), self._live.end_date(date_id)

        async def end(_: str, at: datetime) -> None:
            try:
                if not await self._database.transact(lambda session: ending.end_now(session, date_id, at)) and was_open:
                    self._live.end_date(date_id, over=False)
            finally:
                tried.set()

        self._decisions.tell(PREFIX + date_id, end)
        return tried

    async def extend(self, grants: Grants, minutes: int, address: str) -> datetime:
        """Extend the booked date of a host. Return its new end. Raise the refusals of `dates.extend`, and `not_booked`."""
        if not self._live.owns(grants.conference):
            raise Refusal("not_booked", "Cuộc họp này không có lịch.", "this meeting has no booking")
        now, date_id = self._clock(), grants.conference.removeprefix(PREFIX)

        async def work(session: AsyncSession) -> datetime:
            actor = await self._actor(session, grants, address)
            return (await dates.extend(session, date_id, minutes, actor, now, host=True)).ends_at

        ends_at = await self._database.transact(work)
        self.extended()
        return ends_at

    async def _actor(self, session: AsyncSession, grants: Grants, address: str) -> Actor:
        """Return the account of a host, or the personal link."""
        account = await session.get(Account, grants.account) if grants.account else None
        if account is not None:
            return await actors.of_account(session, account, self._clock(), factors=2)
        who = grants.identity.split(".")[1] if "." in grants.identity else ""
        return Actor("link", (who or grants.identity)[:32], name=grants.name, address=address)

    async def watch_accounts(self) -> None:
        """Watch the accounts in calls. The calls of an account that another process disabled end. A host who has lost the role
        stays in the call without the rights of a host.
        """
        hosts_at = 0.0
        while True:
            await asyncio.sleep(limits.ACCOUNTS_LOOKED_S)
            with_hosts = self._clock().timestamp() - hosts_at >= limits.HOSTS_LOOKED_S
            try:
                await self.look_at_accounts(with_hosts)
            except (OSError, SQLAlchemyError) as error:
                log.warning("the accounts of live meetings could not be checked: %s", reason(error))
            if with_hosts:
                hosts_at = self._clock().timestamp()

    async def look_at_accounts(self, with_hosts: bool) -> None:
        here = self._live.signed_in()
        if not here:
            return
        async with self._database.reading(brief=True) as session:
            off = select(Account.id).where(Account.id.in_({who.account for _, who in here}), Account.active.is_(False))
            gone = list(await session.scalars(off))
            hosts = [one for one in here if one[1].passage is Passage.HOST] if with_hosts else []
            lost = [
                (meeting, who)
                for meeting, who in hosts
                if not await self._is_host(session, who, await self._signed_in(session, who))
            ]
        for account in gone:
            self._live.end_account(account)
        for meeting, who in lost:
            participant = meeting.participants.get(who.identity)
            if participant is not None:
                participant.change_grants(replace(participant.grants, passage=Passage.ADMITTED))


def _bearer(grants: Grants, address: str) -> Actor:
    """Return the bearer of a host's token as an actor for the audit trail."""
    # `WAY.WHO.…` in a booked meeting. A bearer of the server's own key has an identity of free choice.
    who = grants.identity.split(".")[1] if "." in grants.identity else ""
    return Actor("link", who or grants.identity, name=grants.name, address=address)


def _roll_site(one: contacts.Expected) -> Site:
    """Return the site for the roll call. Its id is the identity of its terminal, otherwise an identity with the bearer of its
    invitation, so that votes, reports and the stage find who is there.
    """
    by_link = f"personal_link.{one.invitation}.site" if one.invitation else f"site.{one.site_id}"
    identity = f"hall_terminal.{one.terminal_id}" if one.terminal_id else by_link
    return Site(identity, one.site, one.unit, one.terminal_id if one.dialled else "", one.phone, one.invitation)
