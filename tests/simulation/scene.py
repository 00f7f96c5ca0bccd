"""A call over bad networks: a server, a sender and a watcher, each in its own namespace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.interop.network import HTTP_PORT, Namespace, ServerThere, namespace, serve
from tests.interop.person import token
from tests.simulation import impair
from tests.simulation.call import Part, Side
from tests.simulation.impair import Link

CONFERENCE = "bad-network"
SOURCE, SINK = "an", "binh"


@dataclass(frozen=True)
class Picture:
    """The properties of the sender's camera."""

    size: tuple[int, int] = (640, 360)
    fps: int = 24
    bitrate_bps: int = 500_000


USUAL, SMALL, LAYERED = Picture(), Picture((480, 270), 12, 300_000), Picture((960, 540), 24, 800_000)
"""Three cameras. `SMALL` is for tests that run beside others: with `USUAL`, two busy processors already act as a bad network.

For pictures up to 640 pixels wide, the library (1.2.1) makes two layers of the same size. The lower one has up to 450 kbit/s,
and a narrow link carries it at five pictures a second. For `LAYERED`, the library makes layers of 180, 360 and 540 lines, as
browsers do for all pictures.
"""


@dataclass
class Call:
    """A call. `links` is by identity. `spare` is the second network of the participant `roams`, if the test wants one."""

    server: ServerThere
    center: Namespace
    links: dict[str, Link] = field(default_factory=dict)
    spare: Link | None = None
    roams: str = SINK
    source: Side | None = None
    sink: Side | None = None


@asynccontextmanager
async def line_up(
    folder: Path,
    *,
    seed: int,
    translated: bool = False,
    roams: str = "",
    server: Callable[[Namespace, Path], AbstractContextManager[ServerThere]] = serve,
) -> AsyncIterator[Call]:
    """Prepare a server and the namespaces of two clients. The links are still perfect wires, and no client has joined.

    `roams`: the participant with two networks, see `switch`.
    """
    async with AsyncExitStack() as stack:
        center = stack.enter_context(namespace())
        link = impair.link
        links = {
            name: stack.enter_context(link(seed=2 * seed + index, server=center, translated=translated))
            for index, name in enumerate((SOURCE, SINK))
        }
        other = stack.enter_context(link(seed=seed, server=center, client=links[roams].client)) if roams else None
        if roams:  # as in real networks (BCP 38): a packet with an address of the lost network is dropped
            center.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter")
        call = Call(stack.enter_context(server(center, folder)), center, links, other, roams or SINK)
        try:
            yield call
        finally:
            await asyncio.gather(*(side.kill() for side in (call.source, call.sink) if side))


async def enter(call: Call, *, dual: bool = False, shows: Picture = USUAL) -> tuple[Side, Side]:
    """Let the sender and the watcher join. Return when the watcher has seen a picture and heard a tone."""
    call.source = await join(call, SOURCE, colour="red", hz=440, dual=dual, shows=shows)
    call.sink = await join(call, SINK, watches=SOURCE, dual=dual)
    await call.sink.until(lambda now: now.sights and any(heard for _, heard in now.heard), "a picture and a tone", 120)
    return call.source, call.sink


async def join(
    call: Call,
    identity: str,
    *,
    colour: str = "",
    hz: float = 0,
    watches: str = "",
    dual: bool = False,
    shows: Picture = USUAL,
) -> Side:
    jwt = token(call.server.api_key, call.server.api_secret, identity, CONFERENCE)
    link = call.links[identity]
    url = f"{call.server.scheme}://{link.server_address}:{HTTP_PORT}"
    part = Part(url, jwt, colour, hz, watches, dual=dual, **asdict(shows))
    return await Side.start(part, prefix=("env", f"SSL_CERT_FILE={call.server.authority}", *link.client.prefix))


def switch(call: Call, turn: int) -> None:
    """Switch the network of the participant `roams`: from the first to the second at even turns, else back."""
    assert call.spare is not None
    first = call.links[call.roams]
    here, there = (first, call.spare) if turn % 2 == 0 else (call.spare, first)
    place = here.client
    if turn:
        place.run("ip", "link", "set", there.device, "up")
    place.run("ip", "link", "set", here.device, "down")
    place.run("ip", "route", "replace", "default", "via", there.server_address)
