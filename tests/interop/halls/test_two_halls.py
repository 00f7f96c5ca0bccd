"""Two hall terminals and two browsers in one booked meeting, over a network that the test creates. All see the right pictures
and hear the right tones. They present, are muted, and return after a failure.

Hall A is baresip (TLS, SRTP, H.264, G.722) without a second picture. Hall B is scripted (UDP, G.711), with a second picture and
a floor channel. The browsers are Chromium with the real page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.interop import sound
from tests.interop.network import HTTP_PORT
from tests.interop.presenter import GRANTED, RELEASED, REVOKED, Presenter
from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import HALLS, SERVER, Baresip, HallNet, colour_of, hall_net, part, quarters
from tests.interop.terminals.quirks import alaw_samples
from tests.interop.window import Window, chromium, guest
from tests.waiting import until

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.slow,
    pytest.mark.sim,
    pytest.mark.browser,
    pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing()),
]

URL = f"https://{SERVER}:{HTTP_PORT}"
A, B, AN, BINH = 430, 610, 950, 1370
"""Hz, by participant. No tone is a multiple of another tone."""
TONES = (A, B, AN, BINH)
HALL_A, HALL_B = "hall_terminal.hall-a", "hall_terminal.hall-b"
LARGE = 0.3, 0.4, 0.5, 0.6
"""An area in the middle of the presentation, as fractions of a picture with slides."""


@dataclass
class Meeting:
    """The participants of the meeting."""

    net: HallNet
    halls: list[Baresip]
    """Hall A's processes, one for each start."""
    b: Presenter
    an: Window
    binh: Window

    @property
    def a(self) -> Baresip:
        return self.halls[-1]

    @property
    def windows(self) -> tuple[Window, Window]:
        return self.an, self.binh

    # -- what halls see and hear

    def sees_a(self) -> list[str]:
        return quarters(self.a.picture())

    def sees_b(self) -> list[str]:
        picture = self.b.viewer.picture
        return quarters(picture) if picture is not None else []

    def hears_a(self) -> set[int]:
        rate, samples = self.a.hears()
        return sound.tones(samples, TONES, rate)

    def hears_b(self) -> set[int]:
        return sound.tones(alaw_samples(bytes(self.b.heard[-8000:])), TONES, 8000)

    async def hear(self, *heard: int) -> None:
        """Wait until every participant hears exactly these tones, except its own tone."""
        wanted = {name: set(heard) - {own} for name, own in (("A", A), ("B", B), ("An", AN), ("Bình", BINH))}
        found: dict[str, set[int]] = {}

        async def right() -> bool:
            found["A"], found["B"] = self.hears_a(), self.hears_b()
            found["An"], found["Bình"] = await asyncio.gather(*(window.hears(TONES) for window in self.windows))
            return found == wanted

        await until(right, lambda: f"heard {found}, not {wanted}")

    # -- the operators

    def row(self, terminal: str) -> dict[str, Any]:
        return next(row for row in self.net.ask("GET", "/legs") if row["terminal_id"] == terminal)

    def command(self, action: str, terminal: str = "", **more: Any) -> str:
        """Run a command on a leg. Return the token that undoes the command."""
        legs = [self.row(terminal)["leg_id"]] if terminal else []
        done = self.net.ask("POST", "/legs/commands", json={"action": action, "leg_ids": legs} | more)
        assert all(one["ok"] for one in done["results"]), done
        undo: str = done["undo"]
        return undo

    def undo(self, token: str) -> None:
        self.net.ask("POST", "/legs/undo", json={"token": token})


def start_a(net: HallNet, *commands: str) -> Baresip:
    made = Baresip(net, "hall-a", "red", A, transport="tls", encryption="srtp-mand", codec="G722/16000/1")
    return made.start(*commands)


def stop(halls: list[Baresip]) -> None:
    for one in halls:
        one.stop()


@pytest.fixture
def net(tmp_path: Path) -> Iterator[HallNet]:
    with hall_net(tmp_path, ("hall-a", "hall-b"), lobby=False) as made:
        yield made


async def window(net: HallNet, browser: Browser, person: str, colour: str, hz: int) -> Window:
    who = await guest(net.folder / "data", net.booked, "secretary", person)
    made = await Window.open(browser, URL, who, colour, hz, screen="yellow")
    await made.enter()
    return made


