"""A hall terminal and a browser's client in one meeting. Each sees and hears the other. The tests also check the board, its
commands and the trace.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

from rooms.accounts import clients
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.records import AuditEntry
from tests.conftest import LiveServer, start_server
from tests.interop.person import Person, token
from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import Booked
from tests.interop.terminals.quirks import Quirk, Terminal, loudest_hz
from tests.ports import free_port
from tests.waiting import until

HOST = "127.0.0.1"
SECURE = ssl.create_default_context()
"""The context of all requests. Without it, `httpx.request` reads the certificates of all authorities for each request."""


@dataclass
class There:
    server: LiveServer
    booked: Booked
    port: int
    tls_port: int = 0

    def person(self, name: str) -> Person:
        conference = f"o-{self.booked.occurrence}"
        jwt = token(self.server.api_key, self.server.api_secret, f"browser.{name}", conference)
        return Person(self.server.ws_url, jwt)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to the API as the secretary of the host unit."""
        key = {"authorization": f"Bearer {self.booked.key}"}
        url = f"{self.server.url}/api/v1{path}"
        return httpx.request(method, url, headers=key, timeout=30, verify=SECURE, **more)

    def rows(self) -> list[dict[str, Any]]:
        answer = self.ask("GET", f"/occurrences/{self.booked.occurrence}/legs")
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()
        return rows

    def row(self, terminal: str) -> dict[str, Any]:
        """Return the row of one hall. The board also has rows for invited halls that have not dialled in."""
        (found,) = (one for one in self.rows() if one["terminal_id"] == terminal)
        return found

    def states(self) -> dict[str, str]:
        """Return the state of each hall on the board, by terminal."""
        return {row["terminal_id"]: row["state"] for row in self.rows()}

    def connected(self) -> list[str]:
        """Return the terminals that the board shows in the meeting."""
        return [terminal for terminal, state in self.states().items() if state == "connected"]

    def command(self, action: str, *leg_ids: str, **more: Any) -> dict[str, Any]:
        body = {"action": action, "leg_ids": list(leg_ids)} | more
        answer = self.ask("POST", f"/occurrences/{self.booked.occurrence}/legs/commands", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def trace(self, terminal: str) -> str:
        """Return the row and the SIP trace of one hall's leg."""
        row = self.row(terminal)
        found = self.ask("GET", f"/occurrences/{self.booked.occurrence}/legs/{row['leg_id']}/trace")
        return f"{row}\n{found.text}"

    def terminal(self, name: str, **quirks: Any) -> Terminal:
        return Terminal(Quirk(**quirks), name, HOST, (200, 40, 40), 440, self.booked.passwords[name])

    async def dial(self, terminal: Terminal, target: str = "") -> int:
        port = self.tls_port if terminal.quirk.transport == "tls" else self.port
        return await terminal.call(f"{target or self.booked.number}@{HOST}:{port}", HOST, port)


@pytest.fixture
def there(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[There]:
    with started(tmp_path, **getattr(request, "param", {})) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    """A server for the tests that do not look at the board."""
    with started(tmp_path_factory.mktemp("shared")) as made:
        yield made


@contextmanager
def started(folder: Path, **changes: Any) -> Iterator[There]:
    changes = {"lobby": False, **changes}
    booked = hallnet.prepare(folder, ("hall-a", "hall-b", "other"), ("127.0.0.0/8",), **changes)
    port = free_port()
    settings = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    # One test calls with a terminal that cannot encrypt in an important meeting.
    settings["DIEMCAU_IMPORTANT_ENCRYPTION"] = "best_effort"
    server = start_server(folder / "data", "--halls", DIEMCAU_SIP_TLS_PORT="-1", **settings)
    yield There(server, booked, port)
    server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


def upper(terminal: Terminal) -> tuple[float, ...]:
    """Return the colour of the upper part of the picture, where a test camera shows its colour."""
    picture = terminal.viewer.picture
    if picture is None:
        return (0.0, 0.0, 0.0)
    height, width = picture.shape[:2]
    part = picture[height // 12 : height // 6, width * 2 // 5 : width * 3 // 5]
    return tuple(float(one) for one in np.asarray(part, float).reshape(-1, 3).mean(axis=0))


async def test_a_hall_and_a_browser_see_and_hear_each_other(shared: There) -> None:
    terminal = shared.terminal("hall-a")
    async with shared.person("ann") as ann, terminal:
        await ann.show("blue")
        await ann.speak(880)
        assert await shared.dial(terminal) == 200
        hall = "hall_terminal.hall-a"
        await until(lambda: any(identity == hall for identity, _ in ann.views), "the hall's picture is announced")
        await until(lambda: ann.view(hall).frames > 20, "the hall's picture, decoded by the browser")
        assert ann.view(hall).tint == "red"
        await ann.ear(hall).gets(440)
        await until(lambda: upper(terminal)[2] > upper(terminal)[0] + 40, "the hall sees the browser's picture")
        await until(lambda: len(terminal.heard) > 16_000, "the hall hears something")
        assert loudest_hz(bytes(terminal.heard[-8000:])) == pytest.approx(880, abs=10)


async def comes_into_the_news(there: There, terminal: Terminal) -> None:
    """Dial, and wait until an event of the board shows the hall. The test sends no request."""
    url = f"{there.server.url}/api/v1/occurrences/{there.booked.occurrence}/legs/events"
    key = {"authorization": f"Bearer {there.booked.key}"}
    async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", url, headers=key) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert await there.dial(terminal) == 200
        async for line in stream.aiter_lines():
            if line.startswith("data: ") and '"connected"' in line:
                break


async def test_the_board_obeys_its_unit_and_no_stranger(there: There) -> None:
    terminal = there.terminal("hall-a")
    async with there.person("ann") as ann, terminal:
        await ann.show("blue")
        await comes_into_the_news(there, terminal)
        shown = {"hall-a": "connected", "hall-b": "idle"}
        await until(lambda: there.states() == shown, "the board shows the hall, and the one that has not dialled in")
        row = there.row("hall-a")
        assert (row["audio"]["codec"], row["video"]["size"]) == ("pcma", "1280x720")
        await ann.ear("hall_terminal.hall-a").gets(440)
        done = there.command("mute", row["leg_id"], "nobody")
        assert [(one["ok"], one["code"]) for one in done["results"]] == [(True, ""), (False, "unknown_leg")]
        await until(lambda: ann.ear("hall_terminal.hall-a").is_silent(), "the hall is muted")
        assert there.row("hall-a")["audio"]["muted"]
        undo = f"/occurrences/{there.booked.occurrence}/legs/undo"
        assert there.ask("POST", undo, json={"token": done["undo"]}).status_code == 204
        assert there.ask("POST", undo, json={"token": done["undo"]}).status_code == 410
        await ann.ear("hall_terminal.hall-a").gets(440)
        there.command("stage", row["leg_id"])
        await until(lambda: there.row("hall-a")["on_stage"], "it is on stage")
        await _a_stranger_sees_and_commands_nothing(there, row["leg_id"])
        assert there.command("camera", row["leg_id"], pan=1)["results"][0]["code"] == "no_camera"
        trace = there.ask("GET", f"/occurrences/{there.booked.occurrence}/legs/{row['leg_id']}/trace")
        assert "INVITE sip:" in trace.text
        assert "a=rtpmap:8 PCMA/8000" in trace.text
        assert "PeerFigures" in trace.text
        assert "[đã che/redacted]" in trace.text
        assert "response=" not in trace.text
        there.command("drop", row["leg_id"])
        await until(terminal.ended.is_set, "it is hung up")
        await until(lambda: there.row("hall-a")["state"] == "left", "the board says so")


async def _a_stranger_sees_and_commands_nothing(there: There, leg: str) -> None:
    """Ask as secretary and operator of a commune. The meeting belongs to the province."""
    date = f"/occurrences/{there.booked.occurrence}"
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")
    unit, now = there.booked.province.units["xa1"], datetime.now(UTC)
    _, key = await database.transact(
        lambda session: clients.create(session, "xã", unit, ["secretary", "operator"], COMMAND, now)
    )
    await database.close()
    there.booked.key, own = key, there.booked.key
    assert there.ask("GET", "/hall-boards").json() == []
    asked = [
        ("GET", f"{date}/legs", None),
        ("GET", f"{date}/legs/events", None),
        ("GET", f"{date}/legs/{leg}/trace", None),
        ("GET", f"{date}/legs/{leg}/thumbnail", None),
        ("GET", f"{date}/program", None),
        ("PUT", f"{date}/program", {"layout": "1"}),
        ("POST", f"{date}/legs", {"terminal_id": "hall-b"}),
        *(("POST", f"{date}/legs/commands", {"action": one, "leg_ids": [leg]}) for one in ("mute", "drop", "probe")),
    ]
    for method, path, body in asked:
        answer = there.ask(method, path, **({"json": body} if body else {}))
        assert (answer.status_code, answer.json()["code"]) == (403, "denied"), path
    there.booked.key = own
    assert there.connected() == ["hall-a"]
    assert not there.row("hall-a")["audio"]["muted"]


@pytest.mark.parametrize("there", [{"class_": "important", "closed": False}], indirect=True)
async def test_an_important_meeting_takes_no_hall_of_an_open_network(there: There) -> None:
    async with there.terminal("hall-a") as terminal:
        assert await there.dial(terminal) == 403
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")
    async with database.reading() as session:
        (entry,) = await session.scalars(select(AuditEntry).where(AuditEntry.action == "hall.refuse"))
    await database.close()
    assert entry.detail["code"] == "network_open"
    assert entry.address == HOST


@pytest.mark.parametrize("there", [{"class_": "important", "lobby": True}], indirect=True)
async def test_a_hall_waits_with_a_lobby_picture_until_a_host_opens(there: There) -> None:
    async with there.terminal("hall-a") as terminal:
        assert await there.dial(terminal) == 200
        await until(lambda: terminal.viewer.frames > 5, "the waiting picture")
        assert there.row("hall-a")["state"] != "connected"


class Foreign(Terminal):
    """A terminal that offers only unknown codecs."""

    def offer(self, direction: str = "sendrecv") -> bytes:
        return (
            super().offer(direction).replace(b"H264", b"X-VIDEO").replace(b"PCMA", b"X-LAW").replace(b"PCMU", b"Y-LAW")
        )


async def test_impossible_and_unauthorized_calls_are_refused(shared: There) -> None:
    password = shared.booked.passwords["hall-a"]
    async with Foreign(Quirk(), "hall-a", HOST, (200, 40, 40), 440, password) as foreign:
        assert await shared.dial(foreign) == 488
    refused = []
    for name, secret in (("hall-a", "wrong"), ("nobody", "wrong")):
        async with Terminal(Quirk(), name, HOST, (200, 40, 40), 440, secret) as stranger:
            refused.append(await shared.dial(stranger))
    assert refused == [403, 403]  # an unknown name gets the same answer as a wrong password


async def test_the_test_room_returns_the_terminals_sound_and_picture(shared: There) -> None:
    async with shared.terminal("hall-b") as terminal:
        assert await shared.dial(terminal, "echo") == 200
        await until(lambda: len(terminal.heard) > 60_000, "sound comes back")
        assert loudest_hz(bytes(terminal.heard[-8000:])) == pytest.approx(440, abs=10)
        await until(lambda: terminal.viewer.picture is not None, "the picture comes back")
        await until(lambda: terminal.viewer.colour()[0] > terminal.viewer.colour()[2] + 80, "in its own colour")
