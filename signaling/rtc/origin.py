"""Which web pages may open a session (cross-site WebSocket hijacking). Native clients send no Origin and are let in
by their token.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def is_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """`origin`: the header, None when absent. `host`: the Host header. `allowed`: further origins, "*" for any.

    Browsers serialise origins in one way (RFC 6454 section 6.2), so that comparison is exact: lower case, no path, no
    user.
    """
    if origin is None or "*" in allowed:
        return True
    if origin.lower() in allowed:
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _PORTS or origin != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        return False
    if origin != origin.lower() or not parts.hostname:
        return False
    return _key(parts.netloc, port, parts.scheme) == _key(host, _port_of(host), parts.scheme)


def _key(netloc: str, port: int | None, scheme: str) -> tuple[str, int]:
    name = netloc.removesuffix(f":{port}") if port is not None else netloc
    return name.lower(), port or _PORTS[scheme]


def _port_of(host: str) -> int | None:
    try:
        return urlsplit(f"//{host}").port
    except ValueError:
        return -1
