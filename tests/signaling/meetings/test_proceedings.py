"""The store of live meetings: what is there again after a kill, what an outage of the database does, and attendance that equals
what happened. Real conferences on doubles of media, and real databases.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import SQLAlchemyError

import rooms.limits
from conference import Passage, Refusal
from conference.chair import agenda
from conference.chair.rights import Role
from conference.ground.events import Reason
from conference.ports.proceedings import ChatLine, Record, Turn
from rooms.store.database import Database
from rooms.store.tables.columns import Row
from rooms.store.tables.meetings import MeetingType
from rooms.store.tables.proceedings import Attendance, MeetingEvent, Sitting, SittingState, SpeakingTurn
from rooms.store.tables.proceedings import ChatLine as StoredLine
from signaling.host import limits
from signaling.meetings.proceedings import Proceedings
from tests.clock import START
from tests.conference.doubles import World
from tests.conference.parties import Party
from tests.rooms.booking.test_calls import approved, date_id
from tests.rooms.postgres import Postgres
from tests.rooms.proceedings.test_proceedings import holds
from tests.rooms.province import Province
from tests.rooms.proxy import before
from tests.waiting import until

ROOM = "giao-ban"
MACHINES = ("first", "second", "third")
SECRET = "Nội dung mật Z7"


class Process:
    """A server process: conferences and their store. `kill` ends it as SIGKILL does."""

    def __init__(self, database: Database, start: float = 1000.0) -> None:
        self.database = database
        self.world = World(proceedings=None)
        self.world.time.now = start
        self.store = Proceedings(database, self.now)
        self.world = World(proceedings=self.store, observers=(self.store,))
        self.world.time.now = start

    @classmethod
    async def after(cls, killed: "Process", seconds: float) -> "Process":
        made = cls(killed.database, killed.world.time.now + seconds)
        await made.store.load()
        return made

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.time.time(), UTC)

    def pass_time(self, seconds: float) -> datetime:
        self.world.time.advance(seconds)
        return self.now()

    def join(self, name: str, room: str = ROOM, **options: Any) -> Party:
        return Party(self.world, name, room=room, **options)

    def restored(self, room: str) -> dict[str, Any]:
        """The states of the machines of this test. The conference has machines of its own."""
        return {name: state for name, state in self.store.restored(room).items() if name in MACHINES}

    def record(self, kind: str, **values: Any) -> Record:
        return Record(kind, self.world.time.time(), **values)

    async def stored(self) -> None:
        await until(lambda: self.store.waiting == 0, "all rows are stored")

    async def rows(self, kind: type[Row], order: Any) -> list[Any]:
        async with self.database.reading() as session:
            return list(await session.scalars(select(kind).order_by(order)))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer to store an order than people should wait."""
    monkeypatch.setattr(limits, "ORDER_STORED_S", 60.0)


@pytest.fixture
def now() -> datetime:
    return START


@pytest.fixture
async def process(database: Database) -> Process:
    return Process(database)


async def test_attendance_and_speaking_times_equal_what_happened(process: Process) -> None:
    came = process.now()
    an, binh = process.join("an"), process.join("binh")
    begun = process.pass_time(60)
    process.store.turn(ROOM, Turn("t1", "an", "An", begun.timestamp(), delegation="Sở Y tế"))
    ended = process.pass_time(90)
    process.store.turn(ROOM, Turn("t1", "an", "An", begun.timestamp(), ended.timestamp(), delegation="Sở Y tế"))
    process.store.turn(ROOM, Turn("t2", "binh", "Bình", ended.timestamp(), kind="reply"))
    left = process.pass_time(30)
    an.conference.kick("an")
    over = process.pass_time(5)
    process.world.registry.delete(ROOM)
    await process.stored()
    stays = await process.rows(Attendance, Attendance.identity)
    assert [(one.name, one.came_at, one.left_at, one.reason) for one in stays] == [
        ("An", came, left, "removed"),
        ("Binh", came, over, "conference_deleted"),
    ]
    turns = await process.rows(SpeakingTurn, SpeakingTurn.began_at)
    assert [(one.id, one.began_at, one.ended_at, one.kind) for one in turns] == [
        ("t1", begun, ended, "speech"),
        ("t2", ended, over, "reply"),  # the chair did not end this turn, so the end of the meeting did
    ]
    events = await process.rows(MeetingEvent, MeetingEvent.place)
    assert [(one.kind, one.on_id) for one in events] == [
        ("came", "an"),
        ("came", "binh"),
        ("left", "an"),
        ("left", "binh"),
    ]
    (sitting,) = await process.rows(Sitting, Sitting.id)
    assert (sitting.began_at, sitting.ended_at) == (came, over)
    assert binh.participant.left


