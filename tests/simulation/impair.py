"""A bad network between two namespaces: `with impair.link(down=Way(loss=0.1, delay_ms=25), seed=1) as link`.

Every packet between `link.server` and `link.client` passes a program (`impairer/`, Rust). The program loses, delays, reorders,
duplicates and limits packets by the seed, separately for each direction. *down* is the direction to the client. Signalling
passes the program too. The conditions can change at once or by a timetable, and the client's address translation can forget its
ports. When the test ends, even by SIGKILL, the link, the namespaces and the processes in them end too. The link needs root,
iproute2 and Cargo. It needs no netem in the kernel.

The program itself adds a delay. On two processors with a load of 10, at 3,000 packets/s of 1,128 bytes, the delay is p50 0.04 ms
and p99 0.8 ms, with 42 µs of CPU a packet. At 10,000/s the CPU time is 24 µs a packet. `Counters.late_…` reports the delay of
every run.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from tests.interop.network import Namespace, missing, namespace

__all__ = ["Counters", "Link", "Passed", "Way", "link", "missing"]

CRATE = Path(__file__).parent / "impairer"

_numbers = itertools.count()


@dataclass(frozen=True)
class Way:
    """The conditions of one direction. The default is a perfect wire.

    A packet first waits for the rate (drop-tail), then it travels. Loss, duplication and reordering happen on the way. The fate
    of a packet depends only on the seed and the number of packets before it. Thus the same seed with more loss loses the same
    packets, and some more.
    """

    loss: float = 0.0
    """Share of packets, 0 to 1."""
    burst: float = 0.0
    """Mean length of a run of lost packets. 0: each packet is lost independently.

    The model is Gilbert-Elliott: the bad state loses all packets, the good state loses none. The mean share stays `loss`.
    """
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """The delay drifts by at most this value in both directions. The order of packets stays."""
    jitter_every_ms: float = 100.0
    """The time between two values of the drift."""
    reorder: float = 0.0
    """Share of packets that arrive `reorder_by_ms` late."""
    reorder_by_ms: float = 20.0
    duplicate: float = 0.0
    rate_kbps: int = 0
    """The rate of whole IP packets. 0: no limit."""
    queue_bytes: int = 65_536
    """Bytes that may wait for the rate."""
    cut: bool = False
    """True: no packet passes."""
    udp_only: bool = False
    """True: loss, duplication and reordering do not affect TCP, because the test does not examine its signalling."""

    def words(self) -> str:
        values = {
            name: float(value) if isinstance(value, float) else int(value) for name, value in asdict(self).items()
        }
        burst, loss = float(values.pop("burst")), self.loss
        values |= {"bad": 0.0, "good": 1.0, "bad_loss": 1.0}
        if burst:
            values |= {"loss": 0.0, "good": 1 / burst, "bad": loss / (burst * (1 - loss))}
        return " ".join(f"{name}={value}" for name, value in values.items())


@dataclass(frozen=True)
class Passed:
    """The counts of one direction: packets, and bytes of IP."""

    arrived: int
    arrived_bytes: int
    delivered: int
    delivered_bytes: int
    lost: int
    """Packets lost by chance."""
    overflowed: int
    """Packets that found the queue full."""
    cut: int
    duplicated: int
    reordered: int
    refused: int
    """Packets dropped because more than 65,536 were on the way: the test sends too much."""
    queue_max_bytes: int
    unreached: int
    """Packets dropped because the interface at the other end was down."""


@dataclass(frozen=True)
class Counters:
    """The counters. `late_…`: the lateness of packets in µs. Above 1,000 the machine was too busy for valid figures."""

    down: Passed
    up: Passed
    rebindings: int
    unknown: int
    """Packets without a known port in the address translation."""
    late_p99_us: int
    late_p999_us: int
    late_max_us: int


@dataclass
class Link:
    server: Namespace
    client: Namespace
    server_address: str
    client_address: str
    device: str
    """The interface of the client. The interface of the server has the same name."""
    down: Way
    up: Way
    _process: subprocess.Popen[str]

    def change(self, *, down: Way | None = None, up: Way | None = None) -> None:
        """Change the conditions now. A direction that is not given keeps its conditions."""
        self.down, self.up = down or self.down, up or self.up
        self._ask(f"set down {self.down.words()}")
        self._ask(f"set up {self.up.words()}")

    def plan(self, after_s: float, *, down: Way | None = None, up: Way | None = None) -> None:
        """Change the conditions after `after_s` seconds by the clock of the link."""
        for name, way in (("down", down), ("up", up)):
            if way is not None:
                self._ask(f"at {round(after_s * 1000)} {name} {way.words()}")

    def cut(self) -> None:
        """Stop all packets until `mend`."""
        self.change(down=replace(self.down, cut=True), up=replace(self.up, cut=True))

    def mend(self) -> None:
        self.change(down=replace(self.down, cut=False), up=replace(self.up, cut=False))

    def rebind(self) -> None:
        """Let the client's address translation forget its ports. Each UDP flow continues from another port, and the old ports
        are dead.
        """
        self._ask("rebind")

    def counters(self) -> Counters:
        told = json.loads(self._ask("counters"))
        return Counters(down=Passed(**told.pop("down")), up=Passed(**told.pop("up")), **told)

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline().strip()
        assert reply, f"{command}: {reply or 'the link has ended'}"
        assert not reply.startswith("error"), f"{command}: {reply or 'the link has ended'}"
        return reply


@contextmanager
def link(
    down: Way = Way(),
    up: Way = Way(),
    *,
    seed: int,
    server: Namespace | None = None,
    client: Namespace | None = None,
    translated: bool = False,
) -> Iterator[Link]:
    """Join two namespaces, given or new. A server may have several clients, and a client may have two networks.

    The client's default route goes into its first link. `translated`: the client's UDP passes an address translation, see
    `rebind`.
    """
    number = next(_numbers)
    device, net = f"link{number}", f"198.18.{number % 250 + 1}"  # RFC 2544: addresses for tests of network devices
    with ExitStack() as stack:
        here, there = (given or stack.enter_context(namespace()) for given in (server, client))
        words = [str(seed), str(int(translated)), here.path, device, there.path, device]
        pipe = subprocess.PIPE
        process = stack.enter_context(subprocess.Popen([_program(), *words], stdin=pipe, stdout=pipe, text=True))
        made = Link(here, there, f"{net}.1", f"{net}.2", device, down, up, process)
        try:
            assert process.stdout is not None, "the link did not start"
            assert process.stdout.readline() == "ready\n", "the link did not start"
            for place, address in ((here, made.server_address), (there, made.client_address)):
                # The interface sends no IPv6 packets by itself. Thus every packet of the link belongs to the test.
                settings = "multicast off addrgenmode none txqueuelen 10000"
                place.ip(
                    f"address add {address}/24 dev {device}", f"link set {device} {settings}", f"link set {device} up"
                )
            if not there.run("ip", "route", "show", "default"):
                there.run("ip", "route", "add", "default", "via", made.server_address)
            made.change()
            yield made
        finally:
            process.terminate()


@cache
def _program() -> Path:
    """Return the program, which is built at the first use. The build needs Cargo."""
    target = CRATE / "target"
    words = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(CRATE / "Cargo.toml")]
    subprocess.run(words, check=True, env=os.environ | {"CARGO_TARGET_DIR": str(target)})
    return target / "release" / "impairer"
