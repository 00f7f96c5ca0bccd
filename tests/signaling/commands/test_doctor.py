"""Each check of the doctor finds the fault and names a fix."""

import asyncio
import os
import shutil
import socket
import socketserver
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.fixtures import loading
from rooms.policy.actors import COMMAND
from rooms.sites import networks, terminals
from rooms.store.database import Database
from rooms.store.migrations import steps
from signaling.commands import doctor
from signaling.commands.doctor import CHECKS, Finding, Verdict, examine
from signaling.host.settings import Settings
from signaling.host.sources import load
from tests.conftest import LiveServer
from tests.ports import free_port

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def settings(folder: Path, **changes: object) -> Settings:
    fixed = {"http_port": 0, "media_port": 0, "data_dir": str(folder)}
    return load("dev", overrides=fixed | changes, environ={}).settings


def findings(folder: Path, now: datetime = NOW, **changes: object) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(settings(folder, **changes), now)}


def test_every_check_reports_and_every_fault_has_a_fix(tmp_path: Path) -> None:
    seen = findings(tmp_path)
    assert len(seen) == len(CHECKS)
    for finding in seen.values():
        assert finding.seen
        assert finding.verdict is Verdict.GOOD or finding.fix
    assert seen["udp"].verdict is Verdict.GOOD
    assert seen["http_port"].verdict is Verdict.GOOD


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_taken_media_port(tmp_path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        seen = findings(tmp_path, media_port=taken.getsockname()[1])
    assert seen["media_port"].verdict is Verdict.BAD


@pytest.fixture
def free() -> list[int]:
    """Return three ports that are free for UDP and TCP."""
    found: set[int] = set()
    while len(found) < 3:
        found.add(free_port())
    return list(found)


@pytest.mark.parametrize("host", [["127.0.0.1"], ["0.0.0.0", "::"]], ids=["http", "https"])
def test_ports_of_our_own_running_server_are_reported_as_good(
    own_server: Callable[..., LiveServer], free: list[int], host: list[str], tmp_path: Path
) -> None:
    media, sip, other = free
    words = [word for one in host for word in ("--host", one)]
    ports = {f"sip_{name}_port": sip if name == "tcp" else -1 for name in ("udp", "tcp", "tls")}
    variables = {f"DIEMCAU_{name.upper()}": str(port) for name, port in ports.items()}
    server = own_server(*words, "--halls", "--media-port", str(media), **variables)
    asked: dict[str, Any] = {"host": ["0.0.0.0", "::"], "http_port": server.port, "halls": True, **ports}
    seen = findings(server.data_dir, media_port=media, **asked)
    for subject in ("http_port", "media_port", "halls"):
        assert (seen[subject].verdict, doctor.RUNNING in seen[subject].seen) == (Verdict.GOOD, True), seen[subject]
    assert findings(tmp_path / "none", media_port=media, **asked)["media_port"].verdict is Verdict.GOOD
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", other))
        foreign.listen()
        seen = findings(server.data_dir, media_port=other, **asked)
    assert (seen["http_port"].verdict, seen["media_port"].verdict) == (Verdict.GOOD, Verdict.BAD)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n[", b"220 mail\r\n"])
def test_a_foreign_program_on_our_ports_is_reported(tmp_path: Path, says: bytes) -> None:
    class Foreign(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1024)
            self.request.sendall(says)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Foreign) as foreign:
        threading.Thread(target=foreign.serve_forever, daemon=True).start()
        port = foreign.server_address[1]
        seen = findings(tmp_path, http_port=port, media_port=port)
        foreign.shutdown()
    assert (seen["http_port"].verdict, seen["media_port"].verdict) == (Verdict.BAD, Verdict.BAD)
    assert str(port) in seen["http_port"].seen


def test_a_secret_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "devkey.secret").write_text("x" * 64)
    (tmp_path / "devkey.secret").chmod(0o644)
    found = findings(tmp_path)["data_dir"]
    assert found.verdict is Verdict.BAD
    assert found.fix.startswith("chmod 600")


def test_a_clock_of_the_last_century(tmp_path: Path) -> None:
    found = findings(tmp_path, now=datetime(1970, 1, 1, tzinfo=UTC))["clock"]
    assert found.verdict is Verdict.BAD
    assert "ntp" in found.fix


def test_a_certificate_that_has_ended(tmp_path: Path) -> None:
    from signaling.front import tls

    issued = tls.issue(tmp_path, tls.Subject(("localhost",), ()), datetime(2024, 1, 1, tzinfo=UTC))
    given: dict[str, Any] = {"tls_cert": str(issued.chain), "tls_key": str(issued.key)}
    assert findings(tmp_path, **given)["tls"].verdict is Verdict.BAD
    assert findings(tmp_path, now=datetime(2024, 6, 1, tzinfo=UTC), **given)["tls"].verdict is Verdict.GOOD
    os.chmod(issued.key, 0o644)
    assert "chmod" in findings(tmp_path, now=datetime(2024, 6, 1, tzinfo=UTC), **given)["tls"].fix


def test_a_missing_database_is_fine_but_an_unreachable_is_not(tmp_path: Path) -> None:
    first = findings(tmp_path)["database"]
    assert first.verdict is Verdict.GOOD
    assert "first start" in first.seen
    assert not (tmp_path / "diemcau.sqlite").exists()
    away = findings(tmp_path, database="postgresql://diemcau:secret@127.0.0.1:9/x")["database"]
    assert away.verdict is Verdict.BAD
    assert "postgresql://" in away.fix
    assert "secret" not in away.seen