async def test_after_a_kill_the_old_token_of_a_removed_person_opens_nothing(process: Process) -> None:
    issued_at = process.now().timestamp()
    process.join("an", issued_at=issued_at)
    binh = process.join("binh", issued_at=issued_at)
    process.pass_time(5)
    binh.conference.kick("binh")
    await process.stored()
    again = await Process.after(process, 20)
    for _ in range(2):  # as the first comer, and as a later one
        with pytest.raises(Refusal) as refused:
            again.join("binh", issued_at=issued_at)
        assert refused.value.code == "removed"
        again.join("an", issued_at=issued_at)
    assert not again.join("binh", issued_at=again.now().timestamp()).participant.left, "a host let the person in again"


async def test_after_a_kill_the_machines_go_on_where_they_were(process: Process) -> None:
    process.join("an")
    chair = process.record(
        "hand_over", by="an", by_name="An", for_chair=True, way="desk", on="an", detail={"role": "chair"}
    )
    await process.store.keep(ROOM, "first", {"version": 1, "chair": "an"}, [chair])
    process.store.note(ROOM, "second", {"version": 1, "queue": ["an"]})
    process.store.note(ROOM, "second", {"version": 1, "queue": ["an", "binh"]})
    await process.stored()
    seen = process.pass_time(40)
    await process.store.look()
    later = await Process.after(process, 5)
    assert later.restored(ROOM) == {
        "first": {"version": 1, "chair": "an"},
        "second": {"version": 1, "queue": ["an", "binh"]},
    }
    assert later.restored("another") == {}
    later.join("an")
    await later.stored()
    first, second = await later.rows(Attendance, Attendance.came_at)
    assert (first.left_at, first.reason) == (seen, "lost"), "after that the server saw nobody"
    assert second.left_at is None
    assert len(await later.rows(Sitting, Sitting.id)) == 1
    events = await later.rows(MeetingEvent, MeetingEvent.place)
    assert [one.kind for one in events] == ["came", "hand_over", "restarted", "came"]
    told = events[1]
    assert (told.by_name, told.for_chair, told.way, told.detail) == ("An", True, "desk", {"role": "chair"})


async def test_after_a_stop_and_start_of_the_server_the_floor_goes_on(process: Process) -> None:
    chair = process.join("chair", passage=Passage.HOST)
    process.join("an")
    meeting = chair.conference
    meeting.machines.hand(meeting.participants["an"], True)
    meeting.chair.call_speaker(meeting.machines.by("chair", "Chair", "desk"), "an", 60.0)
    process.world.time.turn()
    floor = process.store.restored(ROOM)["floor"]
    process.world.registry.close()
    await process.store.settle()
    later = await Process.after(process, 3)
    assert later.store.restored(ROOM)["floor"] == floor
    assert [
        one.identity for one in later.join("chair", passage=Passage.HOST).conference.machines.speech.state.turns
    ] == ["an"]


