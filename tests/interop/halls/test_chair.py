"""A chair who leads two hall terminals and a browser's client by the same rules, over the real packet plane and mixer.

Every check is at a receiver: what a hall hears on its line, what the browser hears, what the board shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from livekit import api

from tests.interop import sound
from tests.interop.browsers.test_halls_and_browsers import HOST, SECURE, There
from tests.interop.person import mute
from tests.interop.terminals.quirks import Quirk, Terminal, alaw_samples
from tests.interop.terminals.test_quirks_server import serve
from tests.waiting import until

ANN_HZ, A_HZ, B_HZ = 880, 440, 660
HALL_A, HALL_B = "hall_terminal.hall-a", "hall_terminal.hall-b"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


def order(there: There, name: str, **fields: Any) -> Any:
    """Give an order as an operator, whose program has the server's key."""
    conference = f"o-{there.booked.occurrence}"
    grants = api.VideoGrants(room=conference, room_admin=True)
    key = api.AccessToken(there.server.api_key, there.server.api_secret).with_identity("board").with_grants(grants)
    url = f"{there.server.url}/api/v1/conferences/{conference}/desk/{name}"
    bearer = {"authorization": f"Bearer {key.to_jwt()}"}
    answer = httpx.post(url, json=fields, headers=bearer, timeout=30, verify=SECURE)
    assert answer.status_code == 200, answer.text
    return answer.json()


def hall(there: There, name: str, hz: int) -> Terminal:
    return Terminal(Quirk(low=True), name, HOST, (200, 40, 40), hz, there.booked.passwords[name])


def hears(terminal: Terminal) -> set[int]:
    return sound.tones(alaw_samples(bytes(terminal.heard[-8000:])), (ANN_HZ, A_HZ, B_HZ), 8000)


def muted(there: There, terminal: str) -> bool:
    return bool(there.row(terminal)["audio"]["muted"])


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
