"""The keys of a hall's remote control, sent as packets (RFC 4733), by INFO, or by both. Also a hall that waits in the lobby
until a host in the browser admits it. The tests use a real server, a scripted terminal and the real pages in Chromium.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from media.mixer.ground import load
from rooms.identifiers import new_pin
from tests.interop import sound
from tests.interop.browsers.test_halls_and_browsers import HOST, There, there
from tests.interop.terminals.hallnet import colour_of, part
from tests.interop.terminals.quirks import Quirk, Terminal, alaw_samples
from tests.interop.window import PATIENCE_MS, Window, guest
from tests.waiting import until
from tests.web.visiting import FAILED, USUAL, Chromiums

__all__ = ["there"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.heavy,
    pytest.mark.asyncio(loop_scope="session"),  # the loop of the browser
]

HALL, OTHER = "hall_terminal.hall-a", "hall_terminal.other"
OWN_HZ, HZ = 430, 950
By = Literal["packets", "info", "both"]
FEWER_TILES = str(load.STEPS.index("tiles"))


@pytest_asyncio.fixture(loop_scope="session")
async def browser(request: pytest.FixtureRequest, chromiums: Chromiums) -> AsyncIterator[Browser]:
    yield await chromiums.get(USUAL)
    await chromiums.tidy(suspect=request.node.stash.get(FAILED, False))


async def window(there: There, browser: Browser, role: str, person: str) -> Window:
    who = await guest(there.server.data_dir, there.booked, role, person)
    return await Window.open(browser, there.server.url, who, "green", HZ)


def terminal_of(there: There, name: str = "hall-a") -> Terminal:
    return Terminal(Quirk(low=True), name, HOST, (200, 30, 30), OWN_HZ, there.booked.passwords[name])


def hears(terminal: Terminal) -> set[int]:
    return sound.tones(alaw_samples(bytes(terminal.heard[-8000:])), (OWN_HZ, HZ), 8000)


def loudness(terminal: Terminal) -> float:
    return sound.loudness(alaw_samples(bytes(terminal.heard[-4000:])))


def sees(terminal: Terminal, left: float = 0.4, top: float = 0.4, right: float = 0.6, bottom: float = 0.6) -> str:
    picture = terminal.viewer.picture
    return colour_of(part(picture, left, top, right, bottom)) if picture is not None else ""


@pytest.mark.parametrize("there", [{"lobby": True}], indirect=True)
async def test_a_hall_waits_until_a_host_in_the_browser_admits_it(there: There, browser: Browser) -> None:
    """A hall that is not invited and knows the number and the PIN waits until a host admits it."""
    host = await window(there, browser, "secretary", "vp-2")
    await host.enter()
    async with terminal_of(there, "other") as terminal:
        assert await there.dial(terminal, f"{there.booked.number}*{there.booked.pin}") == 200
        # The announcement takes seconds. On a busy machine the announcement may end before fifteen pictures have come.
        await asyncio.gather(
            until(lambda: terminal.viewer.frames > 15, "the waiting picture"),
            until(lambda: loudness(terminal) > 0.01, "it is told that it waits"),
        )
        assert terminal.viewer.picture is not None, "there are words in it"
        assert np.std(terminal.viewer.picture) > 5, "there are words in it"
        await expect(host.part("knock-bar")).to_be_visible(timeout=PATIENCE_MS)
        assert await host.tile(OTHER).count() == 0
        assert sees(terminal) != "green"
        await host.part("knock-admit").click()
        await until(lambda: sees(terminal) == "green", "it sees the host")
        await until(lambda: HZ in hears(terminal), "it hears the host")
        await until(lambda: seen(host, OTHER, "red"), "the host sees it")
        await until(lambda: heard(host, {OWN_HZ}), "the host hears it, and not himself")
        await until(lambda: hears(terminal) == {HZ}, "it does not hear itself")
        assert [row["state"] for row in there.rows() if row["terminal_id"] == "other"] == ["connected"]
        # The remote control works after the move from the lobby.
        await terminal.press("*6")
        await until(lambda: muted(host, "true", OTHER), "it has muted itself")
        assert await terminal.hang_up() == 200
    assert host.faults == []


async def seen(window: Window, who: str, colour: str) -> bool:
    return await window.sees(who) == colour


async def heard(window: Window, wanted: set[int]) -> bool:
    return await window.hears((OWN_HZ, HZ)) == wanted


async def muted(window: Window, wanted: str, who: str = HALL) -> bool:
    return await window.tile(who).get_attribute("data-muted") == wanted


def row(there: There) -> dict[str, Any]:
    return next(one for one in there.rows() if one["terminal_id"] == "hall-a")


@pytest.mark.parametrize(
    "by", [pytest.param("packets", marks=pytest.mark.sim), pytest.param("info", marks=pytest.mark.sim), "both"]
)
async def test_its_keys_act_and_are_seen(there: There, browser: Browser, by: By) -> None:
    """The keys of a hall act, and the meeting's page and the operators' board show the effect."""
    board = await window(there, browser, "operator", "tinh-2")
    an = await window(there, browser, "secretary", "vp-2")
    async with terminal_of(there) as terminal:
        assert await there.dial(terminal) == 200
        await an.enter()
        await board.page.goto(f"{board.url}/control/{board.guest.meeting}/{there.booked.occurrence}")
        await until(lambda: seen(an, HALL, "red"), "the hall is seen")
        await microphone(there, terminal, an, board, by)
        await floor(there, terminal, an, board, by)
        await layouts(there, terminal, by)
        await terminal.press("*0", by)
        await expect(board.part("acknowledge")).to_have_count(1, timeout=PATIENCE_MS)
        assert [alarm["code"] for alarm in row(there)["alarms"]] == ["operator"]
        await help_is_told(terminal, an, by)
        assert await terminal.hang_up() == 200
    assert an.faults == board.faults == []


async def microphone(there: There, terminal: Terminal, an: Window, board: Window, by: By) -> None:
    await until(lambda: heard(an, {OWN_HZ}), "the hall is heard")
    await terminal.press("*6", by)
    await until(lambda: muted(an, "true"), "its tile says that it is muted")
    await until(lambda: heard(an, set()), "it is not heard")
    await expect(board.part("leg").filter(has_text="hall-a").locator(".off")).to_have_count(1, timeout=PATIENCE_MS)
    assert row(there)["audio"]["muted"]
    await terminal.press("*6", by)
    await until(lambda: muted(an, "false"), "it speaks again")
    await until(lambda: heard(an, {OWN_HZ}), "and is heard")


async def floor(there: There, terminal: Terminal, an: Window, board: Window, by: By) -> None:
    """Request the floor and withdraw the request. Request the floor again, and have the operator give it."""
    hand = an.tile(HALL).locator(".hand")
    await terminal.press("*5", by)
    await expect(hand).to_have_count(1, timeout=PATIENCE_MS)
    await expect(board.part("give-floor")).to_have_count(1, timeout=PATIENCE_MS)
    await terminal.press("*5", by)
    await expect(hand).to_have_count(0, timeout=PATIENCE_MS)
    await expect(board.part("give-floor")).to_have_count(0, timeout=PATIENCE_MS)
    await terminal.press("*5", by)
    await board.part("give-floor").click(timeout=PATIENCE_MS)
    await expect(hand).to_have_count(0, timeout=PATIENCE_MS)
    await expect(board.part("give-floor")).to_have_count(0, timeout=PATIENCE_MS)
    assert row(there)["on_stage"]
    assert row(there)["floor_wanted_at"] is None


async def layouts(there: There, terminal: Terminal, by: By) -> None:
    """Step through the layouts. In the layout of nine places the hall sees itself beside the browser."""
    await until(lambda: sees(terminal) == "green", "the browser fills the picture")
    for name in ("1", "1+5", "3x3"):
        await terminal.press("*4", by)
        await until(lambda name=name: row(there)["layout"] == name, f"layout {name}")  # type: ignore[misc]
    await until(
        lambda: places(there, terminal) == ["red", "green"], "itself in the first place, the browser in the second"
    )


def places(there: There, terminal: Terminal) -> list[str]:
    """Return the colours of the first two of nine places. A mixer with too little processor time makes four places of nine, and
    reports this.
    """
    program = there.ask("GET", f"/occurrences/{there.booked.occurrence}/program").json()
    side = 1 / 2 if program["degraded"] == FEWER_TILES else 1 / 3
    return [sees(terminal, (at + 0.3) * side, 0.3 * side, (at + 0.7) * side, 0.7 * side) for at in (0, 1)]


async def help_is_told(terminal: Terminal, an: Window, by: By) -> None:
    await an.part("mic-toggle").click()
    await until(lambda: len(terminal.heard) > 4000 and loudness(terminal) < 0.002, "nobody says anything")
    await terminal.press("**", by)
    await until(lambda: loudness(terminal) > 0.01, "it is told what its keys do")


SERIES = {"pin": new_pin(series=True)}


@pytest.mark.parametrize(
    ("by", "there"),
    [
        pytest.param("packets", {}, marks=pytest.mark.sim),
        pytest.param("info", SERIES, marks=pytest.mark.sim),
        pytest.param("both", {}, marks=pytest.mark.sim),
    ],
    indirect=["there"],
)
async def test_number_and_pin_are_typed_at_most_three_times(there: There, by: By) -> None:
    await a_right_pin_opens(there, by)
    await three_wrong_pins_end_the_call(there, by)


async def a_right_pin_opens(there: There, by: By) -> None:
    """The menu rejects a wrong number and PIN and accepts the right ones. A PIN of a series has more digits."""
    async with terminal_of(there, "other") as terminal, there.person("ann") as ann:
        await ann.show("blue")
        assert await there.dial(terminal, "welcome") == 200
        await until(lambda: terminal.viewer.frames > 5, "the menu")
        await terminal.press("99999999#000000#", by)
        await terminal.press(f"{there.booked.number}#{there.booked.pin}#", by)
        await until(lambda: ann.view(OTHER).frames > 10 and ann.view(OTHER).tint == "red", "the browser sees the hall")
        assert await terminal.hang_up() == 200
    await until(lambda: "connected" not in {one["state"] for one in there.rows()}, "the board knows that it left")


async def three_wrong_pins_end_the_call(there: There, by: By) -> None:
    async with terminal_of(there, "other") as terminal:
        assert await there.dial(terminal, "welcome") == 200
        wrong = "".join(str((int(digit) + 1) % 10) for digit in there.booked.pin)
        for _ in range(3):
            await terminal.press(f"{there.booked.number}#{wrong}#", by)
        await until(terminal.ended.is_set, "it is hung up")
        assert "connected" not in {one["state"] for one in there.rows()}