async def test_a_new_meeting_begins_new_and_a_booked_date_goes_on(
    database: Database, province: Province, now: datetime, process: Process
) -> None:
    meeting = await approved(database, province, now)
    date = f"o-{await date_id(database, meeting)}"
    for room in (ROOM, date):
        party = process.join("an", room)
        await process.store.keep(room, "first", {"chair": "an"})
        party.conference.kick("an")
    process.world.pass_time(25)
    assert len(process.world.registry) == 0, "all have left long ago"
    assert process.restored(ROOM) == {}
    assert process.restored(date) == {"first": {"chair": "an"}}
    await process.stored()
    later = await Process.after(process, limits.RESUMED_S + 1)
    assert later.restored(date) == {"first": {"chair": "an"}}
    later.join("binh", date)  # the server removed An, whose old token opens nothing
    later.world.registry.delete(date)
    assert later.restored(date) == {}
    await later.stored()
    assert (await Process.after(later, 1)).restored(date) == {}


@pytest.mark.parametrize("room", ["check-" + "0a" * 10, "hall-waiting"])
async def test_a_room_that_is_no_meeting_stores_nothing(process: Process, room: str) -> None:
    """A device check needs no account, so strangers could write rows without an end."""
    process.join("host", room, passage=Passage.HOST)
    an = process.join("an", room)
    meeting = an.conference
    meeting.machines.hand(an.participant, True)
    by = meeting.machines.by("host", "Host", "desk")
    meeting.chair.call_speaker(by, "an")
    process.world.time.turn()
    with pytest.raises(Refusal, match="not_stored"):
        await meeting.chair.appoint(by, "an", Role.CO_CHAIR)
    await meeting.course.stop(by)
    process.pass_time(60)
    process.world.registry.delete(room)
    process.join("an")
    await process.stored()
    (sitting,) = await process.rows(Sitting, Sitting.id)
    assert (sitting.conference, process.store.restored(room)) == (ROOM, {})


async def test_a_sitting_that_ended_when_all_left_is_not_begun_again_by_the_idle_conference(process: Process) -> None:
    an = process.join("an")
    an.participant.leave(Reason.CLIENT_INITIATED)
    process.store.leave(ROOM)
    an.conference.close(Reason.CONFERENCE_IDLE)
    await process.stored()
    (sitting,) = await process.rows(Sitting, Sitting.id)
    assert sitting.ended_at is not None


async def test_a_meeting_without_a_booking_goes_on_only_soon_after_a_kill(process: Process) -> None:
    process.join("an")
    await process.store.keep(ROOM, "first", {"chair": "an"})
    assert (await Process.after(process, limits.RESUMED_S - 1)).restored(ROOM) != {}
    assert (await Process.after(process, limits.RESUMED_S + 1)).restored(ROOM) == {}


