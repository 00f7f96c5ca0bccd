"""The REST routes and the pages, asked with and without the needed right."""

import gzip
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from conference import Fill, Grants, ProcessMemory, cleaned
from signaling.api.application import application
from signaling.api.ground.doorway import Starting
from signaling.api.ground.invitations import Invitations, new_number
from signaling.api.pages import Pages
from signaling.api.routes.live import conferences
from signaling.host import limits
from signaling.host.throttle import OWNER, Throttle, network
from signaling.host.tokens import Authenticator
from tests.clock import Clock
from tests.signaling.doorways import facts, instant_meetings
from web import DIST

SECRET = "0123456789abcdef0123456789abcdef"
AUTHENTICATOR = Authenticator({"office": SECRET})
INVITATIONS = Invitations(SECRET)


def counted() -> Callable[[int], bytes]:
    count = iter(range(1, 10**9))
    return lambda n: (next(count) * 7919**9).to_bytes(64, "big")[-n:]


@dataclass
class Stands:
    """A server that knows no booked meeting."""

    open_creation: bool = False
    local_creation: bool = False
    authority: Callable[[], str | None] = lambda: None
    ready: Callable[[], bool] = lambda: True
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        starting = Starting(everybody=self.open_creation, local=self.local_creation)
        instant = instant_meetings(AUTHENTICATOR, INVITATIONS, self.clock.time, counted(), starting)
        self.app: FastAPI = application(instant, facts("1.2.3", starting, authority=self.authority, ready=self.ready))


def client(stands: Stands, address: str = "192.168.1.9", base: str = "https://hop.vn") -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/api/v1", stands.app)])
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, False, client=(address, 5000)), base_url=base + "/api/v1"
    )


