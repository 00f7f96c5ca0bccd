"""Units, posts, people, deputies, recipient sets and sites over the REST API: reading, changing, and refusals."""

from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.signaling.api.office import Office

pytestmark = pytest.mark.both_databases

UNIT = {"code": "so-nv", "name": "Sở Nội vụ", "kind": "department", "tier": 1, "block": "government"}


def problem(answer: httpx.Response, status: int, code: str) -> dict:
    body = answer.json()
    assert (answer.status_code, body["code"], body["status"]) == (status, code, status), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["title"] == body["vi"]
    assert body["en"]
    return body


@POSTGRESQL_IN_SIM
async def test_a_unit_from_creation_to_correction(office: Office) -> None:
    admin = await office.client("admin")
    wanted = UNIT | {"parent_id": office.province.units["tinh"]}
    made = await admin.post("/units", json=wanted)
    assert made.status_code == 201, made.text
    assert made.headers["etag"] == '"1"'
    address = f"/units/{made.json()['id']}"
    problem(await admin.put(address, json=wanted), 428, "version_missing")
    problem(await admin.put(address, json=wanted, headers={"if-match": "x"}), 400, "version_malformed")
    renamed = wanted | {"name": "Sở Nội vụ tỉnh"}
    changed = await admin.put(address, json=renamed, headers={"if-match": '"1"'})
    assert (changed.status_code, changed.json()["version"], changed.headers["etag"]) == (200, 2, '"2"')
    problem(await admin.put(address, json=wanted, headers={"if-match": '"1"'}), 412, "version_mismatch")
    problem(await admin.post("/units", json=wanted), 409, "code_taken")
    assert [one["code"] for one in (await admin.get("/units", params={"q": "so noi vu"})).json()["items"]] == ["so-nv"]


@POSTGRESQL_IN_SIM
async def test_unauthorized_requests_for_units_are_refused(office: Office) -> None:
    wanted = UNIT | {"parent_id": office.province.units["tinh"]}
    problem(await office.stranger().get("/units"), 401, "signed_out")
    problem(await office.stranger().post("/units", json=wanted), 401, "signed_out")
    problem(await (await office.client()).get("/units"), 403, "denied")
    secretary = await office.client("secretary", "khcn")
    assert (await secretary.get("/units")).status_code == 200
    problem(await secretary.post("/units", json=wanted), 403, "denied")
    weak = await office.client("admin", factors=1)
    problem(await weak.post("/units", json=wanted), 403, "second_factor_needed")


@POSTGRESQL_IN_SIM
async def test_wrong_fields_are_named(office: Office) -> None:
    admin = await office.client("admin")
    body = problem(await admin.post("/units", json=UNIT | {"tier": 10, "code": "", "other": 1}), 422, "fields_wrong")
    assert {one["where"] for one in body["troubles"]} == {"tier", "code", "other"}
    assert all(one["vi"] and one["en"] for one in body["troubles"])
    problem(
        await admin.post("/units", content=b"{", headers={"content-type": "application/json"}), 400, "request_malformed"
    )
    problem(await admin.get("/units/nobody"), 404, "unknown_unit")
    problem(await admin.get("/nowhere"), 404, "not_found")
    problem(await admin.delete("/units"), 405, "method_refused")


