"""The link of a site to its report, and the pictures of marks: who reads what, and until when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.conference.chair.course.test_course import Kept
from tests.signaling.api.live.test_joining import START, pin_of
from tests.signaling.api.live.test_lobby import Begun
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved

SITES = [{"id": "site.xa1", "name": "Chợ Đồn"}, {"id": "site.xa2", "name": "Na Rì"}]
TITLE = "Kỷ luật cán bộ"


async def desk_of(office: Office, class_: str) -> tuple[Begun, httpx.AsyncClient]:
    """Return a running meeting of this class, and the desk of its host, who is outside the call."""
    meeting = await approved(office, starts_at=office.at(START), **{"class": class_})
    office.pass_minutes(165)
    begun = Begun(office, meeting, await pin_of(office, meeting))
    begun.registry.around = replace(begun.registry.around, proceedings=Kept())
    begun.registry.create(begun.name).sections.describe(TITLE, None)
    chair = await office.client("secretary", "khcn", "khcn-1")
    key = (await chair.post(f"/occurrences/{begun.date}/moderation")).json()["key"]
    return begun, begun.bearer(key)


async def order(begun: Begun, desk: httpx.AsyncClient, name: str, **fields: Any) -> dict[str, Any]:
    answer = await desk.post(f"/conferences/{begun.name}/desk/{name}", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def code_of(begun: Begun, desk: httpx.AsyncClient, site: str) -> str:
    path = str((await order(begun, desk, "report_link", site=site))["path"])
    return path.partition("#")[2]


@pytest.mark.parametrize(("class_", "title"), [("ordinary", TITLE), ("important", "")])
async def test_the_link_of_a_site_ends_with_a_new_list_and_never_names_an_important_meeting(
    office: Office, class_: str, title: str
) -> None:
    begun, desk = await desk_of(office, class_)
    phone = office.stranger()
    await order(begun, desk, "roll_prepare", sites=SITES)
    old = {"conference": begun.name, "code": await code_of(begun, desk, "site.xa1")}
    sent = await phone.post("/roll-reports", json={**old, "delegates": 12})
    for answer in (sent, await phone.post("/roll-reports/look", json=old)):
        assert answer.status_code == 200, answer.text
        assert (answer.json()["title"], answer.json()["site"], answer.json()["delegates"]) == (title, "Chợ Đồn", 12)
    await order(begun, desk, "roll_prepare", sites=SITES)
    problem(await phone.post("/roll-reports/look", json=old), 422, "roll_link_wrong")
    problem(await phone.post("/roll-reports", json={**old, "delegates": 99}), 422, "roll_link_wrong")
    new = {"conference": begun.name, "code": await code_of(begun, desk, "site.xa1")}
    assert (await phone.post("/roll-reports/look", json=new)).json()["delegates"] == 12, "the report stays"


@pytest.mark.parametrize(
    ("class_", "status", "code"), [("ordinary", 404, "snapshot_unknown"), ("important", 403, "class_forbids")]
)
async def test_no_picture_of_an_important_meeting_reaches_a_host_outside_the_call(
    office: Office, class_: str, status: int, code: str
) -> None:
    begun, desk = await desk_of(office, class_)
    problem(await desk.get(f"/conferences/{begun.name}/roll/roll-1-1"), status, code)
