"""Every route of sign-in, single sign-on and accounts, in one router."""

from fastapi import APIRouter

from signaling.access import administration, oidc, routes
from signaling.access.access import Access


def router(access: Access) -> APIRouter:
    """Return the router to be included under `/api/v1`."""
    whole = APIRouter()
    whole.include_router(routes.routes(access), tags=["session"])
    whole.include_router(oidc.routes(access), tags=["session"])
    whole.include_router(administration.routes(access), tags=["accounts"])
    return whole
