"""The orders of the desk as routes: `POST /api/v1/conferences/{conference}/desk/{order}`, one for each row of the table.


The bearer shows the token of the call, or the key of a host, as in `/desk`. The fields and the answers are those of `/desk`.
All applications of a process share the routes: FastAPI needs 60 ms of CPU for them.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request

from conference import Refusal
from signaling.api.routes.live.hosts import Bearer, Name, address_of, counted
from signaling.host import limits
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle
from signaling.orders import authority, table
from signaling.orders.doorway import Doorway
from signaling.orders.shapes import Message

Route = Callable[..., Awaitable[Message]]
router = new_router("desk", prefix="/conferences/{conference}/desk")


def install(app: FastAPI, around: Doorway) -> None:
    """Store what the routes need in the state of `app`."""
    app.state.doorway = around
    app.state.order_tries = Throttle(around.shared, "tries of hosts", limits.LOBBY_TRIES_PER_MINUTE)


def _route(name: str) -> Route:
    async def give(request: Request, conference: Name, wanted: Message, authorization: Bearer = "") -> Message:
        around, tries = request.app.state.doorway, request.app.state.order_tries
        found = await bearer_of(around, request, conference, authorization, tries)
        return await table.perform(around, found, name, wanted, address_of(request), "rest")

    give.__annotations__["wanted"] = table.ORDERS[name].fields
    give.__name__ = name
    return give


for _name, _order in table.ORDERS.items():
    router.add_api_route(
        f"/{_name}",
        _route(_name),
        methods=["POST"],
        description=_order.says,
        response_model=_order.answer,
        openapi_extra=needs(SECRET),
    )


async def bearer_of(
    around: Doorway, request: Request, conference: str, authorization: str, tries: Throttle
) -> authority.Bearer:
    """Return the bearer of the header. Raise Refusal as `authority.bearer` does, and `too_many_requests`."""
    scheme, _, token = authorization.partition(" ")
    try:
        grants = around.authenticator.verify(token.strip() if scheme.lower() == "bearer" else "", around.now())
        if grants.conference != conference:
            raise authority.refused("denied")
        return await authority.bearer(around, grants)
    except Refusal as refusal:
        raise counted(refusal, around, request, tries) from refusal
