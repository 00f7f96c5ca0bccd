"""The impaired link itself, with real packets between two namespaces. The exact parts of the model are tested in Rust.

No test has an upper limit of time: a busy machine makes packets late, but never early, and it loses no packets.
"""

from __future__ import annotations

import json
import math
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, pairwise

import pytest

from tests.conftest import ROOT
from tests.interop.network import namespace
from tests.simulation import impair
from tests.simulation.impair import Link, Way

pytestmark = pytest.mark.skipif(bool(impair.missing()), reason=impair.missing() or "-")

PORT = 9000
BYTES = 1000
"""Bytes of an IP packet."""
HEADERS = 28
BATCH = 50
"""Packets that are sent before the arrived packets are read. More: a socket buffer overflows. Fewer: the test takes longer."""
BOUND_S = 60.0


@dataclass
class Ends:
    """A UDP socket at each end. Both are bound to `PORT` and connected to each other."""

    link: Link
    server: socket.socket
    client: socket.socket

    def send(self, packets: int, *, up: bool = False, pause_s: float = 0.005) -> list[tuple[int, int, int]]:
        """Send packets, and wait for all of them. Return the arrived packets: (number, ns when sent, ns when read)."""
        source, sink = (self.client, self.server) if up else (self.server, self.client)
        came: list[tuple[int, int, int]] = []
        for number in range(packets):
            source.send((b"%d %d " % (number, time.monotonic_ns())).ljust(BYTES - HEADERS))
            if number % BATCH == BATCH - 1:
                time.sleep(pause_s)
                came += _read(sink)
        _until(lambda: self._is_through(packets, up, came, sink), "all is through")
        return came

    def _is_through(self, packets: int, up: bool, came: list[tuple[int, int, int]], sink: socket.socket) -> bool:
        came += _read(sink)
        passed = self.passed(up)
        assert passed.refused == passed.unreached == 0
        dropped = passed.lost + passed.overflowed + passed.cut
        through = passed.arrived >= packets and passed.arrived + passed.duplicated == passed.delivered + dropped
        return through and len(came) == passed.delivered

    def passed(self, up: bool = False) -> impair.Passed:
        counters = self.link.counters()
        return counters.up if up else counters.down


def _read(sink: socket.socket) -> list[tuple[int, int, int]]:
    came: list[tuple[int, int, int]] = []
    while True:
        try:
            number, sent = sink.recv(2048).split()[:2]
        except BlockingIOError:
            return came
        came.append((int(number), int(sent), time.monotonic_ns()))


def _until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def _ends(made: Link) -> Ends:
    sockets = []
    for place, address in ((made.server, made.server_address), (made.client, made.client_address)):
        sockets.append(place.open_socket())
        sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sockets[-1].setblocking(False)
        sockets[-1].bind((address, PORT))
    server, client = sockets
    server.connect((made.client_address, PORT))
    client.connect((made.server_address, PORT))
    return Ends(made, server, client)


@pytest.fixture
def ends() -> Iterator[Ends]:
    with impair.link(seed=11) as made:
        both = _ends(made)
        with both.server, both.client:
            yield both


def _numbers(came: list[tuple[int, int, int]]) -> list[int]:
    return [number for number, _, _ in came]


def _is_likely(found: int, tries: int, chance: float) -> bool:
    """Report whether the count is within five standard deviations. One of two million runs is outside, and the seed is fixed."""
    return abs(found - tries * chance) <= 5 * math.sqrt(tries * chance * (1 - chance))


@pytest.mark.parametrize("up", [False, True], ids=["down", "up"])
def test_an_unimpaired_link_loses_no_packet_and_keeps_order(ends: Ends, up: bool) -> None:
    assert _numbers(ends.send(5000, up=up)) == list(range(5000))
    other = ends.passed(not up)
    assert other.arrived == other.delivered, "the other way stands apart"


