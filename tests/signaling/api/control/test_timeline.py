"""The timeline and the attendance of a date over the REST API, from a meeting that runs on doubles of media."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conference.ports.proceedings import ChatLine, Record, Turn
from rooms.booking.changes import ending
from rooms.dialling import legs
from rooms.identifiers import new_id
from rooms.org.fields import ZONE
from rooms.proceedings import attending, retention
from rooms.store.tables.dialling import DialLeg, SiteCall
from rooms.store.tables.proceedings import Attendance, SpeakingTurn
from tests.conference.doubles import World
from tests.conference.parties import Party
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved
from tests.waiting import until

TERMINAL, SITE = "terminal-khcn", "site-khcn"


async def held(office: Office) -> str:
    """Hold a meeting of some minutes, and return its date."""
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    date: str = (await desk.get(f"/meetings/{meeting['id']}")).json()["occurrences"][0]["id"]
    store = office.secretariat.proceedings
    world = World(proceedings=store, observers=(store,))
    room = f"o-{date}"
    an = Party(world, "browser.an.1", room=room)
    office.pass_minutes(1)
    await call(office, date)
    office.pass_minutes(1)
    began = office.now.timestamp()
    store.turn(room, Turn("t", "browser.an.1", "An", began, delegation="Sở Y tế"))
    by = {"by": "browser.chair.1", "by_name": "Thư ký Bình", "for_chair": True, "way": "desk"}
    store.note(room, "floor", {"turns": 1}, [Record("call_speaker", began, on="browser.an.1", on_name="An", **by)])  # type: ignore[arg-type]
    office.pass_minutes(2)
    store.turn(room, Turn("t", "browser.an.1", "An", began, office.now.timestamp(), delegation="Sở Y tế"))
    an.conference.kick("browser.an.1")
    await until(lambda: store.waiting == 0, "all rows are stored")
    return date


async def call(office: Office, date: str) -> None:
    """The call of a hall fails, an alarm is raised, and an operator phones the site."""

    async def work(session: AsyncSession) -> None:
        leg = DialLeg(id=new_id(), occurrence_id=date, terminal_id=TERMINAL, state="failed", since=office.now)
        leg.reason, leg.status = "busy", 486
        session.add(leg)
        await session.flush()
        await legs.raise_alarm(session, leg.id, "hall_busy", office.now + timedelta(seconds=1))
        session.add(SiteCall(occurrence_id=date, site_id=SITE, at=office.now + timedelta(seconds=2), by="Trực ban"))

    await office.database.transact(work)


@POSTGRESQL_IN_SIM
async def test_a_secretary_reads_what_happened_page_by_page(office: Office) -> None:
    date = await held(office)
    desk = await office.client("secretary", "khcn")
    lines: list[dict[str, Any]] = []
    wanted = {"limit": "2"}
    while "cursor" not in wanted or wanted["cursor"]:
        part = (await desk.get(f"/occurrences/{date}/timeline", params=wanted)).json()
        assert len(part["items"]) <= 2
        lines += part["items"]
        wanted["cursor"] = part["next"]
    assert [(one["kind"], one["on_id"]) for one in lines] == [
        ("came", "browser.an.1"),
        ("call_failed", f"hall_terminal.{TERMINAL}"),
        ("call_alarm", f"hall_terminal.{TERMINAL}"),
        ("site_phoned", SITE),
        ("call_speaker", "browser.an.1"),
        ("left", "browser.an.1"),
    ]
    assert lines[1]["detail"] == {"reason": "busy", "failure": "", "status": 486, "attempts": 1}
    assert (lines[3]["by_name"], lines[4]["by_name"], lines[4]["for_chair"], lines[4]["way"]) == (
        "Trực ban",
        "Thư ký Bình",
        True,
        "desk",
    )
    assert [one["at"] for one in lines] == sorted(one["at"] for one in lines)


@POSTGRESQL_IN_SIM
async def test_attendance_says_how_long_each_was_there_and_spoke(office: Office) -> None:
    date = await held(office)
    desk = await office.client("operator", "tinh")
    (row,) = (await desk.get(f"/occurrences/{date}/attendance")).json()["items"]
    assert (row["name"], row["stays"], row["present_s"]) == ("Browser.An.1", 1, 240)
    assert (row["turns"], row["spoken_s"], row["delegation"]) == (1, 120, "Sở Y tế")
    assert datetime.fromisoformat(row["left_at"]) - datetime.fromisoformat(row["came_at"]) == timedelta(minutes=4)


@POSTGRESQL_IN_SIM
async def test_the_attendance_is_a_file_too(office: Office) -> None:
    date = await held(office)
    desk = await office.client("secretary", "khcn")
    answer = await desk.get(f"/occurrences/{date}/attendance.csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="diem-danh-{date}.csv"'
    _, line = answer.content.decode("utf-8-sig").splitlines()
    assert line.startswith("Browser.An.1,Sở Y tế,")
    assert line.endswith(",4,1,1,120")


@POSTGRESQL_IN_SIM
async def test_the_record_says_until_when_it_is_kept_and_then_that_it_is_gone(office: Office) -> None:
    date = await held(office)
    desk = await office.client("secretary", "khcn")
    kept = (await desk.get(f"/occurrences/{date}/record")).json()
    assert (kept["began_at"] is None, kept["ended_at"], kept["kept_until"], kept["expired"]) == (
        False,
        None,
        None,
        False,
    )

    office.pass_minutes(round((datetime.fromisoformat(kept["starts_at"]) - office.now).total_seconds() / 60) + 5)
    office.secretariat.proceedings.end(f"o-{date}")
    assert await office.database.transact(lambda session: ending.end_now(session, date, office.now))
    desk = await office.client("secretary", "khcn")

    async def is_stored() -> bool:
        nonlocal kept
        kept = (await desk.get(f"/occurrences/{date}/record")).json()
        return kept["ended_at"] is not None

    await until(is_stored, "the end is stored")
    ended = datetime.fromisoformat(kept["ended_at"])
    assert datetime.fromisoformat(kept["kept_until"]) == ended + timedelta(days=kept["kept_days"])
    late = ended + timedelta(days=kept["kept_days"], minutes=1)
    await office.database.transact(lambda session: retention.forget(session, late))
    office.pass_minutes(round((late - office.now).total_seconds() / 60) + 1)
    desk = await office.client("secretary", "khcn")
    kept = (await desk.get(f"/occurrences/{date}/record")).json()
    assert (kept["began_at"], kept["ended_at"], kept["expired"]) == (None, None, True)
    assert (await desk.get(f"/occurrences/{date}/attendance")).json()["items"] == []


@POSTGRESQL_IN_SIM
async def test_hosts_read_who_is_missing_and_whom_to_phone(office: Office) -> None:
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    whole = (await desk.get(f"/meetings/{meeting['id']}")).json()
    date, invited = whole["occurrences"][0]["id"], whole["attendees"][0]["id"]

    async def read() -> dict[str, Any]:
        items = (await desk.get(f"/occurrences/{date}/invited")).json()["items"]
        return next(one for one in items if one["attendee_id"] == invited)

    assert [(await read())[name] for name in ("came_at", "left_at", "phone")] == [None, None, ""]
    world = World(proceedings=office.secretariat.proceedings, observers=(office.secretariat.proceedings,))
    Party(world, f"browser.{invited}.1", room=f"o-{date}")
    await until(lambda: office.secretariat.proceedings.waiting == 0, "the arrival is stored")
    row = await read()
    assert (row["came_at"] is None, row["left_at"], invited in row["bearers"]) == (False, None, True)
    other = await office.client("secretary", "yt")
    assert (await other.get(f"/occurrences/{date}/invited")).status_code == 403


@POSTGRESQL_IN_SIM
async def test_another_unit_reads_neither(office: Office) -> None:
    date = await held(office)
    other = await office.client("secretary", "yt")
    for what in ("timeline", "attendance", "attendance.csv", "record"):
        problem(await other.get(f"/occurrences/{date}/{what}"), 403, "denied")
        problem(await other.get(f"/occurrences/unknown/{what}"), 404, "occurrence_unknown")


@POSTGRESQL_IN_SIM
async def test_only_a_type_that_exports_its_chat_gives_the_public_lines(office: Office) -> None:
    date = await held(office)
    store, desk = office.secretariat.proceedings, await office.client("secretary", "khcn")
    lines = [
        ChatLine("1", office.now.timestamp(), "an", "An", "Kính gửi\r\nthư ký"),
        ChatLine("2", 1.0, "an", "An", "x", "binh"),
    ]
    for line in lines:
        store.chat(f"o-{date}", line)
    await until(lambda: store.waiting == 0, "all rows are stored")
    problem(await desk.get(f"/occurrences/{date}/chat.txt"), 404, "not_found")
    admin = await office.client("admin")
    (type_,) = [one for one in (await admin.get("/meeting-types")).json()["items"] if one["code"] == "briefing"]
    fields = {name: value for name, value in type_.items() if name != "code"} | {"chat_kept": "exported"}
    assert (await admin.put("/meeting-types/briefing", json=fields)).json()["chat_kept"] == "exported"
    file = await desk.get(f"/occurrences/{date}/chat.txt")
    assert file.headers["content-type"] == "text/plain; charset=utf-8"
    assert file.text == f"\ufeff{office.now.astimezone(ZONE):%d/%m/%Y %H:%M:%S}\tAn\tKính gửi thư ký\r\n"


def stay(identity: str, name: str, first: int, last: int | None) -> Attendance:
    return Attendance(
        identity=identity, name=name, came_at=minute(first), left_at=None if last is None else minute(last)
    )


def minute(number: int) -> datetime:
    return datetime.fromisoformat("2026-03-03T08:00:00+07:00") + timedelta(minutes=number)


def test_two_windows_count_once_and_each_name_of_a_link_counts() -> None:
    stays = [
        stay("browser.an.1", "An", 0, 10),
        stay("browser.an.2", "An", 5, 12),  # a second window
        stay("browser.an.3", "An", 20, None),
        stay("browser.an.4", "Bình", 0, 1),  # another person with the same link
        stay("browser.guest.1", "Khách", 0, 1),
        stay("browser.guest.2", "Khách", 0, 2),  # another guest of the same name
    ]
    turn = SpeakingTurn(identity="browser.an.3", began_at=minute(21), ended_at=None, delegation="")
    found = attending.attended(stays, [turn], minute(25))
    assert [(one.name, one.stays, one.present_s / 60, one.left_at) for one in found] == [
        ("An", 3, 17, None),
        ("Bình", 1, 1, minute(1)),
        ("Khách", 1, 1, minute(1)),
        ("Khách", 1, 2, minute(2)),
    ]
    assert (found[0].turns, found[0].spoken_s) == (1, 240)
