"""The report of 06:30: which halls are not registered, whom to phone, and how often it is made."""

import asyncio
from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.dialling import morning, saved_calls
from rooms.org.fields import midnight, today
from rooms.policy.actors import COMMAND, Actor
from rooms.sites import places
from rooms.store.database import Database
from rooms.store.tables.dialling import MorningReport, SipAccount
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.records import AuditEntry, Job
from rooms.store.tables.sites import Terminal
from tests.rooms.booking.test_calls import approved, date_id
from tests.rooms.province import Province

BINDING = {
    "contact": "<sip:xa1@10.0.0.1>",
    "transport": "udp",
    "host": "10.0.0.1",
    "port": 5060,
    "call_id": "c",
    "cseq": 1,
}


async def read(database: Database, actor: Actor, now: datetime) -> morning.Report | None:
    async with database.reading() as session:
        return await morning.read(session, actor, now)


async def test_the_report_names_unregistered_halls_once_a_day_and_follows_them(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, now)
    date = await date_id(database, meeting)
    operator = province.actor("operator", "tinh")

    async def work(session: AsyncSession) -> datetime:
        session.add(SipAccount(terminal_id="terminal-xa1", alias="xa1", algorithm="MD5", secret="", changed_at=now))
        person = {"technician": "Trần Văn Kỹ", "technician_phone": "0912 345 678"}
        await places.edit(session, province.sites["xa1"], person, COMMAND, now)
        await saved_calls.keep_bindings(session, "xa1", [BINDING | {"until": now}])  # it expired long ago
        return (await session.get_one(Occurrence, date)).starts_at

    starts_at = await database.transact(work)
    at = midnight(today(starts_at)) + timedelta(minutes=390)
    await database.transact(lambda session: morning.keep(session, at - timedelta(hours=1)))
    async with database.reading() as session:
        (job,) = await session.scalars(select(Job).where(Job.kind == morning.JOB))
        assert job.due_at == at
    for when in (at - timedelta(seconds=1), at, at + timedelta(minutes=5)):
        await database.transact(lambda session, when=when: morning.make(session, {}, when))  # type: ignore[misc]
    async with database.reading() as session:
        (kept,) = await session.scalars(select(MorningReport))
        dues = await session.scalars(select(Job.due_at).where(Job.kind == morning.JOB).order_by(Job.due_at))
        assert list(dues) == [at, at + timedelta(days=1)]
    assert kept.made_at == at
    report = await read(database, operator, at)
    assert report is not None
    row = next(one for one in report.rows if one.phone)
    assert (row.why, row.registered, row.technician, row.phone) == (
        morning.NOT_REGISTERED,
        False,
        "Trần Văn Kỹ",
        "0912 345 678",
    )
    assert (row.occurrence_id, row.starts_at) == (date, starts_at)
    foreign = await read(database, province.actor("operator", "khcn"), at)
    assert foreign is not None
    assert foreign.rows == ()
    live = BINDING | {"until": at + timedelta(minutes=10)}
    await database.transact(lambda session: saved_calls.keep_bindings(session, "xa1", [live]))
    report = await read(database, operator, at)
    assert report is not None
    assert next(one for one in report.rows if one.phone).registered
    assert await read(database, operator, at + timedelta(days=1)) is None


async def test_a_registered_hall_and_a_fixed_address_are_not_in_the_report(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, now)
    date = await date_id(database, meeting)
    async with database.reading() as session:
        starts_at = (await session.get_one(Occurrence, date)).starts_at
    at = midnight(today(starts_at)) + timedelta(minutes=390)

    async def work(session: AsyncSession) -> None:
        for terminal in await session.scalars(select(Terminal)):
            terminal.sip_uri = "sip:hall@10.0.0.1"
        session.add(SipAccount(terminal_id="terminal-xa1", alias="xa1", algorithm="MD5", secret="", changed_at=now))
        await saved_calls.keep_bindings(session, "xa1", [BINDING | {"until": at + timedelta(minutes=1)}])
        await morning.make(session, {}, at)

    await database.transact(work)
    report = await read(database, COMMAND, at)
    assert report is not None
    assert report.rows == ()

    async def gone(session: AsyncSession) -> None:
        await session.execute(delete(MorningReport))
        (await session.get_one(Terminal, "terminal-xa1")).sip_uri = ""
        await session.execute(delete(SipAccount))
        await morning.make(session, {}, at)

    await database.transact(gone)
    report = await read(database, COMMAND, at)
    assert report is not None
    assert [one.why for one in report.rows] == [morning.NO_ADDRESS]


async def test_old_reports_are_deleted(database: Database, now: datetime) -> None:
    day = today(now)
    old = day - timedelta(days=limits.MORNING_KEPT_DAYS + 1)

    async def work(session: AsyncSession) -> list[date]:
        session.add_all(MorningReport(day=one, made_at=now, terminals=[]) for one in (old, old + timedelta(days=1)))
        await session.flush()
        await morning.forget(session, now)
        return list(await session.scalars(select(MorningReport.day)))

    assert await database.transact(work) == [old + timedelta(days=1)]


async def test_a_server_that_starts_late_makes_the_report_of_the_day(database: Database, now: datetime) -> None:
    noon = midnight(today(now)) + timedelta(hours=12)
    for minutes in (0, 5):
        await database.transact(lambda session, at=noon + timedelta(minutes=minutes): morning.keep(session, at))  # type: ignore[misc]
    async with database.reading() as session:
        dues = await session.scalars(select(Job.due_at).where(Job.kind == morning.JOB).order_by(Job.due_at))
        assert list(dues) == [noon + timedelta(minutes=10), midnight(today(now)) + timedelta(days=1, minutes=390)]


async def test_an_operator_makes_the_report_again(database: Database, province: Province, now: datetime) -> None:
    """An early press does not freeze the list of the day: a later press replaces the list. Two presses at once both succeed."""
    meeting = await approved(database, province, now)
    date = await date_id(database, meeting)
    operator = province.actor("operator", "tinh")

    async def start(session: AsyncSession) -> datetime:
        session.add(SipAccount(terminal_id="terminal-xa1", alias="xa1", algorithm="MD5", secret="", changed_at=now))
        return midnight(today((await session.get_one(Occurrence, date)).starts_at)) + timedelta(minutes=390)

    at = await database.transact(start)

    async def press(when: datetime) -> morning.Report | None:
        await database.transact(lambda session: morning.make_again(session, operator, when))
        return await read(database, operator, when)

    assert await press(at - timedelta(minutes=1)) is None
    await database.transact(lambda session: morning.keep(session, at))
    first = await asyncio.gather(*(press(at) for _ in range(3)), database.transact(lambda s: morning.make(s, {}, at)))
    assert first[0] is not None
    listed = [one.terminal for one in first[0].rows]
    live = BINDING | {"until": at + timedelta(hours=1)}
    await database.transact(lambda session: saved_calls.keep_bindings(session, "xa1", [live]))
    soon = await press(at + timedelta(seconds=limits.MORNING_AGAIN_S - 1))
    assert soon is not None
    assert soon.made_at == at
    later = at + timedelta(seconds=limits.MORNING_AGAIN_S)
    again = await press(later)
    assert again is not None
    assert again.made_at == later
    assert len(again.rows) == len(listed) - 1, "xa1 has registered"
    async with database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.action == "hall_report.make")))
    assert {one.at for one in entries} <= {at, later}
    assert [one.detail for one in entries if one.at == later] == [{"count": len(again.rows)}]
