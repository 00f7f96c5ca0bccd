"""The rules of a closed zone: addresses decide whether packets stay inside the zone, and halls' keys travel by TLS only.

The tests repeat attacks of a review. Each test begins where the attacker begins, at the API or at SIP. It ends with what the
attacker gets.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from rooms.accounts import clients
from rooms.policy.actors import COMMAND
from rooms.sites.terminals import FIELDS
from rooms.store.database import Database
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.sites import Network
from rooms.store.tables.sites import Terminal as TerminalRow
from tests.conftest import start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, SECURE, There
from tests.interop.terminals import hallnet
from tests.interop.terminals.quirks import Message, Quirk, Terminal
from tests.interop.terminals.test_quirks_server import Recorder
from tests.ports import free_port
from tests.waiting import until

CLOSED, OUTSIDE = "127.0.0.1", "127.0.9.9"
ZONES = ("127.0.0.0/24",)
SUITE = "AES_CM_128_HMAC_SHA1_80"


def crypto() -> str:
    return f"a=crypto:1 {SUITE} inline:{base64.b64encode(secrets.token_bytes(30)).decode()}"


class Keyed(Recorder):
    """A terminal that offers SRTP keys in its description. `at` is the address where the description wants the media."""

    def __init__(self, there: There, transport: Any, *, keys: bool = True, at: str = "", name: str = "hall-a") -> None:
        super().__init__(Quirk(transport=transport), name, HOST, (200, 40, 40), 440, there.booked.passwords[name])
        self.dressed, self.at = keys, at

    def offer(self, direction: str = "sendrecv") -> bytes:
        text = super().offer(direction).decode()
        if self.dressed:
            text = text.replace("RTP/AVP", "RTP/SAVP").replace("\r\na=sendrecv", f"\r\na=sendrecv\r\n{crypto()}")
        if self.at:
            text = text.replace(f"c=IN IP4 {HOST}", f"c=IN IP4 {self.at}")
        return text.encode()


class Ear:
    """An attacker's phone. It accepts everything that arrives at one UDP and one TCP port of an address."""

    def __init__(self, host: str) -> None:
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind((host, 0))
        self.port = self.datagrams.getsockname()[1]
        self.connections = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.connections.bind((host, self.port))
        self.connections.listen()
        self.datagrams.setblocking(False)
        self.connections.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        try:
            while True:
                found.append(self.datagrams.recv(65536).decode(errors="replace").split(" ")[0])
        except BlockingIOError:
            pass
        try:
            self.connections.accept()
            found.append("TCP")
        except BlockingIOError:
            pass
        return found

    def close(self) -> None:
        self.datagrams.close()
        self.connections.close()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    """Give a server with an important meeting and the default encryption of halls. The closed zone is the /24 of the test's
    terminals.
    """
    yield from _serve(tmp_path_factory)


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from _serve(tmp_path_factory, DIEMCAU_IMPORTANT_ENCRYPTION="best_effort")


def _serve(factory: pytest.TempPathFactory, **settings: str) -> Iterator[There]:
    folder, port, tls_port = factory.mktemp("closed"), free_port(), free_port()
    booked = hallnet.prepare(
        folder, ("hall-a", "hall-b", "other"), ZONES, lobby=False, class_="important", connect="call"
    )
    asyncio.run(_open_zone(folder))
    ports = {"SIP_HOST": HOST, "SIP_UDP_PORT": str(port), "SIP_TCP_PORT": str(port), "SIP_TLS_PORT": str(tls_port)}
    server = start_server(folder / "data", "--halls", **{f"DIEMCAU_{k}": v for k, v in ports.items()}, **settings)
    try:
        yield There(server, booked, port, tls_port)
    finally:
        server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


async def _open_zone(folder: Any) -> None:
    database = Database.open(f"sqlite:///{folder / 'data' / 'diemcau.sqlite'}")

    async def work(session: Any) -> None:
        session.add(
            Network(
                id="network-open", code="open", name="Mạng mở", ranges=["127.0.0.0/8"], closed=False, terminals=True
            )
        )

    await database.transact(work)
    await database.close()


