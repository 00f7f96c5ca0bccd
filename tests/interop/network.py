"""Network namespaces for tests, joined by veth pairs, with a server in one of them. They need root, iproute2 and nftables.

A namespace and its processes end with the test that made them, even if the test is killed.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Process, begin
from tests.rooms import migrated

HTTP_PORT, MEDIA_PORT = 7880, 7881

_numbers = itertools.count(1)


def missing() -> str:
    """Return why namespaces cannot be made here, or an empty text if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return "" if shutil.which("ip") and shutil.which("nft") else "iproute2 and nftables are needed"


KEEPER = """
trap '' INT
ip link set lo up && echo kept
read -r _
own=$(stat -L -c %i /proc/$$/ns/net)
for found in $(stat -L -c %i:%n /proc/[0-9]*/ns/net 2> /dev/null); do
    process=${found#*:/proc/} process=${process%%/*}
    if [ "${found%%:*}" = "$own" ] && [ "$process" != $$ ]; then
        kill -9 "$process" 2> /dev/null
    fi
done
"""
"""A shell script that keeps the namespace alive. When its input ends, the script kills all other processes in the namespace."""

CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Namespace:
    """A namespace with an active loopback interface and the plugged veth pairs."""

    keeper: int
    """The id of a process inside the namespace."""

    @property
    def path(self) -> str:
        return f"/proc/{self.keeper}/ns/net"

    @property
    def prefix(self) -> tuple[str, ...]:
        """The words before a command that run it inside the namespace."""
        return ("nsenter", f"--net={self.path}", "--")

    def open_socket(self, kind: socket.SocketKind = socket.SOCK_DGRAM, family: int = socket.AF_INET) -> socket.socket:
        """Return a socket of this process that belongs to the namespace."""

        def make() -> socket.socket:
            with self.entered():
                return socket.socket(family, kind)

        with ThreadPoolExecutor(1) as thread:  # setns moves only this new thread
            return thread.submit(make).result()

    def run(self, *command: str, stdin: str | None = None) -> str:
        return _run(*self.prefix, *command, stdin=stdin)

    def ip(self, *commands: str) -> None:
        """Run commands of `ip` in one process."""
        self.run("ip", "-batch", "-", stdin="".join(f"{one}\n" for one in commands))

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move this thread into the namespace for a time. Sockets that the thread makes in this time stay in the namespace."""
        with open(self.path) as here, open("/proc/thread-self/ns/net") as before:
            _enter(here.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def drop_udp(self) -> None:
        """Drop all incoming and outgoing UDP datagrams, and count them."""
        hooks = "".join(
            f"chain {hook} {{ type filter hook {hook} priority 0; policy accept; meta l4proto udp counter drop; }}\n"
            for hook in ("input", "output")
        )
        self.run("nft", "-f", "-", stdin=f"table inet closed {{\n{hooks}}}\n")

    def dropped(self) -> int:
        words = self.run("nft", "list", "table", "inet", "closed").split()
        return sum(int(words[at + 1]) for at, word in enumerate(words) if word == "packets")

    def peers(self, port: int) -> set[str]:
        """Return the remote addresses of the TCP connections to our `port`."""
        lines = self.run("ss", "-tnH", "state", "established", "sport", "=", str(port)).splitlines()
        return {line.split()[-1].rsplit(":", 1)[0].strip("[]") for line in lines}


def _enter(descriptor: int) -> None:
    """Call setns(2). Python has setns since 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def namespace() -> Iterator[Namespace]:
    pipe = subprocess.PIPE
    with subprocess.Popen(["unshare", "--net", "sh", "-c", KEEPER], stdin=pipe, stdout=pipe, text=True) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        try:
            assert keeper.stdout.readline() == "kept\n", "no namespace"
            yield Namespace(keeper.pid)
        finally:
            keeper.stdin.close()
            keeper.wait()


def plug(one: Namespace, one_addresses: Sequence[str], other: Namespace, other_addresses: Sequence[str]) -> None:
    """Connect two namespaces by a veth pair. The addresses include their prefix length. The pair goes when either namespace
    goes.

    The pair does not change after the return, because a browser cancels its requests when an address or a link changes.
    """
    names = [f"w{os.getpid() % 100_000}{side}{next(_numbers)}" for side in "ab"]
    peer = ("type", "veth", "peer", names[1])
    _run("ip", "link", "add", names[0], "netns", str(one.keeper), *peer, "netns", str(other.keeper))
    for space, name, addresses in ((one, names[0], one_addresses), (other, names[1], other_addresses)):
        given = [f"address add {one} dev {name} {'nodad' if ':' in one else ''}" for one in addresses]
        # Without addrgenmode a link-local address appears seconds later.
        space.ip(f"link set {name} addrgenmode none", *given, f"link set {name} up")
    deadline = time.monotonic() + 30
    for space, name in ((one, names[0]), (other, names[1])):
        while "state UP" not in (found := space.run("ip", "link", "show", name)):
            assert time.monotonic() < deadline, f"the wire has no carrier: {found}"
            time.sleep(0.02)


@dataclass
class ServerThere:
    """A `diemcau serve` in a namespace, on all its addresses, with TLS by the server's own authority."""

    process: Process
    api_key: str
    api_secret: str
    authority: Path
    log: Path
    scheme: str = "wss"


@contextmanager
def serve(place: Namespace, folder: Path, **settings: str) -> Iterator[ServerThere]:
    """Run a server that waits longer for its database than a real one (`tests/patient.py`). `settings` adds variables to the
    required ones. Fail at the end if the server wrote a traceback.
    """
    key, secret, log = "interop", secrets.token_hex(32), folder / "server.log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
    environ |= {"DIEMCAU_API_KEY": key, "DIEMCAU_API_SECRET": secret, "PYTHONUNBUFFERED": "1"}
    environ |= settings
    if "DIEMCAU_DATABASE" not in settings:
        migrated.put(folder / "data")
    ports = ["--http-port", str(HTTP_PORT), "--media-port", str(MEDIA_PORT)]
    words = ["serve", *ports, "--data-dir", str(folder / "data")]
    with ExitStack() as stack:
        err = stack.enter_context(log.open("w"))
        process = begin("tests.patient", words, environ, settings, place.path, err)
        assert process.stdout is not None
        stack.enter_context(process.stdout)
        stack.callback(process.wait)
        try:
            while line := process.stdout.readline():
                if "Ctrl+C" in line:
                    break
            assert line, f"the server did not start:\n{log.read_text()}"
            yield ServerThere(process, key, secret, folder / "data" / "tls" / "ca.crt", log)
        finally:
            process.terminate()
    faults = log.read_text()
    assert "Traceback" not in faults, faults


def _run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