@POSTGRESQL_IN_SIM
async def test_lists_come_in_pages(office: Office) -> None:
    reader = await office.client("requester", "xa1")
    seen: list[str] = []
    params = {"limit": "2"}
    while True:
        page = (await reader.get("/units", params=params)).json()
        assert len(page["items"]) <= 2
        seen += [one["code"] for one in page["items"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert seen == [one["code"] for one in (await reader.get("/units")).json()["items"]]
    assert len(seen) == len(set(seen)) == 6
    other = {"limit": "2", "cursor": params["cursor"], "tier": "3"}
    problem(await reader.get("/units", params=other), 400, "cursor_wrong")
    problem(await reader.get("/units", params={"cursor": "AAAA"}), 400, "cursor_wrong")
    problem(await reader.get("/units", params={"cursor": "!"}), 422, "fields_wrong")
    problem(await reader.get("/units", params={"limit": "201"}), 422, "fields_wrong")
    problem(await reader.get("/units", params={"cursor": "A" * 401}), 422, "fields_wrong")


async def test_people_posts_and_deputies(office: Office) -> None:
    admin, ids = await office.client("admin"), office.province
    wanted = {"code": "lan", "name": "Nguyễn Thị Lan", "email": "lan@longan.gov.vn", "unit_id": ids.units["khcn"]}
    person = (await admin.post("/people", json=wanted)).json()
    assert person["unit_name"] == "Sở Khoa học và Công nghệ"
    post = {"unit_id": ids.units["khcn"], "title": "Phó Giám đốc", "rank": 2}
    made = (await admin.post("/posts", json=post)).json()
    held = await admin.put(f"/posts/{made['id']}", json=post | {"holder": {"person_id": person["id"]}})
    assert held.json()["holder_name"] == "Nguyễn Thị Lan"
    found = (await admin.get("/people", params={"q": "nguyen thi lan"})).json()["items"]
    assert [one["title"] for one in found] == ["Phó Giám đốc Sở Khoa học và Công nghệ"]
    starts, ends = office.at("2026-03-04 07:00"), office.at("2026-03-06 17:00")
    given = {"person_id": ids.people["khcn-1"], "deputy_id": person["id"], "starts_at": starts, "ends_at": ends}
    head = await office.client("approver", "khcn", "khcn-1")
    made = await head.post("/deputies", json=given)
    assert (made.status_code, made.json()["in_force"]) == (201, False)
    passed = [(one["role"], one["unit_name"]) for one in made.json()["roles"]]
    assert passed == [("approver", "Sở Khoa học và Công nghệ")]
    problem(await (await office.client("requester", "yt")).post("/deputies", json=given), 403, "denied")
    assert [one["id"] for one in (await head.get("/deputies")).json()["items"]] == [made.json()["id"]]
    assert (await (await office.client("requester", "yt")).get("/deputies")).json()["items"] == []
    assert (await head.delete(f"/deputies/{made.json()['id']}")).status_code == 204


async def test_a_person_is_stored_with_a_post_or_not_at_all(office: Office) -> None:
    admin, ids = await office.client("admin"), office.province
    code = (await admin.get("/codes", params={"kind": "people", "name": "Trần Văn Bé"})).json()["code"]
    wanted = {"code": code, "name": "Trần Văn Bé", "unit_id": ids.units["yt"]}
    taken = {"post_id": ids.posts["yt"], "valid_from": "2019-01-01"}
    problem(await admin.post("/people", json=wanted | {"appointment": taken}), 409, "post_taken")
    assert (await admin.get("/people", params={"q": code})).json()["items"] == []
    problem(await admin.post("/people", json=wanted | {"appointment": {}}), 422, "fields_wrong")
    new = {"title": "Chánh Văn phòng", "valid_from": "2026-03-01"}
    made = await admin.post("/people", json=wanted | {"appointment": new})
    assert made.json()["title"] == "Chánh Văn phòng Sở Y tế", made.text
    person, tag = made.json()["id"], {"if-match": made.headers["etag"]}
    second = wanted | {"appointment": {"post_id": ids.posts["khcn"]}}
    assert (await admin.put(f"/people/{person}", json=second, headers=tag)).status_code == 200
    held = (await admin.get(f"/people/{person}/posts")).json()
    assert [one["title"] for one in held] == ["Chánh Văn phòng", "Giám đốc"]
    assert (await admin.delete(f"/posts/{ids.posts['khcn']}/holder/{person}")).status_code == 204
    assert [one["title"] for one in (await admin.get(f"/people/{person}/posts")).json()] == ["Chánh Văn phòng"]
    found = (await admin.get("/people", params={"q": "chanh van phong"})).json()["items"]
    assert person in [one["id"] for one in found], "a secretary knows the post of a chair, not always the name"


async def test_recipient_sets(office: Office) -> None:
    desk, ids = await office.client("secretary"), office.province
    wanted = {"code": "cac-so", "name": "Các sở, ngành", "owner_unit_id": ids.units["tinh"]}
    rules = [{"kind": "department"}]
    made = (await desk.post("/recipient-sets", json=wanted | {"rules": rules})).json()
    assert made["size"] == 2
    units = (await desk.get(f"/recipient-sets/{made['id']}/units")).json()["items"]
    listed = {one["id"]: one["size"] for one in (await desk.get("/recipient-sets")).json()["items"]}
    assert listed[made["id"]] == made["size"] == len(units) > 0
    assert {one["code"] for one in units} == {"khcn", "yt"}
    changed = await desk.put(f"/recipient-sets/{made['id']}", json=wanted | {"rules": [{"tier": 3}]})
    assert changed.json()["size"] == 2
    problem(await desk.post("/recipient-sets", json=wanted | {"code": "leer", "rules": [{}]}), 422, "invalid")
    stranger = await office.client("secretary", "xa1")
    problem(await stranger.delete(f"/recipient-sets/{made['id']}"), 403, "denied")
    assert (await desk.delete(f"/recipient-sets/{made['id']}")).status_code == 204


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("path", "unit", "fields"),
    [
        ("/posts", "unit_id", {"title": "Phó Giám đốc", "rank": 2}),
        ("/people", "unit_id", {"code": "lan", "name": "Nguyễn Thị Lan", "email": "lan@longan.gov.vn"}),
        ("/sites", "unit_id", {"code": "moi", "name": "Điểm cầu mới", "capability": "hall"}),
        ("/recipient-sets", "owner_unit_id", {"code": "cac-so", "name": "Các sở", "rules": [{"kind": "department"}]}),
    ],
)
async def test_a_new_entry_is_answered_with_201(office: Office, path: str, unit: str, fields: dict[str, Any]) -> None:
    admin = await office.client("admin")
    made = await admin.post(path, json={unit: office.province.units["khcn"]} | fields)
    assert made.status_code == 201, made.text


async def test_sites_halls_and_terminals(office: Office) -> None:
    operator, ids = await office.client("operator"), office.province
    site = {"code": "xa2b", "name": "Điểm cầu mới", "unit_id": ids.units["xa2"], "capability": "hall"}
    made = (await operator.post("/sites", json=site)).json()
    hall = {"code": "xa2b", "name": "Hội trường", "site_id": made["id"], "seats": 40}
    placed = (await operator.post("/halls", json=hall)).json()
    assert (placed["site_name"], placed["unit_id"]) == ("Điểm cầu mới", ids.units["xa2"])
    device = {"code": "xa2b", "name": "Máy", "site_id": made["id"], "hall_id": placed["id"], "protocols": ["sip"]}
    assert (await operator.post("/terminals", json=device)).status_code == 201
    assert len((await operator.get("/halls", params={"unit_id": ids.units["xa2"]})).json()["items"]) == 1
    assert len((await operator.get("/terminals", params={"site_id": made["id"]})).json()["items"]) == 1
    commune = await office.client("operator", "xa1")
    mine = (await commune.get("/terminals", params={"changeable": True})).json()["items"]
    assert [one["code"] for one in mine] == ["xa1"], "the sheet of accounts offers only these"
    nearest = (await operator.get(f"/sites/{ids.sites['yt']}/nearest")).json()
    assert nearest["site"]["capability"] == "hall"
    network = {"code": "noi-bo", "name": "Mạng nội bộ", "ranges": ["10.9.0.0/16"], "closed": True}
    assert (await operator.post("/networks", json=network)).status_code == 201
    problem(await operator.post("/networks", json=network | {"code": "x", "ranges": ["10.9.0.0/99"]}), 422, "invalid")


async def test_a_terminal_is_found_by_name_and_not_by_host_letters(office: Office) -> None:
    operator, ids = await office.client("operator"), office.province
    for code, address in (("may-a", "sip:phong@xa1.example"), ("may-b", "sip:goi-xa1_b@hop.example")):
        device = {"code": code, "name": "Máy", "site_id": ids.sites["yt"], "protocols": ["sip"], "sip_uri": address}
        assert (await operator.post("/terminals", json=device)).status_code == 201

    async def found(typed: str) -> list[str]:
        return [one["code"] for one in (await operator.get("/terminals", params={"q": typed})).json()["items"]]

    assert await found("Xã1") == ["xa1", "may-b"], "the department of the other one stands before communes"
    assert await found("xa1_") == ["may-b"]
    for typed in ("xa1.example", "@xa1", "sip:phong"):
        assert await found(typed) == ["may-a"]
    assert await found("example") == await found("sip") == []


async def test_a_client_that_does_not_know_the_mark_keeps_it(office: Office) -> None:
    operator = await office.client("operator")
    network = {"code": "hoi-truong", "name": "Mạng hội trường", "ranges": ["10.9.0.0/16"], "closed": True}
    made = (await operator.post("/networks", json=network | {"terminals": True})).json()
    renamed = await operator.put(f"/networks/{made['id']}", json=network | {"name": "Tên mới"})
    assert renamed.json() == made | {"name": "Tên mới"}
    assert renamed.json()["terminals"] is True
    cleared = await operator.put(f"/networks/{made['id']}", json=network | {"terminals": False})
    assert (cleared.json()["name"], cleared.json()["terminals"]) == ("Mạng hội trường", False)


@POSTGRESQL_IN_SIM
async def test_a_terminal_keeps_the_fields_that_are_not_sent(office: Office) -> None:
    operator, ids = await office.client("operator"), office.province
    wanted = {"code": "may-c", "name": "Máy", "site_id": ids.sites["yt"]}
    device = wanted | {"network_id": ids.networks["tslcd"], "bandwidth_kbps": 512, "codecs": ["h264", "g711"]}
    made = (await operator.post("/terminals", json=device)).json()
    assert (made["protocols"], made["encrypts"], made["shows_content"]) == (["sip"], True, True)
    edit = await operator.put(f"/terminals/{made['id']}", json=wanted | {"profile": "cif"}, headers={"if-match": '"1"'})
    assert edit.json() == made | {"profile": "cif", "version": 2}
    problem(await operator.post("/terminals", json=device | {"code": "x", "h323_alias": "x"}), 422, "fields_wrong")


async def test_a_network_is_stored_when_halls_cannot_read_it_yet(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Show that a change of a network succeeds while the halls cannot read it. They read the register every 30 seconds, so the
    commit must not look failed.
    """

    async def refresh() -> None:
        raise OperationalError("SELECT", {}, OSError("the connection is gone"))

    office.secretariat.hall_desk = cast(Any, SimpleNamespace(terminals=SimpleNamespace(refresh=refresh)))
    operator = await office.client("operator")
    network = {"code": "hoi-truong", "name": "Mạng hội trường", "ranges": ["10.9.0.0/16"], "terminals": True}
    made = await operator.post("/networks", json=network)
    assert made.status_code == 201, made.text
    moved = await operator.put(f"/networks/{made.json()['id']}", json=network | {"ranges": ["10.8.0.0/16"]})
    assert (moved.status_code, moved.json()["ranges"]) == (200, ["10.8.0.0/16"]), moved.text
    assert caplog.text.count("could not read a change of the register") == 2


@POSTGRESQL_IN_SIM
async def test_a_merger_can_be_previewed(office: Office) -> None:
    admin, ids = await office.client("admin"), office.province
    wanted = {"kind": "merge", "into_id": ids.units["xa1"], "on": "2026-03-03", "decision": "NQ 1"}
    address = f"/units/{ids.units['xa2']}/succession"
    seen = (await admin.post(address, json=wanted)).json()
    assert (seen["applied"], seen["moved"]["people"]) == (False, 2)
    assert (await admin.get(f"/units/{ids.units['xa2']}")).json()["valid_to"] is None
    done = (await admin.post(address, json=wanted | {"preview": False})).json()
    assert (done["applied"], done["unit"]) == (True, ids.units["xa1"])
    assert (await admin.get(f"/units/{ids.units['xa2']}")).json()["valid_to"] == "2026-03-03"
