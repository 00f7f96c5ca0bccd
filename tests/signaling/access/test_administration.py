"""Accounts, roles and keys administered over HTTP, as the pages and other systems do it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from rooms.accounts import limits as accounts
from rooms.identifiers import new_id
from rooms.store.database import Database
from rooms.store.tables.accounts import Client
from signaling.access import limits
from signaling.access.access import address_of, agent_of
from signaling.access.refusals import STATUS
from tests.rooms.people import signed_in
from tests.rooms.province import Province
from tests.signaling.sign_in_desk import SignInDesk, sign_in

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
NEW = "mưa rơi trên mái ngói đỏ"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
async def office(database: Database, province: Province) -> AsyncIterator[SignInDesk]:
    opened = SignInDesk(database, NOW)
    yield opened
    opened.access.close()


async def desk(office: SignInDesk, province: Province, role: str = "admin", unit: str = "tinh") -> httpx.AsyncClient:
    """Return a browser of a signed-in user with this role."""
    signed = await signed_in(office.database, role, province.units[unit], NOW)
    browser = office.client()
    browser.cookies.update(signed.cookies)
    return browser


async def ask(who: httpx.AsyncClient, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = await who.request(method, path, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


async def test_from_a_new_account_to_its_first_sign_in(office: SignInDesk, province: Province) -> None:
    units, people = province.units, province.people
    async with await desk(office, province, unit="vp") as chief, office.client() as browser:
        made = await ask(chief, "POST", "/accounts", {"name": "lan.vp", "person_id": people["vp-2"]})
        assert (made["person_name"], made["unit_name"]) == ("Trần Thị VP", "Văn phòng UBND tỉnh")
        assert (made["has_password"], made["roles"], made["version"]) == (False, [], 1)
        path = f"/accounts/{made['id']}"
        ends = (NOW + timedelta(days=30)).isoformat()
        seen = await ask(chief, "POST", f"{path}/roles", {"role": "secretary", "unit_id": units["vp"], "ends_at": ends})
        assert [(one["role"], one["unit_id"], one["in_force"]) for one in seen["roles"]] == [
            ("secretary", units["vp"], True)
        ]
        link = await ask(chief, "POST", f"{path}/link")
        assert link["url"].startswith("https://hop.vn/sign-in#link=")
        await ask(browser, "POST", "/session/link", {"secret": link["url"].split("=")[1]})
        await ask(browser, "PUT", "/session/password", {"new": NEW})
        assert [one["role"] for one in (await ask(browser, "GET", "/session"))["me"]["roles"]] == ["secretary"]
        assert (await ask(chief, "GET", path))["last_seen_at"] is not None
        await ask(chief, "POST", f"{path}/sign-out")
        assert not (await ask(browser, "GET", "/session"))["signed_in"]
        assert (await sign_in(browser, "lan.vp", NEW)).status_code == 200
        office.pass_time(days=29, hours=23)
        office.pass_time(hours=2)
        assert (await sign_in(browser, "lan.vp", NEW)).json()["me"]["roles"] == []


async def test_changes_by_version_and_roles_taken_away(office: SignInDesk, province: Province) -> None:
    async with await desk(office, province) as chief, office.client() as browser:
        made = await ask(chief, "POST", "/accounts", {"name": "lan", "person_id": province.people["yt-2"]})
        path = f"/accounts/{made['id']}"
        changed = await ask(chief, "PATCH", path, {"name": "lan.yt", "language": "en"}, if_match='"1"')
        assert (changed["name"], changed["language"], changed["version"]) == ("lan.yt", "en", 2)
        late = await chief.patch(path, json={"active": False}, headers={"if-match": '"1"'})
        assert (late.status_code, late.json()["code"]) == (412, "version_old")
        given = await ask(chief, "POST", f"{path}/roles", {"role": "approver", "unit_id": province.units["yt"]})
        taken = await ask(chief, "DELETE", f"{path}/roles/{given['roles'][0]['id']}")
        assert taken["roles"] == []
        again = await chief.delete(f"{path}/roles/{given['roles'][0]['id']}")
        assert (again.status_code, again.json()["code"]) == (404, "grant_unknown")
        assert not (await ask(chief, "PATCH", path, {"active": False}))["active"]
        off = await chief.post(f"{path}/link")
        assert (off.status_code, off.json()["code"]) == (409, "account_off")
        assert (await sign_in(browser, "lan.yt")).status_code == 401


async def test_a_long_list_is_returned_in_pages(office: SignInDesk, province: Province) -> None:
    names = [f"nguoi{number:03}" for number in range(23)]
    for name in names:
        await office.account(name, None)
    await office.account("lan", province.people["yt-1"])
    await office.account("minh", province.people["vp-1"])
    async with await desk(office, province) as chief:
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await ask(chief, "GET", f"/accounts?limit=1&cursor={cursor}")
            seen += [one["name"] for one in page["items"]]
            cursor = page["next"]
        assert seen == ["lan", "minh"]  # accounts without a person belong to no unit: only the command line sees them
        found = await ask(chief, "GET", "/accounts?search=nguyễn văn YT")
        assert [one["name"] for one in found["items"]] == ["lan"]
        for wrong in (f"limit={limits.PAGE_MOST + 1}", "limit=0", "cursor=" + "x" * 201, "search=" + "x" * 101):
            assert (await chief.get(f"/accounts?{wrong}")).status_code == 422
        assert (await ask(chief, "GET", "/accounts?cursor=%FF%FE"))["items"]


async def test_a_client_key_works_until_it_is_renewed_or_revoked(office: SignInDesk, province: Province) -> None:
    async with await desk(office, province, unit="vp") as chief, office.client() as system:
        wanted = {"name": "Quản lý văn bản", "unit_id": province.units["vp"], "roles": ["secretary"]}
        made = await ask(chief, "POST", "/clients", wanted)
        assert made["key"].startswith("dck_")
        assert made["key"] not in (await chief.get("/clients")).text

        async def counts(key: str) -> int:
            answer = await system.get("/accounts", headers={"authorization": f"Bearer {key}"})
            return answer.status_code

        assert await counts(made["key"]) == 403  # the key is known, but it is not an administrator's
        assert await counts(made["key"][:-1]) == 401
        assert await counts(made["key"] + "x" * limits.KEY_BYTES) == 401
        renewed = await ask(chief, "POST", f"/clients/{made['client']['id']}/key")
        assert (await counts(made["key"]), await counts(renewed["key"])) == (401, 403)
        await ask(chief, "DELETE", f"/clients/{made['client']['id']}")
        assert await counts(renewed["key"]) == 401
        assert (await ask(chief, "GET", "/clients"))["items"][0]["revoked_at"] is not None
        for roles in (["admin"], ["approver"], [], ["secretary"] * 4):
            assert (await chief.post("/clients", json=wanted | {"name": "B", "roles": roles})).status_code == 422


async def test_an_administrator_sees_his_own_part_only(office: SignInDesk, province: Province) -> None:
    await office.account("lan", province.people["yt-1"])
    await office.account("minh", province.people["vp-1"])
    async with await desk(office, province, unit="vp") as chief, await desk(office, province, "secretary") as other:
        assert [one["name"] for one in (await ask(chief, "GET", "/accounts"))["items"]] == ["minh"]
        assert (await other.get("/accounts")).status_code == 403
        assert (await other.get("/clients")).status_code == 403
        assert (await office.client().get("/clients")).status_code == 401


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_clients_are_bounded(office: SignInDesk, province: Province) -> None:
    async def fill(session: Any) -> None:
        for number in range(accounts.CLIENTS):
            session.add(
                Client(
                    id=new_id(),
                    name=f"c{number}",
                    unit_id=province.units["vp"],
                    roles=["requester"],
                    key_digest=f"{number:064}",
                    created_at=NOW,
                )
            )

    await office.database.transact(fill)
    async with await desk(office, province) as chief:
        body = {"name": "one more", "unit_id": province.units["vp"], "roles": ["requester"]}
        answer = await chief.post("/clients", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "too_many")


def test_what_a_browser_calls_itself_is_cut_and_printable() -> None:
    scope = {"type": "http", "headers": [(b"user-agent", b"A\x1b[31m\x00" + b"B" * 500)]}
    told = agent_of(Request(scope))
    assert len(told) == limits.AGENT_CHARACTERS
    assert told.isprintable()


async def test_behind_a_trusted_proxy_the_last_untrusted_hop_counts() -> None:
    """Show that only the hop that the proxy itself wrote counts. A stranger can write the hops before it."""

    async def told(request: Request) -> PlainTextResponse:
        return PlainTextResponse(address_of(request))

    inner: Any = Starlette(routes=[Route("/", told)])
    outer = ProxyHeadersMiddleware(inner, trusted_hosts=["10.0.0.0/24"])
    for peer, header, seen in (
        ("10.0.0.5", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.5", "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.5", "1.2.3.4, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("192.168.1.1", "203.0.113.7", "192.168.1.1"),
    ):
        transport = httpx.ASGITransport(outer, client=(peer, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://hop.vn") as browser:
            assert (await browser.get("/", headers={"x-forwarded-for": header})).text == seen


def test_every_refusal_has_a_status() -> None:
    from signaling.access.refusals import _TEXTS

    assert set(_TEXTS) <= set(STATUS)
    assert set(STATUS.values()) <= {400, 401, 403, 404, 409, 412, 415, 422, 429, 502, 503}
