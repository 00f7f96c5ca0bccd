"""The stored memory of a meeting: what a restart finds, what retention deletes, and what a stop for secret content destroys."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.proceedings import reading, retention, writing
from rooms.proceedings.writing import Batch, Run
from rooms.store import scrubbing
from rooms.store.backup import archive
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.proceedings import ChatLine, MeetingEvent, Sitting, SittingState
from rooms.store.tables.records import AuditEntry
from tests.rooms.booking.test_calls import approved, date_id
from tests.rooms.province import Province

SECRET = "Phương án bí mật Z9"
CHAIR = Actor("link", "chair", name="Chủ tịch Nguyễn Văn A")


def event(at: datetime, last: int = 0, **values: object) -> writing.Values:
    none = dict.fromkeys(("by_id", "by_name", "way", "on_id", "on_name"), "")
    return (
        {"place": writing.place(at, last), "at": at, "kind": "set_item", "for_chair": False, "detail": {}}
        | none
        | values
    )


def line(at: datetime, words: str) -> writing.Values:
    none = dict.fromkeys(("to_id", "to_name", "reply_to"), "")
    return {"id": new_id(), "at": at, "identity": "browser.an", "name": "An", "text": words} | none


def stay(at: datetime, left: datetime | None = None) -> writing.Values:
    values = {"identity": "browser.an", "name": "An", "came_at": at, "left_at": left}
    return {"id": "s" * 32, "reason": "client_initiated" if left else ""} | values


def turn(at: datetime, ended: datetime | None = None) -> writing.Values:
    values = {"identity": "browser.an", "name": "An", "kind": "speech", "delegation": "Sở Y tế"}
    return {"id": "t", "began_at": at, "ended_at": ended} | values


def everything(at: datetime, words: str) -> Batch:
    return Batch(
        states={"agenda": {"version": 1, "items": [{"title": words}]}},
        events=[event(at, by_name="An", detail={"title": words})],
        stays={"s": stay(at)},
        turns={"t": turn(at)},
        lines=[line(at, words)],
    )


async def write(database: Database, run: Run, batch: Batch, at: datetime) -> None:
    await database.transact(lambda session: writing.write(session, run, batch, at))


@pytest.fixture
async def run(database: Database, province: Province, now: datetime) -> Run:
    meeting = await approved(database, province, now)
    date = await date_id(database, meeting)
    return Run(new_id(), f"o-{date}", date, now)


async def test_a_restart_finds_the_last_state_and_who_was_there(database: Database, run: Run, now: datetime) -> None:
    """A batch whose answer was lost is written again: nothing is doubled."""
    first, later = everything(now, "Mở đầu"), now + timedelta(minutes=5)
    for _ in range(2):
        await write(database, run, first, now)
    await write(database, run, Batch(states={"agenda": {"version": 2}}, turns={"t": turn(now, later)}), later)
    async with database.reading() as session:
        (found,) = await reading.unfinished(session, later, 10)
        assert await session.scalar(select(func.count()).select_from(MeetingEvent)) == 1
        (spoke,) = await reading.turns(session, run.occurrence_id or "")
    assert found.run == run
    assert found.seen_at == later
    assert found.states == {"agenda": {"version": 2}}
    assert [one.name for one in found.stays] == ["An"]
    assert found.turns == ()
    assert [one.text for one in found.lines] == ["Mở đầu"]
    assert (spoke.began_at, spoke.ended_at, spoke.delegation) == (now, later, "Sở Y tế")


async def test_an_ended_or_old_sitting_is_not_found_again(database: Database, run: Run, now: datetime) -> None:
    await write(database, run, everything(now, "x"), now)
    idle = now + timedelta(hours=limits.SITTING_IDLE_HOURS)
    async with database.reading() as session:
        assert len(await reading.unfinished(session, idle - timedelta(seconds=1), 10)) == 1
        assert await reading.unfinished(session, idle, 10) == []
    await database.transact(lambda session: retention.end_lost(session, idle))
    async with database.reading() as session:
        assert await session.scalar(select(Sitting.ended_at)) == now, "when it was last seen"


async def test_a_date_that_was_deleted_loses_its_record_and_later_rows_do_no_harm(
    database: Database, run: Run, now: datetime
) -> None:
    unknown = Run(run.id, run.conference, "no-such-date", now)
    await write(database, unknown, everything(now, "x"), now)
    async with database.reading() as session:
        assert await session.scalar(select(Sitting.occurrence_id)) is None


async def test_each_type_says_how_long_chat_and_record_are_kept(database: Database, run: Run, now: datetime) -> None:
    batch = everything(now, "x")
    batch.ended_at = now

    async def set_days(session: AsyncSession) -> None:
        await session.execute(update(MeetingType).values(chat_days=7, log_days=60))

    await database.transact(set_days)
    await write(database, run, batch, now)
    without = Run(new_id(), "giao-ban", None, now)
    await write(database, without, Batch(events=[event(now)], ended_at=now), now)

    async def left(days: float) -> tuple[int, int]:
        await database.transact(lambda session: retention.forget(session, now + timedelta(days=days)))
        async with database.reading() as session:
            counts = [await session.scalar(select(func.count()).select_from(kind)) for kind in (ChatLine, MeetingEvent)]
        return counts[0] or 0, counts[1] or 0

    assert await left(6.9) == (1, 2)
    assert await left(7) == (0, 2)
    assert await left(59.9) == (0, 2)
    assert await left(60) == (0, 1)
    assert await left(limits.INSTANT_LOG_DAYS) == (0, 0)


async def test_the_audit_chain_seals_the_result_of_a_vote_once_and_without_title(
    database: Database, run: Run, now: datetime
) -> None:
    """A batch whose answer was lost is written again."""
    detail = {"vote": "v", "title": SECRET, "result": {"digest": "d" * 64, "adopted": True}}
    batch = Batch(events=[event(now, kind="vote_closed", by_name="Thư ký Lan", detail=detail)])
    for _ in range(2):
        await write(database, run, batch, now)
    async with database.reading() as session:
        rows = list(await session.scalars(select(AuditEntry).where(AuditEntry.action == "meeting.vote_closed")))
    (row,) = rows
    assert (row.object_kind, row.object_id) == ("occurrence", run.occurrence_id)
    assert row.detail == {"vote": "v", "digest": "d" * 64, "by": "Thư ký Lan"}


def test_texts_and_details_fit_into_both_databases(now: datetime) -> None:
    assert writing.text("a\0b\ud800c" + "x" * 300, 200) == "ab?c" + "x" * 196
    most = "x" * (limits.EVENT_DETAIL_CHARS - len('{"a": ""}'))
    assert writing.detail({"a": most}) == {"a": most}
    assert writing.detail({"a": most + "x"}) == {"cut": True, "parts": ["a"]}
    long = {"title": "Bầu cử", "elected": ["Ô" * 200] * 64, "result": {"digest": "d" * 64}}
    assert writing.detail(long) == {
        "title": "Bầu cử",
        "result": {"digest": "d" * 64},
        "cut": True,
        "parts": ["elected"],
    }
    assert writing.place(now, 0) < writing.place(now, writing.place(now, 0))


def files(url: str) -> Iterator[Path]:
    """The files of a SQLite database with its log, or the tables of a PostgreSQL server."""
    if url.startswith("sqlite"):
        path = Path(make_url(url).database or "")
        yield from path.parent.glob(path.name + "*")
        return
    folder = Path(str(make_url(url).query["host"]))
    yield from (one for one in (folder / "data" / "base").rglob("*") if one.is_file())


def holds(url: str, words: str) -> list[str]:
    """The files with these words, as text or as JSON that escapes them."""
    forms = (words.encode(), words.encode("unicode_escape"))
    return [one.name for one in files(url) if any(form in one.read_bytes() for form in forms)]


async def test_a_stop_for_secret_content_leaves_who_and_when_and_no_word(
    database: Database, run: Run, database_url: str, now: datetime, tmp_path: Path
) -> None:
    """The words were rewritten many times before, so that old pages of the files hold them too."""
    words = f"{SECRET} {new_id()}"
    for minute in range(20):
        await write(database, run, everything(now, words + "." * 100 * minute), now + timedelta(minutes=minute))
    async with database.engine.connect() as connection:
        if database.dialect == "postgresql":
            await connection.execute(text("CHECKPOINT"))
    assert holds(database_url, words), "the search must be able to find the words"
    at = now + timedelta(hours=1)
    await database.transact(lambda session: retention.wipe(session, run.id, CHAIR, at, for_chair=True))
    async with database.reading() as session:
        assert await retention.unscrubbed(session) == [run.id]
    await scrubbing.scrub(database, (ChatLine, SittingState, MeetingEvent))
    await database.transact(lambda session: retention.note_scrubbed(session, [run.id], at))
    assert holds(database_url, words) == []
    await archive.backup(database_url, tmp_path / "backup", at)
    assert not [one for one in (tmp_path / "backup").iterdir() if words.encode() in one.read_bytes()]
    async with database.reading() as session:
        assert await retention.unscrubbed(session) == []
        (kept,) = await session.scalars(select(MeetingEvent))
        assert (kept.by_name, kept.at, kept.detail) == ("An", now, {})
        assert [one.name for one in await reading.stays(session, run.occurrence_id or "")] == ["An"]
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "meeting.secret_stop"))
        title = await session.scalar(select(Meeting.title).join(Occurrence, Occurrence.meeting_id == Meeting.id))
    assert entry is not None
    assert (entry.actor, entry.at, entry.object_id) == ("link:chair", at, run.occurrence_id)
    assert entry.detail == {"by": CHAIR.name, "for_chair": True}
    assert title
    assert title not in str(entry.detail)
