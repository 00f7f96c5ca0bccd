"""The routes of the channel of the chair."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from signaling.desk.channels import Channels
from signaling.desk.sockets import Endpoint
from signaling.orders.doorway import Doorway


def routes(around: Doorway, channels: Channels) -> Sequence[BaseRoute]:
    """Return the routes. `signaling/front/guard.py` refuses pages of other origins before them."""
    endpoint = Endpoint(around, channels)
    return [WebSocketRoute("/desk", endpoint.open), Route("/desk", endpoint.plain)]