@pytest.fixture
async def meeting(net: HallNet) -> AsyncIterator[Meeting]:
    async with AsyncExitStack() as stack:
        halls = [start_a(net, f"/dial sip:{net.booked.number}@{SERVER};transport=tls")]
        stack.callback(stop, halls)
        with net.place.entered():
            blue = hallnet.COLOURS["blue"]
            password, green = net.booked.passwords["hall-b"], hallnet.COLOURS["green"]
            b = Presenter("udp", "hall-b", HALLS, blue, B, password, slide=green, low=True)
            await stack.enter_async_context(b)
        assert await b.call(f"{net.booked.number}@{SERVER}", SERVER, 5060) == 200
        await b.open_floor()
        browser = await stack.enter_async_context(chromium(net.folder, net.place.prefix))
        an = await window(net, browser, "vp-2", "green", AN)
        binh = await window(net, browser, "tinh-1", "yellow", BINH)
        yield Meeting(net, halls, b, an, binh)
        assert an.faults == binh.faults == []


async def test_two_halls_and_a_browser_hold_a_whole_meeting(meeting: Meeting) -> None:
    await see_and_hear(meeting)
    await mute(meeting)
    await lay_out(meeting)
    await browser_presents(meeting)
    await hall_presents(meeting)
    await killed_and_redialled(meeting)


async def see_and_hear(meeting: Meeting) -> None:
    """Check that the halls see all four participants in one picture, and that each browser sees and hears the others."""
    everybody = {"red", "blue", "green", "yellow"}
    await until(lambda: set(meeting.sees_a()) == everybody, lambda: f"hall A sees {meeting.sees_a()}", in_thread=True)
    await until(lambda: set(meeting.sees_b()) == everybody, lambda: f"hall B sees {meeting.sees_b()}", in_thread=True)
    await windows_see(meeting, HALL_A, "red")
    await windows_see(meeting, HALL_B, "blue")
    await until(lambda: is_seen(meeting.an, meeting.binh.guest.name, "yellow"), "An sees Bình")
    await until(lambda: is_seen(meeting.binh, meeting.an.guest.name, "green"), "Bình sees An")
    await meeting.hear(*TONES)
    row = meeting.row("hall-a")
    assert row["secure"]
    assert row["audio"]["codec"] == "g722"
    row = meeting.row("hall-b")
    assert not row["secure"]
    assert row["audio"]["codec"] == "pcma"


async def is_seen(window: Window, who: str, colour: str, source: str = "camera") -> bool:
    return await window.sees(who, source) == colour


async def windows_see(meeting: Meeting, who: str, colour: str, source: str = "camera") -> None:
    for window in meeting.windows:
        await until(lambda window=window: is_seen(window, who, colour, source), f"{window.colour} sees {who} {source}")  # type: ignore[misc]


async def mute(meeting: Meeting) -> None:
    """Mute a participant by an operator and by the browser itself. Each is heard again afterwards."""
    undo = meeting.command("mute", "hall-a")
    await meeting.hear(B, AN, BINH)
    for window in meeting.windows:
        await until(lambda window=window: is_muted(window, HALL_A), "its tile says that it is muted")  # type: ignore[misc]
    meeting.undo(undo)
    await meeting.hear(*TONES)
    await meeting.an.part("mic-toggle").click()
    await meeting.hear(A, B, BINH)
    await meeting.an.part("mic-toggle").click()
    await meeting.hear(*TONES)


async def is_muted(window: Window, who: str) -> bool:
    return await window.tile(who).get_attribute("data-muted") == "true"


