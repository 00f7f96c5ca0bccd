"""A viewer behind a narrow link gets the layer that fits and keeps the voices. The pictures of other viewers stay large."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.conftest import ROOT
from tests.interop.guest import Guests, Plan, Report, Role
from tests.interop.network import HTTP_PORT, Namespace, ServerThere, serve
from tests.interop.person import token
from tests.running.runs import LONG_RUN
from tests.simulation import impair
from tests.simulation.impair import Link, Way
from tests.web.visiting import CHROMIUM, DEVICES, Visitor

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(impair.missing()), reason=impair.missing() or "-"),
]

BOUND_S = 120.0
"""Seconds until a test that hangs fails. The tests do not measure how fast the picture follows; tests in simulated time do."""
SIZE, SMALLEST = (960, 540), 320
"""The size of the camera, and the width of its smallest layer. For this size the library makes three layers."""
LASTS = 80
"""Pictures of the narrow link at rest. Larger: the test takes longer. Smaller: the test misses a layer that is tried late."""
HZ = 440


def at(rate_kbps: int) -> Way:
    """Return a path of this rate with a queue of 0.3 s."""
    return Way(rate_kbps=rate_kbps, queue_bytes=rate_kbps * 1000 // 8 * 3 // 10, delay_ms=20)


WIDE, NARROW = at(4_000), at(300)

WITNESS = """
import json

from media.ground import stats


def note(found, snapshot, plain=stats.Statistics.__init__):
    plain(found, snapshot)
    with open({path!r}, "a") as lines:
        print(json.dumps(snapshot.consumers()), file=lines)


stats.Statistics.__init__ = note
"""
"""A patch that writes the server's counters of each stream to a file. The server reads the counters once per second."""


@pytest.fixture
def link() -> Iterator[Link]:
    with impair.link(down=WIDE, up=Way(delay_ms=20), seed=6) as made:
        yield made


@asynccontextmanager
async def enter(
    server: ServerThere, place: Namespace, host: str, *roles: Role, conference: str = "narrow"
) -> AsyncIterator[Guests]:
    for role in roles:
        role.token = token(server.api_key, server.api_secret, role.identity, conference)
    plan = Plan(f"wss://{host}:{HTTP_PORT}", list(roles))
    guests = await Guests.start(plan, prefix=("env", f"SSL_CERT_FILE={server.authority}", *place.prefix))
    try:
        yield guests
    finally:
        await guests.kill()


def widths(report: Report, since: int = 0) -> list[int]:
    """Return the widths of the pictures from `an` with a counter above `since`."""
    return [width for counter, _, width in report.sights.get("an", []) if counter > since]


def lowered(folder: Path) -> dict[int, int]:
    """Return, for each layered stream, how often the server lowered the layer because the path carried less than before."""
    seen = folder / "streams"
    lines = seen.read_text().splitlines() if seen.exists() else []
    rows = [row for line in lines for row in json.loads(line)]
    layered = {stream for stream, layer, *_ in rows if layer > 0}
    return {row[0]: row[-1] for row in rows if row[0] in layered}


@asynccontextmanager
async def browse(place: Namespace, folder: Path) -> AsyncIterator[Page]:
    """Give a page of a Chromium in the namespace."""
    program = folder / "chromium-there"
    program.write_text(f'#!/bin/sh\nexec {" ".join(place.prefix)} {CHROMIUM} "$@"\n')
    program.chmod(0o755)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", *DEVICES])
        context = await browser.new_context(locale="vi-VN", ignore_https_errors=True)
        yield await context.new_page()
        await browser.close()


async def come(page: Page, address: str) -> str:
    """Start and join a new meeting as Bình with camera and microphone. Return the conference."""
    visitor = Visitor(page)
    await page.goto(f"https://{address}:{HTTP_PORT}")
    await visitor.part("start-button").click()
    await visitor.part("preview-video").wait_for()
    conference = page.url.split("/m/")[1].split("#")[0]
    await visitor.part("join-name").fill("Bình")
    await visitor.part("join-button").click()
    return conference


