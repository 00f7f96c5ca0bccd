"""The data that is saved for the next server: the registrations of terminals, and the dialogs of their calls.

An outgoing call is saved before its INVITE, and its dialog before the ACK of its 2xx. An incoming call is saved before its
answer. So the next server knows every call that a terminal may still be in, ends these calls, and only then calls.
`rooms.dialling.saved_calls` owns the rows, and `signaling.sip.call.orphans` ends the calls by SIP.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from conference.ports.halls import DialOrder
from rooms.dialling import saved_calls
from rooms.store.database import Database
from rooms.store.tables.dialling import SipBinding, SipDialog
from signaling.halls.ground import limits
from signaling.sip.agent.agent import Agent
from signaling.sip.agent.registrar import Account, Binding
from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.call.orphans import CallRecord
from signaling.sip.dialog.dialog import Dialog, place
from signaling.sip.transaction.transport import RELIABLE, Hop, same_host
from signaling.sip.wire.fields import Malformed, Uri, read_address, read_uri

log = logging.getLogger(__name__)
Start = Callable[[Coroutine[Any, Any, Any]], None]
UNWRITTEN = (OSError, SQLAlchemyError, UnicodeError)
"""The database is away, or cannot store the tag of the other side: a quoted tag may have any bytes."""


class Clock(Protocol):
    def time(self) -> float: ...
    def monotonic(self) -> float: ...


class SavedCalls:
    """A process has one object of this class. `place`: the prefix of the names of all workers that may have worked here."""

    def __init__(self, agent: Agent, database: Database, worker: str, place: str, clock: Clock, start: Start) -> None:
        self.agent = agent
        self._database, self._worker, self._place, self._clock, self._start = database, worker, place, clock, start
        self._aliases: set[str] = set()
        """The aliases whose registrations must be written."""
        self._over: set[str] = set()
        """The dialogs that must be deleted."""
        self._writing = False
        self._left: list[SipDialog] = []
        """The dialogs of earlier servers at this place."""
        self._ending: dict[str, asyncio.Future[bool]] = {}
        """The dialogs of earlier servers that `end_all` ends, by the id of the row. The result is True if the terminal was
        reached, or if nothing more can be learned about the call.
        """
        self._seen: dict[str, Binding] = {}
        """The address of a hall's last call, by leg. The hall dialled in, or it was in a call when the earlier server died. A
        hall without registration and without a SIP address in the register is called there.
        """

    # -- registrations

    async def restore(self, account: Callable[[str], Account | None]) -> None:
        """Restore the registrations that the earlier server knew, and read the dialogs that it left. Raise the errors of the
        database.
        """
        async with self._database.reading() as session:
            rows = await saved_calls.bindings(session, self._now())
            self._left = await saved_calls.left(session, self._place, self._worker) if self._place else []
        for row in self._left:
            record = _record(row)
            if record is not None and record.hop is not None:
                self._see(row.leg_id, record.target, record.hop)
        ahead = self._clock.monotonic() - self._clock.time()
        found = ((row, account(row.alias)) for row in rows)
        self.agent.registrar.restore(
            binding
            for row, owner in found
            if owner is not None and (binding := _binding(row, owner, ahead)) is not None
        )
        self.agent.registrar.noted = self.note

    def seen(self, leg_id: str) -> Binding | None:
        """Return the address of the hall's last call, or None if no address is kept."""
        return self._seen.get(leg_id)

    def _see(self, leg_id: str | None, target: Uri, hop: Hop) -> None:
        """Keep the address of a call. A connection through NAT is not kept, because the server cannot connect back to it."""
        if leg_id is not None and not (hop.reliable and not same_host(target.host, hop.host)):
            if len(self._seen) >= limits.PLACES_SEEN:
                del self._seen[next(iter(self._seen))]
            self._seen[leg_id] = Binding("", target, hop, "", 0, inf)

    def note(self, alias: str) -> None:
        """Save the registration of a terminal that has registered, has refreshed its registration, or is gone."""
        self._aliases.add(alias)
        self._write_soon()

    # -- calls

    async def begin(self, order: DialOrder, target: Target, is_wanted: Callable[[], bool]) -> CallRecord | None:
        """Save an outgoing call before the terminal receives it. Return None if the call is not wanted any more.

        First the calls of this leg that other workers left are ended. After this method the next server knows of this call.
        """
        over = await self._clear(order.leg_id, target)
        record = self.agent.record_of(target, order.call_id)
        await self._begin(record, order.leg_id, over)
        if is_wanted():
            return record
        self.over(record.call_id, record.local.tag)
        return None

    async def _begin(self, record: CallRecord, leg_id: str, over: list[str]) -> None:
        """Save the call, and delete the dialogs `over`."""
        hop = record.hop or Hop("", record.target.host, record.target.port)
        row = _row(record.call_id, record.local.tag, hop, self._worker, self._now()) | {
            "leg_id": leg_id,
            "local": str(record.local),
            "remote": str(record.remote),
            "target": str(record.target),
            "branch": record.branch,
        }

        async def work(session: AsyncSession) -> None:
            await saved_calls.keep_dialog(session, row)
            await saved_calls.forget_dialogs(session, over)

        await self._database.transact(work)

    def stands(self, leg_id: str) -> Callable[[Dialog, Callable[[], None]], None]:
        """Return a function that saves the dialog of an outgoing call before the ACK of its 2xx. With a slow database the ACK
        waits `KEEP_DIALOG_S` at most.
        """

        async def write(dialog: Dialog, go_on: Callable[[], None]) -> None:
            try:
                async with asyncio.timeout(limits.KEEP_DIALOG_S):
                    await self._keep(dialog, leg_id)
            except UNWRITTEN as error:
                log.warning("an answered call could not be saved: %s", error)
            finally:
                go_on()

        return lambda dialog, go_on: self._start(write(dialog, go_on))

    async def came(self, call: Call) -> None:
        """Save an incoming call before its answer. If the database fails, the hall enters all the same."""
        if call.dialog is None:
            return
        try:
            await self._keep(call.dialog, None)
        except UNWRITTEN as error:
            log.warning("an incoming call could not be saved: %s", error)

    async def name(self, session: AsyncSession, call: Call, leg_id: str) -> None:
        """Save the leg that the call belongs to."""
        if (dialog := call.dialog) is not None:
            there = Hop(dialog.hop.transport, dialog.hop.host, dialog.hop.port)
            self._see(leg_id, dialog.target, place(dialog.target, there))
            await saved_calls.name_dialog(session, _id(dialog.call_id, dialog.local.tag), leg_id)

    def over(self, call_id: str, tag: str) -> None:
        """Delete the dialog of a call that has ended on both sides. `tag`: our tag."""
        self._over.add(_id(call_id, tag))
        self._write_soon()

    # -- calls of a server that died

    async def end_all(self) -> None:
        """End the calls of earlier servers at this place. A terminal that does not answer is tried again when its hall is
        called.
        """
        rows, loop = self._left, asyncio.get_running_loop()
        self._ending = {row.id: loop.create_future() for row in rows}
        for row in rows:
            self._end(row, None, self._ending[row.id])
        ended = await asyncio.gather(*self._ending.values())
        over = [row.id for row, reached in zip(rows, ended, strict=True) if reached]

        async def work(session: AsyncSession) -> None:
            await saved_calls.forget_ended(session, over)
            await saved_calls.forget_old(session, self._now())

        await self._database.transact(work)
        self._left = []

    async def _clear(self, leg_id: str, target: Target) -> list[str]:
        """End all calls of this leg in its terminal at `target`, so that the terminal is not in two calls. Return the dialogs
        that are over.
        """
        async with self._database.reading() as session:
            rows = await saved_calls.left_of_leg(session, leg_id, self._worker)
        ended = await asyncio.gather(*(self._ended(row, target) for row in rows))
        return [row.id for row, reached in zip(rows, ended, strict=True) if reached]

    async def _ended(self, row: SipDialog, target: Target) -> bool:
        """End one dialog. If the terminal has moved to another address or connection, the BYE goes there."""
        hop = target.binding.hop if target.binding is not None else None
        moved = hop is not None and (hop.flow != 0 or hop.host != row.host)
        if not moved and row.id in self._ending and await asyncio.shield(self._ending[row.id]):
            return True
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._end(row, target, done)
        return await done

    def _end(self, row: SipDialog, target: Target | None, done: asyncio.Future[bool]) -> None:
        def told(reached: bool) -> None:
            if not done.done():
                done.set_result(reached)

        record = _record(row)
        if record is None:
            told(True)  # The row cannot be read, so the call cannot be ended.
        else:
            self.agent.end_orphan(record, target, told)

    # -- rows

    async def _keep(self, dialog: Dialog, leg_id: str | None) -> None:
        row = _row(dialog.call_id, dialog.local.tag, dialog.hop, self._worker, self._now()) | {
            "leg_id": leg_id,
            "local": str(dialog.local),
            "remote": str(dialog.remote),
            "target": str(dialog.target),
            "routes": [str(route) for route in dialog.routes],
            "cseq": dialog.cseq,
        }
        await self._database.transact(lambda session: saved_calls.keep_dialog(session, row))

    def _write_soon(self) -> None:
        if not self._writing:
            self._writing = True
            self._start(self._write())

    async def _write(self) -> None:
        """Write all waiting registrations and ended calls, a few times a second at most."""
        try:
            while self._aliases or self._over:
                aliases, over = self._aliases, self._over
                self._aliases, self._over = set(), set()
                try:
                    await self._database.transact(lambda session: self._work(session, aliases, over))  # noqa: B023
                except (OSError, SQLAlchemyError) as error:
                    log.warning("registrations must wait for the database: %s", error)
                    self._aliases |= aliases
                    if len(self._over) + len(over) <= limits.DIALOGS_OVER:
                        self._over |= over
                    await asyncio.sleep(limits.NEWS_AGAIN_S)
                await asyncio.sleep(limits.KEPT_S)
        finally:
            self._writing = False

    async def _work(self, session: AsyncSession, aliases: set[str], over: set[str]) -> None:
        ahead = self._clock.time() - self._clock.monotonic()
        for alias in sorted(aliases):
            found = self.agent.registrar.all(alias) if self.agent is not None else []
            await saved_calls.keep_bindings(session, alias, [_binding_row(one, ahead) for one in found])
        if over:
            await saved_calls.forget_dialogs(session, over)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def _id(call_id: str, tag: str) -> str:
    return hashlib.sha256(f"{call_id}|{tag}".encode("utf-8", "surrogateescape")).hexdigest()


