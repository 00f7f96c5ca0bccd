"""Every route of sign-in, single sign-on and accounts, in one router."""

from fastapi import APIRouter

from signaling.access import administration, oidc, routes
from signaling.access.access import Access


def router(access: Access) -> APIRouter:
    """Return the router to be included under `/api/v1`."""
    whole = APIRouter()
    for part in (routes.routes(access), oidc.routes(access), administration.routes(access)):
        whole.routes.extend(part.routes)
    return whole
