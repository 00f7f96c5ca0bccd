"""The participants that a page names before joining, and the QR code of a page."""

from __future__ import annotations

import io
from typing import Any

import pytest

from conference import Entry, Grants
from tests.conference.doubles import Listener
from tests.conference.parties import Format
from tests.signaling.api.live.test_joining import START, link_of, pin_of, secrets
from tests.signaling.api.live.test_lobby import Begun
from tests.signaling.api.office import BASE, Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved

PEOPLE = [f"Đại biểu {n}" for n in range(1, 8)]


def fill(begun: Begun, conference: str, way: str = "browser") -> None:
    """Let seven people and a hidden one join the conference."""
    room = begun.registry.create(conference)
    for n, name in enumerate([*PEOPLE, "Bộ phận ghi hình"]):
        hidden = n == len(PEOPLE)
        grants = Grants(identity=f"{way}.{n}.x", name=name, conference=conference, join=True, hidden=hidden)
        room.join(Entry(grants, False, Format()), Listener())


async def test_a_link_without_lobby_names_five_and_counts_all(office: Office) -> None:
    desk = office.stranger()
    made = (await desk.post("/conferences", json={"name": "Giao ban"})).json()
    look = f"/conferences/{made['conference']}/look"
    assert (await desk.post(look, json={})).json()["inside"] == {"count": 0, "names": []}
    begun = Begun(office, {"occurrences": [{"id": "none"}]}, "")
    fill(begun, made["conference"])
    assert (await desk.post(look, json={})).json()["inside"] == {"count": 7, "names": PEOPLE[:5]}
    assert (await desk.post(look, json={"invite": made["invite"]})).json()["inside"]["count"] == 7


async def test_who_must_wait_in_the_lobby_sees_nobody(office: Office) -> None:
    opener, guest = office.stranger(), office.stranger("10.1.1.1")
    made = (await opener.post("/conferences", json={"lobby": True})).json()
    fill(Begun(office, {"occurrences": [{"id": "none"}]}, ""), made["conference"])
    look = f"/conferences/{made['conference']}/look"
    assert (await guest.post(look, json={"invite": made["invite"]})).json()["inside"] is None
    # The cookie of the opener goes only to https: `Secure`.
    assert (await opener.post(look, json={})).json()["inside"]["count"] == 7


async def test_a_booked_meeting_names_people_to_invitees_only(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    pin, link = await pin_of(office, meeting), await link_of(office, meeting)
    label = next(one for one in await secrets(office, meeting) if one.startswith("Trần Thị VP"))
    own = (await secrets(office, meeting))[label]
    early = (await office.stranger().post("/join/look", json={"link": own})).json()
    assert (early["code"], early["inside"]) == ("too_early", None)
    office.pass_minutes(165)
    begun = Begun(office, meeting, pin)
    begun.registry.check(await grants_of(office, link))
    fill(begun, begun.name)
    assert (await seen(office, link=own))["inside"] == {"count": 7, "names": PEOPLE[:5]}
    stranger = await seen(office, number=meeting["number"], pin=pin, name="Chị Lan")
    assert (stranger["code"], stranger["inside"]) == ("", None), "a stranger with number and PIN"
    address = f"/occurrences/{meeting['occurrences'][0]['id']}/inside"
    invited = await office.client("requester", "vp", "vp-2")
    assert (await invited.get(address)).json() == {"count": 7, "names": PEOPLE[:5]}
    host = await begun.host()
    assert (await host.put(begun.lobby, json={"on": True})).status_code == 200
    assert (await seen(office, link=own))["inside"] is None, "the lobby would hold the invitee now"
    problem(await invited.get(address), 403, "denied")
    problem(await (await office.client("secretary", "xa1", "xa1-2")).get(address), 403, "not_invited")
    problem(await office.stranger().get(address), 401, "signed_out")


async def test_an_important_meeting_names_nobody(office: Office) -> None:
    meeting = await approved(office, starts_at=office.at(START), **{"class": "important"})
    office.pass_minutes(165)
    begun = Begun(office, meeting, await pin_of(office, meeting))
    room = begun.registry.create(begun.name)
    assert room.participants == {}
    for right in (
        {"link": await link_of(office, meeting)},
        {"number": meeting["number"], "pin": begun.pin, "name": "x"},
    ):
        assert (await seen(office, **right))["inside"] is None
    chair = await office.client("secretary", "khcn", "khcn-1")
    problem(await chair.get(f"/occurrences/{begun.date}/inside"), 403, "denied")


async def seen(office: Office, **right: str) -> dict[str, Any]:
    found: dict[str, Any] = (await office.stranger().post("/join/look", json=right)).json()
    return found


async def grants_of(office: Office, link: str) -> Grants:
    given = (await office.stranger().post("/join", json={"link": link})).json()
    return office.authenticator.verify(given["token"], office.now.timestamp())


async def test_only_meetings_that_a_number_opens_may_be_kept_by_the_browser(office: Office) -> None:
    desk = office.stranger()
    made = (await desk.post("/conferences", json={"name": "Giao ban"})).json()
    token = f"/conferences/{made['conference']}/token"
    assert (await desk.post(token, json={"name": "An"})).json()["listed"] is True
    meeting = await approved(office, starts_at=office.at(START), lobby=False)
    office.pass_minutes(165)
    assert (await desk.post("/join", json={"link": await link_of(office, meeting)})).json()["listed"] is True


@pytest.mark.parametrize("path", ["/m/abc-defg-hij#k=" + "A" * 22, "/join?number=123456789", "/"])
async def test_a_qr_code_holds_the_address_of_this_server(office: Office, path: str) -> None:
    """Draw the code. The library's own code of the same address has the same modules."""
    import segno

    drawn = (await office.stranger().post("/qr", json={"path": path})).json()
    assert drawn["address"] == BASE + path
    made = segno.make(BASE + path, error="m", micro=False)
    size = made.symbol_size(border=4)
    assert f'viewBox="0 0 {size[0]} {size[1]}"' in drawn["svg"]
    own = io.BytesIO()
    made.save(own, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, omitsize=True, light="#fff")
    assert own.getvalue().decode() == drawn["svg"]


@pytest.mark.parametrize("path", ["", "m", "//evil.example", "/\\evil.example", "/a b", "/\n", "/" + "a" * 300])
async def test_a_qr_code_of_no_page_of_ours_is_refused(office: Office, path: str) -> None:
    assert (await office.stranger().post("/qr", json={"path": path})).status_code in (400, 422)


async def test_qr_codes_are_slowed_by_network(office: Office) -> None:
    asking = office.stranger("10.7.7.7")
    answers = [(await asking.post("/qr", json={"path": "/"})).status_code for _ in range(121)]
    assert answers == [200] * 120 + [429]