@pytest.mark.whole_machine
@pytest.mark.slow
@pytest.mark.sim
async def test_the_layer_follows_the_link_of_each_viewer(link: Link, tmp_path: Path) -> None:
    camera = Role("an", "", colour="orange", hz=HZ, size=SIZE, fps=10, bitrate_bps=1_000_000, simulcast=True, grain=20)
    (tmp_path / "sitecustomize.py").write_text(WITNESS.format(path=str(tmp_path / "streams")))
    with serve(link.server, tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}") as server:
        near, far = (server, link.server, link.server_address), (server, link.client, link.server_address)
        async with (
            enter(*near, camera) as an,
            enter(*near, Role("chi", "")) as chi,
            enter(*far, Role("binh", "")) as binh,
        ):
            await chi.until(lambda now: widths(now["chi"])[-1:] == [SIZE[0]], "the whole picture", BOUND_S)
            await binh.until(lambda now: widths(now["binh"])[-1:] == [SIZE[0]], "the whole picture", BOUND_S)
            before = (await an.report())["an"]
            begun, earlier = before.counter, lowered(tmp_path)
            link.change(down=NARROW)
            # While the queue of the wide link empties, some larger pictures may arrive.
            await binh.until(
                lambda now: widths(now["binh"], begun)[-20:] == [SMALLEST] * 20, "the smallest picture alone", BOUND_S
            )
            settled = (await binh.report())["binh"].sights["an"][-1][0]
            overflowed = link.counters().down.overflowed
            await binh.until(lambda now: len(widths(now["binh"], settled)) >= LASTS, "pictures go on", BOUND_S)
            now = (await binh.report())["binh"]
            assert set(widths(now, settled)) == {SMALLEST}, "no other layer is tried that does not fit"
            assert now.hears("an", HZ)
            assert link.counters().down.overflowed - overflowed < LASTS // 8, "what does not fit is not sent"
            wide = (await an.report())["an"].counter
            link.change(down=WIDE)
            await binh.until(
                lambda now: widths(now["binh"], wide)[-1:] == [SIZE[0]], "the whole picture again", BOUND_S
            )
            other, after = (await chi.report())["chi"], (await an.report())["an"]
            narrowed = [count > earlier.get(stream, 0) for stream, count in lowered(tmp_path).items()]
            assert sorted(narrowed) == [False, True], "whoever has a wide link is granted what he was"
            # When another viewer changes its layer, the publisher's library makes key frames of all sizes. The library may then
            # skip pictures of the largest size to keep its rate, mostly on a busy machine. After a longer gap the viewer gets a
            # smaller size.
            left_out = (after.made["q"] - before.made["q"]) - (after.made["f"] - before.made["f"])
            smaller = [width for width in widths(other, begun) if width != SIZE[0]]
            # The margin is a second of pictures, because the counts are not taken at one moment. If another viewer's narrow
            # link made this viewer's picture smaller, 60 pictures or more would be smaller.
            assert len(smaller) <= min(left_out + 10, 40), "and does not notice"
            assert widths(other)[-1] == SIZE[0], "and sees what goes on"
            assert len(widths(other, begun)) >= 20 + LASTS, "and sees what goes on"
            assert other.hears("an", HZ)


