"""Precedence and structure over the REST API: the top unit, meetings that block a higher meeting, splits of units, and posts."""

from typing import Any

import pytest

from rooms.store.tables.org import Unit
from signaling.api.models import limits
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import UNIT, problem
from tests.signaling.api.test_meetings import approved, book, wanted

PART = {"code": "so-moi", "name": "Sở Khoa học"}


async def test_the_top_is_shown_to_all_and_changed_from_the_top(office: Office) -> None:
    secretary, admin = await office.client("secretary", "khcn"), await office.client("admin")
    assert (await secretary.get("/top")).json() == {
        "unit_id": office.province.units["tinh"],
        "name": "UBND tỉnh Long An",
    }
    problem(await secretary.put("/top", json={"unit_id": office.province.units["tinh"]}), 403, "denied")
    low = await office.client("admin", "khcn")
    problem(await low.put("/top", json={"unit_id": office.province.units["khcn"]}), 403, "denied")
    assert "settings.write" not in (await low.get("/session")).json()["me"]["actions"]
    assert "settings.write" in (await admin.get("/session")).json()["me"]["actions"]
    problem(await admin.put("/top", json={"unit_id": office.province.units["khcn"]}), 422, "not_a_root")
    problem(await admin.put("/top", json={"unit_id": "nobody"}), 404, "unknown_unit")
    same = await admin.put("/top", json={"unit_id": office.province.units["tinh"]})
    assert same.status_code == 200
    assert same.json()["unit_id"] == office.province.units["tinh"]


async def test_what_is_in_the_way_of_a_higher_meeting(office: Office) -> None:
    meeting = await approved(office)
    operator, desk = await office.client("operator"), await office.client("secretary", "khcn")
    request = wanted(office, host_unit_id=office.province.units["tinh"], type_code="session", title="Họp khẩn")
    (found,) = (await operator.post("/meetings/displace/look", json=request)).json()
    assert (found["occurrence_id"], found["title"]) == (meeting["occurrences"][0]["id"], "Họp góp ý dự thảo")
    assert (found["unit"], found["why_not"]) == ("Sở Khoa học và Công nghệ", "")
    problem(await desk.post("/meetings/displace/look", json=request), 403, "denied")
    # For an equal rank, the look-up reports the reason before any attempt.
    equal = wanted(office, type_code="briefing")
    (found,) = (await operator.post("/meetings/displace/look", json=equal)).json()
    assert found["why_not"] == "precedence_too_low"
    # An operator of another branch learns that a meeting exists, and nothing more.
    near = await office.client("operator", "yt")
    other = wanted(office, host_unit_id=office.province.units["yt"], type_code="session")
    (found,) = (await near.post("/meetings/displace/look", json=other)).json()
    assert (found["title"], found["unit"], found["why_not"]) == ("", "", "denied")
    free = wanted(office, starts_at=office.at("2026-03-05 14:00"))
    assert (await operator.post("/meetings/displace/look", json=free)).json() == []


@pytest.mark.parametrize(("higher", "lower"), [("tinh", "huyen"), ("huyen", "xa1")])
async def test_any_meeting_of_a_tier_precedes_the_tier_below(office: Office, higher: str, lower: str) -> None:
    """Show that the last of the 1000 numbers of a tier still comes before the first number of the next tier."""
    admin, operator, units = await office.client("admin"), await office.client("operator"), office.province.units
    district = {"code": "huyen", "name": "UBND huyện", "kind": "district", "tier": 2, "parent_id": units["tinh"]}
    hosts = units | {"huyen": (await admin.post("/units", json=UNIT | district)).json()["id"]}
    first, last = ({"precedence": number, "precedence_reason": "Công điện"} for number in (0, 999))
    await book(operator, wanted(office, host_unit_id=hosts[lower], **first))
    request = wanted(office, host_unit_id=hosts[higher], title="Họp khẩn", **last)
    (found,) = (await operator.post("/meetings/displace/look", json=request)).json()
    assert found["why_not"] == ""


