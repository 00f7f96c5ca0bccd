"""The pages as an installed app: a server whose build changes and who goes away, and a real service worker."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from signaling.api.pages import Pages
from signaling.front.guard import Guard
from tests.conftest import LiveServer
from tests.waiting import until
from tests.web.shots import shots
from tests.web.visiting import WINDOWED, Visit, Visitor
from web import DIST

pytestmark = pytest.mark.browser

READY = "navigator.serviceWorker.ready.then(() => null)"
KEPT = """async () => (await Promise.all((await caches.keys()).map(async (name) =>
  (await (await caches.open(name)).keys()).map((one) => new URL(one.url).pathname)))).flat().sort()"""
SHELVES = "async () => (await caches.keys()).length"
OWN_FILES = ["/offline.css", "/offline.html", "/offline.js"]


class Office:
    """A server of the built pages at one port. Its build can change, and it can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.asked: list[str] = []
        """The paths of the requests to the API."""
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", self._port))
        self._port = door.getsockname()[1]
        self.url = f"http://localhost:{self._port}"

        async def nothing(request: Request) -> Response:
            self.asked.append(request.url.path)
            return JSONResponse({"code": "not_found"}, 404)

        routes = [
            Route("/api/{path:path}", nothing, methods=["GET", "POST"]),
            Route("/{path:path}", Pages(self.folder, watch=True).__call__),
        ]
        guard = Guard(Starlette(routes=routes), now=lambda: 1_800_000_000.0, names={"localhost"})
        self._server = uvicorn.Server(uvicorn.Config(guard, log_level="error", lifespan="off"))
        self._task = asyncio.create_task(self._server.serve(sockets=[door]))

    async def close(self) -> None:
        assert self._server is not None
        assert self._task is not None
        self._server.should_exit = self._server.force_exit = True
        await self._task

    def build(self, name: str) -> None:
        """Replace the build by one with this id."""
        for path in (self.folder / "sw.js", self.folder / "build.json", self.folder / "index.html"):
            text = re.sub(r"(BUILD = '|\"build\":\"|name=\"build\" content=\")\w+", rf"\g<1>{name}", path.read_text())
            path.write_text(text)


@pytest_asyncio.fixture(loop_scope="session")
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    shutil.copytree(DIST, tmp_path / "dist")
    office = Office(tmp_path / "dist")
    office.build("first")
    await office.open()
    yield office
    await office.close()


async def build_of(visitor: Visitor) -> str:
    return str(await visitor.page.locator("meta[name=build]").get_attribute("content"))


async def test_a_browser_can_install_the_app(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit(program=WINDOWED)
    await visitor.page.goto(live_server.url)
    await visitor.page.evaluate(READY)
    session = await visitor.page.context.new_cdp_session(visitor.page)
    manifest = await session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{live_server.url}/manifest.webmanifest"
    found = await session.send("Page.getInstallabilityErrors")
    assert [one["errorId"] for one in found["installabilityErrors"] if one["errorId"] != "in-incognito"] == []


async def test_only_the_page_without_a_network_is_kept(visit: Visit, live_server: LiveServer) -> None:
    """Use the API and start a meeting. Cache Storage has the files of the offline page and nothing else."""
    visitor = await visit()
    await visitor.page.goto(live_server.url)
    await visitor.page.evaluate(READY)
    await visitor.page.reload()
    await visitor.part("start-button").click()
    await visitor.part("join-name").wait_for()
    answers = "async () => [await fetch('/api/v1/about'), await fetch('/api/v1/health')].map((one) => one.status)"
    assert await visitor.page.evaluate(answers) == [200, 200]
    assert await visitor.page.evaluate("navigator.serviceWorker.controller !== null")
    assert await visitor.page.evaluate(KEPT) == OWN_FILES


async def test_a_new_build_comes_with_the_next_load_and_reloads_a_quiet_page(visit: Visit, office: Office) -> None:
    visitor = await visit()
    await visitor.page.goto(office.url)
    await visitor.page.evaluate(READY)
    assert await build_of(visitor) == "first"
    office.build("second")
    await visitor.page.reload()
    assert await build_of(visitor) == "second"
    # The page that is shown again after some time, with typed text and without.
    office.build("third")
    await visitor.part("join-number").fill("abc")
    asked = visitor.page.expect_response("**/build.json")
    async with asked as answer:
        await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert (await (await answer.value).json())["build"] == "third"
    assert await build_of(visitor) == "second"
    await visitor.part("join-number").fill("")
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(visitor.page.locator("meta[name=build]")).to_have_attribute("content", "third")
    await expect(visitor.part("join-number")).to_be_visible()
    await visitor.page.wait_for_function(f"({SHELVES})().then((count) => count === 1)")
    assert await visitor.page.evaluate(KEPT) == OWN_FILES


async def test_a_request_that_outlives_its_page_reaches_the_server(visit: Visit, office: Office) -> None:
    """Show that the worker stays out of the way of `keepalive`: with it a page leaves the lobby while it closes."""
    visitor = await visit()
    await visitor.page.goto(office.url)
    await visitor.page.evaluate(READY)
    for n in range(5):
        await visitor.page.goto(office.url)
        await visitor.page.wait_for_function("navigator.serviceWorker.controller !== null")
        await visitor.page.evaluate(
            """(path) => addEventListener('pagehide', () => void fetch(path, { method: 'POST', body: '{}', keepalive: true }))""",
            f"/api/late-{n}",
        )
    await visitor.page.goto(f"{office.url}/trust")
    wanted = {f"/api/late-{n}" for n in range(5)}
    await until(lambda: wanted <= set(office.asked), "the server heard each page that closed")


async def test_a_new_build_waits_for_the_end_of_the_call(visit: Visit, live_server: LiveServer) -> None:
    visitor = await visit()
    await visitor.page.route("**/build.json", lambda route: route.fulfill(json={"build": "newer"}))
    await visitor.page.goto(live_server.url)
    await visitor.part("start-button").click()
    await visitor.part("join-name").fill("Nguyễn Văn An")
    await visitor.part("join-button").click()
    await visitor.part("stage").wait_for()
    await visitor.page.evaluate("window.stayed = true")
    async with visitor.page.expect_response("**/build.json"):
        await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await visitor.part("leave-button").click()
    await visitor.part("left-page").wait_for()
    assert await visitor.page.evaluate("window.stayed")
    await visitor.part("home-button").click()
    await visitor.page.wait_for_function("window.stayed === undefined && location.pathname === '/'")
    await visitor.part("join-number").wait_for()


async def test_without_a_network_a_page_says_so_and_comes_back(visit: Visit, office: Office, tmp_path: Path) -> None:
    visitor = await visit(width=390, height=844)
    await visitor.page.goto(office.url)
    await visitor.page.evaluate(READY)
    await office.close()
    await visitor.page.goto(f"{office.url}/m/abc-defg-hij#k=a-secret-of-the-link")
    await visitor.part("offline-page").wait_for()
    await expect(visitor.page.get_by_role("heading")).to_have_text("Không liên lạc được với máy chủ")
    painted = await visitor.page.locator("button").evaluate("(one) => getComputedStyle(one).backgroundColor")
    assert painted == "rgb(11, 90, 94)"
    assert await visitor.barriers() == []
    await shots(visitor, tmp_path, "offline")
    await office.open()
    await visitor.page.get_by_role("button").click()
    await expect(visitor.page.locator("#app")).to_be_visible()
    assert visitor.page.url == f"{office.url}/m/abc-defg-hij#k=a-secret-of-the-link"
