"""A chair who leads hall terminals and a browser's client by the same rules, over the real packet plane and mixer.

Every check is at a receiver: what a hall hears and sees on its line, what the browser hears, what the board shows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from livekit import api
from PIL import Image
from websockets.asyncio.client import connect

from media.mixer.picture.planes import new_picture
from media.mixer.picture.plates import Label, Plates
from tests.interop import sound
from tests.interop.browsers.test_halls_and_browsers import HOST, SECURE, There
from tests.interop.person import mute
from tests.interop.terminals.hallnet import COLOURS, colour_of, part, quarters
from tests.interop.terminals.quirks import Quirk, Terminal, alaw_samples
from tests.interop.terminals.test_quirks_server import serve
from tests.signaling.desk.desk_client import DeskClient
from tests.waiting import until

ANN_HZ, A_HZ, B_HZ = 880, 440, 660
HALL_A, HALL_B, HALL_C = "hall_terminal.hall-a", "hall_terminal.hall-b", "hall_terminal.hall-c"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


def key_of(there: There) -> str:
    """Return the token of an operator, whose program has the server's key."""
    grants = api.VideoGrants(room=f"o-{there.booked.occurrence}", room_admin=True)
    key = api.AccessToken(there.server.api_key, there.server.api_secret).with_identity("board").with_grants(grants)
    return key.to_jwt()


