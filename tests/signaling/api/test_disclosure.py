"""Values of the register that each role reads over the REST API: names of all units, addresses and phones of its own branch."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import signing
from rooms.booking.changes import ending
from rooms.store.tables.accounts import Account
from signaling.halls.board.terminals import Terminals
from tests.rooms.people import SECURE_COOKIE, add_account
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved, book, wanted
from tests.signaling.sip.agent.test_agent import Terminal
from tests.signaling.sip.world import REALM, A, Node, World

pytestmark = pytest.mark.timeout(120)
TECHNICIAN = {"technician": "Trần Văn Kỹ", "technician_phone": "0272 3 826 111"}
NOTE = "Chìa khóa ở phòng bảo vệ"
CALLED = {"sip_uri": "sip:longan-hop@10.0.0.1", "note": NOTE}
PHONE = "0918 000 111"


async def correct(admin: httpx.AsyncClient, path: str, **changes: Any) -> None:
    """Change a row as the page does: send all fields that may be set, and the version that was read."""
    seen = await admin.get(path)
    answer = await admin.put(
        path, json=_settable(path, seen.json()) | changes, headers={"if-match": seen.headers["etag"]}
    )
    assert answer.status_code == 200, answer.text


def _settable(path: str, row: dict[str, Any]) -> dict[str, Any]:
    shown = {"id", "version", "unit_name", "site_name", "hall_name", "title"}
    return {name: value for name, value in row.items() if name not in shown}


async def fill(office: Office) -> httpx.AsyncClient:
    """Let an administrator write phones, notes and addresses of two departments and a commune. Return the administrator's
    client.
    """
    admin, ids = await office.client("admin"), office.province
    for unit in ("khcn", "yt", "xa1"):
        await correct(admin, f"/sites/{ids.sites[unit]}", **TECHNICIAN, note=NOTE)
        await correct(admin, f"/people/{ids.people[unit + '-2']}", phone=PHONE)
    for unit in ("khcn", "xa1"):
        await correct(admin, f"/terminals/{ids.terminals[unit]}", **CALLED)
    return admin


async def by_code(who: httpx.AsyncClient, path: str, **query: str) -> dict[str, dict[str, Any]]:
    answer = await who.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return {one["code"]: one for one in answer.json()["items"]}


def technician(site: dict[str, Any]) -> tuple[str, str]:
    return site["technician"], site["technician_phone"]


async def test_a_requester_reads_names_but_no_addresses_or_phones(office: Office) -> None:
    """Show that an attacker with a clerk's password reads names only, and no address or phone of the province's register."""
    await fill(office)
    he, ids = await office.client("requester", "khcn"), office.province
    sites = await by_code(he, "/sites")
    assert sites["xa1"]["name"] == "Điểm cầu xa1"
    assert len(sites) == len(ids.sites)
    for site in [*sites.values(), (await he.get(f"/sites/{ids.sites['xa1']}")).json()]:
        assert (*technician(site), site["note"]) == ("", "", "")
    nearest = (await he.get(f"/sites/{ids.sites['xa1']}/nearest")).json()["site"]
    assert (nearest["code"], *technician(nearest), nearest["note"]) == ("xa1", "", "", "")
    terminals = await by_code(he, "/terminals")
    assert (terminals["xa1"]["name"], terminals["xa1"]["hall_name"]) == ("Thiết bị xa1", "Phòng họp xa1")
    for terminal in [*terminals.values(), (await he.get(f"/terminals/{ids.terminals['xa1']}")).json()]:
        assert [terminal[name] for name in ("sip_uri", "note")] == [""] * 2
    networks = await by_code(he, "/networks")
    one = (await he.get(f"/networks/{ids.networks['tslcd']}")).json()
    assert [(each["name"], each["ranges"]) for each in (networks["tslcd"], one)] == [("TSLCD", [])] * 2
    people = await by_code(he, "/people")
    assert people["xa1-2"]["name"] == "Trần Thị XA1"
    assert {each["phone"] for each in people.values()} == {""}
    assert (await he.get(f"/people/{ids.people['xa1-2']}")).json()["phone"] == ""


async def test_a_hidden_address_is_not_found_by_search(office: Office) -> None:
    admin = await fill(office)
    he, operator = await office.client("requester", "khcn"), await office.client("operator", "xa1")
    for part in ("10.0.0", "longan-hop"):
        assert await by_code(he, "/terminals", q=part) == {}
        assert set(await by_code(operator, "/terminals", q=part)) == {"xa1"}
        assert set(await by_code(admin, "/terminals", q=part)) >= {"xa1", "khcn"}
    assert set(await by_code(he, "/terminals", q="phòng họp xa1")) == {"xa1"}


@pytest.mark.parametrize("role", ["operator", "secretary"])
async def test_staff_of_a_branch_read_the_details_of_that_branch_only(office: Office, role: str) -> None:
    await fill(office)
    who = await office.client(role, "xa1")
    sites = await by_code(who, "/sites")
    assert (*technician(sites["xa1"]), sites["xa1"]["note"]) == (*TECHNICIAN.values(), NOTE)
    assert (*technician(sites["khcn"]), sites["khcn"]["note"]) == ("", "", "")
    terminals = await by_code(who, "/terminals")
    assert terminals["xa1"].items() >= CALLED.items()
    assert [terminals["khcn"][name] for name in CALLED] == [""] * 2
    assert (await by_code(who, "/networks"))["tslcd"]["ranges"] == ["10.0.0.0/8", "fd00::/8"]
    people = await by_code(who, "/people")
    assert people["xa1-2"]["phone"] == "", "only who corrects people reads their phones"


async def test_an_administrator_reads_the_phones_of_the_unit_people(office: Office) -> None:
    await fill(office)
    admin, ids = await office.client("admin", "xa1"), office.province
    people = await by_code(admin, "/people")
    assert (people["xa1-2"]["phone"], people["khcn-2"]["phone"]) == (PHONE, "")
    seen = await admin.get(f"/people/{ids.people['xa1-2']}")
    assert seen.json()["phone"] == PHONE
    path = f"/people/{ids.people['xa1-2']}"
    saved = await admin.put(path, json=_settable(path, seen.json()), headers={"if-match": seen.headers["etag"]})
    assert (saved.status_code, saved.json()["phone"]) == (200, PHONE), "the form keeps what it has read"


async def test_without_the_second_factor_an_operator_reads_names_only(office: Office) -> None:
    await fill(office)
    weak = await office.client("operator", "xa1", factors=1)
    assert technician((await by_code(weak, "/sites"))["xa1"]) == ("", "")
    assert (await by_code(weak, "/networks"))["tslcd"]["ranges"] == []


async def test_only_the_operator_sees_where_a_terminal_registered(office: Office) -> None:
    """Show that only its own operator sees where a terminal registered. The terminal uses SIP with the page's password."""
    admin, ids = await fill(office), office.province
    node = Node(World(), A)
    terminals = Terminals(office.database, node.agent, REALM, (), _nothing, lambda: None)
    office.secretariat.hall_desk = cast(Any, SimpleNamespace(terminals=terminals))
    given = await admin.put(f"/terminals/{ids.terminals['xa1']}/sip", json={"alias": "hall-xa1"})
    assert given.status_code == 200, given.text
    node.rooms.add("hall-xa1", given.json()["password"], ["192.0.2.0/24"])
    assert [one.status for one in Terminal(node).proven("REGISTER", "hall-xa1", given.json()["password"])] == [200]
    told = {}
    for role, unit in (("requester", "khcn"), ("operator", "khcn"), ("operator", "xa1")):
        (state,) = (await (await office.client(role, unit)).get("/terminal-states")).json()
        assert state["registered"]
        assert state["terminal_id"] == ids.terminals["xa1"]
        told[role, unit] = (state["alias"], state["address"], state["user_agent"][:12])
    own = ("hall-xa1", "udp:192.0.2.50:5060", "Terminal 1.0")
    assert told == {("requester", "khcn"): ("",) * 3, ("operator", "khcn"): ("",) * 3, ("operator", "xa1"): own}


