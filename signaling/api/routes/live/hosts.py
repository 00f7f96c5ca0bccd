"""The check who is a host of a live meeting, for the routes of the lobby (`lobby.py`) and of the chair (`hosting.py`).

A host shows a key, or a token of the API. `may_moderate` of its grants is the right to admit, mute, ask and remove.
"""

from typing import Annotated

from fastapi import Header, Path, Request

from conference import Grants, Refusal
from signaling.api.ground.problems import refused
from signaling.host import limits
from signaling.host.throttle import Throttle
from signaling.orders import authority
from signaling.orders.doorway import Doorway

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Bearer = Annotated[str, Header(max_length=limits.TOKEN_BYTES + 16)]


async def host_of(around: Doorway, request: Request, name: str, authorization: str, tries: Throttle) -> Grants:
    """Return the grants of the host. Raise Refusal `token_…`, `denied`, `too_many_requests`, and the refusals of the door."""
    scheme, _, token = authorization.partition(" ")
    try:
        return await authority.host(around, name, token.strip() if scheme.lower() == "bearer" else "")
    except Refusal as refusal:
        raise counted(refusal, around, request, tries) from refusal


def counted(refusal: Refusal, around: Doorway, request: Request, tries: Throttle) -> Exception:
    """Count a wrong try, and return the refusal. Only wrong tries of a network count: a whole province may share one address."""
    return refusal if tries.takes(address_of(request), around.now()) else refused("too_many_requests")


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""