def _row(call_id: str, tag: str, hop: Hop, worker: str, now: datetime) -> dict[str, Any]:
    there = {"transport": hop.transport, "host": hop.host, "port": hop.port, "name": hop.name}
    return {"id": _id(call_id, tag), "call_id": call_id, "worker": worker, "at": now, "routes": [], "cseq": 0} | there


def _record(row: SipDialog) -> CallRecord | None:
    """Return the record of a row, or None if the row cannot be read."""
    try:
        target = read_uri(row.target)
        hop = place(target, Hop(row.transport, row.host, row.port, name=row.name)) if row.transport else None
        routes = tuple(read_address(one) for one in row.routes)
        local, remote = read_address(row.local), read_address(row.remote)
    except Malformed:
        log.warning("a call of the previous server process cannot be ended: its row cannot be read")
        return None
    return CallRecord(row.call_id, local, remote, target, hop, routes, row.cseq, row.branch)


def _binding_row(one: Binding, ahead: float) -> Mapping[str, Any]:
    """Return the row of a registration. `ahead`: seconds from the monotonic clock to the time of day."""
    return {
        "contact": str(one.contact),
        "transport": one.hop.transport,
        "host": one.hop.host,
        "port": one.hop.port,
        "call_id": one.call_id,
        "cseq": one.cseq,
        "until": datetime.fromtimestamp(one.until + ahead, UTC),
        "user_agent": one.user_agent,
    }


def _binding(row: SipBinding, owner: Account, ahead: float) -> Binding | None:
    try:
        contact = read_uri(row.contact)
    except Malformed:
        return None
    hop, until = Hop(row.transport, row.host, row.port), row.until.timestamp() + ahead
    own_flow = owner.behind_nat and row.transport in RELIABLE
    return Binding(row.alias, contact, hop, row.call_id, row.cseq, until, row.user_agent, own_flow)
