"""A hall terminal and a browser's client in one meeting: each sees and hears the other; the board, its commands, the trace."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import LiveServer, start_server
from tests.interop import hallnet
from tests.interop.hallnet import Booked
from tests.interop.person import Person, token, until
from tests.interop.quirks import Quirk, Terminal, loudest_hz

HOST = "127.0.0.1"


@dataclass
class There:
    server: LiveServer
    booked: Booked
    port: int

    def person(self, name: str) -> Person:
        conference = f"o-{self.booked.occurrence}"
        jwt = token(self.server.api_key, self.server.api_secret, f"browser.{name}", conference)
        return Person(self.server.ws_url, jwt)

    async def dial(self, terminal: Terminal, target: str = "") -> int:
        return await terminal.call(f"{target or self.booked.number}@{HOST}:{self.port}", HOST, self.port)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket() as other:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        other.bind((HOST, port))
        return port


@pytest.fixture
def there(tmp_path: Path) -> Iterator[There]:
    booked = hallnet.prepare(tmp_path, ("hall-a", "hall-b"), ("127.0.0.0/8",), lobby=False)
    port = free_port()
    settings = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    server = start_server(tmp_path / "data", "--halls", DIEMCAU_SIP_TLS_PORT="-1", **settings)
    yield There(server, booked, port)
    server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


def upper(terminal: Terminal) -> tuple[float, ...]:
    """Colour of the upper part of the picture, where a test camera shows its colour."""
    picture = terminal.viewer.picture
    if picture is None:
        return (0.0, 0.0, 0.0)
    height, width = picture.shape[:2]
    part = picture[height // 12 : height // 6, width * 2 // 5 : width * 3 // 5]
    return tuple(float(one) for one in np.asarray(part, float).reshape(-1, 3).mean(axis=0))


async def test_a_hall_and_a_browser_see_and_hear_each_other(there: There) -> None:
    terminal = Terminal(Quirk(), "hall-a", HOST, (200, 40, 40), 440, there.booked.passwords["hall-a"])
    async with there.person("ann") as ann, terminal:
        await ann.show("blue")
        await ann.speak(880)
        assert await there.dial(terminal) == 200
        hall = "hall_terminal.hall-a"
        await until(lambda: any(identity == hall for identity, _ in ann.views), "the hall's picture is announced")
        await until(lambda: ann.view(hall).frames > 20, "the hall's picture, decoded by the browser")
        assert ann.view(hall).tint == "red"
        await ann.ear(hall).gets(440)
        await until(lambda: upper(terminal)[2] > upper(terminal)[0] + 40, "the hall sees the browser's picture")
        await until(lambda: len(terminal.heard) > 16_000, "the hall hears something")
        assert loudest_hz(bytes(terminal.heard[-8000:])) == pytest.approx(880, abs=10)
