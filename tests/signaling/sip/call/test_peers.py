"""Foreign peers on loopback: SIPp's scenarios in both directions, and the scanners of SIPVicious."""

import asyncio
import shutil
from pathlib import Path

import pytest

from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.call.causes import Kind
from signaling.sip.ground import limits
from signaling.sip.wire.fields import read_uri
from tests.ports import free_port
from tests.signaling.sip.loopback import Station, run, station
from tests.signaling.sip.test_driver import trusting
from tests.signaling.sip.world import OFFER
from tests.waiting import until

SCENARIOS = Path(__file__).resolve().parents[3] / "fixtures" / "sip" / "scenarios"


def missing(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program}: docker/test-tools.sh installs it")


async def sipp(name: str, one: Station, folder: Path, *options: str, transport: str = "u1") -> None:
    """Run one call of a scenario that dials us. Fail with SIPp's output."""
    port = one.port("udp" if transport == "u1" else "tcp")
    base = [
        "sipp",
        "-sf",
        str(SCENARIOS / f"{name}.xml"),
        "-m",
        "1",
        "-nostdin",
        "-t",
        transport,
        "-i",
        "127.0.0.1",
        "-p",
        str(free_port()),
    ]
    code, output = await run(*base, "-trace_err", "-timeout", "30", *options, f"127.0.0.1:{port}", cwd=folder)
    assert code == 0, output[-3000:] + "".join(path.read_text(errors="replace") for path in folder.glob("*errors.log"))


@missing("sipp")
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_register(tmp_path: Path, transport: str) -> None:
    async with station() as one:
        one.rooms.add("hall1", "right", ["127.0.0.1/32"])
        await sipp("register", one, tmp_path, "-s", "hall1", "-au", "hall1", "-ap", "right", transport=transport)
        assert one.user.bindings["hall1"] is not None
        assert not one.user.bans


@missing("sipp")
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_late_offer(tmp_path: Path, transport: str) -> None:
    async with station() as one:
        trusting(one)
        tell = one.user.answered

        def answered(call: Call, body: bytes) -> None:
            tell(call, body)
            call.hang_up()

        one.user.answered = answered  # type: ignore[method-assign]
        one.user.on_incoming = lambda call: call.accept(OFFER)
        await sipp("late_offer", one, tmp_path, transport=transport)
        assert one.user.seen[0] == ("incoming", b"")
        assert b"late answer" in one.user.seen[1][1]  # type: ignore[operator]


@missing("sipp")
async def test_cancel(tmp_path: Path) -> None:
    async with station() as one:
        trusting(one).user.on_incoming = lambda call: call.ring()
        await sipp("cancel", one, tmp_path)
        assert one.user.cause.kind is Kind.CANCELLED
        assert not one.agent.calls


