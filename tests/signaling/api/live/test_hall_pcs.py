"""A PC in hall mode over REST: its enrolment by a code, its schedule, its passes, its end, and important meetings."""

from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from conference import Refusal
from rooms.dialling import planning
from rooms.policy.actors import COMMAND
from rooms.policy.bearers import bearer
from rooms.policy.classes import REFUSALS
from rooms.sites import places
from rooms.store.database import Database
from rooms.store.tables.records import AuditEntry
from signaling.host import limits
from signaling.host.tokens import check_way
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province
from tests.signaling.api.office import BASE, Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import approved

pytestmark = [pytest.mark.timeout(120), pytest.mark.both_databases]
START = "2026-03-03 11:00"
"""Three hours after each test begins."""
ZONE, OUTSIDE = "10.1.2.3", "203.0.113.9"


async def as_pc(operator: httpx.AsyncClient, hall: str = "khcn", **changes: Any) -> httpx.Response:
    """Make the terminal of a hall a PC."""
    old = (await operator.get(f"/terminals/terminal-{hall}")).json()
    wanted = {name: old[name] for name in ("code", "name", "site_id", "hall_id")}
    headers = {"if-match": f'"{old["version"]}"'}
    return await operator.put(
        f"/terminals/terminal-{hall}", json=wanted | {"protocols": ["pc"], "sip_uri": ""} | changes, headers=headers
    )


async def enrolled(office: Office, address: str = ZONE, hall: str = "khcn") -> httpx.AsyncClient:
    """Return the browser of an enrolled PC, which shows its key."""
    operator = await office.client("operator", hall)
    made = await as_pc(operator, hall)
    assert made.status_code == 200, made.text
    code = (await operator.post(f"/terminals/terminal-{hall}/pc-code")).json()["code"]
    pc = office.stranger(address)
    key = (await pc.post("/hall-pc/enrolment", json={"code": code})).json()["key"]
    pc.headers["authorization"] = f"Bearer {key}"
    return pc


async def test_a_code_enrols_one_pc_once(office: Office) -> None:
    operator, pc = await office.client("operator", "khcn"), office.stranger(ZONE)
    problem(await operator.post("/terminals/terminal-khcn/pc-code"), 409, "not_a_pc")
    problem(await as_pc(operator, protocols=["sip", "pc"]), 409, "pc_alone")
    assert (await as_pc(operator)).json()["protocols"] == ["pc"]
    problem(await operator.delete("/terminals/terminal-khcn/pc"), 404, "pc_not_enrolled")
    given = (await operator.post("/terminals/terminal-khcn/pc-code")).json()
    assert (len(given["code"]), given["address"]) == (8, "https://hop.vn/diem-cau")
    office.pass_minutes(16)
    problem(await pc.post("/hall-pc/enrolment", json={"code": given["code"]}), 403, "pc_code_wrong")
    code = (await operator.post("/terminals/terminal-khcn/pc-code")).json()["code"]
    (waits,) = (await operator.get("/pc-states")).json()
    assert (waits["enrolled_at"], waits["on"], waits["code_until"] is not None) == (None, False, True)
    other = f"{(int(code) + 1) % 10**8:08}"
    problem(await pc.post("/hall-pc/enrolment", json={"code": other}), 403, "pc_code_wrong")
    key = (await pc.post("/hall-pc/enrolment", json={"code": code})).json()["key"]
    problem(await pc.post("/hall-pc/enrolment", json={"code": code}), 403, "pc_code_wrong")
    problem(await pc.get("/hall-pc"), 401, "pc_key_wrong")
    problem(await pc.get("/hall-pc", headers={"authorization": "Bearer " + key[:-1] + "~"}), 401, "pc_key_wrong")
    shown = (await pc.get("/hall-pc", headers={"authorization": f"Bearer {key}"})).json()
    assert (shown["hall_name"], shown["unit_name"]) == ("Phòng họp khcn", "Sở Khoa học và Công nghệ")
    assert (shown["dates"], shown["join"]) == ([], "")
    (state,) = (await operator.get("/pc-states")).json()
    assert (state["on"], state["seen_from"], state["code_until"]) == (True, ZONE, None)
    reader = await office.client("secretary", "xa1")
    assert (await reader.get("/pc-states")).json()[0]["seen_from"] == ""
    problem(await reader.post("/terminals/terminal-khcn/pc-code"), 403, "denied")
    office.pass_minutes(3)
    assert not (await operator.get("/pc-states")).json()[0]["on"]
    async with office.database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.action.like("terminal.pc%"))))
    assert [one.action for one in entries] == ["terminal.pc_code", "terminal.pc_code", "terminal.pc_enrol"]
    assert not any(secret in str(one.detail) for one in entries for secret in (code, key))