@pytest.mark.parametrize("up", [False, True], ids=["down", "up"])
def test_each_direction_has_its_own_loss(ends: Ends, up: bool) -> None:
    ends.link.change(down=Way(loss=0.1), up=Way(loss=0.3))
    numbers = _numbers(ends.send(5000, up=up))
    assert _is_likely(5000 - len(numbers), 5000, 0.3 if up else 0.1)
    assert numbers == sorted(set(numbers))
    assert ends.passed(up).lost == 5000 - len(numbers)


def test_bursts(ends: Ends) -> None:
    ends.link.change(down=Way(loss=0.1, burst=5))
    numbers = _numbers(ends.send(20_000))
    bursts = sum(b - a > 1 for a, b in pairwise(numbers))
    share = 1 - len(numbers) / 20_000
    assert 0.08 < share < 0.12
    assert 4.3 < share * 20_000 / bursts < 5.7


def test_the_same_seed_has_the_same_fate() -> None:
    fates = []
    for seed in (5, 5, 6):
        with impair.link(Way(loss=0.2, duplicate=0.1), seed=seed) as made:
            both = _ends(made)
            with both.server, both.client:
                fates.append(_numbers(both.send(1000)))
    assert fates[0] == fates[1] != fates[2]


def test_no_packet_arrives_before_its_delay(ends: Ends) -> None:
    ends.link.change(down=Way(delay_ms=40), up=Way(delay_ms=15, jitter_ms=10))
    for up, least_ms in ((False, 40), (True, 5)):
        came = ends.send(500, up=up)
        assert _numbers(came) == list(range(500))
        assert min(read - sent for _, sent, read in came) >= least_ms * 1_000_000


def test_reordering_and_doubling(ends: Ends) -> None:
    ends.link.change(down=Way(delay_ms=5, reorder=0.2, reorder_by_ms=20, duplicate=0.05))
    numbers = _numbers(ends.send(5000, pause_s=0.02))
    assert sorted(set(numbers)) == list(range(5000)), "none is lost"
    assert numbers != sorted(numbers)
    assert _is_likely(len(numbers) - 5000, 5000, 0.05)
    passed = ends.passed()
    assert _is_likely(passed.reordered, 5000, 0.2)
    assert passed.duplicated == len(numbers) - 5000


def test_the_rate_is_kept_and_the_queue_fills_before_a_drop(ends: Ends) -> None:
    ends.link.change(down=Way(rate_kbps=2000, queue_bytes=30_000))
    came = ends.send(600, pause_s=0.05)
    passed = ends.passed()
    assert len(came) == passed.delivered == 600 - passed.overflowed
    assert passed.overflowed > 0
    assert 28_000 < passed.queue_max_bytes <= 30_000
    # The first packet may be late, and a late read takes several packets at once. But the packets are never faster than the
    # line.
    spread_ms = (came[-1][2] - came[0][1]) / 1e6
    assert spread_ms >= passed.delivered_bytes * 8 / 2000 * 0.999
    assert _numbers(came) == sorted(_numbers(came))


def test_a_timetable_cuts_and_mends(ends: Ends) -> None:
    wire = Way()
    ends.link.plan(0.3, down=replace(wire, cut=True))
    ends.link.plan(0.6, down=wire)
    start = time.monotonic_ns()
    sent, came = count(), list[tuple[int, int, int]]()
    while not came or came[-1][1] < start + 700_000_000:
        ends.server.send(b"%d %d " % (next(sent), time.monotonic_ns()))
        time.sleep(0.005)
        came += _read(ends.client)
    passed = ends.passed()
    assert passed.cut > 0
    gap = max(b - a for (_, a, _), (_, b, _) in pairwise(came))
    assert gap >= 290_000_000 - ends.link.counters().late_max_us * 1000, "nothing came for 0.3 s"
    assert passed.arrived == passed.cut + passed.delivered