async def register(there: There, work: Any) -> Any:
    database = Database.open(f"sqlite:///{there.server.data_dir / 'diemcau.sqlite'}")
    try:
        return await database.transact(work)
    finally:
        await database.close()


async def operator_of(there: There, unit: str) -> dict[str, str]:
    """Return the API key of another system with the rights of one branch's operator."""

    async def work(session: Any) -> str:
        made = await clients.create(
            session, "thủ phạm", there.booked.province.units[unit], ["operator"], COMMAND, datetime.now(UTC)
        )
        return made[1]

    return {"authorization": f"Bearer {await register(there, work)}"}


def ask(there: There, key: dict[str, str], method: str, path: str, **more: Any) -> httpx.Response:
    url = f"{there.server.url}/api/v1{path}"
    return httpx.request(method, url, headers=key, timeout=30, verify=SECURE, **more)


def correct(there: There, key: dict[str, str], terminal: str, **changes: Any) -> httpx.Response:
    """Change a terminal as the page does: send all fields with the version that was read."""
    seen = ask(there, key, "GET", f"/terminals/{terminal}")
    fields = {one.name: seen.json()[one.name] for one in FIELDS} | changes
    tag = {"if-match": seen.headers["etag"]}
    return ask(there, key | tag, "PUT", f"/terminals/{terminal}", json=fields)


def leg(there: There, terminal: str) -> dict[str, Any]:
    return next((one for one in there.rows() if one["terminal_id"] == terminal), {})


async def test_a_branch_operator_cannot_point_a_terminal_outside(there: There) -> None:
    """A branch operator cannot set an address in the open network for a terminal that the meeting invites."""
    key, ear = await operator_of(there, "yt"), Ear(OUTSIDE)
    try:
        await until(lambda: leg(there, "hall-b"), "the schedule has made its legs")
        uri = f"sip:nghe@{OUTSIDE}:{ear.port}"
        moved = correct(there, key, "hall-b", sip_uri=uri)
        assert (moved.status_code, moved.json()["code"]) == (422, "zone_elsewhere")
        site = there.booked.province.sites["yt"]
        new = {"code": "gia-01", "name": "Giả", "site_id": site, "protocols": ["sip"], "sip_uri": uri}
        made = ask(there, key, "POST", "/terminals", json=new | {"network_id": "network-test"})
        assert (made.status_code, made.json()["code"]) == (422, "zone_elsewhere")
        sheet = f"code,name,site_code,protocols,sip_uri,network_code\ngia-01,Giả,yt,sip,{uri},test\n"
        given = {"files": {"file": ("terminals.csv", sheet.encode(), "text/csv")}, "data": {"kind": "terminals"}}
        seen = ask(there, key, "POST", "/imports/preview", **given)
        assert [one["code"] for one in seen.json()["troubles"]] == ["zone_elsewhere"], seen.text
        # The operator may set the address of a terminal without a zone. The server then refuses the call, because the address
        # is open.
        freed = correct(there, key, "hall-b", sip_uri=uri, network_id=None)
        assert freed.status_code == 200, freed.text
        (called,) = there.command("redial", leg(there, "hall-b")["leg_id"])["results"]
        assert (called["ok"], called["code"]) == (False, "class_forbids"), called
        assert ear.heard() == [], "the attacker's phone hears nothing at all"
    finally:
        ear.close()


async def test_a_host_name_is_resolved_before_anything_is_sent(there: There) -> None:
    """The server resolves a name before it sends anything. An administrator put the name into the closed zone, but it resolves
    to 127.0.9.9, which is outside.
    """
    ear = Ear(OUTSIDE)
    try:
        uri = f"sip:nghe@127.0.2313:{ear.port}"
        values = {"sip_uri": uri, "network_id": "network-test"}
        await register(
            there, lambda s: s.execute(update(TerminalRow).where(TerminalRow.id == "hall-b").values(**values))
        )
        await until(lambda: leg(there, "hall-b"), "the schedule has made its legs")
        there.command("redial", leg(there, "hall-b")["leg_id"])
        await until(
            lambda: (
                (leg(there, "hall-b")["state"], leg(there, "hall-b")["reason"]["code"]) == ("given_up", "network_open")
            ),
            "it is not called, and the board says why",
        )
        assert ear.heard() == []
    finally:
        ear.close()


