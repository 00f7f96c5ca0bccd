"""Media over a TURN server, from an office that allows only the pages and TLS on port 443. coturn and Chromium are real."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from signaling.front import tls
from signaling.host.turn import Turn
from tests.conftest import ROOT
from tests.interop.checker import check
from tests.interop.guest import Guests, Plan, Role
from tests.interop.network import HTTP_PORT, MEDIA_PORT, Namespace, ServerThere, missing, namespace, plug, serve
from tests.interop.person import token
from tests.interop.visitor import Visiting
from tests.running.runs import LONG_RUN

WANTING = missing() or ("" if shutil.which("turnserver") else "coturn is needed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.native,
    pytest.mark.slow,
    pytest.mark.skipif(bool(WANTING), reason=WANTING or "-"),
]

SERVER, OFFICE = "203.0.113.1", "203.0.113.2"
TURN, OFFICE_AT_TURN = "192.0.2.1", "192.0.2.2"
RELAY, SERVER_AT_RELAY = "198.51.100.2", "198.51.100.1"
URL = f"https://{SERVER}:{HTTP_PORT}"


@contextmanager
def coturn(place: Namespace, folder: Path, secret: str) -> Iterator[None]:
    """Run coturn as docker/turn.sh runs it. It listens on 443 in the office's network and relays into the server's network."""
    issued = tls.issue(folder / "turn-tls", tls.Subject(("turn.test",), (ip_address(TURN),)), tls.utc(time.time()))
    log = folder / "turn.log"
    variables = {
        "DIEMCAU_TURN_SECRET": secret,
        "TURN_PEERS": SERVER_AT_RELAY,
        "TURN_CERT": str(issued.chain),
        "TURN_KEY": str(issued.key),
        "TURN_ADDRESS": TURN,
        "TURN_RELAY_ADDRESS": RELAY,
        "TURN_DIR": str(folder),
    }
    command = ("env", *(f"{name}={value}" for name, value in variables.items()), str(ROOT / "docker" / "turn.sh"))
    with log.open("w") as out, subprocess.Popen([*place.prefix, *command], stdout=out, stderr=out) as process:
        try:
            deadline = time.monotonic() + 30
            while not place.run("ss", "-tlnH", "sport", "=", "443").strip():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            with suppress(ProcessLookupError):
                process.terminate()


@dataclass(frozen=True)
class Place:
    """A server's network, a network of its relay, and an office whose firewall allows the pages and port 443 by TCP. It blocks
    UDP and the server's TCP media port.
    """

    center: Namespace
    relay: Namespace
    office: Namespace


@contextmanager
def placed() -> Iterator[Place]:
    with namespace() as center, namespace() as relay, namespace() as office:
        plug(center, [f"{SERVER_AT_RELAY}/24"], relay, [f"{RELAY}/24"])
        plug(center, [f"{SERVER}/24"], office, [f"{OFFICE}/24"])
        plug(relay, [f"{TURN}/24"], office, [f"{OFFICE_AT_TURN}/24"])
        office.drop_udp()
        rule = f"oifname != lo tcp dport != {{ 443, {HTTP_PORT} }} counter drop"
        chain = f"chain out {{ type filter hook output priority 1; policy accept; {rule}; }}"
        office.run("nft", "-f", "-", stdin=f"table inet doors {{\n{chain}\n}}\n")
        yield Place(center, relay, office)


@dataclass(frozen=True)
class Relayed:
    """A place with a running server and coturn."""

    place: Place
    server: ServerThere
    secret: str


@pytest.fixture(scope="module")
def relayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayed]:
    folder, secret = tmp_path_factory.mktemp("relayed"), secrets.token_hex(16)
    settings = {
        "DIEMCAU_TURN_URLS": f"turns:{TURN}:443?transport=tcp",
        "DIEMCAU_TURN_SECRET": secret,
        "DIEMCAU_OPEN_CREATION": "true",
        "DIEMCAU_HALLS": "false",
    }
    with (
        placed() as place,
        coturn(place.relay, folder, secret),
        serve(place.center, folder, **settings) as server,
    ):
        yield Relayed(place, server, secret)


@dataclass(frozen=True)
class Checks:
    """Results of the page's check in an office with a relay, and in an office without a relay."""

    relayed: dict[str, Any]
    dropped: int
    """UDP datagrams of the first check."""
    shut: dict[str, Any]
    """Only in `make sim`."""


