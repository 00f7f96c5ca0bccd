"""Every route of the browser protocol: `/rtc`, `/rtc/v1` and the server API under `/twirp`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from conference import Registry
from signaling.rtc.admin import Administration
from signaling.rtc.session.context import Authority, Context, Tally, Uncounted
from signaling.rtc.sockets import Door
from signaling.rtc.wire.messages import Encoder, Relay, ServerFacts
from signaling.rtc.wire.packets import Packets


def routes(
    registry: Registry,
    auth: Authority,
    relays: Callable[[str, str], Sequence[Relay]] | None = None,
    tally: Tally | None = None,
) -> list[BaseRoute]:
    """Return the routes. `signaling/front/guard.py` decides before them which web pages may open a session. `relays`: returns
    the TURN servers for a participant's sid and a conference. `tally`: counts joins, resumes and refusals.
    """
    facts = ServerFacts(node_id="ND_" + registry.around.suffix(), relays=relays)
    context = Context(registry, auth, Encoder(facts), Packets(), tally or Uncounted())
    made: list[BaseRoute] = []
    turns = asyncio.Lock()
    for path in ("/rtc", "/rtc/v1"):
        door = Door(context, path.endswith("v1"), turns)
        made += [
            WebSocketRoute(path, door.open),
            Route(f"{path}/validate", door.validate),
            Route(path, door.plain),
        ]
    made.append(Route("/twirp/{service}/{method}", Administration(context), methods=None))
    return made
