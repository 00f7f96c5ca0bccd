"""Orders that act at once, also while the database is away. A desk ends when the account behind its key is switched off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from conference.ground.events import Reason
from rooms.store.database import Database
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.records import AuditEntry
from signaling.desk.channels import Channels
from signaling.orders.doorway import Doorway
from tests.signaling.api.live.test_hosting import Held, held
from tests.signaling.api.live.test_joining import START, pin_of
from tests.signaling.api.office import Office
from tests.signaling.api.test_meetings import approved

__all__ = ["held"]
WAIT_S = 20


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function after which no transaction of a database succeeds."""

    async def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("insert", None, OSError("away"))

    return lambda: monkeypatch.setattr(Database, "transact", fails)


async def test_mute_remove_lock_and_end_act_without_the_database(held: Held, away: Any) -> None:
    _, host, chair = await held.chair()
    guest, other = await held.guest(), await held.guest("Anh Tùng", "10.2.2.2")
    desk = held.path.replace("/host", "/desk")
    token = held.office.authenticator.sign(other.participant.grants, 600, held.time.time())
    away()
    assert (await host.post(f"{desk}/mute_all", json={})).json()["muted"] == 2
    assert guest.muted
    assert (await host.post(f"{desk}/remove", json={"identity": guest.identity})).status_code == 200
    assert guest.left() is Reason.REMOVED
    assert (await host.post(f"{desk}/lock", json={"locked": True})).status_code == 200
    assert chair.conference.machines.rules.locked
    assert (await host.post(f"{desk}/end", json={})).status_code == 200
    assert [chair.left(), other.left()] == [Reason.CONFERENCE_DELETED] * 2
    assert held.shut(token) == "ended"


@pytest.fixture
def hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """An event. While it is not set, a database keeps all who ask it waiting."""
    answers, transact, reading = asyncio.Event(), Database.transact, Database.reading
    answers.set()

    async def writes(*wanted: Any, **more: Any) -> Any:
        await answers.wait()
        return await transact(*wanted, **more)

    @asynccontextmanager
    async def reads(*wanted: Any, **more: Any) -> AsyncIterator[AsyncSession]:
        await answers.wait()
        async with reading(*wanted, **more) as session:
            yield session

    monkeypatch.setattr(Database, "transact", writes)
    monkeypatch.setattr(Database, "reading", reads)
    yield answers
    answers.set()


async def test_mute_remove_and_end_act_and_answer_while_the_database_hangs(held: Held, hangs: asyncio.Event) -> None:
    _, host, chair = await held.chair()
    guest, other = await held.guest(), await held.guest("Anh Tùng", "10.2.2.2")
    desk = held.path.replace("/host", "/desk")
    token = held.office.authenticator.sign(other.participant.grants, 600, held.time.time())
    await held.office.secretariat.live.reports.settle()
    hangs.clear()
    async with asyncio.timeout(WAIT_S):
        muted = (await host.post(f"{desk}/mute_all", json={})).json()
        assert muted["muted"] == 2
        undo = await host.post(f"{desk}/mute_all_undo", json={"undo": muted["undo"]})
        assert undo.json()["asked"] == 2, "the answer came in time for the undo"
        assert (await host.post(f"{desk}/remove", json={"identity": guest.identity})).status_code == 200
        assert guest.left() is Reason.REMOVED
        assert (await host.post(f"{desk}/end", json={})).status_code == 200
    assert [chair.left(), other.left()] == [Reason.CONFERENCE_DELETED] * 2
    assert held.shut(token) == "ended"
    hangs.set()
    await held.office.secretariat.hosts.settle()
    async with held.office.database.reading() as session:
        rows = await session.scalars(
            select(AuditEntry).where(AuditEntry.object_id == held.date).order_by(AuditEntry.seq)
        )
        noted = [one.action for one in rows if one.action.startswith("host.")]
        assert (await session.get_one(Occurrence, held.date)).state == "ended"
    assert noted == ["host.mute_all", "host.remove", "host.end"]


async def test_a_rehearsal_that_ended_while_the_database_hangs_leaves_the_date_to_come(
    office: Office, hangs: asyncio.Event
) -> None:
    meeting = await approved(office, starts_at=office.at(START))
    office.pass_minutes(155)
    held = Held(office, meeting, await pin_of(office, meeting))
    _, host, chair = await held.chair()
    hangs.clear()
    async with asyncio.timeout(WAIT_S):
        assert (await held.do(host, "end")).status_code == 204
    assert chair.left() is Reason.CONFERENCE_DELETED
    hangs.set()
    await held.office.secretariat.hosts.settle()
    assert (await held.knock()).status_code == 202


async def test_the_desk_of_an_account_that_is_switched_off_ends_at_once(held: Held) -> None:
    office = held.office
    desk, _, chair = await held.chair()
    key = (await desk.post(f"/occurrences/{held.date}/moderation")).json()["key"]
    secretariat = office.secretariat
    shared, hosts = secretariat.lobbies.shared, secretariat.hosts
    around = Doorway(office.authenticator, secretariat.lobbies, shared, secretariat.live, hosts, held.time.time)
    channels = Channels(around, held.time, iter(map(str, range(9))).__next__, secretariat.about)
    grants = office.authenticator.verify(key, held.time.time())
    channel, _ = await channels.welcome(grants, None, "10.1.1.1")
    held.time.advance(1)  # the booked facts reach the document
    woken = asyncio.Event()
    channel.attach(woken.set, lambda _: None)
    assert channel.audience == "host"
    assert '"title":' in (channel.take() or "")
    watching = asyncio.create_task(channels.run())
    secretariat.live.end_account(grants.account)
    await asyncio.wait_for(woken.wait(), WAIT_S)
    watching.cancel()
    assert channel.code == 4003
    assert '"signed_out"' in (channel.take() or "")
    assert len(channels) == 0
    assert chair.left() is Reason.REMOVED