async def _nothing() -> None:
    """Do nothing: this test does not read the register again."""


async def requester(office: Office, person: str) -> httpx.AsyncClient:
    """Return a client that is signed in now. Each person gets one account."""
    who, unit = office.province.people[person], office.province.units["vp"]

    async def work(session: AsyncSession) -> str:
        account = await session.scalar(select(Account).where(Account.person_id == who))
        if account is None:
            account = await add_account(session, person, who, {"requester": unit}, office.now)
        return await signing.start(session, account, office.now)

    made = office.stranger()
    made.cookies.update({SECURE_COOKIE: await office.database.transact(work)})
    return made


async def look(office: Office, person: str, at: str) -> dict[str, tuple[str, str]]:
    """Return the technicians, by site, that a requester of vp reads at a local time. Check that the requester reads no notes."""
    office.now = datetime.fromisoformat(office.at(at))
    who = await requester(office, person)
    sites = await by_code(who, "/sites")
    assert {one["note"] for one in sites.values()} == {""}
    one = (await who.get(f"/sites/{office.province.sites['yt']}")).json()
    assert technician(one) == technician(sites["yt"])
    return {code: technician(one) for code, one in sites.items() if technician(one) != ("", "")}


@pytest.mark.parametrize("post", ["secretary_id", "operator_id"])
async def test_the_desk_of_a_meeting_reads_the_phones_of_its_sites(office: Office, post: str) -> None:
    """Show when the secretary or operator of a meeting reads its technicians' phones.

    The meeting invites yt and books the hall of khcn. It has no part for xa1.
    """
    await fill(office)
    person = office.province.people["vp-2"]
    await approved(
        office, starts_at=office.at("2026-03-06 14:00"), attendees=[{"unit_id": "unit-yt"}], **{post: person}
    )
    both = dict.fromkeys(("khcn", "yt"), tuple(TECHNICIAN.values()))
    assert await look(office, "vp-2", "2026-03-04 14:00") == {}, "two days before"
    assert await look(office, "vp-2", "2026-03-05 13:59") == {}
    assert await look(office, "vp-2", "2026-03-05 14:00") == both, "one day before"
    assert await look(office, "vp-1", "2026-03-06 14:30") == {}, "another person"
    assert await look(office, "vp-2", "2026-03-06 14:59") == both
    assert await look(office, "vp-2", "2026-03-06 15:00") == {}, "after its end"