def test_a_host_name_outside_the_authority_is_reported(tmp_path: Path) -> None:
    from signaling.front import tls

    given: dict[str, Any] = {"host": ("0.0.0.0",), "public_url": "https://hop.example.vn"}
    assert findings(tmp_path, **given)["tls"].verdict is Verdict.GOOD
    tls.issue(tmp_path / "tls", tls.Subject.of_this_machine(), NOW)
    found = findings(tmp_path, **given)["tls"]
    assert found.verdict is Verdict.BAD
    assert "hop.example.vn" in found.seen
    assert "rm -r" in found.fix
    tls.issue(tmp_path / "again", tls.Subject.of_this_machine(["hop.example.vn"]), NOW)
    shutil.rmtree(tmp_path / "tls")
    (tmp_path / "again").rename(tmp_path / "tls")
    assert findings(tmp_path, **given)["tls"].verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("OpenSSL 4.0.2 25 Aug 2026", Verdict.BAD),
        ("OpenSSL 4.0.3 29 Sep 2026", Verdict.WARNING),
        ("OpenSSL 4.0.4 18 Nov 2026", Verdict.GOOD),
        ("OpenSSL 3.6.4 25 Aug 2026", Verdict.BAD),
        ("OpenSSL 3.5.8 25 Aug 2026", Verdict.BAD),
        ("OpenSSL 3.5.9 29 Sep 2026", Verdict.WARNING),
        ("OpenSSL 3.5.10 18 Nov 2026", Verdict.GOOD),
        ("OpenSSL 3.3.2 3 Sep 2024", Verdict.BAD),
        ("OpenSSL 3.0.19 27 Jan 2026", Verdict.BAD),
        ("OpenSSL 3.0.23 29 Sep 2026", Verdict.WARNING),
        ("OpenSSL 4.1.0-beta1 1 Oct 2026", Verdict.WARNING),
        ("OpenSSL 4.1.1 18 Nov 2026", Verdict.GOOD),
        ("OpenSSL 4.1.0-beta1 18 Aug 2026", Verdict.WARNING),
        ("LibreSSL 4.1.0", Verdict.WARNING),
        ("AWS-LC FIPS 3.0", Verdict.WARNING),
        ("BoringSSL", Verdict.WARNING),
    ],
)
def test_openssl_floors(text: str, verdict: Verdict) -> None:
    assert doctor.judge_openssl(text).verdict is verdict


@pytest.mark.parametrize(
    ("version", "verdict"), [((2, 5, 0), Verdict.WARNING), ((2, 6, 0), Verdict.GOOD), ((3, 0, 0), Verdict.GOOD)]
)
def test_expat_floor(version: tuple[int, int, int], verdict: Verdict) -> None:
    found = doctor.judge_expat(version)
    assert found.verdict is verdict
    assert bool(found.fix) is (verdict is Verdict.WARNING)


async def test_halls_in_a_network_that_lost_its_mark_are_named(tmp_path: Path) -> None:
    """Show that halls in a network that is not open to SIP are reported. The network INTERNET is too wide for SIP. This is a
    note at first, and a warning when a terminal is in the network.
    """
    url = f"sqlite:///{tmp_path / 'diemcau.sqlite'}"
    await steps.upgrade(url)
    database = Database.open(url)

    async def look() -> Finding:
        return (await asyncio.to_thread(findings, tmp_path, halls=True))["hall_networks"]

    await database.transact(lambda session: loading.load(session, "tayninh-2025", COMMAND, NOW))
    found = await look()
    assert found.verdict is Verdict.GOOD
    assert found.seen == "SIP: NOIBO, TSLCD; không nhận SIP / no SIP: INTERNET (0.0.0.0/0 quá rộng / too wide)"

    async def move(session: AsyncSession) -> None:
        zone = await networks.by_code(session, "INTERNET")
        terminal = (await terminals.search(session, ""))[0]
        assert zone is not None
        await terminals.edit(session, terminal.id, {"network_id": zone.id, "sip_uri": ""}, COMMAND, NOW)

    await database.transact(move)
    found = await look()
    assert (found.verdict, "INTERNET: 1" in found.fix) == (Verdict.WARNING, True)

    async def leave(session: AsyncSession) -> None:
        """Remove the terminal from its network. It may still call from INTERNET."""
        terminal = (await terminals.search(session, ""))[0]
        await terminals.edit(session, terminal.id, {"network_id": None}, COMMAND, NOW)

    await database.transact(leave)
    found = await look()
    assert (found.verdict, "1 thiết bị SIP chưa khai mạng" in found.fix) == (Verdict.WARNING, True), found
    assert "INTERNET: " not in found.fix

    async def mark(session: AsyncSession) -> None:
        zone = await networks.by_code(session, "INTERNET")
        assert zone is not None
        await networks.edit(session, zone.id, {"ranges": ["203.113.0.0/24"], "terminals": True}, COMMAND, NOW)

    await database.transact(mark)
    found = await look()
    await database.close()
    assert (found.verdict, found.fix) == (Verdict.GOOD, "")


async def test_halls_of_a_database_before_its_upgrade_are_not_good(tmp_path: Path) -> None:
    async def look() -> Finding:
        return (await asyncio.to_thread(findings, tmp_path, halls=True))["hall_networks"]

    found = await look()
    assert (found.verdict, found.seen) == (Verdict.GOOD, "chưa có dữ liệu / nothing in the database yet")
    database = Database.open(f"sqlite:///{tmp_path / 'diemcau.sqlite'}")
    async with database.engine.connect() as connection:
        await connection.execution_options(diemcau_writes=True)
        async with connection.begin():
            await connection.run_sync(lambda one: command.upgrade(steps.settings(one), "0005"))
    await database.close()
    found = await look()
    assert (found.verdict, found.fix) == (Verdict.WARNING, "diemcau db upgrade")
    assert "chưa nâng cấp" in found.seen
    assert "0005" in found.seen