async def test_a_unit_is_split_into_new_ones_with_what_each_gets(office: Office) -> None:
    admin, units = await office.client("admin"), office.province.units
    room = UNIT | {"code": "khcn.p1", "name": "Phòng Công nghệ", "parent_id": units["khcn"]}
    below = (await admin.post("/units", json=room)).json()["id"]

    async def split(preview: bool, **second: Any) -> dict[str, Any]:
        parts = [{"new": PART}, {"new": {"code": "so-cn", "name": "Sở Công nghệ"}} | second]
        body = {"kind": "split", "on": "2026-03-03", "decision": "12/NQ-HĐND", "parts": parts, "preview": preview}
        answer = await admin.post(f"/units/{units['khcn']}/succession", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    seen = await split(True, unit_ids=[below])
    assert not seen["applied"]
    assert seen["moved"]["units"] == 1
    assert (await admin.get("/units", params={"q": "so-moi"})).json()["items"] == []
    done = await split(False, unit_ids=[below], person_ids=[office.province.people["khcn-1"]])
    assert done["applied"]
    assert done["moved"]["units"] == 1
    assert done["moved"]["sites"] == 1
    (first,) = (await admin.get("/units", params={"q": "so-moi"})).json()["items"]
    (second,) = (await admin.get("/units", params={"q": "so-cn"})).json()["items"]
    assert done["unit"] == first["id"]
    assert first["parent_id"] == units["tinh"]
    assert first["tier"] == 1
    assert (await admin.get(f"/units/{below}")).json()["parent_id"] == second["id"]
    person = (await admin.get(f"/people/{office.province.people['khcn-1']}")).json()
    assert person["unit_id"] == second["id"]
    async with office.database.reading() as session:
        old = await session.get_one(Unit, units["khcn"])
        assert old.valid_to is not None


async def test_two_units_are_merged_into_a_new_unit(office: Office) -> None:
    admin, units = await office.client("admin"), office.province.units
    body = {"kind": "merge", "new": PART, "others": [units["yt"]], "on": "2026-03-03", "preview": False}
    done = await admin.post(f"/units/{units['khcn']}/succession", json=body)
    assert done.status_code == 200, done.text
    made = (await admin.get(f"/units/{done.json()['unit']}")).json()
    assert (made["name"], made["kind"], made["parent_id"]) == ("Sở Khoa học", "department", units["tinh"])
    problem(await admin.post(f"/units/{units['vp']}/succession", json=body | {"others": []}), 409, "code_taken")


async def test_bounds_of_a_split(office: Office) -> None:
    admin, unit = await office.client("admin"), office.province.units["khcn"]

    async def refused(parts: list[dict[str, Any]], status: int, code: str) -> None:
        body = {"kind": "split", "on": "2026-03-03", "parts": parts}
        problem(await admin.post(f"/units/{unit}/succession", json=body), status, code)

    await refused([{"new": PART}], 422, "succession_units")
    await refused([{"new": PART}, {}], 422, "fields_wrong")
    await refused([{"new": PART}, {"new": PART, "into_id": unit}], 422, "fields_wrong")
    await refused([{"new": PART}] * (limits.SUCCESSORS + 1), 422, "fields_wrong")
    await refused([{"new": PART}, {"new": PART, "unit_ids": ["a"] * (limits.SHARED + 1)}], 422, "fields_wrong")
    await refused([{"new": PART}, {"new": PART}], 409, "code_taken")


async def test_posts_of_all_units_are_found_by_title_unit_and_holder(office: Office) -> None:
    secretary = await office.client("secretary", "khcn")
    every = (await secretary.get("/posts")).json()["items"]
    assert {one["unit_name"] for one in every} >= {"Sở Y tế", "Sở Khoa học và Công nghệ"}
    found = (await secretary.get("/posts", params={"q": "giam doc so y te"})).json()["items"]
    assert [(one["title"], one["unit_name"]) for one in found] == [("Giám đốc", "Sở Y tế")]
    by_holder = (await secretary.get("/posts", params={"q": found[0]["holder_name"]})).json()["items"]
    assert found[0]["id"] in {one["id"] for one in by_holder}
    own = (await secretary.get("/posts", params={"unit_id": office.province.units["yt"]})).json()["items"]
    assert {one["id"] for one in found} <= {one["id"] for one in own}
    problem(await (await office.client()).get("/posts"), 403, "denied")


async def test_a_letter_can_be_about_one_date_of_a_series(office: Office) -> None:
    meeting = await approved(office, rule="FREQ=WEEKLY;COUNT=3")
    desk, dates = await office.client("secretary", "khcn"), meeting["occurrences"]
    made = await desk.post(
        f"/meetings/{meeting['id']}/letters", json={"kind": "amend", "occurrence_id": dates[1]["id"]}
    )
    assert made.status_code == 201, made.text
    other = await approved(office, starts_at=office.at("2026-03-06 14:00"))
    body = {"kind": "cancel", "occurrence_id": other["occurrences"][0]["id"]}
    problem(await desk.post(f"/meetings/{meeting['id']}/letters", json=body), 404, "unknown_date")
