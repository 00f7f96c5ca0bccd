"""Single sign-on against a real issuer in its own process. The issuer behaves well in some tests and badly in others."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select

from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from signaling.access import limits
from signaling.access.access import Issuer, Options
from tests.rooms.province import Province
from tests.signaling.access import issuer as issuer_process
from tests.signaling.access.issuer_server import CLIENT, SECRET
from tests.signaling.sign_in_desk import SignInDesk, sign_in

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Yield the address of the issuer."""
    with issuer_process.running() as url:
        yield url


def current() -> datetime:
    """Return the current time: the issuer uses the same clock."""
    return datetime.fromtimestamp(int(time.time()), UTC)


@pytest.fixture
def now() -> datetime:
    return current()


@pytest.fixture
async def office(database: Database, province: Province, issuer: str, now: datetime) -> AsyncIterator[SignInDesk]:
    opened = office_with(database, now, issuer)
    await behave(issuer)
    yield opened
    opened.access.close()


def office_with(
    database: Database, now: datetime, issuer: str, unit_code: str = "", secret: str = SECRET
) -> SignInDesk:
    settings = Issuer(issuer, CLIENT, secret, "Đăng nhập tỉnh", unit_code)
    return SignInDesk(database, now, Options(issuer=settings))


def outside() -> httpx.AsyncClient:
    """Return a client that asks the issuer, which has no TLS. To read the machine's authorities would take 25 ms each time."""
    return httpx.AsyncClient(verify=NO_AUTHORITIES)


async def behave(issuer: str, **how: object) -> None:
    async with outside() as control:
        await control.post(f"{issuer}/behave", json=how)


async def go(browser: httpx.AsyncClient, **body: object) -> httpx.Response:
    """Go to the issuer and back. Return the answer of our callback."""
    left = await browser.post("/session/oidc", json=body)
    if left.status_code != 200:
        return left
    return await browser.get(await returned(left.json()["url"]))


async def returned(url: str) -> str:
    """Return the address to which the issuer redirects the browser."""
    async with outside() as client:
        answer = await client.get(url)
    assert answer.status_code == 307, answer.text
    return answer.headers["location"]


def trouble(answer: httpx.Response) -> str:
    if answer.status_code != 303:
        return str(answer.json()["code"])
    return parse_qs(urlsplit(answer.headers["location"]).query).get("trouble", [""])[0]


async def connected(office: SignInDesk, province: Province) -> Account:
    """Return an account that its person has connected with the issuer's identity."""
    account = await office.account("lan", province.people["vp-1"], secretary=province.units["vp"])
    async with office.client() as browser:
        await sign_in(browser, "lan")
        assert trouble(await go(browser, connect=True)) == ""
    return account


async def test_an_identity_that_was_connected_signs_in(office: SignInDesk, province: Province, issuer: str) -> None:
    account = await connected(office, province)
    async with office.client() as browser:
        assert (await browser.get("/session")).json()["issuer"] == "Đăng nhập tỉnh"
        answer = await go(browser, next="/board?day=2026-03-03")
        assert answer.headers["location"] == "/board?day=2026-03-03"
        state = (await browser.get("/session")).json()
        assert (state["me"]["account_id"], state["second_factor"]) == (account.id, "none")
        assert not [name for name in browser.cookies if "flow" in name]
    stored = await office.stored(account.id)
    assert (stored.issuer, stored.subject) == (issuer, "u-1")


async def test_an_unlinked_person_stays_out_unless_settings_allow(
    office: SignInDesk, province: Province, issuer: str, now: datetime
) -> None:
    async with office.client() as browser:
        assert trouble(await go(browser)) == "identity_unknown"
        assert not (await browser.get("/session")).json()["signed_in"]
    open_office = office_with(office.database, now, issuer, "khcn")
    async with open_office.client() as browser:
        assert trouble(await go(browser)) == ""
        me = (await browser.get("/session")).json()["me"]
        assert (me["name"], me["person_name"], me["unit_id"]) == ("lan.vp", "Trần Thị Lan", province.units["khcn"])
        assert (me["roles"], me["actions"]) == ([], [])
    async with open_office.client() as browser:
        await go(browser)
        assert (await browser.get("/session")).json()["me"]["account_id"] == me["account_id"]
    astray = office_with(office.database, now, issuer, "no-such-unit")
    await behave(issuer, person={"sub": "u-2"})
    async with astray.client() as browser:
        assert trouble(await go(browser)) == "identity_unknown"


