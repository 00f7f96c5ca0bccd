"""Scripted terminals with the manners that baresip lacks (`quirks.py`) against a whole server with its mixer, and a browser
in the same meeting: each row sees the program, hears, is seen and is heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import start_server
from tests.interop import hallnet
from tests.interop.person import Person, until
from tests.interop.quirks import QUIRKS, Message, Quirk, Terminal, loudest_hz
from tests.interop.test_halls_and_browsers import HOST, There, free_port, upper

pytestmark = pytest.mark.slow

HALL = "hall_terminal.hall-a"
SETTINGS = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_TLS_PORT": "-1"}


def serve(tmp_path_factory: pytest.TempPathFactory, **settings: str) -> Iterator[There]:
    folder, port = tmp_path_factory.mktemp("quirks"), free_port()
    booked = hallnet.prepare(folder, ("hall-a", "hall-b"), ("127.0.0.0/8",), lobby=False)
    ports = {"DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    server = start_server(folder / "data", "--halls", **SETTINGS, **ports, **settings)
    try:
        yield There(server, booked, port)
    finally:
        server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


class Recorder(Terminal):
    """Keeps the final answers whole."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.finals: list[Message] = []
        self.first_source = self.video.ssrc

    def _received(self, message: Message) -> None:
        if message.status >= 200:
            self.finals.append(message)
        super()._received(message)


def recorder(there: There, quirk: Quirk, name: str = "hall-a") -> Recorder:
    return Recorder(quirk, name, HOST, (200, 40, 40), 440, there.booked.passwords[name])


async def sees_and_hears(terminal: Terminal) -> None:
    """The browser's blue and 880 Hz, out of the mixer."""
    await until(lambda: upper(terminal)[2] > upper(terminal)[0] + 40, "the hall sees the browser's picture")
    await until(lambda: heard_hz(terminal) == pytest.approx(880, abs=10), "the hall hears the browser")


def heard_hz(terminal: Terminal) -> float:
    return loudest_hz(bytes(terminal.heard[-8000:])) if len(terminal.heard) > 16_000 else 0.0


async def is_seen_and_heard(ann: Person) -> None:
    await until(lambda: HALL in {who for who, _ in ann.views}, "the hall's picture is announced")
    view = ann.view(HALL)
    await until(lambda: view.frames > 10 and view.tint == "red", "the browser sees the hall")
    await ann.ear(HALL).gets(440)


ROWS = ["mode 0 only", "INFO only", "AVPF refused", "late offer", "late offer by TCP", "wrong SSRC"]


@pytest.mark.parametrize("name", ROWS)
async def test_it_takes_part(there: There, name: str) -> None:
    """The browser comes last, after the terminal's only key frame of 20 s."""
    quirk = QUIRKS[name]
    async with recorder(there, quirk) as terminal:
        assert await there.dial(terminal) == 200
        await until(lambda: terminal.viewer.frames > 0, "the program before anybody else is there")
        async with there.person("ann") as ann:
            await ann.show("blue", size=(320, 180), fps=10)
            await ann.speak(880)
            await sees_and_hears(terminal)
            await is_seen_and_heard(ann)
            await follows_its_manner(terminal, ann)
        assert await terminal.hang_up() == 200
    # The first time a hall that hangs up is called once more; then it is left alone.
    await until(lambda: "connected" not in {row["state"] for row in there.rows()}, "the board knows that it left")


async def follows_its_manner(terminal: Recorder, ann: Person) -> None:
    """What makes this row another one did happen."""
    quirk = terminal.quirk
    if quirk.modes == (0,):
        assert set(terminal.viewer.shapes) == {"single"} and terminal.viewer.largest_nal <= 1200
    if quirk.long_invite:
        assert terminal.invite_bytes > 1300
    if quirk.wrong_ssrc:
        first = terminal.first_source
        await until(lambda: terminal.video.ssrc != first, "its source changes")
        before = ann.view(HALL).frames
        await until(lambda: ann.view(HALL).frames > before + 20, "it is seen under the new source")
    assert terminal.video.rtcp_received and terminal.audio.rtcp_received
