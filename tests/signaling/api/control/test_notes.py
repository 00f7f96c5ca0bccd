"""The notes of the secretary about a date over the REST API: two writers, the bounds, and what destroys the notes."""

from typing import Any

import httpx

from conference.ports.proceedings import Record
from rooms import limits
from rooms.proceedings import notes, retention
from rooms.store.database import Database
from tests.conference.doubles import World
from tests.conference.parties import Party
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved
from tests.waiting import until

NOTE = {"item": "Báo cáo quý", "text": "Giám đốc Sở báo cáo.", "version": 0}


async def running(office: Office) -> str:
    """Let a participant join a meeting, and return its date."""
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    date: str = (await desk.get(f"/meetings/{meeting['id']}")).json()["occurrences"][0]["id"]
    problem(await put(desk, date, "early", NOTE), 409, "note_early")
    store = office.secretariat.proceedings
    Party(World(proceedings=store, observers=(store,)), "browser.an.1", room=f"o-{date}")
    await until(lambda: store.waiting == 0, "the arrival is stored")
    return date


async def put(client: httpx.AsyncClient, date: str, note: str, given: dict[str, Any]) -> httpx.Response:
    return await client.put(f"/occurrences/{date}/notes/{note}", json=given)


async def texts(client: httpx.AsyncClient, date: str) -> list[tuple[str, int, str]]:
    found = (await client.get(f"/occurrences/{date}/notes")).json()["items"]
    return [(one["text"], one["version"], one["by_name"]) for one in found]


@POSTGRESQL_IN_SIM
async def test_of_two_writers_the_second_is_refused_and_nothing_is_lost(office: Office) -> None:
    date = await running(office)
    one, other = await office.client("secretary", "khcn"), await office.client("operator", "tinh")
    for _ in range(2):  # the answer was lost, and the page sends the note again
        assert (await put(one, date, "n1", NOTE)).json() == {"version": 1}
    office.pass_minutes(1)
    assert (await put(other, date, "n1", NOTE | {"text": "Sửa lại.", "version": 1})).json() == {"version": 2}
    answer = await put(one, date, "n1", NOTE | {"text": "Viết tiếp.", "version": 1})
    problem(answer, 409, "note_changed")
    assert "vừa sửa ghi chú này" in answer.text
    ((text, version, by),) = await texts(one, date)
    assert (text, version, bool(by)) == ("Sửa lại.", 2, True)
    assert (await put(one, date, "n1", NOTE | {"text": "", "version": 2})).json() == {"version": 0}
    assert await texts(one, date) == []
    problem(await put(other, date, "n1", NOTE | {"text": "Muộn.", "version": 2}), 409, "note_changed")


@POSTGRESQL_IN_SIM
async def test_notes_have_bounds_and_other_units_read_none(office: Office) -> None:
    date = await running(office)
    desk, stranger = await office.client("secretary", "khcn"), await office.client("secretary", "yt")
    assert (await put(desk, date, "n", NOTE | {"text": "x" * limits.NOTE_CHARACTERS})).status_code == 200
    assert "note_long" in (await put(desk, date, "m", NOTE | {"text": "x" * (limits.NOTE_CHARACTERS + 1)})).text
    assert (await stranger.get(f"/occurrences/{date}/notes")).status_code == 403
    assert (await put(stranger, date, "n2", NOTE)).status_code == 403
    await fill(office.database, date, office)
    assert "note_limit" in (await put(desk, date, "last", NOTE)).text


async def fill(database: Database, date: str, office: Office) -> None:
    """Write notes up to the bound."""
    for number in range(1, limits.NOTES_OF_DATE):
        one = notes.Written(f"f{number}", "", "x", 0)
        await database.transact(lambda session, one=one: notes.put(session, date, one, "An", office.now))  # type: ignore[misc]


@POSTGRESQL_IN_SIM
async def test_a_stop_for_secret_content_destroys_the_notes(office: Office) -> None:
    date = await running(office)
    desk = await office.client("secretary", "khcn")
    await put(desk, date, "n1", NOTE)
    store = office.secretariat.proceedings
    await store.forget(f"o-{date}", Record("secret_stop", office.now.timestamp(), by="browser.an.1", by_name="An"))
    await until(lambda: store.waiting == 0, "the stop is stored")
    assert await texts(desk, date) == []
    problem(await put(desk, date, "n2", NOTE), 409, "note_stopped")


@POSTGRESQL_IN_SIM
async def test_the_notes_end_with_the_record(office: Office) -> None:
    date = await running(office)
    desk, store = await office.client("secretary", "khcn"), office.secretariat.proceedings
    await put(desk, date, "n1", NOTE)
    store.end(f"o-{date}")
    await until(lambda: store.waiting == 0, "the end is stored")
    assert len(await texts(desk, date)) == 1
    kept_days = (await desk.get(f"/occurrences/{date}/record")).json()["kept_days"]
    office.pass_minutes(kept_days * 24 * 60 + 1)
    await office.database.transact(lambda session: retention.forget(session, office.now))
    assert await texts(await office.client("secretary", "khcn"), date) == []
