"""Who is asking: sign-in, sessions and their cookie, second factors, single sign-on, keys, administration of accounts.

Owns cookies, throttles and the routes of all this; what an account may do is decided in `rooms.accounts` and `rooms.policy`.
"""

from typing import TYPE_CHECKING

from signaling.access.access import Access, Issuer, Options, session_id
from signaling.access.refusals import STATUS
from signaling.addresses import sign_in_link as link_url

if TYPE_CHECKING:
    from fastapi import APIRouter

__all__ = ["STATUS", "Access", "Issuer", "Options", "link_url", "router", "session_id"]


def router(access: Access) -> "APIRouter":
    """Every route of this part, to be included under `/api/v1`."""
    from fastapi import APIRouter  # heavy, as the routes are

    from signaling.access import administration, oidc, routes

    whole = APIRouter()
    whole.include_router(routes.routes(access), tags=["session"])
    whole.include_router(oidc.routes(access), tags=["session"])
    whole.include_router(administration.routes(access), tags=["accounts"])
    return whole