async def test_another_persons_mail_or_name_gives_no_access(
    office: SignInDesk, province: Province, issuer: str, now: datetime
) -> None:
    """Show that an identity is matched by its subject. A user who may choose a name at the issuer gets no other person's
    account.
    """
    await office.account("lan.vp", province.people["vp-1"], admin=province.units["tinh"])
    open_office = office_with(office.database, now, issuer, "khcn")
    claims = {"sub": "evil", "preferred_username": "lan.vp", "email": "vp-1@longan.gov.vn", "email_verified": True}
    await behave(issuer, person=claims)
    async with open_office.client() as browser:
        await go(browser)
        me = (await browser.get("/session")).json()["me"]
    assert me["name"].startswith("lan.vp-")
    assert me["roles"] == []
    assert me["person_id"] != province.people["vp-1"]


async def test_an_identity_belongs_to_one_account(office: SignInDesk, province: Province) -> None:
    await connected(office, province)
    await office.account("minh", province.people["vp-2"])
    async with office.client() as browser:
        await sign_in(browser, "minh")
        assert trouble(await go(browser, connect=True)) == "identity_taken"
    async with office.client() as browser:
        assert trouble(await go(browser, connect=True)) == "signed_out"


async def test_an_account_that_is_switched_off_stays_outside(office: SignInDesk, province: Province) -> None:
    account = await connected(office, province)
    await office.change(account.id, active=False)
    async with office.client() as browser:
        assert trouble(await go(browser)) == "identity_unknown"


async def test_two_factors_at_the_issuer_are_two_here(office: SignInDesk, province: Province, issuer: str) -> None:
    await connected(office, province)
    async with office.database.reading() as session:
        account = await session.scalar(select(Account))
    assert account is not None
    from rooms.accounts import roles
    from rooms.policy.actors import COMMAND

    await office.database.transact(
        lambda s: roles.grant(s, account, "operator", province.units["vp"], COMMAND, office.now)
    )
    for methods, state in ((["pwd"], "enrol"), (["pwd", "otp"], "done"), ("otp", "enrol"), ([1], "enrol")):
        await behave(issuer, claims={"amr": methods})
        async with office.client() as browser:
            await go(browser)
            assert (await browser.get("/session")).json().get("second_factor") == state, methods


async def test_new_keys_of_the_issuer_are_found(office: SignInDesk, province: Province, issuer: str) -> None:
    await connected(office, province)
    for algorithm in ("RS256", "ES256"):
        await behave(issuer, rotate=True, algorithm=algorithm)
        async with office.client() as browser:
            assert trouble(await go(browser)) == "", algorithm


WRONG: list[Mapping[str, object]] = [
    {"wrong": wrong}
    for wrong in (
        "unsigned", "public_key_as_secret", "shared_key", "foreign_key", "own_key_inside", "damaged", "no_id_token",
        "denied", "mixed_up", "discovery_issuer", "jwks_elsewhere", "redirected", "endless", "packed", "no_json", "status",
        "no_keys",
    )
] + [
    {"claims": {"iss": "https://evil.vn"}},
    {"claims": {"aud": "another"}},
    {"claims": {"aud": [CLIENT, "another"]}},
    {"claims": {"aud": [CLIENT, "another"], "azp": "another"}},
    {"claims": {"azp": "another"}},
    {"claims": {"nonce": "another"}},
    {"claims": {"sub": ""}},
    {"claims": {"sub": 7}},
    {"claims": {"sub": "x" * 256}},
    {"claims": {"exp": "soon"}},
    {"without": ["nonce"]},
    {"without": ["exp"]},
    {"without": ["sub"]},
    {"without": ["iss"]},
    {"without": ["aud"]},
    {"without": ["iat"]},
    {"claims": {"padding": "x" * limits.ID_TOKEN_BYTES}},
    {"late_s": limits.LEEWAY_S + 5},
]  # fmt: skip


async def test_a_faulty_issuer_answer_signs_no_user_in(office: SignInDesk, province: Province, issuer: str) -> None:
    """Each of WRONG meets a server that has cached nothing about the issuer. At the end the issuer does everything right."""
    await connected(office, province)
    answers = {}
    for how in (*WRONG, {}):
        fresh = office_with(office.database, current(), issuer)
        await behave(issuer, **how)
        async with fresh.client() as browser:
            told = trouble(await go(browser))
            answers[str(how)] = (told, (await browser.get("/session")).json()["signed_in"])
        fresh.access.close()
    assert answers.pop("{}") == ("", True)
    assert not {how: answer for how, answer in answers.items() if answer != ("issuer_failed", False)}
    assert len(answers) == len(WRONG)