async def test_a_date_that_was_left_long_ago_is_dropped(
    database: Database, province: Province, now: datetime, process: Process
) -> None:
    date = f"o-{await date_id(database, await approved(database, province, now))}"
    process.store.note(date, "first", {"chair": "an"})
    await process.stored()
    process.pass_time(timedelta(hours=rooms.limits.SITTING_IDLE_HOURS).total_seconds() - 1)
    await process.store.look()
    assert process.restored(date) != {}
    process.pass_time(1)
    await process.store.look()
    assert process.restored(date) == {}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_outage_refuses_stored_orders_and_loses_nothing_else(
    postgres: Postgres, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TELL_AGAIN_S", 0.1)
    name = database_url.split("@/")[1].split("?")[0]
    async with before(postgres, name) as (proxy, url):
        process = Process(Database.open(url))
        process.join("an")
        await process.store.keep(ROOM, "first", {"chair": "an"}, [process.record("hand_over")])
        plenty, proxy.left = proxy.left, 0
        with pytest.raises(Refusal) as refused:
            await process.store.keep(ROOM, "first", {"chair": "binh"}, [process.record("refused_order")])
        assert refused.value.code == "not_stored"
        assert "Cơ sở dữ liệu" in refused.value.vietnamese
        assert "database" in refused.value.english
        assert process.restored(ROOM) == {"first": {"chair": "an"}}
        process.store.note(ROOM, "second", {"queue": ["an"]}, [process.record("mute_one", on="an")])
        process.join("binh")
        assert process.store.waiting
        proxy.left = plenty
        await process.stored()
        events = await process.rows(MeetingEvent, MeetingEvent.place)
        assert [one.kind for one in events] == ["came", "hand_over", "mute_one", "came"]
        rows = await process.rows(SittingState, SittingState.machine)
        states = {one.machine: one.state for one in rows if one.machine in MACHINES}
        assert states == {"first": {"chair": "an"}, "second": {"queue": ["an"]}}
        await process.database.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_order_whose_answer_is_lost_is_taken_back(
    postgres: Postgres, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database commits the order, and its answer does not arrive: the chair was refused, so nothing of it may stay."""
    monkeypatch.setattr(limits, "TELL_AGAIN_S", 0.1)
    name = database_url.split("@/")[1].split("?")[0]
    async with before(postgres, name) as (proxy, url):
        process = Process(Database.open(url))
        await process.store.keep(ROOM, "first", {"chair": "an"})
        monkeypatch.setattr(limits, "ORDER_STORED_S", 0.5)
        direct = Database.open(database_url)
        order = asyncio.create_task(
            process.store.keep(ROOM, "first", {"chair": "binh"}, [process.record("refused_order")])
        )
        proxy.talks.clear()
        with pytest.raises(Refusal, match="not_stored"):
            await order
        proxy.talks.set()
        await process.stored()
        process = Process(direct)
        assert await process.rows(MeetingEvent, MeetingEvent.place) == []
        (state,) = await process.rows(SittingState, SittingState.machine)
        assert state.state == {"chair": "an"}
        await direct.close()


async def test_a_database_that_another_process_locks_refuses_the_order(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.store.keep(ROOM, "first", {"chair": "an"})
    monkeypatch.setattr(limits, "ORDER_STORED_S", 0.2)
    other = Database.open(process.database.engine.url.render_as_string().replace("+aiosqlite", ""))
    async with other.engine.connect() as connection:
        await connection.execution_options(diemcau_writes=True)
        async with connection.begin():
            await connection.execute(text("UPDATE pool SET legs = 1"))
            with pytest.raises(Refusal, match="not_stored"):
                await process.store.keep(ROOM, "first", {"chair": "binh"})
    await other.close()
    await process.stored()
    (state,) = await process.rows(SittingState, SittingState.machine)
    assert state.state == {"chair": "an"}


async def test_an_order_that_was_refused_in_the_queue_is_never_stored(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second order waits behind the first one in a slow database, and both are refused."""
    await process.store.keep(ROOM, "first", {"chair": "an"})
    monkeypatch.setattr(limits, "ORDER_STORED_S", 0.2)
    other = Database.open(process.database.engine.url.render_as_string(hide_password=False).replace("+aiosqlite", ""))
    async with other.engine.connect() as connection:
        await connection.execution_options(diemcau_writes=True)
        async with connection.begin():
            await connection.execute(text("UPDATE pool SET legs = 1"))
            orders = [
                process.store.keep(ROOM, "first", {"chair": one}, [process.record("hand_over", on=one)])
                for one in ("binh", "chi")
            ]
            answers = await asyncio.gather(*orders, return_exceptions=True)
            assert [getattr(one, "code", one) for one in answers] == ["not_stored", "not_stored"]
    await other.close()
    await process.store.settle()
    (state,) = await process.rows(SittingState, SittingState.machine)
    assert state.state == {"chair": "an"}
    assert await process.rows(MeetingEvent, MeetingEvent.place) == []
    assert process.restored(ROOM) == {"first": {"chair": "an"}}


async def test_the_wait_for_the_database_is_bounded_and_the_gap_is_named(
    process: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No task of the writer runs within this turn, so all rows wait."""
    monkeypatch.setattr(limits, "UNSTORED_ROWS", 10)
    for number in range(13):
        process.store.note(ROOM, "second", {"number": number}, [process.record("mute_one", on=str(number))])
    assert process.store.waiting <= 11
    await process.stored()
    events = await process.rows(MeetingEvent, MeetingEvent.place)
    assert [one.on_id for one in events[:-1]] == [str(number) for number in range(9)]
    assert (events[-1].kind, events[-1].detail) == ("gap", {"rows": 4})
    assert process.store.lost == 4
    assert process.restored(ROOM) == {"second": {"number": 12}}, "a state replaces the state before, and is never lost"
    assert "gap" in caplog.text


async def test_a_state_over_the_limit_is_refused(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STATE_BYTES", len('{"a": "xx"}'))
    await process.store.keep(ROOM, "first", {"a": "xx"})
    with pytest.raises(Refusal, match="not_stored"):
        await process.store.keep(ROOM, "first", {"a": "xxx"})
    process.store.note(ROOM, "second", {"a": "xxx"})
    assert process.store.lost == 1
    assert process.restored(ROOM) == {"first": {"a": "xx"}}


async def test_only_so_many_meetings_are_remembered(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SITTINGS", 2)
    for room in ("one", "two"):
        await process.store.keep(room, "first", {"chair": room})
    await process.store.keep("three", "first", {"chair": "three"})
    assert [process.restored(room) != {} for room in ("one", "two", "three")] == [False, True, True]


async def test_a_stop_for_secret_content_reaches_rows_that_still_wait(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    process.join("an")
    await process.store.keep(
        ROOM, "third", {"items": [SECRET]}, [process.record("set_item", by="an", detail={"t": SECRET})]
    )
    process.store.note(ROOM, "third", {"items": [SECRET, SECRET]}, [process.record("set_item", detail={"t": SECRET})])
    stop = process.record("secret_stop", by="an", by_name="An", for_chair=True)
    await process.store.forget(ROOM, stop, {"second": {"stopped_by": "an"}})
    assert process.restored(ROOM) == {"second": {"stopped_by": "an"}}
    # The meeting ends a moment later, and its machines say so: their words must not come back.
    process.store.note(ROOM, "third", {"items": [SECRET]}, [process.record("set_item", detail={"t": SECRET})])
    await process.store.keep(ROOM, "first", {"t": SECRET}, [process.record("set_item", detail={"t": SECRET})])
    await process.store.settle()
    assert [one.machine for one in await process.rows(SittingState, SittingState.machine)] == ["second"]
    events = await process.rows(MeetingEvent, MeetingEvent.place)
    assert [(one.kind, one.by_id, one.detail) for one in events] == [
        ("came", "", {}),
        ("set_item", "an", {}),
        ("set_item", "", {}),
        ("secret_stop", "an", {}),
        ("set_item", "", {}),
        ("set_item", "", {}),
    ]
    (sitting,) = await process.rows(Sitting, Sitting.id)
    assert sitting.wiped_at is not None
    assert sitting.scrubbed_at is not None
    later = await Process.after(process, 1)
    assert later.restored(ROOM) == {"second": {"stopped_by": "an"}}
    later.store.note(ROOM, "third", {"items": [SECRET]})
    await later.stored()
    assert [one.machine for one in await process.rows(SittingState, SittingState.machine)] == ["second"]
    assert SECRET not in caplog.text


async def turns() -> None:
    """Let each task go on until it waits for the database or for its turn there."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("waits", [False, True], ids=["first", "behind another"])
async def test_a_stop_reaches_an_order_and_a_chat_that_are_being_stored(
    database: Database, province: Province, now: datetime, process: Process, waits: bool
) -> None:
    """The database is slow: the order and the chat are in its transaction, or in the queue, when secret content comes up."""
    date = f"o-{await date_id(database, await approved(database, province, now))}"
    await process.store.keep(date, "first", {"version": 1})
    other = Database.open(database.engine.url.render_as_string(hide_password=False).replace("+aiosqlite", ""))
    async with other.engine.connect() as connection:
        await connection.execution_options(diemcau_writes=True)
        async with connection.begin():
            await connection.execute(text("UPDATE pool SET legs = 1"))
            line, stop = ChatLine("c1", 1.0, "an", "An", SECRET), process.record("secret_stop", by="an")
            if waits:
                process.store.chat(date, line)
                await turns()  # the chat is in its transaction now
            said = [process.record("set_item", detail={"t": SECRET})]
            order = asyncio.create_task(process.store.keep(date, "third", {"items": [SECRET]}, said))
            recess = asyncio.create_task(process.store.keep(date, "second", {"reason": SECRET}))
            await turns()
            assert process.store.waiting == (1 if waits else 2), "the database has not answered"
            if not waits:
                process.store.chat(date, line)
            stopped = asyncio.create_task(process.store.forget(date, stop, {"second": {"stopped_by": "an"}}))
            await turns()
    await asyncio.gather(order, recess, stopped)
    assert process.store.restored(date) == {"second": {"stopped_by": "an"}}
    assert process.store.chatted(date) == ()
    await process.store.settle()
    states = {one.machine: one.state for one in await process.rows(SittingState, SittingState.machine)}
    assert states == {"second": {"stopped_by": "an"}}
    assert SECRET not in str([one.detail for one in await process.rows(MeetingEvent, MeetingEvent.place)])
    assert await process.rows(StoredLine, StoredLine.id) == []
    await other.close()


@pytest.mark.parametrize(("kept", "lines"), [("kept", ["một", "hai"]), ("exported", ["một", "hai"]), ("forgotten", [])])
async def test_the_type_of_a_date_says_whether_its_chat_survives(
    database: Database, province: Province, now: datetime, process: Process, kept: str, lines: list[str]
) -> None:
    date = f"o-{await date_id(database, await approved(database, province, now))}"
    await database.transact(lambda session: session.execute(update(MeetingType).values(chat_kept=kept)))
    party = process.join("an", date)
    for room in (date, ROOM):
        for number, words in enumerate(("một", "hai")):
            process.store.chat(room, ChatLine(f"{room[:1]}{number}", 1.0 + number, "an", "An", words))
    await process.stored()
    assert [one.text for one in process.store.chatted(date)] == lines
    party.conference.kick("an")
    later = await Process.after(process, 1)
    assert [one.text for one in later.store.chatted(date)] == lines
    assert later.store.chatted(ROOM) == ()


async def test_the_chairs_stop_leaves_no_title_in_the_files_of_the_database(
    database: Database, database_url: str, province: Province, now: datetime, process: Process
) -> None:
    """The real machines: an agenda with the title, and a chat of a booked date with it."""
    date = f"o-{await date_id(database, await approved(database, province, now))}"
    chair = process.join("chair", date, passage=Passage.HOST)
    meeting = chair.conference
    by = meeting.machines.by("chair", "Chair", "desk")
    await meeting.agenda.give(by, agenda.Put((agenda.Item("a", SECRET), agenda.Item("b", "Công việc khác"))))
    await meeting.agenda.give(by, agenda.Next())
    chair.peer.hear("_reliable", b"|chat:" + json.dumps({"say": SECRET}).encode())
    await process.stored()
    assert holds(database_url, SECRET), "the search must be able to find the title"
    await meeting.course.stop(by)
    process.world.pass_time(60)
    assert meeting.closed
    await process.stored()
    await process.store.settle()
    assert holds(database_url, SECRET) == []
    kinds = [one.kind for one in await process.rows(MeetingEvent, MeetingEvent.place)]
    assert "secret_stop" in kinds
    assert len(await process.rows(Attendance, Attendance.id)) == 1


async def test_a_stop_while_the_database_is_away_is_done_later(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TELL_AGAIN_S", 0.05)
    await process.store.keep(ROOM, "third", {"items": [SECRET]})
    transact = process.database.transact

    async def away(_work: Any) -> None:
        raise SQLAlchemyError("away")

    monkeypatch.setattr(process.database, "transact", away)
    with pytest.raises(Refusal, match="not_stored"):
        await process.store.forget(ROOM, process.record("secret_stop", by="an"))
    monkeypatch.setattr(process.database, "transact", transact)

    async def done() -> bool:
        return await process.rows(SittingState, SittingState.machine) == []

    await until(done, "the words are destroyed")
    await process.store.settle()