async def start(stands: Stands, address: str = "192.168.1.9", **headers: str) -> httpx.Response:
    async with client(stands, address) as asking:
        return await asking.post("/conferences", json={}, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def join(stands: Stands, number: str = "abc-defg-hij", **body: Any) -> httpx.Response:
    async with client(stands) as asking:
        return await asking.post(f"/conferences/{number}/token", json=body)


async def test_a_meeting_from_start_to_token() -> None:
    stands = Stands(open_creation=True)
    async with client(stands) as asking:
        created = (await asking.post("/conferences", json={"name": " Giao  ban "})).json()
        assert created["url"] == f"https://hop.vn/m/{created['conference']}#k={created['invite']}"
        answer = await asking.post(
            f"/conferences/{created['conference']}/token", json={"name": "An", "invite": created["invite"]}
        )
    entry = answer.json()
    grants = AUTHENTICATOR.verify(entry["token"], stands.clock.time())
    assert (grants.identity, grants.name, grants.conference) == (entry["identity"], "An", created["conference"])
    assert grants.join
    assert not (grants.admin)
    assert not (grants.create)
    assert not (grants.list)
    assert not (grants.hidden)
    assert grants.expires_at == stands.clock.time() + 600
    assert entry["url"] == "wss://hop.vn"
    assert entry["title"] == "Giao ban"


async def test_identities_and_numbers_differ() -> None:
    stands = Stands(open_creation=True)
    numbers = {(await start(stands)).json()["conference"] for _ in range(20)}
    invite = INVITATIONS.seal("abc-defg-hij")
    people = {(await join(stands, name="An", invite=invite)).json()["identity"] for _ in range(20)}
    assert len(numbers) == len(people) == 20


async def test_starting_a_meeting_needs_a_grant_or_open_creation() -> None:
    creator = AUTHENTICATOR.sign(Grants(identity="s", create=True), 60, Clock().time())
    guest = AUTHENTICATOR.sign(Grants(identity="g", join=True, conference="x"), 60, Clock().time())
    assert (await start(Stands())).status_code == 403
    assert (await start(Stands(open_creation=True))).status_code == 201
    assert (await start(Stands(), authorization=f"Bearer {creator}")).status_code == 201
    assert (await start(Stands(open_creation=True), authorization=f"Bearer {guest}")).status_code == 403
    assert (await start(Stands(), authorization="Bearer x.y.z")).status_code == 401
    assert (await start(Stands(), authorization=creator)).status_code == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_local_person_may_start_but_not_through_a_proxy(address: str) -> None:
    local = Stands(local_creation=True)
    assert (await start(local, address)).status_code == 201
    assert (await start(local)).status_code == 403
    for header in ("x_forwarded_for", "forwarded", "via", "x_real_ip"):
        assert (await start(local, address, **{header: "127.0.0.1"})).status_code == 403


@pytest.mark.parametrize(
    "invite", ["x", INVITATIONS.seal("abc-defg-hik"), INVITATIONS.seal("abc-defg-hij")[:-1], "é" * 22]
)
async def test_a_wrong_invitation_gets_no_token(invite: str) -> None:
    answer = await join(Stands(open_creation=True), name="An", invite=invite)
    assert answer.status_code == 403
    assert answer.json()["code"] == "invitation_wrong"
    assert answer.json()["vi"]
    assert answer.json()["en"]


async def test_only_the_number_of_a_meeting_started_here_suffices() -> None:
    server = Stands(open_creation=True)
    number = (await start(server)).json()["conference"]
    for wanted, status in ((number, 200), ("abc-defg-hij", 404)):
        answer = await join(server, wanted, name="An")
        assert answer.status_code == status
    assert answer.json()["code"] == "conference_unknown"
    assert (await join(server, number, name="An")).json()["by_number"]
    assert not (await join(server, name="An", invite=INVITATIONS.seal("abc-defg-hij"))).json()["by_number"]
    assert (await join(server, number, name="An", invite="x")).status_code == 403


async def test_a_page_checks_the_number_before_it_asks_for_a_camera() -> None:
    server = Stands(open_creation=True)
    async with client(server) as asking:
        made = (await asking.post("/conferences", json={"name": "Giao ban", "lobby": True})).json()
        number, known = made["conference"], {"by_number": True, "lobby": True, "title": "Giao ban"}
        known["entry_muted"] = False
        known["inside"] = {"count": 0, "names": []}  # the opener would not wait in the lobby
        for body in ({}, {"invite": made["invite"]}):
            found = (await asking.post(f"/conferences/{number}/look", json=body)).json()
            assert found == {"conference": number, **known}
        for wanted, body, code in (
            ("xyz", {}, "conference_unknown"),
            ("abc-defg-hij", {}, "conference_unknown"),
            (number, {"invite": "x"}, "invitation_wrong"),
        ):
            assert (await asking.post(f"/conferences/{wanted}/look", json=body)).json()["code"] == code
        alone = {"invite": INVITATIONS.seal("abc-defg-hij")}
        assert not (await asking.post("/conferences/abc-defg-hij/look", json=alone)).json()["by_number"]


async def test_numbers_are_not_tried_out() -> None:
    server = Stands()
    async with client(server) as asking:
        tries = [await asking.post("/conferences/xyz/look", json={}) for _ in range(limits.LOOKS_PER_MINUTE + 1)]
    assert [one.status_code for one in tries[-2:]] == [404, 429]
    async with client(server, "192.168.1.10") as asking:
        assert (await asking.post("/conferences/xyz/look", json={})).status_code == 404


async def test_names_are_cleaned_and_bounded() -> None:
    invite = INVITATIONS.seal("abc-defg-hij")
    stands = Stands()
    seen = (await join(stands, name="  Nguye\u0302\u0303n\u202e\u0000\tVăn \r\n An ", invite=invite)).json()
    assert AUTHENTICATOR.verify(seen["token"], stands.clock.time()).name == "Nguyễn Văn An"
    for name, code in (
        ("", "name_empty"),
        (" \u202e\n", "name_empty"),
        ("n" * 101, "name_too_long"),
        ("n" * 1001, "request_malformed"),
    ):
        assert (await join(stands, name=name, invite=invite)).json()["code"] == code
    assert (await join(stands, name="n" * 100, invite=invite)).status_code == 200
    assert (await join(stands, name="🇻🇳" * 25, invite=invite)).status_code == 200


async def test_control_unchecked_names_show_two_that_look_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stands, invite = Stands(), INVITATIONS.seal("abc-defg-hij")
    disguises = (
        "Nguyễn\u200b Văn An",
        "Nguyễn Văn\u3164 An",
        "\u202enA năV nễyugN",
        "Nguye\u0302\u0303n Văn An\n[host]",
    )

    async def names() -> list[str]:
        told = [(await join(stands, name=name, invite=invite)).json()["token"] for name in disguises]
        return [AUTHENTICATOR.verify(one, stands.clock.time()).name for one in told]

    assert all(name.isprintable() and cleaned(name) == name for name in await names())
    monkeypatch.setattr(conferences, "cleaned", lambda text: text)
    assert await names() == list(disguises)


@given(st.text(max_size=60))
def test_cleaned_names_stay_clean(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert once == once.strip()
    assert all(c == " " or c.isprintable() or ord(c) in (0x200C, 0x200D) or c in once for c in once)
    assert not any(ord(c) < 32 or c in "\u202e\u2066\u200e" for c in once)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b'{"name": 5}', "application/json"),
        (b'{"name": "a", "role": "admin"}', "application/json"),
        (b"[]", "application/json"),
        (b'"x"', "application/json"),
        (b"", "application/json"),
        (b'{"name": "a"}', "text/plain"),
        (b"name=a", "application/x-www-form-urlencoded"),
        (b'{"name": "\xff"}', "application/json"),
        (b"[" * 60000, "application/json"),
    ],
)
async def test_malformed_requests(body: bytes, kind: str) -> None:
    async with client(Stands(open_creation=True)) as asking:
        answer = await asking.post("/conferences", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert set(answer.json()) >= {"code", "vi", "en", "title", "status", "type"}


async def test_long_bodies_unknown_addresses_and_methods() -> None:
    async with client(Stands(open_creation=True)) as asking:
        long = await asking.post(
            "/conferences", content=b"x" * (limits.BODY_BYTES + 1), headers={"content-type": "application/json"}
        )
        assert long.status_code == 413
        assert (await asking.get("/nowhere")).json()["code"] == "not_found"
        assert (await asking.get("/conferences")).status_code == 405
        assert (await asking.post("/conferences/a%2Fb/token", json={"name": "a"})).status_code == 404
        assert (await asking.post(f"/conferences/{'a' * 65}/token", json={"name": "a"})).status_code == 400


async def test_too_many_requests_of_one_address_get_429_for_a_while() -> None:
    stands = Stands(open_creation=True)
    async with client(stands) as asking:
        seen = [
            (await asking.post("/conferences", json={})).status_code for _ in range(limits.CREATIONS_PER_MINUTE + 1)
        ]
        assert seen == [201] * limits.CREATIONS_PER_MINUTE + [429]
        stands.clock.pass_s(1)
        assert (await asking.post("/conferences", json={})).status_code == 201


def test_throttle_is_bounded_and_counts_a_network_of_ipv6_once() -> None:
    shared = ProcessMemory()
    throttle = Throttle(shared, "tests", 60, remembered=3)
    for index in range(100):
        throttle.takes(f"10.0.0.{index}", 0.0)
    assert [name for name, _ in shared.table(OWNER, "tests", 3, Fill).items()] == [f"10.0.0.{n}" for n in (97, 98, 99)]
    assert network("2001:db8::1") == network("2001:db8::ffff:2") != network("2001:db8:0:1::1")
    assert network("fe80::1%eth0") == "fe80::/64"


async def test_about_and_health() -> None:
    ready = [True]
    stands = Stands(authority=lambda: "AA:BB", ready=lambda: ready[0])
    async with client(stands) as asking:
        about = (await asking.get("/about")).json()
        assert about["ca"] == {"fingerprint": "AA:BB", "download": "/ca.crt"}
        assert about["secure"] is True
        assert (await asking.get("/health")).status_code == 200
        ready[0] = False
        assert (await asking.get("/health")).status_code == 503
        assert (await asking.get("/health/live")).json() == {"live": True, "ready": False, "busy": False}
    async with client(Stands(), base="http://192.168.1.5:7880") as asking:
        about = (await asking.get("/about")).json()
        assert about["secure"] is False
        assert about["ca"] is None


async def test_about_says_whether_a_meeting_needs_an_account() -> None:
    """Show that `may_start` in /about equals the result of a real attempt to start a meeting from the same address."""
    for stands, address, headers in (
        (Stands(), "127.0.0.1", {}),
        (Stands(open_creation=True), "192.168.1.9", {}),
        (Stands(local_creation=True), "192.168.1.9", {}),
        (Stands(local_creation=True), "127.0.0.1", {}),
        (Stands(local_creation=True), "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}),
    ):
        async with client(stands, address) as asking:
            told = (await asking.get("/about", headers=headers)).json()["may_start"]
            tried = await asking.post("/conferences", json={}, headers=headers)
        assert told is (tried.status_code == 201)
        assert tried.status_code in (201, 403)


async def test_the_description_names_every_route() -> None:
    async with client(Stands()) as asking:
        described = (await asking.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert {"/conferences", "/conferences/{conference}/token", "/about", "/health"} <= set(described["paths"])


def test_numbers_are_spelled_for_the_telephone() -> None:
    number = new_number(counted())
    assert [len(part) for part in number.split("-")] == [3, 4, 3]
    assert set(number) <= {*string.ascii_lowercase, "-"}


def test_invitations_depend_on_the_secret_and_the_number() -> None:
    other = Invitations("another secret of thirty-two characters")
    assert INVITATIONS.opens("a", INVITATIONS.seal("a"))
    assert not other.opens("a", INVITATIONS.seal("a"))
    assert len(INVITATIONS.seal("a")) == 22


def build(folder: Path) -> None:
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>" + "x" * 1000)
    (folder / "assets" / "index-AbCd1234.js").write_text("let x = 1;\n" * 200)
    (folder / "assets" / "index-AbCd1234.js.br").write_bytes(b"brotli")
    (folder / "assets" / "favicon.svg").write_text("<svg/>")


async def page(folder: Path, path: str, **headers: str) -> httpx.Response:
    app = Starlette(routes=[Route("/{path:path}", Pages(folder).__call__)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as asking:
        return await asking.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_pages_are_cached_by_their_names(tmp_path: Path) -> None:
    build(tmp_path)
    script = await page(tmp_path, "/assets/index-AbCd1234.js", accept_encoding="identity")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    assert (await page(tmp_path, "/assets/favicon.svg")).headers["cache-control"] == "no-cache"
    index = await page(tmp_path, "/")
    assert index.headers["cache-control"] == "no-cache"
    assert (await page(tmp_path, "/", if_none_match=index.headers["etag"])).status_code == 304


def test_a_start_compresses_almost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show that a start compresses little. The build has already compressed the pages, and browsers wait while the server
    starts.
    """
    squeezed: list[int] = []
    compress = gzip.compress

    def counted(content: bytes, *rest: int, **more: int) -> bytes:
        squeezed.append(len(content))
        return compress(content, *rest, **more)

    monkeypatch.setattr("signaling.api.pages.gzip.compress", counted)
    assert Pages(DIST).present
    assert sum(squeezed) < 50_000
    assert len(squeezed) <= 5


async def test_pages_are_compressed_once(tmp_path: Path) -> None:
    build(tmp_path)
    app = Starlette(routes=[Route("/{path:path}", Pages(tmp_path).__call__)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as asking:
        request = asking.build_request("GET", "/", headers={"accept-encoding": "gzip, br;q=0"})
        answer = await asking.send(request, stream=True)
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == (tmp_path / "index.html").read_bytes()


async def test_the_preview_has_the_address_by_which_the_page_was_asked(tmp_path: Path) -> None:
    """Names of a server are kept up to a limit. Beyond the limit the server forgets them, and answers as before."""
    build(tmp_path)
    (tmp_path / "index.html").write_text('<!doctype html><meta property="og:image" content="/assets/preview.png" />')
    pages = Pages(tmp_path)
    app = Starlette(routes=[Route("/{path:path}", pages.__call__)])
    tags = set()
    for n in range(limits.PAGE_ADDRESSES + 1):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://10.0.0.{n}") as asking:
            answer = await asking.get("/m/abc-defg-hij")
        assert f'content="https://10.0.0.{n}/assets/preview.png"' in answer.text
        tags.add(answer.headers["etag"])
    assert len(tags) == limits.PAGE_ADDRESSES + 1
    assert len(pages._indexes) == 1


async def test_a_public_address_counts_more_than_the_address_of_the_request(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "index.html").write_text('<!doctype html><meta property="og:image" content="/assets/preview.png" />')
    app = Starlette(routes=[Route("/{path:path}", Pages(tmp_path, public_url="https://hop.example.vn/").__call__)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://10.0.0.1") as asking:
        assert 'content="https://hop.example.vn/assets/preview.png"' in (await asking.get("/")).text


async def test_files_compressed_by_the_build_are_sent_unchanged(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "assets" / "model-AbCd1234.wasm").write_bytes(b"program")
    (tmp_path / "assets" / "model-AbCd1234.wasm.gz").write_bytes(gzip.compress(b"the build's"))
    program = await page(tmp_path, "/assets/model-AbCd1234.wasm", accept_encoding="gzip")
    assert program.content == b"the build's"
    assert program.headers["content-type"] == "application/wasm"
    assert (await page(tmp_path, "/assets/model-AbCd1234.wasm.gz")).status_code == 404


@pytest.mark.parametrize("path", ["/m/abc-defg-hij", "/trust", "/m/abc-defg-hij/"])
async def test_addresses_of_the_pages_give_the_index(path: str, tmp_path: Path) -> None:
    build(tmp_path)
    assert (await page(tmp_path, path)).text.startswith("<!doctype")


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/pyproject.toml", "/assets/", "/assets/%00", "//etc/passwd", "/nothing"]
)
async def test_only_files_of_the_build_are_served(path: str, tmp_path: Path) -> None:
    build(tmp_path / "dist")
    (tmp_path / "pyproject.toml").write_text("secret")
    assert (await page(tmp_path / "dist", path)).status_code == 404


async def test_an_unknown_page_answers_with_a_page_that_leads_on(tmp_path: Path) -> None:
    build(tmp_path)
    shown = await page(tmp_path, "/nothing", accept="text/html,*/*;q=0.8")
    assert (shown.status_code, shown.text) == (404, (tmp_path / "index.html").read_text())
    assert shown.headers["cache-control"] == "no-store"
    assert "etag" not in shown.headers
    assert "Không có trang này" in (await page(tmp_path, "/nothing.js", accept="*/*")).text