async def test_wrong_codes_are_limited_for_one_network_and_for_all_together(office: Office) -> None:
    operator = await office.client("operator", "khcn")
    assert (await as_pc(operator)).status_code == 200
    code = (await operator.post("/terminals/terminal-khcn/pc-code")).json()["code"]
    wrong = {"code": f"{(int(code) + 1) % 10**8:08}"}

    async def tries(addresses: list[str], most: int) -> list[int]:
        """Return the answers to wrong codes, from one address after the other, up to the first 429."""
        answers: list[int] = []
        for number in range(most):
            pc = office.stranger(addresses[number % len(addresses)])
            answers.append((await pc.post("/hall-pc/enrolment", json=wrong)).status_code)
            if answers[-1] == 429:
                break
        return answers

    own = await tries([OUTSIDE], limits.PC_CODES_PER_MINUTE + 1)
    assert own == [403] * limits.PC_CODES_PER_MINUTE + [429]
    given = await office.stranger(ZONE).post("/hall-pc/enrolment", json={"code": code})
    assert given.status_code == 200, "one network must not lock out the others"
    many = [f"198.51.{number}.7" for number in range(limits.PC_CODES_OF_ALL_PER_MINUTE)]
    rest = limits.PC_CODES_OF_ALL_PER_MINUTE - limits.PC_CODES_PER_MINUTE
    assert await tries(many, len(many)) == [403] * rest + [429]
    code = (await operator.post("/terminals/terminal-khcn/pc-code")).json()["code"]
    problem(await office.stranger(ZONE).post("/hall-pc/enrolment", json={"code": code}), 429, "too_many_requests")
    office.pass_minutes(1)
    assert (await office.stranger(ZONE).post("/hall-pc/enrolment", json={"code": code})).status_code == 200


@POSTGRESQL_IN_SIM
async def test_a_pc_enters_its_meeting_by_schedule_as_the_hall(office: Office) -> None:
    pc = await enrolled(office)
    meeting = await approved(office, starts_at=office.at(START))
    (date,) = meeting["occurrences"]
    shown = (await pc.get("/hall-pc")).json()
    (coming,) = shown["dates"]
    assert (coming["title"], coming["held"], shown["join"]) == (meeting["title"], None, "")
    problem(await pc.post(f"/hall-pc/dates/{date['id']}/pass"), 403, "too_early")
    office.pass_minutes(170)  # ten minutes before the start
    assert (await pc.get("/hall-pc")).json()["join"] == date["id"]
    given = (await pc.post(f"/hall-pc/dates/{date['id']}/pass")).json()
    grants = office.authenticator.verify(given["token"], office.now.timestamp())
    assert (grants.identity, grants.role, grants.conference) == (
        "hall_terminal.terminal-khcn",
        "hall",
        f"o-{date['id']}",
    )
    assert grants.attributes["diemcau.unit"] == "Sở Khoa học và Công nghệ"
    assert not grants.may_moderate(grants.conference)
    office.secretariat.live.admit(grants)
    stranger = await enrolled(office, hall="xa1")
    assert (await stranger.get("/hall-pc")).json()["dates"] == []
    problem(await stranger.post(f"/hall-pc/dates/{date['id']}/pass"), 403, "not_invited")
    operator = await office.client("operator", "khcn")
    assert (await operator.delete("/terminals/terminal-khcn/pc")).status_code == 204
    with pytest.raises(Refusal, match="not_invited"):
        office.secretariat.live.admit(grants)
    problem(await pc.get("/hall-pc"), 401, "pc_key_wrong")
    problem(await pc.post(f"/hall-pc/dates/{date['id']}/pass"), 401, "pc_key_wrong")


