"""A call over bad networks: a server, who is seen and heard, and who watches, each in a namespace of its own."""

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
    """What the sender's camera gives."""

    size: tuple[int, int] = (640, 360)
    fps: int = 24
    bitrate_bps: int = 500_000


USUAL, SMALL, LAYERED = Picture(), Picture((480, 270), 12, 300_000), Picture((960, 540), 24, 800_000)
"""The small one is for tests beside others: with the usual one two busy processors are themselves the bad network. Of pictures
up to 640 pixels wide the library (1.2.1) makes two layers of the same size, the lower one of up to 450 kbit/s, which a narrow
way carries at five pictures a second; of the layered one it makes them of 180, 360 and 540 lines, as browsers do of all."""


@dataclass
class Call:
    """`links` by identity; `spare` is the second network of whoever `roams`, if that was asked for."""

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
    """A server and two clients' namespaces, joined by links that are wires as yet. Nobody has joined.

    `roams`: who has two networks, see `switch`.
    """
    async with AsyncExitStack() as stack:
        center = stack.enter_context(namespace())
        link = impair.link
        links = {
            name: stack.enter_context(link(seed=2 * seed + index, server=center, translated=translated))
            for index, name in enumerate((SOURCE, SINK))
        }
        other = stack.enter_context(link(seed=seed, server=center, client=links[roams].client)) if roams else None
        if roams:  # as networks do (BCP 38): what still comes under the address of the network that went is dropped
            center.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter")
        call = Call(stack.enter_context(server(center, folder)), center, links, other, roams or SINK)
        try:
            yield call
        finally:
            await asyncio.gather(*(side.kill() for side in (call.source, call.sink) if side))


async def enter(call: Call, *, dual: bool = False, shows: Picture = USUAL) -> tuple[Side, Side]:
    """Both join: who sends, who watches. The watcher has seen a picture when this returns."""
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
    """The first network of whoever roams goes and the other one comes (even turns), or the other way round."""
    assert call.spare is not None
    first = call.links[call.roams]
    here, there = (first, call.spare) if turn % 2 == 0 else (call.spare, first)
    place = here.client
    if turn:
        place.run("ip", "link", "set", there.device, "up")
    place.run("ip", "link", "set", here.device, "down")
    place.run("ip", "route", "replace", "default", "via", there.server_address)
