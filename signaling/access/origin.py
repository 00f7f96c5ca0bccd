"""The origin check: requests that change data must come from our own pages. It reads Origin and Sec-Fetch-Site, and refuses
forms.

Browsers send Origin with every request that is not GET or HEAD (Fetch, section 3.2). A request without both headers comes from
no browser of ours. `Guard` has already refused foreign pages, but it admits the listed origins of other clients, which have no
cookie.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from signaling.access.refusals import refused

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = ("application/x-www-form-urlencoded", "text/plain")
"""Content types that a form on a foreign page can send without a preflight. Multipart stays allowed for files; its Origin is
checked.
"""


def check(request: HTTPConnection) -> None:
    """Raise Refusal `origin_refused` or `type_refused`. Reading requests pass."""
    if request.scope["type"] == "http" and request.scope["method"] in SAFE:
        return
    origin, site = request.headers.getlist("origin"), request.headers.getlist("sec-fetch-site")
    if len(origin) > 1 or len(site) > 1 or not (origin or site):
        raise refused("origin_refused")
    if (site and site[0] != "same-origin") or (origin and not _is_own(origin[0], request.headers.get("host", ""))):
        raise refused("origin_refused")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in FORMS:
        raise refused("type_refused")


async def check_route(request: Request) -> None:
    """Run `check` as a dependency of routes: requests to sign in must also come from our own pages."""
    check(request)


def _is_own(origin: str, host: str) -> bool:
    """Report whether host and port agree. The scheme may differ behind a proxy that ends TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin:
        return False
    default = ":443" if parts.scheme == "https" else ":80"
    return parts.netloc.removesuffix(default) == host.lower().removesuffix(default)