async def test_a_terminal_that_was_added_brings_its_site(office: Office) -> None:
    await fill(office)
    person, called = office.province.people["vp-2"], [office.province.terminals["xa1"]]
    changes = {"secretary_id": person, "terminal_ids": called, "attendees": []}
    meeting = await approved(office, starts_at=office.at("2026-03-06 14:00"), **changes)
    assert set(await look(office, "vp-2", "2026-03-06 13:00")) == {"khcn", "xa1"}
    admin = await office.client("admin")
    ended = await admin.post(
        f"/meetings/{meeting['id']}/cancel",
        json={"reason_code": "other", "reason": "Hoãn"},
        headers={"if-match": f'"{meeting["version"]}"'},
    )
    assert ended.status_code == 200, ended.text
    assert await look(office, "vp-2", "2026-03-06 13:30") == {}, "it was called off"


async def test_a_meeting_that_runs_longer_ends_when_its_people_leave(office: Office) -> None:
    await fill(office)
    meeting = await approved(
        office, starts_at=office.at("2026-03-06 14:00"), attendees=[], secretary_id=office.province.people["vp-2"]
    )
    date = meeting["occurrences"][0]["id"]
    await office.database.transact(lambda session: ending.opened(session, date, office.now))
    assert set(await look(office, "vp-2", "2026-03-06 15:30")) == {"khcn"}
    await office.database.transact(lambda session: ending.closed(session, date, office.now))
    assert await look(office, "vp-2", "2026-03-06 15:31") == {}


async def test_an_unapproved_meeting_reveals_no_phones(office: Office) -> None:
    """Show that a meeting without any approval opens no phones. The attacker is the secretary of an internal meeting that
    invites the province.
    """
    await fill(office)
    he, ids = await requester(office, "vp-2"), office.province
    all_units = [{"unit_id": ids.units[one]} for one in ("khcn", "yt", "xa1")]
    asked = wanted(
        office, host_unit_id=ids.units["vp"], hall_ids=[], attendees=all_units, secretary_id=ids.people["vp-2"]
    )
    made = await book(he, asked | {"type_code": "internal", "connect": "dial_in", "submit": True})
    assert made["state"] == "approved"
    assert await look(office, "vp-2", "2026-03-04 13:50") == {}
    held = await book(await requester(office, "vp-2"), asked | {"starts_at": office.at("2026-03-04 16:00")})
    assert held["state"] == "held"
    assert await look(office, "vp-2", "2026-03-04 15:50") == {}
    problem(await office.stranger().get("/sites"), 401, "signed_out")


async def test_those_who_must_still_be_phoned_are_listed_with_phones_for_the_desk_only(office: Office) -> None:
    """An operator reads the list of an approved meeting without phones, and before the approval nobody reads them."""
    await fill(office)
    invited = [{"person_id": office.province.people["xa1-2"]}]
    made = await approved(office, attendees=invited)
    desk, operator = await office.client("secretary", "khcn"), await office.client("operator", "tinh")

    async def phones(who: httpx.AsyncClient, meeting: dict[str, Any]) -> list[str]:
        return [one["phone"] for one in (await who.get(f"/meetings/{meeting['id']}/missing")).json()["items"]]

    assert await phones(desk, made) == [PHONE]
    assert await phones(operator, made) == [""]
    later = office.at("2026-03-06 14:00")
    assert await phones(desk, await book(desk, wanted(office, starts_at=later, attendees=invited))) == [""]