@pytest.mark.heavy
@pytest.mark.slow
async def test_a_link_for_voices_alone(link: Link, tmp_path: Path) -> None:
    camera = Role("an", "", colour="blue", hz=HZ, size=SIZE, fps=10, bitrate_bps=1_000_000, simulcast=True, grain=20)
    with serve(link.server, tmp_path) as server:
        near, far = (server, link.server, link.server_address), (server, link.client, link.server_address)
        async with enter(*near, camera), enter(*far, Role("binh", "")) as binh:
            await binh.until(lambda now: widths(now["binh"])[-1:] == [SIZE[0]], "the whole picture", BOUND_S)
            link.change(down=at(90))
            before = 0

            async def stands() -> bool:
                """Report whether no picture arrived since the last call."""
                nonlocal before
                last, before = before, len((await binh.report())["binh"].sights["an"])
                return last == before

            for _ in range(60):
                await binh.until(lambda now: now["binh"].hears("an", HZ), "the voice", BOUND_S)
                if await stands():
                    break
            await binh.until(lambda now: now["binh"].hears("an", HZ), "the voice without pictures", 2.0)
            now = (await binh.report())["binh"]
            link.change(down=WIDE)
            seen = len(now.sights["an"])
            await binh.until(lambda now: len(now["binh"].sights["an"]) > seen + 20, "pictures again", BOUND_S)
            await binh.until(lambda now: widths(now["binh"])[-1:] == [SIZE[0]], "the whole picture again", BOUND_S)


@pytest.mark.whole_machine
@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.longer
async def test_a_page_names_the_direction_that_is_narrow(link: Link, tmp_path: Path) -> None:
    """The downlink gets narrow and wide again. In `make sim` the uplink gets narrow then. The other participant views the page's
    camera, because the page sends no picture without a viewer.
    """
    camera = Role("an", "", colour="red", hz=HZ, size=(640, 360), fps=10, bitrate_bps=600_000, simulcast=True, grain=20)
    with serve(link.server, tmp_path, DIEMCAU_OPEN_CREATION="true") as server:
        async with browse(link.client, tmp_path) as page:
            conference = await come(page, link.server_address)
            async with enter(server, link.server, link.server_address, camera, conference=conference):
                await _the_picture_is_paused(page, link)
                if LONG_RUN:
                    await _the_way_up_is_narrow(page, link)


def _finding(page: Page, cause: str) -> Locator:
    return page.locator(f"[data-testid=finding][data-cause={cause}]")


async def _the_picture_is_paused(page: Page, link: Link) -> None:
    visitor, tile = Visitor(page), page.locator("[data-testid=tile][data-local=false]")
    await expect(tile.locator("video")).to_have_count(1, timeout=BOUND_S * 1000)
    await expect(tile).to_have_attribute("data-starved", "false")
    # The voice takes two thirds of this rate, and the messages about the picture need the rest. The delay is large enough that
    # the page cannot mistake the narrow link for a busy machine.
    link.change(down=replace(at(120), delay_ms=40))
    await visitor.part("statistics-toggle").click()
    await expect(visitor.part("starved")).to_contain_text("Tạm dừng hình", timeout=BOUND_S * 1000)
    await expect(tile).to_have_attribute("data-starved", "true")
    cause = _finding(page, "downlink")
    await expect(cause).to_contain_text("Chiều nhận của máy này yếu", timeout=BOUND_S * 1000)
    link.change(down=WIDE)
    await expect(cause).to_have_count(0, timeout=BOUND_S * 1000)
    await expect(visitor.part("starved")).to_have_count(0, timeout=BOUND_S * 1000)


async def _the_way_up_is_narrow(page: Page, link: Link) -> None:
    """The panel with the causes is open."""
    visitor, cause = Visitor(page), _finding(page, "uplink")
    await expect(visitor.part("figure-sent")).to_contain_text("×", timeout=BOUND_S * 1000)
    await expect(visitor.part("finding-unknown")).to_have_count(0, timeout=BOUND_S * 1000)
    await expect(cause).to_have_count(0, timeout=BOUND_S * 1000)
    # The delay is large enough that the page cannot mistake the narrow link for a busy machine.
    link.change(up=replace(NARROW, delay_ms=40))
    await expect(cause).to_contain_text("Chiều gửi của máy này yếu", timeout=BOUND_S * 1000)
    await expect(_finding(page, "downlink")).to_have_count(0)