@pytest.fixture(scope="module")
def checks(relayed: Relayed, tmp_path_factory: pytest.TempPathFactory) -> Checks:
    """Run both checks at the same time, because they mostly wait for the ways that a firewall blocks."""
    before = relayed.place.office.dropped()
    if not LONG_RUN:
        found = asyncio.run(check(URL, prefix=relayed.place.office.prefix))
        return Checks(found, relayed.place.office.dropped() - before, {})
    with placed() as shut, serve(shut.center, tmp_path_factory.mktemp("shut"), DIEMCAU_HALLS="false"):

        async def both() -> list[dict[str, Any]]:
            offices = relayed.place.office, shut.office
            return await asyncio.gather(*(check(URL, prefix=office.prefix) for office in offices))

        first, second = asyncio.run(both())
    return Checks(first, relayed.place.office.dropped() - before, second)


async def test_a_browser_behind_a_firewall_meets_by_turn_over_tls(relayed: Relayed) -> None:
    center, office, server = relayed.place.center, relayed.place.office, relayed.server
    dropped = office.dropped()
    an = await Visiting.start(URL, "An", prefix=office.prefix)
    try:
        number = an.address.split("/m/")[1].split("#")[0]
        role = Role("binh", token(server.api_key, server.api_secret, "binh", number), colour="blue", hz=1000)
        plan = Plan(f"wss://{SERVER_AT_RELAY}:{HTTP_PORT}", [role])
        prefix = ("env", f"SSL_CERT_FILE={server.authority}", *center.prefix)
        binh = await Guests.start(plan, prefix=prefix)
        try:
            found = await an.until(lambda now: now["frames"] > 30, "pictures by TURN")
            assert [(path["type"], path["protocol"]) for path in found["paths"]] == [("relay", "tls")], found
            await binh.until(lambda now: any("KIND_VIDEO" in one for one in now["binh"].subscribed), "a track", 90)
        finally:
            await binh.stop()
        assert center.peers(MEDIA_PORT) == set(), "nobody came to the server's own TCP port"
        assert office.dropped() > dropped, "UDP was tried and did not pass"
        assert relayed.place.relay.peers(443) == {OFFICE_AT_TURN}, "the browser came to coturn by TLS"
    finally:
        await an.stop()


@pytest.mark.longer
def test_the_check_finds_that_the_relay_works(checks: Checks) -> None:
    found = checks.relayed
    assert found["trouble"] == ""
    network = found["parts"]["network"]
    assert "Phải đi qua máy chủ chuyển tiếp" in network["words"], found
    assert "qua TURN" in found["measures"]
    assert "bị chặn / bị chặn / được" in found["measures"], found
    assert checks.dropped > 0, "UDP was tried and did not pass"


@pytest.mark.sim
def test_the_check_finds_an_office_that_lets_no_call_out(checks: Checks) -> None:
    """The check blames the network, and not the devices, if the pages load but media fails without a relay."""
    found = checks.shut
    assert found["trouble"] == ""
    network, camera = found["parts"]["network"], found["parts"]["camera"]
    assert network["verdict"] == "bad"
    assert "mạng đang chặn" in network["words"], found
    assert camera["verdict"] == "good", found
    assert "bị chặn / bị chặn / không thử" in found["measures"]


def test_the_relay_reaches_only_the_server(relayed: Relayed) -> None:
    """coturn refuses to relay to any peer except the server, even with credentials that our server made."""
    user, password = Turn((), relayed.secret, 60).credentials("PA_x", time.time())
    common = ["turnutils_uclient", "-t", "-S", "-p", "443", "-n", "1", "-m", "1", "-c", "-u", user, "-w", password]
    refused = _client(relayed.place.office, *common, "-e", OFFICE_AT_TURN, TURN)
    assert "403" in refused or "Forbidden" in refused, refused
    wrong = _client(relayed.place.office, *common[:-1], "wrong", "-e", SERVER_AT_RELAY, TURN)
    assert "Cannot complete Allocation" in wrong, wrong


def _client(place: Namespace, *command: str) -> str:
    done = subprocess.run([*place.prefix, "timeout", "20", *command], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