async def test_a_pc_that_an_operator_took_off_stays_out_until_it_is_called_again(office: Office) -> None:
    pc = await enrolled(office)
    (date,) = (await approved(office, starts_at=office.at(START)))["occurrences"]
    office.pass_minutes(170)
    path, terminal = f"/hall-pc/dates/{date['id']}/pass", "terminal-khcn"
    assert (await pc.post(path)).status_code == 200
    await office.database.transact(lambda session: planning.take_off(session, date["id"], terminal))
    shown = (await pc.get("/hall-pc")).json()
    held = shown["dates"][0]["held"]
    assert (shown["join"], held["code"]) == ("", "pc_taken_off")
    assert problem(await pc.post(path), 403, "pc_taken_off")["vi"] == held["vi"]
    assert "OK" not in held["vi"]
    operator = office.province.actor("operator", "tinh")
    await office.database.transact(lambda session: planning.ask(session, date["id"], terminal, operator, office.now))
    shown = (await pc.get("/hall-pc")).json()
    assert (shown["join"], shown["dates"][0]["held"]) == (date["id"], None)
    assert (await pc.post(path)).status_code == 200


async def test_a_pc_is_a_site_to_telephone_and_not_one_to_call(office: Office) -> None:
    """The server cannot call a PC, so the order to call absent sites again leaves it out."""
    await enrolled(office)
    operator = await office.client("operator", "khcn")
    site = (await operator.get("/terminals/terminal-khcn")).json()["site_id"]
    person = {"technician": "Trần Văn Kỹ", "technician_phone": "0912 345 678"}
    await office.database.transact(lambda session: places.edit(session, site, person, COMMAND, office.now))
    (date,) = (await approved(office, starts_at=office.at(START)))["occurrences"]
    office.pass_minutes(170)
    await office.database.transact(lambda session: planning.plan(session, office.now))
    found = {one.id: one for one in await office.secretariat.hosts.roll_sites(f"o-{date['id']}")}
    pc = found["hall_terminal.terminal-khcn"]
    assert (pc.terminal, pc.telephone) == ("", "0912 345 678")
    invited = next(one for one in found.values() if one.name == "Điểm cầu yt")
    assert bearer(invited.id) == invited.link != "", "its unit comes by the link of the invitation"


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("counts", "address", "scheme", "code"),
    [
        (False, ZONE, "https", "pc_refused"),
        (True, OUTSIDE, "https", "network_open"),
        (True, ZONE, "http", "encryption_needed"),
        (True, ZONE, "https", ""),
    ],
    ids=["default", "outside", "without TLS", "closed zone"],
)
async def test_an_important_meeting_admits_a_pc_by_policy_and_zone(
    counts: bool,
    address: str,
    scheme: str,
    code: str,
    database: Database,
    database_url: str,
    province: Province,
    now: datetime,
    tmp_path: Path,
) -> None:
    office = Office(database, database_url, province, now, tmp_path, important_pcs=counts)
    try:
        pc = await enrolled(office, address)
        # The public address begins with https in each case: only the own connection of the PC counts.
        pc.base_url = BASE.replace("https", scheme) + "/api/v1"
        meeting = await approved(office, starts_at=office.at(START), **{"class": "important"})
        office.pass_minutes(170)
        (date,) = meeting["occurrences"]
        shown, given = (await pc.get("/hall-pc")).json(), await pc.post(f"/hall-pc/dates/{date['id']}/pass")
        if code:
            assert (shown["join"], shown["dates"][0]["held"]["code"]) == ("", "class_forbids")
            assert problem(given, 403, "class_forbids")["vi"] == shown["dates"][0]["held"]["vi"]
            assert shown["dates"][0]["held"]["vi"] == REFUSALS[code][0]
        else:
            assert shown["join"] == date["id"]
            grants = office.authenticator.verify(given.json()["token"], office.now.timestamp())
            office.secretariat.live.admit(grants)
            check_way(grants, ZONE, "wss")
            with pytest.raises(Refusal, match="network_open"):
                check_way(grants, OUTSIDE, "wss")
    finally:
        await office.close()