@missing("sipp")
async def test_cancelled(tmp_path: Path) -> None:
    async with station() as one:
        port = free_port()
        one.user.ringing = lambda call, body: call.hang_up()  # type: ignore[method-assign]
        command = [
            "sipp",
            "-sf",
            str(SCENARIOS / "cancelled.xml"),
            "-m",
            "1",
            "-nostdin",
            "-i",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        code, output = await called(one, port, [*command, "-timeout", "30"], tmp_path)
        assert code == 0, output[-3000:]
        assert one.user.cause.kind is Kind.CANCELLED


async def called(one: Station, port: int, command: list[str], folder: Path) -> tuple[int, str]:
    """Dial a listening SIPp. Return its exit code and its output."""
    work = asyncio.create_task(run(*command, cwd=folder))
    target = Target(read_uri(f"sip:sipp@127.0.0.1:{port}"), ("udp",))
    one.agent.dial(target, OFFER, one.user, call_id="leg@peers")
    return await work


@missing("sipp")
async def test_glare(tmp_path: Path) -> None:
    async with station() as one:
        port = free_port()
        seen, tell = one.user.seen, one.user.renegotiated

        def renegotiated(call: Call, body: bytes, status: int) -> None:
            tell(call, body, status)
            call.hang_up()

        one.user.answered = lambda call, body: call.reinvite(OFFER + b"a=more\r\n")  # type: ignore[method-assign]
        one.user.renegotiated = renegotiated  # type: ignore[method-assign]
        command = [
            "sipp",
            "-sf",
            str(SCENARIOS / "glare.xml"),
            "-m",
            "1",
            "-nostdin",
            "-i",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        code, output = await called(one, port, [*command, "-timeout", "30", "-trace_err"], tmp_path)
        assert code == 0, output[-3000:] + "".join(
            path.read_text(errors="replace") for path in tmp_path.glob("*errors.log")
        )
        assert [row[0] for row in seen] == ["reoffered", "renegotiated", "ended"]
        assert b"s=again" in seen[0][1]  # type: ignore[operator]
        assert seen[1][2] == 200


@missing("sipp")
async def test_session_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SESSION_LEAST_S", 2)
    async with station() as one:
        trusting(one)

        async def leave() -> None:
            await until(lambda: one.user.calls and one.user.calls[0].renegotiation._ack is not None)
            one.user.calls[0].hang_up()

        leaving = asyncio.create_task(leave())

        await sipp("session_timer", one, tmp_path)
        await leaving
        assert one.user.cause.kind is Kind.NORMAL


@missing("sipp")
@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_tortuous(tmp_path: Path, transport: str) -> None:
    async with station() as one:
        trusting(one)
        await sipp("tortuous", one, tmp_path, transport=transport)
        assert one.user.cause.kind is Kind.NORMAL
        assert one.user.calls[0].remote.display == 'J "R" \\'


# Scanners. Their User-Agent alone would ban them at the first packet, so these tests judge them by their behaviour only.


@missing("svwar")
@pytest.mark.parametrize(
    "method", ["REGISTER", *(pytest.param(one, marks=pytest.mark.sim) for one in ("INVITE", "OPTIONS"))]
)
async def test_the_scanner_svwar_finds_no_alias(tmp_path: Path, method: str) -> None:
    """Show that svwar finds nothing. It compares the answers with the answer for an impossible name, and gives up when they are
    equal.
    """
    async with station(scanners=()) as one:
        for alias in ("103", "105"):
            one.rooms.add(alias, "right", ["127.0.0.1/32"])
        counted = counting(one)
        command = ["svwar", "-e100-160", "-m", method, "--force", "-p", str(one.port()), "127.0.0.1"]
        _, output = await run(*command, cwd=tmp_path)
        assert "found nothing" in output, output
        assert counted["answers"], output
        assert not one.user.bans, output


@pytest.mark.sim
@missing("svcrack")
async def test_svcrack_is_banned(tmp_path: Path) -> None:
    async with station(scanners=()) as one:
        one.rooms.add("100", "150", ["127.0.0.1/32"])
        counted = counting(one)
        patience = "--maximumtime=3"  # seconds without an answer; its default is ten
        command = ["svcrack", "-u", "100", "-r", "1-200", patience, "-p", str(one.port()), "127.0.0.1"]
        _, output = await run(*command, cwd=tmp_path)
        assert "source:127.0.0.1" in one.user.bans, output
        assert counted["refused"] < 10
        assert one.agent.registrar.find("100") is None
        assert "| 100" not in output


@missing("svmap")
async def test_the_scanner_svmap_finds_no_server(tmp_path: Path) -> None:
    async with station() as one:
        _, output = await run("svmap", "-p", str(one.port()), "127.0.0.1", cwd=tmp_path)
        assert not one.user.bans, output
        assert "127.0.0.1:" not in output, output
    async with station(networks=("192.0.2.0/24",)) as one:
        _, output = await run("svmap", "-p", str(one.port()), "127.0.0.1", cwd=tmp_path)
        assert not one.user.bans, output
        assert "127.0.0.1:" not in output, output


def counting(one: Station) -> dict[str, int]:
    counted = {"answers": 0, "refused": 0}
    send = one.driver.send

    def watched(hop: object, data: bytes) -> None:
        counted["answers"] += 1
        counted["refused"] += data.startswith(b"SIP/2.0 403")
        send(hop, data)  # type: ignore[arg-type]

    one.driver.send = watched  # type: ignore[method-assign]
    one.agent.core.transactions._send = watched
    return counted