def order(there: There, name: str, **fields: Any) -> Any:
    """Give an order as an operator."""
    url = f"{there.server.url}/api/v1/conferences/o-{there.booked.occurrence}/desk/{name}"
    bearer = {"authorization": f"Bearer {key_of(there)}"}
    answer = httpx.post(url, json=fields, headers=bearer, timeout=30, verify=SECURE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def hall(there: There, name: str, hz: int) -> Terminal:
    return Terminal(Quirk(low=True), name, HOST, (200, 40, 40), hz, there.booked.passwords[name])


def hears(terminal: Terminal) -> set[int]:
    return sound.tones(alaw_samples(bytes(terminal.heard[-8000:])), (ANN_HZ, A_HZ, B_HZ), 8000)


def muted(there: There, terminal: str) -> bool:
    return bool(there.row(terminal)["audio"]["muted"])


RIGHT, FOOT = (0.82, 0.12), (0.12, 0.86)
"""Points in the first small place of the layouts `1+5` and `lecture`, as fractions of the picture."""


def coloured(there: There, name: str, colour: str, hz: int) -> Terminal:
    return Terminal(Quirk(low=True), name, HOST, COLOURS[colour], hz, there.booked.passwords[name])


def seen(terminal: Terminal) -> list[str]:
    """Return the colours in the middles of the four quarters of the newest picture."""
    picture = terminal.viewer.picture
    return [] if picture is None else quarters(picture)


async def sees(terminal: Terminal, expected: list[str], why: str) -> None:
    await until(lambda: seen(terminal) == expected, lambda: f"{why}: {terminal.name} sees {seen(terminal)}")


def large(terminal: Terminal, beside: tuple[float, float]) -> tuple[str, str]:
    """Return the colours in the large place and at a point of a small place, if both differ. The point: fractions of the size."""
    picture = terminal.viewer.picture
    if picture is None:
        return "", ""
    front, other = (colour_of(part(picture, x, y, x + 0.04, y + 0.04)) for x, y in ((0.45, 0.3), beside))
    return (front, other) if front != other else ("", "")


def likest(terminal: Terminal, *texts: str) -> str:
    """Return the text whose plate is most like the lower left corner of the picture, whatever signs are beside the text."""
    picture = terminal.viewer.picture
    assert picture is not None
    height, width = picture.shape[:2]
    luma = picture.astype(float).mean(axis=2)[height - 60 :, : width * 3 // 4]
    likeness: dict[str, float] = {}
    for text in texts:
        for signs in ({}, {"muted": True}, {"speaking": True}):
            overlay = Plates().label(Label(text, **signs), width, height)
            _, planes = new_picture(overlay.width // 2 * 2, overlay.height // 2 * 2)
            planes.fill((60, 128, 128))
            overlay.blend(planes, 0, 0)
            drawn = planes.y.astype(float)
            for y in range(luma.shape[0] - drawn.shape[0] + 1):
                for x in range(0, 16, 2):
                    there = luma[y : y + drawn.shape[0], x : x + drawn.shape[1]]
                    if there.shape == drawn.shape:
                        found = float(np.corrcoef(there.ravel(), drawn.ravel())[0, 1])
                        likeness[text] = max(likeness.get(text, 0), found)
    best = max(likeness, key=likeness.__getitem__, default="")
    return best if likeness.get(best, 0) > 0.7 else ""


async def test_the_chairs_pictures_reach_three_halls(there: There) -> None:
    """A layout, pinned places, lecture, view alone, view in turn, and the picture of a roll call, at three real receivers."""
    red, green, blue = HALL_A, HALL_B, HALL_C
    a, b = coloured(there, "hall-a", "red", A_HZ), coloured(there, "hall-b", "green", B_HZ)
    c = coloured(there, "hall-c", "blue", ANN_HZ)
    async with a, b, c:
        for one in (a, b, c):
            assert await there.dial(one) == 200
        await sees(a, ["red", "green", "blue", ""], "three equal places")

        order(there, "view_alone", hall=blue, site=red)
        await sees(c, ["red"] * 4, "one hall looks at a site")
        assert seen(b) == ["red", "green", "blue", ""], "the others see what they saw"
        order(there, "view_alone", hall=blue, site="")
        await sees(c, ["red", "green", "blue", ""], "the view has ended")

        order(there, "show", mode="voice", layout="2x2", pins=[blue])
        await sees(a, ["blue", "red", "green", ""], "a site keeps the first place")
        order(there, "call_speaker", identity=green)
        await until(
            lambda: large(a, RIGHT)[0] == large(c, RIGHT)[0] == "green", "the called speaker is large, the layout waits"
        )
        order(there, "end_turn")
        await sees(a, ["blue", "red", "green", ""], "the layout of the chair is back")

        order(there, "show", mode="lecture", site=red)
        await until(lambda: large(b, FOOT)[0] == large(c, FOOT)[0] == "red", "the listeners see the lecturer large")
        await until(lambda: set(large(a, FOOT)) == {"green", "blue"}, "the lecturer sees the listeners")

        order(there, "show", mode="turn", turn_s=10)
        await sees(c, ["red"] * 4, "the first site alone")
        await sees(c, ["green"] * 4, "after ten seconds the next site")
        order(there, "show", mode="voice")

        await calls_the_roll(there, red, watcher=c)
        for one in (a, b, c):
            assert await one.hang_up() == 200


async def calls_the_roll(there: There, red: str, watcher: Terminal) -> None:
    """Call one site. Its picture at the mark has its colour, and the plate in the halls' picture names the entered head."""
    order(there, "roll_prepare", sites=[{"id": red, "name": "Hội trường A"}])
    order(there, "report_delegates", site=red, delegates=12, head="Nguyễn Thị Đào")
    key = key_of(there)
    async with connect(f"{there.server.ws_url}/desk", max_size=None) as socket:
        desk = DeskClient(socket)
        await desk.send({"hello": {"token": key}})
        await desk.hear()
        await desk.until(lambda: desk.state.get("roll_sites", {}).get(red, {}).get("g", "")[2:] not in ("", "-"))
        order(there, "roll_begin")
        await sees(watcher, ["red"] * 4, "the called site alone")
        plates = ("Hội trường A · Nguyễn Thị Đào", "Hội trường A", "Hội trường A · Trần Văn Bình")
        await until(lambda: likest(watcher, *plates) == plates[0], "the plate has the name that was entered")
        order(there, "roll_mark", site=red, presence="present")
        await desk.until(lambda: bool(desk.state["roll_sites"][red].get("s")))
        snapshot = desk.state["roll_sites"][red]["s"]
    url = f"{there.server.url}/api/v1/conferences/o-{there.booked.occurrence}/roll/{snapshot}"
    answer = httpx.get(url, headers={"authorization": f"Bearer {key}"}, timeout=30, verify=SECURE)
    assert answer.status_code == 200, answer.text
    assert set(quarters(np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")))) == {"red"}
    order(there, "roll_end")


async def test_one_microphone_for_a_browser_and_two_halls(there: There) -> None:
    a, b = hall(there, "hall-a", A_HZ), hall(there, "hall-b", B_HZ)
    async with there.person("ann") as ann, a, b:
        microphone = await ann.speak(ANN_HZ)
        assert await there.dial(a) == 200
        assert await there.dial(b) == 200
        await until(lambda: hears(a) == {ANN_HZ, B_HZ}, "in a discussion hall A hears both")

        order(there, "set_floor_mode", mode="one")
        await until(lambda: hears(b) == set(), "with one microphone nobody is heard without the floor")
        assert muted(there, "hall-a")
        await until(lambda: microphone.muted, "the browser was told")

        order(there, "call_speaker", identity=HALL_A)
        await until(lambda: hears(b) == {A_HZ}, "hall B hears the called hall")
        await until(lambda: ann.ear(HALL_A).hears(A_HZ), "the browser hears the called hall")
        assert there.row("hall-a")["on_stage"], "the called hall is large"
        mute(microphone, False)  # a foreign client that knows no floor
        await until(lambda: microphone.muted, "the server refuses the unmute")
        await b.press("*6")
        assert muted(there, "hall-b")

        undo = order(there, "call_speaker", identity=HALL_B)["undo"]
        assert (muted(there, "hall-a"), muted(there, "hall-b")) == (True, False)
        order(there, "undo", undo=undo)
        assert (muted(there, "hall-a"), muted(there, "hall-b")) == (False, True)
        assert there.row("hall-a")["on_stage"], "the picture is given back"
        b.heard.clear()
        await until(lambda: hears(b) == {A_HZ}, "and the sound")
        await until(lambda: hears(a) == set(), "hall A hears nobody: not the browser, not hall B, not itself")

        order(there, "end_turn")
        await until(lambda: hears(b) == set(), "the floor is free")
        await b.press("*5")
        await until(lambda: there.row("hall-b")["floor_wanted_at"] is not None, "the hall asks for the floor")
        order(there, "call_speaker", identity="browser.ann")
        mute(microphone, False)
        await until(lambda: hears(b) == {ANN_HZ}, "now the browser may speak")
        assert await a.hang_up() == 200
        assert await b.hang_up() == 200