async def test_media_of_an_important_meeting_stay_in_closed_zones(there: There) -> None:
    """A terminal in the closed zone cannot have its picture and sound sent to the open network."""
    async with Keyed(there, "tls", at=OUTSIDE) as terminal:
        assert await there.dial(terminal) == 488
        assert "Incompatible network address" in terminal.finals[-1]["Warning"]
    async with Keyed(there, "tls") as terminal:
        assert await there.dial(terminal) == 200
        assert terminal.remote_sdp.count("a=crypto") == terminal.remote_sdp.count("RTP/SAVP") > 0
        await until(lambda: leg(there, "hall-a")["state"] == "connected", "it is in")
        assert leg(there, "hall-a")["secure"]
        moved = await terminal.reinvite(terminal.offer().replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 127.0.9.9"))
        assert moved.status == 488, "nor afterwards"
        await terminal.hang_up()


async def test_an_important_meeting_wants_tls_and_keys(there: There) -> None:
    """The server refuses keys over UDP, which anyone on the path could read, and TLS without keys."""
    async with Keyed(there, "udp") as terminal:
        assert await there.dial(terminal) == 403
    async with Keyed(there, "tls", keys=False) as terminal:
        assert await there.dial(terminal) == 488
        assert "SRTP is required" in terminal.finals[-1]["Warning"]
    found = await register(there, refusals)
    assert "encryption_needed" in found


async def refusals(session: Any) -> list[str]:
    rows = await session.scalars(select(AuditEntry).where(AuditEntry.action == "hall.refuse"))
    return [one.detail["code"] for one in rows]


async def test_best_effort_marks_unencrypted_terminals(lenient: There) -> None:
    """With best-effort encryption, a terminal in a closed zone may call by UDP without keys. The board and the audit trail mark
    it.
    """
    async with Keyed(lenient, "udp", keys=False) as terminal:
        assert await lenient.dial(terminal) == 200
        assert "a=crypto" not in terminal.remote_sdp
        await until(lambda: leg(lenient, "hall-a")["state"] == "connected", "it is in")
        assert not leg(lenient, "hall-a")["secure"]
        assert leg(lenient, "hall-a")["unprotected"]
        await terminal.hang_up()

    async def noted(session: Any) -> list[str]:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.action == "hall.unencrypted"))
        return [one.detail["terminal"] for one in rows]

    assert "hall-a" in await register(lenient, noted)


async def test_keys_are_neither_taken_nor_sent_without_tls(lenient: There) -> None:
    async with Keyed(lenient, "udp") as terminal:
        assert await lenient.dial(terminal) == 488, "a description with keys by UDP"
        assert "a=crypto" not in str(terminal.finals[-1].headers)
    offered: list[str] = []

    class Phone(Terminal):
        def _invited(self, message: Message) -> None:
            offered.append(message.body.decode())
            super()._invited(message)

    async with Phone(Quirk(), "hall-b", HOST, (200, 40, 40), 440) as phone:
        uri = f"sip:hall-b@{HOST}:{phone.port}"
        await register(
            lenient, lambda s: s.execute(update(TerminalRow).where(TerminalRow.id == "hall-b").values(sip_uri=uri))
        )
        await until(lambda: leg(lenient, "hall-b"), "the schedule has made its legs")
        lenient.command("redial", leg(lenient, "hall-b")["leg_id"])
        await until(lambda: leg(lenient, "hall-b")["state"] == "connected", "it is called by UDP")
        assert offered
        assert all("a=crypto" not in one and "SAVP" not in one for one in offered)