def test_chance_spares_tcp_if_asked(ends: Ends) -> None:
    ends.link.change(down=Way(loss=1.0, udp_only=True), up=Way(loss=1.0, udp_only=True))
    with (
        ends.link.server.open_socket(socket.SOCK_STREAM) as listener,
        ends.link.client.open_socket(socket.SOCK_STREAM) as caller,
    ):
        listener.bind((ends.link.server_address, 80))
        listener.listen()
        caller.settimeout(BOUND_S)
        caller.connect((ends.link.server_address, 80))
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(bytes(100_000))
            left = 100_000
            while left:
                left -= len(caller.recv(left))
    for _ in range(100):
        ends.server.send(b"here")
    _until(lambda: ends.passed().lost == 100, "UDP is not spared")


def test_a_rebinding_gives_every_flow_another_port() -> None:
    with (
        impair.link(seed=3, translated=True) as made,
        made.server.open_socket() as server,
        made.client.open_socket() as client,
    ):
        server.bind((made.server_address, PORT))
        server.settimeout(BOUND_S)
        client.settimeout(BOUND_S)
        client.bind((made.client_address, PORT))
        seen = []
        for turn in range(3):
            client.sendto(b"here", (made.server_address, PORT))
            seen.append(server.recvfrom(100)[1])
            for port in {where[1] for where in seen}:
                server.sendto(b"%d" % port, (made.client_address, port))
            assert client.recv(100) == b"%d" % seen[-1][1], "only the present port leads to the client"
            made.rebind()
            assert made.counters().unknown >= turn
        assert len({port for _, port in seen}) == 3
        assert {address for address, _ in seen} == {made.client_address}
        _until(lambda: made.counters().unknown == 1 + 2, "packets for the ports of before were dropped")
        assert made.counters().rebindings == 3


def test_a_server_can_have_many_links_and_a_client_two() -> None:
    with (
        namespace() as center,
        namespace() as place,
        impair.link(seed=1, server=center, client=place) as first,
        impair.link(Way(cut=True), seed=1, server=center, client=place) as second,
        impair.link(seed=1, server=center) as third,
    ):
        assert first.client_address in place.run("ip", "route", "get", first.server_address)
        assert f"dev {second.device}" in place.run("ip", "route", "get", second.server_address)
        assert f"dev {first.device}" in place.run("ip", "route", "show", "default")
        assert third.client != place
        both = _ends(third)
        with both.server, both.client:
            assert len(both.send(10)) == 10


def test_what_cannot_be_is_refused() -> None:
    with impair.link(seed=1) as made:
        for way in (
            Way(loss=1.5),
            Way(delay_ms=-1),
            Way(rate_kbps=-5),
            Way(loss=0.9, burst=1.5),
            Way(jitter_every_ms=0),
        ):
            with pytest.raises(AssertionError, match="error"):
                made.change(down=way)
        made.change(down=Way())


KILLED = """
import json, subprocess, time
from tests.simulation import impair
with impair.link(seed=1) as made:
    inside = [subprocess.Popen([*place.prefix, "sleep", "1000"]).pid for place in (made.server, made.client)]
    print(json.dumps([*inside, made.server.keeper, made.client.keeper, made._process.pid]), flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_test_leaves_no_process(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = json.loads(process.stdout.readline())
        assert all(_lives(pid) for pid in pids)
        process.send_signal(number)
        process.wait()
    _until(lambda: not any(_lives(pid) for pid in pids), "the link, the namespaces and what ran in them are gone")


def _lives(pid: int) -> bool:
    """Report whether the process runs. A process that has ended but was not collected does not run."""
    try:
        with open(f"/proc/{pid}/stat") as told:
            return told.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_closed_link_leaves_no_process() -> None:
    with impair.link(seed=1) as made:
        inside = subprocess.Popen([*made.client.prefix, "sleep", "1000"])
        pids = [made.server.keeper, made.client.keeper, inside.pid, made._process.pid]
    inside.wait()
    assert not any(_lives(pid) for pid in pids)