async def test_an_oidc_callback_must_match_its_own_sign_in(office: SignInDesk, province: Province, issuer: str) -> None:
    await connected(office, province)
    async with office.client() as own, office.client() as thief, office.client() as empty:
        url = (await own.post("/session/oidc", json={})).json()["url"]
        assert "code_challenge=" in url
        back = await returned(url)
        await thief.post("/session/oidc", json={})
        assert trouble(await empty.get(back)) == "flow_broken"  # this browser never started a sign-in
        assert trouble(await thief.get(back)) == "flow_broken"  # the code and state belong to another browser
        state = parse_qs(urlsplit(back).query)["state"][0]
        assert trouble(await own.get(back.replace(state, state[::-1]))) == "flow_broken"
    async with office.client() as own:
        back = await returned((await own.post("/session/oidc", json={})).json()["url"])
        flow = own.cookies["__Host-diemcau-flow"]
        assert trouble(await own.get(back)) == ""
        own.cookies.set("__Host-diemcau-flow", flow)
        assert trouble(await own.get(back)) == "issuer_failed"  # a code is valid once
    async with office.client() as own:
        back = await returned((await own.post("/session/oidc", json={})).json()["url"])
        office.now += timedelta(seconds=limits.FLOW_S + 1)
        assert trouble(await own.get(back)) == "flow_broken"
    async with office.client() as own:
        await own.post("/session/oidc", json={})
        own.cookies.set("__Host-diemcau-flow", "1.forged")
        assert trouble(await own.get("/session/oidc/callback", params={"code": "x", "state": "y"})) == "flow_broken"


async def test_the_way_back_leads_to_our_own_pages_only(office: SignInDesk, province: Province) -> None:
    await connected(office, province)
    foreign = ("//evil.vn", "https://evil.vn", "/\\evil.vn", "javascript:alert(1)", "/a\r\nset-cookie: x=1", "")
    for path in foreign:
        async with office.client() as browser:
            assert (await go(browser, next=path)).headers["location"] == "/", path


async def test_the_rate_of_oidc_sign_ins_per_network_is_limited(
    database: Database, issuer: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FLOWS_PER_MINUTE", 10)
    await behave(issuer)
    office = office_with(database, now, issuer)
    async with office.client("10.8.8.8") as browser:
        for _ in range(limits.FLOWS_PER_MINUTE):
            assert (await browser.post("/session/oidc", json={})).status_code == 200
        assert (await browser.post("/session/oidc", json={})).status_code == 429
    async with office.client("10.8.8.9") as other:
        assert (await other.post("/session/oidc", json={})).status_code == 200
    office.access.close()


async def test_a_wrong_client_secret_and_an_absent_issuer(
    office: SignInDesk, province: Province, issuer: str, now: datetime
) -> None:
    wrong = office_with(office.database, now, issuer, secret="another")
    async with wrong.client() as browser:
        assert trouble(await go(browser)) == "issuer_failed"
    away = office_with(office.database, now, "http://127.0.0.1:1")
    async with away.client() as browser:
        left = await browser.post("/session/oidc", json={})
        assert (left.status_code, left.json()["code"]) == (502, "issuer_failed")
    plain = office_with(office.database, now, "http://10.0.0.1")  # without TLS no request is sent
    async with plain.client() as browser:
        assert (await browser.post("/session/oidc", json={})).status_code == 502
    none = SignInDesk(office.database, now)
    async with none.client() as browser:
        assert (await browser.post("/session/oidc", json={})).status_code == 404
        assert trouble(await browser.get("/session/oidc/callback")) == "issuer_absent"
    async with office.client() as browser:
        for count, status in ((limits.NEXT_CHARACTERS, 200), (limits.NEXT_CHARACTERS + 1, 422)):
            answer = await browser.post("/session/oidc", json={"next": "/" + "x" * (count - 1)})
            assert answer.status_code == status
    async with office.client(origin="https://evil.vn") as browser:
        assert (await browser.post("/session/oidc", json={})).status_code == 403
