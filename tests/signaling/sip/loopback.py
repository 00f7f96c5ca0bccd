"""A listening agent on 127.0.0.1 and its peers: sockets, SIPp, SIPVicious."""

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from signaling.sip.agent.agent import Agent
from signaling.sip.agent.bans import MemoryBans
from signaling.sip.agent.networks import Networks
from signaling.sip.dialog.core import Config
from signaling.sip.driver import Driver, Listen
from tests.ports import free_port
from tests.signaling.sip.world import REALM, Rooms, User


class SystemClock:
    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Station:
    """An agent with its driver and its user."""

    def __init__(self, driver: Driver, networks: Sequence[str], **settings: Any) -> None:
        self.driver = driver
        self.user = User()
        self.rooms = Rooms()
        config = Config(REALM, secrets.token_bytes(32), loopback=True, **settings)
        self.agent = Agent(config, driver, SystemClock(), secrets.token_bytes, self.user, self.rooms, MemoryBans())
        self.agent.allow(Networks(networks))

    def port(self, transport: str = "udp") -> int:
        return self.driver.port(transport)


@asynccontextmanager
async def station(
    transports: Sequence[str] = ("udp", "tcp"),
    networks: Sequence[str] = ("127.0.0.0/8",),
    *,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> AsyncIterator[Station]:
    """Yield a station. UDP and TCP share one port, as in production."""
    for attempt in range(10):
        port = free_port()
        listens = [Listen(name, "127.0.0.1", port if name != "tls" else 0) for name in transports]
        made = Station(Driver(listens, server_tls=server_tls, client_tls=client_tls), networks, **settings)
        try:
            await made.driver.open(made.agent)
            break
        except OSError:  # another process took the port
            if attempt == 9:
                raise
    try:
        yield made
    finally:
        await made.driver.close()
        assert made.agent.core.defects == 0


async def run(*command: str, cwd: Path | None = None, seconds: float = 60) -> tuple[int, str]:
    """Return the exit code and the output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode(errors="replace")