async def lay_out(meeting: Meeting) -> None:
    """Show one participant in a large place. Each hall sees the other participant, and the participant in the large place does
    not see itself.
    """
    meeting.net.ask("PUT", "/program", json={"layout": "1"})
    undo = meeting.command("stage", "hall-b")
    await until(lambda: set(meeting.sees_a()) == {"blue"}, lambda: f"hall A sees {meeting.sees_a()}", in_thread=True)
    await until(
        lambda: meeting.sees_b() and "blue" not in meeting.sees_b(),
        lambda: f"hall B sees {meeting.sees_b()}",
        in_thread=True,
    )
    meeting.undo(undo)
    undo = meeting.command("layout", "hall-a", layout="2x2")
    everybody = {"red", "blue", "green", "yellow"}
    await until(lambda: set(meeting.sees_a()) == everybody, lambda: f"hall A sees {meeting.sees_a()}", in_thread=True)
    await until(lambda: len(set(meeting.sees_b())) == 1, lambda: f"hall B sees {meeting.sees_b()}", in_thread=True)
    assert meeting.row("hall-a")["layout"] == "2x2"
    meeting.undo(undo)
    assert meeting.row("hall-a")["layout"] == ""
    meeting.net.ask("PUT", "/program", json={"layout": "auto"})
    await until(lambda: set(meeting.sees_b()) == everybody, lambda: f"hall B sees {meeting.sees_b()}", in_thread=True)


def slide_a(meeting: Meeting) -> str:
    return colour_of(part(meeting.a.picture(), *LARGE))


def slide_b(meeting: Meeting) -> str:
    picture = meeting.b.slide_viewer.picture
    return colour_of(part(picture, *LARGE)) if picture is not None else ""


async def browser_presents(meeting: Meeting) -> None:
    await meeting.an.part("share-toggle").click()
    await until(
        lambda: slide_a(meeting) == "yellow",
        lambda: f"hall A sees {slide_a(meeting)} in its only picture",
        in_thread=True,
    )
    await until(
        lambda: slide_b(meeting) == "yellow",
        lambda: f"hall B sees {slide_b(meeting)} in its second one",
        in_thread=True,
    )
    await until(lambda: is_seen(meeting.binh, meeting.an.guest.name, "yellow", "screen"), "the other browser sees it")
    await meeting.hear(*TONES)
    await meeting.an.part("share-toggle").click()
    await until(
        lambda: len(set(meeting.sees_a())) == 4,
        lambda: f"hall A sees {meeting.sees_a()}: nobody presents",
        in_thread=True,
    )


async def hall_presents(meeting: Meeting) -> None:
    meeting.b.ask()
    await until(lambda: meeting.b.told[-1:] == [GRANTED], "hall B has the token")
    await windows_see(meeting, HALL_B, "green", "screen")
    await until(
        lambda: slide_a(meeting) == "green", lambda: f"hall A sees {slide_a(meeting)} presented", in_thread=True
    )
    await windows_see(meeting, HALL_B, "blue")
    await meeting.an.part("share-toggle").click()
    await until(lambda: meeting.b.told[-1:] == [REVOKED], "a browser has taken over")
    await until(
        lambda: slide_a(meeting) == "yellow", lambda: f"hall A sees {slide_a(meeting)} presented", in_thread=True
    )
    await meeting.an.part("share-toggle").click()
    meeting.b.ask()
    await until(lambda: meeting.b.told[-1:] == [GRANTED], "hall B has the token again")
    await until(
        lambda: slide_a(meeting) == "green", lambda: f"hall A sees {slide_a(meeting)} presented", in_thread=True
    )
    meeting.b.release()
    await until(lambda: meeting.b.told[-1:] == [RELEASED], "nobody presents")
    for window in meeting.windows:
        await until(lambda window=window: is_seen(window, HALL_B, "", "screen"), "the slide is gone")  # type: ignore[misc]
    await until(lambda: len(set(meeting.sees_a())) == 4, lambda: f"hall A sees {meeting.sees_a()}", in_thread=True)


async def killed_and_redialled(meeting: Meeting) -> None:
    """Kill hall A, start it again, and have the operator call it."""
    meeting.a.kill()
    meeting.halls.append(start_a(meeting.net))
    await until(lambda: "200 OK" in meeting.a.text(), "it is registered again", in_thread=True)
    meeting.command("redial", "hall-a")
    await until(
        lambda: "Call established" in meeting.a.text(),
        lambda: f"it was not called:\n{meeting.a.text()}",
        90,
        in_thread=True,
    )
    await until(lambda: len(set(meeting.sees_a())) == 4, lambda: f"hall A sees {meeting.sees_a()}", in_thread=True)
    await windows_see(meeting, HALL_A, "red")
    await meeting.hear(*TONES)
    assert meeting.row("hall-a")["state"] == "connected"
