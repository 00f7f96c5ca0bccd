"""Servers for tests, forked from a process that has imported the server. A start then takes a fifth of the processor time.

The forked process runs the same module with the same arguments, environment, folder and output as `python -m`. Tests of the
start itself, of the wheel and of commands start a new interpreter.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

IMPORTED = (
    "signaling.server",
    "signaling.ops.journal",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.h11_impl",
)
"""The modules that a server needs before it answers."""
LARGEST = 128 * 1024
"""Bytes of one order to fork a server. Larger: more than a socket takes at once. Smaller: a long environment does not fit."""


class Warm:
    """The process that forks servers. It ends with the process that made this object."""

    def __init__(self, root: Path) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.running.warm", str(theirs.fileno())],
                cwd=root,
                env=environ | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def start(
        self, module: str, words: Sequence[str], environ: Mapping[str, str], net: str = "", log: TextIO | None = None
    ) -> Forked:
        """Fork a process that runs `python -m module words`. `net`: the path of its network namespace. `log`: the file for its
        errors; without `log`, its output and its errors are one text.
        """
        output, written = os.pipe()
        told, telling = os.pipe()
        order = json.dumps([module, list(words), dict(environ), net]).encode()
        assert len(order) <= LARGEST, "the environment is too long"
        socket.send_fds(self._orders, [order], [written, telling, written if log is None else log.fileno()])
        os.close(written)
        os.close(telling)
        return Forked(told, os.fdopen(output, encoding="utf-8"))


class Forked:
    """A forked process, with the methods of Popen that tests use."""

    def __init__(self, told: int, stdout: TextIO) -> None:
        self.stdout = stdout
        self.returncode: int | None = None
        self._told = os.fdopen(told, "rb", buffering=0)
        self._reading = threading.Lock()
        self.pid = int(self._told.readline() or b"0")
        assert self.pid, "the process that forks servers has ended"

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raise TimeoutExpired after `timeout` seconds."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"server {self.pid}", timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        with self._reading:
            if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
                self.returncode = int(self._told.readline())
                self._told.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send the signal, if the process runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def main(orders: socket.socket) -> None:
    """Import the server, and fork at each order until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then keeps no ended processes
    gc.disable()
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    assert threading.active_count() == 1, "a fork has no threads"
    while True:
        order, given, _, _ = socket.recv_fds(orders, LARGEST, 3)
        if not order:
            return
        if os.fork() == 0:
            _keep(orders, json.loads(order), *given)
            return
        for one in given:
            os.close(one)


def _keep(orders: socket.socket, order: Any, output: int, telling: int, errors: int) -> None:
    """Fork the server, tell its number, wait for its end and tell its exit code. Return in the server alone, at its end."""
    orders.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    server = os.fork()
    if server == 0:
        os.close(telling)
        module, words, environ, net = order
        _redirect(output, errors)
        if net:
            _enter(net)  # the log of the test gets an error of this step
        _run(module, words, environ)
        return
    os.close(output)
    os.close(errors)
    os.write(telling, b"%d\n" % server)
    _, status = os.waitpid(server, 0)
    os.write(telling, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _enter(net: str) -> None:
    """Move this process into a network namespace. Python has setns since 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(net) as there:
        if libc.setns(there.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns", net)


def _redirect(output: int, errors: int) -> None:
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.close(output)
    os.close(errors)


def _run(module: str, words: list[str], environ: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given_socket:
        main(given_socket)
